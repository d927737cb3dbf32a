/* SPDX-License-Identifier: BSD-3-Clause */
/* See hold.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "capture/hold.h"

#define NONE UINT32_MAX
#define BUCKETS 16384U

enum state {
	FREE = 0, /* given, or room that was left over at the end of the memory */
	HELD,
	GIVEN,	/* it will be, by release() */
	THERE,	/* the packet has come to its probe; no record */
};

/* One entry; what is left over at the end of the memory has the first two members only. */
struct held {
	uint32_t size;	/* bytes of the entry, a multiple of 8 */
	uint32_t state;
	uint64_t id;
	uint64_t time;	 /* of the record */
	uint32_t next;	 /* the packet's next record, or NONE */
	uint32_t last;	 /* in its first one: its last one */
	uint32_t bucket; /* in its first one: the next packet of the bucket, or NONE */
	uint32_t ring;
	uint32_t has_meta;
	uint32_t wanted, decided; /* as in the item */
	uint32_t pad;
	struct bpfprobe_returned returned;
	struct bpfprobe_record rec;
	struct bpfprobe_meta meta;
	uint8_t packet[];
};

static struct held *
at(const struct bpfprobe_hold *hold, uint64_t place)
{
	return (struct held *)(void *)(hold->memory + (place & (hold->size - 1)));
}

int
bpfprobe_hold_init(struct bpfprobe_hold *hold, uint32_t size)
{
	memset(hold, 0, sizeof(*hold));
	hold->memory = malloc(size);
	hold->buckets = malloc(BUCKETS * sizeof(*hold->buckets));
	if (hold->memory == NULL || hold->buckets == NULL) {
		bpfprobe_hold_free(hold);
		return -ENOMEM;
	}
	memset(hold->buckets, 0xff, BUCKETS * sizeof(*hold->buckets));
	hold->size = size;
	hold->releasing = NONE;
	return 0;
}

void
bpfprobe_hold_free(struct bpfprobe_hold *hold)
{
	free(hold->memory);
	free(hold->buckets);
	hold->memory = NULL;
	hold->buckets = NULL;
}

/* Where it stands in which packet's first record is found; *link is NONE if there is none. */
static uint32_t *
find(const struct bpfprobe_hold *hold, uint64_t id)
{
	uint32_t *link = &hold->buckets[(id * 0x9e3779b97f4a7c15ULL >> 32) % BUCKETS];

	while (*link != NONE && at(hold, *link)->id != id)
		link = &at(hold, *link)->bucket;
	return link;
}

/* The oldest entry goes: it is the first of its packet, whose next one takes its place. */
static void
drop_oldest(struct bpfprobe_hold *hold, uint64_t *count)
{
	struct held *first = at(hold, hold->tail), *next;
	uint32_t *link;

	hold->tail += first->size;
	if (first->state == FREE || first->state == GIVEN)
		return;
	if (first->state == HELD) {
		hold->waiting--;
		++*count;
	}
	link = find(hold, first->id);
	if (first->next == NONE) {
		*link = first->bucket;
		return;
	}
	next = at(hold, first->next);
	next->last = first->last;
	next->bucket = first->bucket;
	*link = first->next;
}

/* An entry of so many bytes; nothing is in it yet. */
static struct held *
begin(struct held *held, uint32_t size)
{
	memset(held, 0, sizeof(*held));
	held->size = size;
	held->next = held->bucket = NONE;
	return held;
}

/* Room for so many bytes in one piece: NULL, there never is. */
static struct held *
make_room(struct bpfprobe_hold *hold, uint32_t size)
{
	uint32_t rest = hold->size - (uint32_t)(hold->head & (hold->size - 1));
	uint32_t needed = size <= rest ? size : rest + size;
	struct held *held;

	if (needed > hold->size)
		return NULL;
	while (hold->size - (hold->head - hold->tail) < needed)
		drop_oldest(hold, &hold->overrun);
	if (size > rest) {
		held = at(hold, hold->head);
		held->size = rest;
		held->state = FREE;
		hold->head += rest;
	}
	held = begin(at(hold, hold->head), size);
	hold->head += size;
	return held;
}

