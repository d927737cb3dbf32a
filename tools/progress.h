/* SPDX-License-Identifier: BSD-3-Clause */
/* How a capture gets on: one line of a terminal, again and again. */
#ifndef BPFPROBE_PROGRESS_H
#define BPFPROBE_PROGRESS_H

#include <stdint.h>

struct bpfprobe_progress {
	int wanted;
	int width;	/* of the line that is shown; 0: none is */
	uint64_t shown; /* when, ns of CLOCK_MONOTONIC */
};

/* Nothing is shown unless standard error is a terminal, nor with `quiet`. */
void bpfprobe_progress_init(struct bpfprobe_progress *progress, int quiet);

/* Shows it, if that was done a second ago or earlier; `bytes`: of the packets, as captured. */
void bpfprobe_progress_show(
    struct bpfprobe_progress *progress, uint64_t packets, uint64_t bytes, uint64_t lost);

/* Takes it away, for what else is to be said. */
void bpfprobe_progress_clear(struct bpfprobe_progress *progress);

#endif
