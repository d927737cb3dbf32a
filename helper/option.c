/* SPDX-License-Identifier: BSD-3-Clause */
/* See option.h.  Independent of the locale. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "bpf/track.h"
#include "helper/action.h"
#include "helper/option.h"
#include "helper/protocol.h"
#include "helper/who.h"

#define QUOTE_MAX 60	/* bytes of the input that a message shows */
#define LEN_MAX 262144	/* libpcap's largest snapshot length */
#define PID_MAX 2147483647

/* The devices that have an option. */
#define PROBE (1U << BPFPROBE_DEVICE_PROBE)
#define XDP (1U << BPFPROBE_DEVICE_XDP)
#define PROG (1U << BPFPROBE_DEVICE_PROG)

struct bpfprobe_option {
	const char *name; /* ends in '=', or in 'N' that stands for digits, else it has no value */
	int (*parse)(struct bpfprobe_parser *parser, const char *value);
	unsigned int devices;
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

int
bpfprobe_parser_fail(
    struct bpfprobe_parser *parser, const char *before, const char *input, const char *after)
{
	struct quote shown = quote(input);

	snprintf(parser->errbuf, parser->errlen, "%s\"%s\"%s", before, shown.text, after);
	return -1;
}

int
bpfprobe_parser_refuse(struct bpfprobe_parser *parser, const char *why)
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

int
bpfprobe_parser_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
is_alnum(char c)
{
	return bpfprobe_parser_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const char *
bpfprobe_parser_skip_name(const char *text, const char *more)
{
	while (*text != '\0' && (is_alnum(*text) || strchr(more, *text) != NULL))
		text++;
	return text;
}

static int
hex_digit(char c)
{
	if (bpfprobe_parser_is_digit(c))
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

int
bpfprobe_parser_decode(char *text, const char **why)
{
	char *out = text;
	size_t used;
	int byte;

	for (; *text != '\0'; text += used) {
		byte = decode_byte(text, &used);
		*why = "% must be followed by two hexadecimal digits";
		if (byte < 0)
			return -1;
		*why = "control bytes are not allowed";
		if (byte < 0x20 || byte == 0x7f)
			return -1;
		*out++ = (char)byte;
	}
	*out = '\0';
	return 0;
}

int
bpfprobe_parser_number(const char *text, uint32_t max, uint32_t *number)
{
	uint64_t n = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (!bpfprobe_parser_is_digit(*text))
			return -1;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > max)
			return -1;
	}
	*number = (uint32_t)n;
	return n > 0 ? 0 : -1;
}

static int
parse_number(struct bpfprobe_parser *parser, const char *value, uint32_t max, uint32_t *number)
{
	char why[64];

	if (bpfprobe_parser_number(value, max, number) == 0)
		return 0;
	snprintf(why, sizeof(why), "a number from 1 to %u is expected", max);
	return bpfprobe_parser_refuse(parser, why);
}

/* N, or N.FIELD, of the target in front of it. */
static int
parse_arg(struct bpfprobe_parser *parser, const char *value)
{
	struct bpfprobe_name *name = &parser->device->names[parser->device->count - 1];
	const char *dot = strchr(value, '.');
	char number[BPFPROBE_DEVICE_MAX];
	size_t n;

	if (dot == NULL)
		return parse_number(parser, value, BPFPROBE_ARG_MAX, &name->arg);
	n = strlen(dot + 1);
	if (n == 0 || n >= sizeof(name->field) || *bpfprobe_parser_skip_name(dot + 1, "_") != '\0')
		return bpfprobe_parser_refuse(parser, "behind the dot the name of a field is expected");
	memcpy(name->field, dot + 1, n + 1);
	memcpy(number, value, (size_t)(dot - value));
	number[dot - value] = '\0';
	return parse_number(parser, number, BPFPROBE_ARG_MAX, &name->arg);
}

int
bpfprobe_parser_is_ifname(const char *text)
{
	size_t n = strlen(text);

	/* Slashes build paths; the rest is what the kernel's dev_valid_name() says. */
	return n > 0 && n < sizeof(((struct bpfprobe_device *)NULL)->dev) && strcmp(text, ".") != 0 &&
	    strcmp(text, "..") != 0 && strpbrk(text, "/: \t\n\v\f\r") == NULL;
}

static int
parse_dev(struct bpfprobe_parser *parser, const char *value)
{
	if (!bpfprobe_parser_is_ifname(value))
		return bpfprobe_parser_refuse(parser, "the name of an interface (1 to 15 bytes) is expected");
	strcpy(parser->device->dev, value);
	return 0;
}

static int
parse_netns(struct bpfprobe_parser *parser, const char *value)
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
		return bpfprobe_parser_refuse(parser, "a name, pid/N or inode/N is expected");
	device->netns_kind = BPFPROBE_NETNS_NAME;
	memcpy(device->netns, value, strlen(value) + 1);
	return 0;
}

