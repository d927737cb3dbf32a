/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link header that the user sees in front of a packet, made from a record
 * and the packet's first bytes.  One piece of code for BPF and user space, so
 * that a filter sees exactly the bytes that are delivered.  Pure: no memory is
 * touched but the caller's.
 *
 *   record's packet:     [ MAC header, l2len bytes ][ L3 ... ]
 *   LINUX_SLL2:  [ hdr, 20 bytes ................ ][ L3 ... ]   skip = l2len
 *   EN10MB:              [ MAC header ............ ][ L3 ... ]   skip = 0
 *     with a tag:  [ hdr: addresses, TPID, TCI ][ type ][ L3 ... ]   skip = 12
 *     without MAC header:  [ hdr, 14 or 18 bytes . ][ L3 ... ]   skip = 0
 *   RAW:                                           [ L3 ... ]   skip = l2len
 *   PFLOG: see pflog.h
 */
#ifndef BPFPROBE_LINKHDR_H
#define BPFPROBE_LINKHDR_H

#include "bpf/record.h"

/* `restrict` below: what is written into a header changes neither record nor packet, of which nothing is read twice. */

/* The link types that probes of a struct sk_buff offer (DLT_* of pcap/dlt.h). */
#define BPFPROBE_DLT_EN10MB 1
#define BPFPROBE_DLT_RAW 12
#define BPFPROBE_DLT_PFLOG 117 /* pflog.h */
#define BPFPROBE_DLT_LINUX_SLL2 276

#define BPFPROBE_LINK_MAX 20   /* the longest header that is made here: SLL2 */
#define BPFPROBE_PFLOG_HLEN 64 /* of PFLOG, with padding */

/*
 * SLL2 has no place for a namespace, and tcpdump prints the name that an
 * interface number has in its own one.  A number of another namespace is
 * therefore raised by this much, where no interface is: tcpdump prints "?".
 */
#define BPFPROBE_FOREIGN_IFINDEX 0x40000000

struct bpfprobe_link {
	__u8 hdr[BPFPROBE_LINK_MAX];
	__u32 hdrlen; /* bytes of hdr that are used */
	__u32 skip;   /* bytes of the packet that hdr stands for */
};

/* Offsets and sizes of the Ethernet header, and the values of its type field. */
#define BPFPROBE_ETH_ADDRS 12
#define BPFPROBE_ETH_HLEN 14
#define BPFPROBE_ETH_TYPE_MIN 1536 /* below it the field is a length: IEEE 802.3 */
#define BPFPROBE_ETHERTYPE_IP 0x0800
#define BPFPROBE_ETHERTYPE_IPV6 0x86dd
#define BPFPROBE_ETHERTYPE_8021Q 0x8100
#define BPFPROBE_ETHERTYPE_8021AD 0x88a8
#define BPFPROBE_ARPHRD_NETLINK 824
/* What LINUX_SLL2 says instead of a length (LINKTYPE_LINUX_SLL2). */
#define BPFPROBE_SLL_P_802_3 0x0001 /* Novell 802.3 without LLC */
#define BPFPROBE_SLL_P_802_2 0x0004

