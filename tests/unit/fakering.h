/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's end of a perf ring, played over a memory file: writes samples as
 * the kernel does (a sample that does not fit into what the reader has given
 * back is lost), and spoils all that it is allowed to spoil, so that a reader
 * that keeps a record too long sees rubbish.
 */
#ifndef BPFPROBE_TESTS_FAKERING_H
#define BPFPROBE_TESTS_FAKERING_H

#include <stddef.h>
#include <stdint.h>
#include "capture/ring.h"

/* In front of a record: struct perf_event_header and the raw size. */
#define FAKE_HEAD 12
/* What fake_ring_spoil() leaves behind. */
#define FAKE_SPOILT 0xdb

struct fake_ring {
	int fd; /* the memory file; the reader maps a duplicate of it */
	struct perf_event_mmap_page *meta;
	uint8_t *data;
	uint64_t size;
	uint8_t *guard; /* where fake_ring_reader() put the reader's mapping */
};

void fake_ring_init(struct fake_ring *fake, unsigned int pages);
void fake_ring_free(struct fake_ring *fake);

/*
 * Maps `ring`, the reader's end, with samples that cannot be written to, as the
 * kernel has it, in front of a page that cannot be read: a step over the end of the
 * data kills the test.
 */
void fake_ring_reader(struct fake_ring *fake, struct bpfprobe_ring *ring);

/* Moves both ends to byte count `at` (a multiple of 8), for a ring without samples. */
void fake_ring_seek(struct fake_ring *fake, struct bpfprobe_ring *ring, uint64_t at);

/* Writes `n` bytes where the kernel stands.  1, or 0 and nothing is written: full. */
int fake_ring_put(struct fake_ring *fake, const void *bytes, size_t n);

/*
 * Writes a sample with a record of time `time` and a packet of `caplen` bytes,
 * byte i of which is fake_byte(time, i).  1, or 0: full.
 */
int fake_ring_sample(struct fake_ring *fake, uint64_t time, uint32_t caplen);

/* The same with a record that says that an exit follows. */
int fake_ring_call(struct fake_ring *fake, uint64_t time, uint32_t caplen);

/* Writes what is returned from the call whose record has the time `entered`. */
int fake_ring_exit(struct fake_ring *fake, uint64_t time, uint64_t entered, int64_t value, int moved);

uint8_t fake_byte(uint64_t time, uint32_t i);

/* The size of such a sample. */
size_t fake_sample_size(uint32_t caplen);

/* Writes a perf record of another kind, as PERF_RECORD_LOST is one. */
int fake_ring_other(struct fake_ring *fake, uint32_t type, uint16_t size);

/* Overwrites all of the ring that the reader has given back. */
void fake_ring_spoil(struct fake_ring *fake);

/* Fails the test unless `rec` is the record that fake_ring_sample() wrote. */
void assert_fake_record(const struct bpfprobe_record *rec, uint64_t time, uint32_t caplen);

/* Whether it is any that fake_ring_sample() wrote, by its own time and caplen. */
int is_fake_record(const struct bpfprobe_record *rec);

/* A random number below `bound`; the same sequence for the same *seed everywhere. */
uint32_t fake_random(uint64_t *seed, uint32_t bound);

#endif
