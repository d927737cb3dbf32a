/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See watch.h.  By asking: a program that is attached by a link makes no message of
 * rtnetlink (bpf_xdp_link_attach() of the kernel).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "helper/netns.h"
#include "helper/watch.h"

static void
add(struct bpfprobe_watch *watch, __u32 ifindex)
{
	struct bpfprobe_watched *interface = &watch->interfaces[watch->count];

	interface->ifindex = ifindex;
	if (if_indextoname(ifindex, interface->name) == NULL)
		return;
	interface->count = bpfprobe_program_at(ifindex, interface->ids);
	if (interface->count >= 0)
		watch->count++;
}

static int
add_all(struct bpfprobe_watch *watch)
{
	struct if_nameindex *list = if_nameindex(), *i;

	if (list == NULL)
		return -errno;
	for (i = list; i->if_index != 0 && watch->count < BPFPROBE_INTERFACES_MAX; i++)
		add(watch, i->if_index);
	if_freenameindex(list);
	return 0;
}

int
bpfprobe_watch_open(
    struct bpfprobe_watch *watch, const struct bpfprobe_device *device, const struct bpfprobe_where *where)
{
	memset(watch, 0, sizeof(*watch));
	watch->wanted = device->type == BPFPROBE_DEVICE_XDP;
	watch->ifindex = where->ifindex;
	if (!watch->wanted || where->fd == 0)
		return 0;
	watch->netns_fd = fcntl(where->fd, F_DUPFD_CLOEXEC, 0);
	return watch->netns_fd < 0 ? -errno : 0;
}

int
bpfprobe_watch_begin(struct bpfprobe_watch *watch)
{
	int own, err = 0;

	if (!watch->wanted)
		return 0;
	own = bpfprobe_netns_enter(watch->netns_fd);
	if (own < 0)
		return own;
	if (watch->ifindex > 0)
		add(watch, watch->ifindex);
	else
		err = add_all(watch);
	bpfprobe_netns_leave(own);
	return err;
}

static int
check(const struct bpfprobe_watched *interface, struct bpfprobe_reply *reply)
{
	__u32 ids[BPFPROBE_PROGRAMS_MAX];
	char name[IF_NAMESIZE];
	int n;

	if (if_indextoname(interface->ifindex, name) == NULL)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "interface \"%s\" has disappeared", interface->name);
	if (strcmp(name, interface->name) != 0)
		return bpfprobe_fail(
		    reply, BPFPROBE_ERROR, "interface \"%s\" is now called \"%s\"", interface->name, name);
	n = bpfprobe_program_at(interface->ifindex, ids);
	if (n == interface->count && memcmp(ids, interface->ids, (size_t)n * sizeof(ids[0])) == 0)
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_ERROR,
	    "the XDP program of interface \"%s\" is another one now: what it sees takes a new capture",
	    interface->name);
}

int
bpfprobe_watch_check(const struct bpfprobe_watch *watch, struct bpfprobe_reply *reply)
{
	int own = bpfprobe_netns_enter(watch->netns_fd), err = 0;
	unsigned int i;

	if (own < 0)
		return bpfprobe_fail_errno(reply, -own, "cannot enter the network namespace");
	for (i = 0; i < watch->count && err == 0; i++)
		err = check(&watch->interfaces[i], reply);
	bpfprobe_netns_leave(own);
	return err;
}
