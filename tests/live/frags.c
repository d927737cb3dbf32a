/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frags [-c COUNT] [-s SIZE] INTERFACE SRC_MAC DST_MAC SRC DST PORT LINEAR...: sends UDP
 * packets over IPv4 with SIZE bytes of payload, COUNT for each LINEAR: so many of their
 * first bytes are in the linear part of their sk_buff, the rest in fragments.
 * Byte i of the payload is (31 * i + i / 256) % 256.
 *
 * A packet socket with PACKET_VNET_HDR divides a packet where its header says, if it
 * has a page or more (packet_alloc_skb() of net/packet/af_packet.c).
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	struct virtio_net_hdr vnet;
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[60000];
} __attribute__((packed)) frame;

static int
usage(void)
{
	fprintf(stderr, "usage: frags [-c COUNT] [-s SIZE] INTERFACE SRC_MAC DST_MAC SRC DST PORT LINEAR...\n");
	return 2;
}

static uint16_t
checksum(const void *data, size_t size)
{
	const uint16_t *word = data;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < size / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static void
fill(char **argv, size_t size)
{
	struct iphdr ip;
	size_t i;

	memcpy(frame.eth.ether_shost, ether_aton(argv[1]), 6);
	memcpy(frame.eth.ether_dhost, ether_aton(argv[2]), 6);
	frame.eth.ether_type = htons(ETHERTYPE_IP);
	memset(&ip, 0, sizeof(ip));
	ip.version = 4;
	ip.ihl = 5;
	ip.ttl = 64;
	ip.protocol = IPPROTO_UDP;
	ip.tot_len = htons((uint16_t)(sizeof(ip) + sizeof(frame.udp) + size));
	ip.saddr = inet_addr(argv[3]);
	ip.daddr = inet_addr(argv[4]);
	ip.check = checksum(&ip, sizeof(ip));
	memcpy(&frame.ip, &ip, sizeof(ip));
	frame.udp.source = frame.udp.dest = htons((uint16_t)atoi(argv[5]));
	frame.udp.len = htons((uint16_t)(sizeof(frame.udp) + size));
	for (i = 0; i < size; i++)
		frame.payload[i] = (uint8_t)(31 * i + i / 256);
}

int
main(int argc, char **argv)
{
	size_t size = 8000, bytes;
	struct sockaddr_ll to;
	int c, i, fd, on = 1, count = 1;

	while ((c = getopt(argc, argv, "c:s:")) != -1) {
		if (c == 'c')
			count = atoi(optarg);
		else if (c == 's')
			size = (size_t)atoi(optarg);
		else
			return usage();
	}
	argv += optind;
	argc -= optind;
	if (argc < 7 || size > sizeof(frame.payload) || ether_aton(argv[1]) == NULL || ether_aton(argv[2]) == NULL)
		return usage();
	fill(argv, size);
	bytes = offsetof(__typeof__(frame), payload) + size;
	memset(&to, 0, sizeof(to));
	to.sll_family = AF_PACKET;
	to.sll_protocol = frame.eth.ether_type;
	to.sll_ifindex = (int)if_nametoindex(argv[0]);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0) {
		perror("socket");
		return 1;
	}
	for (i = 6 * count; i < argc * count; i++) {
		frame.vnet.hdr_len = (uint16_t)atoi(argv[i / count]);
		if (sendto(fd, &frame, bytes, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
			perror("sendto");
			return 1;
		}
	}
	return 0;
}
