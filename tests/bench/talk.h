/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the readers talk, which is like tcpdump: "listening on" when they capture, the counts
 * in one line on SIGUSR1, and at the end, by SIGINT.
 */
#ifndef BPFPROBE_BENCH_TALK_H
#define BPFPROBE_BENCH_TALK_H

#include <signal.h>

#include "tests/bench/frame.h"

extern volatile sig_atomic_t talk_asked, talk_ended;

/* Ends the program, with status 2. */
void talk_die(const char *program, const char *what, const char *detail);

/* Says that `program` listens; the signals call wake(), if there is one, which must be fit for it.
 */
void talk_begin(const char *program, const char *device, void (*wake)(void));

/* Prints the counts. */
void talk_counts(const struct seen *seen, uint64_t dropped);

/* Prints them for the last time. Returns the exit status: 1 if a number was wrong. */
int talk_end(const struct seen *seen, uint64_t dropped);

#endif
