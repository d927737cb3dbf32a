/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that BPF_PROG_TEST_RUN sends on their way as a driver's XDP would (Linux 5.18). */
#ifndef BPFPROBE_BENCH_LIVE_H
#define BPFPROBE_BENCH_LIVE_H

#include <stdint.h>

/*
 * Sends `count` copies of the frame through the interface, numbered, and returns how long
 * it took, in ns; 0: *why tells, with errno. The peer must have an XDP program, or the kernel
 * lets go of them without a word.
 */
uint64_t live_flood(
    int ifindex, const void *frame, uint32_t size, uint32_t count, const char **why);

#endif
