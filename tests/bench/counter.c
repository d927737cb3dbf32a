// SPDX-License-Identifier: BSD-3-Clause
/*
 * counter: runs the program of counter.bpf.c, in whose time all others are measured.
 *
 * Talks like tcpdump: "listening on" when it counts, the count in one line on
 * SIGUSR1, and at the end, by SIGINT. It counts what all namespaces send.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/bench/counter.skel.h"

#define CPUS_MAX 4096

static void die(const char *what, int err)
{
	fprintf(stderr, "counter: %s: %s\n", what, strerror(err));
	exit(2);
}

static void report(int map)
{
	static uint64_t values[CPUS_MAX];
	int cpu, cpus = libbpf_num_possible_cpus();
	uint64_t sum = 0;
	uint32_t zero = 0;

	if (cpus <= 0 || cpus > CPUS_MAX || bpf_map_lookup_elem(map, &zero, values) < 0)
		die("its map", errno);
	for (cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	fprintf(stderr, "counter: %llu packets captured, 0 packets dropped by kernel\n",
	    (unsigned long long)sum);
}

int main(void)
{
	struct counter_bpf *counter;
	sigset_t signals;
	int sig;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	/* A shell has what it starts in the background ignore SIGINT: it would not even wait. */
	signal(SIGINT, SIG_DFL);
	counter = counter_bpf__open_and_load();
	if (!counter || counter_bpf__attach(counter) < 0)
		die("its program", errno);
	fputs("listening on net_dev_queue\n", stderr);
	do {
		if (sigwait(&signals, &sig) != 0)
			die("sigwait", errno);
		report(bpf_map__fd(counter->maps.counter));
	} while (sig != SIGINT);
	counter_bpf__destroy(counter);
	return 0;
}
