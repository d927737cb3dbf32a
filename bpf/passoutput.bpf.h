/* SPDX-License-Identifier: BSD-3-Clause */
/* Into the ring from an XDP program, whose own context the kernel copies the packet from. */
#ifndef BPFPROBE_PASSOUTPUT_BPF_H
#define BPFPROBE_PASSOUTPUT_BPF_H

#include "bpf/filter.bpf.h"
#include "bpf/exit.bpf.h"

/* Writes the record and `want` bytes of the packet behind its MAC header. */
static __noinline long emit(void *ctx, struct xdp_md *xdp, const struct data *data,
    const struct bpfprobe_record *rec, __u64 want)
{
	struct bpfprobe_record out = *rec;

	want = length_of_sample(rec, want);
	out.caplen = want;
	stamp(&out);
	want = BPF_F_CURRENT_CPU | want << BPF_SKB_OUTPUT_LEN_SHIFT;
	return bpf_perf_event_output(xdp, &bpfprobe_rings, want, &out, sizeof(out));
}

#endif
