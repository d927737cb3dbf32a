/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processes that pid= names.  The kernel has a number of a process for each pid namespace
 * that it is in; the one that a program in the kernel can ask for is that of the innermost.
 */
#ifndef BPFPROBE_PROCESS_H
#define BPFPROBE_PROCESS_H

#include <stdio.h>
#include "bpf/config.h"
#include "helper/fail.h"

/*
 * Replaces the numbers in who->pid, which are those that /proc has, by those in each process's
 * own pid namespace, of which it fills in the inode (config.h).  Unless `trusted` each has to be a process
 * that the caller may look into, and of all processes only the caller's own will count.
 * Returns 0, or -1 with *reply filled in.
 */
int bpfprobe_process_resolve(struct bpfprobe_who *who, int trusted, struct bpfprobe_reply *reply);

/*
 * Reads what /proc/N/status says: the process's number there, and the one in its own pid
 * namespace.  0 or -1: it says nothing of them.
 */
int bpfprobe_process_read(FILE *status, __u64 *number, __u64 *inner);

#endif
