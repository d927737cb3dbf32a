/* SPDX-License-Identifier: BSD-3-Clause */
/* See reader.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "capture/reader.h"

/*
 * The kernel reads the records' clock in its fast way, which can be a little ahead
 * of ours (Documentation/core-api/timekeeping.rst); what is "later than now" by that
 * must not wait for the next look.  ns.
 */
#define CLOCK_SKEW 100000

/* A private page that a child of fork() sees as zero, and this process as 1. */
static int
map_alive(struct bpfprobe_reader *reader)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	reader->alive = page;
	if (madvise(page, size, MADV_WIPEONFORK) < 0)
		return -errno;
	*reader->alive = 1;
	return 0;
}

/* Those of the kernel's two kinds, first perf rings, then BPF ring buffers. */
static int
map_rings(struct bpfprobe_reader *reader, struct bpfprobe_client *client, const struct bpfprobe_reply *reply)
{
	struct bpfprobe_ring *ring;
	unsigned int i;
	int err;

	reader->cpus = client->nrings;
	reader->rings = calloc(client->nrings + client->nringbufs, sizeof(*reader->rings));
	if (reader->rings == NULL)
		return -ENOMEM;
	for (i = 0; i < client->nrings; i++) {
		ring = &reader->rings[reader->count];
		err = bpfprobe_ring_map(ring, client->rings[i], reply->ring_pages);
		if (err < 0)
			return err;
		client->rings[i] = -1; /* the ring's now */
		ring->foreign = reply->foreign ? &reader->foreign : NULL;
		ring->cpu = i;
		reader->count++;
	}
	for (i = 0; i < client->nringbufs; i++) {
		ring = &reader->rings[reader->count];
		err = bpfprobe_ring_map_ringbuf(ring, client->ringbufs[i], reply->ringbuf_size);
		if (err < 0)
			return err;
		client->ringbufs[i] = -1;
		ring->cpu = i;
		reader->count++;
	}
	return bpfprobe_merge_init(&reader->merge, reader->rings, reader->count);
}

int
bpfprobe_reader_open(struct bpfprobe_reader *reader, struct bpfprobe_client *client,
    const struct bpfprobe_reply *reply, const char **what)
{
	int err;

	*what = "cannot map the counters";
	err = bpfprobe_control_map(&reader->control, client->ctl, reply->cpus);
	if (err < 0)
		return err;
	reader->control.reader->least = BPFPROBE_SNAPLEN_MIN;
	*what = "cannot prepare for fork";
	err = map_alive(reader);
	if (err < 0)
		return err;
	*what = "cannot map the rings";
	reader->foreign.dlt = -1;
	reader->foreign.most = reply->most;
	reader->foreign.counters = reader->control.reader;
	err = map_rings(reader, client, reply);
	if (err < 0)
		return err;
	bpfprobe_clock_init(&reader->clock, (clockid_t)reply->clock);
	return 0;
}

/* In a child of fork(), before anything is done with the rings. */
static void
forget_rings(struct bpfprobe_reader *reader)
{
	unsigned int i;

	for (i = 0; i < reader->count; i++)
		bpfprobe_ring_forget(&reader->rings[i]);
}

void
bpfprobe_reader_close(struct bpfprobe_reader *reader)
{
	if (reader->alive != NULL && !*reader->alive)
		forget_rings(reader);
	while (reader->count > 0)
		bpfprobe_ring_unmap(&reader->rings[--reader->count]);
	free(reader->rings);
	reader->rings = NULL;
	bpfprobe_merge_free(&reader->merge);
	bpfprobe_control_unmap(&reader->control);
	if (reader->alive != NULL)
		munmap(reader->alive, (size_t)sysconf(_SC_PAGESIZE));
	reader->alive = NULL;
}

void
bpfprobe_reader_pass(struct bpfprobe_reader *reader)
{
	int set_back;
	uint64_t now = bpfprobe_clock_now(&reader->clock, &set_back);

	reader->foreign.now = now - reader->hold;
	reader->control.reader->least = 0;
	reader->control.reader->late = reader->merge.late;
	reader->control.reader->broken = reader->merge.broken;
	reader->control.reader->unpaired = reader->merge.unpaired;
	/*
	 * When the clock was set back, records of before would wait until it is that
	 * late again: everything goes.
	 */
	if (set_back)
		bpfprobe_merge_pass(&reader->merge, BPFPROBE_MERGE_ALL, BPFPROBE_MERGE_ALL);
	else
		bpfprobe_merge_pass(&reader->merge, now + CLOCK_SKEW - reader->hold, now + CLOCK_SKEW);
}

void
bpfprobe_reader_ask_lost(struct bpfprobe_reader *reader)
{
	uint64_t lost = 0;
	unsigned int i;

	for (i = 0; i < reader->count && reader->rings[i].foreign != NULL; i++)
		lost += bpfprobe_ring_lost(&reader->rings[i]);
	if (reader->control.reader->lost < lost)
		reader->control.reader->lost = lost;
}

int
bpfprobe_reader_check_fork(struct bpfprobe_reader *reader)
{
	unsigned int i;
	int err;

	if (*reader->alive)
		return 0;
	forget_rings(reader);
	for (i = 0; i < reader->count; i++) {
		err = bpfprobe_ring_remap(&reader->rings[i]);
		if (err < 0)
			return err;
	}
	*reader->alive = 1;
	bpfprobe_reader_pass(reader);
	return 0;
}
