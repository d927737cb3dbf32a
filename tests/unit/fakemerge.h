/* SPDX-License-Identifier: BSD-3-Clause */
/* A merge over rings of a fake kernel (fakering.h), for the tests of it. */
#ifndef BPFPROBE_TESTS_FAKEMERGE_H
#define BPFPROBE_TESTS_FAKEMERGE_H

#include <stdint.h>
#include "capture/merge.h"
#include "tests/unit/fakering.h"

#define RINGS_MAX 256

extern struct fake_ring fakes[RINGS_MAX];
extern struct bpfprobe_ring rings[RINGS_MAX];
extern struct bpfprobe_merge merge;
extern unsigned int count; /* of rings */

/* Makes `n` rings of `pages` pages, and the merge. */
void start(unsigned int n, unsigned int pages);

/* Frees all; a cmocka teardown. */
int stop(void **state);

/* Lets the kernel overwrite what it may, as it does when packets keep coming. */
void spoil_all(void);

/* The next record must have this time, and be whole although the kernel goes on writing. */
void assert_next(uint64_t time);

#endif
