/* SPDX-License-Identifier: BSD-3-Clause */
/* The control map (record.h), from the programs' side. */
#ifndef BPFPROBE_COUNT_BPF_H
#define BPFPROBE_COUNT_BPF_H

#include "bpf/memory.bpf.h"

/* One element per possible CPU and the reader's; the helper sets how many before load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpfprobe_counters);
} bpfprobe_ctl SEC(".maps");

/* Adds to a counter of this CPU. */
#define ADD(name, n)                                                                               \
	({                                                                                         \
		__u32 cpu = bpf_get_smp_processor_id();                                            \
		struct bpfprobe_counters *counters = bpf_map_lookup_elem(&bpfprobe_ctl, &cpu);     \
		if (counters)                                                                      \
			__sync_fetch_and_add(&counters->name, (n));                                \
	})
#define COUNT(name) ADD(name, 1)

static __always_inline struct bpfprobe_counters *the_readers(void)
{
	__u32 reader = config.reader;

	return bpf_map_lookup_elem(&bpfprobe_ctl, &reader);
}

#endif
