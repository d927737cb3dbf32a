/* SPDX-License-Identifier: BSD-3-Clause */
/* See places.h. */
#include "helper/places.h"
#include "helper/program.h"

/* Behind the `n` targets of XDP those of the network stack.  Returns how many then, or -1. */
static int
add_netstack(struct bpfprobe_types *types, const struct bpfprobe_device *device,
    const struct bpfprobe_where *where, struct bpfprobe_target *targets, int n, struct bpfprobe_reply *reply)
{
	int generic, more;

	if (device->dev[0] == '\0')
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "netstack: one interface has to be named");
	generic = bpfprobe_program_is_generic(device, where);
	if (generic < 0)
		return bpfprobe_fail_errno(reply, -generic, device->dev);
	more = bpfprobe_catalogue_netstack(
	    types, generic, &targets[n], BPFPROBE_TARGETS_MAX - (unsigned int)n, reply);
	return more < 0 ? -1 : n + more;
}

int
bpfprobe_places_find(struct bpfprobe_types *types, struct bpfprobe_device *device,
    const struct bpfprobe_where *where, struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX],
    struct bpfprobe_watch *watch, struct bpfprobe_reply *reply)
{
	int n;

	if (device->type == BPFPROBE_DEVICE_PROBE)
		return bpfprobe_catalogue_find(types, device, targets, reply);
	n = bpfprobe_program_find(device, where, targets, watch, reply);
	if (n < 0 || !device->netstack)
		return n;
	return add_netstack(types, device, where, targets, n, reply);
}
