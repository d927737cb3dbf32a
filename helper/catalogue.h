/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be probed: which tracepoints and functions the running kernel has, and
 * at which place of their arguments the packet stands.
 */
#ifndef BPFPROBE_CATALOGUE_H
#define BPFPROBE_CATALOGUE_H

#include <linux/types.h>
#include "bpf/config.h"
#include "helper/target.h"
#include "helper/device.h"
#include "helper/fail.h"
#include "helper/types.h"

/* The most targets that a device stands for. */
#define BPFPROBE_TARGETS_MAX 1024

/*
 * Finds what the device's targets stand for, each the tracepoints of an alias, or one
 * tracepoint or function; what is there twice counts once.  Where the user leaves the
 * kind open, that is the tracepoint of the name, else the function, by fentry if the
 * kernel lets a program be attached so, else by kprobe; for a pattern see pattern.h.
 * Returns how many of `targets` are filled in, or -1 with *reply filled in.
 */
int bpfprobe_catalogue_find(struct bpfprobe_types *types, const struct bpfprobe_device *device,
    struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX], struct bpfprobe_reply *reply);

/*
 * Where the network stack is given what XDP has let pass of an interface: behind a driver
 * that is a tracepoint; generic XDP runs behind that tracepoint, there it is the functions
 * that are next.  Returns how many of `targets`, at least 1, or -1 with *reply filled in.
 */
int bpfprobe_catalogue_netstack(struct bpfprobe_types *types, int generic,
    struct bpfprobe_target *targets, unsigned int most, struct bpfprobe_reply *reply);

/*
 * What a type of BTF is as a target: its name, and in *kind BPFPROBE_TP or, for a function,
 * BPFPROBE_FENTRY.  NULL: it is none.  Whether it has a packet is another question.
 */
const char *bpfprobe_catalogue_name(
    const struct btf *btf, const struct btf_type *type, enum bpfprobe_kind *kind);

/*
 * The i-th alias; NULL: there are no more.  Writes the targets that it stands for, with
 * their kind and commas in between.
 */
const char *bpfprobe_catalogue_alias(size_t i, char *targets, size_t len);

#endif
