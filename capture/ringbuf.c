/* SPDX-License-Identifier: BSD-3-Clause */
/* See ringbuf.h. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/bpf.h>
#include "capture/ringbuf.h"

#define SAMPLE_ALIGN 8
#define BEHIND 4096 /* bytes mapped behind the data's end, more than any sample has; one page, or part of it */

/* Bytes of the mapping that begins with the producer's page. */
static size_t
mapped(const struct bpfprobe_ring *ring)
{
	return (size_t)sysconf(_SC_PAGESIZE) + ring->size + BEHIND;
}

int
bpfprobe_ringbuf_remap(struct bpfprobe_ring *ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *producer;
	int err;

	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, mapped(ring), PROT_READ, MAP_SHARED, ring->fd, (off_t)page);
	if (producer == MAP_FAILED) {
		munmap(consumer, page);
		return -errno;
	}
	/* As the kernel has it with perf rings: a child of fork() maps its own. */
	if (madvise(consumer, page, MADV_DONTFORK) < 0 || madvise(producer, mapped(ring), MADV_DONTFORK) < 0) {
		err = -errno;
		munmap(consumer, page);
		munmap(producer, mapped(ring));
		return err;
	}
	ring->consumer = consumer;
	ring->producer = producer;
	ring->data = (const uint8_t *)producer + page;
	/* Mapped again, it goes on behind what was consumed, told to the kernel or not. */
	ring->published = *ring->consumer;
	if (ring->tail < ring->published)
		ring->tail = ring->published;
	ring->head = ring->tail;
	return 0;
}

int
bpfprobe_ring_map_ringbuf(struct bpfprobe_ring *ring, int fd, uint32_t size)
{
	int err;

	memset(ring, 0, sizeof(*ring));
	if (size == 0 || (size & (size - 1)) != 0 || size % (uint32_t)sysconf(_SC_PAGESIZE) != 0)
		return -EINVAL;
	ring->size = size;
	ring->fd = fd;
	ring->is_ringbuf = 1;
	err = bpfprobe_ringbuf_remap(ring);
	if (err < 0)
		memset(ring, 0, sizeof(*ring));
	return err;
}

void
bpfprobe_ringbuf_unmap(struct bpfprobe_ring *ring)
{
	if (ring->consumer == NULL)
		return;
	munmap(ring->consumer, (size_t)sysconf(_SC_PAGESIZE));
	munmap((void *)(uintptr_t)ring->producer, mapped(ring));
}

/* The record of the sample of `size` bytes at the tail, or NULL: it is none, or longer than what is mapped. */
static const struct bpfprobe_record *
find_record(struct bpfprobe_ring *ring, size_t size)
{
	const uint8_t *sample = ring->data + (ring->tail & (ring->size - 1));
	const struct bpfprobe_record *rec = (const struct bpfprobe_record *)(sample + BPFPROBE_RINGBUF_HEAD);

	return size <= BEHIND ? bpfprobe_ring_set_record(ring, rec, size) : NULL;
}

/* Nothing behind this can be found any more: see bpfprobe_ring_peek(). */
static const struct bpfprobe_record *
give_up(struct bpfprobe_ring *ring, uint64_t *broken)
{
	++*broken;
	ring->tail = ring->head;
	return NULL;
}

const struct bpfprobe_record *
bpfprobe_ringbuf_peek(struct bpfprobe_ring *ring, uint64_t *broken)
{
	const struct bpfprobe_record *rec;
	uint64_t unread, whole;
	uint32_t size;

	while ((unread = ring->head - ring->tail) >= BPFPROBE_RINGBUF_HEAD) {
		/* Pairs with the kernel's release of the busy bit: behind it the sample is whole. */
		size = __atomic_load_n((const uint32_t *)(ring->data + (ring->tail & (ring->size - 1))), __ATOMIC_ACQUIRE);
		if (size & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		whole = BPFPROBE_RINGBUF_HEAD +
			(((uint64_t)(size & ~BPF_RINGBUF_DISCARD_BIT) + SAMPLE_ALIGN - 1) & ~(uint64_t)(SAMPLE_ALIGN - 1));
		if (whole > unread || unread > ring->size)
			return give_up(ring, broken);
		ring->next = ring->tail + whole;
		if (!(size & BPF_RINGBUF_DISCARD_BIT)) {
			rec = find_record(ring, size);
			if (rec != NULL)
				return rec;
			++*broken;
		}
		ring->tail = ring->next;
	}
	return NULL;
}
