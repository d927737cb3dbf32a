/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of a struct sk_buff at any probe: where the packet starts, which
 * interface and direction it belongs to.  Decided from what the kernel knows of
 * the packet, never from its bytes.
 */
#ifndef BPFPROBE_SKB_BPF_H
#define BPFPROBE_SKB_BPF_H

#include <bpf/bpf_endian.h>
#include "bpf/args.bpf.h"
#include "bpf/filter.bpf.h"

#define PACKET struct sk_buff

#define HEADER_UNSET 0xffff /* mac_header, network_header of a new skb (the latter may be 0 too) */

/*
 * skb->dev shares its place with rbnode (packets in TCP's retransmit and
 * out-of-order queues, in fq and netem) and with UDP's dev_scratch, so that it
 * can be anything, but where the helper knows better.
 */
static __always_inline struct net_device *device_of(struct sk_buff *skb)
{
	struct net_device *dev = GET(MEMORY(skb), dev);

	return config.device ? MEMORY(dev) : checked_device(dev);
}

/*
 * The namespace of the route that the packet was given, 0 if it has none (any
 * more).  TCP and UDP clear skb->dev, and a packet on its way to a socket does not
 * point to it: there the route is what is left.  The pointer has no type for the
 * verifier, so that this goes by helper calls.
 */
static __noinline __u32 netns_of_route(struct sk_buff *skb)
{
	__u64 route = GET(skb, _skb_refdst) & ~1UL;
	struct net_device *dev;
	struct net *net;

	if (!IN_KERNEL(route))
		return 0;
	dev = BPF_CORE_READ((struct dst_entry *)route, dev);
	net = BPF_CORE_READ(dev, nd_net.net);
	if (!net || BPF_CORE_READ(net, loopback_dev, nd_net.net) != net)
		return 0;
	if (config.cookie && bpf_core_field_exists(net->net_cookie) &&
	    BPF_CORE_READ(net, net_cookie) != config.cookie)
		return 0;
	return BPF_CORE_READ(net, ns.inum);
}

/*
 * The packet's socket, or that by which it is dropped: since 6.11 (commit c53795d48ee8, "net: add
 * rx_sk to trace_kfree_skb").
 */
static __always_inline struct sock *socket_of(void *ctx, struct sk_buff *skb)
{
	struct sock *sk = GET(MEMORY(skb), sk);

	return sk || !config.socket ? sk : (struct sock *)argument_of(ctx, config.socket);
}

/* Which interface and namespace; falls back on where the packet came in, socket and route. */
static __always_inline void find_interface(
    void *ctx, struct sk_buff *skb, struct net_device *dev, struct bpfprobe_record *rec)
{
	struct sock *sk;
	struct net *net;

	if (dev) {
		rec->ifindex = GET(dev, ifindex);
		rec->netns = netns_of(dev);
	} else {
		rec->ifindex = GET(skb, skb_iif);
		sk = socket_of(ctx, skb);
		if (IN_KERNEL(sk)) {
			net = GET(MEMORY(sk), __sk_common.skc_net.net);
			rec->netns = inode_of(MEMORY(net));
		} else {
			rec->netns = netns_of_route(skb);
		}
	}
	rec->foreign = rec->netns != config.home;
}

/*
 * Offset of skb->data from skb->head.  A number: the compiler must not go on with the
 * pointers instead, which the verifier does not take for one.
 */
static __always_inline __u64 offset_of_data(struct sk_buff *skb)
{
	__u64 offset = GET(skb, data) - GET(skb, head);

	asm volatile("" : "+r"(offset));
	return offset;
}

/*
 * Whether a packet's bytes go on from the Ethernet header at `mac` without a gap; `net`
 * is 0 if it is not set.  Other headers may lie between it and the network header where
 * they were built or received so; what was decrypted in place leaves rubbish there.
 */
static __always_inline int is_whole(struct sk_buff *skb, __u32 mac, __u32 net, __u32 data)
{
	if (net == mac + ETH_HLEN || data == mac || data == mac + ETH_HLEN)
		return 1;
	return net > mac && net - mac == GET(skb, mac_len);
}

