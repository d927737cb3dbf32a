/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be probed: which tracepoints the running kernel has, and at which
 * place of their arguments the packet stands, as its BTF says.
 */
#ifndef BPFPROBE_CATALOGUE_H
#define BPFPROBE_CATALOGUE_H

#include <linux/types.h>
#include "bpf/config.h"
#include "helper/device.h"
#include "helper/fail.h"

struct btf;

struct bpfprobe_target {
	char tracepoint[BPFPROBE_TARGET_MAX]; /* where the program is attached */
	__u32 btf_id;			      /* of the tracepoint, in the kernel's BTF */
	unsigned int arg;		      /* which argument is the packet: 1.. */
	enum bpfprobe_direction direction;
};

/* The most targets that an alias stands for. */
#define BPFPROBE_TARGETS_MAX 4

/*
 * Reads the kernel's BTF.  NULL with *reply filled in if there is none; else the
 * caller's, for btf__free().
 */
struct btf *bpfprobe_catalogue_open(struct bpfprobe_reply *reply);

/*
 * Finds what the device's target stands for: one tracepoint, or those of an alias.
 * Returns how many of `targets` are filled in, or -1 with *reply filled in.
 */
int bpfprobe_catalogue_find(const struct btf *btf, const struct bpfprobe_device *device,
    struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX], struct bpfprobe_reply *reply);

#endif
