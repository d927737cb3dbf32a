/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reader of one perf ring against a fake kernel (fakering.h): samples in
 * place and joined at the end of the ring, other perf records, sizes that do not
 * fit, what is given back and when, mapping errors, and the second mapping after
 * a fork.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/perf_event.h>
#include "tests/unit/fakering.h"

#define RECORD sizeof(struct bpfprobe_record)

struct state {
	struct fake_ring fake;
	struct bpfprobe_ring ring;
	uint64_t broken;
};

static struct state it;

/* Two data pages. */
static int
setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	fake_ring_init(&it.fake, 2);
	fake_ring_reader(&it.fake, &it.ring);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	bpfprobe_ring_unmap(&it.ring);
	fake_ring_free(&it.fake);
	return 0;
}

static const struct bpfprobe_record *
peek(void)
{
	return bpfprobe_ring_peek(&it.ring, &it.broken);
}

/* Writes a sample with any sizes, right or wrong; as much of it as header_size says. */
static void
put_sample(uint16_t header_size, uint32_t raw, uint32_t caplen)
{
	uint8_t bytes[UINT16_MAX + 1] = { 0 };
	struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, header_size };
	struct bpfprobe_record rec;
	size_t n = header_size < 8 ? 8 : (header_size + 7U) / 8 * 8;

	memset(&rec, 0, sizeof(rec));
	rec.caplen = caplen;
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), &raw, sizeof(raw));
	memcpy(bytes + FAKE_HEAD, &rec, sizeof(rec));
	assert_true(fake_ring_put(&it.fake, bytes, n));
}

static void
empty_ring_has_no_record(void **state)
{
	(void)state;
	assert_null(peek());
	bpfprobe_ring_snapshot(&it.ring);
	assert_null(peek());
	assert_int_equal(it.broken, 0);
}

static void
records_come_whole_and_in_order(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_true(fake_ring_sample(&it.fake, 0x100000000ULL + i, i * 3));
	bpfprobe_ring_snapshot(&it.ring);
	for (i = 0; i < 20; i++) {
		assert_fake_record(peek(), 0x100000000ULL + i, i * 3);
		bpfprobe_ring_consume(&it.ring);
	}
	assert_null(peek());
	assert_int_equal(it.broken, 0);
}

static void
peek_repeats_until_consumed(void **state)
{
	const struct bpfprobe_record *rec;

	(void)state;
	fake_ring_sample(&it.fake, 1, 10);
	fake_ring_sample(&it.fake, 2, 10);
	bpfprobe_ring_snapshot(&it.ring);
	rec = peek();
	assert_ptr_equal(peek(), rec);
	assert_fake_record(rec, 1, 10);
	bpfprobe_ring_consume(&it.ring);
	assert_fake_record(peek(), 2, 10);
}

static void
snapshot_bounds_what_is_seen(void **state)
{
	(void)state;
	fake_ring_sample(&it.fake, 1, 10);
	assert_null(peek());
	bpfprobe_ring_snapshot(&it.ring);
	fake_ring_sample(&it.fake, 2, 10);
	assert_fake_record(peek(), 1, 10);
	bpfprobe_ring_consume(&it.ring);
	assert_null(peek());
	bpfprobe_ring_snapshot(&it.ring);
	assert_fake_record(peek(), 2, 10);
}

/* The end of the ring at every place that a sample can have it. */
static void
wrapped_samples_are_joined(void **state)
{
	size_t size = fake_sample_size(100), before;
	uint64_t time = 0;
	const uint8_t *rec;

	(void)state;
	for (before = 8; before < size; before += 8) {
		fake_ring_seek(&it.fake, &it.ring, 5 * it.fake.size - before);
		fake_ring_spoil(&it.fake);
		assert_true(fake_ring_sample(&it.fake, ++time, 100));
		assert_true(fake_ring_sample(&it.fake, ++time, 1));
		bpfprobe_ring_snapshot(&it.ring);
		assert_fake_record(peek(), time - 1, 100);
		rec = (const uint8_t *)peek();
		assert_true(rec < it.ring.data || rec >= it.ring.data + it.ring.size);
		bpfprobe_ring_consume(&it.ring);
		assert_fake_record(peek(), time, 1);
	}
	assert_int_equal(it.broken, 0);
}

