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

char _license[] SEC("license") = "Dual BSD/GPL";
