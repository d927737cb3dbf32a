/* SPDX-License-Identifier: BSD-3-Clause */
/* BPF ring buffers: one for each CPU that is online, or none at all; with maps that are none of the kernel's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "helper/cpus.h"
#include "helper/ringbufs.h"

static unsigned int online; /* CPUs: every other one */
static unsigned int made;   /* maps */
static unsigned int most;   /* of them */
static unsigned int places[BPFPROBE_RINGBUFS_MAX];
static unsigned int placed;
static unsigned int batches; /* that the kernel takes */
static unsigned int elements;
static int loads_bytes; /* as libbpf says it: 1, 0, or an error */
static unsigned int asked; /* times */

unsigned int
bpfprobe_cpus_online(unsigned int *cpus, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < online && i < count; i++)
		cpus[i] = 2 * i;
	return online;
}

int
bpf_map_create(enum bpf_map_type type, const char *name, __u32 key_size, __u32 value_size, __u32 max_entries,
    const struct bpf_map_create_opts *opts)
{
	(void)type;
	(void)name;
	(void)key_size;
	(void)value_size;
	(void)max_entries;
	(void)opts;
	errno = EPERM;
	return made < most ? (made++, dup(STDERR_FILENO)) : -1;
}

int
bpf_map_update_elem(int map, const void *key, const void *value, __u64 flags)
{
	(void)map;
	(void)value;
	(void)flags;
	if (elements == 0)
		return -1;
	elements--;
	places[placed++] = *(const __u32 *)key;
	return 0;
}

int
bpf_map_update_batch(int map, const void *keys, const void *values, __u32 *count,
    const struct bpf_map_batch_opts *opts)
{
	(void)map;
	(void)values;
	(void)opts;
	if (batches == 0)
		return -1;
	batches--;
	memcpy(places + placed, keys, *count * sizeof(__u32));
	placed += *count;
	return 0;
}

int
libbpf_probe_bpf_helper(enum bpf_prog_type type, enum bpf_func_id func, const void *opts)
{
	(void)opts;
	asked++;
	assert_int_equal(type, BPF_PROG_TYPE_XDP);
	assert_int_equal(func, BPF_FUNC_xdp_load_bytes);
	return loads_bytes;
}

/* The next descriptor: the same again if all were closed. */
static int
next_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/* With so many CPUs online, and no more maps than that. */
static int
make(struct bpfprobe_ringbufs *ringbufs, unsigned int cpus, unsigned int maps)
{
	memset(ringbufs, 0, sizeof(*ringbufs));
	online = cpus;
	most = maps;
	made = placed = 0;
	return bpfprobe_ringbufs_make(ringbufs, 2 * BPFPROBE_RINGBUFS_MAX, 4);
}

static void
close_all(struct bpfprobe_ringbufs *ringbufs, int map)
{
	close(map);
	while (ringbufs->count > 0)
		close(ringbufs->fds[--ringbufs->count]);
}

static void
one_for_each(void **state)
{
	struct bpfprobe_ringbufs ringbufs;
	int map = make(&ringbufs, BPFPROBE_RINGBUFS_MAX, BPFPROBE_RINGBUFS_MAX + 1);

	(void)state;
	assert_true(map >= 0);
	assert_int_equal(ringbufs.count, BPFPROBE_RINGBUFS_MAX);
	assert_int_equal(ringbufs.size, 4 * sysconf(_SC_PAGESIZE));
	assert_int_equal(placed, 0);
	batches = 1;
	elements = 0;
	assert_int_equal(bpfprobe_ringbufs_put(&ringbufs, map), 0);
	assert_int_equal(placed, BPFPROBE_RINGBUFS_MAX);
	assert_int_equal(places[0], 0);
	assert_int_equal(places[BPFPROBE_RINGBUFS_MAX - 1], 2 * (BPFPROBE_RINGBUFS_MAX - 1));
	assert_int_equal(bpfprobe_ringbufs_put(&ringbufs, map), 0);
	assert_int_equal(placed, BPFPROBE_RINGBUFS_MAX);
	close_all(&ringbufs, map);
}

