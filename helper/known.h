/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of some tracepoints and functions beyond what the kernel's BTF says. */
#ifndef BPFPROBE_KNOWN_H
#define BPFPROBE_KNOWN_H

#include <linux/types.h>
#include "bpf/config.h"
#include "helper/device.h"

/* The direction of all packets that this tracepoint sees, or BPFPROBE_DIR_DERIVE. */
enum bpfprobe_direction bpfprobe_known_direction(const char *tracepoint);

/* Whether all packets that this tracepoint sees have a device, and point to it. */
int bpfprobe_known_device(const char *tracepoint);

/* The tracepoint itself, or, if the packet may be freed there, the one just before. */
const char *bpfprobe_known_safe(const char *tracepoint);

/* Whether this is the end of all packets that come here, where the kernel does not say why. */
int bpfprobe_known_end(const char *name);

/* The argument of this tracepoint, from 1, that is the address in the kernel from where it is reached; or 0. */
unsigned int bpfprobe_known_location(const char *tracepoint);

/* Whether the packet's memory may be somebody else's when this function is called. */
int bpfprobe_known_released(const char *function);

/* Whether the xdp_buff that this function is given is whole, and not for it to fill in. */
int bpfprobe_known_whole(const char *function);

/* Whether it is known where the packet of this function is. */
int bpfprobe_known_function(const char *function);

/* `asked`, with the argument filled in where the user gives none and the function is known. */
struct bpfprobe_name bpfprobe_known_packet(const struct bpfprobe_name *asked);

#endif
