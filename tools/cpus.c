/* SPDX-License-Identifier: BSD-3-Clause */
/* See cpus.h. */
#include <stdio.h>
#include <stdlib.h>
#include "tools/cpus.h"

#define LIST_MAX 4096 /* a page, as all files there */

int
bpfprobe_cpus_parse(const char *list, unsigned int *cpus, unsigned int count)
{
	unsigned long first, last;
	unsigned int n = 0;
	char *end;

	for (;; list = end + 1) {
		first = last = strtoul(list, &end, 10);
		if (end == list)
			return -1;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && n < count; first++)
			cpus[n++] = (unsigned int)first;
		if (*end != ',')
			break;
	}
	return n == count && first > last ? 0 : -1;
}

int
bpfprobe_cpus_online(unsigned int *cpus, unsigned int count)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	char list[LIST_MAX];
	int found;

	if (file == NULL)
		return -1;
	found = fgets(list, sizeof(list), file) != NULL;
	fclose(file);
	return found ? bpfprobe_cpus_parse(list, cpus, count) : -1;
}