static void
sample_up_to_the_very_end_stays_in_place(void **state)
{
	(void)state;
	fake_ring_seek(&it.fake, &it.ring, it.fake.size - fake_sample_size(100));
	assert_true(fake_ring_sample(&it.fake, 1, 100));
	bpfprobe_ring_snapshot(&it.ring);
	assert_fake_record(peek(), 1, 100);
	assert_ptr_equal(peek(),
	    it.ring.data + it.ring.size - fake_sample_size(100) + FAKE_HEAD);
	bpfprobe_ring_consume(&it.ring);
	assert_null(peek());
}

/* The largest sample there is, wrapped, in a ring that it nearly fills. */
static void
largest_sample_is_joined(void **state)
{
	uint32_t caplen = BPFPROBE_SAMPLE_MAX - RECORD;
	struct bpfprobe_ring ring;
	struct fake_ring fake;

	(void)state;
	assert_int_equal(fake_sample_size(caplen), 65528);
	fake_ring_init(&fake, 16);
	fake_ring_reader(&fake, &ring);
	fake_ring_seek(&fake, &ring, fake.size - 8);
	assert_true(fake_ring_sample(&fake, 7, caplen));
	bpfprobe_ring_snapshot(&ring);
	assert_fake_record(bpfprobe_ring_peek(&ring, &it.broken), 7, caplen);
	assert_int_equal(it.broken, 0);
	bpfprobe_ring_unmap(&ring);
	fake_ring_free(&fake);
}

static void
byte_counts_may_overflow(void **state)
{
	(void)state;
	fake_ring_seek(&it.fake, &it.ring, UINT64_MAX - 15);
	fake_ring_sample(&it.fake, 1, 100);
	fake_ring_sample(&it.fake, 2, 100);
	bpfprobe_ring_snapshot(&it.ring);
	assert_fake_record(peek(), 1, 100);
	bpfprobe_ring_consume(&it.ring);
	assert_fake_record(peek(), 2, 100);
	bpfprobe_ring_consume(&it.ring);
	assert_null(peek());
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(it.fake.meta->data_tail, it.fake.meta->data_head);
}

static void
other_perf_records_are_passed_over(void **state)
{
	(void)state;
	fake_ring_other(&it.fake, PERF_RECORD_LOST, 24);
	fake_ring_sample(&it.fake, 1, 10);
	fake_ring_other(&it.fake, PERF_RECORD_LOST, 24);
	fake_ring_other(&it.fake, PERF_RECORD_THROTTLE, 8);
	fake_ring_sample(&it.fake, 2, 10);
	fake_ring_other(&it.fake, PERF_RECORD_LOST, 24);
	bpfprobe_ring_snapshot(&it.ring);
	assert_fake_record(peek(), 1, 10);
	bpfprobe_ring_consume(&it.ring);
	assert_fake_record(peek(), 2, 10);
	bpfprobe_ring_consume(&it.ring);
	assert_null(peek());
	assert_int_equal(it.broken, 0);
	/* What was passed over is given back with the rest. */
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(it.fake.meta->data_tail, it.fake.meta->data_head);
}

