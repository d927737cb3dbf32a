/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of a device name, and what its parser has in common with them (device.c). */
#ifndef BPFPROBE_OPTION_H
#define BPFPROBE_OPTION_H

#include "helper/device.h"

struct bpfprobe_option;

/* What is being parsed, and where to complain. */
struct bpfprobe_parser {
	struct bpfprobe_device *device;
	char *errbuf;
	size_t errlen;
	unsigned int seen;		      /* bit i: option i of the table was given */
	const struct bpfprobe_option *option; /* the one at hand */
	const char *raw;		      /* its value as it was written */
};

/* Complains: `before`, the input in quotes, `after`.  Returns -1. */
int bpfprobe_parser_fail(
    struct bpfprobe_parser *parser, const char *before, const char *input, const char *after);

/* The value of the option at hand is not what it should be.  Returns -1. */
int bpfprobe_parser_refuse(struct bpfprobe_parser *parser, const char *why);

int bpfprobe_parser_is_digit(char c);

/* The first byte of `text` that is neither a letter, nor a digit, nor one of `more`. */
const char *bpfprobe_parser_skip_name(const char *text, const char *more);

/* Decimal digits and nothing else, from 1 to `max`.  0 or -1, without a message. */
int bpfprobe_parser_number(const char *text, uint32_t max, uint32_t *number);

/*
 * Replaces %XX in `text`.  0, or -1 with *why: some of it is no such number, or a byte that no
 * name has and no terminal should get with a later message.
 */
int bpfprobe_parser_decode(char *text, const char **why);

/* Whether the kernel takes it as an interface's name: others would only be "not found". */
int bpfprobe_parser_is_ifname(const char *text);

/* One more target of the device (device.c).  0, or -1 with the message. */
int bpfprobe_parser_target(struct bpfprobe_parser *parser, char *text);

/*
 * Parses "NAME", "NAME=VALUE" or "argN".  Where behind argN more targets follow, *more is
 * the text behind the +, else NULL.  0, or -1 with the message.
 */
int bpfprobe_option_parse(struct bpfprobe_parser *parser, char *text, char **more);

#endif
