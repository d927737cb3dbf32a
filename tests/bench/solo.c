// SPDX-License-Identifier: BSD-3-Clause
/*
 * solo: what a filter that rejects costs by itself: translated, and as the kernel's
 * own classic BPF, compiled to machine code as well.
 *
 *	solo [-n PASSES] [-b BATCHES] [-y DLT] IFNAME FILTER
 *
 * Both are filters of packet sockets on an interface through which frames are sent
 * that they reject: what surrounds them is the same. There are several such sockets,
 * since one run of a filter takes less time than sending varies by; each has its own
 * copy, since one that is run again and again takes half the time. (BPF_PROG_TEST_RUN
 * would do that, and takes no classic BPF.) From each is subtracted the same with a
 * filter that rejects at once: for classic BPF "ret 0" alone; in the place of the
 * translated one a program that still makes the filter's view of the packet, which
 * is therefore in neither difference.
 *
 * Prints "classic=T translated=T classic_all=T translated_all=T": ns per run of a
 * filter, the differences, and all that sending took with the filter. In one pass
 * all four take their turn; of all passes the lower quartiles count.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
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
#define TAPS 8
#define COPIES 16
#define SPARE 64
#define FILLER_MAX 200

/* The frames of flood: Ethernet, IPv4, UDP to port 9. */
static const uint8_t frame[FRAME] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 50, 0,
    0, 0, 0, 64, IPPROTO_UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 9, 0, 9, 0, 30};

enum { CLASSIC_NONE, CLASSIC, TRANSLATED_NONE, TRANSLATED, VARIANTS };

static struct sock_filter filter[BPFPROBE_FILTER_MAX], reject = {BPF_RET | BPF_K, 0, 0, 0};
static unsigned int count;
static struct sockprog sp;
static int copies[2][COPIES]; /* of the program with the filter, and without */
static int sender, taps[TAPS];
/*
 * What is sent: the bytes that the user would see, in the place of a frame, for classic
 * BPF; the frame for the translated filter, which has its own view of it.
 */
static uint8_t shown[BPFPROBE_LINK_MAX + FRAME];
static struct iovec seen, whole;
static struct mmsghdr messages[BATCH];

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "solo: %s: %s\n", what, detail);
	exit(2);
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

/*
 * The machine code gets another place each time: the first that fits between the filters
 * of other sockets, whose lengths change. How fast it runs depends on its place, by as much
 * as is to be measured. Programs, which take longer to load, have copies instead.
 */
static void move_on(void)
{
	static struct sock_filter filler[FILLER_MAX];
	static int spare[SPARE][2];
	struct sock_fprog program = {0, filler};
	int i, *pair;

	for (i = 0; i < FILLER_MAX; i++) {
		filler[i].code = BPF_LD | BPF_B | BPF_ABS;
		filler[i].k = 0;
	}
	for (i = 0; i < SPARE / 4; i++) {
		pair = spare[random() % SPARE];
		if (pair[0] == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
			die("socketpair", strerror(errno));
		program.len = (unsigned short)(2 + random() % (FILLER_MAX - 2));
		filler[program.len - 1] = reject;
		if (setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
			die("setsockopt", strerror(errno));
		filler[program.len - 1] = filler[0];
	}
}

static int open_interface(const char *name, int protocol)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	ll.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || ll.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		die(name, strerror(errno));
	return fd;
}

static void open_sockets(const char *name)
{
	int i;

	sender = open_interface(name, 0);
	for (i = 0; i < TAPS; i++)
		taps[i] = open_interface(name, ETH_P_ALL);
}

static void load(int dlt)
{
	char why[256];
	int i, constant;

	for (i = 0; i < COPIES; i++) {
		for (constant = 0; constant < 2; constant++) {
			move_on();
			copies[constant][i] = sockprog_load(&sp, filter, count, dlt, constant, why);
			if (copies[constant][i] < 0)
				die("the translated filter", why);
		}
	}
}

static void attach(int variant)
{
	struct sock_fprog program = {(unsigned short)count, filter};
	const int *loaded = copies[variant == TRANSLATED_NONE];
	unsigned int first = (unsigned int)random();
	int err, i;

	if (variant == CLASSIC_NONE) {
		program.len = 1;
		program.filter = &reject;
	}
	move_on();
	for (i = 0; i < TAPS; i++) {
		if (variant <= CLASSIC)
			err = setsockopt(
			    taps[i], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
		else
			err = setsockopt(taps[i], SOL_SOCKET, SO_ATTACH_BPF,
			    &loaded[(first + (unsigned int)i) % COPIES], sizeof(*loaded));
		if (err < 0)
			die("setsockopt", strerror(errno));
	}
	for (i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = variant <= CLASSIC ? &seen : &whole;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static void send_batches(unsigned int batches)
{
	while (batches-- > 0) {
		if (sendmmsg(sender, messages, BATCH, 0) != BATCH)
			die("sendmmsg", strerror(errno));
	}
}

/* One batch that is not measured shows that the filters are there, and reject. */
static void try_out(int variant)
{
	uint8_t byte;
	int i;

	sp.verdict->verdict = -99;
	send_batches(1);
	for (i = 0; i < TAPS; i++) {
		if (recv(taps[i], &byte, 1, MSG_DONTWAIT) >= 0)
			die("the filter", "does not reject the packet");
	}
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
	return (cpu_ns() - start) / BATCH / TAPS / batches;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* What a disturbance adds, of the machine or of a bad place, is in the slower ones. */
static double lower_quartile(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 4];
}

static void measure_all(unsigned int passes, unsigned int batches)
{
	static double all[VARIANTS][PASSES_MAX];
	double ns[VARIANTS];
	unsigned int i;
	int variant;

	for (i = 0; i < passes; i++) {
		for (variant = 0; variant < VARIANTS; variant++)
			all[variant][i] = measure(variant, batches);
	}
	for (variant = 0; variant < VARIANTS; variant++)
		ns[variant] = lower_quartile(all[variant], passes);
	printf("classic=%.2f translated=%.2f classic_all=%.1f translated_all=%.1f\n",
	    ns[CLASSIC] - ns[CLASSIC_NONE], ns[TRANSLATED] - ns[TRANSLATED_NONE], ns[CLASSIC],
	    ns[TRANSLATED]);
}

int main(int argc, char **argv)
{
	unsigned int passes = 1, batches = 1;
	int opt, dlt = BPFPROBE_DLT_EN10MB;

	while ((opt = getopt(argc, argv, "n:b:y:")) != -1) {
		if (opt == 'n')
			passes = (unsigned int)strtoul(optarg, NULL, 10);
		else if (opt == 'b')
			batches = (unsigned int)strtoul(optarg, NULL, 10);
		else if (opt == 'y')
			dlt = strcmp(optarg, "EN10MB") ? BPFPROBE_DLT_LINUX_SLL2 :
							 BPFPROBE_DLT_EN10MB;
	}
	if (argc - optind != 2 || passes < 1 || passes > PASSES_MAX || batches < 1)
		die("usage",
		    "solo [-n PASSES] [-b BATCHES] [-y EN10MB | LINUX_SLL2] IFNAME FILTER");
	count = reference_compile(dlt, argv[optind + 1], 1, filter, BPFPROBE_FILTER_MAX);
	if (count == 0)
		die(argv[optind + 1], "libpcap refuses it");
	if (sockprog_open(&sp) < 0)
		die("sockprog_open", "the kernel takes none of the programs");
	open_sockets(argv[optind]);
	make_packet(dlt);
	load(dlt);
	measure_all(passes, batches);
	return 0;
}
