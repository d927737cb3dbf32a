/* SPDX-License-Identifier: BSD-3-Clause */
/* The same for kprobes, where a program has nothing but addresses: see copy.bpf.c. */
#define BPFPROBE_XDP
#define BPFPROBE_COPY
#include "bpf/capture.bpf.h"

SEC("kprobe")
int bpfprobe_kprobe(void *ctx)
{
	return dispatch(ctx);
}

#define KPROBE(n)                                                                                  \
	SEC("kprobe")                                                                              \
	int bpfprobe_kprobe##n(struct pt_regs *ctx)                                                \
	{                                                                                          \
		return capture(ctx, (struct xdp_buff *)ctx->ARGUMENT##n);                          \
	}

KPROBE(1)
KPROBE(2)
KPROBE(3)
KPROBE(4)
KPROBE(5)
KPROBE(6)

#undef KPROBE

char _license[] SEC("license") = "Dual BSD/GPL";
