/* SPDX-License-Identifier: BSD-3-Clause */
/* See netns.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include "helper/netns.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

static const char own_netns[] = "/proc/self/ns/net";

/* Opens a file that must be a network namespace; -errno if it is not one. */
static int
open_netns(const char *path, uint32_t *inode)
{
	struct statfs fs;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC ||
	    ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET || fstat(fd, &st) < 0) {
		close(fd);
		return -EINVAL;
	}
	*inode = (uint32_t)st.st_ino;
	return fd;
}

/* Opens what netns= names.  Returns a descriptor, or -1 with *reply filled in. */
static int
open_named(const struct bpfprobe_device *device, uint32_t *inode, struct bpfprobe_reply *reply)
{
	char path[sizeof(device->netns) + 32], shown[sizeof(device->netns) + 8];
	int fd;

	if (device->netns_kind == BPFPROBE_NETNS_PID) {
		snprintf(shown, sizeof(shown), "pid/%u", device->netns_num);
		snprintf(path, sizeof(path), "/proc/%u/ns/net", device->netns_num);
	} else {
		snprintf(shown, sizeof(shown), "%s", device->netns);
		snprintf(path, sizeof(path), "/run/netns/%s", device->netns);
	}
	fd = strchr(device->netns, '/') != NULL ? -EINVAL : open_netns(path, inode);
	if (fd == -EPERM || fd == -EACCES)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM, "netns=\"%.80s\": %s", shown, strerror(-fd));
	if (fd == -EINVAL)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "netns=\"%.80s\" is no network namespace", shown);
	if (fd < 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "netns=\"%.80s\": no such network namespace (see ip netns; or use pid/N)", shown);
	return fd;
}

/* The number of interface `name` in the namespace `fd`, 0 if there is none, or -errno. */
static int
ifindex_in(int fd, const char *name)
{
	int own = open(own_netns, O_RDONLY | O_CLOEXEC);
	int index, err = 0;

	if (own < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET) < 0) {
		err = -errno;
		close(own);
		return err;
	}
	index = (int)if_nametoindex(name);
	if (setns(own, CLONE_NEWNET) < 0)
		err = -errno;
	close(own);
	return err < 0 ? err : index;
}

static int
resolve_dev(struct bpfprobe_where *where, int netns, const char *dev, struct bpfprobe_reply *reply)
{
	int index = netns >= 0 ? ifindex_in(netns, dev) : (int)if_nametoindex(dev);

	if (index < 0)
		return bpfprobe_fail_errno(reply, -index, "cannot enter the network namespace");
	if (index == 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "dev=\"%s\": no such interface%s", dev,
		    netns >= 0 ? " in that network namespace" : "; netns= says where else to look");
	where->ifindex = (uint32_t)index;
	return 0;
}

int
bpfprobe_where_resolve(
    struct bpfprobe_where *where, const struct bpfprobe_device *device, struct bpfprobe_reply *reply)
{
	int netns = -1, err = 0;
	int own;

	memset(where, 0, sizeof(*where));
	own = open_netns(own_netns, &where->home);
	if (own < 0)
		return bpfprobe_fail_errno(reply, -own, own_netns);
	close(own);

	switch (device->netns_kind) {
	case BPFPROBE_NETNS_ALL:
		where->netns = device->dev[0] != '\0' ? where->home : 0;
		break;
	case BPFPROBE_NETNS_INODE:
		where->netns = device->netns_num;
		if (device->dev[0] != '\0' && where->netns != where->home)
			return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
			    "dev=\"%s\" cannot be looked up in netns=inode/%u: give the namespace by name or pid",
			    device->dev, device->netns_num);
		break;
	default:
		netns = open_named(device, &where->netns, reply);
		if (netns < 0)
			return -1;
	}
	if (device->dev[0] != '\0')
		err = resolve_dev(where, netns, device->dev, reply);
	if (netns >= 0)
		close(netns);
	return err;
}
