/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of a struct xdp_buff: little beside its bytes, which begin with the MAC
 * header.  Each function here has its like in skb.bpf.h.
 */
#ifndef BPFPROBE_XDP_BPF_H
#define BPFPROBE_XDP_BPF_H

#include "bpf/filter.bpf.h"

#define PACKET struct xdp_buff

#define ETH_TYPE_AT 12
#define XDP_FRAME_MAX (1 << 20) /* bytes of a linear part; no driver has nearly as many */
#define XDP_HAS_FRAGS 1		/* in xdp_buff.flags */

/* The kernel's SKB_DATA_ALIGN(), which puts skb_shared_info at the end of a frame. */
#define CACHE_LINE 64ULL
#define ALIGNED(size) (((size) + CACHE_LINE - 1) & ~(CACHE_LINE - 1))

/* A number, see offset_of_data(). */
static __always_inline __u64 linear_length(struct xdp_buff *xdp)
{
	__u64 length = (__u64)GET(xdp, data_end) - (__u64)GET(xdp, data);

	asm volatile("" : "+r"(length));
	return length;
}

/* Some functions are given an xdp_buff for them to fill in: until then anything is in it. */
static __always_inline int is_packet(struct xdp_buff *xdp)
{
	return xdp && IN_KERNEL(GET(xdp, data)) && linear_length(xdp) <= XDP_FRAME_MAX;
}

static __always_inline struct net_device *device_of(struct xdp_buff *xdp)
{
	struct xdp_rxq_info *rxq = GET(xdp, rxq);

	return IN_KERNEL(rxq) ? checked_device(GET(rxq, dev)) : 0;
}

/*
 * The address of the struct skb_shared_info at the end of the frame, in which fragments
 * are; 0: there are none.  Since 5.18: commit 2e88d4ff0301 ("xdp: introduce flags field
 * in xdp_buff/xdp_frame").
 */
static __always_inline __u64 shared_of(struct xdp_buff *xdp)
{
	if (!bpf_core_field_exists(xdp->flags) || !(GET(xdp, flags) & XDP_HAS_FRAGS))
		return 0;
	return (__u64)GET(xdp, data_hard_start) + GET(xdp, frame_sz) -
	       ALIGNED(bpf_core_type_size(struct skb_shared_info));
}

static __always_inline __u32 length_of_frags(__u64 shared)
{
	struct skb_shared_info *info = (struct skb_shared_info *)shared;

	if (!shared || !bpf_core_field_exists(info->xdp_frags_size))
		return 0;
	return BPF_CORE_READ(info, xdp_frags_size);
}

/*
 * XDP is a thing of Ethernet devices; but generic XDP is there for every device.  Where
 * none is known it was a driver's.
 */
static __always_inline void find_layer(struct net_device *dev, struct bpfprobe_record *rec)
{
	if (config.asis) {
		rec->layer = BPFPROBE_LAYER_ASIS;
	} else if (!dev || bpfprobe_is_ethernet(rec->arphrd)) {
		rec->layer = BPFPROBE_LAYER_L2;
		rec->l2len = ETH_HLEN;
	} else {
		rec->layer = GET(dev, hard_header_len) ? BPFPROBE_LAYER_NONE : BPFPROBE_LAYER_L3;
	}
}

static __always_inline void find_packet(
    struct xdp_buff *xdp, struct net_device *dev, struct data *data, struct bpfprobe_record *rec)
{
	data->dev = dev;
	data->packet = shared_of(xdp);
	data->head = GET(xdp, data);
	data->start = data->data = 0;
	data->end = linear_length(xdp);
	rec->len = data->end + length_of_frags(data->packet);
	find_layer(dev, rec);
}

static __always_inline void find_ifname(
    const struct data *data, const struct bpfprobe_record *rec, __u32 *name)
{
	if (data->dev)
		bpf_probe_read_kernel(name, IFNAMSIZ, &data->dev->name);
}

static __always_inline void find_device(void *ctx, struct xdp_buff *xdp, struct data *data)
{
}

static __always_inline void find_more(
    struct xdp_buff *xdp, const struct bpfprobe_record *rec, struct bpfprobe_meta *meta)
{
	struct xdp_rxq_info *rxq = GET(xdp, rxq);

	if (IN_KERNEL(rxq))
		meta->queue = GET(rxq, queue_index) + 1;
}

/* Incoming; whether for this host, nobody has looked yet. */
static __always_inline void find_beside(
    void *ctx, struct xdp_buff *xdp, struct net_device *dev, struct bpfprobe_record *rec)
{
	if (dev) {
		rec->ifindex = GET(dev, ifindex);
		rec->netns = netns_of(dev);
	}
	rec->foreign = rec->netns != config.home;
	rec->pkttype = PACKET_HOST;
	if (rec->l2len && rec->len >= ETH_HLEN)
		bpf_probe_read_kernel(&rec->protocol, sizeof(rec->protocol), GET(xdp, data) + ETH_TYPE_AT);
}

#endif
