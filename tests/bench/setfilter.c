// SPDX-License-Identifier: BSD-3-Clause
/*
 * setfilter: how long it takes to set a filter on a device that captures.
 *
 *	setfilter [-n TIMES] -i DEVICE FILTER
 *
 * Prints "classic=N translated=N verified=N jited=N reads=HOW" and "ms=T": the
 * instructions before and after the translation, those of the whole program that
 * the verifier has gone through ("-": the kernel does not count them), the bytes
 * of its machine code, and the median time.
 */
#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/leaf.h"
#include "tests/bench/sockprog.h"

#define TIMES_MAX 1000

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "setfilter: %s: %s\n", what, detail);
	exit(2);
}

static pcap_t *open_device(const char *device)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pc = pcap_create(device, err);

	if (!pc)
		die(device, err);
	if (pcap_activate(pc) < 0)
		die(device, pcap_geterr(pc));
	return pc;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static double set_ms(pcap_t *pc, struct bpf_program *program)
{
	double start = now_ms();

	if (pcap_setfilter(pc, program) < 0)
		die("pcap_setfilter", pcap_geterr(pc));
	return now_ms() - start;
}

/* Also attaches the probe, the first time, which a program that sets filters waits for once. */
static void set_first(pcap_t *pc)
{
	struct bpf_program program;

	if (pcap_compile(pc, &program, "less 1", 1, PCAP_NETMASK_UNKNOWN) < 0)
		die("less 1", pcap_geterr(pc));
	set_ms(pc, &program);
	pcap_freecode(&program);
}

/* Another capture that sets a filter at the same moment has a leaf of the same name: once more. */
static void measure_leaf(pcap_t *pc, struct bpf_program *program, struct leaf *leaf)
{
	unsigned int before, i;

	for (i = 0; i < 10; i++) {
		before = leaf_newest();
		set_ms(pc, program);
		if (leaf_find(before, leaf) == 1)
			return;
	}
	die("pcap_setfilter", "the filter does not go into the kernel");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median_ms(pcap_t *pc, struct bpf_program *program, unsigned int times)
{
	static double ms[TIMES_MAX];
	unsigned int i;

	for (i = 0; i < times; i++)
		ms[i] = set_ms(pc, program);
	qsort(ms, times, sizeof(ms[0]), compare);
	return (ms[(times - 1) / 2] + ms[times / 2]) / 2;
}

static void print_sizes(pcap_t *pc, const struct bpf_program *program, const struct leaf *leaf)
{
	struct sockprog sp;
	unsigned int translated;
	char why[256];

	if (sockprog_open(&sp) < 0)
		die("sockprog_open", "the kernel takes none of the programs");
	translated =
	    sockprog_translated(&sp, program->bf_insns, program->bf_len, pcap_datalink(pc), why);
	if (translated == 0)
		die("the translation", why);
	printf("classic=%u translated=%u ", program->bf_len, translated);
	if (leaf->verified > 0)
		printf("verified=%u ", leaf->verified);
	else
		printf("verified=- ");
	printf("jited=%u reads=%s ", leaf->jited, sockprog_reads(&sp));
}

int main(int argc, char **argv)
{
	const char *device = NULL;
	unsigned int times = 1;
	struct bpf_program program;
	struct leaf leaf;
	pcap_t *pc;
	int opt;

	while ((opt = getopt(argc, argv, "i:n:")) != -1) {
		if (opt == 'i')
			device = optarg;
		else if (opt == 'n')
			times = (unsigned int)strtoul(optarg, NULL, 10);
	}
	if (!device || argc - optind != 1 || times < 1 || times > TIMES_MAX)
		die("usage", "setfilter [-n TIMES] -i DEVICE FILTER");
	pc = open_device(device);
	if (pcap_compile(pc, &program, argv[optind], 1, PCAP_NETMASK_UNKNOWN) < 0)
		die(argv[optind], pcap_geterr(pc));
	set_first(pc);
	measure_leaf(pc, &program, &leaf);
	print_sizes(pc, &program, &leaf);
	printf("ms=%.3f\n", median_ms(pc, &program, times));
	pcap_freecode(&program);
	pcap_close(pc);
	return 0;
}
