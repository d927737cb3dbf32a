/* SPDX-License-Identifier: BSD-3-Clause */
/* BPF programs that the kernel has loaded already, whose packets are asked for (bpfxdp:, bpfprog:). */
#ifndef BPFPROBE_PROGRAM_H
#define BPFPROBE_PROGRAM_H

#include "helper/attach.h"
#include "helper/fail.h"
#include "helper/where.h"

/* The function of our own XDP program (bpf/pass.bpf.c). */
#define BPFPROBE_PASS_NAME "bpfprobe_pass"

/* The most programs of a device name; of interfaces of bpfxdp:any see bpf/config.h. */
#define BPFPROBE_PROGRAMS_MAX 30

struct bpfprobe_watch;

/*
 * Finds the places that a device of type XDP or PROG stands for: entries and exits of
 * programs, and interfaces without one, which get a program of our own.  The values of
 * action= go to device->ret, the interfaces to *watch, unless that is NULL.  Returns how many of
 * `targets`, or -1 with *reply filled in.
 */
int bpfprobe_program_find(struct bpfprobe_device *device, const struct bpfprobe_where *where,
    struct bpfprobe_target *targets, struct bpfprobe_watch *watch, struct bpfprobe_reply *reply);

/*
 * Writes the numbers of the programs that a device of type PROG names, whatever their type,
 * to `ids`, which has room for BPFPROBE_PROGRAMS_MAX.  Returns how many, at least one, or -1
 * with *reply filled in.
 */
int bpfprobe_program_list(const struct bpfprobe_device *device, __u32 *ids, struct bpfprobe_reply *reply);

/*
 * Writes the numbers of the XDP programs at an interface of the current network namespace,
 * a libxdp dispatcher's own programs in place of the dispatcher, to `ids`, which has room
 * for BPFPROBE_PROGRAMS_MAX.  Returns how many, or -errno.
 */
int bpfprobe_program_at(__u32 ifindex, __u32 *ids);

/*
 * Whether XDP is generic at the device's interface, or would be with a program of ours: 1 or
 * 0, or -errno.
 */
int bpfprobe_program_is_generic(const struct bpfprobe_device *device, const struct bpfprobe_where *where);

#endif
