/* SPDX-License-Identifier: BSD-3-Clause */
/* What a handle's reader does in a child of fork(), which has none of its rings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "capture/reader.h"

#define RINGS 3

static unsigned char *
map_page(size_t size)
{
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(page != MAP_FAILED);
	return page;
}

/* A reader as a child sees it: `alive` is wiped, and where the rings were is other memory. */
static void
start(struct bpfprobe_reader *reader, unsigned char *others, size_t page)
{
	unsigned int i;

	memset(reader, 0, sizeof(*reader));
	reader->alive = map_page(page);
	reader->rings = calloc(RINGS, sizeof(*reader->rings));
	assert_non_null(reader->rings);
	for (i = 0; i < RINGS; i++) {
		reader->rings[i].meta = (void *)(others + i * 2 * page);
		reader->rings[i].data = others + (i * 2 + 1) * page;
		reader->rings[i].size = page;
		reader->rings[i].fd = -1;
		reader->count++;
	}
}

/* Closes a child's reader, after `tries` to map its rings again: other memory stays. */
static void
close_after(unsigned int tries)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), i;
	unsigned char *others = map_page(RINGS * 2 * page);
	struct bpfprobe_reader reader;

	start(&reader, others, page);
	while (tries-- > 0)
		assert_true(bpfprobe_reader_check_fork(&reader) < 0);
	bpfprobe_reader_close(&reader);
	for (i = 0; i < RINGS * 2; i++)
		others[i * page] = 1;
	munmap(others, RINGS * 2 * page);
}

static void
close_in_a_child_unmaps_nothing_of_others(void **state)
{
	(void)state;
	close_after(0);
}

/* The descriptors are no rings here: it fails, and again, and closing is still harmless. */
static void
a_failed_remap_can_be_closed(void **state)
{
	(void)state;
	close_after(2);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_in_a_child_unmaps_nothing_of_others),
		cmocka_unit_test(a_failed_remap_can_be_closed),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