/* Where the kernel takes them one by one only, and where it takes some and then no more. */
static void
one_by_one(void **state)
{
	struct bpfprobe_ringbufs ringbufs;
	unsigned int i;
	int map;

	(void)state;
	for (i = 2; i <= 3; i++) {
		map = make(&ringbufs, 3, 4);
		assert_true(map >= 0);
		batches = 0;
		elements = i;
		assert_int_equal(bpfprobe_ringbufs_put(&ringbufs, map), 1);
		assert_int_equal(placed, 1);
		assert_int_equal(bpfprobe_ringbufs_put(&ringbufs, map), 1);
		assert_int_equal(bpfprobe_ringbufs_put(&ringbufs, map), 0);
		assert_int_equal(placed, i);
		assert_int_equal(places[1], 2);
		assert_int_equal(bpfprobe_ringbufs_put(&ringbufs, map), 0);
		assert_int_equal(placed, i);
		close_all(&ringbufs, map);
	}
}

static void
too_many_cpus(void **state)
{
	struct bpfprobe_ringbufs ringbufs;

	(void)state;
	assert_int_equal(make(&ringbufs, BPFPROBE_RINGBUFS_MAX + 1, BPFPROBE_RINGBUFS_MAX + 2), -ENODEV);
	assert_int_equal(made, 0);
	assert_int_equal(make(&ringbufs, 0, 1), -ENODEV);
}

static void
nothing_is_left(void **state)
{
	struct bpfprobe_ringbufs ringbufs;
	unsigned int maps;
	int before = next_fd();

	(void)state;
	for (maps = 0; maps <= 3; maps++) {
		assert_int_equal(make(&ringbufs, 3, maps), -EPERM);
		assert_int_equal(ringbufs.count, 0);
		assert_int_equal(next_fd(), before);
	}
}

static void
of_use(void **state)
{
	struct bpfprobe_target targets[3] = { { .kind = BPFPROBE_PASS }, { .kind = BPFPROBE_PASS },
		{ .kind = BPFPROBE_TP } };

	(void)state;
	loads_bytes = 1;
	assert_int_equal(bpfprobe_ringbufs_use(256, targets, 3), BPFPROBE_RINGBUFS_MANY);
	assert_int_equal(bpfprobe_ringbufs_use(256, targets, 2), BPFPROBE_RINGBUFS_MOST);
	assert_int_equal(bpfprobe_ringbufs_use(257, targets, 3), BPFPROBE_RINGBUFS_SOME);
	assert_int_equal(bpfprobe_ringbufs_use(257, targets, 2), BPFPROBE_RINGBUFS_SOME);
	assert_int_equal(asked, 4);
	assert_int_equal(bpfprobe_ringbufs_use(257, targets + 2, 1), BPFPROBE_RINGBUFS_SOME);
	assert_int_equal(bpfprobe_ringbufs_use(256, targets, 0), BPFPROBE_RINGBUFS_NONE);
	for (loads_bytes = 0; loads_bytes > -2; loads_bytes--) {
		assert_int_equal(bpfprobe_ringbufs_use(256, targets, 3), BPFPROBE_RINGBUFS_NONE);
		assert_int_equal(bpfprobe_ringbufs_use(256, targets + 2, 1), BPFPROBE_RINGBUFS_MANY);
	}
	targets[2].paired = 1;
	assert_int_equal(bpfprobe_ringbufs_use(256, targets + 2, 1), BPFPROBE_RINGBUFS_NONE);
	targets[2].paired = 0;
	targets[2].returns.bits = 32;
	assert_int_equal(bpfprobe_ringbufs_use(256, targets + 2, 1), BPFPROBE_RINGBUFS_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_use),
		cmocka_unit_test(one_for_each),
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(too_many_cpus),
		cmocka_unit_test(nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
