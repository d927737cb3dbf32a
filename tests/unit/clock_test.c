/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way from a record's time to the wall clock, with clocks of our own: offsets
 * of either sign, precision, an interrupted measurement, and a wall clock that is
 * set while a capture runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "capture/clock.h"

#define SEC BPFPROBE_NS_PER_SEC

/* The fake clocks: what a reading costs passes after it. */
static struct {
	clockid_t id;
	uint64_t ticks; /* the records' clock */
	int64_t offset; /* of the wall clock to it */
	uint64_t (*cost)(unsigned int reading);
	unsigned int reads;
	uint64_t since_id; /* cost since the records' clock was read before the wall clock */
	uint64_t closest;  /* shortest way from there to the next reading of the records' clock */
} world;

static int
fake_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ns = world.ticks, cost = world.cost != NULL ? world.cost(world.reads) : 0;

	assert_true(id == CLOCK_REALTIME || id == world.id);
	if (id == CLOCK_REALTIME) {
		ns += (uint64_t)world.offset;
		if (world.since_id + cost < world.closest)
			world.closest = world.since_id + cost;
	}
	world.since_id = cost;
	ts->tv_sec = (time_t)(ns / SEC);
	ts->tv_nsec = (long)(ns % SEC);
	world.reads++;
	world.ticks += cost;
	return 0;
}

static int set_back;

static uint64_t
now(struct bpfprobe_clock *clock)
{
	return bpfprobe_clock_now(clock, &set_back);
}

static void
start_costly(struct bpfprobe_clock *clock, clockid_t id, uint64_t ticks, int64_t offset,
    uint64_t (*cost)(unsigned int reading))
{
	memset(&world, 0, sizeof(world));
	world.id = id;
	world.ticks = ticks;
	world.offset = offset;
	world.cost = cost;
	world.closest = UINT64_MAX;
	memset(clock, 0, sizeof(*clock));
	clock->gettime = fake_gettime;
	bpfprobe_clock_init(clock, id);
}

static void
start(struct bpfprobe_clock *clock, clockid_t id, uint64_t ticks, int64_t offset)
{
	start_costly(clock, id, ticks, offset, NULL);
}

static void
assert_wall(struct bpfprobe_clock *clock, uint64_t time, int nano, long sec, long frac)
{
	struct timeval tv = { -1, -1 };

	bpfprobe_clock_wall(clock, time, nano, &tv);
	assert_int_equal(tv.tv_sec, sec);
	assert_int_equal(tv.tv_usec, frac);
}

static void
boottime_is_behind_the_wall_clock(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start(&clock, CLOCK_BOOTTIME, 5 * SEC, 1700000000 * SEC + 250000000);
	assert_int_equal(clock.offset, 1700000000 * SEC + 250000000);
	assert_wall(&clock, 6 * SEC + 1, 1, 1700000006, 250000001);
}

/* Of whatever second the one before was. */
static void
seconds_begin_where_they_do(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start(&clock, CLOCK_BOOTTIME, 5 * SEC, 1000 * SEC);
	assert_wall(&clock, 6 * SEC - 1, 0, 1005, 999999);
	assert_wall(&clock, 6 * SEC, 0, 1006, 0);
	assert_wall(&clock, 6 * SEC - 1, 1, 1005, 999999999);
	assert_wall(&clock, 7 * SEC - 1, 1, 1006, 999999999);
	assert_wall(&clock, 7 * SEC, 1, 1007, 0);
	assert_wall(&clock, 3 * SEC + 1999, 0, 1003, 1);
}

static void
tai_is_ahead_of_the_wall_clock(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start(&clock, CLOCK_TAI, 1700000037 * SEC, -37 * SEC);
	assert_int_equal(clock.offset, -37 * SEC);
	assert_wall(&clock, 1700000037 * SEC + 999999999, 1, 1700000000, 999999999);
	assert_wall(&clock, 1700000036 * SEC + 999999999, 1, 1699999999, 999999999);
}

