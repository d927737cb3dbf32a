/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole way of a packet: from the probe's dispatcher through the filter into
 * the ring.
 *
 * The program that is attached does nothing but jump to the leaf in slot 0, so
 * that another filter, which is another leaf, takes its place between two packets:
 * none is missing and none is seen twice.
 */
#ifndef BPFPROBE_CAPTURE_BPF_H
#define BPFPROBE_CAPTURE_BPF_H

#include "bpf/count.bpf.h"
#include "bpf/filter.bpf.h"
#if defined(BPFPROBE_PASS)
#include "bpf/pass.bpf.h"
#elif defined(BPFPROBE_XDP)
#include "bpf/xdp.bpf.h"
#else
#include "bpf/skb.bpf.h"
#endif
#if defined(BPFPROBE_COPY)
#include "bpf/copy.bpf.h"
#elif defined(BPFPROBE_PASS) || defined(BPFPROBE_XDP)
#include "bpf/xdpoutput.bpf.h"
#else
#include "bpf/output.bpf.h"
#endif
#include "bpf/ringbuf.bpf.h"
#include "bpf/who.bpf.h"

/* Of one probe, since a slot takes programs of one prototype only (6.1 and newer). */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bpfprobe_leaf SEC(".maps");

static __always_inline int is_wanted(const struct bpfprobe_record *rec)
{
	if (config.netns && rec->netns != config.netns)
		return 0;
	return !config.ifindex || rec->ifindex == config.ifindex;
}

/*
 * How many bytes of the packet: behind its MAC header, and the tags that RAW passes over, so many as the
 * user wants, or the filter in user space.
 */
static __always_inline __u64 wanted_length(
    const struct bpfprobe_record *rec, const struct bpfprobe_counters *reader)
{
	__u64 want = config.snaplen;

	if (want < reader->least)
		want = reader->least;
	if (rec->undecided && want < reader->reach)
		want = reader->reach;
	want += TAGS_HLEN;
	if (want > config.most)
		want = config.most;
	want += rec->l2len;
	return want < rec->len ? want : rec->len;
}

/* Whether the filter lets the packet pass, as far as it can be told here. */
static __always_inline int passes(
    const struct data *data, struct bpfprobe_record *rec, const struct bpfprobe_counters *reader)
{
	__s64 verdict = BPFPROBE_UNDECIDED;

	if (!reader->passing)
		verdict = is_constant() ? bpfprobe_filter(0) : decide(data, rec);
	/* Fewer bytes than the user wants of every packet: user space cuts it off. */
	rec->undecided = verdict < config.snaplen;
	return verdict != 0;
}

/* What the filter has not looked at. */
static __always_inline void find_rest(
    void *ctx, PACKET *packet, struct net_device *dev, struct data *data, struct bpfprobe_record *rec)
{
	if (META() && !MARK(BESIDE))
		find_device(ctx, packet, data);
	if (!MARK(BESIDE) && !config.confined)
		find_beside(ctx, packet, dev, rec);
}

/* Whether filter and options want the packet, which is followed then. */
static __always_inline int choose(void *ctx, PACKET *packet, struct net_device *dev, struct data *data,
    struct bpfprobe_record *rec, const struct bpfprobe_counters *reader)
{
	if (!passes(data, rec, reader))
		return 0;
	find_rest(ctx, packet, dev, data, rec);
	if (!is_wanted(rec))
		return 0;
	follow(packet, data, rec);
	return 1;
}

/* Into a ring. */
static __always_inline long put(
    void *ctx, PACKET *packet, const struct data *data, const struct bpfprobe_record *rec, __u64 want)
{
	/* What finds that one full may find room here. */
	if (is_short(data, want) && put_short(ctx, packet, data, rec, want) == 0)
		return 0;
	return emit(ctx, packet, data, rec, want);
}

/* The same for every probe; `at_exit` of a program, `action` is what it has returned. */
static __always_inline int capture_at(void *ctx, PACKET *packet, const int at_exit, __u64 action)
{
	const struct bpfprobe_counters *reader = the_readers();
	struct bpfprobe_record rec;
	struct net_device *dev;
	struct data data;
	__u32 entered = 0;

	if (!reader)
		return 0;
	if (!is_packet(packet)) {
		COUNT(null);
		return 0;
	}
	/* Also of a packet that is not asked for: its place on the stack will be another's. */
	if (at_exit && config.paired)
		entered = time_of_entry(ctx);
	if (at_exit && !is_wanted_value(clean(action)))
		return 0;
	if (rejects_all() && !reader->passing)
		return 0;
	if (config.who.any && !config.confined && !is_asked_for(packet) && !is_followed(packet, &data))
		return 0;
	__builtin_memset(&rec, 0, sizeof(rec));
	rec.action = action;
	rec.elapsed = entered;
	dev = device_of(packet);
	rec.arphrd = dev ? GET(dev, type) : ARPHRD_VOID;
	find_packet(packet, dev, &data, &rec);
	rec.probe = config.probe;
	rec.returns = config.returns;
	rec.generation = MARK(GENERATION);
	/* Most packets are rejected: for them no more is found than the filter looks at. */
	if (MARK(BESIDE) || config.confined)
		find_beside(ctx, packet, dev, &rec);
	/* What its user must not see, that user's filter and options do not either: it takes its time. */
	if (config.confined && (!is_wanted(&rec) || (config.who.any && !is_asked_for(packet))))
		return 0;
	make_opaque(&rec.protocol, 4);
	if (META())
		note_meta(ctx, &rec);
	if (META() && MARK(BESIDE))
		find_device(ctx, packet, &data);
	if (!reader->passing && is_followed(packet, &data))
		find_rest(ctx, packet, dev, &data, &rec);
	else if (!choose(ctx, packet, dev, &data, &rec, reader))
		return 0;
	/* Before: an atomic operation waits for all stores, of a packet into memory that another CPU has read. */
	COUNT(emitted);
	if (put(ctx, packet, &data, &rec, wanted_length(&rec, reader)) < 0) {
		ADD(emitted, -1);
		COUNT(lost);
	}
	return 0;
}

static __always_inline int capture(void *ctx, PACKET *packet)
{
	return capture_at(ctx, packet, 0, 0);
}

/* Without a leaf, which the helper never lets happen, packets are lost. */
static __always_inline int dispatch(void *ctx)
{
	bpf_tail_call(ctx, &bpfprobe_leaf, 0);
	COUNT(lost);
	return 0;
}

#endif
