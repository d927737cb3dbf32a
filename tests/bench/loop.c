// SPDX-License-Identifier: BSD-3-Clause
/*
 * loop: the least that a program can do with libpcap: count the packets.
 *
 *	loop [-r] [-B KIB] [-s SNAPLEN] [-y DLT] -i DEVICE [FILTER]
 *
 * Talks like tcpdump (talk.h). It looks at the number in each of flood's frames: one
 * that comes twice or out of order makes the exit status 1; with -r, for a device of
 * several places, they may. -B: libpcap's buffer.
 */
#include <pcap.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/talk.h"

static pcap_t *pc;
static struct seen seen;
static uint32_t ip_at;

static void die(const char *what, const char *detail)
{
	talk_die("loop", what, detail);
}

/* On an idle interface pcap_dispatch() would not return. */
static void wake(void)
{
	pcap_breakloop(pc);
}

static void got(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	(void)user;
	seen_add(&seen, data + ip_at, h->caplen < ip_at ? 0 : h->caplen - ip_at);
}

static uint64_t dropped(void)
{
	struct pcap_stat ps;

	if (pcap_stats(pc, &ps) < 0)
		die("pcap_stats", pcap_geterr(pc));
	return ps.ps_drop;
}

static void open_device(const char *device, int snaplen, int buffer, const char *dlt)
{
	char err[PCAP_ERRBUF_SIZE];

	pc = pcap_create(device, err);
	if (!pc)
		die(device, err);
	pcap_set_snaplen(pc, snaplen);
	pcap_set_timeout(pc, 100);
	if (buffer > 0)
		pcap_set_buffer_size(pc, buffer);
	if (pcap_activate(pc) < 0)
		die(device, pcap_geterr(pc));
	if (dlt && pcap_set_datalink(pc, pcap_datalink_name_to_val(dlt)) < 0)
		die(dlt, pcap_geterr(pc));
	ip_at = pcap_datalink(pc) == DLT_LINUX_SLL2 ? 20 : FRAME_ETH;
}

static void set_filter(const char *text)
{
	struct bpf_program program;

	if (pcap_compile(pc, &program, text, 1, PCAP_NETMASK_UNKNOWN) < 0 ||
	    pcap_setfilter(pc, &program) < 0)
		die(text, pcap_geterr(pc));
	pcap_freecode(&program);
}

int main(int argc, char **argv)
{
	const char *device = NULL, *dlt = NULL;
	int opt, rc, snaplen = 262144, buffer = 0;

	while ((opt = getopt(argc, argv, "B:i:rs:y:")) != -1) {
		if (opt == 'i')
			device = optarg;
		else if (opt == 'B')
			buffer = atoi(optarg) * 1024;
		else if (opt == 'r')
			seen.again = 1;
		else if (opt == 's')
			snaplen = atoi(optarg);
		else if (opt == 'y')
			dlt = optarg;
	}
	if (!device)
		die("usage", "loop [-r] [-B KIB] [-s SNAPLEN] [-y DLT] -i DEVICE [FILTER]");
	open_device(device, snaplen, buffer, dlt);
	if (optind < argc)
		set_filter(argv[optind]);
	talk_begin("loop", device, wake);
	while (!talk_ended) {
		rc = pcap_dispatch(pc, -1, got, NULL);
		if (rc < 0 && rc != PCAP_ERROR_BREAK)
			die("pcap_dispatch", pcap_geterr(pc));
		if (talk_asked)
			talk_counts(&seen, dropped());
		talk_asked = 0;
	}
	rc = talk_end(&seen, dropped());
	pcap_close(pc);
	return rc;
}