/* A sample whose header fits and whose insides do not: skipped, the next one is found. */
static void
broken_insides_cost_one_sample(void **state)
{
	static const struct {
		uint16_t size;
		uint32_t raw, caplen;
	} bad[] = {
		{ 8, 0, 0 },				  /* no room for a raw size */
		{ 16, 4, 0 },				  /* nor for a record */
		{ FAKE_HEAD + RECORD - 4, RECORD, 0 },
		{ FAKE_HEAD + RECORD + 4, RECORD + 5, 0 }, /* raw size beyond the sample */
		{ FAKE_HEAD + RECORD + 4, UINT32_MAX, 0 },
		{ FAKE_HEAD + RECORD + 4, RECORD - 1, 0 }, /* raw size below a record */
		{ FAKE_HEAD + RECORD + 4, 0, 0 },
		{ FAKE_HEAD + RECORD + 4, RECORD, 1 },	  /* caplen beyond the raw size */
		{ FAKE_HEAD + RECORD + 4, RECORD + 4, 5 },
		{ FAKE_HEAD + RECORD + 4, RECORD + 4, UINT32_MAX },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_sample(bad[i].size, bad[i].raw, bad[i].caplen);
		assert_true(fake_ring_sample(&it.fake, i + 1, 20));
		bpfprobe_ring_snapshot(&it.ring);
		assert_fake_record(peek(), i + 1, 20);
		assert_int_equal(it.broken, i + 1);
		bpfprobe_ring_consume(&it.ring);
		assert_null(peek());
	}
}

/* Too short for a raw size or a record, and nothing readable behind it. */
static void
short_samples_at_the_very_end(void **state)
{
	uint16_t size;

	(void)state;
	for (size = 8; size < FAKE_HEAD + RECORD; size = (uint16_t)(size + 8)) {
		fake_ring_seek(&it.fake, &it.ring, it.fake.size - size);
		put_sample(size, RECORD, 0);
		bpfprobe_ring_snapshot(&it.ring);
		assert_null(peek());
		assert_int_equal(it.broken, size / 8);
	}
}

/* The same sizes at their limit are right. */
static void
exact_sizes_are_not_broken(void **state)
{
	(void)state;
	put_sample(FAKE_HEAD + RECORD + 4, RECORD, 0);
	put_sample(FAKE_HEAD + RECORD + 4, RECORD + 4, 4);
	bpfprobe_ring_snapshot(&it.ring);
	assert_non_null(peek());
	bpfprobe_ring_consume(&it.ring);
	assert_non_null(peek());
	assert_int_equal(peek()->caplen, 4);
	assert_int_equal(it.broken, 0);
}

/* A header that leads nowhere: what is in the ring is given up, what comes later is read. */
static void
broken_header_costs_what_is_in_the_ring(void **state)
{
	static const uint16_t bad[] = { 0, 4, 7, 9, 61, 56 + 8, 65528 };
	struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, 0 };
	uint8_t bytes[56] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		header.size = bad[i];
		memcpy(bytes, &header, sizeof(header));
		assert_true(fake_ring_put(&it.fake, bytes, sizeof(bytes)));
		bpfprobe_ring_snapshot(&it.ring);
		assert_null(peek());
		assert_int_equal(it.broken, i + 1);
		assert_true(fake_ring_sample(&it.fake, i + 1, 20));
		bpfprobe_ring_snapshot(&it.ring);
		assert_fake_record(peek(), i + 1, 20);
		bpfprobe_ring_consume(&it.ring);
		assert_int_equal(it.broken, i + 1);
	}
}

/* Two readers of one ring, as after a fork, can leave the head more than a ring ahead, or behind. */
static void
impossible_head_is_given_up(void **state)
{
	static const int64_t ahead[] = { 65536, 8192 + 8, -8, -65536, INT64_MIN };
	struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, 65528 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		fake_ring_seek(&it.fake, &it.ring, 1 << 20);
		memcpy(it.fake.data, &header, sizeof(header));
		it.fake.meta->data_head += (uint64_t)ahead[i];
		bpfprobe_ring_snapshot(&it.ring);
		assert_null(peek());
		assert_int_equal(it.broken, i + 1);
		fake_ring_seek(&it.fake, &it.ring, it.ring.tail);
		assert_true(fake_ring_sample(&it.fake, i + 1, 20));
		bpfprobe_ring_snapshot(&it.ring);
		assert_fake_record(peek(), i + 1, 20);
	}
}

