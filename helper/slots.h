/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slots of a perf event array, one for each CPU: what is in them, and our rings.
 *
 * User space cannot read such a map, and a new entry takes the place of an old one without
 * a word (BPF_NOEXIST is refused with EINVAL).  But a program can: bpf_perf_event_read()
 * says ENOENT of an empty slot, and reads or refuses any other, which changes nothing.
 */
#ifndef BPFPROBE_SLOTS_H
#define BPFPROBE_SLOTS_H

#include <linux/types.h>

/* A program that looks into slots of `map`: a descriptor, or -errno. */
int bpfprobe_slots_open(int map);

/* Whether something is in slot `i`, which the map has.  1, 0 or -errno. */
int bpfprobe_slots_taken(int program, __u32 i);

/* Whether user space may change `map`, by a change that cannot succeed.  1 or 0. */
int bpfprobe_slots_writable(int map, __u32 entries);

#endif
