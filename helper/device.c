/* SPDX-License-Identifier: BSD-3-Clause */
/* See device.h.  Independent of the locale. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/device.h"
#include "helper/protocol.h"

#define QUOTE_MAX 60	/* bytes of the input that a message shows */
#define LEN_MAX 262144	/* libpcap's largest snapshot length */
#define PID_MAX 2147483647
#define KINDS "tp/, rawtp/, fentry/, fexit/, kprobe/, kretprobe/"

/* What is being parsed, and where to complain. */
struct parser {
	struct bpfprobe_device *device;
	char *errbuf;
	size_t errlen;
	unsigned int seen;	    /* bit i: option i of the table was given */
	const struct option *option; /* the one at hand */
	const char *raw;	    /* its value as it was written */
};

struct option {
	const char *name; /* ends in '=', or in 'N' that stands for digits */
	int (*parse)(struct parser *parser, const char *value);
};

/* A part of the input as a message may show it: printable, and not too much of it. */
struct quote {
	char text[QUOTE_MAX + sizeof("...")];
};

static struct quote
quote(const char *input)
{
	struct quote out;
	size_t i;

	for (i = 0; i < QUOTE_MAX && input[i] != '\0'; i++)
		out.text[i] = input[i] >= ' ' && input[i] <= '~' ? input[i] : '?';
	strcpy(out.text + i, input[i] != '\0' ? "..." : "");
	return out;
}

/* Complains: `before`, the input in quotes, `after`.  Returns -1. */
static int
fail(struct parser *parser, const char *before, const char *input, const char *after)
{
	struct quote shown = quote(input);

	snprintf(parser->errbuf, parser->errlen, "%s\"%s\"%s", before, shown.text, after);
	return -1;
}

/* The value of the option at hand is not what it should be.  Returns -1. */
static int
refuse(struct parser *parser, const char *why)
{
	struct quote shown = quote(parser->raw);
	const char *name = parser->option->name;
	int n = (int)strlen(name) - 1;

	if (name[n] == '=')
		snprintf(parser->errbuf, parser->errlen, "%s\"%s\": %s", name, shown.text, why);
	else
		snprintf(parser->errbuf, parser->errlen, "\"%.*s%s\": %s", n, name, shown.text, why);
	return -1;
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The first byte of `text` that is neither a letter, nor a digit, nor one of `more`. */
static const char *
skip_name(const char *text, const char *more)
{
	while (*text != '\0' && (is_alnum(*text) || strchr(more, *text) != NULL))
		text++;
	return text;
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that `in` begins with, %XX or itself; -1 if it is neither. */
static int
decode_byte(const char *in, size_t *used)
{
	int high, low;

	*used = 1;
	if (*in != '%')
		return (unsigned char)*in;
	high = hex_digit(in[1]);
	low = high >= 0 ? hex_digit(in[2]) : -1;
	*used = 3;
	return low >= 0 ? high << 4 | low : -1;
}

/* Decodes %XX from parser->raw into `value`, which is as large as any device name. */
static int
decode(struct parser *parser, char *value)
{
	const char *in;
	size_t used;
	int byte;

	for (in = parser->raw; *in != '\0'; in += used) {
		byte = decode_byte(in, &used);
		if (byte < 0)
			return refuse(parser, "% must be followed by two hexadecimal digits");
		/* No name has them, and no terminal should get them with a later message. */
		if (byte < 0x20 || byte == 0x7f)
			return refuse(parser, "control bytes are not allowed");
		*value++ = (char)byte;
	}
	*value = '\0';
	return 0;
}

/* Decimal digits and nothing else, from 1 to `max`.  0 or -1, without a message. */
static int
to_number(const char *text, uint32_t max, uint32_t *number)
{
	uint64_t n = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (!is_digit(*text))
			return -1;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > max)
			return -1;
	}
	*number = (uint32_t)n;
	return n > 0 ? 0 : -1;
}

static int
parse_number(struct parser *parser, const char *value, uint32_t max, uint32_t *number)
{
	char why[64];

	if (to_number(value, max, number) == 0)
		return 0;
	snprintf(why, sizeof(why), "a number from 1 to %u is expected", max);
	return refuse(parser, why);
}

