/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One CPU's perf ring, mapped and read in place; or its BPF ring buffer, of which ringbuf.h has
 * what is different.
 *
 *   page 0: struct perf_event_mmap_page (data_head: the kernel's, data_tail: ours)
 *   pages 1..n: samples, wrapping around
 *
 *        published       tail          head                  (byte counts, never
 *   ---------|-------------|-------------|--------------->    wrapped: 64 bits)
 *    free    | handed out, | unread      | written later
 *            | still valid |             |
 *
 * A record handed out stays valid until the ring is published: only then may the
 * kernel write there again.  Samples cannot be written to: of a perf ring the
 * kernel lets only the first page be changed.
 */
#ifndef BPFPROBE_RING_H
#define BPFPROBE_RING_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include "bpf/record.h"
#include "capture/foreign.h"

struct perf_event_mmap_page;

/* Of what is rare: it stays out of the way of what is done for each packet. */
#define BPFPROBE_RARE __attribute__((cold, noinline))

struct bpfprobe_ring {
	struct perf_event_mmap_page *meta; /* a perf ring's mapping; NULL: none */
	uint64_t *consumer;	  /* a BPF ring buffer's: what is given back; NULL: it is not mapped */
	const uint64_t *producer; /* and how far it is written */
	int is_ringbuf;
	const uint8_t *data;
	uint64_t size;	    /* bytes of data, a power of two */
	uint64_t head;	    /* end of what snapshot() saw */
	uint64_t tail;	    /* start of the first sample that was not consumed */
	uint64_t published; /* what the kernel knows of tail */
	uint64_t next;	    /* end of the sample that peek() gave */
	uint64_t fetched;   /* how far consume() has had the caches filled */
	uint8_t *joined;    /* a sample that wraps around, put together; made when needed */
	size_t joined_size;
	int fd;
	unsigned int cpu; /* the number of its CPU among those that have rings */
	/* NULL: our programs write here; else others', of whose records ours are made. */
	struct bpfprobe_foreign *foreign;
	struct bpfprobe_record made; /* the one that peek() gave, if so */
	const uint8_t *packet;	     /* the bytes of the packet that peek() gave */
};

/*
 * Maps the ring of perf event `fd` with `pages` data pages (a power of two, the
 * count that it was made with, else EINVAL).  The fd becomes the ring's on
 * success and stays the caller's on failure.  Returns 0 or -errno.
 */
int bpfprobe_ring_map(struct bpfprobe_ring *ring, int fd, unsigned int pages);

/* The same with a BPF ring buffer of `size` bytes, whole pages and a power of two. */
int bpfprobe_ring_map_ringbuf(struct bpfprobe_ring *ring, int fd, uint32_t size);

/*
 * In a child of fork(), which does not inherit the mapping: what is at its address
 * now is somebody else's, or nothing, and unmap() must leave it alone.
 */
static inline void
bpfprobe_ring_forget(struct bpfprobe_ring *ring)
{
	ring->meta = NULL;
	ring->consumer = NULL;
}

/* Maps it again, in a child of fork(), which does not inherit it.  0 or -errno. */
int bpfprobe_ring_remap(struct bpfprobe_ring *ring);

/* Unmaps, closes, frees; a ring that was never mapped is left as it is. */
void bpfprobe_ring_unmap(struct bpfprobe_ring *ring);

/* Looks how far the kernel has written; peek() goes as far as that. */
void bpfprobe_ring_snapshot(struct bpfprobe_ring *ring);

/* As bpfprobe_ring_peek(), of a perf ring, and of a BPF ring buffer. */
const struct bpfprobe_record *bpfprobe_perf_peek(struct bpfprobe_ring *ring, uint64_t *broken);
const struct bpfprobe_record *bpfprobe_ringbuf_peek(struct bpfprobe_ring *ring, uint64_t *broken);

/*
 * The first unread record, or NULL; the same one until it is consumed.  Samples
 * of another kind (the kernel's own loss records, which come late or never and
 * are relied on only where nobody else counts, see `foreign`) are passed over.  A
 * sample whose sizes do not fit each other, or one that wraps and cannot be joined
 * for want of memory, is passed over too and counted in *broken.  The packet's rec->caplen bytes are at ring->packet.
 */
static inline const struct bpfprobe_record *
bpfprobe_ring_peek(struct bpfprobe_ring *ring, uint64_t *broken)
{
	return ring->is_ringbuf ? bpfprobe_ringbuf_peek(ring, broken) : bpfprobe_perf_peek(ring, broken);
}

/*
 * What the function has returned that the packet of `rec` was on its way into, if that
 * stands in this ring: behind the record that peek() gave last, or, if `elsewhere`, where
 * the packet's own is in another ring.  So far as snapshot() saw, and not farther than
 * BPFPROBE_RING_AHEAD samples.  1 and *exit filled in, or 0.
 */
int bpfprobe_ring_find_exit(const struct bpfprobe_ring *ring, const struct bpfprobe_record *rec,
    int elsewhere, struct bpfprobe_exit *exit);

#define BPFPROBE_RING_AHEAD 256

/*
 * For peek(): notes what stands behind `rec`, of a sample that has `size` bytes from there on.  Returns
 * it, or NULL: what it says of its sizes cannot be.
 */
static inline const struct bpfprobe_record *
bpfprobe_ring_set_record(struct bpfprobe_ring *ring, const struct bpfprobe_record *rec, size_t size)
{
	size_t head;

	if (size < sizeof(*rec))
		return NULL;
	head = sizeof(*rec) + (rec->meta ? sizeof(struct bpfprobe_meta) : 0);
	if (size < head || rec->caplen > size - head)
		return NULL;
	ring->packet = (const uint8_t *)rec + head;
	return rec;
}

/* How many samples the kernel had no room for; 0: none, or it does not tell (before 6.0). */
uint64_t bpfprobe_ring_lost(const struct bpfprobe_ring *ring);

/*
 * What is read soon is in the cache of the CPU that has written it: so far ahead it is fetched while the
 * packets in front of it are looked at.  With packets of 1400 bytes that is a quarter of the reader's time.
 */
#define BPFPROBE_RING_FETCH 2048
#define BPFPROBE_CACHE_LINE 64
#define BPFPROBE_FETCH_LINES 8 /* at a time */

/* Has the CPU fetch what comes soon, as far as it has not been fetched. */
static inline void
bpfprobe_ring_fetch(struct bpfprobe_ring *ring)
{
	uint64_t at = ring->fetched, end = ring->next + BPFPROBE_RING_FETCH, mask = ring->size - 1;

	/* Not what the kernel is about to write. */
	if (end > ring->head)
		end = ring->head;
	/* Behind a long record only the begin of the next: the rest of it comes by itself when it is read in turn. */
	if (at < ring->next)
		at = ring->next;
	for (; at < end; at += BPFPROBE_CACHE_LINE)
		__builtin_prefetch(ring->data + (at & mask));
	ring->fetched = at;
}

/* Consumes the record that peek() gave; its memory stays valid until publish(). */
static inline void
bpfprobe_ring_consume(struct bpfprobe_ring *ring)
{
	ring->tail = ring->next;
	if (ring->next + BPFPROBE_RING_FETCH > ring->fetched + BPFPROBE_FETCH_LINES * BPFPROBE_CACHE_LINE)
		bpfprobe_ring_fetch(ring);
	if (ring->foreign != NULL)
		ring->foreign->counters->emitted++;
}

/* Gives all that was consumed back to the kernel. */
void bpfprobe_ring_publish(struct bpfprobe_ring *ring);

/* Bytes that snapshot() saw and that were not consumed. */
static inline uint64_t
bpfprobe_ring_unread(const struct bpfprobe_ring *ring)
{
	return ring->head - ring->tail;
}

/* Bytes consumed and not given back. */
static inline uint64_t
bpfprobe_ring_unpublished(const struct bpfprobe_ring *ring)
{
	return ring->tail - ring->published;
}

/* A record's time in ns of its clock. */
static inline uint64_t
bpfprobe_record_time(const struct bpfprobe_record *rec)
{
	return (uint64_t)rec->time_hi << 32 | rec->time_lo;
}

/* What is known of the packet beside its record; NULL: nobody has asked for that (bpf/record.h). */
static inline const struct bpfprobe_meta *
bpfprobe_record_meta(const struct bpfprobe_record *rec)
{
	return rec->meta ? (const struct bpfprobe_meta *)(rec + 1) : NULL;
}

/* A number of 64 bits, of the two halves that metadata have of it. */
static inline uint64_t
bpfprobe_whole(const uint32_t halves[2])
{
	return (uint64_t)halves[1] << 32 | halves[0];
}

#endif
