/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * diff [-m MODE] [-n PROGRAMS] [-c CUTS] [-e STRIDE] [-s SEED] EXPRESSIONS: the same verdict from
 *   - the translated filter, in a program of the kernel (verdict.bpf.c), by
 *     BPF_PROG_TEST_RUN, in one of the ways to read (0 to 4), if this kernel has it;
 *   - libpcap's bpf_filter(), over the bytes that a user would see;
 *   - the kernel's own classic BPF, over the same bytes (a socket's filter).
 * For the expressions of a file and for random programs, in all link types, with
 * packets that are linear to different depths.  Prints TAP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bpf/config.h"
#include "bpf/pflog.h"
#include "bpf/view.h"
#include "helper/fold.h"
#include "helper/probe.h"
#include "helper/splice.h"
#include "tests/diff/packets.h"
#include "tests/diff/verdict.h"
#include "tests/unit/random_filter.h"
#include "tests/unit/reference.h"
#include "tests/diff/verdict.skel.h"
#include "tests/diff/verdictdirect.skel.h"
#include "tests/diff/verdictpass.skel.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define FRAMES_MAX 2000
#define SNAPLEN 262144

static struct mode {
	const char *name;
	unsigned int reads;
	int l3; /* no packet has a MAC header */
	struct bpf_object *object; /* NULL: not on this kernel */
	struct bpf_program *program;
	struct verdict *verdict;
} modes[] = {
	{ "copies, constant offsets", 0, 0, NULL, NULL, NULL },
	{ "copies, variable offsets", BPFPROBE_READS_VARIABLE, 0, NULL, NULL, NULL },
	{ "direct", BPFPROBE_READS_DIRECT | BPFPROBE_READS_VARIABLE, 0, NULL, NULL, NULL },
	{ "XDP", BPFPROBE_READS_PACKET, 0, NULL, NULL, NULL },
	{ "XDP without MAC header", BPFPROBE_READS_PACKET, 1, NULL, NULL, NULL },
};

static const struct {
	const char *name;
	int dlt;
} links[] = {
	{ "EN10MB", BPFPROBE_DLT_EN10MB },
	{ "LINUX_SLL2", BPFPROBE_DLT_LINUX_SLL2 },
	{ "RAW", BPFPROBE_DLT_RAW },
	{ "PFLOG", BPFPROBE_DLT_PFLOG },
};

/* Why packets were dropped, by their index. */
static const struct {
	unsigned int index;
	struct bpfprobe_name16 name;
} names[] = {
	{ 12, { { 0x4654454e, 0x45544c49, 0x52445f52, 0x504f } } }, /* NETFILTER_DROP */
	{ 3, { { 0x535f4f4e, 0x454b434f, 0x54, 0 } } },		    /* NO_SOCKET */
	{ BPFPROBE_NAMES_PROBE + 1, { { 0x5f74656e, 0x5f766564, 0x75657571, 0x65 } } }, /* net_dev_queue */
};

/* Where the linear part of a packet ends: at its end, or where headers do. */
static const unsigned int depths[] = { PACKET_MAX, 14, 34, 54 };

static struct frame frames[FRAMES_MAX];
static unsigned int nframes;
static int sockets[2];
static int in_parts; /* whether the kernel makes XDP packets of two parts to test with */
static struct {
	unsigned long compared, accepted, undecided, whole, kernel, different;
} sum;

static int
is_xdp(const struct mode *mode)
{
	return (mode->reads & BPFPROBE_READS_PACKET) != 0;
}

/*
 * What a probe would know; every few packets have no MAC header, or a tag beside it.  An
 * XDP program knows of no tag, and has packets of one sort.
 */
static void
describe(struct bpfprobe_record *rec, const struct mode *mode, const struct frame *frame, unsigned int i)
{
	int l3 = is_xdp(mode) ? mode->l3 : i % 4 == 3;

	memset(rec, 0, sizeof(*rec));
	memcpy(&rec->protocol, frame->bytes + 12, 2);
	rec->ifindex = 3;
	rec->foreign = i % 5 == 0;
	rec->arphrd = 1;
	rec->pkttype = i % 2 ? 4 : 0;
	rec->layer = l3 ? BPFPROBE_LAYER_L3 : BPFPROBE_LAYER_L2;
	rec->l2len = rec->layer == BPFPROBE_LAYER_L2 ? 14 : 0;
	if (i % 7 == 2 && !is_xdp(mode)) {
		rec->vlan_proto = htobe16(0x8100);
		rec->vlan_tci = 100;
	}
	rec->len = rec->caplen = frame->len - (rec->l2len ? 0 : 14);
}