/* Every byte that a record claims must be readable. */
static unsigned int
touch(const struct bpfprobe_record *rec)
{
	const uint8_t *pkt = (const uint8_t *)(rec + 1);
	unsigned int sum = 0;
	uint32_t i;

	for (i = 0; i < rec->caplen; i++)
		sum += pkt[i];
	return sum;
}

/* Good samples with bytes of them turned over, at random: never out of bounds, always an end. */
static void
random_damage_is_survived(void **state)
{
	uint64_t seed = 20240607, start;
	unsigned int round, i, n;
	volatile unsigned int sum = 0;
	const struct bpfprobe_record *rec;

	(void)state;
	for (round = 0; round < 20000; round++) {
		start = fake_random(&seed, 1 << 20) * 8ULL;
		fake_ring_seek(&it.fake, &it.ring, start);
		while (fake_ring_sample(&it.fake, round, fake_random(&seed, 1500)))
			;
		for (i = fake_random(&seed, 16); i > 0; i--)
			it.fake.data[(start + fake_random(&seed, 256)) % it.fake.size] =
			    (uint8_t)fake_random(&seed, 256);
		bpfprobe_ring_snapshot(&it.ring);
		for (n = 0; (rec = peek()) != NULL; n++) {
			sum += touch(rec);
			bpfprobe_ring_consume(&it.ring);
		}
		assert_true(n <= it.fake.size / 8);
		assert_int_equal(it.ring.tail, it.ring.head);
	}
	assert_true(it.broken > 1000);
}

static void
kernel_gets_nothing_back_before_publish(void **state)
{
	const struct bpfprobe_record *rec;

	(void)state;
	fake_ring_sample(&it.fake, 1, 100);
	fake_ring_sample(&it.fake, 2, 100);
	bpfprobe_ring_snapshot(&it.ring);
	rec = peek();
	bpfprobe_ring_consume(&it.ring);
	assert_int_equal(it.fake.meta->data_tail, 0);
	assert_int_equal(bpfprobe_ring_unpublished(&it.ring), fake_sample_size(100));
	fake_ring_spoil(&it.fake);
	assert_fake_record(rec, 1, 100);
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(it.fake.meta->data_tail, fake_sample_size(100));
	assert_int_equal(bpfprobe_ring_unpublished(&it.ring), 0);
	fake_ring_spoil(&it.fake);
	assert_false(is_fake_record(rec));
	assert_fake_record(peek(), 2, 100);
}

/* peek() alone takes nothing: the record is still there for whoever maps the ring next. */
static void
peek_alone_publishes_nothing(void **state)
{
	(void)state;
	fake_ring_sample(&it.fake, 1, 100);
	bpfprobe_ring_snapshot(&it.ring);
	assert_non_null(peek());
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(it.fake.meta->data_tail, 0);
}

/* A full ring takes a new sample exactly when enough is given back; thousands of times around. */
static void
full_ring_goes_on_after_publish(void **state)
{
	uint64_t written = 0, read = 0;
	unsigned int round;

	(void)state;
	for (round = 0; round < 2000; round++) {
		while (fake_ring_sample(&it.fake, written, (uint32_t)written % 700))
			written++;
		bpfprobe_ring_snapshot(&it.ring);
		assert_fake_record(peek(), read, (uint32_t)read % 700);
		bpfprobe_ring_consume(&it.ring);
		read++;
		assert_false(fake_ring_sample(&it.fake, written, (uint32_t)written % 700));
		bpfprobe_ring_publish(&it.ring);
		fake_ring_spoil(&it.fake);
	}
	assert_true(written > 2000);
	assert_int_equal(it.broken, 0);
}

static void
impossible_page_counts_are_refused(void **state)
{
	static const unsigned int bad[] = { 0, 3, 6, 0x80000001 };
	struct bpfprobe_ring ring;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bpfprobe_ring_map(&ring, it.fake.fd, bad[i]), -EINVAL);
}

static void
failed_map_leaves_the_descriptor(void **state)
{
	struct bpfprobe_ring ring;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(bpfprobe_ring_map(&ring, fds[0], 1) < 0);
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	bpfprobe_ring_unmap(&ring);
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(bpfprobe_ring_map(&ring, -1, 1), -EBADF);
}

