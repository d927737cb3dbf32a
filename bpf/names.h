/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The names of why and where: an array that the helper fills (helper/names.c) and closes,
 * out of which filters in the kernel and whoever writes PFLOG's header take the same bytes.
 *
 *   drop reasons of the kernel's core, by their number
 *   those of its subsystems 1 to 7 (SKB_DROP_REASON_SUBSYS_SHIFT: number << 16), each
 *   what XDP programs return, and what those of tc do, plus 1
 *   probes, by their index
 */
#ifndef BPFPROBE_NAMES_H
#define BPFPROBE_NAMES_H

#include "bpf/record.h"

/* One element: 15 bytes and NULs. */
struct bpfprobe_name16 {
	__u32 words[4];
};

#define BPFPROBE_NAME_LEN 15

#define BPFPROBE_NAMES_CORE 256	     /* drop reasons of the core */
#define BPFPROBE_NAMES_SUBSYS 128    /* drop reasons of a subsystem */
#define BPFPROBE_NAMES_SUBSYSTEMS 7
#define BPFPROBE_NAMES_ACTIONS 16    /* of each of two types of program */
#define BPFPROBE_NAMES_PROBES 64

#define BPFPROBE_NAMES_XDP (BPFPROBE_NAMES_CORE + BPFPROBE_NAMES_SUBSYSTEMS * BPFPROBE_NAMES_SUBSYS)
#define BPFPROBE_NAMES_TC (BPFPROBE_NAMES_XDP + BPFPROBE_NAMES_ACTIONS)
#define BPFPROBE_NAMES_PROBE (BPFPROBE_NAMES_TC + BPFPROBE_NAMES_ACTIONS)
#define BPFPROBE_NAMES_UNKNOWN (BPFPROBE_NAMES_PROBE + BPFPROBE_NAMES_PROBES)
#define BPFPROBE_NAMES_COUNT (BPFPROBE_NAMES_UNKNOWN + 1)

/* The element with the name of a drop reason. */
BPFPROBE_INLINE __u32 bpfprobe_name_of_reason(__u32 reason)
{
	__u32 subsys = reason >> 16, n = reason & 0xffff;

	if (reason < BPFPROBE_NAMES_CORE)
		return reason;
	if (subsys == 0 || subsys > BPFPROBE_NAMES_SUBSYSTEMS || n >= BPFPROBE_NAMES_SUBSYS)
		return BPFPROBE_NAMES_UNKNOWN;
	return BPFPROBE_NAMES_CORE + (subsys - 1) * BPFPROBE_NAMES_SUBSYS + n;
}

/* The element with the name of what a program has returned; `first` is that of its type's. */
BPFPROBE_INLINE __u32 bpfprobe_name_of_action(__u32 first, __u32 action)
{
	__u32 n = first == BPFPROBE_NAMES_TC ? action + 1 : action;

	return n < BPFPROBE_NAMES_ACTIONS ? first + n : BPFPROBE_NAMES_UNKNOWN;
}

#endif
