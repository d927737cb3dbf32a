// SPDX-License-Identifier: BSD-3-Clause
/* Records that wait until their packet comes to a probe: which are given, in which order, what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "capture/hold.h"

#define SIZE 16384U
#define PACKETS 1000

/* Of record `n`: its time, and all its bytes. */
static int
put(struct bpfprobe_hold *hold, uint64_t id, uint32_t n, uint32_t caplen, int there)
{
	static uint8_t bytes[BPFPROBE_SAMPLE_MAX];
	struct bpfprobe_record rec = { .time_lo = n, .caplen = caplen, .probe = n % 64 };
	struct bpfprobe_meta meta = { .tid = n };
	struct bpfprobe_item item = { .rec = &rec, .meta = n % 2 ? &meta : NULL, .packet = bytes, .ring = n % 7,
		.returned = { .known = 1, .value = n }, .wanted = n + 1, .decided = n + 2 };

	memset(bytes, (int)n, caplen);
	return bpfprobe_hold_put(hold, &item, id, there);
}

static void
assert_given(struct bpfprobe_hold *hold, uint32_t n, uint32_t caplen)
{
	struct bpfprobe_item item;
	uint32_t i;

	assert_true(bpfprobe_hold_has(hold));
	assert_true(bpfprobe_hold_release(hold, &item));
	assert_int_equal(item.rec->time_lo, n);
	assert_int_equal(item.rec->caplen, caplen);
	assert_int_equal(item.rec->probe, n % 64);
	assert_int_equal(item.ring, n % 7);
	assert_int_equal(item.returned.value, n);
	assert_int_equal(item.wanted, n + 1);
	assert_int_equal(item.decided, n + 2);
	assert_int_equal(item.meta != NULL, n % 2);
	if (item.meta != NULL)
		assert_int_equal(item.meta->tid, n);
	for (i = 0; i < caplen; i++)
		assert_int_equal(item.packet[i], (uint8_t)n);
}

static void
assert_no_more(struct bpfprobe_hold *hold)
{
	struct bpfprobe_item item;

	assert_false(bpfprobe_hold_has(hold));
	assert_false(bpfprobe_hold_release(hold, &item));
}

static int
setup(void **state)
{
	struct bpfprobe_hold *hold = calloc(1, sizeof(*hold));

	*state = hold;
	return bpfprobe_hold_init(hold, SIZE);
}

static int
teardown(void **state)
{
	bpfprobe_hold_free(*state);
	free(*state);
	return 0;
}

/* Two packets at the same time: only the one that comes there is given, whole, and what follows of it. */
static void
one_of_two(void **state)
{
	struct bpfprobe_hold *hold = *state;

	assert_true(put(hold, 5, 1, 60, 0));
	assert_true(put(hold, 6, 2, 61, 0));
	assert_true(put(hold, 5, 3, 0, 0));
	assert_no_more(hold);
	assert_int_equal(hold->waiting, 3);
	assert_true(put(hold, 5, 4, 1, 1));
	assert_int_equal(hold->waiting, 1);
	assert_given(hold, 1, 60);
	assert_given(hold, 3, 0);
	assert_given(hold, 4, 1);
	assert_no_more(hold);
	assert_false(put(hold, 5, 5, 60, 0));
	assert_false(put(hold, 5, 6, 60, 1));
	assert_true(put(hold, 6, 7, 60, 0));
	assert_no_more(hold);
	assert_int_equal(hold->held, 5);
	assert_int_equal(hold->expired + hold->overrun, 0);
}

/* At its first probe already. */
static void
at_once(void **state)
{
	struct bpfprobe_hold *hold = *state;

	assert_true(put(hold, 9, 1, 100, 1));
	assert_given(hold, 1, 100);
	assert_no_more(hold);
	assert_false(put(hold, 9, 2, 100, 0));
}

/* A packet that could not be followed: nothing but its record at the target is known to belong there. */
static void
without_id(void **state)
{
	struct bpfprobe_hold *hold = *state;

	assert_true(put(hold, 0, 1, 60, 0));
	assert_int_equal(hold->overrun, 1);
	/* A reader who waits for packets has to hear of it. */
	assert_int_equal(hold->held, 1);
	assert_false(put(hold, 0, 2, 60, 1));
	assert_no_more(hold);
	assert_int_equal(hold->overrun, 1);
	assert_int_equal(hold->held, 1);
	assert_int_equal(hold->waiting, 0);
}

