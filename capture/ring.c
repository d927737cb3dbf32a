/* SPDX-License-Identifier: BSD-3-Clause */
/* See ring.h.  No locks, no system call and no allocation per record. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/perf_event.h>
#include "capture/ringbuf.h"

#define SAMPLE_ALIGN 8
/* In front of a record: perf_event_header and the raw size. */
#define SAMPLE_HEAD (sizeof(struct perf_event_header) + sizeof(uint32_t))

static int
map_pages(struct bpfprobe_ring *ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map;

	map = mmap(NULL, page + ring->size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	ring->meta = map;
	ring->data = (uint8_t *)map + page;
	/* Mapped again, it goes on behind what was consumed, told to the kernel or not. */
	ring->published = ring->meta->data_tail;
	if (ring->tail < ring->published)
		ring->tail = ring->published;
	ring->head = ring->tail;
	return 0;
}

int
bpfprobe_ring_map(struct bpfprobe_ring *ring, int fd, unsigned int pages)
{
	int err;

	memset(ring, 0, sizeof(*ring));
	if (pages == 0 || (pages & (pages - 1)) != 0)
		return -EINVAL;
	ring->size = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	ring->fd = fd;
	err = map_pages(ring);
	if (err < 0)
		memset(ring, 0, sizeof(*ring));
	return err;
}

int
bpfprobe_ring_remap(struct bpfprobe_ring *ring)
{
	bpfprobe_ring_forget(ring);
	return ring->is_ringbuf ? bpfprobe_ringbuf_remap(ring) : map_pages(ring);
}

void
bpfprobe_ring_unmap(struct bpfprobe_ring *ring)
{
	if (ring->size == 0)
		return;
	if (ring->meta != NULL)
		munmap(ring->meta, (size_t)(ring->data - (const uint8_t *)ring->meta) + ring->size);
	bpfprobe_ringbuf_unmap(ring);
	close(ring->fd);
	free(ring->joined);
	memset(ring, 0, sizeof(*ring));
}

void
bpfprobe_ring_snapshot(struct bpfprobe_ring *ring)
{
	/* Pairs with the kernel's barrier: what stands before the head is written. */
	if (ring->is_ringbuf)
		ring->head = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	else
		ring->head = __atomic_load_n(&ring->meta->data_head, __ATOMIC_ACQUIRE);
}

void
bpfprobe_ring_publish(struct bpfprobe_ring *ring)
{
	if (ring->published == ring->tail)
		return;
	/* All of our reads there come before the kernel's next write. */
	if (ring->is_ringbuf)
		__atomic_store_n(ring->consumer, ring->tail, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&ring->meta->data_tail, ring->tail, __ATOMIC_RELEASE);
	ring->published = ring->tail;
}

/* The sample at the tail, which wraps, `first` bytes of it before the ring's end, in one piece.  NULL: no memory. */
BPFPROBE_RARE static const uint8_t *
join(struct bpfprobe_ring *ring, size_t size, size_t first)
{
	if (ring->joined_size < size) {
		free(ring->joined);
		ring->joined = malloc(UINT16_MAX + 1);
		ring->joined_size = ring->joined != NULL ? UINT16_MAX + 1 : 0;
		if (ring->joined == NULL)
			return NULL;
	}
	memcpy(ring->joined, ring->data + ring->size - first, first);
	memcpy(ring->joined + first, ring->data, size - first);
	return ring->joined;
}

/* A record that another's program has written, as one of ours; NULL: it is to be passed over. */
BPFPROBE_RARE static const struct bpfprobe_record *
foreign_record(struct bpfprobe_ring *ring, const uint8_t *at, size_t size, uint64_t *broken)
{
	struct bpfprobe_counters *counters = ring->foreign->counters;

	switch (bpfprobe_foreign_read(ring->foreign, at, size, &ring->made, &ring->packet)) {
	case BPFPROBE_FOREIGN_PACKET:
		return &ring->made;
	case BPFPROBE_FOREIGN_OTHER:
		counters->rejected++;
		return NULL;
	default:
		++*broken;
		return NULL;
	}
}

/* The record of the sample at the tail, or NULL if it is none; `size` is the sample's. */
static const struct bpfprobe_record *
sample_record(struct bpfprobe_ring *ring, size_t size, uint64_t *broken)
{
	const struct bpfprobe_record *rec;
	uint64_t at = ring->tail & (ring->size - 1);
	const uint8_t *sample = ring->data + at;
	uint32_t raw;

	if (size < SAMPLE_HEAD)
		goto err;
	if (size > ring->size - at) {
		sample = join(ring, size, ring->size - at);
		if (sample == NULL)
			goto err;
	}
	raw = __atomic_load_n((const uint32_t *)(sample + sizeof(struct perf_event_header)), __ATOMIC_RELAXED);
	if (raw > size - SAMPLE_HEAD)
		goto err;
	if (ring->foreign != NULL)
		return foreign_record(ring, sample + SAMPLE_HEAD, raw, broken);
	rec = bpfprobe_ring_set_record(ring, (const struct bpfprobe_record *)(sample + SAMPLE_HEAD), raw);
	if (rec != NULL)
		return rec;
err:
	++*broken;
	return NULL;
}

/* `n` bytes from byte count `from` on, wherever the ring wraps. */
static void
copy_out(const struct bpfprobe_ring *ring, uint64_t from, void *to, size_t n)
{
	uint64_t at = from & (ring->size - 1);
	size_t first = n < ring->size - at ? n : ring->size - at;

	memcpy(to, ring->data + at, first);
	memcpy((uint8_t *)to + first, ring->data, n - first);
}

static int
is_exit_of(const struct bpfprobe_exit *exit, const struct bpfprobe_record *rec, int elsewhere)
{
	return exit->rec.layer == BPFPROBE_LAYER_EXIT && exit->rec.probe == rec->probe &&
	       exit->entered_lo == rec->time_lo && exit->entered_hi == rec->time_hi &&
	       exit->moved == (unsigned int)elsewhere;
}

int
bpfprobe_ring_find_exit(const struct bpfprobe_ring *ring, const struct bpfprobe_record *rec,
    int elsewhere, struct bpfprobe_exit *exit)
{
	uint64_t at = elsewhere ? ring->tail : ring->next;
	struct perf_event_header header;
	unsigned int i;

	for (i = 0; i < BPFPROBE_RING_AHEAD && ring->head - at >= sizeof(header); i++) {
		copy_out(ring, at, &header, sizeof(header));
		if (header.size < sizeof(header) || header.size % SAMPLE_ALIGN != 0 || header.size > ring->head - at)
			return 0; /* peek() will come there, and count it */
		if (header.type == PERF_RECORD_SAMPLE && header.size == SAMPLE_HEAD + sizeof(*exit)) {
			copy_out(ring, at + SAMPLE_HEAD, exit, sizeof(*exit));
			if (is_exit_of(exit, rec, elsewhere))
				return 1;
		}
		at += header.size;
	}
	return 0;
}

/*
 * The header of the sample at the tail, read once: where others' programs write, a sample that is
 * too large for the kernel can be written over it at any time.  Samples are aligned to 8 bytes, so
 * that their header never wraps.
 */
static struct perf_event_header
sample_header(const struct bpfprobe_ring *ring)
{
	const void *at = ring->data + (ring->tail & (ring->size - 1));
	struct perf_event_header header;
	uint64_t word = __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);

	_Static_assert(sizeof(header) == sizeof(word), "one word");
	memcpy(&header, &word, sizeof(header));
	return header;
}

