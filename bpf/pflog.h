/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header of link type PFLOG, the log of OpenBSD's packet filter, which says why and where:
 * as OpenBSD 3.8 to 4.8 wrote it, which tcpdump and Wireshark both read.  Shared by BPF and
 * user space, as linkhdr.h is.
 *
 *   IPv4, IPv6:   [ hdr, 61 bytes + 3 ][ L3 ... ]            skip = l2len and tags
 *   all others:   [ hdr, 61 bytes + 3 ][ MAC header ][ ... ]  skip = 0
 *
 * Numbers of rules are in network byte order, numbers of users and processes in that of the
 * host: so BSD has it, and so Wireshark reads it.
 */
#ifndef BPFPROBE_PFLOG_H
#define BPFPROBE_PFLOG_H

#include "bpf/linkhdr.h"
#include "bpf/names.h"

#define BPFPROBE_PFLOG_LENGTH 61 /* what the header says of itself; tools round it up to 4 */

/*
 * libpcap compiles "ip6" to a comparison with the number that the address family has on this
 * host; readers expect that of one of the BSDs.  A filter sees the one, the user the other.
 */
#define BPFPROBE_AF_INET 2
#define BPFPROBE_AF_INET6 10	     /* Linux */
#define BPFPROBE_AF_INET6_SHOWN 24   /* OpenBSD */

#define BPFPROBE_PF_PASS 0
#define BPFPROBE_PF_BLOCK 1
#define BPFPROBE_PF_IN 1
#define BPFPROBE_PF_OUT 2
#define BPFPROBE_PACKET_OUTGOING 4 /* PACKET_OUTGOING of linux/if_packet.h */

struct bpfprobe_pflog {
	__u8 length;
	__u8 af;	   /* BPFPROBE_AF_*; 0: neither IPv4 nor IPv6 */
	__u8 action;	   /* BPFPROBE_PF_BLOCK: this is the packet's end */
	__u8 reason;	   /* 0, "match": pf's own reasons */
	__u32 ifname[4];
	__u32 ruleset[4];  /* drop reason, action or probe (names.h) */
	__be32 rulenr;	   /* number of the first two; of a probe, its index */
	__be32 subrulenr;  /* index of the probe */
	__u32 uid;
	__s32 pid;
	__u32 rule_uid;	   /* inode of the network namespace */
	__s32 rule_pid;	   /* number of the interface in it */
	__u8 dir;	   /* BPFPROBE_PF_IN, BPFPROBE_PF_OUT */
	__u8 pad[3];
};

_Static_assert(sizeof(struct bpfprobe_pflog) == BPFPROBE_PFLOG_HLEN, "the header's layout is others'");

/* Offsets of the header whose bytes are the ruleset: from, to. */
#define BPFPROBE_PFLOG_RULESET 20
#define BPFPROBE_PFLOG_RULESET_END 36

BPFPROBE_INLINE __be32 bpfprobe_htonl(__u32 value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap32(value);
#else
	return value;
#endif
}

/* The address family of the packet, and in *skip how many of its bytes the header stands for. */
BPFPROBE_INLINE __u8 bpfprobe_pflog_af(const struct bpfprobe_record *rec, const __u8 *pkt, __u32 *skip)
{
	__u16 type = bpfprobe_network(rec, pkt, skip);

	if (type == BPFPROBE_ETHERTYPE_IP)
		return BPFPROBE_AF_INET;
	if (type == BPFPROBE_ETHERTYPE_IPV6)
		return BPFPROBE_AF_INET6;
	*skip = 0;
	return 0;
}

/* What stands in every header. */
BPFPROBE_INLINE void bpfprobe_pflog_begin(struct bpfprobe_pflog *hdr, __u8 af)
{
	hdr->length = BPFPROBE_PFLOG_LENGTH;
	hdr->af = af;
}

/* As the user gets it, when the filter has seen it. */
BPFPROBE_INLINE void bpfprobe_pflog_show(struct bpfprobe_pflog *hdr)
{
	if (hdr->af == BPFPROBE_AF_INET6)
		hdr->af = BPFPROBE_AF_INET6_SHOWN;
}

/* All that follows; `name` is what seen->name leads to. */
BPFPROBE_INLINE void bpfprobe_pflog_finish(struct bpfprobe_pflog *hdr, const struct bpfprobe_record *rec,
    const struct bpfprobe_seen *seen, const struct bpfprobe_name16 *name)
{
	__u32 i, caused = seen->name < BPFPROBE_NAMES_PROBE || seen->name == BPFPROBE_NAMES_UNKNOWN;

	hdr->action = seen->blocked; /* BPFPROBE_PF_PASS, BPFPROBE_PF_BLOCK */
	hdr->reason = 0;
	for (i = 0; i < 4; i++) {
		hdr->ifname[i] = seen->ifname[i];
		hdr->ruleset[i] = name->words[i];
	}
	hdr->rulenr = bpfprobe_htonl(caused ? rec->action : rec->probe);
	hdr->subrulenr = bpfprobe_htonl(rec->probe);
	hdr->uid = seen->uid;
	hdr->pid = (__s32)seen->pid;
	hdr->rule_uid = rec->netns;
	hdr->rule_pid = (__s32)rec->ifindex;
	hdr->dir = rec->pkttype == BPFPROBE_PACKET_OUTGOING ? BPFPROBE_PF_OUT : BPFPROBE_PF_IN;
	hdr->pad[0] = hdr->pad[1] = hdr->pad[2] = 0;
}

#endif
