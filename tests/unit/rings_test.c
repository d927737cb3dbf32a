/* SPDX-License-Identifier: BSD-3-Clause */
/* How large rings are, on machines of any number of CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/types.h>
#include "bpf/record.h"
#include "helper/rings.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define PAGE 4096
#define CPUS_MAX 4096

#define SAMPLE_HEAD 12 /* in front of a record, see record.h */
#define LOST_RECORD 24 /* struct perf_event_header, id, number: the kernel's own */

/* Bytes of a ring, for a buffer of `size`. */
static uint64_t
ring(uint64_t size, unsigned int cpus)
{
	return (uint64_t)bpfprobe_rings_pages(0, (uint32_t)size, cpus, PAGE) * PAGE;
}

static void
the_default(void **state)
{
	static const struct {
		unsigned int cpus;
		uint64_t each, all;
	} hosts[] = {
		{ 1, 2 * MIB, 2 * MIB },
		{ 2, 2 * MIB, 4 * MIB },
		{ 3, 1 * MIB, 3 * MIB },
		{ 8, 512 * KIB, 4 * MIB },
		{ 12, 256 * KIB, 3 * MIB },
		{ 31, 128 * KIB, 31 * 128 * KIB },
		{ 32, 128 * KIB, 4 * MIB },
		{ 128, 128 * KIB, 16 * MIB },
		{ 256, 128 * KIB, 32 * MIB },
		{ 512, 128 * KIB, 64 * MIB },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		assert_int_equal(ring(0, hosts[i].cpus), hosts[i].each);
		assert_int_equal(ring(0, hosts[i].cpus) * hosts[i].cpus, hosts[i].all);
	}
}

/* With the longest sample goes what the kernel says of those that it had no room for before. */
static void
the_longest_packet(void **state)
{
	const uint64_t longest = SAMPLE_HEAD + BPFPROBE_SAMPLE_MAX, sizes[] = { 0, 1, 64 * KIB, 2 * MIB, UINT32_MAX };
	unsigned int cpus;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* A byte of a ring stays free: full and empty are told apart so. */
		for (cpus = 1; cpus <= CPUS_MAX; cpus++)
			assert_true(ring(sizes[i], cpus) > longest + LOST_RECORD);
	}
}

/* All have the buffer's size at least, and at most twice that, if the least ring lets them. */
static void
all_together(void **state)
{
	const uint64_t sizes[] = { 1, 300 * KIB, 2 * MIB, 3 * MIB, 2 * MIB + 1, 100 * MIB, 2048 * MIB, UINT32_MAX };
	uint64_t size, each;
	unsigned int cpus;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size = sizes[i];
		for (cpus = 1; cpus <= CPUS_MAX; cpus++) {
			each = ring(size, cpus);
			assert_int_equal(each & (each - 1), 0);
			assert_true(each * cpus >= size);
			assert_true(each * cpus <= 2 * size || each == 128 * KIB);
			assert_true(cpus == 1 || each <= ring(size, cpus - 1));
		}
	}
}

static void
pages(void **state)
{
	(void)state;
	/* What the user asks for counts, whatever else is said. */
	assert_int_equal(bpfprobe_rings_pages(1, 100 * MIB, 256, PAGE), 1);
	assert_int_equal(bpfprobe_rings_pages(4096, 1, 1, PAGE), 4096);
	/* Larger ones, as arm64 and ppc64 can have them. */
	assert_int_equal(bpfprobe_rings_pages(0, 0, 2, 64 * KIB), 32);
	assert_int_equal(bpfprobe_rings_pages(0, 0, 256, 64 * KIB), 2);
	assert_int_equal(bpfprobe_rings_pages(0, 0, 256, 256 * KIB), 1);
}

/* Rings and BPF ring buffers share what the rings had, or nearly; none becomes too small for its longest sample. */
static void
two_kinds(void **state)
{
	unsigned int cpus, before, rings, ringbufs;

	(void)state;
	for (cpus = 1; cpus <= CPUS_MAX; cpus++) {
		before = rings = bpfprobe_rings_pages(0, 0, cpus, PAGE);
		assert_int_equal(bpfprobe_rings_share(0, &rings, PAGE, BPFPROBE_RINGBUFS_SOME), before / 2);
		assert_int_equal(rings, before);
		ringbufs = bpfprobe_rings_share(0, &rings, PAGE, BPFPROBE_RINGBUFS_MANY);
		assert_int_equal(ringbufs, before / 2);
		assert_int_equal(rings, before * PAGE >= 256 * KIB ? before / 2 : before);
		assert_true(rings * PAGE >= 128 * KIB && ringbufs * PAGE >= 64 * KIB);
		rings = before;
		assert_int_equal(bpfprobe_rings_share(0, &rings, PAGE, BPFPROBE_RINGBUFS_MOST), before);
		assert_int_equal(rings, before * PAGE >= 1024 * KIB ? before / 8 : 128 * KIB / PAGE);
	}
	/* -B of 4 GiB on one CPU: one of 2 GiB is more than there may be. */
	rings = 512 * KIB;
	assert_int_equal(bpfprobe_rings_share(0, &rings, PAGE, BPFPROBE_RINGBUFS_MOST), BPFPROBE_RINGBUF_MAX / PAGE);
	assert_int_equal(rings, 64 * KIB);
	rings = 8;
	assert_int_equal(bpfprobe_rings_share(8, &rings, PAGE, BPFPROBE_RINGBUFS_MOST), 8);
	assert_int_equal(rings, 8);
	rings = 1;
	assert_int_equal(bpfprobe_rings_share(0, &rings, 256 * KIB, BPFPROBE_RINGBUFS_MANY), 1);
	assert_int_equal(rings, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default),
		cmocka_unit_test(the_longest_packet),
		cmocka_unit_test(all_together),
		cmocka_unit_test(pages),
		cmocka_unit_test(two_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
