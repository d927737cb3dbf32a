/* SPDX-License-Identifier: BSD-3-Clause */
/* Stacks of the kernel by the numbers that packets have (bpf/record.h), as text. */
#ifndef BPFPROBE_STACKS_H
#define BPFPROBE_STACKS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include "bpf/record.h"
#include "helper/symbols.h"

#define BPFPROBE_STACK_NAME_MAX 80 /* bytes of a function's name that are written */

/* Bytes of a stack's text, NUL included. */
#define BPFPROBE_STACK_TEXT_MAX (BPFPROBE_STACK_FRAMES * (BPFPROBE_STACK_NAME_MAX + 16))

struct bpfprobe_stacks {
	int fd;	      /* of the map, the owner's */
	char **texts; /* by number; NULL: not read yet */
};

/*
 * The functions of the stack with this number and 1, the innermost first, in lines such as
 * "ip_rcv+0x1a"; those of the probe are left out.  NULL: there is none, or no memory for it.
 * Each is read once: a number keeps its stack.
 */
const char *bpfprobe_stacks_get(
    struct bpfprobe_stacks *stacks, uint32_t number, const struct bpfprobe_symbols *symbols);

/* Writes the lines of a stack of `count` addresses. */
void bpfprobe_stacks_write(char text[BPFPROBE_STACK_TEXT_MAX], const uint64_t *addresses,
    unsigned int count, const struct bpfprobe_symbols *symbols);

void bpfprobe_stacks_free(struct bpfprobe_stacks *stacks);

#endif
