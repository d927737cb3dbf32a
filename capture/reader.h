/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything between the descriptors of a handle and a stream of records: the
 * rings, their merge, the clock, the counters, and what fork() does to them.
 */
#ifndef BPFPROBE_READER_H
#define BPFPROBE_READER_H

#include <stdint.h>
#include "capture/client.h"
#include "capture/clock.h"
#include "capture/counters.h"
#include "capture/merge.h"

struct bpfprobe_reader {
	struct bpfprobe_ring *rings;
	unsigned int count; /* of them that are mapped: one for each CPU, then, if at all, BPF ring buffers */
	unsigned int cpus;  /* in the order of which they are */
	struct bpfprobe_merge merge;
	struct bpfprobe_clock clock;
	struct bpfprobe_control control;
	struct bpfprobe_foreign foreign; /* heeded if other programs write the records */
	uint64_t hold;	      /* how long records are held back, ns; the owner sets it */
	unsigned char *alive; /* a page that fork() wipes: 0 in a child, which has no rings */
};

/*
 * Maps what `reply` describes and *client holds; the rings' descriptors become the
 * reader's.  Returns 0, or -errno and in *what the step that failed; close() then
 * frees what there is.  A reader is all zero before the first open().
 */
int bpfprobe_reader_open(struct bpfprobe_reader *reader, struct bpfprobe_client *client,
    const struct bpfprobe_reply *reply, const char **what);

void bpfprobe_reader_close(struct bpfprobe_reader *reader);

/*
 * Looks at the rings again; bpfprobe_merge_next() then gives what is old enough.
 * What it has given before is no longer valid.
 */
void bpfprobe_reader_pass(struct bpfprobe_reader *reader);

/*
 * Whether what has fired has to be reset before the rings are looked at: a BPF ring buffer is readable
 * until what was read of it is given back, which is later, and who select()s would come again for nothing.
 */
static inline int
bpfprobe_reader_stays_readable(const struct bpfprobe_reader *reader)
{
	return reader->count > reader->cpus;
}

/*
 * Asks the kernel what was lost of other programs' records, which nobody else counts, for the
 * counters.  Calls read(2) only, so that it may be called in a signal handler.
 */
void bpfprobe_reader_ask_lost(struct bpfprobe_reader *reader);

/* To be called before reading: in a child of fork(), maps the rings again.  0 or -errno. */
int bpfprobe_reader_check_fork(struct bpfprobe_reader *reader);

#endif
