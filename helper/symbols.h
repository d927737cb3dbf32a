/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions of the running kernel by their addresses, which only root can read. */
#ifndef BPFPROBE_SYMBOLS_H
#define BPFPROBE_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct bpfprobe_symbol {
	uint64_t address;
	uint32_t name; /* offset in the names */
};

/* A few MiB; all 0: nothing is read yet. */
struct bpfprobe_symbols {
	struct bpfprobe_symbol *items; /* by their addresses */
	size_t count, room;
	char *names; /* each with its NUL */
	size_t used, size;
};

/* Reads /proc/kallsyms.  0 or -errno; -EPERM: the addresses are not for this user. */
int bpfprobe_symbols_read(struct bpfprobe_symbols *symbols);

/* Takes a line: address, type, symbol, and what belongs to it behind a blank.  0 or -ENOMEM. */
int bpfprobe_symbols_add(struct bpfprobe_symbols *symbols, const char *line);

/* Puts in order what was added. */
void bpfprobe_symbols_sort(struct bpfprobe_symbols *symbols);

/* The function that `address` is in, and how far behind its beginning; NULL: none. */
const char *bpfprobe_symbols_find(
    const struct bpfprobe_symbols *symbols, uint64_t address, uint64_t *offset);

void bpfprobe_symbols_free(struct bpfprobe_symbols *symbols);

#endif
