// SPDX-License-Identifier: BSD-3-Clause
/*
 * emit: the least that a program can do with perf's rings and a program of BPF (emit.bpf.c):
 * count the packets, at the tracepoint net_dev_queue, at those of -t (up to 8) with a program
 * each and one set of rings, or, with -x, at XDP of the driver.
 *
 *	emit [-x | -t TRACEPOINT...] [-B KIB] [-s SNAPLEN] -i IFNAME [-i IFNAME] ["tcp port 80"]
 *
 * Talks like tcpdump (talk.h), and looks at the numbers as loop does. -B: each ring. -s 0 emits
 * nothing: a program that returns at once, or, with -x, lets all packets pass.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/bench/emit.skel.h"
#include "tests/bench/talk.h"

#define CPUS_MAX 4096
#define PLACES_MAX 8
#define SNAPLEN_MAX 65000 /* a sample's size has 16 bits */

struct sample {
	struct perf_event_header header;
	uint32_t size, len, caplen;
	uint8_t data[];
};

static struct seen seen;
static struct emit_bpf *emit; /* that of the first place, whose maps all others have */
static const char *places[PLACES_MAX + 1] = {"net_dev_queue"};
static uint32_t snaplen = SNAPLEN_MAX, ring_size = 2u << 20, port80;
static int xdp, ifindex, ifindex2;

static void die(const char *what, int err)
{
	talk_die("emit", what, strerror(err));
}

/* Where IPv4 begins: of a frame that came in the kernel has the Ethernet header behind it. */
static uint32_t ip_at(const struct sample *s)
{
	return s->caplen > 0 && s->data[0] == 0x45 ? 0 : FRAME_ETH;
}

static enum bpf_perf_event_ret got(void *ctx, int cpu, struct perf_event_header *event)
{
	struct sample *s = (void *)event;
	uint32_t at;

	(void)ctx;
	(void)cpu;
	if (event->type != PERF_RECORD_SAMPLE)
		return LIBBPF_PERF_EVENT_CONT;
	at = ip_at(s);
	seen_add(&seen, s->data + at, s->caplen < at ? 0 : s->caplen - at);
	return LIBBPF_PERF_EVENT_CONT;
}

static struct perf_buffer *open_rings(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
	    .type = PERF_TYPE_SOFTWARE,
	    .config = PERF_COUNT_SW_BPF_OUTPUT,
	    .sample_type = PERF_SAMPLE_RAW,
	    .sample_period = 1,
	    .watermark = 1,
	    .wakeup_watermark = ring_size / 4};
	struct perf_buffer *rings = perf_buffer__new_raw(bpf_map__fd(emit->maps.ring),
	    ring_size / (uint32_t)getpagesize(), &attr, got, NULL, NULL);

	if (!rings)
		die("its rings", errno);
	return rings;
}

static struct bpf_program *program_of(struct emit_bpf *programs, const char *place)
{
	if (xdp)
		return programs->progs.emit_xdp;
	if (strcmp(place, "qdisc_enqueue") == 0)
		return programs->progs.emit_third;
	if (strcmp(place, "qdisc_dequeue") == 0)
		return programs->progs.emit_fourth;
	return programs->progs.emit_skb;
}

/* All but one of the programs are for other places. */
static struct bpf_program *choose(struct emit_bpf *programs, const char *place)
{
	struct bpf_program *chosen = program_of(programs, place), *p;

	p = NULL;
	while ((p = bpf_object__next_program(programs->obj, p)))
		bpf_program__set_autoload(p, p == chosen);
	if (!xdp && bpf_program__set_attach_target(chosen, 0, place) < 0)
		die(place, errno);
	return chosen;
}

static void share_maps(struct emit_bpf *programs)
{
	if (bpf_map__reuse_fd(programs->maps.ring, bpf_map__fd(emit->maps.ring)) < 0 ||
	    bpf_map__reuse_fd(programs->maps.lost, bpf_map__fd(emit->maps.lost)) < 0)
		die("its maps", errno);
}

static void start(const char *place)
{
	struct emit_bpf *programs = emit_bpf__open();
	struct bpf_program *program;

	if (!programs)
		die("its programs", errno);
	programs->rodata->ifindex = ifindex;
	programs->rodata->ifindex2 = ifindex2;
	programs->rodata->snaplen = snaplen < SNAPLEN_MAX ? snaplen : SNAPLEN_MAX;
	programs->rodata->port80 = port80;
	program = choose(programs, place);
	if (emit)
		share_maps(programs);
	else
		emit = programs;
	if (emit_bpf__load(programs) < 0)
		die("loading its program", errno);
	if (xdp ? !bpf_program__attach_xdp(program, ifindex) : !bpf_program__attach(program))
		die("attaching its program", errno);
}

static uint64_t dropped(void)
{
	static uint64_t values[CPUS_MAX];
	int cpu, cpus = libbpf_num_possible_cpus();
	uint64_t sum = 0;
	uint32_t zero = 0;

	if (cpus <= 0 || cpus > CPUS_MAX ||
	    bpf_map_lookup_elem(bpf_map__fd(emit->maps.lost), &zero, values) < 0)
		die("its map", errno);
	for (cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	return sum;
}

/* What does not fill a quarter of a ring wakes nobody. */
static void read_rings(struct perf_buffer *rings)
{
	int n;

	while (!talk_ended) {
		n = perf_buffer__poll(rings, 100);
		if (n < 0 && n != -EINTR)
			die("perf_buffer__poll", -n);
		if (n <= 0)
			perf_buffer__consume(rings);
		if (talk_asked)
			talk_counts(&seen, dropped());
		talk_asked = 0;
	}
}

static void look_up(const char *name)
{
	int index = (int)if_nametoindex(name);

	if (index == 0)
		die(name, errno);
	if (ifindex == 0)
		ifindex = index;
	else
		ifindex2 = index;
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	struct perf_buffer *rings;
	int opt, i, count = 0;

	while ((opt = getopt(argc, argv, "B:i:s:t:x")) != -1) {
		if (opt == 'B')
			ring_size = (uint32_t)strtoul(optarg, NULL, 10) << 10;
		else if (opt == 'i')
			look_up(name = optarg);
		else if (opt == 's')
			snaplen = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 't' && count < PLACES_MAX)
			places[count++] = optarg;
		else if (opt == 'x')
			xdp = 1;
	}
	if (!name || (argc > optind && (xdp || strcmp(argv[optind], "tcp port 80") != 0)))
		talk_die("emit", "usage",
		    "emit [-x | -t TRACEPOINT...] [-B KIB] [-s SNAPLEN] -i IFNAME [-i IFNAME] "
		    "[\"tcp port 80\"]");
	port80 = argc > optind;
	seen.again = count > 1;
	for (i = 0; places[i]; i++)
		start(places[i]);
	rings = open_rings();
	talk_begin("emit", name, NULL);
	read_rings(rings);
	return talk_end(&seen, dropped());
}
