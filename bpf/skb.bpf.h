/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of a struct sk_buff at any probe: where the packet starts, which
 * interface and direction it belongs to.  Decided from what the kernel knows of
 * the packet, never from its bytes.
 */
#ifndef BPFPROBE_SKB_BPF_H
#define BPFPROBE_SKB_BPF_H

#include "bpf/kernel.bpf.h"
#include "bpf/config.h"
#include "bpf/record.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Set by the helper before load; all programs of an object share it. */
const volatile struct bpfprobe_config config;

/*
 * A struct to read, from a pointer that may hold anything.  Where a program may read
 * any memory, that is also what spares the verifier a search through all types of
 * the kernel for each pointer that is followed: 1 ms each on 6.18.
 */
#ifdef BPFPROBE_DIRECT
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;
#define MEMORY(p) ((__typeof__(p))bpf_rdonly_cast((p), 0))
#else
#define MEMORY(p) (p)
#endif

/*
 * A field of a struct.  Where the verifier knows the struct, or MEMORY() has made it one
 * to read, that is a load; a program that has nothing but an address has to ask.
 */
#ifdef BPFPROBE_COPY
#define GET(p, field) BPF_CORE_READ(p, field)
#define GET_BITS(p, field) BPF_CORE_READ_BITFIELD_PROBED(p, field)
#else
#define GET(p, field) ((p)->field)
#define GET_BITS(p, field) BPF_CORE_READ_BITFIELD(p, field)
#endif

/*
 * 32 bits that the verifier forgets what it knows of.  Before commit 41f6f64e6999
 * ("bpf: support non-r10 register spill/fill to/from stack in precision tracking",
 * 6.8) it took two states for equal that differ in a number on the stack of a
 * calling function, and removed a branch that only one of them takes: what a
 * function reads through a pointer to such a stack must not be known there.
 */
#ifdef BPFPROBE_DIRECT
#define OPAQUE(value) (value)
#else
#define OPAQUE(value)                                                                              \
	({                                                                                         \
		__u64 opaque = (value);                                                            \
		asm volatile("%0 = be32 %0\n\t%0 = be32 %0" : "+r"(opaque));                       \
		(__u32)opaque;                                                                     \
	})
#endif

/* The same for `count` words in memory, which is aligned to them. */
static __always_inline void make_opaque(void *memory, const int count)
{
	__u32 *words = memory;
	int i;

	for (i = 0; i < count; i++)
		words[i] = OPAQUE(words[i]);
}

#define HEADER_UNSET 0xffff /* mac_header, network_header of a new skb (the latter may be 0 too) */
#define ETH_HLEN 14

/*
 * Whether a pointer that may hold anything can be one of the kernel's, whose
 * addresses have the top bit set.  NULL is asked for separately, and hidden from
 * the compiler, which would drop it: the verifier knows some of these pointers as
 * "trusted or NULL".
 */
#define IN_KERNEL(p)                                                                               \
	({                                                                                         \
		__s64 address = (__s64)(p);                                                        \
		asm volatile("" : "+r"(address));                                                  \
		(p) && address < 0;                                                                \
	})

/*
 * skb->dev shares its place with rbnode (packets in TCP's retransmit and
 * out-of-order queues, in fq and netem) and with UDP's dev_scratch, so that it
 * can be anything.  A device is one whose namespace's loopback device stands in
 * that same namespace; whatever does not close that circle is none.  Reads
 * through a wild pointer yield 0.
 */
static __always_inline struct net_device *device_of(struct sk_buff *skb)
{
	struct net_device *dev = GET(MEMORY(skb), dev);
	struct net_device *lo;
	struct net *net;

	if (!IN_KERNEL(dev))
		return 0;
	dev = MEMORY(dev);
	net = GET(dev, nd_net.net);
	if (!IN_KERNEL(net))
		return 0;
	lo = GET(MEMORY(net), loopback_dev);
	if (!IN_KERNEL(lo) || GET(MEMORY(lo), nd_net.net) != net)
		return 0;
	return dev;
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
	return BPF_CORE_READ(net, ns.inum);
}

/* Which interface and namespace; falls back on where the packet came in, socket and route. */
static __always_inline void find_interface(
    struct sk_buff *skb, struct net_device *dev, struct bpfprobe_record *rec)
{
	struct sock *sk = GET(MEMORY(skb), sk);
	struct net *net;

	if (dev) {
		rec->ifindex = GET(dev, ifindex);
		net = GET(dev, nd_net.net);
		rec->netns = GET(MEMORY(net), ns.inum);
	} else {
		rec->ifindex = GET(skb, skb_iif);
		if (IN_KERNEL(sk)) {
			net = GET(MEMORY(sk), __sk_common.skc_net.net);
			rec->netns = GET(MEMORY(net), ns.inum);
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

static __always_inline int is_ethernet(__u16 arphrd)
{
	return arphrd == ARPHRD_ETHER || arphrd == ARPHRD_LOOPBACK;
}

/*
 * Where the packet starts, as an offset from skb->head.  Header offsets are
 * believed only where they stand in an order that makes sense: encapsulation
 * leaves old ones behind that point into the payload.
 */
static __always_inline __u32 find_start(
    struct sk_buff *skb, struct net_device *dev, __u32 data, struct bpfprobe_record *rec)
{
	__u32 mac = GET(skb, mac_header), net = GET(skb, network_header);

	if (config.asis) {
		rec->layer = BPFPROBE_LAYER_ASIS;
		return data;
	}
	if (net == HEADER_UNSET)
		net = 0;
	if (dev && is_ethernet(rec->arphrd)) {
		rec->layer = BPFPROBE_LAYER_L2;
		rec->l2len = ETH_HLEN;
		if (mac != HEADER_UNSET && mac <= data && (net < mac || net >= mac + ETH_HLEN))
			return mac;
		/* On the way out the MAC header is written before mac_header is set. */
		if (data < net && net - data == GET(dev, hard_header_len))
			return data;
		rec->l2len = 0;
	}
	/* A network header before the MAC header is one that was taken off: PPPoE's, for ppp0. */
	if (net && net < mac && mac != HEADER_UNSET && mac <= data)
		net = data;
	if (net && net <= data) {
		rec->layer = BPFPROBE_LAYER_L3;
		return net;
	}
	rec->layer = BPFPROBE_LAYER_NONE;
	return data;
}

/*
 * Direction, in the form of a PF_PACKET socket.  Where the probe sees both: a
 * packet that came in from the interface where it is, or that stands behind its
 * MAC header without having a socket, is incoming; one that came in
 * elsewhere is forwarded, so outgoing here; the rest was made on this host.
 */
static __always_inline __u8 find_pkttype(struct sk_buff *skb, struct net_device *dev)
{
	__u8 type = GET_BITS(skb, pkt_type);
	__u32 mac = GET(skb, mac_header);
	int iif = GET(skb, skb_iif);
	int in;

	if (config.direction == BPFPROBE_DIR_DERIVE) {
		if (iif)
			in = !dev || GET(dev, ifindex) == iif;
		else
			in = !GET(MEMORY(skb), sk) && mac != HEADER_UNSET && mac < (__u32)offset_of_data(skb);
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

#endif
