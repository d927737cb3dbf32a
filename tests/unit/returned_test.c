/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What functions return, as the merge finds it for the packets that they were entered
 * with; over rings of a fake kernel (fakering.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/perf_event.h>
#include "tests/unit/fakemerge.h"

#define ALL (BPFPROBE_MERGE_ALL - 1)

/* The next packet, and what its function has returned. */
static void
assert_returned(uint64_t time, int64_t value)
{
	assert_next(time);
	assert_true(merge.returned.known);
	assert_true(merge.returned.value == value);
}

/* In a ring that wraps in the middle of an exit: it is found also so. */
static void
a_packet_gets_what_its_function_returns(void **state)
{
	uint64_t at;

	(void)state;
	for (at = 0; at < 4096; at += 8) {
		start(1, 1);
		fake_ring_seek(&fakes[0], &rings[0], at);
		assert_true(fake_ring_call(&fakes[0], 10, 100));
		assert_true(fake_ring_call(&fakes[0], 11, 1));
		assert_true(fake_ring_exit(&fakes[0], 12, 11, -1, 0));
		assert_true(fake_ring_exit(&fakes[0], 13, 10, 0x7fffffff12345678, 0));
		assert_true(fake_ring_sample(&fakes[0], 14, 20));
		bpfprobe_merge_pass(&merge, ALL, ALL);
		assert_returned(10, 0x7fffffff12345678);
		assert_returned(11, -1);
		assert_next(14);
		assert_null(bpfprobe_merge_next(&merge));
		assert_int_equal(merge.unpaired + merge.late + merge.broken, 0);
		stop(NULL);
	}
}

/* What is younger waits with it, of all rings. */
static void
a_packet_waits_for_its_exit(void **state)
{
	uint64_t now = 5 * BPFPROBE_MERGE_WAIT;

	(void)state;
	start(2, 1);
	assert_true(fake_ring_sample(&fakes[1], now - 12, 5));
	assert_true(fake_ring_call(&fakes[0], now - 10, 100));
	assert_true(fake_ring_sample(&fakes[1], now - 9, 5));
	bpfprobe_merge_pass(&merge, now, now);
	assert_next(now - 12);
	assert_null(bpfprobe_merge_next(&merge));
	assert_null(bpfprobe_merge_next(&merge));
	assert_true(fake_ring_exit(&fakes[0], now - 5, now - 10, 3, 0));
	bpfprobe_merge_pass(&merge, now, now);
	assert_returned(now - 10, 3);
	assert_next(now - 9);
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.unpaired + merge.late, 0);
}

static void
an_exit_on_another_cpu_is_found(void **state)
{
	(void)state;
	start(3, 1);
	assert_true(fake_ring_call(&fakes[0], 10, 100));
	/* Of another packet, which entered on that CPU at the same time. */
	assert_true(fake_ring_exit(&fakes[2], 11, 10, 7, 0));
	assert_true(fake_ring_sample(&fakes[2], 12, 9));
	assert_true(fake_ring_exit(&fakes[2], 13, 10, 8, 1));
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_returned(10, 8);
	assert_next(12);
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.unpaired, 0);
}

/* After the time that it waits, and at once where a ring fills up. */
static void
without_an_exit_a_packet_comes_and_is_counted(void **state)
{
	uint64_t now = 5 * BPFPROBE_MERGE_WAIT;
	unsigned int i;

	(void)state;
	start(1, 1);
	assert_true(fake_ring_call(&fakes[0], now - BPFPROBE_MERGE_WAIT - 1, 100));
	assert_true(fake_ring_call(&fakes[0], now - BPFPROBE_MERGE_WAIT + 1, 100));
	bpfprobe_merge_pass(&merge, now, now);
	assert_next(now - BPFPROBE_MERGE_WAIT - 1);
	assert_false(merge.returned.known);
	assert_int_equal(merge.unpaired, 1);
	assert_null(bpfprobe_merge_next(&merge));
	for (i = 0; i <= 2048 / fake_sample_size(200); i++)
		assert_true(fake_ring_sample(&fakes[0], now, 200));
	bpfprobe_merge_pass(&merge, now, now);
	assert_next(now - BPFPROBE_MERGE_WAIT + 1);
	assert_false(merge.returned.known);
	assert_next(now);
	assert_int_equal(merge.unpaired, 2);
}

/* The search has a bound: an exit that far behind counts as none. */
static void
an_exit_too_far_behind_is_not_found(void **state)
{
	unsigned int i;

	(void)state;
	for (i = BPFPROBE_RING_AHEAD - 1; i <= BPFPROBE_RING_AHEAD; i++) {
		start(1, 16);
		assert_true(fake_ring_call(&fakes[0], 10, 100));
		while (fakes[0].meta->data_head < fake_sample_size(100) + i * fake_sample_size(20))
			assert_true(fake_ring_sample(&fakes[0], 11, 20));
		assert_true(fake_ring_exit(&fakes[0], 12, 10, 1, 0));
		bpfprobe_merge_pass(&merge, ALL, ALL);
		assert_next(10);
		assert_int_equal(merge.returned.known, i < BPFPROBE_RING_AHEAD);
		assert_int_equal(merge.unpaired, i == BPFPROBE_RING_AHEAD);
		stop(NULL);
	}
}

#define TEST(f) cmocka_unit_test_teardown(f, stop)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_packet_gets_what_its_function_returns),
		TEST(a_packet_waits_for_its_exit),
		TEST(an_exit_on_another_cpu_is_found),
		TEST(without_an_exit_a_packet_comes_and_is_counted),
		TEST(an_exit_too_far_behind_is_not_found),
	};

	return cmocka_run_group_tests_name("returned", tests, NULL, NULL);
}