/* N, or N.FIELD, of the target in front of it. */
static int
parse_arg(struct parser *parser, const char *value)
{
	struct bpfprobe_name *name = &parser->device->names[parser->device->count - 1];
	const char *dot = strchr(value, '.');
	char number[BPFPROBE_DEVICE_MAX];
	size_t n;

	if (dot == NULL)
		return parse_number(parser, value, BPFPROBE_ARG_MAX, &name->arg);
	n = strlen(dot + 1);
	if (n == 0 || n >= sizeof(name->field) || *skip_name(dot + 1, "_") != '\0')
		return refuse(parser, "behind the dot the name of a field is expected");
	memcpy(name->field, dot + 1, n + 1);
	memcpy(number, value, (size_t)(dot - value));
	number[dot - value] = '\0';
	return parse_number(parser, number, BPFPROBE_ARG_MAX, &name->arg);
}

/* What the kernel takes as a name; others would only be "not found", and slashes build paths. */
static int
parse_dev(struct parser *parser, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= sizeof(parser->device->dev) || strpbrk(value, "/: \t\n\v\f\r") != NULL)
		return refuse(parser, "the name of an interface (1 to 15 bytes) is expected");
	memcpy(parser->device->dev, value, n + 1);
	return 0;
}

static int
parse_netns(struct parser *parser, const char *value)
{
	struct bpfprobe_device *device = parser->device;

	if (strncmp(value, "pid/", 4) == 0) {
		device->netns_kind = BPFPROBE_NETNS_PID;
		return parse_number(parser, value + 4, PID_MAX, &device->netns_num);
	}
	if (strncmp(value, "inode/", 6) == 0) {
		device->netns_kind = BPFPROBE_NETNS_INODE;
		return parse_number(parser, value + 6, UINT32_MAX, &device->netns_num);
	}
	/* It becomes the last part of a path. */
	if (*value == '\0' || strchr(value, '/') != NULL || strcmp(value, ".") == 0 ||
	    strcmp(value, "..") == 0)
		return refuse(parser, "a name, pid/N or inode/N is expected");
	device->netns_kind = BPFPROBE_NETNS_NAME;
	memcpy(device->netns, value, strlen(value) + 1);
	return 0;
}

static int
parse_len(struct parser *parser, const char *value)
{
	return parse_number(parser, value, LEN_MAX, &parser->device->len);
}

static int
parse_pages(struct parser *parser, const char *value)
{
	uint32_t n, pages = 1;

	if (parse_number(parser, value, BPFPROBE_PAGES_MAX, &n) < 0)
		return -1;
	while (pages < n)
		pages *= 2;
	parser->device->pages = pages;
	return 0;
}

static int
parse_proto(struct parser *parser, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= sizeof(parser->device->proto) || *skip_name(value, "_.-") != '\0')
		return refuse(parser, "the name of a link type (1 to 31 letters, digits, _ . -) is expected");
	memcpy(parser->device->proto, value, n + 1);
	return 0;
}

/* A number, with or without a sign, decimal or 0x.  0 or -1, without a message. */
static int
to_value(const char *text, int64_t *value)
{
	char *end;

	if (!is_digit(text[*text == '-']))
		return -1;
	errno = 0;
	*value = *text == '-' ? strtoll(text, &end, 0) : (int64_t)strtoull(text, &end, 0);
	return errno == 0 && *end == '\0' ? 0 : -1;
}

/* N, or several with slashes in between; "not/" in front of them: all but these. */
static int
parse_ret(struct parser *parser, const char *value)
{
	struct bpfprobe_device *device = parser->device;
	char copy[BPFPROBE_DEVICE_MAX], *rest = copy, *text;

	strcpy(copy, value);
	if (strncmp(copy, "not/", 4) == 0) {
		device->rets_not = 1;
		rest += 4;
	}
	while ((text = strsep(&rest, "/")) != NULL) {
		if (device->rets == BPFPROBE_RETS_MAX)
			return refuse(parser, "at most 8 values are possible");
		if (to_value(text, &device->ret[device->rets++]) < 0)
			return refuse(parser, "numbers with / in between are expected, or not/ and numbers");
	}
	return 0;
}

