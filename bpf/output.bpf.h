/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Into the ring where the kernel copies the packet itself, fragments included:
 * bpf_skb_output(), for programs that have the packet as the verifier knows it.
 */
#ifndef BPFPROBE_OUTPUT_BPF_H
#define BPFPROBE_OUTPUT_BPF_H

#include "bpf/filter.bpf.h"
#include "bpf/exit.bpf.h"
#include "bpf/meta.bpf.h"

/*
 * Bytes between the start of the packet and skb->data, which bpf_skb_output()
 * does not copy: MAC, IP and TCP headers that the stack has pulled already.
 * They go behind the record on the stack, whose 512 bytes set the bound; a
 * scratch map would be overwritten when the probe interrupts itself.  What was
 * pulled beyond that ends the captured part, which caplen shows.
 */
#define PULLED_MAX_META 127 /* behind metadata, which packets that are followed always have */
#ifdef BPFPROBE_TRACK
#define PULLED_MAX PULLED_MAX_META
#else
#define PULLED_MAX 255
#endif

struct sample {
	struct bpfprobe_record rec;
	union {
		struct bpfprobe_meta meta;
		__u8 bytes[PULLED_MAX + 1];
		__u8 behind[sizeof(struct bpfprobe_meta) + PULLED_MAX_META + 1];
	};
} __attribute__((aligned(8)));

/* As emit(); `head` bytes of the sample are there, and up to `most`, 2^n - 1, are copied behind them. */
static __always_inline long put_sample(struct sk_buff *skb, const struct data *data, struct sample *s,
    __u64 want, const __u64 head, const __u64 most)
{
	__u64 pulled = data->data - data->start, rest;
	__u8 *bytes = (__u8 *)s + head;

	want = length_of_sample(want, head);
	if (pulled > most) {
		pulled = most;
		if (want > pulled)
			want = pulled;
	}
	if (pulled > want)
		pulled = want;
	rest = want - pulled;
	s->rec.caplen = want;
	stamp(&s->rec);
	rest = BPF_F_CURRENT_CPU | rest << BPF_SKB_OUTPUT_LEN_SHIFT;
	if (!pulled)
		return bpf_skb_output(skb, &bpfprobe_rings, rest, s, head);
	__builtin_memset(bytes, 0, most + 1);
	/* The compiler knows the bound and would drop the mask, the verifier needs it. */
	asm volatile("%0 &= %1" : "+r"(pulled) : "i"(most));
	bpf_probe_read_kernel(bytes, pulled, data->head + data->start);
	return bpf_skb_output(skb, &bpfprobe_rings, rest, s, head + pulled);
}

/*
 * Writes the record and `want` bytes of the packet. Returns what bpf_skb_output()
 * says.
 */
static __noinline long emit(void *ctx, struct sk_buff *skb, const struct data *data,
    const struct bpfprobe_record *rec, __u64 want)
{
	struct sample s;
	long err;

	s.rec = *rec;
	if (META()) {
		find_meta(ctx, skb, data, rec, &s.meta);
		err = put_sample(skb, data, &s, want, sizeof(s.rec) + sizeof(s.meta), PULLED_MAX_META);
	} else {
		err = put_sample(skb, data, &s, want, sizeof(s.rec), PULLED_MAX);
	}
	if (config.remember && !err)
		remember(ctx, &s.rec);
	return err;
}

#endif
