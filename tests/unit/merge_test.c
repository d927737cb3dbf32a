/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The merge of many rings, each fed by a fake kernel (fakering.h): order, the
 * horizon, late records, how long a record stays valid and when its room is given
 * back, and random traffic of many CPUs against a naive reference.
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

static void
no_rings_and_empty_rings(void **state)
{
	(void)state;
	start(0, 1);
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_null(bpfprobe_merge_next(&merge));
	stop(NULL);
	start(8, 1);
	assert_null(bpfprobe_merge_next(&merge));
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_null(bpfprobe_merge_next(&merge));
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.used, 0);
	assert_int_equal(merge.late + merge.broken, 0);
}

static void
one_ring_comes_as_it_is(void **state)
{
	uint64_t i;

	(void)state;
	start(1, 1);
	for (i = 1; i <= 10; i++)
		assert_true(fake_ring_sample(&fakes[0], i, (uint32_t)i));
	bpfprobe_merge_pass(&merge, ALL, ALL);
	for (i = 1; i <= 10; i++)
		assert_next(i);
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.late, 0);
}

static void
rings_are_interleaved_by_time(void **state)
{
	static const struct {
		unsigned int ring;
		uint64_t time;
	} in[] = { { 2, 1 }, { 0, 2 }, { 0, 3 }, { 2, 4 }, { 3, 5 }, { 0, 6 }, { 3, 7 }, { 2, 0x100000000 } };
	size_t i, n = sizeof(in) / sizeof(in[0]);

	(void)state;
	start(4, 1);
	for (i = 0; i < n; i++)
		assert_true(fake_ring_sample(&fakes[in[i].ring], in[i].time, 40));
	bpfprobe_merge_pass(&merge, ALL, ALL);
	for (i = 0; i < n; i++)
		assert_next(in[i].time);
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.late, 0);
}

static void
same_time_on_all_rings_is_not_late(void **state)
{
	unsigned int i;

	(void)state;
	start(16, 1);
	for (i = 0; i < 2 * count; i++)
		assert_true(fake_ring_sample(&fakes[i % count], 42, 10));
	bpfprobe_merge_pass(&merge, 42, 42);
	for (i = 0; i < 2 * count; i++)
		assert_next(42);
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.late, 0);
}

/* One page of ring: 4096 bytes; half of it is enough. */
static void
a_ring_half_full_is_not_held_back(void **state)
{
	uint32_t caplen = 500;
	unsigned int fit = (unsigned int)(2048 / fake_sample_size(caplen)), i;

	(void)state;
	start(2, 1);
	for (i = 0; i < fit; i++)
		assert_true(fake_ring_sample(&fakes[0], 100 + i, caplen));
	fake_ring_sample(&fakes[1], 300, 10);
	bpfprobe_merge_pass(&merge, 99, 250);
	assert_null(bpfprobe_merge_next(&merge));
	assert_true(fake_ring_sample(&fakes[0], 100 + fit, caplen));
	bpfprobe_merge_pass(&merge, 99, 250);
	for (i = 0; i <= fit; i++)
		assert_next(100 + i);
	assert_null(bpfprobe_merge_next(&merge));
	assert_true(merge.used > 0);
}

static void
horizon_holds_back(void **state)
{
	(void)state;
	start(2, 1);
	fake_ring_sample(&fakes[0], 100, 10);
	fake_ring_sample(&fakes[0], 201, 10);
	fake_ring_sample(&fakes[1], 200, 10);
	bpfprobe_merge_pass(&merge, 99, 99);
	assert_null(bpfprobe_merge_next(&merge));
	assert_true(merge.used > 0);
	bpfprobe_merge_pass(&merge, 200, 200);
	assert_next(100);
	assert_next(200);
	assert_null(bpfprobe_merge_next(&merge));
	assert_null(bpfprobe_merge_next(&merge));
	assert_true(merge.used > 0);
	/* One that comes meanwhile and is older goes first: no record was out of order. */
	fake_ring_sample(&fakes[1], 200, 10);
	bpfprobe_merge_pass(&merge, 201, 201);
	assert_next(200);
	assert_next(201);
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.used, 0);
	assert_int_equal(merge.late, 0);
}

static void
pass_sees_what_was_there_when_it_began(void **state)
{
	(void)state;
	start(2, 1);
	fake_ring_sample(&fakes[0], 10, 10);
	bpfprobe_merge_pass(&merge, ALL, ALL);
	fake_ring_sample(&fakes[0], 11, 10);
	fake_ring_sample(&fakes[1], 5, 10);
	assert_next(10);
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.used, 0);
}