/*
 * Where the packet starts, as an offset from skb->head.  Header offsets are
 * believed only where they stand in an order that makes sense: encapsulation
 * leaves old ones behind that point into the payload, WireGuard sets them to 0,
 * and on the way to IPsec mac_header points into the IP header.
 */
static __always_inline __u32 find_start(
    struct sk_buff *skb, struct net_device *dev, __u32 data, struct bpfprobe_record *rec)
{
	__u32 mac = GET(skb, mac_header), net = GET(skb, network_header);

	if (config.asis) {
		rec->layer = config.netlink ? BPFPROBE_LAYER_NETLINK : BPFPROBE_LAYER_ASIS;
		return data;
	}
	if (net == HEADER_UNSET)
		net = 0;
	if (dev && bpfprobe_is_ethernet(rec->arphrd)) {
		rec->layer = BPFPROBE_LAYER_L2;
		rec->l2len = ETH_HLEN;
		if (mac != HEADER_UNSET && mac <= data && is_whole(skb, mac, net, data))
			return mac;
		/* On the way out the MAC header is written before mac_header is set. */
		if (data < net && net - data == GET(dev, hard_header_len))
			return data;
		rec->l2len = 0;
	}
	rec->layer = BPFPROBE_LAYER_L3;
	if (net && net <= data && (net >= mac || mac > data))
		return net;
	/* A network header before the MAC header is one that was taken off: PPPoE's, for ppp0. */
	if (net && net < mac && mac == data)
		return data;
	rec->layer = BPFPROBE_LAYER_NONE;
	/* Where it is known where the network header is, it is not here. */
	if (net)
		rec->protocol = 0;
	return data;
}

/*
 * Direction, in the form of a PF_PACKET socket.  Where the probe sees both: a
 * packet that came in from the interface where it is, or that stands behind its
 * MAC header without having a socket, is incoming, and with one (veth does not take it
 * away) if nothing but that header was taken off; one that came in
 * elsewhere is forwarded, so outgoing here; the rest was made on this host.
 */
static __always_inline __u8 find_pkttype(struct sk_buff *skb, struct net_device *dev)
{
	__u8 type = GET_BITS(skb, pkt_type);
	__u32 mac = GET(skb, mac_header), data = offset_of_data(skb);
	int iif = GET(skb, skb_iif);
	int in;

	if (config.direction == BPFPROBE_DIR_DERIVE) {
		if (iif)
			in = !dev || GET(dev, ifindex) == iif;
		else
			in = mac != HEADER_UNSET && mac < data &&
			     (!GET(MEMORY(skb), sk) || data - mac == ETH_HLEN);
	} else {
		in = config.direction == BPFPROBE_DIR_IN;
	}
	if (!in)
		return PACKET_OUTGOING;
	return type <= PACKET_OTHERHOST ? type : PACKET_HOST;
}

/*
 * A VLAN tag beside the packet.  Until 6.1 a bit of its own says so; commit
 * 354259fa73e2 ("net: remove skb->vlan_present") made it tag != 0.
 */
static __always_inline void find_vlan(struct sk_buff *skb, struct bpfprobe_record *rec)
{
	__be16 proto = GET(skb, vlan_proto);

	if (bpf_core_field_exists(skb->vlan_present)) {
		if (!GET_BITS(skb, vlan_present))
			return;
	} else if (!proto) {
		return;
	}
	rec->vlan_proto = proto;
	rec->vlan_tci = GET(skb, vlan_tci);
}

/* Offset from skb->head of the end of the linear part. */
static __always_inline __u64 linear_end(struct sk_buff *skb)
{
	return offset_of_data(skb) + (GET(skb, len) - GET(skb, data_len));
}

/*
 * Not NULL, and no error in the packet's place, from which the kernel's own copying would
 * read.  The number is hidden from the compiler, which would make one comparison of both
 * by computing with the pointer.
 */
static __always_inline int is_packet(const struct sk_buff *skb)
{
	__u64 number = (__u64)skb;

	asm volatile("" : "+r"(number));
	return skb && number < (__u64)-ERRNO_MAX;
}