/* What else is known for PFLOG's header; the record's part of it, too. */
static void
describe_more(struct bpfprobe_seen *seen, struct bpfprobe_record *rec, unsigned int i)
{
	static const char ifnames[][IFNAMSIZ] = { "eth0", "eth1", "", "veth0123456789a" };

	memset(seen, 0, sizeof(*seen));
	seen->name = (__u16)names[i % ROWS(names)].index;
	seen->blocked = seen->name < BPFPROBE_NAMES_PROBE;
	seen->uid = i % 3;
	seen->pid = 1000 + i % 2;
	memcpy(seen->ifname, ifnames[i % ROWS(ifnames)], IFNAMSIZ);
	rec->probe = i % 2;
	rec->action = seen->name;
	rec->netns = 0xf0000000U + i % 2;
}

/* The bytes that the user sees, or that a filter does, which differ by the address family. */
static int
show_pflog(uint8_t *bytes, const uint8_t *pkt, const struct bpfprobe_record *rec, const struct bpfprobe_seen *seen)
{
	struct bpfprobe_pflog hdr;
	__u32 skip;
	size_t i;

	for (i = 0; names[i].index != seen->name; i++)
		;
	bpfprobe_pflog_begin(&hdr, bpfprobe_pflog_af(rec, pkt, &skip));
	bpfprobe_pflog_finish(&hdr, rec, seen, &names[i].name);
	memcpy(bytes, &hdr, sizeof(hdr));
	memcpy(bytes + sizeof(hdr), pkt + skip, rec->len - skip);
	return (int)(rec->len - skip + sizeof(hdr));
}

/* The bytes that the user sees; -1: the link type cannot carry the packet. */
static int
show(uint8_t *bytes, const struct frame *frame, const struct bpfprobe_record *rec,
    const struct bpfprobe_seen *seen, int dlt)
{
	const uint8_t *pkt = frame->bytes + (rec->l2len ? 0 : 14);
	struct bpfprobe_link link;

	if (dlt == BPFPROBE_DLT_PFLOG)
		return show_pflog(bytes, pkt, rec, seen);
	if (bpfprobe_link_make(&link, dlt, rec, pkt) < 0)
		return -1;
	memcpy(bytes, link.hdr, link.hdrlen);
	memcpy(bytes + link.hdrlen, pkt + link.skip, rec->len - link.skip);
	return (int)(rec->len - link.skip + link.hdrlen);
}

/* What a socket with this filter receives of the bytes: the kernel's own verdict. */
static unsigned int
classic(const uint8_t *bytes, unsigned int len)
{
	uint8_t got[PACKET_MAX + 64];
	ssize_t n;

	if (send(sockets[0], bytes, len, 0) < 0)
		return errno == EPERM ? 0 : ~0U;
	n = recv(sockets[1], got, sizeof(got), MSG_DONTWAIT);
	return n < 0 ? 0 : (unsigned int)n;
}

