/* SPDX-License-Identifier: BSD-3-Clause */
/* The input of a fuzz target, taken piece by piece. */
#ifndef BPFPROBE_TESTS_INPUT_H
#define BPFPROBE_TESTS_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What is left of it. */
static const uint8_t *input;
static size_t left;

/* Copies the next bytes, fewer than `size` at the end.  Returns how many. */
static inline size_t
take(void *to, size_t size)
{
	size_t n = size < left ? size : left;

	memcpy(to, input, n);
	input += n;
	left -= n;
	return n;
}

#endif