static int
parse_len(struct bpfprobe_parser *parser, const char *value)
{
	return parse_number(parser, value, LEN_MAX, &parser->device->len);
}

static int
parse_pages(struct bpfprobe_parser *parser, const char *value)
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
parse_proto(struct bpfprobe_parser *parser, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= sizeof(parser->device->proto) || *bpfprobe_parser_skip_name(value, "_.-") != '\0')
		return bpfprobe_parser_refuse(parser, "the name of a link type (1 to 31 letters, digits, _ . -) is expected");
	memcpy(parser->device->proto, value, n + 1);
	return 0;
}

/* A number, with or without a sign, decimal or 0x.  0 or -1, without a message. */
static int
to_value(const char *text, int64_t *value)
{
	char *end;

	if (!bpfprobe_parser_is_digit(text[*text == '-']))
		return -1;
	errno = 0;
	*value = *text == '-' ? strtoll(text, &end, 0) : (int64_t)strtoull(text, &end, 0);
	return errno == 0 && *end == '\0' ? 0 : -1;
}

/* N, or several with slashes in between; "not/" in front of them: all but these. */
static int
parse_ret(struct bpfprobe_parser *parser, const char *value)
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
			return bpfprobe_parser_refuse(parser, "at most 8 values are possible");
		if (to_value(text, &device->ret[device->rets++]) < 0)
			return bpfprobe_parser_refuse(parser, "numbers with / in between are expected, or not/ and numbers");
	}
	return 0;
}

/* NAME, or several with slashes in between. */
static int
parse_action(struct bpfprobe_parser *parser, const char *value)
{
	char copy[BPFPROBE_DEVICE_MAX], why[160], *rest = copy, *text;
	struct bpfprobe_device *device = parser->device;
	int action;

	strcpy(copy, value);
	while ((text = strsep(&rest, "/")) != NULL) {
		action = bpfprobe_action_find(text);
		if (action < 0) {
			strcpy(why, "expected are, with / in between, ");
			bpfprobe_action_list(why + strlen(why), sizeof(why) - strlen(why));
			return bpfprobe_parser_refuse(parser, why);
		}
		device->actions |= 1U << action;
	}
	return 0;
}

/* The name of a map, into `map`. */
static int
take_map(struct bpfprobe_parser *parser, const char *value, char map[BPFPROBE_MAP_MAX])
{
	size_t n = strlen(value);

	if (n == 0 || n >= BPFPROBE_MAP_MAX || *bpfprobe_parser_skip_name(value, "_.") != '\0')
		return bpfprobe_parser_refuse(parser, "the name of a map (1 to 63 letters, digits, _ .) is expected");
	strcpy(map, value);
	return 0;
}

static int
parse_map(struct bpfprobe_parser *parser, const char *value)
{
	return take_map(parser, value, parser->device->map);
}

static int
parse_config(struct bpfprobe_parser *parser, const char *value)
{
	return take_map(parser, value, parser->device->config);
}

/* Names; which there are bpfprobe(8) knows, who writes them: nobody else heeds it. */
static int
parse_fields(struct bpfprobe_parser *parser, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= sizeof(parser->device->fields) || *bpfprobe_parser_skip_name(value, "/") != '\0')
		return bpfprobe_parser_refuse(parser, "names of fields with / in between are expected");
	strcpy(parser->device->fields, value);
	return 0;
}

static int
parse_entry(struct bpfprobe_parser *parser, const char *value)
{
	(void)value;
	parser->device->places |= BPFPROBE_AT_ENTRY;
	return 0;
}

static int
parse_exit(struct bpfprobe_parser *parser, const char *value)
{
	(void)value;
	parser->device->places |= BPFPROBE_AT_EXIT;
	return 0;
}

static int
parse_stacktrace(struct bpfprobe_parser *parser, const char *value)
{
	(void)value;
	parser->device->stacktrace = 1;
	return 0;
}

static int
parse_noselect(struct bpfprobe_parser *parser, const char *value)
{
	(void)value;
	parser->device->noselect = 1;
	return 0;
}

static int
parse_track(struct bpfprobe_parser *parser, const char *value)
{
	(void)value;
	if (parser->device->track == 0)
		parser->device->track = BPFPROBE_TRACK_PACKETS;
	return 0;
}

static int
parse_track_packets(struct bpfprobe_parser *parser, const char *value)
{
	return parse_number(parser, value, BPFPROBE_TRACK_PACKETS_MAX, &parser->device->track);
}

#define ARGUMENT 1U /* argN is the first of the options */

