/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reader of one BPF ring buffer against a kernel that is played over a memory file: samples in
 * place where the data begin again, those that are still being written or were given up, sizes that
 * do not fit, what is given back and when, mapping errors, and the second mapping after a fork.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include "tests/unit/fakering.h"

#define PAGE 4096U
#define SIZE (2 * PAGE) /* of the data */
#define HEAD BPFPROBE_RINGBUF_HEAD
#define RECORD sizeof(struct bpfprobe_record)

/* Consumer page, producer page, data, and the first page of the data once more: nobody needs the rest. */
static struct {
	int fd;
	uint8_t *file;
	uint64_t *consumer, *producer;
	struct bpfprobe_ring ring;
	uint64_t broken;
} it;

static int
setup(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 2 * page + SIZE + page;

	(void)state;
	memset(&it, 0, sizeof(it));
	it.fd = memfd_create("ringbuf", MFD_CLOEXEC);
	assert_true(it.fd >= 0 && page == PAGE);
	assert_int_equal(ftruncate(it.fd, (off_t)size), 0);
	it.file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, it.fd, 0);
	assert_ptr_not_equal(it.file, MAP_FAILED);
	it.consumer = (uint64_t *)(void *)it.file;
	it.producer = (uint64_t *)(void *)(it.file + page);
	assert_int_equal(bpfprobe_ring_map_ringbuf(&it.ring, fcntl(it.fd, F_DUPFD_CLOEXEC, 3), SIZE), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	bpfprobe_ring_unmap(&it.ring);
	munmap(it.file, 2 * PAGE + SIZE + PAGE);
	close(it.fd);
	return 0;
}

/* Both ends at byte count `at`. */
static void
seek(uint64_t at)
{
	*it.consumer = *it.producer = at;
	it.ring.head = it.ring.tail = it.ring.published = at;
}

/* Where byte count `at` is, in the data that the kernel sees once. */
static uint8_t *
byte_at(uint64_t at)
{
	return it.file + 2 * PAGE + (at & (SIZE - 1));
}

/* As the kernel writes, whose two mappings are one memory. */
static void
write_at(uint64_t at, const void *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		*byte_at(at + i) = ((const uint8_t *)bytes)[i];
		if (((at + i) & (SIZE - 1)) < PAGE)
			*(byte_at(at + i) + SIZE) = ((const uint8_t *)bytes)[i];
	}
}

/* A sample whose header says `head`, with a record and `caplen` bytes, in `room` bytes behind the header. */
static uint64_t
put(uint32_t head, uint64_t time, uint32_t caplen, size_t room)
{
	uint8_t bytes[SIZE] = { 0 };
	struct bpfprobe_record rec;
	uint64_t at = *it.producer;
	uint32_t i;

	memset(&rec, 0, sizeof(rec));
	rec.time_lo = (uint32_t)time;
	rec.time_hi = (uint32_t)(time >> 32);
	rec.caplen = rec.len = caplen;
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + HEAD, &rec, sizeof(rec));
	for (i = 0; i < caplen && HEAD + RECORD + i < sizeof(bytes); i++)
		bytes[HEAD + RECORD + i] = fake_byte(time, i);
	write_at(at, bytes, HEAD + room);
	*it.producer = at + HEAD + (room + 7) / 8 * 8;
	return at;
}

/* A good one, of `room` bytes for `caplen`. */
static uint64_t
put_good(uint64_t time, uint32_t caplen, size_t room)
{
	return put((uint32_t)(RECORD + room), time, caplen, RECORD + room);
}

static const struct bpfprobe_record *
peek(void)
{
	return bpfprobe_ring_peek(&it.ring, &it.broken);
}

/* The next is the one that put_good() wrote; consumes it. */
static void
expect(uint64_t time, uint32_t caplen)
{
	const struct bpfprobe_record *rec = peek();
	uint32_t i;

	assert_non_null(rec);
	assert_int_equal(bpfprobe_record_time(rec), time);
	assert_int_equal(rec->caplen, caplen);
	for (i = 0; i < caplen; i++)
		assert_int_equal(it.ring.packet[i], fake_byte(time, i));
	bpfprobe_ring_consume(&it.ring);
}

static void
records_come_whole_and_in_order(void **state)
{
	uint32_t i;

	(void)state;
	assert_null(peek());
	for (i = 0; i < 20; i++)
		put_good(0x100000000ULL + i, i, 80);
	assert_null(peek());
	bpfprobe_ring_snapshot(&it.ring);
	for (i = 0; i < 20; i++)
		expect(0x100000000ULL + i, i);
	assert_null(peek());
	assert_int_equal(it.broken, 0);
}

/* Over the end of the data: they go on there, so that nothing is put together. */
static void
no_record_wraps(void **state)
{
	uint64_t before, time = 0;

	(void)state;
	for (before = 8; before < HEAD + RECORD + 104; before += 8) {
		seek(5 * SIZE - before);
		put_good(++time, 100, 104);
		put_good(++time, 1, 8);
		bpfprobe_ring_snapshot(&it.ring);
		assert_non_null(peek());
		assert_ptr_equal(it.ring.packet, it.ring.data + SIZE - before + HEAD + RECORD);
		expect(time - 1, 100);
		expect(time, 1);
	}
	assert_int_equal(it.broken, 0);
}

/* Until it is written the sample's busy bit is set; what stands behind it waits. */
static void
what_is_being_written_is_waited_for(void **state)
{
	uint32_t done = RECORD + 80;
	uint64_t at;

	(void)state;
	put_good(1, 10, 80);
	at = put(done | BPF_RINGBUF_BUSY_BIT, 2, 20, done);
	put_good(3, 30, 80);
	bpfprobe_ring_snapshot(&it.ring);
	expect(1, 10);
	assert_null(peek());
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(*it.consumer, at);
	write_at(at, &done, sizeof(done));
	expect(2, 20);
	expect(3, 30);
	assert_int_equal(it.broken, 0);
}