/* NETLINK_ROUTE and so on: of the socket, or where a tap has taken a copy, of the packet. */
static __always_inline __be16 family_of(struct sk_buff *skb)
{
	struct sock *sk = GET(skb, sk);

	return IN_KERNEL(sk) ? bpf_htons(BPF_CORE_READ(sk, sk_protocol)) : GET(skb, protocol);
}

/* Where the packet is, and what is known of it that every filter looks at. */
static __always_inline void find_packet(
    struct sk_buff *skb, struct net_device *dev, struct data *data, struct bpfprobe_record *rec)
{
	data->dev = dev;
	data->packet = way_to_frags(skb);
	data->head = GET(skb, head);
	data->data = offset_of_data(skb);
	rec->protocol = config.netlink ? family_of(skb) : GET(skb, protocol);
	data->start = find_start(skb, dev, data->data, rec);
	data->end = linear_end(skb);
	rec->len = data->data - data->start + GET(skb, len);
	find_vlan(skb, rec);
}

#define NUMBERS 256   /* lists of devices in a namespace: NETDEV_HASHENTRIES */
#define DEVICES_MAX 8 /* of such a list that are looked at */

/* The device with this number; 0: none is found.  By helper calls, as is the next. */
static __always_inline struct net_device *device_by_number(struct net *net, int number)
{
	struct hlist_node *node = 0;
	struct net_device *dev;
	int i;

	bpf_probe_read_kernel(&node, sizeof(node), BPF_CORE_READ(net, dev_index_head) + (number & (NUMBERS - 1)));
	for (i = 0; node && i < DEVICES_MAX; i++) {
		dev = (void *)node - bpf_core_field_offset(struct net_device, index_hlist);
		if (BPF_CORE_READ(dev, ifindex) == number)
			return dev;
		node = BPF_CORE_READ(node, next);
	}
	return 0;
}

/*
 * Of a packet that points to no device, as within TCP, and above the device layer: that where it
 * came in, in the namespace of its socket or route, or else that where its route leads.
 */
static __noinline __u64 lost_device(struct sk_buff *skb, struct sock *sk)
{
	struct dst_entry *route = (struct dst_entry *)(GET(skb, _skb_refdst) & ~1UL);
	struct net_device *dev = IN_KERNEL(route) ? BPF_CORE_READ(route, dev) : 0;
	int number = GET(skb, skb_iif);
	struct net *net = IN_KERNEL(sk) ? BPF_CORE_READ(sk, __sk_common.skc_net.net) : BPF_CORE_READ(dev, nd_net.net);

	if (!IN_KERNEL(net) || BPF_CORE_READ(net, loopback_dev, nd_net.net) != net)
		return 0;
	if (number)
		dev = device_by_number(net, number);
	return BPF_CORE_READ(dev, nd_net.net) == net ? (__u64)dev : 0;
}

/* For metadata. */
static __always_inline void find_device(void *ctx, struct sk_buff *skb, struct data *data)
{
	if (!data->dev)
		data->dev = (struct net_device *)lost_device(skb, socket_of(ctx, skb));
}

/* The name of the packet's device. */
static __always_inline void find_ifname(
    const struct data *data, const struct bpfprobe_record *rec, __u32 *name)
{
	if (data->dev)
		bpf_probe_read_kernel(name, IFNAMSIZ, &data->dev->name);
}

/* What the packet itself says, for its metadata. */
static __always_inline void find_more(
    struct sk_buff *skb, const struct bpfprobe_record *rec, struct bpfprobe_meta *meta)
{
	struct sock *sk = GET(MEMORY(skb), sk);

	meta->mark = GET(skb, mark);
	/* While a packet is received, the kernel has one more, and 0 for none. */
	meta->queue = GET(skb, queue_mapping) + (rec->pkttype == PACKET_OUTGOING);
	if (IN_KERNEL(sk))
		put_halves(meta->cookie, GET(MEMORY(sk), __sk_common.skc_cookie.counter));
}

/* What is known of the packet beside its bytes. */
static __always_inline void find_beside(
    void *ctx, struct sk_buff *skb, struct net_device *dev, struct bpfprobe_record *rec)
{
	find_interface(ctx, skb, dev, rec);
	rec->pkttype = find_pkttype(skb, dev);
}

#endif
