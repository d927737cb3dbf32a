/* SPDX-License-Identifier: BSD-3-Clause */
/* See value.h. */
#include <string.h>
#include "tools/value.h"

#define NS_PER_SEC 1000000000U

/* With so many digits at least. */
static void
put_number(struct bpfprobe_text *out, uint64_t number, int digits)
{
	char buf[20];
	int i = sizeof(buf);

	for (; number > 0 || digits > 0; number /= 10, digits--)
		buf[--i] = (char)('0' + number % 10);
	while (i < (int)sizeof(buf))
		bpfprobe_text_put(out, buf[i++]);
}

static const char digits[] = "0123456789abcdef";

static void
put_byte(struct bpfprobe_text *out, unsigned char c)
{
	bpfprobe_text_put(out, digits[c >> 4]);
	bpfprobe_text_put(out, digits[c & 15]);
}

static void
put_hex(struct bpfprobe_text *out, uint64_t number)
{
	int shift = 60;

	bpfprobe_text_string(out, "0x");
	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		bpfprobe_text_put(out, digits[number >> shift & 15]);
}

static void
put_value(struct bpfprobe_text *out, const struct bpfprobe_value *value)
{
	uint64_t number = value->number;

	if (value->type == BPFPROBE_VALUE_TIME) {
		put_number(out, number / NS_PER_SEC, 1);
		bpfprobe_text_put(out, '.');
		put_number(out, number % NS_PER_SEC, 9);
		return;
	}
	if (value->type == BPFPROBE_VALUE_HEX) {
		put_hex(out, number);
		return;
	}
	if (value->type == BPFPROBE_VALUE_SIGNED && (int64_t)number < 0) {
		bpfprobe_text_put(out, '-');
		number = -number;
	}
	put_number(out, number, 1);
}

/* One word, as in a device's name: what would end it, and the bytes of `special`, are %XX. */
static void
put_word(struct bpfprobe_text *out, const char *word, const char *special)
{
	for (; *word != '\0'; word++) {
		if (*word > ' ' && *word <= '~' && *word != '%' && strchr(special, *word) == NULL) {
			bpfprobe_text_put(out, *word);
			continue;
		}
		bpfprobe_text_put(out, '%');
		put_byte(out, (unsigned char)*word);
	}
}

/* A string of JSON; bytes that are not ASCII are those of Latin-1. */
static void
put_quoted(struct bpfprobe_text *out, const char *string)
{
	bpfprobe_text_put(out, '"');
	for (; *string != '\0'; string++) {
		if (*string == '"' || *string == '\\')
			bpfprobe_text_put(out, '\\');
		if (*string >= ' ' && *string <= '~') {
			bpfprobe_text_put(out, *string);
			continue;
		}
		bpfprobe_text_string(out, "\\u00");
		put_byte(out, (unsigned char)*string);
	}
	bpfprobe_text_put(out, '"');
}

static void
put_place(struct bpfprobe_text *out, const struct bpfprobe_value *value)
{
	bpfprobe_text_string(out, value->text);
	bpfprobe_text_put(out, '+');
	put_hex(out, value->number);
}

/* With `between` in place of the ends of lines, but for the last. */
static void
put_lines(struct bpfprobe_text *out, const char *text, const char *between)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			bpfprobe_text_string(out, between);
		else
			bpfprobe_text_put(out, *text);
	}
}

void
bpfprobe_value_word(struct bpfprobe_text *out, const struct bpfprobe_value *value)
{
	if (value->prefix != NULL)
		bpfprobe_text_string(out, value->prefix);
	switch (value->type) {
	case BPFPROBE_VALUE_TEXT:
		put_word(out, value->text, "");
		break;
	case BPFPROBE_VALUE_NAME:
		put_word(out, value->text, ":/");
		break;
	case BPFPROBE_VALUE_PLACE:
		put_place(out, value);
		break;
	case BPFPROBE_VALUE_LINES:
		put_lines(out, value->text, ",");
		break;
	default:
		put_value(out, value);
	}
	if (value->unit != NULL)
		bpfprobe_text_string(out, value->unit);
}

/* Programs that read JSON take numbers for floating ones, of which no two of 64 bits are told apart. */
void
bpfprobe_value_json(struct bpfprobe_text *out, const struct bpfprobe_value *value)
{
	struct bpfprobe_value number = *value;

	switch (value->type) {
	case BPFPROBE_VALUE_TEXT:
	case BPFPROBE_VALUE_NAME:
		put_quoted(out, value->text);
		return;
	case BPFPROBE_VALUE_PLACE:
		bpfprobe_text_put(out, '"');
		put_place(out, value);
		bpfprobe_text_put(out, '"');
		return;
	case BPFPROBE_VALUE_LINES:
		bpfprobe_text_string(out, "[\"");
		put_lines(out, value->text, "\",\"");
		bpfprobe_text_string(out, "\"]");
		return;
	case BPFPROBE_VALUE_HEX:
		/* Addresses have more than 53 bits, too. */
		number.type = value->number >> 32 != 0 ? BPFPROBE_VALUE_HEX : BPFPROBE_VALUE_NUMBER;
		break;
	default:
		break;
	}
	if (number.type == BPFPROBE_VALUE_NAMING || number.type == BPFPROBE_VALUE_HEX)
		bpfprobe_text_put(out, '"');
	put_value(out, &number);
	if (number.type == BPFPROBE_VALUE_NAMING || number.type == BPFPROBE_VALUE_HEX)
		bpfprobe_text_put(out, '"');
}
