/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs whose verdict is in the packet: that of the numbered packet n (numbered.h) is
 * what n modulo 8 says.  Some change the packet, so that it leaves otherwise than it came.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAGIC 0x42504e31
#define TTL 7 /* of a packet that was changed */

#ifndef SAME_SIZE
#define SAME_SIZE 0 /* 1: no packet becomes longer */
#endif

/* Ethernet, IPv4 and UDP without options, and what numbered packets begin with. */
struct numbered {
	__u8 mac[12];
	__be16 type;
	__u8 version, tos;
	__be16 length, id, fragment;
	__u8 ttl, protocol;
	__be16 sum;
	__be32 from, to;
	__be16 ports[2], udp_length, udp_sum;
	__be32 magic, stream, number, size;
} __attribute__((packed));

/* The packet, or NULL: it is none of ours. */
static __always_inline struct numbered *numbered(void *data, void *data_end)
{
	struct numbered *packet = data;

	if ((void *)(packet + 1) > data_end || packet->type != bpf_htons(0x0800) ||
	    packet->protocol != 17 || packet->magic != bpf_htonl(MAGIC))
		return 0;
	return packet;
}

/* Takes the checksum along: TTL is the upper half of its word. */
static __always_inline void set_ttl(struct numbered *packet)
{
	__u32 sum = bpf_ntohs(packet->sum) + ((packet->ttl - TTL) << 8);

	packet->sum = bpf_htons((sum & 0xffff) + (sum >> 16));
	packet->ttl = TTL;
}

/* 802.1Q: the tag goes behind the addresses. */
static __always_inline int push_tag(struct xdp_md *ctx)
{
	__u8 *to, *end;
	int i;

	if (bpf_xdp_adjust_head(ctx, -4))
		return XDP_ABORTED;
	to = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (to + 18 > end)
		return XDP_ABORTED;
	for (i = 0; i < 12; i++)
		to[i] = to[i + 4];
	to[12] = 0x81;
	to[13] = 0;
	to[14] = 0;
	to[15] = 5;
	return XDP_PASS;
}

static __always_inline int decide(struct xdp_md *ctx)
{
	struct numbered *packet = numbered((void *)(long)ctx->data, (void *)(long)ctx->data_end);

	if (!packet)
		return XDP_PASS;
	switch (bpf_ntohl(packet->number) % 8) {
	case 1:
		return XDP_DROP;
	case 2:
		return XDP_TX;
	case 3:
		return XDP_ABORTED;
	case 4:
		set_ttl(packet);
		return XDP_PASS;
	case 5:
		return SAME_SIZE ? XDP_PASS : push_tag(ctx);
	case 6:
		set_ttl(packet);
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

SEC("xdp")
int actions_of_xdp_program(struct xdp_md *ctx)
{
	return decide(ctx);
}

#ifndef ONE /* program in the object */

SEC("xdp.frags")
int actions_of_frags(struct xdp_md *ctx)
{
	return decide(ctx);
}

SEC("tc")
int actions_of_tc(struct __sk_buff *skb)
{
	struct numbered *packet;

	if (bpf_skb_pull_data(skb, sizeof(*packet)))
		return TC_ACT_OK;
	packet = numbered((void *)(long)skb->data, (void *)(long)skb->data_end);
	if (!packet)
		return TC_ACT_OK;
	switch (bpf_ntohl(packet->number) % 8) {
	case 1:
		return TC_ACT_SHOT;
	case 2:
		return TC_ACT_PIPE;
	case 3:
		return TC_ACT_UNSPEC;
	case 4:
		set_ttl(packet);
		return TC_ACT_OK;
	case 6:
		set_ttl(packet);
		return TC_ACT_SHOT;
	default:
		return TC_ACT_OK;
	}
}

#endif

char _license[] SEC("license") = "Dual BSD/GPL";
