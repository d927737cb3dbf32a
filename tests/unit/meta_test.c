/* SPDX-License-Identifier: BSD-3-Clause */
/* Metadata between a record and its packet, and the places of names in their table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <linux/perf_event.h>
#include "bpf/names.h"
#include "capture/ring.h"
#include "fakering.h"

#define RECORD sizeof(struct bpfprobe_record)
#define META sizeof(struct bpfprobe_meta)
#define PID 4711

static struct {
	struct fake_ring fake;
	struct bpfprobe_ring ring;
	uint64_t broken;
} it;

static int
set_up(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	fake_ring_init(&it.fake, 1);
	fake_ring_reader(&it.fake, &it.ring);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bpfprobe_ring_unmap(&it.ring);
	fake_ring_free(&it.fake);
	return 0;
}

/* A sample whose raw size is said to be `raw`, with metadata and a packet of bytes 0xaa. */
static void
put_sample(uint32_t raw, uint32_t caplen)
{
	size_t n = (FAKE_HEAD + raw + 7) / 8 * 8;
	struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, (uint16_t)n };
	struct bpfprobe_record rec;
	struct bpfprobe_meta meta;
	uint8_t bytes[1024];

	memset(bytes, 0xaa, sizeof(bytes));
	memset(&rec, 0, sizeof(rec));
	memset(&meta, 0, sizeof(meta));
	rec.meta = 1;
	rec.caplen = caplen;
	meta.seen.pid = PID;
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), &raw, sizeof(raw));
	memcpy(bytes + FAKE_HEAD, &rec, sizeof(rec));
	memcpy(bytes + FAKE_HEAD + RECORD, &meta, sizeof(meta));
	assert_true(fake_ring_put(&it.fake, bytes, n));
}

static const struct bpfprobe_record *
peek(void)
{
	bpfprobe_ring_snapshot(&it.ring);
	return bpfprobe_ring_peek(&it.ring, &it.broken);
}

static void
it_stands_between_record_and_packet(void **state)
{
	static const uint8_t packet[5] = { 0xaa, 0xaa, 0xaa, 0xaa, 0xaa };
	const struct bpfprobe_record *rec;
	int i;

	(void)state;
	/* More than once around the ring, where it wraps. */
	for (i = 0; i < 100; i++) {
		put_sample(RECORD + META + 5, 5);
		rec = peek();
		assert_non_null(rec);
		assert_int_equal(rec->caplen, 5);
		assert_int_equal(bpfprobe_record_meta(rec)->seen.pid, PID);
		assert_memory_equal(it.ring.packet, packet, sizeof(packet));
		bpfprobe_ring_consume(&it.ring);
		bpfprobe_ring_publish(&it.ring);
	}
	assert_int_equal(it.broken, 0);
}

static void
a_record_without_it_has_none(void **state)
{
	const struct bpfprobe_record *rec;

	(void)state;
	put_sample(RECORD + META, 0);
	assert_true(fake_ring_sample(&it.fake, 1, 20));
	rec = peek();
	assert_non_null(rec);
	assert_non_null(bpfprobe_record_meta(rec));
	bpfprobe_ring_consume(&it.ring);
	rec = peek();
	assert_fake_record(rec, 1, 20);
	assert_null(bpfprobe_record_meta(rec));
}

static void
a_sample_without_room_for_it_is_broken(void **state)
{
	static const struct {
		uint32_t raw, caplen;
	} bad[] = {
		{ RECORD, 0 },
		{ RECORD + META - 1, 0 },
		{ RECORD + META - 1, 5 },
		{ RECORD + META, 1 },
		{ RECORD + META + 4, 5 },
		{ RECORD + META + 4, UINT32_MAX },
		{ RECORD + META + 4, UINT32_MAX - META + 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_sample(bad[i].raw, bad[i].caplen);
		assert_null(peek());
		assert_int_equal(it.broken, i + 1);
		bpfprobe_ring_publish(&it.ring);
	}
}

/* Each name has a place of its own. */
static void
names_do_not_share_a_place(void **state)
{
	uint32_t subsys, n, next = 0;

	(void)state;
	for (n = 0; n < BPFPROBE_NAMES_CORE; n++)
		assert_int_equal(bpfprobe_name_of_reason(n), next++);
	for (subsys = 1; subsys <= BPFPROBE_NAMES_SUBSYSTEMS; subsys++) {
		for (n = 0; n < BPFPROBE_NAMES_SUBSYS; n++)
			assert_int_equal(bpfprobe_name_of_reason(subsys << 16 | n), next++);
	}
	for (n = 0; n < BPFPROBE_NAMES_ACTIONS; n++)
		assert_int_equal(bpfprobe_name_of_action(BPFPROBE_NAMES_XDP, n), next++);
	/* Those of tc begin with -1. */
	for (n = 0; n < BPFPROBE_NAMES_ACTIONS; n++)
		assert_int_equal(bpfprobe_name_of_action(BPFPROBE_NAMES_TC, n - 1), next++);
	assert_int_equal(BPFPROBE_NAMES_PROBE, next);
}

static void
numbers_beyond_have_none(void **state)
{
	static const uint32_t reasons[] = { BPFPROBE_NAMES_CORE, 0xffff, 1 << 16 | BPFPROBE_NAMES_SUBSYS, 0x1ffff,
		(BPFPROBE_NAMES_SUBSYSTEMS + 1) << 16, 0xffff0000, UINT32_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		assert_int_equal(bpfprobe_name_of_reason(reasons[i]), BPFPROBE_NAMES_UNKNOWN);
	assert_int_equal(bpfprobe_name_of_action(BPFPROBE_NAMES_XDP, BPFPROBE_NAMES_ACTIONS), BPFPROBE_NAMES_UNKNOWN);
	assert_int_equal(bpfprobe_name_of_action(BPFPROBE_NAMES_XDP, UINT32_MAX), BPFPROBE_NAMES_UNKNOWN);
	assert_int_equal(bpfprobe_name_of_action(BPFPROBE_NAMES_TC, UINT32_MAX - 1), BPFPROBE_NAMES_UNKNOWN);
	assert_int_equal(bpfprobe_name_of_action(BPFPROBE_NAMES_TC, BPFPROBE_NAMES_ACTIONS - 1), BPFPROBE_NAMES_UNKNOWN);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_stands_between_record_and_packet, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_record_without_it_has_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_sample_without_room_for_it_is_broken, set_up, tear_down),
		cmocka_unit_test(names_do_not_share_a_place),
		cmocka_unit_test(numbers_beyond_have_none),
	};

	return cmocka_run_group_tests_name("meta", tests, NULL, NULL);
}