/* Carries into the seconds, and a record from before the offset was measured. */
static void
fractions_carry(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start(&clock, CLOCK_BOOTTIME, 100 * SEC, 1000 * SEC + 600000000);
	assert_wall(&clock, 100 * SEC + 399999999, 1, 1100, 999999999);
	assert_wall(&clock, 100 * SEC + 400000000, 1, 1101, 0);
	assert_wall(&clock, 1, 1, 1000, 600000001);
	assert_wall(&clock, 0, 0, 1000, 600000);
}

/* Microseconds are cut, not rounded: a record never comes to stand in the next second. */
static void
microseconds_are_cut(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start(&clock, CLOCK_BOOTTIME, 0, 1000 * SEC);
	assert_wall(&clock, 999, 0, 1000, 0);
	assert_wall(&clock, 1000, 0, 1000, 1);
	assert_wall(&clock, 1999, 0, 1000, 1);
	assert_wall(&clock, 999999999, 0, 1000, 999999);
	assert_wall(&clock, 1999, 1, 1000, 1999);
}

static void
times_beyond_32_bits(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start(&clock, CLOCK_BOOTTIME, 0, 5000000000 * SEC);
	assert_wall(&clock, 7, 1, 5000000000, 7);
}

static uint64_t
same_cost(unsigned int reading)
{
	(void)reading;
	return 40;
}

/* The wall clock is read in the middle of two readings: the cost cancels out. */
static void
cost_of_reading_cancels_out(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start_costly(&clock, CLOCK_BOOTTIME, 0, 1000 * SEC, same_cost);
	assert_int_equal(clock.offset, 1000 * SEC);
}

/* Interrupted behind every reading of the wall clock, but for the second one. */
static uint64_t
nearly_always_interrupted(unsigned int reading)
{
	return reading / 3 != 1 && reading % 3 == 1 ? 1000000 : 20;
}

static void
interrupted_measurements_are_dropped(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start_costly(&clock, CLOCK_BOOTTIME, 0, 1000 * SEC, nearly_always_interrupted);
	assert_int_equal(world.closest, 40);
	assert_int_equal(clock.offset, 1000 * SEC);
}

static uint64_t
random_cost(unsigned int reading)
{
	(void)reading;
	return (uint64_t)rand() % 100000;
}

/* Whatever a reading costs, the error is at most half the way of the closest pair. */
static void
error_is_bounded(void **state)
{
	struct bpfprobe_clock clock;
	int round;

	(void)state;
	srand(99);
	for (round = 0; round < 2000; round++) {
		start_costly(&clock, CLOCK_TAI, (uint64_t)rand(), (int64_t)rand() * 1000, random_cost);
		assert_true(world.closest < 200000);
		assert_true((uint64_t)llabs(clock.offset - world.offset) <= world.closest / 2 + 1);
	}
}

static void
now_is_the_records_clock(void **state)
{
	struct bpfprobe_clock clock;

	(void)state;
	start(&clock, CLOCK_BOOTTIME, 5 * SEC, 1000 * SEC);
	world.ticks = 5 * SEC + 123;
	assert_int_equal(now(&clock), 5 * SEC + 123);
	world.ticks = 50 * SEC;
	assert_int_equal(now(&clock), 50 * SEC);
	assert_false(set_back);
}

