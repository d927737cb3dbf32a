/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pcapng writer: every block and option has the length and padding that the format
 * wants, numbers are in the byte order that the section says, and the file ends with a
 * whole block when the disk does not take all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include "tools/pcapng.h"

#define FILE_MAX (1 << 23)

static uint8_t file[FILE_MAX];
static size_t file_size;

/* `size` bytes at an offset of the file, in the byte order of this machine. */
static void
get(size_t at, void *value, size_t size)
{
	assert_true(at + size <= file_size);
	memcpy(value, file + at, size);
}

static uint32_t
get32(size_t at)
{
	uint32_t value;

	get(at, &value, sizeof(value));
	return value;
}

static uint16_t
get16(size_t at)
{
	uint16_t value;

	get(at, &value, sizeof(value));
	return value;
}

static void
read_file(int fd)
{
	ssize_t n = pread(fd, file, sizeof(file), 0);

	assert_true(n >= 0 && n < FILE_MAX);
	file_size = (size_t)n;
}

/* Where block `i` begins; all before it are well formed. */
static size_t
block(unsigned int i)
{
	size_t at = 0;

	for (; i > 0; i--) {
		assert_int_equal(get32(at + 4) % 4, 0);
		assert_true(get32(at + 4) >= 12);
		assert_int_equal(get32(at + get32(at + 4) - 4), get32(at + 4));
		at += get32(at + 4);
	}
	return at;
}

/* Where the value of option `code` is, in those at `at` of a block that ends at `end`; 0: none. */
static size_t
option(size_t at, size_t end, unsigned int code, unsigned int *length)
{
	size_t found = 0;
	unsigned int n, i;

	while (get16(at) != 0) {
		n = get16(at + 2);
		if (get16(at) == code) {
			assert_int_equal(found, 0);
			found = at + 4;
			*length = n;
		}
		for (i = n; i % 4 != 0; i++)
			assert_int_equal(file[at + 4 + i], 0);
		at += 4 + (n + 3) / 4 * 4;
		assert_true(at < end - 4);
	}
	assert_int_equal(get16(at + 2), 0);
	assert_int_equal(at, end - 8);
	return found;
}

static void
assert_option(size_t at, size_t end, unsigned int code, const void *value, unsigned int size)
{
	unsigned int length = 0;
	size_t found = option(at, end, code, &length);

	assert_int_not_equal(found, 0);
	assert_int_equal(length, size);
	assert_memory_equal(file + found, value, size);
}

static void
assert_no_option(size_t at, size_t end, unsigned int code)
{
	unsigned int length;

	assert_int_equal(option(at, end, code, &length), 0);
}

static int
start(struct bpfprobe_pcapng *out)
{
	int fd = memfd_create("pcapng", 0);

	assert_true(fd >= 0);
	assert_int_equal(bpfprobe_pcapng_open(out, fd), 0);
	return fd;
}

static void
finish(struct bpfprobe_pcapng *out, int fd)
{
	assert_int_equal(bpfprobe_pcapng_flush(out), 0);
	read_file(fd);
	bpfprobe_pcapng_close(out);
	close(fd);
}

static struct bpfprobe_pcapng_packet
sample(const uint8_t *data, uint32_t size)
{
	struct bpfprobe_pcapng_packet packet;

	memset(&packet, 0, sizeof(packet));
	packet.interface = 3;
	packet.time = 0x1122334455667788;
	packet.caplen = size;
	packet.len = size + 1000;
	packet.data = data;
	packet.direction = BPFPROBE_PCAPNG_OUTBOUND;
	packet.comment = "";
	return packet;
}