static void
late_record_is_delivered_and_counted(void **state)
{
	(void)state;
	start(2, 1);
	fake_ring_sample(&fakes[0], 10, 10);
	fake_ring_sample(&fakes[0], 20, 10);
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_next(10);
	assert_next(20);
	fake_ring_sample(&fakes[1], 15, 10);
	fake_ring_sample(&fakes[1], 17, 10);
	fake_ring_sample(&fakes[0], 21, 10);
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_next(15);
	assert_next(17);
	assert_int_equal(merge.late, 2);
	assert_next(21);
	assert_int_equal(merge.late, 2);
}

/* After the clock was set back, what comes is earlier than what was, and not late. */
static void
a_pass_for_all_begins_a_new_order(void **state)
{
	(void)state;
	start(1, 1);
	fake_ring_sample(&fakes[0], 1000, 10);
	bpfprobe_merge_pass(&merge, BPFPROBE_MERGE_ALL, BPFPROBE_MERGE_ALL);
	assert_next(1000);
	fake_ring_sample(&fakes[0], 10, 10);
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_next(10);
	assert_int_equal(merge.late, 0);
}

/* A softirq between clock and output: one CPU's ring is not sorted either. */
static void
disorder_within_a_ring_is_counted(void **state)
{
	(void)state;
	start(2, 1);
	fake_ring_sample(&fakes[0], 11, 10);
	fake_ring_sample(&fakes[0], 10, 10);
	fake_ring_sample(&fakes[0], 12, 10);
	fake_ring_sample(&fakes[1], 9, 10);
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_next(9);
	assert_next(11);
	assert_next(10);
	assert_next(12);
	assert_int_equal(merge.late, 1);
}

static void
broken_samples_are_counted_over_all_rings(void **state)
{
	static const uint8_t junk[8] = { 9, 0, 0, 0, 0, 0, 8, 0 }; /* PERF_RECORD_SAMPLE, 8 bytes */
	static const uint8_t junk_be[8] = { 0, 0, 0, 9, 0, 0, 0, 8 };
	const uint16_t one = 1;
	const uint8_t *bytes = *(const uint8_t *)&one ? junk : junk_be;

	(void)state;
	start(3, 1);
	fake_ring_put(&fakes[0], bytes, 8);
	fake_ring_put(&fakes[2], bytes, 8);
	fake_ring_sample(&fakes[2], 3, 10);
	fake_ring_put(&fakes[2], bytes, 8);
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_next(3);
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.broken, 3);
}

/* The last record of a pass is valid after next() has returned it, until something is called. */
static void
last_record_is_not_given_back(void **state)
{
	const struct bpfprobe_record *rec;

	(void)state;
	start(1, 1);
	fake_ring_sample(&fakes[0], 1, 3000); /* more than the fraction that is published */
	bpfprobe_merge_pass(&merge, ALL, ALL);
	rec = bpfprobe_merge_next(&merge);
	spoil_all();
	assert_fake_record(rec, 1, 3000);
	assert_null(bpfprobe_merge_next(&merge));
	spoil_all();
	assert_false(is_fake_record(rec));
}

/* Also with samples that wrap, which all use the one buffer of their ring. */
static void
wrapped_records_stay_valid(void **state)
{
	unsigned int i, round;

	(void)state;
	start(4, 1);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < count; i++) {
			bpfprobe_merge_pass(&merge, ALL, ALL);
			fake_ring_seek(&fakes[i], &rings[i], 8192 - 8 - 8 * (round % 40));
			assert_true(fake_ring_sample(&fakes[i], round * 100 + i, 500));
			assert_true(fake_ring_sample(&fakes[i], round * 100 + 50 + i, 500));
		}
		bpfprobe_merge_pass(&merge, round * 100 + 60, round * 100 + 60);
		for (i = 0; i < count; i++)
			assert_next(round * 100 + i);
		for (i = 0; i < count; i++)
			assert_next(round * 100 + 50 + i);
		assert_null(bpfprobe_merge_next(&merge));
	}
	assert_int_equal(merge.late, 0);
}

