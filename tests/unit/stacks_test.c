/* SPDX-License-Identifier: BSD-3-Clause */
/* Stacks of the kernel as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "tools/stacks.h"

static void
assert_stack(const struct bpfprobe_symbols *symbols, const uint64_t *addresses, unsigned int count, const char *want)
{
	char text[BPFPROBE_STACK_TEXT_MAX];

	bpfprobe_stacks_write(text, addresses, count, symbols);
	assert_string_equal(text, want);
}

static int
add_symbols(void **state)
{
	static struct bpfprobe_symbols symbols;
	static const char *const lines[] = { "81000000 T kfree_skb\n", "81000100 T ip_rcv\n",
		"81000200 T __traceiter_kfree_skb\n", "81000300 T bpf_trace_run3\n", "81000400 t __bpf_trace_kfree_skb\n",
		"81000500 T bpf_prog_run_generic_xdp\n", "91000000 t bpf_trampoline_6442\t[bpf]\n" };
	size_t i;

	memset(&symbols, 0, sizeof(symbols));
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(bpfprobe_symbols_add(&symbols, lines[i]), 0);
	bpfprobe_symbols_sort(&symbols);
	*state = &symbols;
	return 0;
}

static int
free_symbols(void **state)
{
	bpfprobe_symbols_free(*state);
	return 0;
}

/* What the probe itself has put there is left out, with or without symbols of BPF programs. */
static void
probes(void **state)
{
	const uint64_t tracepoint[] = { 0xa0000010, 0x81000310, 0x81000410, 0x81000220, 0x81000030, 0x81000155 };
	const uint64_t function[] = { 0xa0000010, 0xa0000110, 0x81000155, 0x81000030 };
	const uint64_t trampoline[] = { 0xa0000010, 0x91000010, 0x81000155 };
	const uint64_t program[] = { 0xa0000010, 0x91000010, 0xa0000020, 0x81000510, 0x81000155 };
	const uint64_t nested[] = { 0xa0000010, 0x81000310, 0x81000220, 0x81000030, 0x91000010, 0x81000155 };
	const uint64_t kprobe[] = { 0x81000100, 0x81000030 };

	assert_stack(*state, tracepoint, 6, "kfree_skb+0x30\nip_rcv+0x55");
	assert_stack(*state, function, 4, "ip_rcv+0x55\nkfree_skb+0x30");
	assert_stack(*state, trampoline, 3, "ip_rcv+0x55");
	assert_stack(*state, program, 5, "bpf_prog_run_generic_xdp+0x10\nip_rcv+0x55");
	assert_stack(*state, nested, 6, "kfree_skb+0x30\nbpf_trampoline_6442+0x10\nip_rcv+0x55");
	assert_stack(*state, kprobe, 2, "ip_rcv+0x0\nkfree_skb+0x30");
	assert_stack(*state, kprobe, 0, "");
	assert_stack(*state, function, 2, "");
}

static void
no_symbols(void **state)
{
	const uint64_t addresses[] = { 0xffffffff81000100, 0x81000030 };
	struct bpfprobe_symbols none;

	(void)state;
	memset(&none, 0, sizeof(none));
	assert_stack(&none, addresses, 2, "0xffffffff81000100\n0x81000030");
}

/* As long as it can be. */
static void
longest(void **state)
{
	uint64_t addresses[BPFPROBE_STACK_FRAMES];
	char line[300], text[BPFPROBE_STACK_TEXT_MAX];
	struct bpfprobe_symbols symbols;
	unsigned int i;

	(void)state;
	memset(&symbols, 0, sizeof(symbols));
	snprintf(line, sizeof(line), "%x T %0200d\n", 0x81000000, 0);
	assert_int_equal(bpfprobe_symbols_add(&symbols, line), 0);
	for (i = 0; i < BPFPROBE_STACK_FRAMES; i++)
		addresses[i] = 0x810fffff;
	bpfprobe_stacks_write(text, addresses, BPFPROBE_STACK_FRAMES, &symbols);
	assert_int_equal(strlen(text), BPFPROBE_STACK_FRAMES * (79 + 8 + 1) - 1);
	for (i = 0; i < BPFPROBE_STACK_FRAMES; i++)
		addresses[i] = UINT64_MAX - 1;
	memset(&symbols, 0, sizeof(symbols));
	bpfprobe_stacks_write(text, addresses, BPFPROBE_STACK_FRAMES, &symbols);
	assert_int_equal(strlen(text), BPFPROBE_STACK_FRAMES * 19 - 1);
}

/* Without a map there is none, nor of a number that no map has. */
static void
numbers(void **state)
{
	struct bpfprobe_stacks stacks = { -1, NULL };

	assert_null(bpfprobe_stacks_get(&stacks, 1, *state));
	stacks.fd = 1000000;
	assert_null(bpfprobe_stacks_get(&stacks, 0, *state));
	assert_null(bpfprobe_stacks_get(&stacks, BPFPROBE_STACKS_MAX + 1, *state));
	assert_null(bpfprobe_stacks_get(&stacks, BPFPROBE_STACKS_MAX, *state));
	assert_null(bpfprobe_stacks_get(&stacks, BPFPROBE_STACKS_MAX, *state));
	bpfprobe_stacks_free(&stacks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(probes, add_symbols, free_symbols),
		cmocka_unit_test(no_symbols),
		cmocka_unit_test(longest),
		cmocka_unit_test_setup_teardown(numbers, add_symbols, free_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
