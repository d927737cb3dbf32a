/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See watch.h.  By asking: a program that is attached by a link makes no message of
 * rtnetlink (bpf_xdp_link_attach() of the kernel).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "helper/netns.h"
#include "helper/watch.h"

#define AT_ONCE 4 /* interfaces of one look: the kernel lists all of them for each */

int
bpfprobe_watch_open(
    struct bpfprobe_watch *watch, const struct bpfprobe_device *device, const struct bpfprobe_where *where)
{
	memset(watch, 0, sizeof(*watch));
	watch->wanted = device->type == BPFPROBE_DEVICE_XDP;
	watch->all = device->dev[0] == '\0';
	if (!watch->wanted || where->fd == 0)
		return 0;
	watch->netns = where->netns;
	bpfprobe_where_path(device, watch->path, sizeof(watch->path));
	watch->netns_fd = fcntl(where->fd, F_DUPFD_CLOEXEC, 0);
	return watch->netns_fd < 0 ? -errno : 0;
}

void
bpfprobe_watch_add(
    struct bpfprobe_watch *watch, __u32 ifindex, const char *name, const __u32 *ids, int count)
{
	struct bpfprobe_watched *interface = &watch->interfaces[watch->count];

	if (watch->count == BPFPROBE_INTERFACES_MAX)
		return;
	watch->count++;
	interface->ifindex = ifindex;
	strncpy(interface->name, name, sizeof(interface->name) - 1);
	memcpy(interface->ids, ids, (size_t)count * sizeof(ids[0]));
	interface->count = count;
}

static void
drop(struct bpfprobe_watch *watch, struct bpfprobe_watched *interface)
{
	*interface = watch->interfaces[--watch->count];
}

static int
say_replaced(const struct bpfprobe_watched *interface, struct bpfprobe_reply *reply)
{
	return bpfprobe_fail(reply, BPFPROBE_ERROR,
	    "the XDP program of interface \"%s\" is another one now: what it sees takes a new capture",
	    interface->name);
}

static int
is_same(const struct bpfprobe_watched *interface, const __u32 *ids, int count)
{
	return count == interface->count && memcmp(ids, interface->ids, (size_t)count * sizeof(ids[0])) == 0;
}

/* 1: it is to be watched, 0: it is not, since it took no program, or -1 with *reply filled in. */
static int
begin(struct bpfprobe_watched *interface, struct bpfprobe_reply *reply)
{
	__u32 ids[BPFPROBE_PROGRAMS_MAX];
	int n = bpfprobe_program_at(interface->ifindex, ids);

	if (interface->count > 0)
		return n >= 0 && !is_same(interface, ids, n) ? say_replaced(interface, reply) : 1;
	if (n <= 0)
		return 0;
	memcpy(interface->ids, ids, (size_t)n * sizeof(ids[0]));
	interface->count = n;
	return 1;
}

int
bpfprobe_watch_begin(struct bpfprobe_watch *watch, struct bpfprobe_reply *reply)
{
	unsigned int i = 0;
	int own, watched = 1;

	if (!watch->wanted)
		return 0;
	own = bpfprobe_netns_enter(watch->netns_fd);
	if (own < 0)
		return bpfprobe_fail_errno(reply, -own, "cannot enter the network namespace");
	while (i < watch->count && watched >= 0) {
		watched = begin(&watch->interfaces[i], reply);
		if (watched == 0)
			drop(watch, &watch->interfaces[i]);
		else
			i++;
	}
	bpfprobe_netns_leave(own);
	return watched < 0 ? -1 : 0;
}

/* Of `any`, interfaces may go as long as there are others. */
static int
say_gone(struct bpfprobe_watch *watch, struct bpfprobe_watched *interface, struct bpfprobe_reply *reply)
{
	bpfprobe_fail(reply, BPFPROBE_ERROR, "interface \"%s\" has disappeared", interface->name);
	if (!watch->all)
		return -1;
	drop(watch, interface);
	return watch->count > 0 ? 0 : -1;
}

static int
is_gone(int err)
{
	return err == ENODEV || err == ENXIO;
}

static int
check(struct bpfprobe_watch *watch, struct bpfprobe_watched *interface, struct bpfprobe_reply *reply)
{
	__u32 ids[BPFPROBE_PROGRAMS_MAX];
	char name[IF_NAMESIZE];
	int n;

	if (if_indextoname(interface->ifindex, name) == NULL)
		return is_gone(errno) ? say_gone(watch, interface, reply) : 0;
	if (!watch->all && strcmp(name, interface->name) != 0)
		return bpfprobe_fail(
		    reply, BPFPROBE_ERROR, "interface \"%s\" is now called \"%s\"", interface->name, name);
	n = bpfprobe_program_at(interface->ifindex, ids);
	if (n < 0)
		return is_gone(-n) ? say_gone(watch, interface, reply) : 0;
	return is_same(interface, ids, n) ? 0 : say_replaced(interface, reply);
}

/* Our descriptor keeps a namespace that everybody else has left, with all that is in it. */
static int
check_netns(const struct bpfprobe_watch *watch, struct bpfprobe_reply *reply)
{
	struct stat st;

	if (watch->path[0] == '\0' || (stat(watch->path, &st) == 0 && (uint32_t)st.st_ino == watch->netns))
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_ERROR, "network namespace %s has disappeared", watch->path);
}

int
bpfprobe_watch_check(struct bpfprobe_watch *watch, struct bpfprobe_reply *reply)
{
	int own, err = check_netns(watch, reply);
	unsigned int i;

	if (err < 0)
		return err;
	own = bpfprobe_netns_enter(watch->netns_fd);
	if (own < 0)
		return 0;
	for (i = 0; i < AT_ONCE && i < watch->count && err == 0; i++)
		err = check(watch, &watch->interfaces[watch->next++ % watch->count], reply);
	bpfprobe_netns_leave(own);
	return err;
}
