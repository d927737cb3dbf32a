/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet that is followed (track.h) is copied, or its bytes are: both are followed, where the
 * kernel's functions can be probed; the helper leaves out those that cannot.
 */
#define BPFPROBE_COPY
#include "bpf/track.bpf.h"

#define SEGMENTS_MAX 128 /* of a packet that is followed into its segments */

/* `to` is new: what was at its address is another packet. */
static __always_inline void copied(struct sk_buff *from, struct sk_buff *to)
{
	__u32 now = track_clock();
	struct bpfprobe_tracked value;

	if (!find_packet_tracked(from, &value, key_of(from), (__u64)GET(from, head), now)) {
		forget(key_of(to));
		return;
	}
	value.seen = now;
	put_both(to, &value, key_of(to), (__u64)GET(to, head));
}

/* A word of the context, as a number. */
static __always_inline __u64 word(__u64 *ctx, int number)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + number);
	return value;
}

/* No error in its place, either. */
static __always_inline int is_packet(__u64 skb)
{
	return IN_KERNEL(skb) && skb < (__u64)-ERRNO_MAX;
}

/* The function has `count` arguments, of which the packet is the first. */
static __always_inline int leave_copy(__u64 *ctx, int count)
{
	__u64 from = word(ctx, 0), to = word(ctx, count);

	if (is_packet(to))
		copied((struct sk_buff *)from, (struct sk_buff *)to);
	return 0;
}

#define COPIES(function, count)                                                                    \
	SEC("fexit")                                                                               \
	int function##_copied(__u64 *ctx)                                                          \
	{                                                                                          \
		return leave_copy(ctx, count);                                                     \
	}

COPIES(skb_clone, 2)
COPIES(skb_copy, 2)
COPIES(__pskb_copy_fclone, 4)
COPIES(skb_copy_expand, 4)

/*
 * The other packet is the first argument. Kernel TLS makes so the head of a list of what came in, which
 * it uses for each record again, and of that the packet that it decrypts into (net/tls/tls_strp.c,
 * tls_sw.c).
 */
SEC("fexit")
int skb_copy_header_copied(__u64 *ctx)
{
	copied((struct sk_buff *)word(ctx, 1), (struct sk_buff *)word(ctx, 0));
	return 0;
}

/* A list of them is returned. */
SEC("fexit")
int skb_segment_copied(__u64 *ctx)
{
	__u64 from = word(ctx, 0), to = word(ctx, 2);
	int i;

	for (i = 0; i < SEGMENTS_MAX && is_packet(to); i++) {
		copied((struct sk_buff *)from, (struct sk_buff *)to);
		to = (__u64)GET((struct sk_buff *)to, next);
	}
	return 0;
}

/* The packet is given other bytes, and those that it had go. */
SEC("fentry")
int pskb_expand_head_begins(__u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)word(ctx, 0);
	__u64 key = key_of(skb), head = (__u64)GET(skb, head);
	struct bpfprobe_tracked value;

	if (!find_packet_tracked(skb, &value, key, head, track_clock()))
		return 0;
	if (!GET_BITS(skb, cloned))
		forget(head);
	put_tracked(&value, key, 0, BPF_ANY);
	return 0;
}

/* It has them. */
SEC("fexit")
int pskb_expand_head_copied(__u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)word(ctx, 0);
	struct bpfprobe_tracked value;
	__u64 key = key_of(skb);
	__u32 now = track_clock();

	if (!find_tracked(&value, key, now) || value.other != 0)
		return 0;
	value.seen = now;
	put_both(skb, &value, key, (__u64)GET(skb, head));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
