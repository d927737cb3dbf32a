/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tracepoints, attached as tp_btf, functions and BPF programs, as fentry and fexit: a program per
 * position of the packet among the arguments, since a program's context can be read
 * at constant offsets only.  The helper loads the one that it needs.
 */
#include "bpf/capture.bpf.h"

SEC("traced")
int bpfprobe_dispatch(void *ctx)
{
	return dispatch(ctx);
}

#define TRACEPOINT(n)                                                                              \
	SEC("traced")                                                                              \
	int bpfprobe_arg##n(__u64 *ctx)                                                            \
	{                                                                                          \
		return capture(ctx, (struct sk_buff *)ctx[n - 1]);                                      \
	}

TRACEPOINT(1)
TRACEPOINT(2)
TRACEPOINT(3)
TRACEPOINT(4)
TRACEPOINT(5)
TRACEPOINT(6)
TRACEPOINT(7)
TRACEPOINT(8)
TRACEPOINT(9)
TRACEPOINT(10)
TRACEPOINT(11)
TRACEPOINT(12)

#undef TRACEPOINT

/* The exit of a BPF program, whose packet still is where it was. */
SEC("traced")
int bpfprobe_leaving(void *ctx)
{
	return dispatch(ctx);
}

SEC("traced")
int bpfprobe_leaving1(__u64 *ctx)
{
	return capture_at(ctx, (struct sk_buff *)ctx[0], 1, ctx[1]);
}

char _license[] SEC("license") = "Dual BSD/GPL";
