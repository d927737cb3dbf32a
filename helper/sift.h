/* SPDX-License-Identifier: BSD-3-Clause */
/* Those of many functions at which one program can be: the kernel takes all of them or none. */
#ifndef BPFPROBE_SIFT_H
#define BPFPROBE_SIFT_H

#include "helper/attach.h"

/* Asks the kernel: 0: it takes them all; -EOPNOTSUPP: it never takes several; else -errno. */
typedef int bpfprobe_takes(const struct bpfprobe_target *targets, unsigned int count, void *context);

/*
 * Brings those that `takes` takes together to the front, and returns how many.  What
 * refuses is found by halving; *attempts bounds how often `takes` is called, and is
 * counted down.  What has not been tried then counts as refused.
 */
unsigned int bpfprobe_sift(struct bpfprobe_target *targets, unsigned int count, bpfprobe_takes *takes,
    void *context, unsigned int *attempts);

#endif
