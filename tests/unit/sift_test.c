/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of many functions the kernel takes together, with a kernel that is made here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "helper/sift.h"

#define MOST 1024

/* Takes everything but what is marked by its offset, and counts how often it is asked. */
static int
takes(const struct bpfprobe_target *targets, unsigned int count, void *context)
{
	unsigned int i;

	++*(unsigned int *)context;
	for (i = 0; i < count; i++) {
		if (targets[i].offset)
			return -ESRCH;
	}
	return 0;
}

static int
takes_never(const struct bpfprobe_target *targets, unsigned int count, void *context)
{
	(void)targets;
	(void)count;
	++*(unsigned int *)context;
	return -EOPNOTSUPP;
}

static struct bpfprobe_target targets[MOST];

/* `count` targets, of which those refuse that `step` divides, from `first` on. */
static void
make(unsigned int count, unsigned int first, unsigned int step)
{
	unsigned int i;

	memset(targets, 0, sizeof(targets));
	for (i = 0; i < count; i++) {
		snprintf(targets[i].name, sizeof(targets[i].name), "f%u", i);
		targets[i].offset = i >= first && (i - first) % step == 0;
	}
}

/* All are still there, once each; and in front are `taken` of those that the kernel takes. */
static void
check(unsigned int count, unsigned int taken)
{
	char seen[MOST] = { 0 };
	unsigned int i, n;

	for (i = 0; i < count; i++) {
		assert_int_equal(sscanf(targets[i].name, "f%u", &n), 1);
		assert_true(n < count && !seen[n]);
		seen[n] = 1;
		assert_true(i >= taken || targets[i].offset == 0);
	}
}

static void
all_are_found_if_attempts_suffice(void **state)
{
	unsigned int count, first, step, attempts, asked, refused, taken;

	(void)state;
	for (count = 1; count < 40; count++) {
		for (first = 0; first <= count; first++) {
			for (step = 1; step < 9; step++) {
				make(count, first, step);
				refused = (count - first + step - 1) / step;
				attempts = 2 * MOST;
				asked = 0;
				taken = bpfprobe_sift(targets, count, takes, &asked, &attempts);
				assert_int_equal(taken, count - refused);
				assert_int_equal(asked + attempts, 2 * MOST);
				check(count, taken);
			}
		}
	}
}

static void
one_is_found_in_few_attempts(void **state)
{
	unsigned int first, attempts, asked;

	(void)state;
	for (first = 0; first < MOST; first++) {
		make(MOST, first, MOST);
		attempts = 21;
		asked = 0;
		assert_int_equal(bpfprobe_sift(targets, MOST, takes, &asked, &attempts), MOST - 1);
		check(MOST, MOST - 1);
	}
	make(MOST, MOST, 1);
	attempts = 21;
	assert_int_equal(bpfprobe_sift(targets, MOST, takes, &asked, &attempts), MOST);
	assert_int_equal(attempts, 20);
}

static void
attempts_are_bounded(void **state)
{
	unsigned int most, attempts, asked, taken;

	(void)state;
	for (most = 0; most < 100; most++) {
		make(500, 3, 7);
		attempts = most;
		asked = 0;
		taken = bpfprobe_sift(targets, 500, takes, &asked, &attempts);
		assert_int_equal(asked, most);
		assert_int_equal(attempts, 0);
		check(500, taken);
	}
	assert_true(taken > 0);
}

static void
a_kernel_that_takes_never_several_is_asked_once(void **state)
{
	unsigned int attempts = 50, asked = 0;

	(void)state;
	make(500, 500, 1);
	assert_int_equal(bpfprobe_sift(targets, 500, takes_never, &asked, &attempts), 0);
	assert_true(asked == 1 && attempts == 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_found_if_attempts_suffice),
		cmocka_unit_test(one_is_found_in_few_attempts),
		cmocka_unit_test(attempts_are_bounded),
		cmocka_unit_test(a_kernel_that_takes_never_several_is_asked_once),
	};

	return cmocka_run_group_tests_name("sift", tests, NULL, NULL);
}
