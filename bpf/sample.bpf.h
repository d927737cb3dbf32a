/* SPDX-License-Identifier: BSD-3-Clause */
/* What all records have in common on their way into the ring. */
#ifndef BPFPROBE_SAMPLE_BPF_H
#define BPFPROBE_SAMPLE_BPF_H

#include "bpf/memory.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} bpfprobe_rings SEC(".maps");

/* So many bytes of the packet, or as many as find room in a sample behind `head` others. */
static __always_inline __u64 length_of_sample(__u64 want, const __u64 head)
{
	return want < BPFPROBE_SAMPLE_MAX - head ? want : BPFPROBE_SAMPLE_MAX - head;
}

static __always_inline void stamp(struct bpfprobe_record *rec)
{
	__u64 now = config.tai ? bpf_ktime_get_tai_ns() : bpf_ktime_get_boot_ns();

	rec->time_lo = now;
	rec->time_hi = now >> 32;
	/* Until now it is the time of the entry, see capture_at(). */
	if (rec->elapsed)
		rec->elapsed = rec->time_lo - rec->elapsed;
}

#endif
