/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kernel functions that are given an XDP packet, by fentry: a program per position, as
 * in tp.bpf.c; and XDP programs, by fentry and fexit.
 */
#define BPFPROBE_XDP
#include "bpf/capture.bpf.h"

SEC("traced")
int bpfprobe_dispatch(void *ctx)
{
	return dispatch(ctx);
}

#define FENTRY(n)                                                                                  \
	SEC("traced")                                                                              \
	int bpfprobe_arg##n(__u64 *ctx)                                                            \
	{                                                                                          \
		return capture(ctx, (struct xdp_buff *)ctx[n - 1]);                                \
	}

FENTRY(1)
FENTRY(2)
FENTRY(3)
FENTRY(4)
FENTRY(5)
FENTRY(6)

#undef FENTRY

/* The exit of a BPF program, whose packet still is where it was. */
SEC("traced")
int bpfprobe_leaving(void *ctx)
{
	return dispatch(ctx);
}

SEC("traced")
int bpfprobe_leaving1(__u64 *ctx)
{
	return capture_at(ctx, (struct xdp_buff *)ctx[0], 1, ctx[1]);
}

char _license[] SEC("license") = "Dual BSD/GPL";
