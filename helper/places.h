/* SPDX-License-Identifier: BSD-3-Clause */
/* Every place in the kernel that a device name stands for, whatever its type. */
#ifndef BPFPROBE_PLACES_H
#define BPFPROBE_PLACES_H

#include "helper/catalogue.h"
#include "helper/where.h"

struct bpfprobe_watch;

/*
 * Finds them; the values of action= go to device->ret, XDP interfaces to *watch, unless it is NULL.  Returns how many of `targets` are
 * filled in, or -1 with *reply filled in.
 */
int bpfprobe_places_find(struct bpfprobe_types *types, struct bpfprobe_device *device,
    const struct bpfprobe_where *where, struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX],
    struct bpfprobe_watch *watch, struct bpfprobe_reply *reply);

#endif