static int
set_classic(struct sock_filter *filter, unsigned int count)
{
	struct sock_fprog program = { (unsigned short)count, filter };

	return setsockopt(sockets[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* The packet is made of what follows its MAC header, if it is to have none, and as linear as the kernel can. */
static int
ask_xdp(const struct mode *mode, int fd, const struct frame *frame, const struct bpfprobe_record *rec,
    unsigned int linear, int64_t *verdict)
{
	struct xdp_md context;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes + frame->len - rec->len, .data_size_in = rec->len);

	memset(&context, 0, sizeof(context));
	context.data_end = linear;
	if (linear < rec->len) {
		opts.ctx_in = &context;
		opts.ctx_size_in = sizeof(context);
	}
	mode->verdict->rec = *rec;
	mode->verdict->verdict = -99;
	if (bpf_prog_test_run_opts(fd, &opts) < 0)
		return -1;
	if (mode->verdict->linear != linear) {
		errno = EPROTO;
		return -1;
	}
	*verdict = mode->verdict->verdict;
	return 0;
}

/* The kernel wants a MAC header to test with, and a whole IP header if that says so: a mere one in front. */
static int
ask(const struct mode *mode, int fd, const struct frame *frame, const struct bpfprobe_record *rec,
    unsigned int linear, int64_t *verdict)
{
	static uint8_t data[14 + PACKET_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = 14 + frame->len);

	if (is_xdp(mode))
		return ask_xdp(mode, fd, frame, rec, linear, verdict);
	memcpy(data + 14, frame->bytes, frame->len);
	mode->verdict->rec = *rec;
	mode->verdict->skip = rec->l2len ? 14 : 28;
	mode->verdict->linear = linear;
	mode->verdict->verdict = -99;
	if (bpf_prog_test_run_opts(fd, &opts) < 0)
		return -1;
	*verdict = mode->verdict->verdict;
	return 0;
}

static void
say_difference(const char *text, size_t link, const struct frame *frame, unsigned int linear,
    const struct mode *mode, int64_t verdict, unsigned int want)
{
	unsigned int i;

	if (sum.different++ >= 5)
		return;
	printf("# \"%s\" %s, %s, %s, linear %u: %lld, not %u\n# ", text, links[link].name, mode->name,
	    frame->what, linear, (long long)verdict, want);
	for (i = 0; i < frame->len; i++)
		printf("%02x", frame->bytes[i]);
	printf("\n");
}

static unsigned int
least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* One packet: `classic_too`: the kernel's own classic BPF has this filter. */
static void
compare(const struct mode *mode, int fd, const struct sock_filter *filter, size_t link,
    unsigned int i, int classic_too, const char *text)
{
	const struct frame *frame = &frames[i];
	struct bpfprobe_record rec;
	struct bpfprobe_seen *seen = &mode->verdict->seen;
	uint8_t bytes[PACKET_MAX + 64];
	unsigned int want, linear, depth;
	int64_t verdict;
	int len;

	describe(&rec, mode, frame, i);
	describe_more(seen, &rec, i);
	len = show(bytes, frame, &rec, seen, links[link].dlt);
	want = len >= 0 ? reference_run(filter, bytes, (unsigned int)len) : 0;
	for (depth = 0; depth < (is_xdp(mode) && !in_parts ? 1 : ROWS(depths)); depth++) {
		linear = least(rec.len, depths[depth]);
		if (ask(mode, fd, frame, &rec, linear, &verdict) < 0) {
			say_difference(text, link, frame, linear, mode, -errno, want);
			return;
		}
		sum.compared++;
		sum.accepted += want != 0;
		/* Whole, and all the same: loads of half a header that is made and half the packet. */
		sum.whole += verdict == BPFPROBE_UNDECIDED && linear == rec.len;
		if (verdict == BPFPROBE_UNDECIDED)
			sum.undecided++;
		else if (verdict != want)
			say_difference(text, link, frame, linear, mode, verdict, want);
	}
	if (!classic_too || len <= 0)
		return;
	sum.kernel++;
	verdict = classic(bytes, (unsigned int)len);
	if (verdict != least(want, (unsigned int)len))
		say_difference(text, link, frame, 0, mode, verdict, want);
}

/* Loads the filter; returns the program, or -1, and in *why of 256 bytes why not. */
static int
load(const struct mode *mode, const struct sock_filter *filter, unsigned int count, size_t link, char *why)
{
	struct bpfprobe_marks marks = { 1, (unsigned int)links[link].dlt, 0 };
	struct bpfprobe_translation translation;
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = bpf_program__flags(mode->program));
	struct sock_filter *folded = bpfprobe_fold(filter, count, BPFPROBE_PFLOG_LENGTH);
	const struct sock_filter *used = links[link].dlt == BPFPROBE_DLT_PFLOG ? folded : filter;
	struct bpf_insn *program;
	unsigned int min, max;
	size_t n;
	int fd;

	bpfprobe_link_bounds(links[link].dlt, &min, &max);
	if (is_xdp(mode))
		min = max = bpfprobe_link_untagged(links[link].dlt, !mode->l3);
	fd = bpfprobe_translate(&translation, used, count, mode->reads, min, max, why, 256);
	free(folded);
	if (fd < 0)
		return -1;
	program = bpfprobe_splice(bpf_program__insns(mode->program), bpf_program__insn_cnt(mode->program),
	    &translation, &marks, &n);
	free(translation.insns);
	if (program == NULL) {
		snprintf(why, 256, "splice: %s", strerror(errno));
		return -1;
	}
	fd = bpf_prog_load(bpf_program__type(mode->program), "verdict", "Dual BSD/GPL", program, n, &opts);
	if (fd < 0)
		snprintf(why, 256, "the kernel refuses %zu instructions: %s", n, strerror(errno));
	free(program);
	return fd;
}

static unsigned long tried[ROWS(links)], refused;

static void
try_expression(const struct mode *mode, size_t link, const char *text)
{
	static struct sock_filter filter[BPFPROBE_FILTER_MAX];
	/* bpf_filter() knows nothing beside the bytes; SLL2 has these among them, PFLOG the first. */
	int dlt = links[link].dlt, beside = dlt != BPFPROBE_DLT_LINUX_SLL2 &&
		((strstr(text, "bound") != NULL && dlt != BPFPROBE_DLT_PFLOG) || strstr(text, "ifindex") != NULL);
	unsigned int count = reference_compile(dlt, text, 1, filter, BPFPROBE_FILTER_MAX), i;
	int classic_too, fd;
	char why[256];

	if (count == 0 || beside)
		return;
	fd = load(mode, filter, count, link, why);
	if (fd < 0) {
		refused++;
		printf("# \"%.60s\" %s, %s: %s\n", text, links[link].name, mode->name, why);
		return;
	}
	tried[link]++;
	classic_too = mode == &modes[0] && set_classic(filter, count) == 0;
	for (i = 0; i < nframes; i++)
		compare(mode, fd, filter, link, i, classic_too, text);
	close(fd);
}

static void
try_random(const struct mode *mode, unsigned int number, uint64_t *seed)
{
	struct sock_filter filter[48];
	unsigned int count = random_filter(filter, ROWS(filter), 1, seed), i;
	size_t link = random_next(seed) % ROWS(links);
	char text[64], why[256];
	int classic_too, fd;

	snprintf(text, sizeof(text), "random program %u", number);
	fd = load(mode, filter, count, link, why);
	if (fd < 0) {
		refused++;
		if (refused < 5)
			printf("# %s: %s\n", text, why);
		return;
	}
	classic_too = set_classic(filter, count) == 0;
	for (i = 0; i < 6; i++)
		compare(mode, fd, filter, link, (unsigned int)(random_next(seed) % nframes), classic_too, text);
	close(fd);
}

static const void *
elf_of(const struct mode *mode, size_t *size)
{
	if (is_xdp(mode))
		return verdictpass_bpf__elf_bytes(size);
	return mode->reads & BPFPROBE_READS_DIRECT ? verdictdirect_bpf__elf_bytes(size) : verdict_bpf__elf_bytes(size);
}

static int
fill_names(struct bpf_object *object)
{
	int map = bpf_object__find_map_fd_by_name(object, "bpfprobe_names");
	size_t i;

	for (i = 0; i < ROWS(names); i++) {
		if (bpf_map_update_elem(map, &names[i].index, &names[i].name, BPF_ANY) < 0)
			return -1;
	}
	return 0;
}

/* As an XDP program for packets in fragments, where there are any (5.18). */
static int
load_object(struct mode *mode, unsigned int flags)
{
	struct bpfprobe_config config;
	struct bpf_map *map;
	const void *elf;
	size_t size;

	memset(&config, 0, sizeof(config));
	config.snaplen = SNAPLEN;
	config.most = UINT32_MAX / 2;
	config.arphrd = mode->l3 ? ARPHRD_NONE : ARPHRD_ETHER;
	elf = elf_of(mode, &size);
	mode->object = bpf_object__open_mem(elf, size, NULL);
	if (mode->object == NULL)
		return -1;
	mode->program = bpf_object__find_program_by_name(mode->object, "verdict");
	bpf_program__set_flags(mode->program, flags);
	map = bpf_object__find_map_by_name(mode->object, ".rodata");
	if (map == NULL || bpf_map__set_initial_value(map, &config, sizeof(config)) < 0 ||
	    bpf_object__load(mode->object) < 0 || fill_names(mode->object) < 0) {
		bpf_object__close(mode->object);
		mode->object = NULL;
		return -1;
	}
	return 0;
}

/* Since 6.18: commit fe9544ed1a2e ("bpf: Support specifying linear xdp packet data size for BPF_PROG_TEST_RUN"). */
static int
makes_parts(const struct mode *mode)
{
	static const struct frame frame = { .len = 60 };
	struct bpfprobe_record rec;
	int64_t verdict;

	memset(&rec, 0, sizeof(rec));
	rec.len = rec.caplen = frame.len;
	return ask_xdp(mode, bpf_program__fd(mode->program), &frame, &rec, 20, &verdict) == 0;
}

static void
open_mode(struct mode *mode)
{
	if (mode->reads == BPFPROBE_READS_VARIABLE && !bpfprobe_probe_reads_variable())
		return;
	if ((!is_xdp(mode) || load_object(mode, BPF_F_XDP_HAS_FRAGS) < 0) && load_object(mode, 0) < 0)
		return;
	mode->verdict = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
	    bpf_object__find_map_fd_by_name(mode->object, "bpfprobe_verdict"), 0);
	in_parts = is_xdp(mode) && makes_parts(mode);
}

