// SPDX-License-Identifier: BSD-3-Clause
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/talk.h"

volatile sig_atomic_t talk_asked, talk_ended;
static const char *name;
static void (*waker)(void);

void talk_die(const char *program, const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s: %s\n", program, what, detail);
	exit(2);
}

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		talk_asked = 1;
	else
		talk_ended = 1;
	if (waker)
		waker();
}

void talk_begin(const char *program, const char *device, void (*wake)(void))
{
	name = program;
	waker = wake;
	signal(SIGINT, on_signal);
	signal(SIGUSR1, on_signal);
	fprintf(stderr, "listening on %s\n", device);
}

void talk_counts(const struct seen *seen, uint64_t dropped)
{
	fprintf(stderr, "%s: %llu packets captured, %llu packets dropped by kernel\n", name,
	    (unsigned long long)seen->packets, (unsigned long long)dropped);
}

int talk_end(const struct seen *seen, uint64_t dropped)
{
	talk_counts(seen, dropped);
	if (seen->wrong > 0)
		fprintf(stderr, "%s: %llu frames twice, out of order, or not of the flood\n", name,
		    (unsigned long long)seen->wrong);
	return seen->wrong > 0;
}
