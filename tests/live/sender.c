// SPDX-License-Identifier: BSD-3-Clause
/*
 * sender: sends numbered packets (see numbered.h) and says when it did.
 *
 *	sender [options] udp ADDR PORT
 *	sender [options] raw IFNAME SRCMAC DSTMAC SRCADDR DSTADDR PORT
 *	sender listen ADDR PORT
 *
 * "udp" uses a socket, IPv4 or IPv6 by the form of ADDR; with -x its IPv6 packets
 * have a hop-by-hop header. "raw" writes complete Ethernet frames with IPv4, so that
 * every byte on the wire is known. "listen" receives until it is killed.
 * The last line on stdout is
 *	sent=N bytes=PAYLOAD_BYTES start_ns=T end_ns=T
 * with wall-clock nanoseconds just before the first and after the last send.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "numbered.h"

#define RAW_HDR_MAX (14 + 4 + 20 + 8)

struct sender {
	int fd;
	struct sockaddr_storage to;
	socklen_t to_len;
	uint8_t buf[RAW_HDR_MAX + NUMBERED_MAX];
	unsigned int hdr_len; /* bytes in front of the payload: 0 for udp */
	unsigned int ip_off;
	uint32_t stream, first, count;
	struct numbered_sizes sizes;
	unsigned int pace_us;
	int vlan; /* -1: no tag */
	bool hop_by_hop;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "sender: %s: %s\n", what, detail);
	exit(2);
}

static void usage(void)
{
	fputs("usage: sender [-c COUNT] [-f FIRST] [-i STREAM] [-s SIZE|mixed:MAX] [-p USEC]\n"
	      "              [-C CPU] [-v VLAN] [-x] udp ADDR PORT |\n"
	      "              raw IFNAME SRCMAC DSTMAC SRCADDR DSTADDR PORT | listen ADDR PORT\n",
	    stderr);
	exit(2);
}