/* Room is given back while a long pass runs, in steps, and all of it with the next pass. */
static void
room_is_given_back_in_steps(void **state)
{
	uint64_t i, n = 0, tail, steps = 0;

	(void)state;
	start(1, 4);
	while (fake_ring_sample(&fakes[0], n, 100))
		n++;
	bpfprobe_merge_pass(&merge, ALL, ALL);
	for (i = 0; i < n; i++) {
		tail = fakes[0].meta->data_tail;
		assert_next(i);
		steps += fakes[0].meta->data_tail != tail;
		assert_true(bpfprobe_ring_unpublished(&rings[0]) <
		    fakes[0].size / 16 + 2 * fake_sample_size(100));
	}
	assert_in_range(steps, 8, 16);
	assert_null(bpfprobe_merge_next(&merge));
	bpfprobe_merge_pass(&merge, ALL, ALL);
	assert_int_equal(fakes[0].meta->data_tail, fakes[0].meta->data_head);
}

static int
by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Every ring in order, all in one pass: what comes out is what qsort() makes of it. */
static void
sorted_rings_give_a_sorted_stream(void **state)
{
	static uint64_t times[RINGS_MAX * 64];
	uint64_t seed = 1, time, i, total = 0;
	const struct bpfprobe_record *rec;
	unsigned int r;

	(void)state;
	start(RINGS_MAX, 2);
	for (r = 0; r < count; r++) {
		time = 0;
		for (i = fake_random(&seed, 64); i > 0; i--) {
			time += fake_random(&seed, 1000);
			assert_true(fake_ring_sample(&fakes[r], time, fake_random(&seed, 60)));
			times[total++] = time;
		}
	}
	qsort(times, total, sizeof(times[0]), by_time);
	bpfprobe_merge_pass(&merge, ALL, ALL);
	for (i = 0; i < total; i++) {
		rec = bpfprobe_merge_next(&merge);
		assert_non_null(rec);
		assert_fake_record(rec, times[i], rec->caplen);
	}
	assert_null(bpfprobe_merge_next(&merge));
	assert_int_equal(merge.late, 0);
}

/* The naive reference: a queue of times per ring, and the ring with the oldest first goes first. */
#define QUEUE_MAX 4096

struct reference {
	uint64_t times[RINGS_MAX][QUEUE_MAX];
	unsigned int head[RINGS_MAX]; /* written */
	unsigned int seen[RINGS_MAX]; /* written when the pass began */
	unsigned int tail[RINGS_MAX]; /* read */
	uint64_t newest, late, delivered;
};

static struct reference ref;

/* The ring whose record is next in this pass, or -1. */
static int
reference_next(uint64_t horizon)
{
	uint64_t best = 0, time;
	int found = -1;
	unsigned int r;

	for (r = 0; r < count; r++) {
		if (ref.tail[r] == ref.seen[r])
			continue;
		time = ref.times[r][ref.tail[r] % QUEUE_MAX];
		if (time <= horizon && (found < 0 || time < best)) {
			best = time;
			found = (int)r;
		}
	}
	if (found < 0)
		return -1;
	if (best < ref.newest)
		ref.late++;
	else
		ref.newest = best;
	ref.delivered++;
	return found;
}

/* Some packets on random CPUs, each of a time of its own shortly before `now`. */
static void
write_some(uint64_t *seed, uint64_t now, uint32_t jitter, uint32_t packets)
{
	unsigned int r;
	uint64_t time;

	while (packets-- > 0) {
		r = fake_random(seed, count);
		/* Unique, so that there is one right order. */
		time = (now - fake_random(seed, jitter)) * RINGS_MAX * 16 + r * 16 + ref.head[r] % 16;
		if (fake_random(seed, 50) == 0)
			(void)fake_ring_other(&fakes[r], PERF_RECORD_LOST, 24);
		if (!fake_ring_sample(&fakes[r], time, fake_random(seed, 200)))
			continue; /* full: lost in the kernel */
		assert_true(ref.head[r] - ref.tail[r] < QUEUE_MAX);
		ref.times[r][ref.head[r]++ % QUEUE_MAX] = time;
	}
}

