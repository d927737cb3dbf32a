/* SPDX-License-Identifier: BSD-3-Clause */
/* What XDP and tc programs say is to become of a packet, by the names of linux/bpf.h and linux/pkt_cls.h. */
#ifndef BPFPROBE_ACTION_H
#define BPFPROBE_ACTION_H

#include <stddef.h>
#include <stdint.h>

/* Which program's: the same number means another thing to each. */
enum bpfprobe_action_of {
	BPFPROBE_ACTION_XDP = 0,
	BPFPROBE_ACTION_TC,
};

/*
 * A number for the name, "DROP", "XDP_DROP" or "TC_ACT_SHOT" in any case, which is not yet
 * that of the kernel; -1: there is no such action.
 */
int bpfprobe_action_find(const char *name);

/* The kernel's value.  0, or -1: such a program has no such action. */
int bpfprobe_action_value(int action, enum bpfprobe_action_of of, int64_t *value);

/* The name of a value, as "XDP_DROP"; NULL: it has none. */
const char *bpfprobe_action_name(enum bpfprobe_action_of of, int64_t value);

/* Writes the names of all actions, or of those of such programs, as "DROP, PASS, TX". */
void bpfprobe_action_list(char *buf, size_t len);
void bpfprobe_action_list_of(enum bpfprobe_action_of of, char *buf, size_t len);

#endif
