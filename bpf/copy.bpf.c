/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kernel functions and raw tracepoints, where the verifier knows nothing of the
 * arguments: a program per position, as in tp.bpf.c. A raw tracepoint needs no BTF, a
 * kprobe neither that nor ftrace.
 */
#define BPFPROBE_COPY
#include "bpf/capture.bpf.h"

/* The packet, or what config.behind says that it is behind. */
static __always_inline struct sk_buff *packet_of(__u64 argument)
{
	__u64 skb = argument;

	if (config.behind && bpf_probe_read_kernel(&skb, sizeof(skb), (void *)(argument + config.offset)) < 0)
		return 0;
	return IN_KERNEL(skb) ? (struct sk_buff *)skb : 0;
}

SEC("raw_tp")
int bpfprobe_raw(void *ctx)
{
	return dispatch(ctx);
}

#define RAW(n)                                                                                     \
	SEC("raw_tp")                                                                              \
	int bpfprobe_raw##n(__u64 *ctx)                                                            \
	{                                                                                          \
		return capture(ctx, packet_of(ctx[n - 1]));                                        \
	}

RAW(1)
RAW(2)
RAW(3)
RAW(4)
RAW(5)
RAW(6)
RAW(7)
RAW(8)
RAW(9)
RAW(10)
RAW(11)
RAW(12)

#undef RAW

SEC("kprobe")
int bpfprobe_kprobe(void *ctx)
{
	return dispatch(ctx);
}

#define KPROBE(n)                                                                                  \
	SEC("kprobe")                                                                              \
	int bpfprobe_kprobe##n(struct pt_regs *ctx)                                                \
	{                                                                                          \
		return capture(ctx, packet_of(ctx->ARGUMENT##n));                                  \
	}

KPROBE(1)
KPROBE(2)
KPROBE(3)
KPROBE(4)
KPROBE(5)
KPROBE(6)

#undef KPROBE

/* The kernel's bound for tail calls is 33, and the dispatcher has made one. */
#define LIST_MAX 32

/* So many packets of a list are not looked at: from `skb` on. */
static __always_inline void lose_rest(struct sk_buff *skb, const struct sk_buff *head)
{
	int i;

	for (i = 0; i < 256 && skb && skb != head; i++) {
		COUNT(lost);
		skb = GET(skb, next);
	}
}

/*
 * One packet of a list, and on to the next by jumping to this program again. Nothing
 * comes in between: the kernel runs one kprobe at a time on each CPU.
 */
static __always_inline int capture_list(void *ctx, struct sk_buff *head)
{
	struct buffer *buffer = the_buffer();
	struct sk_buff *skb;

	if (!buffer)
		return 0;
	skb = buffer->next;
	if (!skb) {
		buffer->step = 0;
		skb = GET(head, next);
	}
	buffer->next = 0;
	if (skb == head || !IN_KERNEL(skb))
		return 0;
	capture(ctx, skb);
	skb = GET(skb, next);
	if (skb == head || !IN_KERNEL(skb))
		return 0;
	if (++buffer->step < LIST_MAX) {
		buffer->next = skb;
		bpf_tail_call(ctx, &bpfprobe_leaf, 0);
		buffer->next = 0;
	}
	lose_rest(skb, head);
	return 0;
}

/* The argument is a list of packets, whose first two members are those of a packet as well. */
#define LIST(n)                                                                                    \
	SEC("kprobe")                                                                              \
	int bpfprobe_list##n(struct pt_regs *ctx)                                                  \
	{                                                                                          \
		return capture_list(ctx, (struct sk_buff *)ctx->ARGUMENT##n);                      \
	}

LIST(1)
LIST(2)
LIST(3)
LIST(4)
LIST(5)
LIST(6)

#undef LIST

char _license[] SEC("license") = "Dual BSD/GPL";
