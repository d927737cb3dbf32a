/* SPDX-License-Identifier: BSD-3-Clause */
/* See fakering.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/perf_event.h>
#include "tests/unit/fakering.h"

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void
fake_ring_init(struct fake_ring *fake, unsigned int pages)
{
	void *map;

	memset(fake, 0, sizeof(*fake));
	fake->size = pages * page_size();
	fake->fd = memfd_create("ring", MFD_CLOEXEC);
	assert_true(fake->fd >= 0);
	assert_int_equal(ftruncate(fake->fd, (off_t)(page_size() + fake->size)), 0);
	map = mmap(NULL, page_size() + fake->size, PROT_READ | PROT_WRITE, MAP_SHARED, fake->fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	fake->meta = map;
	fake->data = (uint8_t *)map + page_size();
	memset(fake->data, FAKE_SPOILT, fake->size);
}

void
fake_ring_free(struct fake_ring *fake)
{
	if (fake->guard != NULL)
		munmap(fake->guard, fake->size + 2 * page_size());
	munmap(fake->meta, fake->size + page_size());
	close(fake->fd);
}

void
fake_ring_reader(struct fake_ring *fake, struct bpfprobe_ring *ring)
{
	size_t len = fake->size + page_size();
	void *at;

	assert_int_equal(bpfprobe_ring_map(ring, fcntl(fake->fd, F_DUPFD_CLOEXEC, 3),
	    (unsigned int)(fake->size / page_size())), 0);
	fake->guard = mmap(NULL, len + page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(fake->guard, MAP_FAILED);
	at = mremap(ring->meta, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, fake->guard);
	assert_ptr_equal(at, fake->guard);
	ring->meta = at;
	ring->data = fake->guard + page_size();
	assert_int_equal(mprotect(fake->guard + page_size(), fake->size, PROT_READ), 0);
}

void
fake_ring_seek(struct fake_ring *fake, struct bpfprobe_ring *ring, uint64_t at)
{
	fake->meta->data_head = fake->meta->data_tail = at;
	ring->head = ring->tail = ring->published = at;
}

static uint64_t
space(const struct fake_ring *fake)
{
	uint64_t tail = __atomic_load_n(&fake->meta->data_tail, __ATOMIC_ACQUIRE);

	return fake->size - (fake->meta->data_head - tail);
}

/* The kernel's bytes from byte count `at` on. */
static void
copy_in(struct fake_ring *fake, uint64_t at, const uint8_t *bytes, size_t n)
{
	uint64_t from = at & (fake->size - 1);
	size_t first = n < fake->size - from ? n : fake->size - from;

	memcpy(fake->data + from, bytes, first);
	memcpy(fake->data, bytes + first, n - first);
}

int
fake_ring_put(struct fake_ring *fake, const void *bytes, size_t n)
{
	uint64_t head = fake->meta->data_head;

	if (n > space(fake))
		return 0;
	copy_in(fake, head, bytes, n);
	__atomic_store_n(&fake->meta->data_head, head + n, __ATOMIC_RELEASE);
	return 1;
}

uint8_t
fake_byte(uint64_t time, uint32_t i)
{
	return (uint8_t)(time * 31 + (time >> 13) + i * 7 + (i >> 8));
}

size_t
fake_sample_size(uint32_t caplen)
{
	return (FAKE_HEAD + sizeof(struct bpfprobe_record) + caplen + 7) / 8 * 8;
}

static int
put_record(struct fake_ring *fake, uint64_t time, uint32_t caplen, unsigned int returns)
{
	static uint8_t sample[UINT16_MAX + 1];
	struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, 0 };
	struct bpfprobe_record rec;
	uint32_t raw, i;

	memset(&rec, 0, sizeof(rec));
	rec.time_lo = (uint32_t)time;
	rec.time_hi = (uint32_t)(time >> 32);
	rec.caplen = caplen;
	rec.len = caplen + 1;
	rec.returns = returns & 1;
	header.size = (uint16_t)fake_sample_size(caplen);
	raw = header.size - FAKE_HEAD;
	memcpy(sample, &header, sizeof(header));
	memcpy(sample + sizeof(header), &raw, sizeof(raw));
	memcpy(sample + FAKE_HEAD, &rec, sizeof(rec));
	for (i = 0; i < raw - sizeof(rec); i++)
		sample[FAKE_HEAD + sizeof(rec) + i] = fake_byte(time, i);
	return fake_ring_put(fake, sample, header.size);
}

int
fake_ring_sample(struct fake_ring *fake, uint64_t time, uint32_t caplen)
{
	return put_record(fake, time, caplen, 0);
}

int
fake_ring_call(struct fake_ring *fake, uint64_t time, uint32_t caplen)
{
	return put_record(fake, time, caplen, 1);
}

int
fake_ring_exit(struct fake_ring *fake, uint64_t time, uint64_t entered, int64_t value, int moved)
{
	struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, FAKE_HEAD + sizeof(struct bpfprobe_exit) };
	uint32_t raw = sizeof(struct bpfprobe_exit);
	uint8_t sample[FAKE_HEAD + sizeof(struct bpfprobe_exit)];
	struct bpfprobe_exit exit;

	memset(&exit, 0, sizeof(exit));
	exit.rec.time_lo = (uint32_t)time;
	exit.rec.time_hi = (uint32_t)(time >> 32);
	exit.rec.layer = BPFPROBE_LAYER_EXIT;
	exit.rec.caplen = sizeof(exit) - sizeof(exit.rec);
	exit.entered_lo = (uint32_t)entered;
	exit.entered_hi = (uint32_t)(entered >> 32);
	exit.value_lo = (uint32_t)value;
	exit.value_hi = (uint32_t)((uint64_t)value >> 32);
	exit.moved = moved != 0;
	memcpy(sample, &header, sizeof(header));
	memcpy(sample + sizeof(header), &raw, sizeof(raw));
	memcpy(sample + FAKE_HEAD, &exit, sizeof(exit));
	return fake_ring_put(fake, sample, sizeof(sample));
}

int
fake_ring_other(struct fake_ring *fake, uint32_t type, uint16_t size)
{
	uint8_t bytes[256] = { 0 };
	struct perf_event_header header = { type, 0, size };

	assert_true(size >= sizeof(header) && size <= sizeof(bytes));
	memcpy(bytes, &header, sizeof(header));
	return fake_ring_put(fake, bytes, size);
}

void
fake_ring_spoil(struct fake_ring *fake)
{
	static uint8_t spoilt[1 << 20];
	size_t n = space(fake);

	assert_true(n <= sizeof(spoilt));
	memset(spoilt, FAKE_SPOILT, n);
	copy_in(fake, fake->meta->data_head, spoilt, n);
}

int
is_fake_record(const struct bpfprobe_record *rec)
{
	const uint8_t *pkt = (const uint8_t *)(rec + 1);
	uint64_t time = bpfprobe_record_time(rec);
	uint32_t i;

	if (rec->len != rec->caplen + 1 || rec->caplen > BPFPROBE_SAMPLE_MAX)
		return 0;
	for (i = 0; i < rec->caplen; i++)
		if (pkt[i] != fake_byte(time, i))
			return 0;
	return 1;
}

void
assert_fake_record(const struct bpfprobe_record *rec, uint64_t time, uint32_t caplen)
{
	assert_non_null(rec);
	assert_int_equal(bpfprobe_record_time(rec), time);
	assert_int_equal(rec->caplen, caplen);
	assert_true(is_fake_record(rec));
}

uint32_t
fake_random(uint64_t *seed, uint32_t bound)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33) % bound;
}
