/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an XDP program of our own knows of a packet: the bytes and the interface's number;
 * the rest is in the configuration.  Each function here has its like in skb.bpf.h.
 */
#ifndef BPFPROBE_PASS_BPF_H
#define BPFPROBE_PASS_BPF_H

#include "bpf/filter.bpf.h"
#include "bpf/names.h"

#define PACKET struct xdp_md

#define ETH_TYPE_AT 12

struct net_device;

static __always_inline int is_packet(struct xdp_md *xdp)
{
	return 1;
}

static __always_inline struct net_device *device_of(struct xdp_md *xdp)
{
	return 0;
}

static __always_inline __u64 whole_length(struct xdp_md *xdp)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_xdp_get_buff_len))
		return bpf_xdp_get_buff_len(xdp);
	return linear_length(xdp);
}

/* The interfaces that the program is at, by their numbers. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BPFPROBE_INTERFACES_MAX);
	__type(key, __u32);
	__type(value, struct bpfprobe_name16);
} bpfprobe_interfaces SEC(".maps");

static __always_inline void find_ifname(
    const struct data *data, const struct bpfprobe_record *rec, __u32 *name)
{
	const struct bpfprobe_name16 *found = bpf_map_lookup_elem(&bpfprobe_interfaces, &rec->ifindex);
	int i;

	for (i = 0; found && i < 4; i++)
		name[i] = found->words[i];
}

static __always_inline void find_device(void *ctx, struct xdp_md *xdp, struct data *data)
{
}

static __always_inline void find_more(
    struct xdp_md *xdp, const struct bpfprobe_record *rec, struct bpfprobe_meta *meta)
{
	meta->queue = xdp->rx_queue_index + 1;
}

/* As with the packets of other XDP programs, see xdp.bpf.h. */
static __always_inline void find_packet(
    struct xdp_md *xdp, struct net_device *dev, struct data *data, struct bpfprobe_record *rec)
{
	rec->arphrd = config.arphrd;
	data->packet = (__u64)xdp;
	data->head = 0;
	data->start = data->data = 0;
	data->end = linear_length(xdp);
	rec->len = whole_length(xdp);
	if (config.asis) {
		rec->layer = BPFPROBE_LAYER_ASIS;
	} else if (bpfprobe_is_ethernet(config.arphrd)) {
		rec->layer = BPFPROBE_LAYER_L2;
		rec->l2len = ETH_HLEN;
	} else {
		rec->layer = BPFPROBE_LAYER_L3;
	}
}

static __always_inline void find_beside(
    void *ctx, struct xdp_md *xdp, struct net_device *dev, struct bpfprobe_record *rec)
{
	const __u8 *pkt = (const __u8 *)(long)xdp->data;

	rec->ifindex = xdp->ingress_ifindex;
	rec->netns = config.netns;
	rec->foreign = rec->netns != config.home;
	rec->pkttype = PACKET_HOST;
	if (rec->l2len && pkt + ETH_HLEN <= (const __u8 *)(long)xdp->data_end)
		rec->protocol = *(const __be16 *)(pkt + ETH_TYPE_AT);
}

#endif
