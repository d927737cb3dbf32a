/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BPF ring buffers of a handle, the faster way for short samples (bpf/ringbuf.bpf.h): one for
 * each CPU that has a ring, in a map by the CPU's number.
 */
#ifndef BPFPROBE_RINGBUFS_H
#define BPFPROBE_RINGBUFS_H

#include <linux/types.h>
#include "helper/target.h"

/* Each takes a descriptor of the process that captures, which may have no more than 1024 (RLIMIT_NOFILE). */
#define BPFPROBE_RINGBUFS_MAX 128

struct bpfprobe_ringbufs {
	int fds[BPFPROBE_RINGBUFS_MAX];
	unsigned int cpus[BPFPROBE_RINGBUFS_MAX]; /* the number of each one's */
	unsigned int count; /* of them; 0: there are none */
	unsigned int put;   /* of them, so many are in the map */
	__u32 size;	    /* bytes of each */
};

/* Which packets go there. */
enum bpfprobe_ringbufs_use {
	BPFPROBE_RINGBUFS_NONE,
	BPFPROBE_RINGBUFS_SOME, /* short ones */
	BPFPROBE_RINGBUFS_MANY, /* of all the begin, but where it lies in fragments */
	BPFPROBE_RINGBUFS_MOST, /* there, too; but where a filter in user space has to look at more */
};

/*
 * What use a handle has of them: for the first `snaplen` bytes of packets at `n` targets.  Where a
 * record is looked for behind another, that is in the same ring; and our own XDP program copies with
 * bpf_xdp_load_bytes(), which takes fragments, too, and is there since 5.18 (commit 3f364222d032, "net:
 * xdp: introduce bpf_xdp_pointer utility routine").
 */
enum bpfprobe_ringbufs_use bpfprobe_ringbufs_use(
    __u32 snaplen, const struct bpfprobe_target *targets, unsigned int n);

/*
 * Makes them, of `pages` pages (a power of two) each, and the map, still empty, for `cpus` possible CPUs.
 * Returns the map's descriptor, or -errno with nothing left behind: the handle does without, as on a host
 * with more than BPFPROBE_RINGBUFS_MAX CPUs.
 */
int bpfprobe_ringbufs_make(struct bpfprobe_ringbufs *ringbufs, unsigned int cpus, unsigned int pages);

/*
 * Puts into `map` those that are not there: all, or the next one, where the kernel takes only one at a
 * time (before 5.19, commit 9263dddc7b6f, "bpf: Extend batch operations for map-in-map bpf-maps").  One takes
 * some 20 ms, since it waits for programs that may use what was there before (commit 1ae80cf31938, "bpf:
 * wait for running BPF programs when updating map-in-map"), and need not be done at once: what finds none
 * goes into a ring.  Nor is more tried where the kernel refuses it.  1: there are more, else 0.
 */
int bpfprobe_ringbufs_put(struct bpfprobe_ringbufs *ringbufs, int map);

#endif
