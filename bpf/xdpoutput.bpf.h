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
#include "bpf/meta.bpf.h"

#ifdef BPFPROBE_PASS
#define OUTPUT bpf_perf_event_output
#else
#define OUTPUT bpf_xdp_output
#endif

struct sample {
	struct bpfprobe_record rec;
	struct bpfprobe_meta meta;
};

/* Writes the record and `want` bytes of the packet. */
static __noinline long emit(void *ctx, PACKET *xdp, const struct data *data,
    const struct bpfprobe_record *rec, __u64 want)
{
	__u64 head = sizeof(*rec);
	struct sample s;
	long err;

	s.rec = *rec;
	if (META()) {
		find_meta(ctx, xdp, data, rec, &s.meta);
		head = sizeof(s);
		want = length_of_sample(want, sizeof(s));
	} else {
		want = length_of_sample(want, sizeof(s.rec));
	}
	s.rec.caplen = want;
	stamp(&s.rec);
	want = BPF_F_CURRENT_CPU | want << BPF_SKB_OUTPUT_LEN_SHIFT;
	err = OUTPUT(xdp, &bpfprobe_rings, want, &s, head);
	if (config.remember && !err)
		remember(ctx, &s.rec);
	return err;
}

#endif
