/* SPDX-License-Identifier: BSD-3-Clause */
/* How every part of the helper says what went wrong: in the reply. */
#ifndef BPFPROBE_FAIL_H
#define BPFPROBE_FAIL_H

#include "helper/protocol.h"

/*
 * Fills in status and message (one line, printf-like, cut if it is too long).
 * Returns -1.
 */
int bpfprobe_fail(struct bpfprobe_reply *reply, enum bpfprobe_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for a step that the kernel refused with `err` (positive): "what: why",
 * and, if privilege is what is missing, which capability, and why this process may
 * not have it.
 */
int bpfprobe_fail_errno(struct bpfprobe_reply *reply, int err, const char *what);

#endif
