/* SPDX-License-Identifier: BSD-3-Clause */
/* See where.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include "helper/asuser.h"
#include "helper/netns.h"
#include "helper/where.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

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

/* That of our own network namespace. */
static uint64_t
read_cookie(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		cookie = 0;
	close(fd);
	return cookie;
}

void
bpfprobe_where_path(const struct bpfprobe_device *device, char *path, size_t len)
{
	path[0] = '\0';
	if (device->netns_kind == BPFPROBE_NETNS_PID)
		snprintf(path, len, "/proc/%u/ns/net", device->netns_num);
	else if (device->netns_kind == BPFPROBE_NETNS_NAME)
		snprintf(path, len, "/run/netns/%s", device->netns);
}

/*
 * As the caller, unless all may be looked at.  Once, and no second time by the same name: the
 * number of a process can be another's by then.
 */
static int
open_path(const char *path, int trusted, uint32_t *inode)
{
	struct bpfprobe_asuser asuser;
	int fd;

	if (trusted)
		return open_netns(path, inode);
	fd = bpfprobe_asuser_begin(&asuser);
	if (fd < 0)
		return fd;
	fd = open_netns(path, inode);
	bpfprobe_asuser_end(&asuser);
	return fd;
}

/* Opens what netns= names.  Returns a descriptor, or -1 with *reply filled in. */
static int
open_named(const struct bpfprobe_device *device, int trusted, uint32_t *inode, struct bpfprobe_reply *reply)
{
	char path[sizeof(device->netns) + 32], shown[sizeof(device->netns) + 8];
	int fd;

	bpfprobe_where_path(device, path, sizeof(path));
	if (device->netns_kind == BPFPROBE_NETNS_PID)
		snprintf(shown, sizeof(shown), "pid/%u", device->netns_num);
	else
		snprintf(shown, sizeof(shown), "%s", device->netns);
	fd = strchr(device->netns, '/') != NULL ? -EINVAL : open_path(path, trusted, inode);
	if (fd == -EPERM || fd == -EACCES)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM, "netns=\"%.80s\": %s", shown, strerror(-fd));
	if (fd == -EINVAL)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "netns=\"%.80s\" is no network namespace", shown);
	if (fd < 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "netns=\"%.80s\": no such network namespace (see ip netns; or use pid/N)", shown);
	return fd;
}

static int
resolve_dev(struct bpfprobe_where *where, const struct bpfprobe_device *device, struct bpfprobe_reply *reply)
{
	int own = bpfprobe_netns_enter(where->fd);

	if (own < 0)
		return bpfprobe_fail_errno(reply, -own, "cannot enter the network namespace");
	where->ifindex = if_nametoindex(device->dev);
	bpfprobe_netns_leave(own);
	if (where->ifindex > 0)
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "%s\"%s\": no such interface%s",
	    device->type == BPFPROBE_DEVICE_XDP ? "interface " : "dev=", device->dev,
	    where->fd > 0 ? " in that network namespace" : "; netns= says where else to look");
}

/* An inode's number says which packets, but not where to look for interfaces. */
static int
resolve_inode(struct bpfprobe_where *where, const struct bpfprobe_device *device, struct bpfprobe_reply *reply)
{
	where->netns = device->netns_num;
	if (where->netns == where->home)
		return 0;
	if (device->dev[0] != '\0')
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "dev=\"%s\" cannot be looked up in netns=inode/%u: give the namespace by name or pid",
		    device->dev, device->netns_num);
	if (device->type == BPFPROBE_DEVICE_XDP)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "netns=\"inode/%u\": the interfaces cannot be looked up there: give the namespace by name or pid",
		    device->netns_num);
	return 0;
}

void
bpfprobe_where_free(struct bpfprobe_where *where)
{
	if (where->fd > 0)
		close(where->fd);
	where->fd = 0;
}

int
bpfprobe_where_resolve(
    struct bpfprobe_where *where, const struct bpfprobe_device *device, int trusted, struct bpfprobe_reply *reply)
{
	int own, err = 0;

	memset(where, 0, sizeof(*where));
	own = open_netns(BPFPROBE_NETNS_OWN, &where->home);
	if (own < 0)
		return bpfprobe_fail_errno(reply, -own, BPFPROBE_NETNS_OWN);
	close(own);
	where->cookie = read_cookie();

	switch (device->netns_kind) {
	case BPFPROBE_NETNS_ALL:
		if (device->dev[0] != '\0' || device->type == BPFPROBE_DEVICE_XDP)
			where->netns = where->home;
		break;
	case BPFPROBE_NETNS_INODE:
		err = resolve_inode(where, device, reply);
		break;
	default:
		where->fd = open_named(device, trusted, &where->netns, reply);
		err = where->fd < 0 ? -1 : 0;
	}
	if (err == 0 && device->dev[0] != '\0')
		err = resolve_dev(where, device, reply);
	if (err == 0)
		return 0;
	bpfprobe_where_free(where);
	return -1;
}
