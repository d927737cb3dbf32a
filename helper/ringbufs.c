/* SPDX-License-Identifier: BSD-3-Clause */
/* See ringbufs.h. */
#include <errno.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bpf/record.h"
#include "helper/cpus.h"
#include "helper/ringbufs.h"

static int
loads_bytes(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1;
}

enum bpfprobe_ringbufs_use
bpfprobe_ringbufs_use(__u32 snaplen, const struct bpfprobe_target *targets, unsigned int n)
{
	unsigned int i, pass = 0;

	for (i = 0; i < n; i++) {
		if (targets[i].returns.bits > 0 || targets[i].paired)
			return BPFPROBE_RINGBUFS_NONE;
		pass += targets[i].kind == BPFPROBE_PASS;
	}
	if (n == 0 || (pass > 0 && !loads_bytes()))
		return BPFPROBE_RINGBUFS_NONE;
	if (snaplen > BPFPROBE_SNAPLEN_MIN)
		return BPFPROBE_RINGBUFS_SOME;
	return pass == n ? BPFPROBE_RINGBUFS_MOST : BPFPROBE_RINGBUFS_MANY;
}

static void
forget(struct bpfprobe_ringbufs *ringbufs)
{
	while (ringbufs->count > 0)
		close(ringbufs->fds[--ringbufs->count]);
	ringbufs->size = 0;
}

/* So many.  0 or -errno. */
static int
make_all(struct bpfprobe_ringbufs *ringbufs, unsigned int count)
{
	int fd;

	while (ringbufs->count < count) {
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "bpfprobe_ring", 0, 0, ringbufs->size, NULL);
		if (fd < 0)
			return -errno;
		ringbufs->fds[ringbufs->count++] = fd;
	}
	return 0;
}

/* The map of them, for `cpus` possible CPUs: a descriptor or -errno. */
static int
make_map(const struct bpfprobe_ringbufs *ringbufs, unsigned int cpus)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (__u32)ringbufs->fds[0]);
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "bpfprobe_ringbufs", sizeof(__u32), sizeof(__u32), cpus, &opts);

	return map < 0 ? -errno : map;
}

int
bpfprobe_ringbufs_make(struct bpfprobe_ringbufs *ringbufs, unsigned int cpus, unsigned int pages)
{
	unsigned int count = bpfprobe_cpus_online(ringbufs->cpus, BPFPROBE_RINGBUFS_MAX);
	int map;

	if (count == 0 || count > cpus || count > BPFPROBE_RINGBUFS_MAX ||
	    (__u64)pages * (__u64)sysconf(_SC_PAGESIZE) > BPFPROBE_RINGBUF_MAX)
		return -ENODEV;
	ringbufs->size = pages * (__u32)sysconf(_SC_PAGESIZE);
	map = make_all(ringbufs, count);
	if (map == 0)
		map = make_map(ringbufs, cpus);
	if (map < 0)
		forget(ringbufs);
	return map;
}

int
bpfprobe_ringbufs_put(struct bpfprobe_ringbufs *ringbufs, int map)
{
	const unsigned int i = ringbufs->put;
	__u32 count = ringbufs->count - i;
	int err;

	if (count == 0)
		return 0;
	err = bpf_map_update_batch(map, &ringbufs->cpus[i], &ringbufs->fds[i], &count, NULL);
	if (err < 0 && bpf_map_update_elem(map, &ringbufs->cpus[i], &ringbufs->fds[i], BPF_ANY) == 0)
		ringbufs->put++;
	else
		ringbufs->put = ringbufs->count;
	return ringbufs->put < ringbufs->count;
}
