/* SPDX-License-Identifier: BSD-3-Clause */
/* See counters.h. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>
#include "capture/counters.h"

static size_t
map_size(unsigned int cpus)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return ((cpus + 1) * sizeof(struct bpfprobe_counters) + page - 1) / page * page;
}

int
bpfprobe_control_map(struct bpfprobe_control *control, int fd, unsigned int cpus)
{
	void *map = mmap(NULL, map_size(cpus), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	control->cpu = map;
	control->reader = (struct bpfprobe_counters *)map + cpus;
	control->cpus = cpus;
	return 0;
}

void
bpfprobe_control_unmap(struct bpfprobe_control *control)
{
	if (control->cpu != NULL)
		munmap((void *)control->cpu, map_size(control->cpus));
	control->cpu = NULL;
	control->reader = NULL;
}

/*
 * How often the kernel did not run the program since it was running already:
 * bpf_prog_info.recursion_misses, which tracing programs of tracepoints have since
 * commit 05b24ff9b2cf ("bpf: Prevent bpf program recursion for raw tracepoint
 * probes").  Older kernels do run it, and miss nothing.
 */
static uint64_t
recursion_misses(int prog)
{
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (__u32)prog;
	attr.info.info_len = sizeof(info);
	attr.info.info = (__u64)(uintptr_t)&info;
	if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0)
		return 0;
	return info.recursion_misses;
}

void
bpfprobe_control_totals(const struct bpfprobe_control *control, const int *progs,
    unsigned int count, struct bpfprobe_totals *totals)
{
	int saved = errno;
	unsigned int i;

	totals->emitted = totals->lost = 0;
	for (i = 0; i < control->cpus && control->cpu != NULL; i++) {
		totals->emitted += __atomic_load_n(&control->cpu[i].emitted, __ATOMIC_RELAXED);
		totals->lost += __atomic_load_n(&control->cpu[i].lost, __ATOMIC_RELAXED);
	}
	for (i = 0; i < count; i++)
		totals->lost += recursion_misses(progs[i]);
	errno = saved;
}