/* One pass; stops early now and then, as pcap_dispatch() with a count does. */
static void
read_some(uint64_t *seed, uint64_t horizon)
{
	uint32_t limit = fake_random(seed, 4) ? UINT32_MAX : fake_random(seed, 20);
	const struct bpfprobe_record *rec;
	int r;

	memcpy(ref.seen, ref.head, sizeof(ref.seen));
	bpfprobe_merge_pass(&merge, horizon, horizon);
	while (limit-- > 0) {
		r = reference_next(horizon);
		rec = bpfprobe_merge_next(&merge);
		if (r < 0) {
			assert_null(rec);
			break;
		}
		assert_non_null(rec);
		fake_ring_spoil(&fakes[r]);
		assert_fake_record(rec, ref.times[r][ref.tail[r]++ % QUEUE_MAX], rec->caplen);
	}
	spoil_all();
}

static void
compare_with_reference(unsigned int cpus, uint64_t seed, uint32_t jitter, uint64_t hold)
{
	uint64_t now = 1000000, step;
	unsigned int r, written = 0;

	memset(&ref, 0, sizeof(ref));
	start(cpus, 1);
	for (step = 0; step < 400; step++, now += 100) {
		write_some(&seed, now, jitter, fake_random(&seed, cpus * 3 + 20));
		read_some(&seed, (now - hold) * RINGS_MAX * 16);
	}
	for (step = 0; step < 20; step++) /* some of these stop early */
		read_some(&seed, ALL);
	for (r = 0; r < count; r++) {
		written += ref.head[r];
		assert_int_equal(ref.head[r], ref.tail[r]);
	}
	assert_int_equal(ref.delivered, written);
	assert_true(written > 1000);
	assert_int_equal(merge.late, ref.late);
	assert_int_equal(merge.broken, 0);
	stop(NULL);
}

static void
random_traffic_is_as_the_reference_has_it(void **state)
{
	static const unsigned int cpus[] = { 1, 2, 3, 8, 33 };
	uint64_t seed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		for (seed = 1; seed <= 4; seed++) {
			compare_with_reference(cpus[i], seed, 150, 200);
			compare_with_reference(cpus[i], seed, 500, 50);
			compare_with_reference(cpus[i], seed, 1, 0);
		}
	}
}

static void
random_traffic_of_256_cpus(void **state)
{
	(void)state;
	compare_with_reference(256, 77, 300, 100);
}

/* What the hold-back is for: with sorted rings and a delay below it, nothing is late. */
static void
delay_below_the_hold_back_is_never_late(void **state)
{
	uint64_t seed = 5, now, last[8] = { 0 }, time, prev = 0;
	const struct bpfprobe_record *rec;
	unsigned int r, n, got = 0;

	(void)state;
	start(8, 4);
	for (now = 10000; now < 60000; now += 50) {
		for (n = 0; n < 10; n++) {
			r = fake_random(&seed, 8);
			time = now - fake_random(&seed, 400);
			last[r] = time > last[r] ? time : last[r];
			assert_true(fake_ring_sample(&fakes[r], last[r], 20));
		}
		bpfprobe_merge_pass(&merge, now - 400, now - 400);
		while ((rec = bpfprobe_merge_next(&merge)) != NULL) {
			assert_true(bpfprobe_record_time(rec) >= prev);
			prev = bpfprobe_record_time(rec);
			got++;
		}
	}
	assert_true(got > 9000);
	assert_int_equal(merge.late, 0);
}

static void
free_can_be_repeated(void **state)
{
	(void)state;
	start(2, 1);
	bpfprobe_merge_free(&merge);
	assert_null(merge.heap);
	bpfprobe_merge_free(&merge);
	assert_non_null(rings[0].meta);
}

#define TEST(f) cmocka_unit_test_teardown(f, stop)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(no_rings_and_empty_rings),
		TEST(one_ring_comes_as_it_is),
		TEST(rings_are_interleaved_by_time),
		TEST(same_time_on_all_rings_is_not_late),
		TEST(a_ring_half_full_is_not_held_back),
		TEST(horizon_holds_back),
		TEST(pass_sees_what_was_there_when_it_began),
		TEST(late_record_is_delivered_and_counted),
		TEST(a_pass_for_all_begins_a_new_order),
		TEST(disorder_within_a_ring_is_counted),
		TEST(broken_samples_are_counted_over_all_rings),
		TEST(last_record_is_not_given_back),
		TEST(wrapped_records_stay_valid),
		TEST(room_is_given_back_in_steps),
		TEST(sorted_rings_give_a_sorted_stream),
		TEST(random_traffic_is_as_the_reference_has_it),
		TEST(random_traffic_of_256_cpus),
		TEST(delay_below_the_hold_back_is_never_late),
		TEST(free_can_be_repeated),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
