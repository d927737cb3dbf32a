/* SPDX-License-Identifier: BSD-3-Clause */
/* The same for XDP programs; what is linear, the kernel says, which makes the packet. */
#define BPFPROBE_PASS
#include "bpf/filter.bpf.h"
#include "tests/diff/verdict.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct verdict);
} bpfprobe_verdict SEC(".maps");

/* What a filter sees of PFLOG's header. */
static __always_inline void find_seen(
    const struct data *data, const struct bpfprobe_record *rec, struct bpfprobe_seen *seen)
{
	struct verdict *verdict;
	__u32 zero = 0;

	__builtin_memset(seen, 0, sizeof(*seen));
	verdict = bpf_map_lookup_elem(&bpfprobe_verdict, &zero);
	if (verdict)
		*seen = verdict->seen;
}

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
