/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the clock of the records to the wall clock.  The difference between the
 * two changes when the wall clock is set, slewed or, for CLOCK_BOOTTIME, all the
 * time a little; so it is measured again while a capture runs.
 */
#ifndef BPFPROBE_CLOCK_H
#define BPFPROBE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define BPFPROBE_NS_PER_SEC 1000000000LL
/* How long a measured offset is used, in ns. */
#define BPFPROBE_CLOCK_RESAMPLE BPFPROBE_NS_PER_SEC

struct bpfprobe_clock {
	clockid_t id;	  /* the records' clock */
	int64_t offset;	  /* ns to add to it for CLOCK_REALTIME */
	uint64_t sampled; /* when the offset was measured, ns of `id` */
	uint64_t last;	  /* what the last now() saw */
	uint64_t second;  /* ns of the wall clock at which the second of the last wall() began */
	time_t seconds;	  /* and its number */
	int (*gettime)(clockid_t, struct timespec *); /* clock_gettime(), or a test's */
};

/* Measures the offset for the first time.  `id` must be readable by clock_gettime(). */
void bpfprobe_clock_init(struct bpfprobe_clock *clock, clockid_t id);

/*
 * Now, in ns of the records' clock; measures the offset again when it is due.
 * *set_back says whether the clock was set back since the last call, as CLOCK_TAI
 * can be: records of before are then later than now.
 */
uint64_t bpfprobe_clock_now(struct bpfprobe_clock *clock, int *set_back);

/*
 * Wall-clock time of a record: seconds, and in tv_usec microseconds, or
 * nanoseconds if `nano` is set (as PCAP_TSTAMP_PRECISION_NANO has it).
 */
static inline void
bpfprobe_clock_wall(struct bpfprobe_clock *clock, uint64_t time, int nano, struct timeval *tv)
{
	uint64_t wall = time + (uint64_t)clock->offset;
	uint32_t ns;

	/* Most packets are of the same second as the last one.  Unsigned: true also of one before. */
	if (wall - clock->second >= BPFPROBE_NS_PER_SEC) {
		clock->seconds = (time_t)(wall / BPFPROBE_NS_PER_SEC);
		clock->second = wall - wall % BPFPROBE_NS_PER_SEC;
	}
	ns = (uint32_t)(wall - clock->second);
	tv->tv_sec = clock->seconds;
	tv->tv_usec = nano ? ns : ns / 1000;
}

#endif
