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
#define BEFORE 1024  /* 1 s: another CPU may have written an entry behind the moment that is "now" here */
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

static __always_inline __u32 track_clock(void)
{
	return BPFPROBE_TRACK_CLOCK(bpf_ktime_get_ns());
}

/* The entry of a key, unless it is too old; 0: there is none, and *found is of no use. */
static __always_inline int find_tracked(struct bpfprobe_tracked *found, __u64 key, __u32 now)
{
	struct bpfprobe_tracked *tracked;

	found->key = key;
	tracked = bpf_map_lookup_elem(&bpfprobe_tracks, &found->key);
	if (!tracked)
		return 0;
	*found = *tracked;
	/* Its key shows an entry that is another's now, but for a moment while it is being written. */
	barrier();
	return *(volatile __u64 *)&tracked->key == key &&
	       now - found->seen + BEFORE < BPFPROBE_TRACK_AGE + BEFORE;
}

/*
 * By its struct, or as a clone by its bytes: what is no clone shares them with nobody, and an
 * entry there is of another packet whose end was not seen.
 */
static __always_inline int find_packet_tracked(
    struct sk_buff *skb, struct bpfprobe_tracked *found, __u64 key, __u64 head, __u32 now)
{
	/* With other bytes it is another packet in the same place. */
	if (find_tracked(found, key, now) && found->other == head)
		return 1;
	return GET_BITS(skb, cloned) && find_tracked(found, head, now);
}

/* Puts it under one of its keys, as `flags` of bpf_map_update_elem() have it.  0, or there is no room. */
static __always_inline long put_tracked(
    struct bpfprobe_tracked *value, __u64 key, __u64 other, __u64 flags)
{
	value->key = key;
	value->other = other;
	return bpf_map_update_elem(&bpfprobe_tracks, &value->key, value, flags);
}

/*
 * The key that the bytes of a clone lead to: its own, or that of another one that has them still, of
 * the first, for whose end there may be no other sign than that of the bytes; 0: to none.  *found is
 * of no use then.
 */
static __always_inline __u64 leads_to(
    struct sk_buff *skb, struct bpfprobe_tracked *found, __u64 key, __u64 head, __u32 now)
{
	__u64 other;

	if (!GET_BITS(skb, cloned) || !find_tracked(found, head, now))
		return 0;
	other = found->other;
	return other == key || (find_tracked(found, other, now) && found->other == head) ? other : 0;
}

/*
 * Under both.  What there is no room for is counted: its next records may be missing, or those of
 * its clones.  0, or it is not even there by its struct.
 */
static __always_inline long put_both(struct sk_buff *skb, struct bpfprobe_tracked *value, __u64 key, __u64 head)
{
	struct bpfprobe_tracked found;
	long err = put_tracked(value, key, head, BPF_ANY);
	__u64 other = leads_to(skb, &found, key, head, value->seen);

	if (err || put_tracked(value, head, other ? other : key, BPF_ANY))
		COUNT(untracked);
	return err;
}

static __always_inline void forget(__u64 key)
{
	bpf_map_delete_elem(&bpfprobe_tracks, &key);
}

#endif
