/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap-bpfprobe.conf: what is taken, what is refused, and what follows from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "helper/policy.h"

static int
parse(struct bpfprobe_policy *policy, const char *text, size_t size, char errbuf[200])
{
	bpfprobe_policy_init(policy);
	return bpfprobe_policy_parse(policy, text, size, errbuf, 200);
}

static void
nothing_is_allowed_by_default(void **state)
{
	struct bpfprobe_policy policy;
	char why[200];

	(void)state;
	assert_int_equal(parse(&policy, "", 0, why), 0);
	assert_int_equal(policy.any_netns + policy.foreign_pids + policy.programs + policy.xdp + policy.admin, 0);
	assert_int_equal(policy.handles, 16);
	assert_int_equal(policy.ring_kib, 65536);
	assert_int_equal(policy.filter_insns, 1024);
	assert_int_equal(policy.filter_loads, 10);
}

static void
every_key_is_taken(void **state)
{
	static const char text[] = "# comment\n\n \t # another\nnetns = any\nforeign-pids=yes\n\tprograms\t=\tyes \n"
				   "xdp = yes\nhandles = 1\nring-kib = 512\nfilter-instructions = 0\nfilter-loads = 1000";
	struct bpfprobe_policy policy;
	char why[200];

	(void)state;
	assert_int_equal(parse(&policy, text, strlen(text), why), 0);
	assert_int_equal(policy.any_netns + policy.foreign_pids + policy.programs + policy.xdp, 4);
	assert_int_equal(policy.handles, 1);
	assert_int_equal(policy.ring_kib, 512);
	assert_int_equal(policy.filter_insns, 0);
	assert_int_equal(policy.filter_loads, 1000);
	assert_int_equal(parse(&policy, "netns = own\nxdp = no\n", 21, why), 0);
	assert_int_equal(policy.any_netns + policy.xdp, 0);
}

static void
what_is_wrong_is_refused(void **state)
{
	static const char *const wrong[][2] = {
		{ "netns = any\nfoo = 1\n", "2: there is no key \"foo\"; see pcap-bpfprobe.conf(5)" },
		{ "NETNS = any\n", "1: there is no key \"NETNS\"; see pcap-bpfprobe.conf(5)" },
		{ "= yes\n", "1: there is no key \"\"; see pcap-bpfprobe.conf(5)" },
		{ "\n\nprograms\n", "3: \"programs\": KEY = VALUE is expected, or # and a comment" },
		{ "netns = all\n", "1: netns = \"all\": own or any is expected" },
		{ "netns = any # all\n", "1: netns = \"any # all\": own or any is expected" },
		{ "programs =\n", "1: programs = \"\": no or yes is expected" },
		{ "programs = YES\n", "1: programs = \"YES\": no or yes is expected" },
		{ "programs = = yes\n", "1: programs = \"= yes\": no or yes is expected" },
		{ "handles = -1\n", "1: handles = \"-1\": a number from 0 to 1000 is expected" },
		{ "handles = 1001\n", "1: handles = \"1001\": a number from 0 to 1000 is expected" },
		{ "handles = 18446744073709551617\n",
		    "1: handles = \"18446744073709551617\": a number from 0 to 1000 is expected" },
		{ "handles = 1 6\n", "1: handles = \"1 6\": a number from 0 to 1000 is expected" },
		{ "handles = 0x10\n", "1: handles = \"0x10\": a number from 0 to 1000 is expected" },
		{ "handles =\n", "1: handles = \"\": a number from 0 to 1000 is expected" },
		{ "xdp = no\nxdp = no\n", "2: xdp is there twice" },
		{ "xdp = no\r\n", "1: xdp = \"no\r\": no or yes is expected" },
	};
	struct bpfprobe_policy policy;
	char why[200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(&policy, wrong[i][0], strlen(wrong[i][0]), why), -1);
		assert_string_equal(why, wrong[i][1]);
	}
}

static void
lines_are_text_and_bounded(void **state)
{
	struct bpfprobe_policy policy;
	char why[200], text[300];

	(void)state;
	assert_int_equal(parse(&policy, "xdp = no\0\n", 10, why), -1);
	assert_string_equal(why, "1: the line is too long, or no text");
	memset(text, ' ', sizeof(text));
	assert_int_equal(parse(&policy, text, 255, why), 0);
	assert_int_equal(parse(&policy, text, 256, why), -1);
	memcpy(text, "xdp = yes", 9);
	assert_int_equal(parse(&policy, text, 255, why), 0);
	assert_int_equal(policy.xdp, 1);
}

/* No part of the file is read twice or not at all: each beginning of it means something, or is refused. */
static void
every_beginning_of_a_file_ends(void **state)
{
	static const char text[] = "netns = any\nhandles = 7\nxdp = yes\n";
	struct bpfprobe_policy policy;
	char why[200], copy[sizeof(text)];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text); i++) {
		memcpy(copy, text, i);
		memset(copy + i, '=', sizeof(copy) - i);
		if (parse(&policy, copy, i, why) == 0)
			assert_int_equal(policy.any_netns, i >= strlen("netns = any"));
	}
}

