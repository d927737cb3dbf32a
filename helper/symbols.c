/* SPDX-License-Identifier: BSD-3-Clause */
/* See symbols.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/symbols.h"

#define LINE_MAX_LEN 1024 /* KSYM_NAME_LEN is 512 */
#define FUNCTION_MAX (1 << 20) /* bytes of a function; what is farther from a symbol is none of its */

/* Makes room for `more` elements behind `used`.  0 or -ENOMEM. */
static int
grow(void **array, size_t used, size_t more, size_t *room, size_t size)
{
	size_t wanted = *room > 0 ? *room : 4096;
	void *larger;

	while (wanted < used + more)
		wanted *= 2;
	if (wanted == *room)
		return 0;
	larger = realloc(*array, wanted * size);
	if (larger == NULL)
		return -ENOMEM;
	*array = larger;
	*room = wanted;
	return 0;
}

int
bpfprobe_symbols_add(struct bpfprobe_symbols *symbols, const char *line)
{
	struct bpfprobe_symbol *item;
	uint64_t address;
	char *type;
	size_t n;

	address = strtoull(line, &type, 16);
	if (type == line || type[0] != ' ' || strchr("tTwW", type[1]) == NULL || type[1] == '\0' || type[2] != ' ')
		return 0;
	n = strcspn(type + 3, " \t\n");
	if (grow((void **)&symbols->items, symbols->count, 1, &symbols->room, sizeof(*symbols->items)) < 0 ||
	    grow((void **)&symbols->names, symbols->used, n + 1, &symbols->size, 1) < 0)
		return -ENOMEM;
	item = &symbols->items[symbols->count++];
	item->address = address;
	item->name = (uint32_t)symbols->used;
	memcpy(symbols->names + symbols->used, type + 3, n);
	symbols->names[symbols->used + n] = '\0';
	symbols->used += n + 1;
	return 0;
}

/* Of several at one address the first in the file stays first. */
static int
compare(const void *a, const void *b)
{
	const struct bpfprobe_symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

void
bpfprobe_symbols_sort(struct bpfprobe_symbols *symbols)
{
	if (symbols->count > 0)
		qsort(symbols->items, symbols->count, sizeof(*symbols->items), compare);
}

int
bpfprobe_symbols_read(struct bpfprobe_symbols *symbols)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[LINE_MAX_LEN];
	int err = 0;

	memset(symbols, 0, sizeof(*symbols));
	if (file == NULL)
		return -errno;
	while (err == 0 && fgets(line, sizeof(line), file) != NULL)
		err = bpfprobe_symbols_add(symbols, line);
	fclose(file);
	bpfprobe_symbols_sort(symbols);
	/* Who may not know them gets zeros. */
	if (err == 0 && (symbols->count == 0 || symbols->items[symbols->count - 1].address == 0))
		err = -EPERM;
	if (err < 0)
		bpfprobe_symbols_free(symbols);
	return err;
}

const char *
bpfprobe_symbols_find(const struct bpfprobe_symbols *symbols, uint64_t address, uint64_t *offset)
{
	size_t low = 0, high = symbols->count, middle;

	/* The first one behind the address. */
	while (low < high) {
		middle = low + (high - low) / 2;
		if (symbols->items[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address - symbols->items[low - 1].address >= FUNCTION_MAX)
		return NULL;
	low--;
	*offset = address - symbols->items[low].address;
	while (low > 0 && symbols->items[low - 1].address == symbols->items[low].address)
		low--;
	return symbols->names + symbols->items[low].name;
}

void
bpfprobe_symbols_free(struct bpfprobe_symbols *symbols)
{
	free(symbols->items);
	free(symbols->names);
	memset(symbols, 0, sizeof(*symbols));
}
