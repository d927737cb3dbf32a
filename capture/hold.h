/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records of packets of which it is not known yet whether they come to a certain probe (until
 * option): kept until they do, and given then, in their order; or for BPFPROBE_HOLD_AGE.
 *
 *        oldest                                    newest
 *   -------|------------------------------------------|----------->  (a ring of memory)
 *          | A1 | B1 | A2 | C1 | (free) | B2 | A3 |   |
 *            '---------'----------------------'          records of packet A
 *
 * They leave where they have come first: what is too old, and, where there is no room for another
 * one, what is oldest.  Of a packet that has come to its probe an entry without record stays, so
 * that what follows need not wait.  Nothing is allocated but in init().
 */
#ifndef BPFPROBE_HOLD_H
#define BPFPROBE_HOLD_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include "bpf/record.h"
#include "capture/merge.h"

#define BPFPROBE_HOLD_SIZE (16U << 20)	  /* bytes of records, and what is beside each */
#define BPFPROBE_HOLD_AGE 10000000000ULL  /* ns */

/* A record, and what came with it; valid as long as it. */
struct bpfprobe_item {
	const struct bpfprobe_record *rec;
	const struct bpfprobe_meta *meta; /* NULL: it has none */
	const uint8_t *packet;		  /* rec->caplen bytes */
	unsigned int ring;		  /* that it was in */
	struct bpfprobe_returned returned;
	uint32_t wanted;  /* bytes of it, as the filter in user space said ... */
	uint32_t decided; /* ... that was the one of this number; 0: it has not been asked */
};

struct bpfprobe_hold {
	uint8_t *memory;     /* NULL: nothing is held */
	uint32_t *buckets;   /* the first record of each packet */
	uint32_t size;	     /* bytes of memory, a power of two */
	uint64_t head, tail; /* where the next record goes, and the oldest one is: never wrapped */
	uint32_t releasing;  /* the next record to be given */
	uint64_t held;	     /* records for which put() returned 1: kept, or given up at once */
	uint64_t waiting;    /* of them, those that are kept and not to be given */
	uint64_t expired;    /* of them, too old */
	uint64_t overrun;    /* of them, without room; or they never had any */
};

/* All zero, a hold holds nothing.  `size` is a power of two.  0 or -ENOMEM. */
int bpfprobe_hold_init(struct bpfprobe_hold *hold, uint32_t size);

void bpfprobe_hold_free(struct bpfprobe_hold *hold);

/*
 * Takes a copy of the record of packet `id`, which is at its probe if `there` is set: then release() gives
 * all of the packet.  1: it is kept, or given up, which is counted; or 0: it need not be held, the
 * caller may go on with it.  Not while release() has something to give.
 */
int bpfprobe_hold_put(struct bpfprobe_hold *hold, const struct bpfprobe_item *item, uint64_t id, int there);

/* The next record that need not be held any more: valid until put(); 0: there is none. */
int bpfprobe_hold_release(struct bpfprobe_hold *hold, struct bpfprobe_item *item);

/* Whether release() will give one. */
int bpfprobe_hold_has(const struct bpfprobe_hold *hold);

/* Gives up what is older than BPFPROBE_HOLD_AGE; `now` is of the records' clock. */
void bpfprobe_hold_expire(struct bpfprobe_hold *hold, uint64_t now);

#endif
