/* SPDX-License-Identifier: BSD-3-Clause */
/* See stacks.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "tools/stacks.h"

/* So many frames at most are the probe's: BPF programs, and how the kernel came to them. */
#define PROBE_FRAMES 12

/* What the kernel calls last before a BPF program, by a tracepoint or a function's beginning. */
static int
leads_to_program(const char *function)
{
	static const char *const names[] = { "bpf_trampoline_", "bpf_trace_run", "__bpf_trace_", "__traceiter_" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(function, names[i], strlen(names[i])) == 0)
			return 1;
	}
	return 0;
}

/*
 * How many frames are the probe's: to the end of the first that lead to a program, since others may be on the
 * way here.  BPF programs may have no symbols, depending on net.core.bpf_jit_kallsyms.
 */
static unsigned int
count_of_probe(const uint64_t *addresses, unsigned int count, const struct bpfprobe_symbols *symbols)
{
	unsigned int i, n = 0;
	const char *function;
	uint64_t offset;
	int led = 0;

	for (i = 0; i < count && i < PROBE_FRAMES; i++) {
		function = bpfprobe_symbols_find(symbols, addresses[i], &offset);
		if (function != NULL && leads_to_program(function))
			led = 1;
		else if (function != NULL && led)
			break;
		else if (function != NULL)
			continue;
		n = i + 1;
	}
	return n;
}

void
bpfprobe_stacks_write(char text[BPFPROBE_STACK_TEXT_MAX], const uint64_t *addresses,
    unsigned int count, const struct bpfprobe_symbols *symbols)
{
	unsigned int i = symbols->count > 0 ? count_of_probe(addresses, count, symbols) : 0;
	const char *function;
	uint64_t offset;
	size_t n = 0;

	text[0] = '\0';
	for (; i < count; i++) {
		function = bpfprobe_symbols_find(symbols, addresses[i], &offset);
		if (function != NULL)
			n += (size_t)snprintf(text + n, BPFPROBE_STACK_TEXT_MAX - n, "%s%.*s+0x%" PRIx64,
			    n > 0 ? "\n" : "", BPFPROBE_STACK_NAME_MAX - 1, function, offset);
		else
			n += (size_t)snprintf(text + n, BPFPROBE_STACK_TEXT_MAX - n, "%s0x%" PRIx64,
			    n > 0 ? "\n" : "", addresses[i]);
	}
}

/* "" if it cannot be read, so that it is not tried again. */
static char *
read_stack(int fd, uint32_t id, const struct bpfprobe_symbols *symbols)
{
	uint64_t addresses[BPFPROBE_STACK_FRAMES];
	char text[BPFPROBE_STACK_TEXT_MAX] = "";
	unsigned int count = 0;

	memset(addresses, 0, sizeof(addresses));
	if (bpf_map_lookup_elem(fd, &id, addresses) == 0) {
		while (count < BPFPROBE_STACK_FRAMES && addresses[count] != 0)
			count++;
		bpfprobe_stacks_write(text, addresses, count, symbols);
	}
	return strdup(text);
}

const char *
bpfprobe_stacks_get(
    struct bpfprobe_stacks *stacks, uint32_t number, const struct bpfprobe_symbols *symbols)
{
	char **text;

	if (number == 0 || number > BPFPROBE_STACKS_MAX || stacks->fd < 0)
		return NULL;
	if (stacks->texts == NULL)
		stacks->texts = calloc(BPFPROBE_STACKS_MAX, sizeof(*stacks->texts));
	if (stacks->texts == NULL)
		return NULL;
	text = &stacks->texts[number - 1];
	if (*text == NULL)
		*text = read_stack(stacks->fd, number - 1, symbols);
	return *text != NULL && **text != '\0' ? *text : NULL;
}

void
bpfprobe_stacks_free(struct bpfprobe_stacks *stacks)
{
	unsigned int i;

	for (i = 0; stacks->texts != NULL && i < BPFPROBE_STACKS_MAX; i++)
		free(stacks->texts[i]);
	free(stacks->texts);
	stacks->texts = NULL;
}
