/* SPDX-License-Identifier: BSD-3-Clause */
/* What netns= and dev= mean: inode numbers and interface numbers. */
#ifndef BPFPROBE_WHERE_H
#define BPFPROBE_WHERE_H

#include <stddef.h>
#include <stdint.h>
#include "helper/device.h"
#include "helper/fail.h"

struct bpfprobe_where {
	uint32_t home;	  /* inode of our own network namespace */
	uint64_t cookie;  /* of our own network namespace; 0: this kernel does not tell (before 5.14) */
	uint32_t netns;	  /* inode of the one that is asked for; 0: all */
	uint32_t ifindex; /* interface in it; 0: all */
	int fd;		  /* of it, this struct's own; 0: none, it is our own or cannot be entered */
};

/*
 * Resolves the options of `device`.  An interface without a namespace is one of
 * our own.  Unless `trusted` its file is opened with the caller's rights (asuser.h).
 * Returns 0, or -1 with *reply filled in.
 */
int bpfprobe_where_resolve(
    struct bpfprobe_where *where, const struct bpfprobe_device *device, int trusted,
    struct bpfprobe_reply *reply);

/* The file that says which namespace netns= names; "": it names none, or by its number. */
void bpfprobe_where_path(const struct bpfprobe_device *device, char *path, size_t len);

/* Closes its descriptor. */
void bpfprobe_where_free(struct bpfprobe_where *where);

#endif
