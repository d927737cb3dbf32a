/* SPDX-License-Identifier: BSD-3-Clause */
/* Which CPU a ring is of: the helper has one for each CPU that is online when it makes them. */
#ifndef BPFPROBE_CPUS_H
#define BPFPROBE_CPUS_H

/*
 * Fills in cpus[i] for ring i of `count`, from /sys/devices/system/cpu/online; 0, or -1 if there
 * are not as many.
 */
int bpfprobe_cpus_online(unsigned int *cpus, unsigned int count);

/* The same from a list such as "0-3,5,7-8". */
int bpfprobe_cpus_parse(const char *list, unsigned int *cpus, unsigned int count);

#endif
