// SPDX-License-Identifier: BSD-3-Clause
/*
 * flood: sends numbered frames (frame.h) as fast as one CPU can, and says what that CPU
 * was busy for.
 *
 *	flood [-n COUNT] [-s FRAME_BYTES] [-k STREAM] [-e N] [-p US] [-S] [-w] [-u | -x] IFNAME
 *
 * Many frames per system call and none made anew, so that little is measured
 * but the kernel. The destination address is nobody's: the peer lets go of a
 * frame as soon as it has it. More bytes than a frame may have are one packet of
 * TCP, which is to be cut into segments on its way (PACKET_VNET_HDR). -u sends by
 * a UDP socket, -x by XDP (live.h). -k: which of several that run at once it is.
 * -S has the kernel measure its BPF programs meanwhile, which costs some 50 ns per
 * run. "tcp port 80" lets none of the frames pass; with -e every Nth, beginning with
 * the first; with -w one more behind all: whoever has it has looked at all others. -p: one
 * frame only every US microseconds.
 * Prints "sent=N cpu_ns=T": process time of all sends, with -x the time that has passed, since
 * the kernel works for it in other names as well; neither has the frame of -w.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/frame.h"
#include "tests/bench/live.h"

#define BATCH 64
#define HEADERS 42 /* Ethernet, IPv4, UDP */
#define TCP_HEADERS 54
#define SEGMENT 1448

/* To 02:00:00:00:00:02 from 02:00:00:00:00:01, 192.0.2.1.9 > 192.0.2.2.9; lengths follow. */
static const uint8_t headers[HEADERS] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0,
    0, 0, 0, 64, IPPROTO_UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, FRAME_PORT, 0, FRAME_PORT};
static const struct virtio_net_hdr segments = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
    .hdr_len = TCP_HEADERS,
    .gso_size = SEGMENT,
    .csum_start = 34,
    .csum_offset = 16};

static uint8_t frames[BATCH][FRAME_MAX];
static struct iovec iovs[BATCH][2];
static struct mmsghdr messages[BATCH];
static uint32_t size = 64, every, pace;
static uint16_t stream;

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Until this process ends, however it ends: a sysctl would stay. */
static void measure_programs(void)
{
	union bpf_attr attr = {.enable_stats.type = BPF_STATS_RUN_TIME};

	if (syscall(SYS_bpf, BPF_ENABLE_STATS, &attr, sizeof(attr)) < 0)
		die("BPF_ENABLE_STATS");
}

static int open_interface(const char *name)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

	ll.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || ll.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		die(name);
	if (size > FRAME_MTU && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
		die("PACKET_VNET_HDR");
	return fd;
}

