// SPDX-License-Identifier: BSD-3-Clause
/*
 * emit: the least that a program can do with perf's rings and a program of BPF (emit.bpf.c):
 * count the packets, at the tracepoint net_dev_queue or, with -x, at XDP of the driver.
 *
 *	emit [-x] [-s SNAPLEN] -i IFNAME ["tcp port 80"]
 *
 * Talks like tcpdump (talk.h), and looks at the numbers as loop does. With -x, -s 0 emits
 * nothing: a program that only lets all packets pass.
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

#define RING (2u << 20) /* of each CPU */
#define CPUS_MAX 4096
#define SNAPLEN_MAX 65000 /* a sample's size has 16 bits */

struct sample {
	struct perf_event_header header;
	uint32_t size, len, caplen;
	uint8_t data[];
};

static struct seen seen;
static struct emit_bpf *emit;

static void die(const char *what, int err)
{
	talk_die("emit", what, strerror(err));
}

static enum bpf_perf_event_ret got(void *ctx, int cpu, struct perf_event_header *event)
{
	struct sample *s = (void *)event;

	(void)ctx;
	(void)cpu;
	if (event->type == PERF_RECORD_SAMPLE)
		seen_add(
		    &seen, s->data + FRAME_ETH, s->caplen < FRAME_ETH ? 0 : s->caplen - FRAME_ETH);
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
	    .wakeup_watermark = RING / 4};
	struct perf_buffer *rings = perf_buffer__new_raw(
	    bpf_map__fd(emit->maps.ring), RING / (uint32_t)getpagesize(), &attr, got, NULL, NULL);

	if (!rings)
		die("its rings", errno);
	return rings;
}

static void start(int xdp, int ifindex, uint32_t snaplen, int port80)
{
	struct bpf_link *link;

	emit = emit_bpf__open();
	if (!emit)
		die("its programs", errno);
	emit->rodata->ifindex = ifindex;
	emit->rodata->snaplen = snaplen < SNAPLEN_MAX ? snaplen : SNAPLEN_MAX;
	emit->rodata->port80 = (uint32_t)port80;
	bpf_program__set_autoload(xdp ? emit->progs.emit_skb : emit->progs.emit_xdp, false);
	if (emit_bpf__load(emit) < 0)
		die("loading its program", errno);
	link = xdp ? bpf_program__attach_xdp(emit->progs.emit_xdp, ifindex)
		   : bpf_program__attach(emit->progs.emit_skb);
	if (!link)
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

int main(int argc, char **argv)
{
	const char *name = NULL;
	uint32_t snaplen = SNAPLEN_MAX;
	struct perf_buffer *rings;
	int opt, xdp = 0;

	while ((opt = getopt(argc, argv, "i:s:x")) != -1) {
		if (opt == 'i')
			name = optarg;
		else if (opt == 's')
			snaplen = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 'x')
			xdp = 1;
	}
	if (!name || (argc > optind && (xdp || strcmp(argv[optind], "tcp port 80") != 0)))
		talk_die("emit", "usage", "emit [-x] [-s SNAPLEN] -i IFNAME [\"tcp port 80\"]");
	if (if_nametoindex(name) == 0)
		die(name, errno);
	start(xdp, (int)if_nametoindex(name), snaplen, argc > optind);
	rings = open_rings();
	talk_begin("emit", name, NULL);
	read_rings(rings);
	return talk_end(&seen, dropped());
}
