/* SPDX-License-Identifier: BSD-3-Clause */
/* CPUs by the number of their ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "helper/cpus.h"

static void
lists(void **state)
{
	unsigned int cpu[5] = { 9, 9, 9, 9, 9 };
	const unsigned int holes[] = { 0, 2, 3, 7, 9 };

	(void)state;
	assert_int_equal(bpfprobe_cpus_parse("0\n", cpu, 1), 1);
	assert_int_equal(cpu[0], 0);
	assert_int_equal(cpu[1], 9);
	assert_int_equal(bpfprobe_cpus_parse("0,2-3,7\n", cpu, 4), 4);
	assert_memory_equal(cpu, holes, sizeof(holes));
	assert_int_equal(bpfprobe_cpus_parse("1-6,9", cpu, 1), 7);
	assert_int_equal(cpu[0], 1);
	assert_int_equal(cpu[1], 2);
	assert_int_equal(bpfprobe_cpus_parse("0-511\n", NULL, 0), 512);
	assert_int_equal(bpfprobe_cpus_parse("\n", cpu, 1), 0);
	assert_int_equal(bpfprobe_cpus_parse("0,\n", cpu, 1), 0);
	assert_int_equal(bpfprobe_cpus_parse("3-1\n", cpu, 1), 0);
	assert_int_equal(bpfprobe_cpus_parse("0-4294967295\n", cpu, 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
