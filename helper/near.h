/* SPDX-License-Identifier: BSD-3-Clause */
/* The names that a mistyped one may have meant. */
#ifndef BPFPROBE_NEAR_H
#define BPFPROBE_NEAR_H

#include <stddef.h>

#define BPFPROBE_NEAR_MAX 3

struct bpfprobe_near {
	const char *wanted;
	const char *name[BPFPROBE_NEAR_MAX]; /* nearest first; not copied */
	unsigned int distance[BPFPROBE_NEAR_MAX];
	unsigned int count;
};

void bpfprobe_near_init(struct bpfprobe_near *near, const char *wanted);

/* Keeps `name`, which must outlive *near, if it is among the nearest ones and near enough. */
void bpfprobe_near_add(struct bpfprobe_near *near, const char *name);

/* Writes "a, b or c".  Returns how many names; 0: nothing is near. */
unsigned int bpfprobe_near_list(const struct bpfprobe_near *near, char *buf, size_t len);

#endif
