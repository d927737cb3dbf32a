/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter's place as in the real programs, with the same code, but in a program
 * that BPF_PROG_TEST_RUN takes: what the probe says of the packet comes from a map,
 * and so does the end of the linear part.
 */
#include "bpf/filter.bpf.h"
#include "tests/diff/seen.bpf.h"

/* The kernel takes this program's context for the packet. */
#ifdef BPFPROBE_DIRECT
#define WAY (__u64)ctx
#else
#define WAY (__u64)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end))
#endif

SEC("tc")
int verdict(void *ctx)
{
	struct sk_buff *skb = ctx;
	struct bpfprobe_record rec;
	struct verdict *verdict;
	struct data data;
	__u32 zero = 0;

	verdict = bpf_map_lookup_elem(&bpfprobe_verdict, &zero);
	if (!verdict)
		return 0;
	if (rejects_all()) {
		verdict->verdict = 0;
		return 0;
	}
	rec = verdict->rec;
	data.head = BPF_CORE_READ(skb, head);
	data.packet = WAY;
	data.data = BPF_CORE_READ(skb, data) - data.head;
	data.start = data.data + verdict->skip;
	data.end = data.start + verdict->linear;
	rec.len = BPF_CORE_READ(skb, len) - verdict->skip;
	verdict->verdict = decide(&data, &rec);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
