/* SPDX-License-Identifier: BSD-3-Clause */
/* See names.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "capture/names.h"

#define TRIES 8 /* places in which a function may be remembered; the last one may be taken from another */
#define SIZE (BPFPROBE_NAMES_COUNT * sizeof(struct bpfprobe_name16))

int
bpfprobe_names_map(struct bpfprobe_names *names, int fd)
{
	void *table;

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
	free(names->located);
	names->located = NULL;
}

static const struct bpfprobe_name16 none = { { 0 } };

const struct bpfprobe_name16 *
bpfprobe_names_get(const struct bpfprobe_names *names, __u32 index)
{
	return names->table != NULL && index < BPFPROBE_NAMES_COUNT ? &names->table[index] : &none;
}

static void
ask(struct bpfprobe_located *located, struct bpfprobe_client *client, uint64_t address)
{
	struct bpfprobe_reply reply;

	memset(located, 0, sizeof(*located));
	located->address = address;
	if (bpfprobe_client_symbol(client, address, &reply) == 0)
		memcpy(&located->name, reply.dlt, strnlen(reply.dlt, BPFPROBE_NAME_LEN));
}

const struct bpfprobe_name16 *
bpfprobe_names_locate(struct bpfprobe_names *names, struct bpfprobe_client *client, uint64_t address)
{
	uint64_t place = address ^ address >> 8 ^ address >> 16;
	struct bpfprobe_located *located = NULL;
	unsigned int i;

	if (names->located == NULL)
		names->located = calloc(BPFPROBE_LOCATED, sizeof(*names->located));
	if (names->located == NULL)
		return &none;
	for (i = 0; i < TRIES; i++) {
		located = &names->located[(place + i) % BPFPROBE_LOCATED];
		if (located->address == address)
			return &located->name;
		if (located->address == 0)
			break;
	}
	ask(located, client, address);
	return &located->name;
}
