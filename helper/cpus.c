/* SPDX-License-Identifier: BSD-3-Clause */
/* See cpus.h. */
#include <stdio.h>
#include <stdlib.h>
#include "helper/cpus.h"

#define LIST_MAX 4096 /* a page, as all files there */
#define CPU_MAX 65535 /* more than any kernel has */

unsigned int
bpfprobe_cpus_parse(const char *list, unsigned int *cpus, unsigned int count)
{
	unsigned long first, last;
	unsigned int n = 0;
	char *end;

	for (;; list = end + 1) {
		first = last = strtoul(list, &end, 10);
		if (end == list)
			return 0;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (first > last || last > CPU_MAX)
			return 0;
		for (; first <= last; first++, n++) {
			if (n < count)
				cpus[n] = (unsigned int)first;
		}
		if (*end != ',')
			return n;
	}
}

unsigned int
bpfprobe_cpus_online(unsigned int *cpus, unsigned int count)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	char list[LIST_MAX];
	int found;

	if (file == NULL)
		return 0;
	found = fgets(list, sizeof(list), file) != NULL;
	fclose(file);
	return found ? bpfprobe_cpus_parse(list, cpus, count) : 0;
}
