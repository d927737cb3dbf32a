/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where packets are delivered: inplace DEVICE LINKTYPE COUNT captures so many
 * packets and prints how many of them were handed over in the ring itself, the
 * mapping of a perf event, and how many as a copy.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pcap/pcap.h>

struct counts {
	unsigned int in_ring;
	unsigned int copied;
};

/* Whether `address` lies in a mapping of a perf event of this process. */
static int in_perf_mapping(const void *address)
{
	unsigned long from, to, at = (unsigned long)(uintptr_t)address;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int found = 0;

	while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && at >= from && at < to)
			found = strstr(line, "perf_event") != NULL;
	}
	if (maps != NULL)
		fclose(maps);
	return found;
}

static void look(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct counts *counts = (struct counts *)user;

	(void)h;
	if (in_perf_mapping(bytes))
		counts->in_ring++;
	else
		counts->copied++;
}

int main(int argc, char **argv)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	struct counts counts = { 0, 0 };
	pcap_t *p;

	if (argc != 4) {
		fprintf(stderr, "usage: inplace DEVICE LINKTYPE COUNT\n");
		return 2;
	}
	p = pcap_open_live(argv[1], 0, 1, 100, errbuf);
	if (p == NULL || pcap_set_datalink(p, pcap_datalink_name_to_val(argv[2])) < 0) {
		fprintf(stderr, "inplace: %s\n", p == NULL ? errbuf : pcap_geterr(p));
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	if (pcap_loop(p, atoi(argv[3]), look, (u_char *)&counts) < 0)
		fprintf(stderr, "inplace: %s\n", pcap_geterr(p));
	printf("in_ring=%u copied=%u\n", counts.in_ring, counts.copied);
	pcap_close(p);
	return 0;
}