static void
section_and_interface(void **state)
{
	struct bpfprobe_pcapng_interface interface = { 276, 96, "eth0:f@exit", "what it is", "tcp" };
	struct bpfprobe_pcapng out;
	int fd = start(&out);
	size_t at, end;

	(void)state;
	bpfprobe_pcapng_section(&out, "us", "Linux 6");
	bpfprobe_pcapng_interface(&out, &interface);
	interface.filter = NULL;
	bpfprobe_pcapng_interface(&out, &interface);
	finish(&out, fd);

	assert_int_equal(block(3), file_size);
	end = block(1);
	assert_int_equal(get32(0), 0x0a0d0d0a);
	/* The bytes that the format has for this byte order. */
	assert_memory_equal(file + 8, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "\x4d\x3c\x2b\x1a" : "\x1a\x2b\x3c\x4d", 4);
	assert_int_equal(get16(12), 1);
	assert_int_equal(get16(14), 0);
	assert_memory_equal(file + 16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	assert_option(24, end, 3, "Linux 6", 7);
	assert_option(24, end, 4, "us", 2);

	at = block(1);
	end = block(2);
	assert_int_equal(get32(at), 1);
	assert_int_equal(get16(at + 8), 276);
	assert_int_equal(get16(at + 10), 0);
	assert_int_equal(get32(at + 12), 96);
	assert_option(at + 16, end, 2, "eth0:f@exit", 11);
	assert_option(at + 16, end, 3, "what it is", 10);
	assert_option(at + 16, end, 9, "\x09", 1);
	assert_option(at + 16, end, 11, "\0tcp", 4);
	assert_no_option(block(2) + 16, file_size, 11);
}

static void
packets_of_every_length(void **state)
{
	static const uint8_t data[] = "0123456789abcdef";
	struct bpfprobe_pcapng_packet packet;
	struct bpfprobe_pcapng out;
	int fd = start(&out);
	uint32_t size, flags = 2;
	size_t at, options;

	(void)state;
	for (size = 0; size <= 9; size++) {
		packet = sample(data, size);
		packet.comment = (const char *)data + sizeof(data) - 1 - size;
		bpfprobe_pcapng_packet(&out, &packet);
	}
	finish(&out, fd);
	assert_int_equal(out.packets, 10);
	assert_int_equal(block(10), file_size);
	for (size = 0; size <= 9; size++) {
		at = block(size);
		assert_int_equal(get32(at), 6);
		assert_int_equal(get32(at + 8), 3);
		assert_int_equal(get32(at + 12), 0x11223344); /* the upper half first */
		assert_int_equal(get32(at + 16), 0x55667788);
		assert_int_equal(get32(at + 20), size);
		assert_int_equal(get32(at + 24), size + 1000);
		assert_memory_equal(file + at + 28, data, size);
		assert_memory_equal(file + at + 28 + size, "\0\0\0", -size % 4);
		options = at + 28 + (size + 3) / 4 * 4;
		if (size > 0)
			assert_option(options, block(size + 1), 1, data + sizeof(data) - 1 - size, size);
		else
			assert_no_option(options, block(size + 1), 1);
		assert_option(options, block(size + 1), 2, &flags, 4);
		assert_no_option(options, block(size + 1), 4);
		assert_no_option(options, block(size + 1), 5);
		assert_no_option(options, block(size + 1), 6);
		assert_no_option(options, block(size + 1), 7);
	}
}

static void
identifier_and_verdict(void **state)
{
	struct bpfprobe_pcapng_packet packet = sample((const uint8_t *)"x", 1);
	struct bpfprobe_pcapng out;
	uint64_t id = 0xfedcba9876543210;
	int64_t verdict = -1;
	uint8_t value[9] = { 1 };
	int fd = start(&out);

	(void)state;
	packet.has_id = 1;
	packet.id = id;
	packet.verdict_of = BPFPROBE_PCAPNG_TC;
	packet.verdict = verdict;
	bpfprobe_pcapng_packet(&out, &packet);
	packet.verdict_of = BPFPROBE_PCAPNG_XDP;
	packet.verdict = verdict = 0x0102030405060708;
	bpfprobe_pcapng_packet(&out, &packet);
	finish(&out, fd);

	assert_option(32, block(1), 5, &id, 8);
	memset(value + 1, 0xff, 8);
	assert_option(32, block(1), 7, value, 9);
	value[0] = 2;
	memcpy(value + 1, &verdict, 8);
	assert_option(block(1) + 32, file_size, 7, value, 9);
}

static void
queue_and_losses(void **state)
{
	struct bpfprobe_pcapng_packet packet = sample((const uint8_t *)"x", 1);
	const uint64_t dropped = 0x100000002;
	const uint32_t queue = 0;
	struct bpfprobe_pcapng out;
	int fd = start(&out);

	(void)state;
	packet.dropped = dropped;
	packet.has_queue = 1;
	bpfprobe_pcapng_packet(&out, &packet);
	finish(&out, fd);
	assert_option(32, file_size, 4, &dropped, 8);
	assert_option(32, file_size, 6, &queue, 4);
}

static void
statistics(void **state)
{
	struct bpfprobe_pcapng_statistics counts = { 2, 0x100000002, 0x300000004, 5, 1, 6, 7, "all" };
	struct bpfprobe_pcapng out;
	const uint32_t start_time[] = { 1, 2 }, end_time[] = { 3, 4 };
	const uint64_t delivered = 5, received = 6, dropped = 7;
	int fd = start(&out);
	size_t end;

	(void)state;
	bpfprobe_pcapng_statistics(&out, &counts);
	counts.has_counts = 0;
	bpfprobe_pcapng_statistics(&out, &counts);
	finish(&out, fd);
	end = block(1);
	assert_int_equal(get32(0), 5);
	assert_int_equal(get32(8), 2);
	assert_int_equal(get32(12), 3);
	assert_int_equal(get32(16), 4);
	assert_option(20, end, 1, "all", 3);
	assert_option(20, end, 2, start_time, 8);
	assert_option(20, end, 3, end_time, 8);
	assert_option(20, end, 4, &received, 8);
	assert_option(20, end, 5, &dropped, 8);
	assert_option(20, end, 8, &delivered, 8);
	assert_no_option(end + 20, file_size, 4);
	assert_no_option(end + 20, file_size, 5);
}

/* The file is UTF-8, whatever a name is; and half a filter is none. */
static void
texts(void **state)
{
	struct bpfprobe_pcapng_interface interface = { 1, 1, "a\xff\x01\xc3\xa4z", "d", NULL };
	struct bpfprobe_pcapng out;
	char *filter = calloc(1, 20001);
	int fd = start(&out);

	(void)state;
	memset(filter, 'f', 16384);
	interface.filter = filter;
	bpfprobe_pcapng_interface(&out, &interface);
	memset(filter, 'f', 16385);
	bpfprobe_pcapng_interface(&out, &interface);
	finish(&out, fd);
	assert_option(16, block(1), 2, "a????z", 6);
	memmove(filter + 1, filter, 16384);
	filter[0] = '\0';
	assert_option(16, block(1), 11, filter, 16385);
	assert_no_option(block(1) + 16, file_size, 11);
	assert_int_equal(block(2), file_size);
	free(filter);
}

/* More than the buffer holds, with the largest packets. */
static void
many_large_packets(void **state)
{
	static uint8_t data[70000];
	struct bpfprobe_pcapng_packet packet = sample(data, 65516);
	struct bpfprobe_pcapng out;
	int fd = start(&out), i;

	(void)state;
	memset(data, 0xa5, sizeof(data));
	for (i = 0; i < 50; i++)
		bpfprobe_pcapng_packet(&out, &packet);
	packet.caplen = sizeof(data); /* nobody has such */
	bpfprobe_pcapng_packet(&out, &packet);
	finish(&out, fd);
	assert_int_equal(out.packets, 51);
	assert_int_equal(block(51), file_size);
	assert_int_equal(get32(block(49) + 20), 65516);
	assert_int_equal(get32(block(50) + 20), 65536);
	assert_memory_equal(file + block(49) + 28, data, 65516);
}

/* Whatever the limit is, the file ends with a whole block, and the count is that of its packets. */
static void
full_disk(void **state)
{
	static const uint8_t data[100];
	struct bpfprobe_pcapng_packet packet = sample(data, 50);
	struct rlimit old, limit;
	struct bpfprobe_pcapng out;
	char name[] = "/tmp/bpfprobe-pcapng-XXXXXX";
	unsigned int n;
	int fd, i;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (limit = old, limit.rlim_cur = 1; limit.rlim_cur < 1000; limit.rlim_cur += 13) {
		fd = mkstemp(name);
		assert_true(fd >= 0);
		unlink(name);
		strcpy(name + strlen(name) - 6, "XXXXXX");
		assert_int_equal(bpfprobe_pcapng_open(&out, fd), 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		bpfprobe_pcapng_section(&out, "us", "them");
		for (i = 0; i < 20; i++)
			bpfprobe_pcapng_packet(&out, &packet);
		assert_int_equal(bpfprobe_pcapng_flush(&out), -EFBIG);
		bpfprobe_pcapng_packet(&out, &packet);
		assert_int_equal(bpfprobe_pcapng_flush(&out), -EFBIG);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		read_file(fd);
		for (n = 0; block(n) < file_size; n++)
			;
		assert_int_equal(block(n), file_size);
		assert_int_equal(out.packets, n > 0 ? n - 1 : 0);
		/* No more is missing than does not fit. */
		assert_true(file_size + 100 > limit.rlim_cur);
		bpfprobe_pcapng_close(&out);
		close(fd);
	}
}

static void
closed_pipe(void **state)
{
	static const uint8_t data[1000];
	struct bpfprobe_pcapng_packet packet = sample(data, 1000);
	struct bpfprobe_pcapng out;
	int ends[2], i;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(bpfprobe_pcapng_open(&out, ends[1]), 0);
	bpfprobe_pcapng_packet(&out, &packet);
	assert_int_equal(bpfprobe_pcapng_flush(&out), 0);
	close(ends[0]);
	for (i = 0; i < 2000; i++)
		bpfprobe_pcapng_packet(&out, &packet);
	assert_int_equal(bpfprobe_pcapng_flush(&out), -EPIPE);
	assert_int_equal(out.packets, 1);
	bpfprobe_pcapng_close(&out);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section_and_interface),
		cmocka_unit_test(packets_of_every_length),
		cmocka_unit_test(identifier_and_verdict),
		cmocka_unit_test(queue_and_losses),
		cmocka_unit_test(statistics),
		cmocka_unit_test(texts),
		cmocka_unit_test(many_large_packets),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(closed_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
