/* SPDX-License-Identifier: BSD-3-Clause */
/* See output.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "tools/output.h"

#define VALUE_MAX 1024 /* bytes of a value that are shown */
#define KEY_WIDTH 12

static int
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f;
}

/* A string of JSON. */
static void
quote(const char *value)
{
	const unsigned char *c;

	putchar('"');
	for (c = (const unsigned char *)value; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (is_plain(*c))
			putchar(*c);
		else
			printf("\\u%04x", *c);
	}
	putchar('"');
}

/* For a terminal: what would move its cursor is not for it. */
static void
print_plain(const char *value)
{
	const unsigned char *c;

	for (c = (const unsigned char *)value; *c != '\0'; c++)
		putchar(is_plain(*c) || *c >= 0x80 ? *c : '?');
}

/* The comma behind what was before, a new line, and the key. */
static void
begin(struct bpfprobe_output *output, const char *key)
{
	if (output->depth > 0)
		printf("%s\n%*s", output->first ? "" : ",", (int)output->depth, "");
	output->first = 0;
	if (key != NULL)
		printf("\"%s\": ", key);
}

/* The key of a line of text, blanks for its underscores. */
static void
begin_text(const struct bpfprobe_output *output, const char *key)
{
	int indent = output->depth > 2 ? 2 : 0, width = indent;

	printf("%*s", indent, "");
	for (; *key != '\0'; key++, width++)
		putchar(*key == '_' ? ' ' : *key);
	printf("%*s", width < KEY_WIDTH ? KEY_WIDTH - width : 1, "");
}

void
bpfprobe_output_open(struct bpfprobe_output *output, const char *key, char bracket)
{
	if (output->json) {
		begin(output, key);
		putchar(bracket);
	}
	output->first = 1;
	output->depth++;
}

void
bpfprobe_output_close(struct bpfprobe_output *output, char bracket)
{
	output->depth--;
	if (output->json) {
		if (!output->first)
			printf("\n%*s", (int)output->depth, "");
		printf("%c%s", bracket, output->depth == 0 ? "\n" : "");
	}
	output->first = 0;
}

void
bpfprobe_output_text(struct bpfprobe_output *output, const char *key, const char *fmt, ...)
{
	char value[VALUE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (output->json) {
		begin(output, key);
		quote(value);
		return;
	}
	if (key != NULL)
		begin_text(output, key);
	print_plain(value);
	putchar('\n');
}

void
bpfprobe_output_number(
    struct bpfprobe_output *output, const char *key, uint64_t value, const char *meaning)
{
	if (output->json) {
		begin(output, key);
		printf("%" PRIu64, value);
		return;
	}
	begin_text(output, key);
	printf("%" PRIu64 "%s%s\n", value, meaning[0] != '\0' ? "  " : "", meaning);
}

void
bpfprobe_output_bool(struct bpfprobe_output *output, const char *key, int value)
{
	if (output->json) {
		begin(output, key);
		printf("%s", value ? "true" : "false");
		return;
	}
	begin_text(output, key);
	puts(value ? "yes" : "no");
}
