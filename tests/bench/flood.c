// SPDX-License-Identifier: BSD-3-Clause
/*
 * flood: sends numbered frames (tests/live/numbered.h, without the random part)
 * as fast as one CPU can, and says what that CPU was busy for.
 *
 *	flood [-n COUNT] [-s FRAME_BYTES] [-S] [-w] IFNAME
 *
 * Many frames per system call and none made anew, so that little is measured
 * but the kernel. The destination address is nobody's: the peer lets go of a
 * frame as soon as it has it. -S has the kernel measure its BPF programs
 * meanwhile, which costs some 50 ns per run. -w sends one frame more, the only
 * one that "tcp port 80" lets pass: whoever has it has looked at all others.
 * Prints "sent=N cpu_ns=T": process time of all sends; neither has the frame of -w.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/live/numbered.h"

#define BATCH 64
#define HEADERS 42 /* Ethernet, IPv4, UDP */
#define FRAME_MIN (HEADERS + NUMBERED_HDR)
#define FRAME_MAX 1514

/* To 02:00:00:00:00:02 from 02:00:00:00:00:01, 192.0.2.1.9 > 192.0.2.2.9; lengths follow. */
static const uint8_t headers[HEADERS] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0,
    0, 0, 0, 64, IPPROTO_UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 9, 0, 9};

static uint8_t frames[BATCH][FRAME_MAX];
static struct iovec iovs[BATCH];
static struct mmsghdr messages[BATCH];

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
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	ll.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || ll.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		die(name);
	return fd;
}

static void make_frames(uint32_t size)
{
	uint32_t i, sum = 0;
	uint8_t *ip;

	for (i = 0; i < BATCH; i++) {
		memcpy(frames[i], headers, HEADERS);
		ip = frames[i] + 14;
		*(uint16_t *)(ip + 2) = htons((uint16_t)(size - 14));
		*(uint16_t *)(ip + 24) = htons((uint16_t)(size - 34));
		numbered_fill(frames[i] + HEADERS, 0, 0, size - HEADERS);
		iovs[i].iov_base = frames[i];
		iovs[i].iov_len = size;
		messages[i].msg_hdr.msg_iov = &iovs[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (i = 0; i < 20; i += 2)
		sum += (uint32_t)(headers[14 + i] << 8 | headers[15 + i]);
	sum += size - 14;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	for (i = 0; i < BATCH; i++)
		*(uint16_t *)(frames[i] + 24) = htons((uint16_t)~sum);
}

static void send_batch(int fd, uint32_t first, unsigned int count)
{
	unsigned int i, done = 0;
	int n;

	for (i = 0; i < count; i++)
		numbered_put32(frames[i] + HEADERS + 8, first + i);
	while (done < count) {
		n = sendmmsg(fd, messages + done, count - done, 0);
		if (n < 0 && errno != EINTR)
			die("sendmmsg");
		if (n > 0)
			done += (unsigned int)n;
	}
}

/* UDP to port 9 becomes TCP to port 80; that the checksum is wrong then matters to nobody. */
static void send_witness(int fd)
{
	frames[0][23] = IPPROTO_TCP;
	frames[0][37] = 80;
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
	uint32_t sent, n;

	for (sent = 0; sent < count; sent += n) {
		n = count - sent < BATCH ? count - sent : BATCH;
		send_batch(fd, sent, n);
	}
	return cpu_ns() - start;
}

int main(int argc, char **argv)
{
	uint32_t count = 1, size = 64;
	int opt, fd, witness = 0;
	uint64_t ns;

	while ((opt = getopt(argc, argv, "n:s:Sw")) != -1) {
		if (opt == 'n')
			count = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 's')
			size = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 'S')
			measure_programs();
		else if (opt == 'w')
			witness = 1;
		else
			return 2;
	}
	if (argc - optind != 1 || size < FRAME_MIN || size > FRAME_MAX) {
		fputs("usage: flood [-n COUNT] [-s FRAME_BYTES] [-S] [-w] IFNAME\n", stderr);
		return 2;
	}
	fd = open_interface(argv[optind]);
	make_frames(size);
	ns = flood(fd, count);
	if (witness)
		send_witness(fd);
	printf("sent=%u cpu_ns=%llu\n", count, (unsigned long long)ns);
	return 0;
}
