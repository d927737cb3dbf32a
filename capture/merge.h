/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings of all CPUs as one stream of records in the order of their time.
 *
 * A record enters its ring a little after its time was read, so that what is in
 * the rings now says nothing about the last moment: a record of an earlier time
 * may still come from another CPU.  A pass therefore looks once at how far each
 * ring is written, and releases what is older than a hold-back time:
 *
 *     time --->      released        | held back |
 *     CPU 0     ...x....x...x........|..x........| now
 *     CPU 1     .x......x.....x...x..|.....x.....|
 *                                 horizon
 *
 * A record that comes later than that is delivered out of order, and counted.
 * Where a ring is half full, order is worth less than room: nothing is held back.
 *
 * Where what a function returns is to be known, the record of the packet that went
 * into it waits for that of the exit, not longer than BPFPROBE_MERGE_WAIT, and what
 * is younger waits with it.
 *
 * A heap holds the rings by the time of their first record, so that the cost of
 * a record grows with the logarithm of the number of busy CPUs.
 */
#ifndef BPFPROBE_MERGE_H
#define BPFPROBE_MERGE_H

#include <stdint.h>
#include "capture/ring.h"

struct bpfprobe_merge_entry {
	uint64_t time;
	struct bpfprobe_ring *ring;
	const struct bpfprobe_record *rec;
};

/* What a function has returned, for the record that next() gave. */
struct bpfprobe_returned {
	int known;
	int unwanted;  /* the user asks for other values */
	int64_t value;
};

/* Whether it is what the user asks for; what is not known is not. */
static inline int
bpfprobe_returned_wanted(const struct bpfprobe_returned *returned)
{
	return returned->known && !returned->unwanted;
}

struct bpfprobe_merge {
	struct bpfprobe_ring *rings;
	struct bpfprobe_merge_entry *heap; /* rings with a record, the oldest at 0 */
	struct bpfprobe_ring *last;	   /* whose record was handed out last */
	unsigned int count;		   /* rings */
	unsigned int used;		   /* entries of the heap */
	uint64_t horizon;		   /* release up to this time */
	uint64_t patience;		   /* up to this time, without what was returned */
	struct bpfprobe_returned returned; /* for the last record, if it has `returns` */
	uint64_t unpaired;		   /* records released so */
	uint64_t newest;		   /* time of the newest record released */
	uint64_t late;			   /* records released out of order */
	uint64_t broken;		   /* samples that made no sense */
};

/* Takes over nothing: `rings` stay the caller's.  Returns 0 or -ENOMEM. */
int bpfprobe_merge_init(struct bpfprobe_merge *merge, struct bpfprobe_ring *rings, unsigned int count);

/* Frees what init() made; a merge that is all zero is left as it is. */
void bpfprobe_merge_free(struct bpfprobe_merge *merge);

/* How long a packet waits for what its function returns, ns. */
#define BPFPROBE_MERGE_WAIT 1000000000ULL

/* As a horizon: release everything; what comes in later passes begins a new order. */
#define BPFPROBE_MERGE_ALL UINT64_MAX

/*
 * Begins a pass: looks at all rings, and releases what is not younger than
 * `horizon`, or than `urgent` if a ring is at least half full.  Gives back to the
 * kernel all that was handed out, so that those packets are no longer valid.
 */
void bpfprobe_merge_pass(struct bpfprobe_merge *merge, uint64_t horizon, uint64_t urgent);

/*
 * The next record of this pass, or NULL: none is left that is old enough.  The
 * record is consumed, and stays valid until the next call of next() or pass().
 */
const struct bpfprobe_record *bpfprobe_merge_next(struct bpfprobe_merge *merge);

/* The bytes of the packet whose record next() gave last. */
static inline const uint8_t *
bpfprobe_merge_packet(const struct bpfprobe_merge *merge)
{
	return merge->last->packet;
}

/*
 * Whether next() may give another record of this pass: without a false no, and
 * without touching the record that it gave last.
 */
int bpfprobe_merge_more(const struct bpfprobe_merge *merge);

#endif
