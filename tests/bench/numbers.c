// SPDX-License-Identifier: BSD-3-Clause
/*
 * numbers: how many of the frames of flood, of stream 0, are in a file.
 *
 *	numbers [-t TIMES] FILE
 *
 * Prints how many packets the file has. Each frame may be there TIMES times (1), in any order;
 * one that is there more often, or is none of the flood, makes the exit status 1. The packets
 * are Ethernet or LINUX_SLL2.
 */
#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/frame.h"

#define NUMBERS (1u << 24)

static uint8_t times[NUMBERS];

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "numbers: %s: %s\n", what, detail);
	exit(2);
}

/* Whether this is a frame of the flood, and not there too often. */
static int is_right(const uint8_t *ip, uint32_t length, int limit)
{
	uint32_t number;

	if (length < FRAME_NUMBER_AT + 4 || ip[FRAME_PORT_AT] != 0 ||
	    ip[FRAME_PORT_AT + 1] != FRAME_PORT)
		return 0;
	memcpy(&number, ip + FRAME_NUMBER_AT, sizeof(number));
	number = __builtin_bswap32(number);
	return number < NUMBERS && ++times[number] <= limit;
}

int main(int argc, char **argv)
{
	char err[PCAP_ERRBUF_SIZE];
	uint64_t packets = 0, wrong = 0;
	struct pcap_pkthdr *h;
	const u_char *data;
	uint32_t ip_at;
	int opt, rc, limit = 1;
	pcap_t *pc;

	while ((opt = getopt(argc, argv, "t:")) != -1)
		limit = opt == 't' ? atoi(optarg) : 0;
	if (argc - optind != 1 || limit < 1 || limit > 100)
		die("usage", "numbers [-t TIMES] FILE");
	pc = pcap_open_offline(argv[optind], err);
	if (!pc)
		die(argv[optind], err);
	ip_at = pcap_datalink(pc) == DLT_LINUX_SLL2 ? 20 : FRAME_ETH;
	while ((rc = pcap_next_ex(pc, &h, &data)) == 1) {
		packets++;
		wrong += h->caplen < ip_at || !is_right(data + ip_at, h->caplen - ip_at, limit);
	}
	if (rc != PCAP_ERROR_BREAK)
		die(argv[optind], pcap_geterr(pc));
	if (wrong > 0)
		fprintf(stderr, "numbers: %llu frames too often, or not of the flood\n",
		    (unsigned long long)wrong);
	printf("%llu\n", (unsigned long long)packets);
	return wrong > 0;
}
