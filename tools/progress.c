/* SPDX-License-Identifier: BSD-3-Clause */
/* See progress.h. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "tools/progress.h"

#define NS_PER_SEC 1000000000ULL

void
bpfprobe_progress_init(struct bpfprobe_progress *progress, int quiet)
{
	progress->wanted = !quiet && isatty(STDERR_FILENO);
	progress->width = 0;
	progress->shown = 0;
}

static uint64_t
now(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

void
bpfprobe_progress_show(
    struct bpfprobe_progress *progress, uint64_t packets, uint64_t bytes, uint64_t lost)
{
	uint64_t time;

	if (!progress->wanted)
		return;
	time = now();
	if (time - progress->shown < NS_PER_SEC)
		return;
	progress->shown = time;
	/* Numbers only grow, so that a line covers the one before. */
	progress->width = fprintf(stderr, "\r%llu packets, %llu bytes, %llu lost", (unsigned long long)packets,
	    (unsigned long long)bytes, (unsigned long long)lost) - 1;
}

void
bpfprobe_progress_clear(struct bpfprobe_progress *progress)
{
	if (progress->width > 0)
		fprintf(stderr, "\r%*s\r", progress->width, "");
	progress->width = 0;
}
