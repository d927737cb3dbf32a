/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A translated filter in a program that a socket takes: the code around it is
 * that of a probe (tests/diff/verdict.bpf.c), and it reads the packet as it would
 * in a probe on this kernel.
 *
 * Filters are arrays of struct sock_filter, for the reason that tests/unit/reference.h has.
 */
#ifndef BPFPROBE_BENCH_SOCKPROG_H
#define BPFPROBE_BENCH_SOCKPROG_H

struct bpf_object;
struct bpf_program;
struct verdict;

struct sockprog {
	struct bpf_object *object;
	struct bpf_program *program;
	struct verdict *verdict; /* the program's question and answer, in memory that it shares */
	unsigned int reads;	 /* enum bpfprobe_reads */
};

/* Loads the programs of the best way to read that the kernel has. Returns 0, or -1. */
int sockprog_open(struct sockprog *sp);

/* "direct", "variable" or "constant". */
const char *sockprog_reads(const struct sockprog *sp);

/*
 * How many instructions the filter of link type `dlt` is translated to; 0: none, and in
 * *why of 256 bytes why.
 */
unsigned int sockprog_translated(
    const struct sockprog *sp, const void *filter, unsigned int count, int dlt, char *why);

/*
 * Loads a program with the filter, or with one that rejects everything in its place
 * (`constant`); nothing else differs. Returns its descriptor, or -1 and *why as above.
 */
int sockprog_load(const struct sockprog *sp, const void *filter, unsigned int count, int dlt,
    int constant, char *why);

#endif
