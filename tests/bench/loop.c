// SPDX-License-Identifier: BSD-3-Clause
/*
 * loop: the least that a program can do with libpcap: count the packets.
 *
 *	loop [-s SNAPLEN] [-y DLT] -i DEVICE [FILTER]
 *
 * Talks like tcpdump: "listening on" when it captures, the counts in one line on
 * SIGUSR1, and at the end, by SIGINT. It looks at the number in each of flood's
 * frames: one that comes twice or out of order makes the exit status 1.
 */
#include <pcap.h>
#include <signal.h>
#include <unistd.h>

#include "tests/live/numbered.h"

static volatile sig_atomic_t asked, ended;
static pcap_t *pc;
static uint64_t packets, wrong;
static uint32_t number_at, next;

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "loop: %s: %s\n", what, detail);
	exit(2);
}

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		asked = 1;
	else
		ended = 1;
	/* On an idle interface pcap_dispatch() would not return. */
	pcap_breakloop(pc);
}

static void got(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	uint32_t number;

	(void)user;
	packets++;
	if (h->caplen < number_at + 4) {
		wrong++;
		return;
	}
	number = numbered_get32(data + number_at);
	if (number < next)
		wrong++;
	next = number + 1;
}

static void report(void)
{
	struct pcap_stat ps;

	if (pcap_stats(pc, &ps) < 0)
		die("pcap_stats", pcap_geterr(pc));
	fprintf(stderr,
	    "loop: %llu packets captured, %u packets received by filter, %u packets dropped by "
	    "kernel\n",
	    (unsigned long long)packets, ps.ps_recv, ps.ps_drop);
}

static void open_device(const char *device, int snaplen, const char *dlt)
{
	char err[PCAP_ERRBUF_SIZE];

	pc = pcap_create(device, err);
	if (!pc)
		die(device, err);
	pcap_set_snaplen(pc, snaplen);
	pcap_set_timeout(pc, 100);
	if (pcap_activate(pc) < 0)
		die(device, pcap_geterr(pc));
	if (dlt && pcap_set_datalink(pc, pcap_datalink_name_to_val(dlt)) < 0)
		die(dlt, pcap_geterr(pc));
	number_at = (pcap_datalink(pc) == DLT_LINUX_SLL2 ? 20 : 14) + 28 + 8;
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
	int opt, rc, snaplen = 262144;

	while ((opt = getopt(argc, argv, "i:s:y:")) != -1) {
		if (opt == 'i')
			device = optarg;
		else if (opt == 's')
			snaplen = atoi(optarg);
		else if (opt == 'y')
			dlt = optarg;
	}
	if (!device)
		die("usage", "loop [-s SNAPLEN] [-y DLT] -i DEVICE [FILTER]");
	open_device(device, snaplen, dlt);
	if (optind < argc)
		set_filter(argv[optind]);
	signal(SIGINT, on_signal);
	signal(SIGUSR1, on_signal);
	fprintf(stderr, "listening on %s\n", device);
	while (!ended) {
		rc = pcap_dispatch(pc, -1, got, NULL);
		if (rc < 0 && rc != PCAP_ERROR_BREAK)
			die("pcap_dispatch", pcap_geterr(pc));
		if (asked)
			report();
		asked = 0;
	}
	report();
	pcap_close(pc);
	if (wrong > 0)
		fprintf(
		    stderr, "loop: %llu frames twice or out of order\n", (unsigned long long)wrong);
	return wrong > 0;
}
