/* SPDX-License-Identifier: BSD-3-Clause */
/* See fakemerge.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/unit/fakemerge.h"

struct fake_ring fakes[RINGS_MAX];
struct bpfprobe_ring rings[RINGS_MAX];
struct bpfprobe_merge merge;
unsigned int count;

void
start(unsigned int n, unsigned int pages)
{
	for (count = 0; count < n; count++) {
		fake_ring_init(&fakes[count], pages);
		fake_ring_reader(&fakes[count], &rings[count]);
	}
	assert_int_equal(bpfprobe_merge_init(&merge, rings, count), 0);
}

int
stop(void **state)
{
	(void)state;
	bpfprobe_merge_free(&merge);
	while (count > 0) {
		bpfprobe_ring_unmap(&rings[--count]);
		fake_ring_free(&fakes[count]);
	}
	return 0;
}

void
spoil_all(void)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		fake_ring_spoil(&fakes[i]);
}

void
assert_next(uint64_t time)
{
	const struct bpfprobe_record *rec = bpfprobe_merge_next(&merge);

	assert_non_null(rec);
	spoil_all();
	assert_fake_record(rec, time, rec->caplen);
}
