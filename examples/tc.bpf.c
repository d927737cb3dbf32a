/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What passes a clsact hook: the first 1514 bytes of each packet.
 *
 *	clang -target bpf -O2 -g -c tc.bpf.c
 *	tc qdisc add dev eth0 clsact
 *	tc filter add dev eth0 ingress bpf da object-file tc.bpf.o section tc
 */
#include "bpf_pcap.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, int);
	__type(value, int);
} pcap_map SEC(".maps");

SEC("tc")
int capture(struct __sk_buff *skb)
{
	bpf_pcap(skb, 1514, &pcap_map, BPF_PCAP_TYPE_ETH, skb->ifindex);
	return 0; /* TC_ACT_OK */
}

char _license[] SEC("license") = "Dual BSD/GPL";
