/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel side counted: the control map and the programs' own figures. */
#ifndef BPFPROBE_COUNTERS_H
#define BPFPROBE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include "bpf/record.h"

struct bpfprobe_control {
	const struct bpfprobe_counters *cpu;	 /* the control map, mapped; NULL: not yet */
	struct bpfprobe_counters *reader; /* its last element: ours */
	unsigned int cpus;
};

struct bpfprobe_totals {
	uint64_t emitted; /* records written to the rings */
	uint64_t lost;	  /* packets that a probe saw and could not write */
};

/* Maps the control map `fd` for `cpus` CPUs; the fd stays the caller's.  0 or -errno. */
int bpfprobe_control_map(struct bpfprobe_control *control, int fd, unsigned int cpus);

void bpfprobe_control_unmap(struct bpfprobe_control *control);

/*
 * Adds up all CPUs and the reader, who counts what others' programs write, and what the programs and the kprobes missed because the CPU was
 * in one already: no hit is counted by both.  `fds` are those of `nprogs` programs and
 * of `nlinks` attachments.  Only reads memory and calls bpf(2), so that it may be called
 * in a signal handler.
 */
void bpfprobe_control_totals(const struct bpfprobe_control *control, const int *progs,
    unsigned int nprogs, const int *links, unsigned int nlinks, struct bpfprobe_totals *totals);

#endif
