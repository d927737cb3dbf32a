/* SPDX-License-Identifier: BSD-3-Clause */
/* See merge.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "capture/merge.h"

/*
 * How much of a ring may be consumed without telling the kernel, as a fraction:
 * the page with the tail is shared with the CPU that writes, so that telling it
 * for every packet costs both.
 */
#define PUBLISH_FRACTION 16

int
bpfprobe_merge_init(struct bpfprobe_merge *merge, struct bpfprobe_ring *rings, unsigned int count)
{
	memset(merge, 0, sizeof(*merge));
	merge->heap = calloc(count, sizeof(*merge->heap));
	if (merge->heap == NULL)
		return -ENOMEM;
	merge->rings = rings;
	merge->count = count;
	return 0;
}

void
bpfprobe_merge_free(struct bpfprobe_merge *merge)
{
	free(merge->heap);
	memset(merge, 0, sizeof(*merge));
}

/* Moves the entry at `i` down to its place. */
static void
sift_down(struct bpfprobe_merge *merge, unsigned int i)
{
	struct bpfprobe_merge_entry *heap = merge->heap;
	struct bpfprobe_merge_entry entry = heap[i];
	unsigned int child;

	while ((child = 2 * i + 1) < merge->used) {
		if (child + 1 < merge->used && heap[child + 1].time < heap[child].time)
			child++;
		if (entry.time <= heap[child].time)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = entry;
}

/* Reads the ring's first record into the entry; 0 if there is none. */
static int
fill(struct bpfprobe_merge *merge, struct bpfprobe_merge_entry *entry, struct bpfprobe_ring *ring)
{
	entry->rec = bpfprobe_ring_peek(ring, &merge->broken);
	if (entry->rec == NULL)
		return 0;
	entry->ring = ring;
	entry->time = bpfprobe_record_time(entry->rec);
	return 1;
}

void
bpfprobe_merge_pass(struct bpfprobe_merge *merge, uint64_t horizon, uint64_t urgent)
{
	unsigned int i;

	if (merge->horizon == BPFPROBE_MERGE_ALL)
		merge->newest = 0;
	merge->horizon = horizon;
	merge->patience = horizon == BPFPROBE_MERGE_ALL ? horizon : urgent - BPFPROBE_MERGE_WAIT;
	merge->used = 0;
	merge->last = NULL;
	for (i = 0; i < merge->count; i++) {
		bpfprobe_ring_publish(&merge->rings[i]);
		bpfprobe_ring_snapshot(&merge->rings[i]);
		if (bpfprobe_ring_unread(&merge->rings[i]) >= merge->rings[i].size / 2)
			merge->horizon = merge->patience = urgent;
		merge->used += (unsigned int)fill(merge, &merge->heap[merge->used], &merge->rings[i]);
	}
	for (i = merge->used / 2; i-- > 0;)
		sift_down(merge, i);
}

/*
 * Replaces the first entry, whose record was handed out by the last call, with
 * the next one of the same ring.  Only now, since a wrapped sample is joined in
 * memory that the ring has once.
 */
static void
advance(struct bpfprobe_merge *merge)
{
	struct bpfprobe_ring *ring = merge->last;

	merge->last = NULL;
	if (bpfprobe_ring_unpublished(ring) >= ring->size / PUBLISH_FRACTION)
		bpfprobe_ring_publish(ring);
	if (!fill(merge, &merge->heap[0], ring))
		merge->heap[0] = merge->heap[--merge->used];
	if (merge->used > 1)
		sift_down(merge, 0);
}

int
bpfprobe_merge_more(const struct bpfprobe_merge *merge)
{
	unsigned int i;

	/* The first entry's record was given already: what its ring has behind it counts. */
	if (merge->last != NULL && bpfprobe_ring_unread(merge->last) > 0)
		return 1;
	for (i = merge->last != NULL; i < merge->used && i < 3; i++) {
		if (merge->heap[i].time <= merge->horizon)
			return 1;
	}
	return 0;
}

/* In the packet's own ring, or, if its task has moved on meanwhile, in another. */
static int
find_exit(const struct bpfprobe_merge *merge, const struct bpfprobe_merge_entry *entry,
    struct bpfprobe_exit *exit)
{
	unsigned int i;

	if (bpfprobe_ring_find_exit(entry->ring, entry->rec, 0, exit))
		return 1;
	for (i = 0; i < merge->count; i++) {
		if (&merge->rings[i] != entry->ring && bpfprobe_ring_find_exit(&merge->rings[i], entry->rec, 1, exit))
			return 1;
	}
	return 0;
}

/* What is returned for the first record. 0: it is not known yet, and can still come. */
static int
find_returned(struct bpfprobe_merge *merge, const struct bpfprobe_merge_entry *first)
{
	struct bpfprobe_exit exit;

	merge->returned.known = find_exit(merge, first, &exit);
	if (merge->returned.known) {
		merge->returned.value = (int64_t)((uint64_t)exit.value_hi << 32 | exit.value_lo);
		merge->returned.unwanted = exit.unwanted;
		return 1;
	}
	if (first->time > merge->patience)
		return 0;
	merge->unpaired++;
	return 1;
}

/* Consumes the first record. */
static const struct bpfprobe_record *
take(struct bpfprobe_merge *merge)
{
	const struct bpfprobe_merge_entry *first = &merge->heap[0];

	bpfprobe_ring_consume(first->ring);
	merge->last = first->ring;
	return first->rec;
}

/* The first entry, if it is old enough. */
static const struct bpfprobe_merge_entry *
first_entry(struct bpfprobe_merge *merge)
{
	if (merge->last != NULL)
		advance(merge);
	return merge->used > 0 && merge->heap[0].time <= merge->horizon ? &merge->heap[0] : NULL;
}

/*
 * The first packet, where the first entry is one that a function returns for, or is what it has
 * returned, which is passed over.  NULL: none is left that is old enough, or need not wait.
 */
BPFPROBE_RARE static const struct bpfprobe_merge_entry *
reach_packet(struct bpfprobe_merge *merge)
{
	const struct bpfprobe_merge_entry *first = &merge->heap[0];

	while (first != NULL && first->rec->layer == BPFPROBE_LAYER_EXIT) {
		take(merge);
		first = first_entry(merge);
	}
	return first == NULL || !first->rec->returns || find_returned(merge, first) ? first : NULL;
}

const struct bpfprobe_record *
bpfprobe_merge_next(struct bpfprobe_merge *merge)
{
	const struct bpfprobe_merge_entry *first = first_entry(merge);

	if (first != NULL && (first->rec->returns || first->rec->layer == BPFPROBE_LAYER_EXIT))
		first = reach_packet(merge);
	if (first == NULL)
		return NULL;
	if (first->time < merge->newest)
		merge->late++;
	else
		merge->newest = first->time;
	return take(merge);
}
