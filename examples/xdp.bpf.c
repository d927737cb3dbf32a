/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an interface receives, as XDP sees it, whole.  In the section "xdp.frags" instead
 * it takes packets in fragments, too (Linux 5.18).
 *
 *	clang -target bpf -O2 -g -c xdp.bpf.c
 *	ip link set dev eth0 xdp object xdp.bpf.o section xdp
 */
#include "bpf_pcap.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, int);
	__type(value, int);
} pcap_map SEC(".maps");

SEC("xdp")
int capture(struct xdp_md *xdp)
{
	bpf_pcap(xdp, 0, &pcap_map, BPF_PCAP_TYPE_UNSET, xdp->rx_queue_index);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
