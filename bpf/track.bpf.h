/* SPDX-License-Identifier: BSD-3-Clause */
/* Which packet this is (track.h). */
#ifndef BPFPROBE_TRACK_BPF_H
#define BPFPROBE_TRACK_BPF_H

#include "bpf/count.bpf.h"
#include "bpf/track.h"

/* Made by the helper. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct bpfprobe_tracked);
} bpfprobe_tracks SEC(".maps");

#define SKB_FCLONE_CLONE 2
#define CPU_BITS 12 /* of an id: BPFPROBE_CPUS_MAX */

/*
 * The key for a struct sk_buff.  Of two that lie in one piece of memory (struct
 * sk_buff_fclones), the second of which is a clone of the first, it is that of the first:
 * they are given back together.  The verifier does not let a program compute with a pointer.
 */
static __always_inline __u64 key_of(struct sk_buff *skb)
{
	__u64 key = 0;

	bpf_probe_read_kernel(&key, sizeof(key), &skb);
	if (GET_BITS(skb, fclone) == SKB_FCLONE_CLONE)
		key -= bpf_core_type_size(struct sk_buff);
	return key;
}

static __always_inline struct bpfprobe_tracked *find_tracked(__u64 key, __u64 now)
{
	struct bpfprobe_tracked *tracked = bpf_map_lookup_elem(&bpfprobe_tracks, &key);

	return tracked && now - tracked->seen < BPFPROBE_TRACK_AGE ? tracked : 0;
}

/*
 * By its struct, or as a clone by its bytes: what is no clone shares them with nobody, and an
 * entry there is of another packet whose end was not seen.
 */
static __always_inline struct bpfprobe_tracked *find_packet_tracked(
    struct sk_buff *skb, __u64 key, __u64 head, __u64 now)
{
	struct bpfprobe_tracked *tracked = find_tracked(key, now);

	/* With other bytes it is another packet in the same place. */
	if (tracked && tracked->other != head)
		tracked = 0;
	if (!tracked && GET_BITS(skb, cloned))
		tracked = find_tracked(head, now);
	return tracked;
}

/* Puts the packet under one of its keys.  0, or there is no room. */
static __always_inline long put_tracked(__u64 key, struct bpfprobe_tracked *value)
{
	struct bpfprobe_tracked *tracked = bpf_map_lookup_elem(&bpfprobe_tracks, &key);

	if (!tracked || tracked->id != value->id)
		return bpf_map_update_elem(&bpfprobe_tracks, &key, value, 0);
	tracked->other = value->other;
	tracked->seen = value->seen;
	tracked->generation = value->generation;
	tracked->moving = 0;
	return 0;
}

/* Under both.  What there is no room for is counted: its next records may be missing. */
static __always_inline void put_both(struct bpfprobe_tracked *value, __u64 key, __u64 head)
{
	long err;

	value->other = head;
	value->is_head = value->moving = 0;
	err = put_tracked(key, value);
	value->other = key;
	value->is_head = 1;
	if (err || put_tracked(head, value))
		COUNT(untracked);
}

#endif