static void
what_was_given_up_is_passed_over(void **state)
{
	(void)state;
	put((RECORD + 80) | BPF_RINGBUF_DISCARD_BIT, 1, 10, RECORD + 80);
	put_good(2, 20, 80);
	put(100 | BPF_RINGBUF_DISCARD_BIT, 3, 0, 100);
	bpfprobe_ring_snapshot(&it.ring);
	expect(2, 20);
	assert_null(peek());
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(*it.consumer, *it.producer);
	assert_int_equal(it.broken, 0);
}

/* What was read is free when it is said, not before. */
static void
consumed_is_given_back_by_publish(void **state)
{
	(void)state;
	seek(UINT64_MAX - 7); /* the counts may begin again */
	put_good(1, 10, 80);
	put_good(2, 10, 80);
	bpfprobe_ring_snapshot(&it.ring);
	expect(1, 10);
	assert_int_equal(*it.consumer, UINT64_MAX - 7);
	assert_int_equal(bpfprobe_ring_unpublished(&it.ring), HEAD + RECORD + 80);
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(*it.consumer, UINT64_MAX - 7 + HEAD + RECORD + 80);
	expect(2, 10);
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(*it.consumer, *it.producer);
}

/* A record that its sample has no room for: one sample is lost, the next is found. */
static void
broken_insides_cost_one_sample(void **state)
{
	static const struct {
		uint32_t size, caplen;
	} bad[] = { { 0, 0 }, { RECORD - 1, 0 }, { RECORD, 1 }, { RECORD + 8, 9 }, { RECORD + 8, UINT32_MAX } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i].size, 1, bad[i].caplen, bad[i].size);
		put_good(i + 2, 20, 80);
		bpfprobe_ring_snapshot(&it.ring);
		expect(i + 2, 20);
		assert_int_equal(it.broken, i + 1);
	}
	put(RECORD, 9, 0, RECORD);
	put((uint32_t)RECORD + 8, 10, 8, RECORD + 8);
	bpfprobe_ring_snapshot(&it.ring);
	expect(9, 0);
	expect(10, 8);
	assert_int_equal(it.broken, i);
}

/* Longer than what is mapped behind the end, at which it begins. */
static void
too_long_a_sample_is_not_read(void **state)
{
	(void)state;
	seek(SIZE - HEAD);
	put(PAGE + 8, 1, PAGE, PAGE + 8);
	put_good(2, 20, 80);
	bpfprobe_ring_snapshot(&it.ring);
	expect(2, 20);
	assert_int_equal(it.broken, 1);
}

/* A header that leads nowhere: what is in the ring is given up, what comes later is read. */
static void
broken_header_costs_what_is_in_the_ring(void **state)
{
	static const uint32_t bad[] = { RECORD + 8 + 1, SIZE, 0x3fffffff };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i], 1, 0, RECORD + 8);
		bpfprobe_ring_snapshot(&it.ring);
		assert_null(peek());
		assert_int_equal(it.broken, i + 1);
		put_good(i + 2, 20, 80);
		bpfprobe_ring_snapshot(&it.ring);
		expect(i + 2, 20);
	}
	*it.producer += 2 * SIZE; /* more than a ring full: another process has read it, too */
	bpfprobe_ring_snapshot(&it.ring);
	assert_null(peek());
	assert_int_equal(it.broken, i + 1);
	assert_int_equal(bpfprobe_ring_unread(&it.ring), 0);
}

/* Metadata stand between a record and its packet. */
static void
metadata_are_found(void **state)
{
	const size_t more = sizeof(struct bpfprobe_meta);
	struct bpfprobe_record rec;
	uint64_t at = put_good(1, 4, more + 8);

	(void)state;
	memcpy(&rec, byte_at(at + HEAD), sizeof(rec));
	rec.meta = 1;
	write_at(at + HEAD, &rec, sizeof(rec));
	bpfprobe_ring_snapshot(&it.ring);
	assert_ptr_equal(bpfprobe_record_meta(peek()), it.ring.data + HEAD + RECORD);
	assert_ptr_equal(it.ring.packet, it.ring.data + HEAD + RECORD + more);
}

static void
mapping_errors_are_told(void **state)
{
	static const uint32_t sizes[] = { 0, 2048, SIZE + 1, 3 * PAGE };
	struct bpfprobe_ring ring;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(bpfprobe_ring_map_ringbuf(&ring, it.fd, sizes[i]), -EINVAL);
	assert_int_equal(bpfprobe_ring_map_ringbuf(&ring, -1, SIZE), -EBADF);
	bpfprobe_ring_unmap(&ring); /* does nothing */
}

/* In a child of fork() it goes on where the parent was. */
static void
mapped_again_it_goes_on(void **state)
{
	uint64_t *consumer = it.ring.consumer;
	const uint64_t *producer = it.ring.producer;

	(void)state;
	put_good(1, 10, 80);
	put_good(2, 20, 80);
	bpfprobe_ring_snapshot(&it.ring);
	expect(1, 10);
	assert_int_equal(bpfprobe_ring_remap(&it.ring), 0);
	bpfprobe_ring_snapshot(&it.ring);
	expect(2, 20);
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(*it.consumer, *it.producer);
	munmap(consumer, PAGE);
	munmap((void *)(uintptr_t)producer, PAGE + SIZE + PAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_come_whole_and_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(no_record_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_being_written_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_given_up_is_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(consumed_is_given_back_by_publish, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_insides_cost_one_sample, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long_a_sample_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_header_costs_what_is_in_the_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(metadata_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(mapping_errors_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(mapped_again_it_goes_on, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
