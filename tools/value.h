/* SPDX-License-Identifier: BSD-3-Clause */
/* What a field of a packet is, as a word of a comment or as JSON: written without printf(). */
#ifndef BPFPROBE_VALUE_H
#define BPFPROBE_VALUE_H

#include <stdint.h>

enum bpfprobe_value_type {
	BPFPROBE_VALUE_NONE = 0,
	BPFPROBE_VALUE_NUMBER,
	BPFPROBE_VALUE_SIGNED,
	BPFPROBE_VALUE_HEX,    /* in comments */
	BPFPROBE_VALUE_NAMING, /* a number that only names something */
	BPFPROBE_VALUE_TIME,   /* ns */
	BPFPROBE_VALUE_TEXT,
	BPFPROBE_VALUE_NAME,  /* text, of any bytes */
	BPFPROBE_VALUE_PLACE, /* text, and a number of bytes behind it */
	BPFPROBE_VALUE_LINES, /* text of several lines */
};

struct bpfprobe_value {
	enum bpfprobe_value_type type;
	uint64_t number;
	const char *text;
	const char *prefix, *unit; /* around a number, in comments; NULL: none */
};

/* A text that grows: `at` never comes beyond `end`, what does not fit is left out. */
struct bpfprobe_text {
	char *at;
	char *end;
};

static inline void
bpfprobe_text_put(struct bpfprobe_text *text, char c)
{
	if (text->at < text->end)
		*text->at++ = c;
}

static inline void
bpfprobe_text_string(struct bpfprobe_text *text, const char *string)
{
	while (*string != '\0')
		bpfprobe_text_put(text, *string++);
}

/* As it stands in a device's name: one word, in which what would end it is %XX. */
void bpfprobe_value_word(struct bpfprobe_text *text, const struct bpfprobe_value *value);

/* As JSON; bytes that are not ASCII are those of Latin-1. */
void bpfprobe_value_json(struct bpfprobe_text *text, const struct bpfprobe_value *value);

#endif
