/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of packets that are followed (track.h), so that another one at the same address is
 * another one: programs of the handle beside those of its probes, attached behind them.
 */
#define BPFPROBE_COPY
#include "bpf/track.bpf.h"

static __always_inline void forget(__u64 key)
{
	bpf_map_delete_elem(&bpfprobe_tracks, &key);
}

/* Whether no other packet has these bytes. */
static __always_inline int is_last(struct sk_buff *skb)
{
	struct skb_shared_info *shared = (void *)(GET(skb, head) + GET(skb, end));

	return !GET_BITS(skb, cloned) || (__u16)GET(shared, dataref.counter) == 1;
}

/* kfree_skb and consume_skb: nobody has the packet any more, but clones of it may go on. */
SEC("raw_tp")
int bpfprobe_ended(__u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];

	forget(key_of(skb));
	if (is_last(skb))
		forget((__u64)GET(skb, head));
	return 0;
}

/*
 * kmem_cache_free and kfree, which are told the address behind the caller's: memory of a packet
 * or of its bytes, which may have ended without such a tracepoint, as where a socket is read.
 * What leads here is over, too: bytes that are not given back so, such as a part of a page, and a
 * struct that is kept for the next packet.
 */
SEC("raw_tp")
int bpfprobe_freed(__u64 *ctx)
{
	__u64 address = ctx[1], other;
	struct bpfprobe_tracked *tracked = bpf_map_lookup_elem(&bpfprobe_tracks, &address);

	if (!tracked)
		return 0;
	other = tracked->other;
	forget(address);
	tracked = bpf_map_lookup_elem(&bpfprobe_tracks, &other);
	if (tracked && tracked->other == address && !tracked->moving)
		forget(other);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
