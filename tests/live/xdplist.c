/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xdplist COUNT BATCH INTERFACE SRC DST PORT: COUNT UDP packets arrive at INTERFACE, handed
 * to the stack in lists of BATCH.
 *
 * The kernel's test run of an XDP program that lets live frames pass does that
 * (xdp_recv_frames() of net/bpf/test_run.c; Linux 5.18).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>

#define PAYLOAD 64

static struct {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[PAYLOAD];
} __attribute__((packed)) frame;

static uint16_t checksum(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void make_frame(const char *src, const char *dst, int port)
{
	static const uint8_t to[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	memcpy(frame.eth.ether_dhost, to, sizeof(to));
	frame.eth.ether_type = htons(ETHERTYPE_IP);
	frame.ip.version = 4;
	frame.ip.ihl = 5;
	frame.ip.ttl = 64;
	frame.ip.protocol = IPPROTO_UDP;
	frame.ip.tot_len = htons(sizeof(frame) - sizeof(frame.eth));
	inet_pton(AF_INET, src, &frame.ip.saddr);
	inet_pton(AF_INET, dst, &frame.ip.daddr);
	frame.ip.check = checksum(&frame.ip, sizeof(frame.ip));
	frame.udp.source = frame.udp.dest = htons((uint16_t)port);
	frame.udp.len = htons(sizeof(frame.udp) + PAYLOAD);
}

int main(int argc, char **argv)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct xdp_md ctx = {.data_end = sizeof(frame)};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof(frame),
	    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	int program;

	if (argc != 7)
		return 1;
	make_frame(argv[4], argv[5], atoi(argv[6]));
	run.repeat = atoi(argv[1]);
	run.batch_size = (__u32)atoi(argv[2]);
	ctx.ingress_ifindex = if_nametoindex(argv[3]);
	program = bpf_prog_load(BPF_PROG_TYPE_XDP, "xdplist", "GPL", pass, 2, NULL);
	if (program < 0 || bpf_prog_test_run_opts(program, &run) < 0) {
		fprintf(stderr, "xdplist: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