static uint32_t
place_of(const struct bpfprobe_hold *hold, const struct held *held)
{
	return (uint32_t)((const uint8_t *)held - hold->memory);
}

/* Behind the packet's other records, or as its first. */
static void
append(struct bpfprobe_hold *hold, struct held *held)
{
	uint32_t *link = find(hold, held->id), place = place_of(hold, held);

	if (*link == NONE) {
		held->last = place;
		*link = place;
		return;
	}
	at(hold, at(hold, *link)->last)->next = place;
	at(hold, *link)->last = place;
}

/* With room for `more` bytes behind it. */
static struct held *
copy(struct bpfprobe_hold *hold, const struct bpfprobe_item *item, uint64_t id, uint32_t more)
{
	const uint32_t size = ((uint32_t)sizeof(struct held) + item->rec->caplen + 7) & ~7U;
	struct held *held = make_room(hold, size + more);

	if (held == NULL)
		return NULL;
	held->size = size;
	held->state = HELD;
	held->id = id;
	held->time = bpfprobe_record_time(item->rec);
	held->ring = item->ring;
	held->wanted = item->wanted;
	held->decided = item->decided;
	held->returned = item->returned;
	held->rec = *item->rec;
	held->has_meta = item->meta != NULL;
	if (item->meta != NULL)
		held->meta = *item->meta;
	memcpy(held->packet, item->packet, item->rec->caplen);
	hold->waiting++;
	append(hold, held);
	return held;
}

/* The packet is there: all its records leave, of which this is the last, and an entry without one, behind it, stays. */
static void
release_all(struct bpfprobe_hold *hold, const struct held *last)
{
	struct held *there = begin((struct held *)(void *)((uint8_t *)last + last->size), sizeof(*there));
	uint32_t *link = find(hold, last->id), place;

	hold->releasing = *link;
	*link = at(hold, *link)->bucket;
	for (place = hold->releasing; place != NONE; place = at(hold, place)->next) {
		at(hold, place)->state = GIVEN;
		hold->waiting--;
	}
	there->state = THERE;
	there->id = last->id;
	there->time = last->time;
	append(hold, there);
}

int
bpfprobe_hold_put(struct bpfprobe_hold *hold, const struct bpfprobe_item *item, uint64_t id, int there)
{
	uint32_t first = *find(hold, id);
	struct held *held;

	/* Without an id it is a packet for itself. */
	if (id == 0 && there)
		return 0;
	if (id != 0 && first != NONE && at(hold, first)->state == THERE)
		return 0;
	held = id != 0 ? copy(hold, item, id, there ? sizeof(*held) : 0) : NULL;
	if (held == NULL && there)
		return 0;
	hold->held++;
	hold->overrun += held == NULL;
	if (there)
		release_all(hold, held);
	return 1;
}

int
bpfprobe_hold_has(const struct bpfprobe_hold *hold)
{
	return hold->memory != NULL && hold->releasing != NONE;
}

int
bpfprobe_hold_release(struct bpfprobe_hold *hold, struct bpfprobe_item *item)
{
	struct held *held;

	if (!bpfprobe_hold_has(hold))
		return 0;
	held = at(hold, hold->releasing);
	hold->releasing = held->next;
	held->state = FREE;
	item->rec = &held->rec;
	item->meta = held->has_meta ? &held->meta : NULL;
	item->packet = held->packet;
	item->ring = held->ring;
	item->wanted = held->wanted;
	item->decided = held->decided;
	item->returned = held->returned;
	return 1;
}

void
bpfprobe_hold_expire(struct bpfprobe_hold *hold, uint64_t now)
{
	const struct held *oldest;

	while (hold->memory != NULL && hold->tail < hold->head) {
		oldest = at(hold, hold->tail);
		if (oldest->state == GIVEN)
			return;
		if (oldest->state != FREE && (oldest->time >= now || now - oldest->time < BPFPROBE_HOLD_AGE))
			return;
		drop_oldest(hold, &hold->expired);
	}
}