static void
map_starts_at_the_kernels_tail(void **state)
{
	struct bpfprobe_ring second;

	(void)state;
	fake_ring_sample(&it.fake, 1, 50);
	fake_ring_sample(&it.fake, 2, 50);
	bpfprobe_ring_snapshot(&it.ring);
	assert_non_null(peek());
	bpfprobe_ring_consume(&it.ring);
	bpfprobe_ring_publish(&it.ring);
	assert_int_equal(bpfprobe_ring_map(&second, dup(it.fake.fd), 2), 0);
	assert_null(bpfprobe_ring_peek(&second, &it.broken));
	bpfprobe_ring_snapshot(&second);
	assert_fake_record(bpfprobe_ring_peek(&second, &it.broken), 2, 50);
	bpfprobe_ring_unmap(&second);
}

static void
unmap_closes_and_can_be_repeated(void **state)
{
	struct bpfprobe_ring ring;
	int fd = dup(it.fake.fd);

	(void)state;
	assert_int_equal(bpfprobe_ring_map(&ring, fd, 2), 0);
	bpfprobe_ring_unmap(&ring);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_null(ring.meta);
	bpfprobe_ring_unmap(&ring);
}

/* The exit status says how far the child got. */
static void
child_of_fork(void)
{
	const struct bpfprobe_record *rec;

	if (bpfprobe_ring_remap(&it.ring) != 0)
		_exit(2);
	if (peek() != NULL)
		_exit(3);
	bpfprobe_ring_snapshot(&it.ring);
	/* Record 1 was consumed, though not given back: it does not come again. */
	rec = peek();
	if (rec == NULL || bpfprobe_record_time(rec) != 2 || !is_fake_record(rec))
		_exit(4);
	_exit(it.broken == 0 ? 0 : 5);
}

/* As with a perf ring, the child does not inherit the mapping. */
static void
remap_reads_on_after_fork(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	fake_ring_sample(&it.fake, 1, 50);
	fake_ring_sample(&it.fake, 2, 50);
	bpfprobe_ring_snapshot(&it.ring);
	assert_non_null(peek());
	bpfprobe_ring_consume(&it.ring);
	assert_int_equal(madvise(it.ring.meta, it.ring.size + (size_t)sysconf(_SC_PAGESIZE),
	    MADV_DONTFORK), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child_of_fork();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_fake_record(peek(), 2, 50);
}

static void
remap_without_descriptor_fails(void **state)
{
	struct bpfprobe_ring ring;

	(void)state;
	memset(&ring, 0, sizeof(ring));
	ring.fd = -1;
	ring.size = it.fake.size;
	assert_int_equal(bpfprobe_ring_remap(&ring), -EBADF);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(empty_ring_has_no_record),
		TEST(records_come_whole_and_in_order),
		TEST(peek_repeats_until_consumed),
		TEST(snapshot_bounds_what_is_seen),
		TEST(wrapped_samples_are_joined),
		TEST(sample_up_to_the_very_end_stays_in_place),
		TEST(largest_sample_is_joined),
		TEST(byte_counts_may_overflow),
		TEST(other_perf_records_are_passed_over),
		TEST(broken_insides_cost_one_sample),
		TEST(short_samples_at_the_very_end),
		TEST(exact_sizes_are_not_broken),
		TEST(broken_header_costs_what_is_in_the_ring),
		TEST(impossible_head_is_given_up),
		TEST(random_damage_is_survived),
		TEST(kernel_gets_nothing_back_before_publish),
		TEST(peek_alone_publishes_nothing),
		TEST(full_ring_goes_on_after_publish),
		TEST(impossible_page_counts_are_refused),
		TEST(failed_map_leaves_the_descriptor),
		TEST(map_starts_at_the_kernels_tail),
		TEST(unmap_closes_and_can_be_repeated),
		TEST(remap_reads_on_after_fork),
		TEST(remap_without_descriptor_fails),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
