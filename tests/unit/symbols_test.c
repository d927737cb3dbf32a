/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions by their addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "helper/symbols.h"

static struct bpfprobe_symbols symbols;

static void
add(const char *line)
{
	assert_int_equal(bpfprobe_symbols_add(&symbols, line), 0);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&symbols, 0, sizeof(symbols));
	/* In no order; data, a line that is none, two names of one place, a module. */
	add("ffffffff81000200 T ip_rcv\n");
	add("ffffffffc0400000 t veth_xmit\t[veth]\n");
	add("ffffffff81000100 t first\n");
	add("ffffffff81000150 D data\n");
	add("ffffffff81000160 A absolute\n");
	add("\n");
	add("rubbish\n");
	add("ffffffff81000170\n");
	add("ffffffff81000180 ");
	add("ffffffff81000300 T __pfx_twin\n");
	add("ffffffff81000300 W twin\n");
	bpfprobe_symbols_sort(&symbols);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bpfprobe_symbols_free(&symbols);
	assert_null(symbols.items);
	return 0;
}

static void
expect(uint64_t address, const char *name, uint64_t offset)
{
	uint64_t found = 0;
	const char *text = bpfprobe_symbols_find(&symbols, address, &found);

	if (name == NULL) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, name);
	assert_int_equal(found, offset);
}

static void
an_address_is_in_the_function_before_it(void **state)
{
	(void)state;
	expect(0xffffffff81000100, "first", 0);
	expect(0xffffffff81000155, "first", 0x55);
	expect(0xffffffff810001ff, "first", 0xff);
	expect(0xffffffff81000200, "ip_rcv", 0);
	expect(0xffffffffc0400010, "veth_xmit", 0x10);
}

static void
of_two_at_one_place_the_first_counts(void **state)
{
	(void)state;
	expect(0xffffffff81000300, "__pfx_twin", 0);
	expect(0xffffffff81000310, "__pfx_twin", 0x10);
}

static void
elsewhere_is_none(void **state)
{
	(void)state;
	expect(0, NULL, 0);
	expect(0xffffffff810000ff, NULL, 0);
	expect(0xffffffff81000300 + (1 << 20), NULL, 0);
	expect(UINT64_MAX, NULL, 0);
}

static void
many_are_found_again(void **state)
{
	char line[64], name[16];
	uint64_t i;

	(void)state;
	for (i = 20000; i > 0; i--) {
		snprintf(line, sizeof(line), "%llx t f%llu\n", (unsigned long long)(i * 16), (unsigned long long)i);
		add(line);
	}
	bpfprobe_symbols_sort(&symbols);
	for (i = 1; i <= 20000; i += 77) {
		snprintf(name, sizeof(name), "f%llu", (unsigned long long)i);
		expect(i * 16 + 15, name, 15);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_address_is_in_the_function_before_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_two_at_one_place_the_first_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(elsewhere_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_are_found_again, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("symbols", tests, NULL, NULL);
}
