/* SPDX-License-Identifier: BSD-3-Clause */
/* The same for XDP programs; what is linear, the kernel says, which makes the packet. */
#define BPFPROBE_PASS
#include "bpf/filter.bpf.h"
#include "tests/diff/seen.bpf.h"

SEC("xdp")
int verdict(struct xdp_md *xdp)
{
	struct bpfprobe_record rec;
	struct verdict *verdict;
	struct data data = {};
	__u32 zero = 0;

	verdict = bpf_map_lookup_elem(&bpfprobe_verdict, &zero);
	if (!verdict)
		return XDP_PASS;
	verdict->linear = linear_length(xdp);
	if (rejects_all()) {
		verdict->verdict = 0;
		return XDP_PASS;
	}
	rec = verdict->rec;
	data.packet = (__u64)xdp;
	data.end = verdict->linear;
	verdict->verdict = decide(&data, &rec);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
