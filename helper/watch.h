/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the XDP programs at interfaces still are those that were captured from: one that
 * takes their place gets the packets, and the capture would go on without a word.
 */
#ifndef BPFPROBE_WATCH_H
#define BPFPROBE_WATCH_H

#include <net/if.h>
#include "helper/program.h"

struct bpfprobe_watched {
	__u32 ifindex;
	char name[IF_NAMESIZE];
	__u32 ids[BPFPROBE_PROGRAMS_MAX]; /* of the programs there */
	int count;			  /* of ids */
};

struct bpfprobe_watch {
	struct bpfprobe_watched interfaces[BPFPROBE_INTERFACES_MAX];
	unsigned int count; /* of interfaces: known after begin() */
	int wanted;	    /* 1: the device is of type XDP */
	__u32 ifindex;	    /* its interface; 0: all */
	int netns_fd; /* where they are, this struct's own; 0: in our own network namespace */
};

/* Which interfaces those of the device are; none if it is not of type XDP.  0 or -errno. */
int bpfprobe_watch_open(
    struct bpfprobe_watch *watch, const struct bpfprobe_device *device, const struct bpfprobe_where *where);

/* Notes which programs are there now.  0 or -errno. */
int bpfprobe_watch_begin(struct bpfprobe_watch *watch);

/* Whether nothing has changed.  0, or -1 with *reply filled in. */
int bpfprobe_watch_check(const struct bpfprobe_watch *watch, struct bpfprobe_reply *reply);

#endif
