/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many handles a user has.  Not by processes, files or sockets: a user may kill his
 * helpers and keep what they have handed out.  By what the kernel holds for him instead: a
 * program that does nothing is tied to each ring of a handle, and lives as long as one
 * of them does, wherever its descriptor or mapping is.  The kernel knows who has loaded it.
 */
#ifndef BPFPROBE_QUOTA_H
#define BPFPROBE_QUOTA_H

#include "helper/fail.h"
#include "helper/rings.h"

/*
 * Ties such a program to the rings, and then counts those of this user: no two helpers can
 * take the last place both.  0, or -1 with *reply filled in: there are more than `handles`, or
 * more programs of ours than these may have.
 */
int bpfprobe_quota_take(const struct bpfprobe_rings *rings, __u32 handles, struct bpfprobe_reply *reply);

#endif