static void
a_user_is_confined_to_the_own_namespace(void **state)
{
	struct bpfprobe_policy policy;
	struct bpfprobe_where where = { .home = 7 };
	struct bpfprobe_reply reply;

	(void)state;
	bpfprobe_policy_init(&policy);
	assert_int_equal(bpfprobe_policy_confine(&policy, &where, &reply), 0);
	assert_int_equal(where.netns, 7);
	assert_int_equal(bpfprobe_policy_confine(&policy, &where, &reply), 0);
	where.netns = 8;
	assert_int_equal(bpfprobe_policy_confine(&policy, &where, &reply), -1);
	assert_int_equal(reply.status, BPFPROBE_NO_PERM);
	policy.any_netns = 1;
	assert_int_equal(bpfprobe_policy_confine(&policy, &where, &reply), 0);
	where.netns = 0;
	assert_int_equal(bpfprobe_policy_confine(&policy, &where, &reply), 0);
	assert_int_equal(where.netns, 0);
}

static int
may_open(const struct bpfprobe_policy *policy, const char *name)
{
	struct bpfprobe_device device;
	struct bpfprobe_reply reply;
	char why[200];

	assert_int_equal(bpfprobe_device_parse(&device, name, why, sizeof(why)), 0);
	return bpfprobe_policy_check_device(policy, &device, &reply) == 0;
}

static void
programs_are_an_administrators(void **state)
{
	struct bpfprobe_policy policy;

	(void)state;
	bpfprobe_policy_init(&policy);
	assert_true(may_open(&policy, "bpfprobe:drop"));
	assert_false(may_open(&policy, "bpfprog:id/1"));
	assert_false(may_open(&policy, "bpfprog:id/1:map=m"));
	assert_false(may_open(&policy, "bpfxdp:eth0"));
	policy.xdp = 1;
	assert_true(may_open(&policy, "bpfxdp:eth0"));
	assert_false(may_open(&policy, "bpfprog:id/1"));
	policy.xdp = 0;
	policy.programs = 1;
	assert_true(may_open(&policy, "bpfxdp:any"));
	assert_true(may_open(&policy, "bpfprog:id/1"));
	/* What another program writes says of no packet whose it is. */
	assert_false(may_open(&policy, "bpfprog:id/1:map=m"));
	policy.any_netns = 1;
	assert_true(may_open(&policy, "bpfprog:id/1:map=m"));
}

static void
targets_are_looked_at_again(void **state)
{
	struct bpfprobe_target targets[2] = { { .kind = BPFPROBE_TP }, { .kind = BPFPROBE_FENTRY, .program = 5 } };
	struct bpfprobe_policy policy;
	struct bpfprobe_reply reply;

	(void)state;
	bpfprobe_policy_init(&policy);
	policy.xdp = 1;
	assert_int_equal(bpfprobe_policy_check_targets(&policy, targets, 1, &reply), 0);
	assert_int_equal(bpfprobe_policy_check_targets(&policy, targets, 2, &reply), -1);
	targets[1].program = 0;
	targets[1].kind = BPFPROBE_PASS;
	assert_int_equal(bpfprobe_policy_check_targets(&policy, targets, 2, &reply), 0);
	policy.xdp = 0;
	policy.programs = 1;
	assert_int_equal(bpfprobe_policy_check_targets(&policy, targets, 2, &reply), -1);
	policy.admin = 1;
	assert_int_equal(bpfprobe_policy_check_targets(&policy, targets, 2, &reply), 0);
}

static void
sizes_have_bounds(void **state)
{
	struct bpfprobe_policy policy;
	struct bpfprobe_reply reply;
	int i, taken = 0;

	(void)state;
	bpfprobe_policy_init(&policy);
	assert_int_equal(bpfprobe_policy_check_rings(&policy, 65536, &reply), 0);
	assert_int_equal(bpfprobe_policy_check_rings(&policy, 65537, &reply), -1);
	assert_int_equal(bpfprobe_policy_check_rings(&policy, 1ULL << 40, &reply), -1);
	assert_int_equal(bpfprobe_policy_check_filter(&policy, 1025, &reply), -1);
	for (i = 0; i < 100; i++)
		taken += bpfprobe_policy_check_filter(&policy, 1024, &reply) == 0;
	/* A second's worth at once; on a slow machine one or two come back meanwhile. */
	assert_in_range(taken, 10, 15);
	policy.filter_loads = 0;
	assert_int_equal(bpfprobe_policy_check_filter(&policy, 1, &reply), -1);
	policy.admin = 1;
	assert_int_equal(bpfprobe_policy_check_filter(&policy, 4096, &reply), 0);
	assert_int_equal(bpfprobe_policy_check_rings(&policy, 1ULL << 40, &reply), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allowed_by_default),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(lines_are_text_and_bounded),
		cmocka_unit_test(every_beginning_of_a_file_ends),
		cmocka_unit_test(a_user_is_confined_to_the_own_namespace),
		cmocka_unit_test(programs_are_an_administrators),
		cmocka_unit_test(targets_are_looked_at_again),
		cmocka_unit_test(sizes_have_bounds),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
