/* SPDX-License-Identifier: BSD-3-Clause */
/* See kallsyms.h.  A line: address, type, symbol, and for those of modules "\t[module]". */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "helper/kallsyms.h"

#define LINE_MAX_LEN 1024 /* KSYM_NAME_LEN is 512 */

/* The symbol of a line that is a function's, with what follows it, or NULL. */
static char *
symbol_and_module(char *line)
{
	char *type = strchr(line, ' ');

	if (type == NULL || strchr("tTwW", type[1]) == NULL || type[2] != ' ')
		return NULL;
	return type + 3;
}

/* The same; cuts the rest off. */
static char *
function_of(char *line)
{
	char *symbol = symbol_and_module(line);

	if (symbol != NULL)
		symbol[strcspn(symbol, "\t\n")] = '\0';
	return symbol;
}

/* Parts of functions that were moved elsewhere, and what only marks a place. */
static int
is_part(const char *suffix)
{
	return strstr(suffix, ".cold") != NULL || strstr(suffix, ".part") != NULL;
}

/* Reads a file of symbols, of which `symbol_of` finds one in each line, or none: NULL. */
static int
each_line(const char *path, char *(*symbol_of)(char *line),
    void (*visit)(const char *symbol, void *context), void *context)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_LEN];
	char *symbol;

	if (file == NULL)
		return -errno;
	while (fgets(line, sizeof(line), file) != NULL) {
		symbol = symbol_of(line);
		if (symbol != NULL)
			visit(symbol, context);
	}
	fclose(file);
	return 0;
}

int
bpfprobe_kallsyms_each(void (*visit)(const char *symbol, void *context), void *context)
{
	return each_line("/proc/kallsyms", function_of, visit, context);
}

/* A line: symbol, and for those of modules " [module]". */
static char *
first_word(char *line)
{
	line[strcspn(line, " \t\n")] = '\0';
	return line;
}

int
bpfprobe_kallsyms_traceable(void (*visit)(const char *symbol, void *context), void *context)
{
	return each_line("/sys/kernel/tracing/available_filter_functions", first_word, visit, context);
}

/* A name, and the symbols that were found for it. */
struct search {
	const char *name;
	char *symbol;
	size_t len;
	int exact, variants;
};

static void
compare(const char *found, void *context)
{
	struct search *search = context;
	size_t n = strlen(search->name);

	if (strncmp(found, search->name, n) != 0)
		return;
	if (found[n] != '\0' && (found[n] != '.' || is_part(found + n)))
		return;
	if (found[n] == '\0')
		search->exact++;
	else if (search->exact > 0 || search->variants++ > 0)
		return;
	snprintf(search->symbol, search->len, "%s", found);
}

int
bpfprobe_kallsyms_find(const char *name, char *symbol, size_t len)
{
	struct search search = { name, symbol, len, 0, 0 };
	int err = bpfprobe_kallsyms_each(compare, &search);

	if (err < 0)
		return err;
	return search.exact > 0 ? search.exact : search.variants;
}

/* A symbol, and where the name of its module goes. */
struct owner {
	const char *symbol;
	char *module;
	size_t len;
};

static void
note_module(const char *found, void *context)
{
	struct owner *owner = context;
	size_t n = strlen(owner->symbol);

	if (strncmp(found, owner->symbol, n) != 0 || strncmp(found + n, "\t[", 2) != 0)
		return;
	found += n + 2;
	snprintf(owner->module, owner->len, "%.*s", (int)strcspn(found, "]"), found);
}

void
bpfprobe_kallsyms_module(const char *symbol, char *module, size_t len)
{
	struct owner owner = { symbol, module, len };

	module[0] = '\0';
	each_line("/proc/kallsyms", symbol_and_module, note_module, &owner);
}
