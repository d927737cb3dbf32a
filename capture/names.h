/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of names that the helper has filled in, mapped (bpf/names.h). */
#ifndef BPFPROBE_NAMES_MAPPED_H
#define BPFPROBE_NAMES_MAPPED_H

#include <linux/types.h>
#include "bpf/names.h"

struct bpfprobe_names {
	const struct bpfprobe_name16 *table; /* NULL: not mapped */
};

/* Maps the table `fd`, which stays the caller's; nothing if it is mapped.  0 or -errno. */
int bpfprobe_names_map(struct bpfprobe_names *names, int fd);

void bpfprobe_names_unmap(struct bpfprobe_names *names);

/* The name with this index, up to 15 bytes and NULs; of one beyond the table, or without a table, "". */
const struct bpfprobe_name16 *bpfprobe_names_get(const struct bpfprobe_names *names, __u32 index);

#endif
