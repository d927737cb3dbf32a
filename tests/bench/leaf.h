/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says of the program that a capture has loaded for its filter. */
#ifndef BPFPROBE_BENCH_LEAF_H
#define BPFPROBE_BENCH_LEAF_H

struct leaf {
	unsigned int verified; /* instructions that the verifier has gone through; 0: before 5.16 */
	unsigned int jited;    /* bytes of machine code */
};

/* The highest number that a program has: later ones have higher numbers. */
unsigned int leaf_newest(void);

/* Finds the leaf that was loaded behind `newest`. Returns how many there are; *leaf is one. */
unsigned int leaf_find(unsigned int newest, struct leaf *leaf);

#endif