/* The same addresses as in the frames; the way there is the caller's affair. */
static int open_udp(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(FRAME_PORT + stream)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&sin.sin_addr, headers + 26, 4);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		die("UDP");
	memcpy(&sin.sin_addr, headers + 30, 4);
	sin.sin_port = htons(FRAME_PORT);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		die("UDP");
	return fd;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t sum_of(const uint8_t *p, uint32_t bytes)
{
	uint32_t i, sum = 0;

	for (i = 0; i < bytes; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The sum of the addresses, the protocol and the length is what the kernel begins with. */
static void make_tcp(uint8_t *frame)
{
	uint8_t *tcp = frame + 34;
	uint32_t sum = sum_of(frame + 26, 8) + IPPROTO_TCP + size - 34;

	frame[23] = IPPROTO_TCP;
	put16(tcp + 4, 0);
	tcp[12] = 5 << 4;
	put16(tcp + 14, 1024);
	put16(tcp + 16, (sum & 0xffff) + (sum >> 16));
}

static void make_frame(uint8_t *frame)
{
	memcpy(frame, headers, HEADERS);
	put16(frame + 16, size - 14);
	put16(frame + 34, FRAME_PORT + stream);
	put16(frame + 38, size - 34);
	if (size > FRAME_MTU)
		make_tcp(frame);
	put16(frame + 24, ~sum_of(frame + 14, 20));
}

/* skip: what of the frame the kernel writes. */
static void make_frames(uint32_t skip)
{
	struct iovec *iov;
	uint32_t i;

	for (i = 0; i < BATCH; i++) {
		make_frame(frames[i]);
		iov = iovs[i];
		if (size > FRAME_MTU) {
			iov->iov_base = (void *)&segments;
			iov++->iov_len = sizeof(segments);
		}
		iov->iov_base = frames[i] + skip;
		iov->iov_len = size - skip;
		messages[i].msg_hdr.msg_iov = iovs[i];
		messages[i].msg_hdr.msg_iovlen = (size_t)(iov - iovs[i] + 1);
	}
}

/* UDP to port 9 becomes TCP to port 80, or again UDP; the checksum matters to nobody. */
static void mark(uint8_t *frame, int matches)
{
	frame[23] = matches ? IPPROTO_TCP : IPPROTO_UDP;
	frame[37] = matches ? 80 : FRAME_PORT;
}

static void send_batch(int fd, uint32_t first, unsigned int count)
{
	unsigned int i, done = 0;
	int n;

	for (i = 0; i < count; i++) {
		frame_put32(frames[i] + FRAME_ETH + FRAME_NUMBER_AT, first + i);
		if (every)
			mark(frames[i], (first + i) % every == 0);
	}
	while (done < count) {
		n = sendmmsg(fd, messages + done, count - done, 0);
		if (n < 0 && errno == ENOBUFS)
			n = 0;
		else if (n < 0)
			die("sendmmsg");
		done += (unsigned int)n;
		/*
		 * The next one found a full queue on its way (sendmmsg(2) says so only of the first).
		 * Whoever captures what is sent has seen it, and sent again it would be there twice.
		 */
		if (done < count)
			done++;
	}
}

static void send_witness(int fd)
{
	every = 0;
	mark(frames[0], 1);
	send_batch(fd, UINT32_MAX, 1);
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t flood(int fd, uint32_t count)
{
	uint64_t start = cpu_ns();
	uint32_t sent, n, batch = pace ? 1 : BATCH;

	for (sent = 0; sent < count; sent += n) {
		n = count - sent < batch ? count - sent : batch;
		send_batch(fd, sent, n);
		if (pace)
			usleep(pace);
	}
	return cpu_ns() - start;
}

static uint64_t send_live(const char *name, uint32_t count)
{
	const char *why;
	uint64_t ns = live_flood((int)if_nametoindex(name), frames[0], size, count, &why);

	if (ns == 0)
		die(why);
	return ns;
}

static int usage(void)
{
	fputs("usage: flood [-n COUNT] [-s FRAME_BYTES] [-k STREAM] [-e N] [-p US] [-S] [-w] "
	      "[-u | -x] IFNAME\n",
	    stderr);
	return 2;
}

int main(int argc, char **argv)
{
	int opt, fd, witness = 0, way = 'r';
	uint32_t count = 1;
	uint64_t ns;

	while ((opt = getopt(argc, argv, "e:k:n:p:s:Suwx")) != -1) {
		if (opt == 'e')
			every = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 'k')
			stream = (uint16_t)(strtoul(optarg, NULL, 10) % FRAME_STREAMS);
		else if (opt == 'n')
			count = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 'p')
			pace = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 's')
			size = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 'S')
			measure_programs();
		else if (opt == 'w')
			witness = 1;
		else if (opt == 'u' || opt == 'x')
			way = opt;
		else
			return usage();
	}
	if (argc - optind != 1 || size < FRAME_MIN || size > FRAME_MAX)
		return usage();
	/* Only whole frames of ours can be other ones, or longer. */
	if (way != 'r' && (size > FRAME_MTU || every || witness))
		return usage();
	fd = way == 'u' ? open_udp() : open_interface(argv[optind]);
	make_frames(way == 'u' ? HEADERS : 0);
	ns = way == 'x' ? send_live(argv[optind], count) : flood(fd, count);
	if (witness)
		send_witness(fd);
	printf("sent=%u cpu_ns=%llu\n", count, (unsigned long long)ns);
	return 0;
}