/* One more target, at which it is known which packets are shown. */
static int
parse_until(struct bpfprobe_parser *parser, const char *value)
{
	struct bpfprobe_device *device = parser->device;
	char text[BPFPROBE_DEVICE_MAX];

	strcpy(text, value);
	if (bpfprobe_parser_target(parser, text) < 0)
		return -1;
	device->names[device->count - 1].until = 1;
	parser->seen &= ~ARGUMENT; /* it may have one of its own */
	return parse_track(parser, value);
}

static int
parse_netstack(struct bpfprobe_parser *parser, const char *value)
{
	(void)value;
	parser->device->netstack = 1;
	return 0;
}

static int
parse_native(struct bpfprobe_parser *parser, const char *value)
{
	(void)value;
	parser->device->native = 1;
	return 0;
}

static const struct bpfprobe_option options[] = {
	{ "argN", parse_arg, PROBE },
	{ "dev=", parse_dev, PROBE | PROG },
	{ "netns=", parse_netns, PROBE | XDP | PROG },
	{ "len=", parse_len, PROBE | XDP | PROG },
	{ "pages=", parse_pages, PROBE | XDP | PROG },
	{ "proto=", parse_proto, PROBE | XDP | PROG },
	{ "fields=", parse_fields, PROBE | XDP | PROG },
	{ "stacktrace", parse_stacktrace, PROBE | XDP | PROG },
	{ "noselect", parse_noselect, PROBE | XDP | PROG },
	{ "track", parse_track, PROBE },
	{ "track=", parse_track_packets, PROBE },
	{ "until=", parse_until, PROBE },
	{ "ret=", parse_ret, PROBE | PROG },
	{ "pid=", bpfprobe_who_parse_pid, PROBE | PROG },
	{ "comm=", bpfprobe_who_parse_comm, PROBE | PROG },
	{ "uid=", bpfprobe_who_parse_uid, PROBE | PROG },
	{ "sk=", bpfprobe_who_parse_sk, PROBE | PROG },
	{ "mark=", bpfprobe_who_parse_mark, PROBE | PROG },
	{ "queue=", bpfprobe_who_parse_queue, PROBE | XDP | PROG },
	{ "action=", parse_action, XDP | PROG },
	{ "entry", parse_entry, XDP | PROG },
	{ "exit", parse_exit, XDP | PROG },
	{ "netstack", parse_netstack, XDP },
	{ "native", parse_native, XDP },
	{ "map=", parse_map, PROG },
	{ "config=", parse_config, PROG },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static int
is_known(const struct bpfprobe_parser *parser, const struct bpfprobe_option *option)
{
	return (option->devices >> parser->device->type) & 1;
}

static int
unknown_option(struct bpfprobe_parser *parser, const char *text)
{
	char known[192] = " (known:";
	size_t i, n;

	for (i = 0; i < OPTIONS; i++) {
		n = strlen(known);
		if (is_known(parser, &options[i]))
			snprintf(known + n, sizeof(known) - n, " %s,", options[i].name);
	}
	known[strlen(known) - 1] = ')';
	return bpfprobe_parser_fail(parser, "unknown option ", text, known);
}

/* Whether it is this option; *raw is then what follows its name. */
static int
matches(const struct bpfprobe_option *option, const char *text, const char **raw)
{
	size_t n = strlen(option->name);
	char last = option->name[n - 1];

	if (last != '=' && last != 'N') {
		*raw = text + n;
		return strcmp(text, option->name) == 0;
	}
	*raw = last == '=' ? text + n : text + n - 1;
	return strncmp(text, option->name, n - 1) == 0 &&
	    (last == '=' ? text[n - 1] == '=' : bpfprobe_parser_is_digit(text[n - 1]));
}

static const struct bpfprobe_option *
find_option(struct bpfprobe_parser *parser, const char *text)
{
	size_t i;

	for (i = 0; i < OPTIONS; i++) {
		if (is_known(parser, &options[i]) && matches(&options[i], text, &parser->raw))
			return &options[i];
	}
	return NULL;
}

int
bpfprobe_option_parse(struct bpfprobe_parser *parser, char *text, char **more)
{
	char value[BPFPROBE_DEVICE_MAX];
	const char *why;
	unsigned int bit;

	parser->option = find_option(parser, text);
	if (parser->option == NULL)
		return unknown_option(parser, text);
	bit = 1U << (parser->option - options);
	/* Behind it another target may follow, which may have one of its own. */
	*more = parser->option->parse == parse_arg ? strchr(text, '+') : NULL;
	if (*more != NULL)
		*(*more)++ = '\0';
	if (parser->seen & bit)
		return bpfprobe_parser_fail(parser, "option ", parser->option->name, " is given twice");
	parser->seen |= bit;
	strcpy(value, parser->raw);
	if (bpfprobe_parser_decode(value, &why) < 0)
		return bpfprobe_parser_refuse(parser, why);
	if (parser->option->parse(parser, value) < 0)
		return -1;
	if (*more != NULL)
		parser->seen &= ~bit;
	return 0;
}
