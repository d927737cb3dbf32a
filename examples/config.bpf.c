/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What passes a clsact hook, as long as somebody reads it, and so many bytes as the reader wants:
 * a configuration in a map of its own, see bpf_pcap(3).
 *
 *	clang -target bpf -O2 -g -c config.bpf.c
 *	tc qdisc add dev eth0 clsact
 *	tc filter add dev eth0 ingress bpf da object-file config.bpf.o section tc
 *	tcpdump -i bpfprog:name/capture:map=pcap_map:config=pcap_config
 */
#include "bpf_pcap.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, int);
	__type(value, int);
} pcap_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_pcap_hdr);
} pcap_config SEC(".maps");

SEC("tc")
int capture(struct __sk_buff *skb)
{
	__u32 first = 0;
	const struct bpf_pcap_hdr *config = bpf_map_lookup_elem(&pcap_config, &first);

	/* The protocol stays: a packet begins with Ethernet here. */
	if (config && config->magic == BPF_PCAP_MAGIC)
		bpf_pcap(skb, config->cap_len, &pcap_map, BPF_PCAP_TYPE_ETH, skb->ifindex);
	return 0; /* TC_ACT_OK */
}

char _license[] SEC("license") = "Dual BSD/GPL";
