/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the programs ask of packets that are followed (track.h).  Those of a handle that follows
 * none are compiled without it: what is dead in a program costs the verifier time all the same,
 * with each filter again.
 */
#ifndef BPFPROBE_FOLLOW_BPF_H
#define BPFPROBE_FOLLOW_BPF_H

#include "bpf/filter.bpf.h"

#ifdef BPFPROBE_TRACK

#include "bpf/track.bpf.h"

/*
 * A packet that nobody knows.  Of clones that two CPUs see at once, that one has begun which has
 * put their bytes into the map.
 */
static __always_inline void begin_track(
    struct sk_buff *skb, struct bpfprobe_tracked *value, __u64 key, __u64 head, __u64 id, __u32 now)
{
	value->id = id;
	value->seen = now;
	value->generation = 0;
	if (GET_BITS(skb, cloned) && put_tracked(value, head, key, BPF_NOEXIST) && !find_tracked(value, head, now))
		value->id = id;
}

/*
 * The packet's id if the filter of that generation has let it pass already, else 0.  `begin` notes
 * that it has, also of a packet that nobody knew; 0 then: there is no room for it.
 */
static __noinline __u64 track(struct sk_buff *skb, __u64 begin, __u32 generation)
{
	__u64 ns = bpf_ktime_get_ns(), key = key_of(skb), head = (__u64)GET(skb, head);
	__u32 now = BPFPROBE_TRACK_CLOCK(ns);
	struct bpfprobe_tracked value, found;

	__builtin_memset(&value, 0, sizeof(value));
	if (find_packet_tracked(skb, &value, key, head, now)) {
		if (!begin && value.generation != generation)
			return 0;
		if (value.key == key && value.generation == generation && now - value.seen < BPFPROBE_TRACK_RENEWED &&
		    (!GET_BITS(skb, cloned) || leads_to(skb, &found, key, head, now)))
			return value.id;
	} else if (begin) {
		/* No two on a CPU have the same time, not even if one interrupts the other, with the clock of a CPU. */
		begin_track(skb, &value, key, head, ns << CPU_BITS | bpf_get_smp_processor_id(), now);
	} else {
		return 0;
	}
	value.generation = generation;
	value.seen = now;
	return put_both(skb, &value, key, head) ? 0 : value.id;
}

/* Whether this filter, the one of the handle, has let the packet pass already. */
static __always_inline int is_followed(struct sk_buff *skb, struct data *data)
{
	__u64 id = track(skb, 0, MARK(GENERATION));

	if (id)
		data->id = id;
	return id != 0;
}

/* From here on it is; where the filter was undecided, the packet has no more than an id. */
static __always_inline void follow(struct sk_buff *skb, struct data *data, const struct bpfprobe_record *rec)
{
	data->id = track(skb, 1, rec->undecided ? 0 : MARK(GENERATION));
}

static __always_inline void note_id(const struct data *data, struct bpfprobe_meta *meta)
{
	put_halves(meta->id, data->id);
}

#else

static __always_inline int is_followed(void *packet, struct data *data)
{
	return 0;
}

static __always_inline void follow(void *packet, struct data *data, const struct bpfprobe_record *rec)
{
}

static __always_inline void note_id(const struct data *data, struct bpfprobe_meta *meta)
{
}

#endif

#endif
