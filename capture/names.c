/* SPDX-License-Identifier: BSD-3-Clause */
/* See names.h. */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include "capture/names.h"

#define SIZE (BPFPROBE_NAMES_COUNT * sizeof(struct bpfprobe_name16))

int
bpfprobe_names_map(struct bpfprobe_names *names, int fd)
{
	void *table;

	if (names->table != NULL)
		return 0;
	table = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (table == MAP_FAILED)
		return -errno;
	names->table = table;
	return 0;
}

void
bpfprobe_names_unmap(struct bpfprobe_names *names)
{
	if (names->table != NULL)
		munmap((void *)names->table, SIZE);
	names->table = NULL;
}

const struct bpfprobe_name16 *
bpfprobe_names_get(const struct bpfprobe_names *names, __u32 index)
{
	static const struct bpfprobe_name16 none = { { 0 } };

	return names->table != NULL && index < BPFPROBE_NAMES_COUNT ? &names->table[index] : &none;
}
