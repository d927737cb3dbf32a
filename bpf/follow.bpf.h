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
 * Whether the filter of that generation has let the packet pass already.  `begin` puts it into the
 * map if it is not there, as one that has.
 */
static __noinline int track(struct sk_buff *skb, __u64 begin, __u32 generation)
{
	__u64 now = bpf_ktime_get_ns(), key = key_of(skb), head = (__u64)GET(skb, head);
	struct bpfprobe_tracked *tracked = find_packet_tracked(skb, key, head, now);
	struct bpfprobe_tracked value;

	if (!tracked && !begin)
		return 0;
	__builtin_memset(&value, 0, sizeof(value));
	if (tracked) {
		value.id = tracked->id;
		value.generation = tracked->generation;
	} else {
		/* No two on a CPU have the same time, not even if one interrupts the other. */
		value.id = now << CPU_BITS | bpf_get_smp_processor_id();
	}
	if (begin)
		value.generation = generation;
	value.seen = now;
	put_both(&value, key, head);
	return value.generation == generation;
}

/* Whether this filter, the one of the handle, has let the packet pass already. */
static __always_inline int is_followed(struct sk_buff *skb)
{
	return track(skb, 0, MARK(GENERATION));
}

/* From here on it is; where the filter was undecided, the packet has no more than an id. */
static __always_inline void follow(struct sk_buff *skb, const struct bpfprobe_record *rec)
{
	track(skb, 1, rec->undecided ? 0 : MARK(GENERATION));
}

/* Its id; 0: there was no room for it. */
static __always_inline void note_id(struct sk_buff *skb, struct bpfprobe_meta *meta)
{
	struct bpfprobe_tracked *tracked;

	/* There is no room on the stack for another key. */
	put_halves(meta->id, key_of(skb));
	tracked = bpf_map_lookup_elem(&bpfprobe_tracks, meta->id);
	put_halves(meta->id, tracked ? tracked->id : 0);
}

#else

static __always_inline int is_followed(void *packet)
{
	return 0;
}

static __always_inline void follow(void *packet, const struct bpfprobe_record *rec)
{
}

static __always_inline void note_id(void *packet, struct bpfprobe_meta *meta)
{
}

#endif

#endif
