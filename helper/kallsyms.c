/* SPDX-License-Identifier: BSD-3-Clause */
/* See kallsyms.h.  A line: address, type, symbol, and for those of modules "\t[module]". */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "helper/kallsyms.h"

#define LINE_MAX_LEN 1024 /* KSYM_NAME_LEN is 512 */

/* The symbol of a line that is a function's, or NULL; cuts the rest off. */
static char *
function_of(char *line)
{
	char *type = strchr(line, ' ');
	char *symbol;

	if (type == NULL || strchr("tTwW", type[1]) == NULL || type[2] != ' ')
		return NULL;
	symbol = type + 3;
	symbol[strcspn(symbol, "\t\n")] = '\0';
	return symbol;
}

/* Parts of functions that were moved elsewhere, and what only marks a place. */
static int
is_part(const char *suffix)
{
	return strstr(suffix, ".cold") != NULL || strstr(suffix, ".part") != NULL;
}

int
bpfprobe_kallsyms_find(const char *name, char *symbol, size_t len)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	size_t n = strlen(name);
	char line[LINE_MAX_LEN];
	int exact = 0, variants = 0;
	char *found;

	if (file == NULL)
		return -errno;
	while (fgets(line, sizeof(line), file) != NULL) {
		found = function_of(line);
		if (found == NULL || strncmp(found, name, n) != 0)
			continue;
		if (found[n] != '\0' && (found[n] != '.' || is_part(found + n)))
			continue;
		if (found[n] == '\0')
			exact++;
		else if (exact > 0 || variants++ > 0)
			continue;
		snprintf(symbol, len, "%s", found);
	}
	fclose(file);
	return exact > 0 ? exact : variants;
}
