/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of packets that are followed (track.h), so that another one at the same address is
 * another one: programs of the handle beside those of its probes, attached behind them.
 */
#define BPFPROBE_COPY
#include "bpf/track.bpf.h"

/* Whether no other packet has these bytes. */
static __always_inline int is_last(struct sk_buff *skb)
{
	struct skb_shared_info *shared = (void *)(GET(skb, head) + GET(skb, end));

	return !GET_BITS(skb, cloned) || (__u16)GET(shared, dataref.counter) == 1;
}

/*
 * Memory of a packet or of its bytes, which may have ended without such a tracepoint, as where a
 * socket is read.  What leads here is over, too: bytes that are not given back so, such as a
 * part of a page, and a struct that is kept for the next packet.
 */
static __always_inline int freed(__u64 address)
{
	struct bpfprobe_tracked *tracked = bpf_map_lookup_elem(&bpfprobe_tracks, &address);
	__u64 other;

	if (!tracked)
		return 0;
	other = tracked->other;
	forget(address);
	tracked = bpf_map_lookup_elem(&bpfprobe_tracks, &other);
	if (tracked && tracked->other == address)
		forget(other);
	return 0;
}

/* Nobody has the packet any more, but clones of it may go on; with the last one its bytes end. */
static __always_inline int ended(struct sk_buff *skb)
{
	forget(key_of(skb));
	if (is_last(skb))
		freed((__u64)GET(skb, head));
	return 0;
}

/*
 * A program for each tracepoint: the kernel passes one over while it runs on the same CPU already
 * (commit 05b24ff9b2cf, "bpf: Prevent bpf program recursion for raw tracepoint probes"), and what an
 * interrupt gives back in between is seen by another of them.
 */
#define AT(tracepoint, call)                                                                       \
	SEC("raw_tp")                                                                              \
	int at_##tracepoint(__u64 *ctx)                                                            \
	{                                                                                          \
		return call;                                                                       \
	}

AT(kfree_skb, ended((struct sk_buff *)ctx[0]))
AT(consume_skb, ended((struct sk_buff *)ctx[0]))
/* The address stands behind the caller's. */
AT(kmem_cache_free, freed(ctx[1]))
AT(kfree, freed(ctx[1]))

char _license[] SEC("license") = "Dual BSD/GPL";
