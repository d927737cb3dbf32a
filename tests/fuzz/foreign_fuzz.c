/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: a ring that other BPF programs write to, with anything in it, also where the
 * kernel's own headers are (a sample that is too large for it spoils them), read to its end.
 * What is taken for a packet must be memory of the ring, and all is counted once.
 *
 *	input = struct options, *(struct envelope, bytes)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/perf_event.h>
#include "capture/ring.h"
#include "include/bpf_pcap.h"
#include "tests/fuzz/input.h"

#define SIZE 4096 /* of the ring */
#define SAMPLE_HEAD (sizeof(struct perf_event_header) + sizeof(uint32_t))
#define CHECK(what) ((what) ? (void)0 : fail(#what, __LINE__))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the user asks for, and where the ring begins. */
struct options {
	uint8_t flags, dlt, most;
	uint8_t at[2]; /* in units of 8 bytes */
};

enum {
	HAS_DLT = 1,
	HAS_MOST = 2,
};

/* In front of each sample: its size in units of 8 bytes, and what of it is not made right. */
struct envelope {
	uint8_t flags;
	uint8_t size;
};

enum {
	ANY_TYPE = 1,
	ANY_SIZE = 2,
	ANY_RAW = 4,
	ANY_MAGIC = 8,
	ANY_PROTOCOL = 16,
	ANY_CAP_LEN = 32,
	ANY_TOT_LEN = 64,
};

struct sample {
	struct perf_event_header header;
	uint32_t raw;
	uint8_t hdr[sizeof(struct bpf_pcap_hdr)]; /* it is not aligned there */
	uint8_t bytes[UINT8_MAX * 8];
};

static void __attribute__((noreturn))
fail(const char *what, int line)
{
	fprintf(stderr, "foreign_fuzz:%d: not so: %s\n", line, what);
	abort();
}

/* Every byte of it is there. */
static void
check(const struct bpfprobe_ring *ring, const struct bpfprobe_foreign *foreign, const struct bpfprobe_record *rec)
{
	static volatile uint8_t sum;
	uint32_t i;

	CHECK(rec->caplen <= rec->len && rec->caplen <= SIZE && rec->len <= INT32_MAX / 2);
	CHECK(rec->undecided && !rec->returns && rec->layer != BPFPROBE_LAYER_EXIT);
	CHECK(rec->l2len <= rec->caplen && rec->elapsed <= 0xffff);
	CHECK(bpfprobe_record_time(rec) <= foreign->now + BPFPROBE_FOREIGN_AHEAD);
	CHECK(foreign->most == 0 || rec->caplen <= foreign->most + rec->l2len);
	for (i = 0; i < rec->caplen; i++)
		sum = sum ^ ring->packet[i];
}

static void
read_all(struct bpfprobe_ring *ring, const struct bpfprobe_foreign *foreign)
{
	const struct bpfprobe_record *rec;
	uint64_t broken = 0, taken = 0, before = ring->tail;

	while ((rec = bpfprobe_ring_peek(ring, &broken)) != NULL) {
		check(ring, foreign, rec);
		CHECK(bpfprobe_ring_peek(ring, &broken) == rec && ring->next > before);
		bpfprobe_ring_consume(ring);
		before = ring->tail;
		taken++;
	}
	CHECK(ring->head - ring->tail < 8);
	CHECK(foreign->counters->emitted >= taken + foreign->counters->rejected);
	CHECK(foreign->counters->emitted <= taken + foreign->counters->rejected + broken);
}

static void
put_right(struct sample *sample, const struct envelope *envelope)
{
	uint32_t room = sample->raw - sizeof(struct bpf_pcap_hdr);
	struct bpf_pcap_hdr hdr;

	if (!(envelope->flags & ANY_TYPE))
		sample->header.type = sample->header.type % 8 ? PERF_RECORD_SAMPLE : PERF_RECORD_LOST;
	memcpy(&hdr, sample->hdr, sizeof(hdr));
	if (!(envelope->flags & ANY_MAGIC))
		hdr.magic = BPF_PCAP_MAGIC;
	if (!(envelope->flags & ANY_PROTOCOL))
		hdr.protocol = hdr.protocol % 16;
	if (!(envelope->flags & ANY_CAP_LEN) && room < sizeof(sample->bytes))
		hdr.cap_len %= room + 2;
	if (!(envelope->flags & ANY_TOT_LEN))
		hdr.tot_len = hdr.cap_len + hdr.tot_len % 8 - 2;
	memcpy(sample->hdr, &hdr, sizeof(hdr));
}

/* Writes what the input says, as the kernel would, into the ring.  Returns where it ends. */
static uint64_t
fill(uint8_t *ring, uint64_t at)
{
	static struct sample sample;
	struct envelope envelope;
	uint64_t end = at;
	uint32_t size, i;

	while (take(&envelope, sizeof(envelope)) == sizeof(envelope)) {
		size = 8U * envelope.size;
		if (size < SAMPLE_HEAD || end + size - at > SIZE)
			continue;
		memset(&sample, 0, sizeof(sample));
		take(&sample, size);
		if (!(envelope.flags & ANY_SIZE))
			sample.header.size = (uint16_t)size;
		if (!(envelope.flags & ANY_RAW))
			sample.raw = size - SAMPLE_HEAD;
		put_right(&sample, &envelope);
		for (i = 0; i < size; i++)
			ring[(end + i) % SIZE] = ((const uint8_t *)&sample)[i];
		end += size;
	}
	return end;
}

/* Of exactly its size, so that a step over the end is seen. */
static void
make_ring(struct bpfprobe_ring *ring, uint64_t at)
{
	uint8_t *bytes = calloc(1, SIZE);

	memset(ring, 0, sizeof(*ring));
	ring->meta = calloc(1, sizeof(*ring->meta));
	CHECK(ring->meta != NULL && bytes != NULL);
	ring->data = bytes;
	ring->size = SIZE;
	ring->tail = ring->head = ring->published = at;
	ring->meta->data_head = fill(bytes, at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bpfprobe_counters counters;
	struct bpfprobe_foreign foreign = { .now = 1ULL << 40, .counters = &counters };
	struct options options;
	struct bpfprobe_ring ring;

	input = data;
	left = size;
	memset(&options, 0, sizeof(options));
	take(&options, sizeof(options));
	foreign.dlt = options.flags & HAS_DLT ? options.dlt % 16 : -1;
	foreign.most = options.flags & HAS_MOST ? options.most : 0;
	memset(&counters, 0, sizeof(counters));
	make_ring(&ring, 8ULL * (uint64_t)(options.at[0] << 8 | options.at[1]));
	ring.foreign = &foreign;
	bpfprobe_ring_snapshot(&ring);
	read_all(&ring, &foreign);
	free(ring.joined);
	free((void *)ring.data);
	free(ring.meta);
	return 0;
}