/* The wall clock is set: seen when the offset is due, and not measured more often than that. */
static void
step_of_the_wall_clock(void **state)
{
	struct bpfprobe_clock clock;
	unsigned int reads;

	(void)state;
	start(&clock, CLOCK_BOOTTIME, 5 * SEC, 1000 * SEC);
	world.offset = 4600 * SEC;
	world.ticks = 5 * SEC + BPFPROBE_CLOCK_RESAMPLE - 1;
	reads = world.reads;
	now(&clock);
	assert_int_equal(world.reads, reads + 1);
	assert_wall(&clock, 6 * SEC, 1, 1006, 0);
	world.ticks = 5 * SEC + BPFPROBE_CLOCK_RESAMPLE;
	now(&clock);
	assert_true(world.reads > reads + 2);
	assert_wall(&clock, 6 * SEC, 1, 4606, 0);
	/* Back again, at the next one. */
	world.offset = 500 * SEC;
	reads = world.reads;
	now(&clock);
	assert_int_equal(world.reads, reads + 1);
	assert_wall(&clock, 6 * SEC, 1, 4606, 0);
	world.ticks += BPFPROBE_CLOCK_RESAMPLE;
	now(&clock);
	assert_wall(&clock, 6 * SEC, 1, 506, 0);
}

/* CLOCK_TAI is set together with the wall clock: measured anew, and nothing is held back, once. */
static void
records_clock_set_back(void **state)
{
	struct bpfprobe_clock clock;
	unsigned int reads;

	(void)state;
	start(&clock, CLOCK_TAI, 5000 * SEC, -37 * SEC);
	assert_int_equal(now(&clock), 5000 * SEC);
	world.ticks = 100 * SEC;
	world.offset = -36 * SEC;
	reads = world.reads;
	/* Said once. */
	assert_int_equal(now(&clock), 100 * SEC);
	assert_true(set_back);
	assert_int_equal(now(&clock), 100 * SEC);
	assert_false(set_back);
	assert_true(world.reads > reads + 2);
	assert_int_equal(clock.offset, -36 * SEC);
	/* From there on in the usual rhythm. */
	reads = world.reads;
	now(&clock);
	assert_int_equal(world.reads, reads + 1);
}

/* Slewed by 500 ppm, the most that the kernel does: half a millisecond off at most. */
static void
slewed_wall_clock_is_followed(void **state)
{
	struct bpfprobe_clock clock;
	struct timeval tv;
	int64_t right;
	int i;

	(void)state;
	start(&clock, CLOCK_BOOTTIME, 0, 1000 * SEC);
	for (i = 0; i < 1000; i++) {
		world.ticks += SEC / 10;
		world.offset += SEC / 10 / 2000;
		right = (int64_t)world.ticks + world.offset;
		bpfprobe_clock_wall(&clock, now(&clock), 1, &tv);
		assert_true(llabs(tv.tv_sec * SEC + tv.tv_usec - right) <= 500000 + 50000);
	}
}

/* Without a clock of ours it reads the system's. */
static void
system_clocks_work(void **state)
{
	static const clockid_t ids[] = { CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_MONOTONIC };
	struct bpfprobe_clock clock;
	struct timespec before, after;
	struct timeval tv;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		memset(&clock, 0, sizeof(clock));
		bpfprobe_clock_init(&clock, ids[i]);
		clock_gettime(CLOCK_REALTIME, &before);
		bpfprobe_clock_wall(&clock, now(&clock), 1, &tv);
		clock_gettime(CLOCK_REALTIME, &after);
		assert_true(tv.tv_sec >= before.tv_sec - 1 && tv.tv_sec <= after.tv_sec + 1);
		assert_in_range(tv.tv_usec, 0, 999999999);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(boottime_is_behind_the_wall_clock),
		cmocka_unit_test(seconds_begin_where_they_do),
		cmocka_unit_test(tai_is_ahead_of_the_wall_clock),
		cmocka_unit_test(fractions_carry),
		cmocka_unit_test(microseconds_are_cut),
		cmocka_unit_test(times_beyond_32_bits),
		cmocka_unit_test(cost_of_reading_cancels_out),
		cmocka_unit_test(interrupted_measurements_are_dropped),
		cmocka_unit_test(error_is_bounded),
		cmocka_unit_test(now_is_the_records_clock),
		cmocka_unit_test(step_of_the_wall_clock),
		cmocka_unit_test(records_clock_set_back),
		cmocka_unit_test(slewed_wall_clock_is_followed),
		cmocka_unit_test(system_clocks_work),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
