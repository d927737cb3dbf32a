/* SPDX-License-Identifier: BSD-3-Clause */
/* See netns.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>
#include "helper/netns.h"

int
bpfprobe_netns_enter(int fd)
{
	int own, err;

	if (fd == 0)
		return 0;
	own = open(BPFPROBE_NETNS_OWN, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET) == 0)
		return own;
	err = -errno;
	close(own);
	return err;
}

void
bpfprobe_netns_leave(int own)
{
	if (own == 0)
		return;
	/* Nothing that comes later must happen in a namespace that was not meant. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	close(own);
}
