/* SPDX-License-Identifier: BSD-3-Clause */
/* See clock.h. */
#include "capture/clock.h"

#define SAMPLES 10

static uint64_t
read_ns(const struct bpfprobe_clock *clock, clockid_t id)
{
	struct timespec ts = { 0, 0 };

	clock->gettime(id, &ts);
	return (uint64_t)ts.tv_sec * BPFPROBE_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/*
 * Reads the wall clock between two readings of the records' clock, several
 * times, and keeps the pair that lay closest together: the error is at most half
 * of that distance, whatever interrupts the process.
 */
static void
sample_offset(struct bpfprobe_clock *clock)
{
	uint64_t before, wall, after, best = UINT64_MAX;
	int i;

	for (i = 0; i < SAMPLES; i++) {
		before = read_ns(clock, clock->id);
		wall = read_ns(clock, CLOCK_REALTIME);
		after = read_ns(clock, clock->id);
		if (after - before < best) {
			best = after - before;
			clock->offset = (int64_t)(wall - (before + best / 2));
			clock->sampled = after;
		}
	}
}

void
bpfprobe_clock_init(struct bpfprobe_clock *clock, clockid_t id)
{
	clock->id = id;
	if (clock->gettime == NULL)
		clock->gettime = clock_gettime;
	clock->second = 0;
	clock->seconds = 0;
	sample_offset(clock);
	clock->last = clock->sampled;
}

uint64_t
bpfprobe_clock_now(struct bpfprobe_clock *clock, int *set_back)
{
	uint64_t now = read_ns(clock, clock->id);

	*set_back = now < clock->last;
	clock->last = now;
	/* Unsigned: true also when the clock was set back. */
	if (now - clock->sampled >= BPFPROBE_CLOCK_RESAMPLE)
		sample_offset(clock);
	return now;
}
