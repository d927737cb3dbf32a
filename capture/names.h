/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of names that the helper has filled in, mapped (bpf/names.h). */
#ifndef BPFPROBE_NAMES_MAPPED_H
#define BPFPROBE_NAMES_MAPPED_H

#include <stdint.h>
#include <linux/types.h>
#include "bpf/names.h"
#include "capture/client.h"

#define BPFPROBE_LOCATED 256 /* functions that are remembered */

struct bpfprobe_located {
	uint64_t address; /* 0: nothing */
	struct bpfprobe_name16 name;
};

struct bpfprobe_names {
	const struct bpfprobe_name16 *table; /* NULL: not mapped */
	struct bpfprobe_located *located;    /* BPFPROBE_LOCATED of them; NULL: none yet */
};

/* Maps the table `fd`, which stays the caller's.  0 or -errno. */
int bpfprobe_names_map(struct bpfprobe_names *names, int fd);

/* Frees what was remembered, too. */
void bpfprobe_names_unmap(struct bpfprobe_names *names);

/*
 * The name of the function that `address` of the kernel is in, as the helper abbreviates it, who
 * is asked once, or again where many functions want one place; "" if he does not know.
 */
const struct bpfprobe_name16 *bpfprobe_names_locate(
    struct bpfprobe_names *names, struct bpfprobe_client *client, uint64_t address);

/* The name with this index, up to 15 bytes and NULs; of one beyond the table, or without a table, "". */
const struct bpfprobe_name16 *bpfprobe_names_get(const struct bpfprobe_names *names, __u32 index);

#endif