static const struct option options[] = {
	{ "argN", parse_arg },
	{ "dev=", parse_dev },
	{ "netns=", parse_netns },
	{ "len=", parse_len },
	{ "pages=", parse_pages },
	{ "proto=", parse_proto },
	{ "ret=", parse_ret },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static int
unknown_option(struct parser *parser, const char *text)
{
	char known[128] = " (known: ";
	size_t i;

	for (i = 0; i < OPTIONS; i++) {
		strcat(known, options[i].name);
		strcat(known, i + 1 < OPTIONS ? ", " : ")");
	}
	return fail(parser, "unknown option ", text, known);
}

/* The entry of the table for `text`, or NULL; *raw is then what follows its name. */
static const struct option *
find_option(const char *text, const char **raw)
{
	const struct option *option;
	size_t n; /* bytes in front of '=' or 'N' */

	for (option = options; option < options + OPTIONS; option++) {
		n = strlen(option->name) - 1;
		if (strncmp(text, option->name, n) != 0)
			continue;
		if (option->name[n] == '=' ? text[n] != '=' : !is_digit(text[n]))
			continue;
		*raw = text + n + (option->name[n] == '=');
		return option;
	}
	return NULL;
}

static const char *const kinds[] = {
	[BPFPROBE_TP] = "tp",
	[BPFPROBE_RAWTP] = "rawtp",
	[BPFPROBE_FENTRY] = "fentry",
	[BPFPROBE_KPROBE] = "kprobe",
	[BPFPROBE_KPROBES] = "kprobe",
	[BPFPROBE_FEXIT] = "fexit",
	[BPFPROBE_KRETPROBE] = "kretprobe",
	[BPFPROBE_KRETPROBES] = "kretprobe",
};

const char *
bpfprobe_kind_name(enum bpfprobe_kind kind)
{
	return kinds[kind];
}

int
bpfprobe_name_is_pattern(const char *name)
{
	return strpbrk(name, "*?") != NULL;
}

static int
parse_kind(struct parser *parser, struct bpfprobe_name *name, char **target)
{
	char *slash = strchr(*target, '/');
	enum bpfprobe_kind kind;
	size_t n;

	if (slash == NULL)
		return 0;
	n = (size_t)(slash - *target);
	for (kind = BPFPROBE_TP; kind <= BPFPROBE_KRETPROBE; kind++) {
		if (strlen(kinds[kind]) == n && strncmp(*target, kinds[kind], n) == 0) {
			name->returns = kind >= BPFPROBE_FEXIT;
			name->kind = name->returns ? kind - (BPFPROBE_FEXIT - BPFPROBE_FENTRY) : kind;
			*target = slash + 1;
			return 0;
		}
	}
	return fail(parser, "target ", *target, ": unknown kind, there are " KINDS " and a name alone");
}

/* "NAME@OFFSET": cuts it off. An offset is for a kprobe, which nothing else could be meant by. */
static int
parse_offset(struct parser *parser, struct bpfprobe_name *name, char *text, const char *target)
{
	char *at = strchr(text, '@');
	unsigned long offset;
	char *end;

	if (at == NULL)
		return 0;
	if (name->returns || (name->kind != BPFPROBE_ANY_KIND && name->kind != BPFPROBE_KPROBE))
		return fail(parser, "target ", target, ": only a kprobe has an @OFFSET");
	offset = strtoul(at + 1, &end, 0);
	if (!is_digit(at[1]) || *end != '\0' || offset > BPFPROBE_OFFSET_MAX)
		return fail(parser, "target ", target, ": behind @ a number from 0 to 65535 is expected");
	name->kind = BPFPROBE_KPROBE;
	name->offset = (uint32_t)offset;
	*at = '\0';
	return 0;
}

static int
parse_target(struct parser *parser, char *text)
{
	struct bpfprobe_device *device = parser->device;
	struct bpfprobe_name *name = &device->names[device->count];
	char target[BPFPROBE_DEVICE_MAX];

	strcpy(target, text);
	if (device->count == BPFPROBE_NAMES_MAX)
		return fail(parser, "target ", target, ": a device has at most 16 targets");
	if (parse_kind(parser, name, &text) < 0 || parse_offset(parser, name, text, target) < 0)
		return -1;
	if (*text == '\0')
		return fail(parser, "target ", target, ": the name is missing");
	if (*skip_name(text, "_.-*?") != '\0')
		return fail(parser, "target ", target, ": a name has letters, digits, _ . - * ? only");
	if (name->offset > 0 && bpfprobe_name_is_pattern(text))
		return fail(parser, "target ", target, ": a pattern has no @OFFSET");
	if (strlen(text) >= sizeof(name->name))
		return fail(parser, "target ", target, ": the name is longer than 127 bytes");
	memcpy(name->name, text, strlen(text) + 1);
	device->count++;
	return 0;
}

/* "TARGET", or several with + in between. */
static int
parse_targets(struct parser *parser, char *text)
{
	while (text != NULL) {
		if (parse_target(parser, strsep(&text, "+")) < 0)
			return -1;
	}
	return 0;
}

static int
parse_option(struct parser *parser, char *text)
{
	char value[BPFPROBE_DEVICE_MAX];
	char *more = NULL;
	unsigned int bit;

	parser->option = find_option(text, &parser->raw);
	if (parser->option == NULL)
		return unknown_option(parser, text);
	bit = 1U << (parser->option - options);
	/* Behind it another target may follow, which may have one of its own. */
	if (parser->option->parse == parse_arg && (more = strchr(text, '+')) != NULL)
		*more++ = '\0';
	if (parser->seen & bit)
		return fail(parser, "option ", parser->option->name, " is given twice");
	parser->seen |= bit;
	if (decode(parser, value) < 0)
		return -1;
	if (parser->option->parse(parser, value) < 0)
		return -1;
	if (more == NULL)
		return 0;
	parser->seen &= ~bit;
	return parse_targets(parser, more);
}

/* Only functions return something. */
static int
check_returns(struct parser *parser)
{
	const struct bpfprobe_device *device = parser->device;
	unsigned int i;

	for (i = 0; i < device->count && device->rets > 0; i++) {
		if (device->names[i].kind == BPFPROBE_TP || device->names[i].kind == BPFPROBE_RAWTP)
			return fail(parser, "tracepoint ", device->names[i].name, " returns nothing: leave out ret=");
		if (device->names[i].offset > 0)
			return fail(parser, "kprobe ", device->names[i].name, ": with ret= it has no @OFFSET");
	}
	return 0;
}

_Static_assert(BPFPROBE_TARGET_MAX == 128 && BPFPROBE_DEVICE_MAX == 256, "as the messages say");
_Static_assert(BPFPROBE_RETS_MAX == 8 && BPFPROBE_NAMES_MAX == 16, "as the messages say");

int
bpfprobe_device_parse(
    struct bpfprobe_device *device, const char *name, char *errbuf, size_t errlen)
{
	struct parser parser = { device, errbuf, errlen, 0, NULL, NULL };
	char copy[BPFPROBE_DEVICE_MAX];
	char *rest = copy;

	memset(device, 0, sizeof(*device));
	if (strncmp(name, BPFPROBE_PREFIX, strlen(BPFPROBE_PREFIX)) != 0)
		return fail(&parser, "device ", name, ": " BPFPROBE_PREFIX "TARGET is expected");
	if (strlen(name) >= sizeof(copy))
		return fail(&parser, "device ", name, ": the device name is longer than 255 bytes");
	strcpy(copy, name + strlen(BPFPROBE_PREFIX));
	if (parse_targets(&parser, strsep(&rest, ":")) < 0)
		return -1;
	while (rest != NULL) {
		if (parse_option(&parser, strsep(&rest, ":")) < 0)
			return -1;
	}
	return check_returns(&parser);
}
