/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packets that the kernel drops, from their IP header on, with the process that was
 * running as id: a tracepoint with the types of BTF.
 *
 *	clang -target bpf -O2 -g -c drop.bpf.c
 */
#include "bpf_pcap.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, int);
	__type(value, int);
} pcap_map SEC(".maps");

SEC("tp_btf/kfree_skb")
int capture(__u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];

	bpf_pcap(skb, 0, &pcap_map, BPF_PCAP_TYPE_IP, bpf_get_current_pid_tgid() >> 32);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
