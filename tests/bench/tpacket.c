// SPDX-License-Identifier: BSD-3-Clause
/*
 * tpacket: the least that a program can do with a packet socket and a ring (TPACKET_V3),
 * of libpcap's default size: count the packets.
 *
 *	tpacket [-s SNAPLEN] -i IFNAME ["tcp port 80"]
 *
 * Talks like tcpdump (talk.h), and looks at the numbers as loop does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/talk.h"

#define BLOCK (256u << 10)
#define BLOCKS 8u

static struct seen seen;
static uint64_t lost;
static int fd;

static void die(const char *what, const char *detail)
{
	talk_die("tpacket", what, detail);
}

static void set(int level, int option, const void *value, socklen_t size, const char *what)
{
	if (setsockopt(fd, level, option, value, size) < 0)
		die(what, strerror(errno));
}

/* The snapshot length of a packet socket is what its filter returns. */
static void set_filter(uint32_t snaplen, int port80)
{
	struct sock_filter insns[] = {
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 2),
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 36),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 80, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	    BPF_STMT(BPF_RET | BPF_K, snaplen),
	};
	struct sock_fprog program = {port80 ? 6 : 1, port80 ? insns : insns + 5};

	set(SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program), "SO_ATTACH_FILTER");
}

static uint8_t *open_ring(const char *name, uint32_t snaplen, int port80)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct tpacket_req3 req = {.tp_block_size = BLOCK,
	    .tp_block_nr = BLOCKS,
	    .tp_frame_size = 2048,
	    .tp_frame_nr = BLOCK / 2048 * BLOCKS,
	    .tp_retire_blk_tov = 100};
	int version = TPACKET_V3;
	uint8_t *ring;

	fd = socket(AF_PACKET, SOCK_RAW, 0);
	ll.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || ll.sll_ifindex == 0)
		die(name, strerror(errno));
	set_filter(snaplen, port80);
	set(SOL_PACKET, PACKET_VERSION, &version, sizeof(version), "TPACKET_V3");
	set(SOL_PACKET, PACKET_RX_RING, &req, sizeof(req), "PACKET_RX_RING");
	ring = mmap(NULL, BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED || bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		die(name, strerror(errno));
	return ring;
}

static void walk(struct tpacket_block_desc *block)
{
	struct tpacket3_hdr *h = (void *)((uint8_t *)block + block->hdr.bh1.offset_to_first_pkt);
	uint32_t i, n = block->hdr.bh1.num_pkts;

	for (i = 0; i < n; i++) {
		seen_add(&seen, (uint8_t *)h + h->tp_mac + FRAME_ETH,
		    h->tp_snaplen < FRAME_ETH ? 0 : h->tp_snaplen - FRAME_ETH);
		h = (void *)((uint8_t *)h + h->tp_next_offset);
	}
}

/* The kernel's counts begin again each time that they are read. */
static uint64_t dropped(void)
{
	struct tpacket_stats_v3 stats;
	socklen_t size = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) < 0)
		die("PACKET_STATISTICS", strerror(errno));
	return lost += stats.tp_drops;
}

static void read_ring(uint8_t *ring)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct tpacket_block_desc *block;
	uint32_t at = 0;

	while (!talk_ended) {
		block = (void *)(ring + at * BLOCK);
		if (__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
		    TP_STATUS_USER) {
			walk(block);
			__atomic_store_n(
			    &block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
			at = (at + 1) % BLOCKS;
		} else {
			poll(&p, 1, 100);
		}
		if (talk_asked)
			talk_counts(&seen, dropped());
		talk_asked = 0;
	}
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	uint32_t snaplen = 262144;
	uint8_t *ring;
	int opt;

	while ((opt = getopt(argc, argv, "i:s:")) != -1) {
		if (opt == 'i')
			name = optarg;
		else if (opt == 's')
			snaplen = (uint32_t)strtoul(optarg, NULL, 10);
	}
	if (!name || (argc > optind && strcmp(argv[optind], "tcp port 80") != 0))
		die("usage", "tpacket [-s SNAPLEN] -i IFNAME [\"tcp port 80\"]");
	ring = open_ring(name, snaplen, argc > optind);
	talk_begin("tpacket", name, NULL);
	read_ring(ring);
	return talk_end(&seen, dropped());
}
