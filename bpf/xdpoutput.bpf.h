/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Into the ring where the kernel copies an XDP packet itself, fragments included: from its
 * own context, in an XDP program, or by bpf_xdp_output(), for programs that have the xdp_buff
 * as the verifier knows it.
 */
#ifndef BPFPROBE_XDPOUTPUT_BPF_H
#define BPFPROBE_XDPOUTPUT_BPF_H

#include "bpf/filter.bpf.h"
#include "bpf/exit.bpf.h"

#ifdef BPFPROBE_PASS
#define OUTPUT bpf_perf_event_output
#else
#define OUTPUT bpf_xdp_output
#endif

/* Writes the record and `want` bytes of the packet behind its MAC header. */
static __noinline long emit(void *ctx, PACKET *xdp, const struct data *data,
    const struct bpfprobe_record *rec, __u64 want)
{
	struct bpfprobe_record out = *rec;
	long err;

	want = length_of_sample(rec, want);
	out.caplen = want;
	stamp(&out);
	want = BPF_F_CURRENT_CPU | want << BPF_SKB_OUTPUT_LEN_SHIFT;
	err = OUTPUT(xdp, &bpfprobe_rings, want, &out, sizeof(out));
	if (config.remember && !err)
		remember(ctx, &out);
	return err;
}

#endif
