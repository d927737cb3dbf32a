/* SPDX-License-Identifier: BSD-3-Clause */
/* Patterns: names with * and ?, as the shell has them, that stand for several targets. */
#ifndef BPFPROBE_PATTERN_H
#define BPFPROBE_PATTERN_H

#include "helper/target.h"

/*
 * Finds the tracepoints of which the pattern is true, or if there are none, or functions
 * are asked for, the functions, as far as there is no doubt where their packet is.  Those
 * that one program can serve come behind each other.  Returns how many of `targets` are
 * filled in, at most `most`, or -1 with *reply filled in.
 */
int bpfprobe_pattern_find(struct bpfprobe_types *types, const struct bpfprobe_name *asked,
    struct bpfprobe_target *targets, unsigned int most, struct bpfprobe_reply *reply);

#endif