/* The kernel makes no shorter packet to test with than of 14 bytes. */
static void
drop_short(unsigned int len)
{
	unsigned int i, n = 0;

	for (i = 0; i < nframes; i++) {
		if (frames[i].len >= len)
			frames[n++] = frames[i];
	}
	nframes = n;
}

/* Every one of `stride` expressions. */
static void
expressions(const struct mode *mode, const char *file, unsigned int stride)
{
	FILE *f = fopen(file, "r");
	unsigned int number = 0;
	char line[4096];
	size_t link;

	if (f == NULL) {
		perror(file);
		exit(2);
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || number++ % stride != 0)
			continue;
		for (link = 0; link < ROWS(links); link++)
			try_expression(mode, link, line);
	}
	fclose(f);
}

/* One line of TAP; what was compared since the last one must have come out both ways, often. */
static int
conclude(int number, const char *what, const struct mode *mode, unsigned long least_compared)
{
	int ok = sum.different == 0 && refused == 0 && sum.compared >= least_compared &&
		sum.whole <= sum.compared / 100 && sum.accepted > sum.compared / 50 && sum.compared - sum.accepted > sum.compared / 50;

	printf("# %lu compared, %lu accepted, %lu undecided (%lu of them whole), %lu with the kernel's own, %lu different, %lu refused\n",
	    sum.compared, sum.accepted, sum.undecided, sum.whole, sum.kernel, sum.different, refused);
	printf("%s %d %s: %s\n", ok ? "ok" : "not ok", number, what, mode->name);
	fflush(stdout);
	memset(&sum, 0, sizeof(sum));
	refused = 0;
	return ok;
}

