/* SPDX-License-Identifier: BSD-3-Clause */
/* Which CPU a ring is of: there is one for each CPU that is online when they are made. */
#ifndef BPFPROBE_CPUS_H
#define BPFPROBE_CPUS_H

/*
 * How many CPUs are online, by /sys/devices/system/cpu/online, where libbpf looks, too; 0: it
 * cannot be read.  Fills in cpus[i] for ring i, as far as there are so many and `count` allows.
 */
unsigned int bpfprobe_cpus_online(unsigned int *cpus, unsigned int count);

/* The same from a list such as "0-3,5,7-8". */
unsigned int bpfprobe_cpus_parse(const char *list, unsigned int *cpus, unsigned int count);

#endif