static unsigned long number_arg(const char *text, unsigned long max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 0);

	if (end == text || *end != '\0' || v > max)
		die("bad number", text);
	return v;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void pin(unsigned long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity", strerror(errno));
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void open_udp(struct sender *s, const char *addr, const char *port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&s->to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&s->to;
	uint16_t p = htons((uint16_t)number_arg(port, 65535));

	if (inet_pton(AF_INET, addr, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = p;
		s->to_len = sizeof(*in);
	} else if (inet_pton(AF_INET6, addr, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = p;
		s->to_len = sizeof(*in6);
	} else {
		die("not an address", addr);
	}
	s->fd = socket(s->to.ss_family, SOCK_DGRAM, 0);
	if (s->fd < 0)
		die("socket", strerror(errno));
}

/* One hop-by-hop header of 8 bytes, all of them padding, in front of every packet. */
static void add_hop_by_hop(struct sender *s)
{
	static const uint8_t header[8] = { 0, 0, 1, 4 };

	if (setsockopt(s->fd, IPPROTO_IPV6, IPV6_HOPOPTS, header, sizeof(header)) < 0)
		die("IPV6_HOPOPTS", strerror(errno));
}

/* A socket that has everything for itself, until the process is killed. */
static void receive(struct sender *s)
{
	if (bind(s->fd, (struct sockaddr *)&s->to, s->to_len) < 0)
		die("bind", strerror(errno));
	puts("ready");
	fflush(stdout);
	while (recv(s->fd, s->buf, sizeof(s->buf), 0) >= 0)
		;
	die("recv", strerror(errno));
}

static void put_mac(uint8_t *p, const char *text)
{
	unsigned int b[6], i;

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
		die("not a MAC address", text);
	for (i = 0; i < 6; i++)
		p[i] = (uint8_t)b[i];
}

static void open_raw(struct sender *s, char **arg)
{
	struct sockaddr_ll *ll = (struct sockaddr_ll *)&s->to;
	unsigned int port = (unsigned int)number_arg(arg[5], 65535);
	uint8_t *p = s->buf;

	ll->sll_family = AF_PACKET;
	ll->sll_ifindex = (int)if_nametoindex(arg[0]);
	ll->sll_protocol = htons(s->vlan < 0 ? ETH_P_IP : ETH_P_8021Q);
	if (ll->sll_ifindex == 0)
		die(arg[0], strerror(errno));
	s->to_len = sizeof(*ll);
	s->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (s->fd < 0)
		die("socket", strerror(errno));

	put_mac(p + 6, arg[1]);
	put_mac(p, arg[2]);
	p += 12;
	if (s->vlan >= 0) {
		put16(p, ETH_P_8021Q);
		put16(p + 2, (unsigned int)s->vlan);
		p += 4;
	}
	put16(p, ETH_P_IP);
	p += 2;
	s->ip_off = (unsigned int)(p - s->buf);
	p[0] = 0x45;
	p[8] = 64;
	p[9] = IPPROTO_UDP;
	if (inet_pton(AF_INET, arg[3], p + 12) != 1 || inet_pton(AF_INET, arg[4], p + 16) != 1)
		die("not IPv4 addresses", arg[3]);
	put16(p + 20, port);
	put16(p + 22, port);
	s->hdr_len = s->ip_off + 28;
}

/* The length fields and the IPv4 checksum; UDP over IPv4 may go without one. */
static void finish_headers(struct sender *s, uint32_t number, uint32_t size)
{
	uint8_t *ip = s->buf + s->ip_off;
	uint32_t sum = 0;
	int i;

	put16(ip + 2, size + 28);
	put16(ip + 4, number & 0xffff);
	put16(ip + 10, 0);
	for (i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~sum & 0xffff);
	put16(ip + 24, size + 8);
}

/*
 * A full queue is waited out, so that every number is sent exactly once. EPERM
 * is a firewall's verdict over a packet that was made.
 */
static void send_one(struct sender *s, uint32_t number, uint32_t size)
{
	numbered_fill(s->buf + s->hdr_len, s->stream, number, size);
	if (s->hdr_len > 0)
		finish_headers(s, number, size);
	while (sendto(s->fd, s->buf, s->hdr_len + size, 0, (struct sockaddr *)&s->to, s->to_len) <
	    0) {
		if (errno == EPERM)
			break;
		if (errno != ENOBUFS && errno != EINTR)
			die("sendto", strerror(errno));
	}
}

static void run(struct sender *s)
{
	uint64_t start = wall_ns(), bytes = 0;
	struct timespec next;
	uint32_t i, size;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (i = 0; i < s->count; i++) {
		size = numbered_size(&s->sizes, s->first + i);
		send_one(s, s->first + i, size);
		bytes += size;
		if (s->pace_us == 0)
			continue;
		next.tv_nsec += (long)s->pace_us * 1000;
		while (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	printf("sent=%u bytes=%llu start_ns=%llu end_ns=%llu\n", s->count,
	    (unsigned long long)bytes, (unsigned long long)start, (unsigned long long)wall_ns());
}

int main(int argc, char **argv)
{
	static struct sender s = { .fd = -1, .count = 1, .sizes = { .max = 64 }, .vlan = -1 };
	int opt;

	while ((opt = getopt(argc, argv, "+c:f:i:s:p:C:v:x")) != -1) {
		if (opt == 'c')
			s.count = (uint32_t)number_arg(optarg, UINT32_MAX);
		else if (opt == 'f')
			s.first = (uint32_t)number_arg(optarg, UINT32_MAX);
		else if (opt == 'i')
			s.stream = (uint32_t)number_arg(optarg, UINT32_MAX);
		else if (opt == 's' && !numbered_parse_sizes(&s.sizes, optarg))
			die("bad size", optarg);
		else if (opt == 'p')
			s.pace_us = (unsigned int)number_arg(optarg, 10000000);
		else if (opt == 'C')
			pin(number_arg(optarg, CPU_SETSIZE - 1));
		else if (opt == 'v')
			s.vlan = (int)number_arg(optarg, 65535);
		else if (opt == 'x')
			s.hop_by_hop = true;
		else if (opt == '?')
			usage();
	}
	argv += optind;
	argc -= optind;
	if (argc == 3 && (strcmp(argv[0], "udp") == 0 || strcmp(argv[0], "listen") == 0))
		open_udp(&s, argv[1], argv[2]);
	else if (argc == 7 && strcmp(argv[0], "raw") == 0)
		open_raw(&s, argv + 1);
	else
		usage();
	if (strcmp(argv[0], "listen") == 0)
		receive(&s);
	if (s.hop_by_hop)
		add_hop_by_hop(&s);
	run(&s);
	return 0;
}
