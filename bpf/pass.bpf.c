/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP program for an interface that has none: it shows packets and lets them pass. */
#define BPFPROBE_PASS
#include "bpf/capture.bpf.h"

SEC("xdp")
int bpfprobe_pass(struct xdp_md *ctx)
{
	dispatch(ctx);
	return XDP_PASS;
}

SEC("xdp")
int bpfprobe_pass1(struct xdp_md *ctx)
{
	capture_at(ctx, ctx, 1, XDP_PASS);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