/* What the kernel had no room for since its last such record. */
BPFPROBE_RARE static void
count_lost(struct bpfprobe_ring *ring, size_t size)
{
	struct {
		struct perf_event_header header;
		uint64_t id, lost;
	} record;

	if (ring->foreign == NULL || size < sizeof(record))
		return;
	copy_out(ring, ring->tail, &record, sizeof(record));
	ring->foreign->told += record.lost;
	/* The reader may have been told more already, see bpfprobe_ring_lost(). */
	if (ring->foreign->counters->lost < ring->foreign->told)
		ring->foreign->counters->lost = ring->foreign->told;
}

uint64_t
bpfprobe_ring_lost(const struct bpfprobe_ring *ring)
{
	uint64_t told[2] = { 0, 0 }; /* the event's own count, and what was lost */

	return read(ring->fd, told, sizeof(told)) == sizeof(told) ? told[1] : 0;
}

/* Of the sample at the tail, which is no packet's, only what the kernel has lost is of interest. */
BPFPROBE_RARE static void
pass_over(struct bpfprobe_ring *ring, struct perf_event_header header)
{
	if (header.type == PERF_RECORD_SAMPLE) {
		bpfprobe_ring_consume(ring);
		return;
	}
	if (header.type == PERF_RECORD_LOST)
		count_lost(ring, header.size);
	ring->tail = ring->next;
}

const struct bpfprobe_record *
bpfprobe_perf_peek(struct bpfprobe_ring *ring, uint64_t *broken)
{
	const struct bpfprobe_record *rec;
	struct perf_event_header header;
	uint64_t unread;

	while ((unread = ring->head - ring->tail) >= sizeof(header)) {
		header = sample_header(ring);
		if (header.size < sizeof(header) || header.size % SAMPLE_ALIGN != 0 || header.size > unread ||
		    unread > ring->size) {
			/*
			 * Nothing behind this can be found any more.  (More than a ring full:
			 * another process reads it too, as after a fork.)
			 */
			++*broken;
			ring->tail = ring->head;
			return NULL;
		}
		ring->next = ring->tail + header.size;
		rec = header.type == PERF_RECORD_SAMPLE ? sample_record(ring, header.size, broken) : NULL;
		if (rec != NULL)
			return rec;
		pass_over(ring, header);
	}
	return NULL;
}
