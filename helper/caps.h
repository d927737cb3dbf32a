/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The helper's privilege.  Its file has its capabilities as permitted only (or
 * uid 0 gives them), they are raised for the length of a request, and those that
 * no request needs are given up for good at the start.
 */
#ifndef BPFPROBE_CAPS_H
#define BPFPROBE_CAPS_H

#include <stddef.h>

/* Gives up for good what is never needed; nothing is effective then.  0 or -errno. */
int bpfprobe_caps_init(void);

/* Makes effective what is permitted, or nothing.  0 or -errno. */
int bpfprobe_caps_raise(void);
int bpfprobe_caps_lower(void);

/*
 * Names the capabilities that capturing needs and this process does not have,
 * separated by blanks, and why that may be so.  Returns how many; 0: none.
 */
int bpfprobe_caps_missing(char *buf, size_t len);

/* Whether this process is in a user namespace, whose capabilities are none to those who ask for BPF. */
int bpfprobe_caps_in_user_namespace(void);

#endif
