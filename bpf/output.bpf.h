/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Into the ring where the kernel copies the packet itself, fragments included:
 * bpf_skb_output(), for programs that have the packet as the verifier knows it.
 */
#ifndef BPFPROBE_OUTPUT_BPF_H
#define BPFPROBE_OUTPUT_BPF_H

#include "bpf/filter.bpf.h"
#include "bpf/exit.bpf.h"

/*
 * Bytes between the start of the packet and skb->data, which bpf_skb_output()
 * does not copy: MAC, IP and TCP headers that the stack has pulled already.
 * They go behind the record on the stack, whose 512 bytes set the bound; a
 * scratch map would be overwritten when the probe interrupts itself.  What was
 * pulled beyond that ends the captured part, which caplen shows.
 */
#define PULLED_MAX 255

struct sample {
	struct bpfprobe_record rec;
	__u8 pulled[PULLED_MAX + 1];
};

/*
 * Writes the record and `want` bytes of the packet behind its MAC header. Returns
 * what bpf_skb_output() says.
 */
static __noinline long emit(void *ctx, struct sk_buff *skb, const struct data *data,
    const struct bpfprobe_record *rec, __u64 want)
{
	__u64 pulled = data->data - data->start, rest;
	struct sample s;
	long err;

	s.rec = *rec;
	want = length_of_sample(rec, want);
	if (pulled > PULLED_MAX) {
		pulled = PULLED_MAX;
		if (want > pulled)
			want = pulled;
	}
	if (pulled > want)
		pulled = want;
	rest = want - pulled;
	s.rec.caplen = want;
	stamp(&s.rec);
	rest = BPF_F_CURRENT_CPU | rest << BPF_SKB_OUTPUT_LEN_SHIFT;
	if (!pulled) {
		err = bpf_skb_output(skb, &bpfprobe_rings, rest, &s.rec, sizeof(s.rec));
	} else {
		__builtin_memset(s.pulled, 0, sizeof(s.pulled));
		/* The compiler knows the bound and would drop the mask, the verifier needs it. */
		asm volatile("%0 &= 0xff" : "+r"(pulled));
		bpf_probe_read_kernel(s.pulled, pulled, data->head + data->start);
		err = bpf_skb_output(skb, &bpfprobe_rings, rest, &s, sizeof(s.rec) + pulled);
	}
	if (config.remember && !err)
		remember(ctx, &s.rec);
	return err;
}

#endif
