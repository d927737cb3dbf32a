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

/* What the kernel knows of a program or a link goes to the `size` bytes at `info`.  0 or -1. */
static int
get_info(int fd, void *info, size_t size)
{
	union bpf_attr attr;

	memset(info, 0, size);
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (__u32)fd;
	attr.info.info_len = (__u32)size;
	attr.info.info = (__u64)(uintptr_t)info;
	return (int)syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
}

/*
 * The same number from the program's lines in the helper's /proc, which is what a user gets
 * who is not to have the program itself; 0 when the helper is gone.
 */
static uint64_t
read_misses(int lines)
{
	static const char name[] = "recursion_misses:\t";
	char text[1024];
	ssize_t n = pread(lines, text, sizeof(text) - 1, 0);
	uint64_t misses = 0;
	const char *c;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	c = strstr(text, name);
	for (c = c != NULL ? c + strlen(name) : text + n; *c >= '0' && *c <= '9'; c++)
		misses = misses * 10 + (uint64_t)(*c - '0');
	return misses;
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

	return get_info(prog, &info, sizeof(info)) < 0 ? read_misses(prog) : info.recursion_misses;
}

/*
 * struct bpf_link_info of linux/bpf.h (Linux 6.7), as far as it is used here: the
 * header that this is compiled with may be older.
 */
struct link_info {
	__u32 type, id, prog_id, pad;
	union {
		struct {
			__u64 addrs;
			__u32 count, flags;
			__u64 missed;
		} kprobe_multi;
		struct {
			__u32 type, pad;
			__u64 func_name;
			__u32 name_len, offset;
			__u64 addr, missed;
		} perf_event;
	};
};

#define LINK_PERF_EVENT 7   /* BPF_LINK_TYPE_PERF_EVENT */
#define LINK_KPROBE_MULTI 8 /* BPF_LINK_TYPE_KPROBE_MULTI */
#define EVENT_KPROBE 3	    /* BPF_PERF_EVENT_KPROBE */
#define MULTI_RETURN 1	    /* BPF_F_KPROBE_MULTI_RETURN */

/*
 * How often a kprobe did not call the program since the CPU was in another kprobe ("bpf:
 * Add missed value to kprobe perf link info", 6.7).  The program, which was not called, has
 * not counted them.  Older kernels say 0.  An exit that is missed loses no packet: its
 * entry is known, and counts as unpaired.
 */
static uint64_t
kprobe_misses(int link)
{
	struct link_info info;

	if (get_info(link, &info, sizeof(info)) < 0)
		return 0;
	if (info.type == LINK_KPROBE_MULTI)
		return info.kprobe_multi.flags & MULTI_RETURN ? 0 : info.kprobe_multi.missed;
	return info.type == LINK_PERF_EVENT && info.perf_event.type == EVENT_KPROBE ? info.perf_event.missed : 0;
}

void
bpfprobe_control_totals(const struct bpfprobe_control *control, const int *progs,
    unsigned int nprogs, const int *links, unsigned int nlinks, struct bpfprobe_totals *totals)
{
	int saved = errno;
	unsigned int i;

	totals->emitted = totals->lost = 0;
	for (i = 0; i <= control->cpus && control->cpu != NULL; i++) {
		totals->emitted += __atomic_load_n(&control->cpu[i].emitted, __ATOMIC_RELAXED);
		totals->lost += __atomic_load_n(&control->cpu[i].lost, __ATOMIC_RELAXED);
	}
	for (i = 0; i < nprogs; i++)
		totals->lost += recursion_misses(progs[i]);
	for (i = 0; i < nlinks; i++)
		totals->lost += kprobe_misses(links[i]);
	errno = saved;
}
