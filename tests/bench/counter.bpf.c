/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The least that a program can do where the probe "tx" is: count, each CPU for
 * itself.
 */
#include "bpf/kernel.bpf.h"
#include <bpf/bpf_helpers.h>

#define BPF_MAP_TYPE_PERCPU_ARRAY 6 /* linux/bpf.h */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} counter SEC(".maps");

SEC("tp_btf/net_dev_queue")
int count(void *ctx)
{
	__u32 zero = 0;
	__u64 *value = bpf_map_lookup_elem(&counter, &zero);

	if (value)
		++*value;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
