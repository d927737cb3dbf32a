/* SPDX-License-Identifier: BSD-3-Clause */
/* What both programs are told, and tell. */
#ifndef BPFPROBE_TESTS_SEEN_BPF_H
#define BPFPROBE_TESTS_SEEN_BPF_H

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

#endif
