/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a user can ask for beside a packet (record.h).  Unless he does, the verifier removes
 * all of this from the program.  There is no room on the stack to keep what the filter has
 * looked at: it is found a second time for the record.
 */
#ifndef BPFPROBE_META_BPF_H
#define BPFPROBE_META_BPF_H

#include "bpf/args.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/follow.bpf.h"
#include "bpf/names.h"

#define XDP_DROP 1
#define TC_ACT_SHOT 2
#define SKB_CONSUMED 1 /* enum skb_drop_reason: this and less are no drops */

#ifndef BPFPROBE_PASS

/* Made by the helper for who asks for it (config.stack): else all that looks into it is dead code. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u64) * BPFPROBE_STACK_FRAMES);
	__uint(max_entries, 1);
} bpfprobe_stacks SEC(".maps");

/* What stack this is: its number and 1; 0: there is no room for it. */
static __always_inline __u32 number_of_stack(void *ctx)
{
	long number = bpf_get_stackid(ctx, &bpfprobe_stacks, 0);

	return number < 0 ? 0 : number + 1;
}

#endif

/* Notes in the record that it has metadata, and why the packet is dropped. */
static __always_inline void note_meta(void *ctx, struct bpfprobe_record *rec)
{
	rec->meta = 1;
#ifndef BPFPROBE_PASS
	if (config.reason)
		rec->action = argument_of(ctx, config.reason);
#endif
}

/* The drop reason, or what the program has returned; else what the probe is called. */
static __always_inline void find_cause(const struct bpfprobe_record *rec, struct bpfprobe_seen *seen)
{
	__u32 name = BPFPROBE_NAMES_PROBE + config.probe, blocked = config.blocks;

	if (config.reason) {
		name = bpfprobe_name_of_reason(rec->action);
		blocked = rec->action > SKB_CONSUMED;
	} else if (config.actions) {
		name = bpfprobe_name_of_action(config.actions, rec->action);
		blocked = config.actions == BPFPROBE_NAMES_TC ? rec->action == TC_ACT_SHOT :
								rec->action <= XDP_DROP;
	}
	seen->name = OPAQUE(name);
	seen->blocked = OPAQUE(blocked);
}

#if defined(BPFPROBE_PASS) || defined(BPFPROBE_XDP)

static __always_inline void find_process(struct bpfprobe_seen *seen)
{
	seen->uid = seen->pid = BPFPROBE_UNTOLD;
}

#else

static __always_inline void find_process(struct bpfprobe_seen *seen)
{
	__u32 uid = bpf_get_current_uid_gid(), pid = bpf_get_current_pid_tgid() >> 32;

	if (config.hidden && uid != config.user)
		uid = pid = BPFPROBE_UNTOLD;
	seen->uid = uid;
	seen->pid = pid;
}

#endif

/* What the filter may look at. */
static __always_inline void find_seen(
    const struct data *data, const struct bpfprobe_record *rec, struct bpfprobe_seen *seen)
{
	__builtin_memset(seen, 0, sizeof(*seen));
	find_cause(rec, seen);
	find_process(seen);
	find_ifname(data, rec, seen->ifname);
}

/* All of it. */
static __always_inline void find_meta(void *ctx, PACKET *packet, const struct data *data,
    const struct bpfprobe_record *rec, struct bpfprobe_meta *meta)
{
	__builtin_memset(meta, 0, sizeof(*meta));
	find_seen(data, rec, &meta->seen);
	find_more(packet, rec, meta);
	note_id(data, meta);
#ifndef BPFPROBE_PASS
	if (meta->seen.pid != BPFPROBE_UNTOLD) {
		meta->tid = bpf_get_current_pid_tgid();
		bpf_get_current_comm(meta->comm, sizeof(meta->comm));
	}
	if (config.hidden)
		return;
	if (config.stack)
		meta->stack = number_of_stack(ctx);
	if (config.location)
		put_halves(meta->location, argument_of(ctx, config.location));
	/* The verifier does not let a program compute with a pointer, nor take it in two halves. */
	bpf_probe_read_kernel(meta->head, sizeof(meta->head), &data->head);
	bpf_probe_read_kernel(meta->packet, sizeof(meta->packet), &packet);
#endif
}

#endif
