/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of drop reasons, abbreviated: by their rule, and those of kernels, each to another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "helper/reasons.h"

/* Of this the file is made that is read here: see its first lines. */
#define LISTS "tests/unit/reasons.txt"

/* Called by what is not tested here. */
void
bpfprobe_types_each(const struct bpfprobe_types *types, const char *word,
    void (*each)(void *ctx, const char *module, const struct btf *btf, __u32 first), void *ctx)
{
	(void)types;
	(void)word;
	(void)each;
	(void)ctx;
}

static void
expect(const char *name, const char *expected)
{
	char brief[BPFPROBE_NAME_LEN + 1];

	bpfprobe_reasons_brief(name, brief);
	assert_string_equal(brief, expected);
}

static void
the_longest_word_loses_its_end(void **state)
{
	(void)state;
	expect("SKB_DROP_REASON_NO_SOCKET", "NO_SOCKET");
	expect("SKB_DROP_REASON_TCP_TOO_OLD_ACK", "TCP_TOO_OLD_ACK");
	expect("SKB_DROP_REASON_TCP_OLD_SEQUENCE", "TCP_OLD_SEQUENC");
	/* Of two words of the same length the last. */
	expect("SKB_DROP_REASON_TCP_INVALID_SEQUENCE", "TCP_INVAL_SEQUE");
	expect("SKB_DROP_REASON_TCP_RFC7323_TW_PAWS", "TCP_RFC7_TW_PAW");
	expect("SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST", "UNIC_IN_L2_MULT");
	expect("SKB_DROP_REASON_ABCDEFGHIJKLMNOPQ", "ABCDEFGHIJKLMNO");
}

static void
what_all_begin_with_is_left_out(void **state)
{
	(void)state;
	expect("SKB_CONSUMED", "CONSUMED");
	expect("SKB_NOT_DROPPED_YET", "NOT_DROPPED_YET");
	/* Of the core's reasons nothing else. */
	expect("SKB_DROP_REASON_NETFILTER_DROP", "NETFILTER_DROP");
	expect("OVS_DROP_LAST_ACTION", "OVS_LAST_ACTION");
	expect("RX_DROP_U_MIC_FAIL", "RX_U_MIC_FAIL");
	expect("___RX_DROP_U_MIC_FAIL", "RX_U_MIC_FAIL");
}

static void
no_name_is_too_odd(void **state)
{
	char brief[BPFPROBE_NAME_LEN + 1], name[300];

	(void)state;
	expect("", "");
	expect("_", "");
	expect("SKB_DROP_REASON_", "");
	/* More words than there is room for. */
	bpfprobe_reasons_shorten("A_B_C_D_E_F_G_H_I_J", brief);
	assert_string_equal(brief, "A_B_C_D_E_F_G_H");
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	bpfprobe_reasons_shorten(name, brief);
	assert_string_equal(brief, "xxxxxxxxxxxxxxx");
	bpfprobe_reasons_shorten("__udp4_lib_rcv", brief);
	assert_string_equal(brief, "udp4_lib_rcv");
	memset(name, '_', sizeof(name) - 1);
	bpfprobe_reasons_shorten(name, brief);
	assert_string_equal(brief, "");
	name[0] = 'x';
	bpfprobe_reasons_shorten(name, brief);
	assert_string_equal(brief, "x______________");
}

static void
two_that_are_the_same_get_a_number(void **state)
{
	struct bpfprobe_reasons reasons;

	(void)state;
	memset(&reasons, 0, sizeof(reasons));
	assert_int_equal(bpfprobe_reasons_add(&reasons, 77, "SKB_DROP_REASON_ABCDEFGHIJKLMNOPR"), 0);
	assert_int_equal(bpfprobe_reasons_add(&reasons, 5, "SKB_DROP_REASON_ABCDEFGHIJKLMNOPQ"), 0);
	assert_int_equal(bpfprobe_reasons_add(&reasons, 0x10001, "SKB_DROP_REASON_ABCDEFGHIJKLMNOPS"), 0);
	assert_int_equal(bpfprobe_reasons_add(&reasons, 6, "SKB_DROP_REASON_A"), 0);
	assert_int_equal(bpfprobe_reasons_add(&reasons, 7, "SKB_A"), 0);
	/* Another name of a number that is there. */
	assert_int_equal(bpfprobe_reasons_add(&reasons, 5, "SKB_DROP_REASON_B"), 0);
	bpfprobe_reasons_finish(&reasons);
	assert_int_equal(reasons.count, 5);
	assert_string_equal(reasons.items[0].brief, "ABCDEFGHIJKLMNO");
	assert_string_equal(reasons.items[1].brief, "A");
	assert_string_equal(reasons.items[2].brief, "A7");
	assert_string_equal(reasons.items[3].brief, "ABCDEFGHIJKLM77");
	assert_string_equal(reasons.items[4].brief, "ABCDEFGHIJ65537");
	free(reasons.items);
}

/* The names of one kernel: none is abbreviated as another one, and hardly any needs its number for that. */
static void
check_kernel(const char *kernel, const struct bpfprobe_reasons *reasons)
{
	char brief[BPFPROBE_NAME_LEN + 1];
	unsigned int numbered = 0;
	size_t i, j;

	for (i = 0; i < reasons->count; i++) {
		bpfprobe_reasons_brief(reasons->items[i].name, brief);
		numbered += strcmp(reasons->items[i].brief, brief) != 0;
		for (j = 0; j < i; j++) {
			if (strcmp(reasons->items[j].brief, reasons->items[i].brief) == 0)
				fail_msg("%s: %s and %s are both %s", kernel, reasons->items[j].name,
				    reasons->items[i].name, reasons->items[i].brief);
		}
	}
	assert_true(numbered <= 1);
}

static void
those_of_kernels_are_all_different(void **state)
{
	char line[256], name[128], kernel[64] = "", *at;
	struct bpfprobe_reasons reasons;
	unsigned int kernels = 0;
	__u32 number;
	FILE *file;
	int n;

	(void)state;
	file = fopen(TOP "/" LISTS, "r");
	assert_non_null(file);
	memset(&reasons, 0, sizeof(reasons));
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "kernel %63s", kernel) == 1) {
			kernels++;
			reasons.count = 0;
		} else if (strcmp(line, "end\n") == 0) {
			bpfprobe_reasons_finish(&reasons);
			assert_true(reasons.count > 60);
			check_kernel(kernel, &reasons);
		}
		for (at = line; sscanf(at, "%u %127s%n", &number, name, &n) == 2; at += n)
			assert_int_equal(bpfprobe_reasons_add(&reasons, number, name), 0);
	}
	fclose(file);
	free(reasons.items);
	assert_true(kernels >= 4);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_word_loses_its_end),
		cmocka_unit_test(what_all_begin_with_is_left_out),
		cmocka_unit_test(no_name_is_too_odd),
		cmocka_unit_test(two_that_are_the_same_get_a_number),
		cmocka_unit_test(those_of_kernels_are_all_different),
	};

	return cmocka_run_group_tests_name("reasons", tests, NULL, NULL);
}
