/* SPDX-License-Identifier: BSD-3-Clause */
/* Random classic BPF programs, valid ones, for differential tests. */
#ifndef BPFPROBE_TESTS_RANDOM_FILTER_H
#define BPFPROBE_TESTS_RANDOM_FILTER_H

#include <stdint.h>
#include <linux/filter.h>

/* A number of the sequence that *seed begins. */
uint64_t random_next(uint64_t *seed);

/*
 * Fills in at most `max` (>= 8) instructions; returns how many.  All opcodes occur,
 * loads around the edges of packets of up to 200 bytes, memory that is written
 * before it is read, and shifts by less than 32 where they are constant.  Where the
 * kernel's own classic BPF means something else than libpcap, neither is asked for
 * if `for_kernel` is set: X + k beyond 31 bits (a negative offset to the kernel),
 * and shifts by X of 32 and more.
 */
unsigned int random_filter(struct sock_filter *filter, unsigned int max, int for_kernel, uint64_t *seed);

#endif