int
main(int argc, char **argv)
{
	unsigned int programs = 100000, cuts = 4, stride = 1, i;
	uint64_t seed = 1;
	struct mode *mode = &modes[0];
	int c, ok;

	while ((c = getopt(argc, argv, "m:n:c:e:s:")) != -1) {
		if (c == 'm' && (size_t)atoi(optarg) < ROWS(modes))
			mode = &modes[atoi(optarg)];
		else if (c == 'n')
			programs = (unsigned int)atoi(optarg);
		else if (c == 'c')
			cuts = (unsigned int)atoi(optarg);
		else if (c == 'e')
			stride = (unsigned int)atoi(optarg);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (optind + 1 != argc || stride == 0)
		return 2;
	libbpf_set_print(NULL);
	nframes = make_frames(frames, FRAMES_MAX, cuts);
	if (mode->l3)
		drop_short(28);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets) < 0)
		return 2;
	printf("1..2\n");
	open_mode(mode);
	if (mode->object == NULL) {
		printf("ok 1 expressions # SKIP %s: not on this kernel\n", mode->name);
		printf("ok 2 random programs # SKIP %s: not on this kernel\n", mode->name);
		return 0;
	}
	if (is_xdp(mode) && !in_parts)
		printf("# all packets in one part\n");
	expressions(mode, argv[optind], stride);
	printf("# filters: EN10MB %lu, LINUX_SLL2 %lu, RAW %lu, PFLOG %lu; %u packets\n", tried[0], tried[1], tried[2],
	    tried[3], nframes);
	ok = tried[0] >= 300 / stride && tried[1] >= 250 / stride && tried[2] >= 250 / stride && tried[3] >= 200 / stride;
	ok &= conclude(1, "expressions", mode, 500UL / stride * nframes);
	for (i = 0; i < programs; i++)
		try_random(mode, i, &seed);
	ok &= conclude(2, "random programs", mode, programs * 6UL);
	return ok ? 0 : 1;
}