static void
too_old(void **state)
{
	struct bpfprobe_hold *hold = *state;

	assert_true(put(hold, 1, 10, 60, 0));
	assert_true(put(hold, 2, 20, 60, 1));
	assert_given(hold, 20, 60);
	assert_true(put(hold, 3, 30, 60, 0));
	bpfprobe_hold_expire(hold, BPFPROBE_HOLD_AGE + 9);
	assert_int_equal(hold->expired, 0);
	bpfprobe_hold_expire(hold, BPFPROBE_HOLD_AGE + 10);
	assert_int_equal(hold->expired, 1);
	/* That it was there is known for as long. */
	bpfprobe_hold_expire(hold, BPFPROBE_HOLD_AGE + 19);
	assert_false(put(hold, 2, 40, 60, 0));
	bpfprobe_hold_expire(hold, BPFPROBE_HOLD_AGE + 20);
	assert_true(put(hold, 2, 41, 60, 0));
	/* Earlier than what is held, as after a clock was set back. */
	bpfprobe_hold_expire(hold, 5);
	assert_int_equal(hold->expired, 1);
	assert_true(put(hold, 1, 50, 60, 1));
	assert_given(hold, 50, 60);
	assert_true(put(hold, 3, 51, 60, 1));
	assert_given(hold, 30, 60);
	assert_given(hold, 51, 60);
	assert_no_more(hold);
}

/* Without room the oldest go, of a packet of which others stay, too; each is counted. */
static void
no_room(void **state)
{
	struct bpfprobe_hold *hold = *state;
	uint32_t n, given = 0;
	struct bpfprobe_item item;

	for (n = 0; n < PACKETS; n++)
		assert_true(put(hold, 1 + n % 2, n, 100, 0));
	assert_true(hold->overrun > PACKETS / 2 && hold->overrun < PACKETS);
	n = (uint32_t)hold->overrun;
	assert_true(put(hold, 1, PACKETS, 100, 1));
	/* Its last ones, without a gap. */
	while (bpfprobe_hold_release(hold, &item)) {
		if (item.rec->time_lo != PACKETS) {
			assert_int_equal(item.rec->time_lo % 2, 0);
			assert_true(item.rec->time_lo >= n);
			assert_true(given == 0 || item.rec->time_lo == given + 2);
			given = item.rec->time_lo;
		}
	}
	assert_int_equal(given, PACKETS - 2);
}

/* A record as long as the ring and longer: it is not held, and nothing breaks. */
static void
too_long(void **state)
{
	struct bpfprobe_hold *hold = *state;

	assert_true(put(hold, 1, 1, 60, 0));
	assert_true(put(hold, 2, 2, SIZE, 0));
	assert_int_equal(hold->overrun, 1);
	assert_false(put(hold, 2, 3, SIZE, 1));
	assert_int_equal(hold->held, 2);
	assert_true(put(hold, 1, 4, 60, 1));
	assert_given(hold, 1, 60);
	assert_given(hold, 4, 60);
	assert_no_more(hold);
}

/* Memory that is full: of a packet that comes there it is known, so that what follows does not wait. */
static void
there_when_full(void **state)
{
	struct bpfprobe_hold *hold = *state;
	uint32_t n;

	for (n = 0; n < PACKETS; n++)
		assert_true(put(hold, 1, n, 8 * n % 700, 0));
	for (n = 2; n < PACKETS; n++) {
		assert_true(put(hold, n, n, 8 * n % 700, 1));
		assert_given(hold, n, 8 * n % 700);
		assert_no_more(hold);
		assert_false(put(hold, n, n, 60, 0));
	}
}

/*
 * At random against a table: each record is given once, in its packet's order, or counted, or still
 * there; and that a packet was there is known until the memory is needed.
 */
static void
random_packets(void **state)
{
	static uint32_t last[256];
	static uint64_t there[256]; /* end of what is known of it in the memory; 0: nothing */
	struct bpfprobe_hold *hold = *state;
	uint32_t n, id, given = 0, passed = 0;
	struct bpfprobe_item item;
	int known;

	srandom(7);
	memset(last, 0, sizeof(last));
	memset(there, 0, sizeof(there));
	for (n = 1; n <= 100000; n++) {
		id = 1 + (uint32_t)random() % 255;
		known = there[id] > hold->tail;
		assert_int_equal(put(hold, id, n, (uint32_t)random() % 700, random() % 10 == 0), !known);
		if (known) {
			passed++;
			continue;
		}
		while (bpfprobe_hold_release(hold, &item)) {
			assert_true(item.rec->time_lo > last[id]);
			last[id] = item.rec->time_lo;
			there[id] = hold->head;
			given++;
		}
		assert_int_equal(given + hold->overrun + hold->expired + hold->waiting, hold->held);
		bpfprobe_hold_expire(hold, n);
	}
	assert_true(given > 1000 && passed > 100 && hold->overrun > 1000);
	assert_int_equal(hold->held + passed, 100000);
	assert_true(hold->waiting > 0 && hold->waiting < SIZE / 200);
	bpfprobe_hold_expire(hold, 2 * BPFPROBE_HOLD_AGE);
	assert_int_equal(given + hold->overrun + hold->expired, hold->held);
	assert_int_equal(hold->waiting, 0);
	assert_int_equal(hold->head, hold->tail);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_of_two, setup, teardown),
		cmocka_unit_test_setup_teardown(at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(without_id, setup, teardown),
		cmocka_unit_test_setup_teardown(too_old, setup, teardown),
		cmocka_unit_test_setup_teardown(no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(there_when_full, setup, teardown),
		cmocka_unit_test_setup_teardown(random_packets, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
