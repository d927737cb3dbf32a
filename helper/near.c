/* SPDX-License-Identifier: BSD-3-Clause */
/* See near.h. */
#include <stdio.h>
#include <string.h>
#include "helper/near.h"

#define LENGTH_MAX 64

static unsigned int
min3(unsigned int a, unsigned int b, unsigned int c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Levenshtein's distance: insertions, deletions and replacements; row by row. */
static unsigned int
edit_distance(const char *a, const char *b)
{
	unsigned int row[LENGTH_MAX + 1], i, j, diagonal, above;
	unsigned int la = (unsigned int)strlen(a), lb = (unsigned int)strlen(b);

	if (la > LENGTH_MAX || lb > LENGTH_MAX)
		return LENGTH_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

void
bpfprobe_near_init(struct bpfprobe_near *near, const char *wanted)
{
	memset(near, 0, sizeof(*near));
	near->wanted = wanted;
}

void
bpfprobe_near_add(struct bpfprobe_near *near, const char *name)
{
	unsigned int distance = edit_distance(near->wanted, name);
	unsigned int i, at;

	/* A third of the name may be wrong; a name that contains what was typed is near too. */
	if (distance > 1 + strlen(near->wanted) / 3) {
		if (strlen(near->wanted) < 4 || strstr(name, near->wanted) == NULL)
			return;
	}
	for (at = 0; at < near->count && near->distance[at] <= distance; at++)
		;
	if (at == BPFPROBE_NEAR_MAX)
		return;
	if (near->count < BPFPROBE_NEAR_MAX)
		near->count++;
	for (i = near->count - 1; i > at; i--) {
		near->name[i] = near->name[i - 1];
		near->distance[i] = near->distance[i - 1];
	}
	near->name[at] = name;
	near->distance[at] = distance;
}

unsigned int
bpfprobe_near_list(const struct bpfprobe_near *near, char *buf, size_t len)
{
	size_t used = 0;
	unsigned int i;
	const char *separator = "";

	buf[0] = '\0';
	for (i = 0; i < near->count && used < len; i++) {
		used += (size_t)snprintf(buf + used, len - used, "%s%s", separator, near->name[i]);
		separator = i + 2 == near->count ? " or " : ", ";
	}
	return near->count;
}
