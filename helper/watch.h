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
	int count;			  /* of ids; 0: it gets ours */
};

struct bpfprobe_watch {
	struct bpfprobe_watched interfaces[BPFPROBE_INTERFACES_MAX];
	unsigned int count;
	unsigned int next; /* interface to look at */
	int wanted;	   /* 1: the device is of type XDP */
	int all;	   /* it is any: interfaces may go */
	int netns_fd;	   /* where they are, this struct's own; 0: in our own network namespace */
	char path[320];	   /* by which that was found; "": it was not looked for */
	uint32_t netns;	   /* its inode */
};

/* Which network namespace the interfaces are in; nothing is watched if the device is not of type XDP.  0 or -errno. */
int bpfprobe_watch_open(
    struct bpfprobe_watch *watch, const struct bpfprobe_device *device, const struct bpfprobe_where *where);

/* Adds an interface with what was found there: `count` programs. */
void bpfprobe_watch_add(
    struct bpfprobe_watch *watch, __u32 ifindex, const char *name, const __u32 *ids, int count);

/*
 * When all is attached: notes our own programs.  0, or -1 with *reply filled in: at an
 * interface there is not any more what was found there.
 */
int bpfprobe_watch_begin(struct bpfprobe_watch *watch, struct bpfprobe_reply *reply);

/*
 * Looks at some of the interfaces, each time at others.  0, or -1 with *reply filled in: what is
 * captured has come to an end.  What cannot be found out is asked again the next time.
 */
int bpfprobe_watch_check(struct bpfprobe_watch *watch, struct bpfprobe_reply *reply);

#endif