BPFPROBE_INLINE void bpfprobe_put16(__u8 *at, __u16 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

BPFPROBE_INLINE void bpfprobe_put32(__u8 *at, __u32 value)
{
	bpfprobe_put16(at, value >> 16);
	bpfprobe_put16(at + 2, value);
}

BPFPROBE_INLINE __u16 bpfprobe_get16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

/* Host value of a field that is in network byte order, whatever the host's. */
BPFPROBE_INLINE __u16 bpfprobe_ntohs(__be16 value)
{
	return bpfprobe_get16((const __u8 *)&value);
}

/* The interface number that the user sees. */
BPFPROBE_INLINE __u32 bpfprobe_shown_ifindex(const struct bpfprobe_record *rec)
{
	if (rec->foreign && rec->ifindex)
		return rec->ifindex + BPFPROBE_FOREIGN_IFINDEX;
	return rec->ifindex;
}

/* Whether the packet begins with a whole Ethernet header. */
BPFPROBE_INLINE int bpfprobe_has_mac(const struct bpfprobe_record *rec)
{
	return rec->l2len == BPFPROBE_ETH_HLEN && rec->caplen >= BPFPROBE_ETH_HLEN;
}

/*
 * The ethertype (host byte order) of what follows the MAC header, as a cooked
 * PF_PACKET socket would give it; `pkt` is the packet of `rec`.  Without a MAC
 * header skb->protocol says it, and where even that is not set yet (output
 * above IP) the version field does.  0: unknown.
 */
BPFPROBE_INLINE __u16 bpfprobe_ethertype(const struct bpfprobe_record *rec, const __u8 *pkt)
{
	__u16 type = bpfprobe_ntohs(rec->protocol);

	if (bpfprobe_has_mac(rec)) {
		type = bpfprobe_get16(pkt + BPFPROBE_ETH_ADDRS);
		if (type >= BPFPROBE_ETH_TYPE_MIN)
			return type;
		if (rec->caplen >= BPFPROBE_ETH_HLEN + 2 && pkt[14] == 0xff && pkt[15] == 0xff)
			return BPFPROBE_SLL_P_802_3;
		return BPFPROBE_SLL_P_802_2;
	}
	if (!type && rec->layer == BPFPROBE_LAYER_L3 && rec->caplen) {
		if (pkt[0] >> 4 == 4)
			return BPFPROBE_ETHERTYPE_IP;
		if (pkt[0] >> 4 == 6)
			return BPFPROBE_ETHERTYPE_IPV6;
	}
	return type;
}

/*
 * LINKTYPE_LINUX_SLL2: protocol, reserved, ifindex, ARPHRD_, packet type,
 * length of the source address, source address; all in network byte order.
 */
BPFPROBE_INLINE void bpfprobe_link_sll2(
    struct bpfprobe_link *restrict link, const struct bpfprobe_record *rec, const __u8 *pkt)
{
	__u8 *hdr = link->hdr;

	bpfprobe_put16(hdr, bpfprobe_ethertype(rec, pkt));
	bpfprobe_put16(hdr + 2, 0);
	bpfprobe_put32(hdr + 4, bpfprobe_shown_ifindex(rec));
	bpfprobe_put16(hdr + 8, rec->arphrd);
	hdr[10] = rec->pkttype;
	hdr[11] = 0;
	__builtin_memset(hdr + 12, 0, 8);
	link->hdrlen = 20;
	link->skip = 0;
	if (!bpfprobe_has_mac(rec))
		return;
	hdr[11] = 6;
	__builtin_memcpy(hdr + 12, pkt + 6, 6);
	link->skip = BPFPROBE_ETH_HLEN;
}

/* EN10MB: the tag that is not among the bytes goes back to its place; a missing header is made. */
BPFPROBE_INLINE void bpfprobe_link_en10mb(
    struct bpfprobe_link *link, const struct bpfprobe_record *rec, const __u8 *pkt)
{
	int mac = bpfprobe_has_mac(rec);
	__u32 n = BPFPROBE_ETH_ADDRS;
	int i;

	link->hdrlen = 0;
	link->skip = 0;
	if (mac && !rec->vlan_proto)
		return;
	for (i = 0; i < BPFPROBE_ETH_ADDRS; i++)
		link->hdr[i] = mac ? pkt[i] : 0;
	if (rec->vlan_proto) {
		bpfprobe_put16(link->hdr + n, bpfprobe_ntohs(rec->vlan_proto));
		bpfprobe_put16(link->hdr + n + 2, rec->vlan_tci);
		n += 4;
	}
	if (mac) {
		link->skip = BPFPROBE_ETH_ADDRS;
	} else {
		bpfprobe_put16(link->hdr + n, bpfprobe_ethertype(rec, pkt));
		n += 2;
	}
	link->hdrlen = n;
}

/*
 * The ethertype (host byte order) of the network header, and in *at how far behind the start
 * it is: behind the MAC header, and VLAN tags among the bytes.  0: unknown, or not whole.
 */
BPFPROBE_INLINE __u16 bpfprobe_network(const struct bpfprobe_record *rec, const __u8 *pkt, __u32 *at)
{
	__u16 type = bpfprobe_ethertype(rec, pkt);
	int tags;

	*at = bpfprobe_has_mac(rec) ? BPFPROBE_ETH_HLEN : 0;
	for (tags = 0; tags < 2; tags++) {
		if (type != BPFPROBE_ETHERTYPE_8021Q && type != BPFPROBE_ETHERTYPE_8021AD)
			break;
		if (rec->caplen < *at + 4)
			return 0;
		type = bpfprobe_get16(pkt + *at + 2);
		*at += 4;
	}
	return type;
}

/*
 * RAW: from the IP header on; in-band VLAN tags are passed over.  Returns 0, or
 * -1 if the packet is neither IPv4 nor IPv6, which RAW cannot carry.
 */
BPFPROBE_INLINE int bpfprobe_link_raw(
    struct bpfprobe_link *link, const struct bpfprobe_record *rec, const __u8 *pkt)
{
	__u16 type = bpfprobe_network(rec, pkt, &link->skip);

	link->hdrlen = 0;
	return type == BPFPROBE_ETHERTYPE_IP || type == BPFPROBE_ETHERTYPE_IPV6 ? 0 : -1;
}

/*
 * LINKTYPE_NETLINK, as libpcap makes it at an nlmon interface: packet type, ARPHRD_NETLINK, ten
 * bytes of nothing, and the family.
 */
BPFPROBE_INLINE void bpfprobe_link_netlink(struct bpfprobe_link *link, const struct bpfprobe_record *rec)
{
	int i;

	bpfprobe_put16(link->hdr, rec->pkttype);
	bpfprobe_put16(link->hdr + 2, BPFPROBE_ARPHRD_NETLINK);
	for (i = 4; i < 14; i++)
		link->hdr[i] = 0;
	bpfprobe_put16(link->hdr + 14, bpfprobe_ntohs(rec->protocol));
	link->hdrlen = 16;
	link->skip = 0;
}

/* Hardware types whose packets begin with an Ethernet header: ARPHRD_ETHER, ARPHRD_LOOPBACK. */
BPFPROBE_INLINE int bpfprobe_is_ethernet(__u16 arphrd)
{
	return arphrd == 1 || arphrd == 772;
}

/* How many bytes of header it makes where no tag is beside the bytes. */
BPFPROBE_INLINE __u32 bpfprobe_link_untagged(int dlt, int has_mac)
{
	switch (dlt) {
	case BPFPROBE_DLT_LINUX_SLL2:
		return BPFPROBE_LINK_MAX;
	case BPFPROBE_DLT_EN10MB:
		return has_mac ? 0 : BPFPROBE_ETH_HLEN;
	case BPFPROBE_DLT_PFLOG:
		return BPFPROBE_PFLOG_HLEN;
	default:
		return 0;
	}
}

/* The fewest and the most bytes of header that are made for `dlt`. */
BPFPROBE_INLINE void bpfprobe_link_bounds(int dlt, __u32 *min, __u32 *max)
{
	*min = bpfprobe_link_untagged(dlt, 1);
	*max = dlt == BPFPROBE_DLT_EN10MB ? BPFPROBE_ETH_HLEN + 4 : *min;
}

/*
 * Makes the link header of type `dlt` for the packet of `rec`, whose rec->caplen
 * bytes are at `pkt`.  A dlt that is none of the above gets none: the bytes are
 * shown as they are.  Returns 0, or -1 if the link type cannot carry the packet.
 */
BPFPROBE_INLINE int bpfprobe_link_make(struct bpfprobe_link *restrict link, int dlt,
    const struct bpfprobe_record *rec, const __u8 *pkt)
{
	link->hdrlen = link->skip = 0;
	switch (rec->layer == BPFPROBE_LAYER_ASIS ? -1 : dlt) {
	case BPFPROBE_DLT_LINUX_SLL2:
		bpfprobe_link_sll2(link, rec, pkt);
		break;
	case BPFPROBE_DLT_EN10MB:
		bpfprobe_link_en10mb(link, rec, pkt);
		break;
	case BPFPROBE_DLT_RAW:
		return bpfprobe_link_raw(link, rec, pkt);
	}
	return 0;
}

#endif
