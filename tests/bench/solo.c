// SPDX-License-Identifier: BSD-3-Clause
/*
 * solo: what a filter that rejects costs by itself: translated, and as the kernel's
 * own classic BPF, compiled to machine code as well.
 *
 *	solo [-C CPU] [-n PASSES] [-b BATCHES] [-y DLT] FILTER
 *
 * Both are filters of the same UNIX socket, to which datagrams are sent that it
 * rejects: what surrounds them is the same, down to the cache lines of the
 * datagram. (BPF_PROG_TEST_RUN takes no classic BPF, and runs a program in a loop
 * with nothing in between.) A program is there once, as in a capture. Of each,
 * the same with a filter that rejects at once is subtracted: for classic BPF
 * that is "ret 0" alone; for the translated one it still makes the filter's view of
 * the packet, which is therefore in neither figure.
 *
 * Prints "classic=T translated=T classic_all=T translated_all=T": ns per datagram,
 * the differences, and what sending took with the filter. Each is the median of all
 * passes; in one pass all four take their turn.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bpf/linkhdr.h"
#include "helper/protocol.h"
#include "tests/bench/sockprog.h"
#include "tests/diff/verdict.h"
#include "tests/unit/reference.h"

#define BATCH 64
#define FRAME 64
#define PASSES_MAX 1000

/* The frames of flood: Ethernet, IPv4, UDP to port 9. */
static const uint8_t frame[FRAME] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 50, 0,
    0, 0, 0, 64, IPPROTO_UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 9, 0, 9, 0, 30};

enum { CLASSIC_NONE, CLASSIC, TRANSLATED_NONE, TRANSLATED, VARIANTS };

static struct sock_filter filter[BPFPROBE_FILTER_MAX], reject = {BPF_RET | BPF_K, 0, 0, 0};
static unsigned int count;
static struct sockprog sp;
static int programs[VARIANTS]; /* of the translated ones */
static int sockets[2];
/* What is sent: the bytes that the user would see, and the frame. */
static uint8_t shown[BPFPROBE_LINK_MAX + FRAME];
static struct iovec seen, whole;
static struct mmsghdr messages[BATCH];

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "solo: %s: %s\n", what, detail);
	exit(2);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity", strerror(errno));
}

/* The frame as a probe finds it on its way out, and as the user sees it. */
static void make_packet(int dlt)
{
	struct bpfprobe_record *rec = &sp.verdict->rec;
	struct bpfprobe_link link;

	memset(sp.verdict, 0, sizeof(*sp.verdict));
	rec->protocol = htons(BPFPROBE_ETHERTYPE_IP);
	rec->ifindex = 3;
	rec->arphrd = 1;
	rec->pkttype = 4;
	rec->layer = BPFPROBE_LAYER_L2;
	rec->l2len = BPFPROBE_ETH_HLEN;
	rec->len = rec->caplen = FRAME;
	sp.verdict->linear = FRAME;
	if (bpfprobe_link_make(&link, dlt, rec, frame) < 0)
		die("the link type", "does not carry the packet");
	memcpy(shown, link.hdr, link.hdrlen);
	memcpy(shown + link.hdrlen, frame + link.skip, FRAME - link.skip);
	seen.iov_base = shown;
	seen.iov_len = FRAME - link.skip + link.hdrlen;
	whole.iov_base = (void *)frame;
	whole.iov_len = FRAME;
}

static void load(int dlt)
{
	char why[256];
	int i;

	for (i = TRANSLATED_NONE; i <= TRANSLATED; i++) {
		programs[i] = sockprog_load(&sp, filter, count, dlt, i == TRANSLATED_NONE, why);
		if (programs[i] < 0)
			die("the translated filter", why);
	}
}

static void attach(int variant)
{
	struct sock_fprog program = {(unsigned short)count, filter};
	int err, i;

	if (variant == CLASSIC_NONE) {
		program.len = 1;
		program.filter = &reject;
	}
	if (variant <= CLASSIC)
		err = setsockopt(
		    sockets[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	else
		err = setsockopt(
		    sockets[1], SOL_SOCKET, SO_ATTACH_BPF, &programs[variant], sizeof(int));
	if (err < 0)
		die("setsockopt", strerror(errno));
	for (i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = variant <= CLASSIC ? &seen : &whole;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static void send_batches(unsigned int batches)
{
	while (batches-- > 0) {
		if (sendmmsg(sockets[0], messages, BATCH, MSG_DONTWAIT) != BATCH)
			die("sendmmsg", strerror(errno));
	}
}

/* One batch that is not measured shows that the filter is there, and rejects. */
static void try_out(int variant)
{
	uint8_t byte;

	sp.verdict->verdict = -99;
	send_batches(1);
	if (recv(sockets[1], &byte, 1, MSG_DONTWAIT) >= 0)
		die("the filter", "does not reject the packet");
	if (variant >= TRANSLATED_NONE && sp.verdict->verdict != 0)
		die("the translated filter", "was not run, or does not decide");
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double measure(int variant, unsigned int batches)
{
	double start;

	attach(variant);
	try_out(variant);
	start = cpu_ns();
	send_batches(batches);
	return (cpu_ns() - start) / BATCH / batches;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void measure_all(unsigned int passes, unsigned int batches)
{
	static double classic[PASSES_MAX], translated[PASSES_MAX], all[2][PASSES_MAX];
	double ns[VARIANTS];
	unsigned int i;
	int variant;

	for (i = 0; i < passes; i++) {
		for (variant = 0; variant < VARIANTS; variant++)
			ns[variant] = measure(variant, batches);
		classic[i] = ns[CLASSIC] - ns[CLASSIC_NONE];
		translated[i] = ns[TRANSLATED] - ns[TRANSLATED_NONE];
		all[0][i] = ns[CLASSIC];
		all[1][i] = ns[TRANSLATED];
	}
	printf("classic=%.2f translated=%.2f classic_all=%.1f translated_all=%.1f\n",
	    median(classic, passes), median(translated, passes), median(all[0], passes),
	    median(all[1], passes));
}

int main(int argc, char **argv)
{
	unsigned int passes = 1, batches = 1;
	int opt, dlt = BPFPROBE_DLT_EN10MB;

	while ((opt = getopt(argc, argv, "C:n:b:y:")) != -1) {
		if (opt == 'C')
			pin(atoi(optarg));
		else if (opt == 'n')
			passes = (unsigned int)strtoul(optarg, NULL, 10);
		else if (opt == 'b')
			batches = (unsigned int)strtoul(optarg, NULL, 10);
		else if (opt == 'y')
			dlt = strcmp(optarg, "EN10MB") ? BPFPROBE_DLT_LINUX_SLL2 :
							 BPFPROBE_DLT_EN10MB;
	}
	if (argc - optind != 1 || passes < 1 || passes > PASSES_MAX || batches < 1)
		die("usage",
		    "solo [-C CPU] [-n PASSES] [-b BATCHES] [-y EN10MB | LINUX_SLL2] FILTER");
	count = reference_compile(dlt, argv[optind], 1, filter, BPFPROBE_FILTER_MAX);
	if (count == 0)
		die(argv[optind], "libpcap refuses it");
	if (sockprog_open(&sp) < 0)
		die("sockprog_open", "the kernel takes none of the programs");
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets) < 0)
		die("socketpair", strerror(errno));
	make_packet(dlt);
	load(dlt);
	measure_all(passes, batches);
	return 0;
}
