// SPDX-License-Identifier: BSD-3-Clause
/*
 * pcaploop's mode "swap=N": sets one of two filters N times, alternately, while
 * numbered packets (numbered.h) come.  Both let the even numbers pass, each one
 * class of odd ones beside.  So whatever happens in between, each even number
 * has to come once, and what a filter rejects never while it is set.
 */
#include <arpa/inet.h>
#include <pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pcaploop-modes.h"

/* In SLL2: the number is at 8 in the UDP payload, behind the headers of SLL2, IPv4 and UDP. */
#define NUMBER_AT (20 + 20 + 8 + 8)
#define QUIET_NS 2000000000LL

static struct {
	struct bpf_program filter[2];
	unsigned int now; /* which of them is set */
	uint8_t *seen;	  /* of each even number / 2 */
	uint32_t count;	  /* numbers from 0 on */
	uint64_t packets, twice, wrong, odd[2];
} swap;

static void check(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	uint32_t number;

	(void)user;
	swap.packets++;
	if (!pcap_offline_filter(&swap.filter[swap.now], h, data)) {
		swap.wrong++;
		return;
	}
	memcpy(&number, data + NUMBER_AT, sizeof(number));
	number = ntohl(number);
	if (number % 2) {
		swap.odd[swap.now]++;
	} else if (number / 2 < swap.count / 2) {
		if (swap.seen[number / 2]++)
			swap.twice++;
	}
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int compile(pcap_t *pc, const char *port)
{
	char text[200];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "udp port %s and (udp[19] & 1 = 0 or udp[19] & 7 = %u)",
		    port, i ? 3 : 1);
		if (pcap_compile(pc, &swap.filter[i], text, 1, PCAP_NETMASK_UNKNOWN) < 0 ||
		    (i == 0 && pcap_setfilter(pc, &swap.filter[0]) < 0)) {
			printf("setfilter=-1 %s\n", pcap_geterr(pc));
			return -1;
		}
	}
	return 0;
}

/* Until no packet has come for a while. */
static int swap_under_traffic(pcap_t *pc, unsigned long swaps)
{
	int64_t last = now_ns(), spent = 0, start;
	unsigned long done = 0;
	int n;

	while (now_ns() - last < QUIET_NS) {
		n = pcap_dispatch(pc, -1, check, NULL);
		if (n < 0)
			return n;
		if (n > 0)
			last = now_ns();
		if (done >= swaps || !swap.packets)
			continue;
		swap.now = !swap.now;
		start = now_ns();
		if (pcap_setfilter(pc, &swap.filter[swap.now]) < 0)
			return -1;
		last = now_ns(); /* it may take long in a slow machine */
		spent += last - start;
		done++;
	}
	printf("swaps=%lu\nswap_us=%.0f\n", done, done ? (double)spent / 1000 / (double)done : 0.0);
	return 0;
}

/* "N,COUNT,PORT": swaps, numbers that are sent, their port. */
int pcaploop_swap(const struct pcaploop_options *opt, const char *what)
{
	char port[16] = "";
	unsigned long swaps;
	struct pcap_stat stats = { 0, 0, 0 };
	pcap_t *pc = NULL;
	uint32_t i, missing = 0;
	int rc;

	if (sscanf(what, "%lu,%u,%15s", &swaps, &swap.count, port) != 3)
		return 2;
	swap.seen = calloc(swap.count / 2 + 1, 1);
	if (swap.seen)
		pc = pcaploop_open(opt);
	if (!pc || compile(pc, port) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	rc = swap_under_traffic(pc, swaps);
	for (i = 0; i < swap.count / 2; i++) {
		if (!swap.seen[i] && !missing++)
			printf("first_missing=%u\n", 2 * i);
	}
	pcap_stats(pc, &stats);
	printf("rc=%d\npackets=%ju\ndrop=%u\nmissing=%u\ntwice=%ju\nwrong=%ju\nodd0=%ju\nodd1=%ju\n", rc,
	    (uintmax_t)swap.packets, stats.ps_drop, missing, (uintmax_t)swap.twice, (uintmax_t)swap.wrong,
	    (uintmax_t)swap.odd[0], (uintmax_t)swap.odd[1]);
	pcap_close(pc);
	return rc < 0;
}
