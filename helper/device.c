/* SPDX-License-Identifier: BSD-3-Clause */
/* See device.h.  Independent of the locale. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/option.h"
#include "helper/protocol.h"

#define TAG_LEN 16 /* digits of a program's tag */
#define KINDS "tp/, rawtp/, fentry/, fexit/, kprobe/, kretprobe/"

static const char *const kinds[] = {
	[BPFPROBE_TP] = "tp",
	[BPFPROBE_RAWTP] = "rawtp",
	[BPFPROBE_FENTRY] = "fentry",
	[BPFPROBE_KPROBE] = "kprobe",
	[BPFPROBE_KPROBES] = "kprobe",
	[BPFPROBE_FEXIT] = "fexit",
	[BPFPROBE_KRETPROBE] = "kretprobe",
	[BPFPROBE_KRETPROBES] = "kretprobe",
	[BPFPROBE_PASS] = "xdp",
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
parse_kind(struct bpfprobe_parser *parser, struct bpfprobe_name *name, char **target)
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
	return bpfprobe_parser_fail(parser, "target ", *target, ": unknown kind, there are " KINDS " and a name alone");
}

/* "NAME@OFFSET": cuts it off. An offset is for a kprobe, which nothing else could be meant by. */
static int
parse_offset(struct bpfprobe_parser *parser, struct bpfprobe_name *name, char *text, const char *target)
{
	char *at = strchr(text, '@');
	unsigned long offset;
	char *end;

	if (at == NULL)
		return 0;
	if (name->returns || (name->kind != BPFPROBE_ANY_KIND && name->kind != BPFPROBE_KPROBE))
		return bpfprobe_parser_fail(parser, "target ", target, ": only a kprobe has an @OFFSET");
	offset = strtoul(at + 1, &end, 0);
	if (!bpfprobe_parser_is_digit(at[1]) || *end != '\0' || offset > BPFPROBE_OFFSET_MAX)
		return bpfprobe_parser_fail(parser, "target ", target, ": behind @ a number from 0 to 65535 is expected");
	name->kind = BPFPROBE_KPROBE;
	name->offset = (uint32_t)offset;
	*at = '\0';
	return 0;
}

int
bpfprobe_parser_target(struct bpfprobe_parser *parser, char *text)
{
	struct bpfprobe_device *device = parser->device;
	struct bpfprobe_name *name = &device->names[device->count];
	char target[BPFPROBE_DEVICE_MAX];

	strcpy(target, text);
	if (device->count == BPFPROBE_NAMES_MAX)
		return bpfprobe_parser_fail(parser, "target ", target, ": a device has at most 16 targets");
	if (parse_kind(parser, name, &text) < 0 || parse_offset(parser, name, text, target) < 0)
		return -1;
	if (*text == '\0')
		return bpfprobe_parser_fail(parser, "target ", target, ": the name is missing");
	if (*bpfprobe_parser_skip_name(text, "_.-*?") != '\0')
		return bpfprobe_parser_fail(parser, "target ", target, ": a name has letters, digits, _ . - * ? only");
	if (name->offset > 0 && bpfprobe_name_is_pattern(text))
		return bpfprobe_parser_fail(parser, "target ", target, ": a pattern has no @OFFSET");
	if (strlen(text) >= sizeof(name->name))
		return bpfprobe_parser_fail(parser, "target ", target, ": the name is longer than 127 bytes");
	memcpy(name->name, text, strlen(text) + 1);
	device->count++;
	return 0;
}

/* "TARGET", or several with + in between. */
static int
parse_targets(struct bpfprobe_parser *parser, char *text)
{
	while (text != NULL) {
		if (bpfprobe_parser_target(parser, strsep(&text, "+")) < 0)
			return -1;
	}
	return 0;
}

static int
parse_option(struct bpfprobe_parser *parser, char *text)
{
	char *more;

	if (bpfprobe_option_parse(parser, text, &more) < 0)
		return -1;
	return more != NULL ? parse_targets(parser, more) : 0;
}

/* Only functions return something. */
static int
check_returns(struct bpfprobe_parser *parser)
{
	const struct bpfprobe_device *device = parser->device;
	unsigned int i;

	for (i = 0; i < device->count && device->rets > 0; i++) {
		if (device->names[i].kind == BPFPROBE_TP || device->names[i].kind == BPFPROBE_RAWTP)
			return bpfprobe_parser_fail(parser, "tracepoint ", device->names[i].name, " returns nothing: leave out ret=");
		if (device->names[i].offset > 0)
			return bpfprobe_parser_fail(parser, "kprobe ", device->names[i].name, ": with ret= it has no @OFFSET");
	}
	return 0;
}

_Static_assert(BPFPROBE_TARGET_MAX == 128 && BPFPROBE_DEVICE_MAX == 256, "as the messages say");
_Static_assert(BPFPROBE_RETS_MAX == 8 && BPFPROBE_NAMES_MAX == 16, "as the messages say");

/* Replaces %XX in what follows the prefix, up to the options. */
static int
decode(struct bpfprobe_parser *parser, char *text)
{
	char shown[BPFPROBE_DEVICE_MAX], after[80];
	const char *why;

	strcpy(shown, text);
	if (bpfprobe_parser_decode(text, &why) == 0)
		return 0;
	snprintf(after, sizeof(after), ": %s", why);
	return bpfprobe_parser_fail(parser, "device ", shown, after);
}

static int
parse_interface(struct bpfprobe_parser *parser, char *text)
{
	if (decode(parser, text) < 0)
		return -1;
	if (strcmp(text, "any") == 0)
		return 0;
	if (!bpfprobe_parser_is_ifname(text))
		return bpfprobe_parser_fail(parser, "interface ", text,
		    ": the name of an interface (1 to 15 bytes) or any is expected");
	strcpy(parser->device->dev, text);
	return 0;
}

/* "id/42" and so on. */
static int
parse_program(struct bpfprobe_parser *parser, char *text)
{
	static const char *const ways[] = {
		[BPFPROBE_BY_ID] = "id/",
		[BPFPROBE_BY_NAME] = "name/",
		[BPFPROBE_BY_TAG] = "tag/",
		[BPFPROBE_BY_PIN] = "pin/",
	};
	struct bpfprobe_device *device = parser->device;
	const char *value;
	unsigned int by;

	if (decode(parser, text) < 0)
		return -1;
	for (by = BPFPROBE_BY_ID; by <= BPFPROBE_BY_PIN; by++) {
		if (strncmp(text, ways[by], strlen(ways[by])) == 0)
			break;
	}
	if (by > BPFPROBE_BY_PIN)
		return bpfprobe_parser_fail(
		    parser, "program ", text, ": id/N, name/NAME, tag/TAG or pin/PATH is expected");
	value = text + strlen(ways[by]);
	device->by = by;
	strcpy(device->program, value);
	if (by == BPFPROBE_BY_ID && bpfprobe_parser_number(value, UINT32_MAX, &device->program_id) < 0)
		return bpfprobe_parser_fail(parser, "program ", text, ": a number from 1 on is expected");
	if (by == BPFPROBE_BY_TAG && (strlen(value) != TAG_LEN || value[strspn(value, "0123456789abcdef")] != '\0'))
		return bpfprobe_parser_fail(parser, "program ", text, ": 16 hexadecimal digits are expected");
	if (*value == '\0')
		return bpfprobe_parser_fail(parser, "program ", text, ": the name is missing");
	return 0;
}

/* What cannot be had together. */
static int
check_program(struct bpfprobe_parser *parser, const char *name)
{
	const struct bpfprobe_device *device = parser->device;

	if (device->actions != 0 && device->rets > 0)
		return bpfprobe_parser_fail(parser, "device ", name, ": either action= or ret= is possible");
	if (device->config[0] != '\0' && device->map[0] == '\0')
		return bpfprobe_parser_fail(parser, "device ", name, ": config= needs map=");
	if (device->map[0] != '\0' && (device->places || device->actions || device->rets || device->dev[0] != '\0' || device->who.any ||
	        device->netns_kind != BPFPROBE_NETNS_ALL || device->stacktrace))
		return bpfprobe_parser_fail(
		    parser, "device ", name, ": with map= there are but len=, pages=, proto=, fields= and config=");
	return 0;
}

/* The type of the device and, in *prefix, the length of what says so; 0: it is "eth0%xdp". */
static int
find_type(const char *name, enum bpfprobe_device_type *type, size_t *prefix)
{
	static const char *const prefixes[] = {
		[BPFPROBE_DEVICE_PROBE] = BPFPROBE_PREFIX,
		[BPFPROBE_DEVICE_XDP] = BPFPROBE_PREFIX_XDP,
		[BPFPROBE_DEVICE_PROG] = BPFPROBE_PREFIX_PROG,
	};
	size_t n = strlen(name), suffix = strlen(BPFPROBE_SUFFIX_XDP);
	unsigned int i;

	for (i = BPFPROBE_DEVICE_PROBE; i <= BPFPROBE_DEVICE_PROG; i++) {
		*type = i;
		*prefix = strlen(prefixes[i]);
		if (strncmp(name, prefixes[i], *prefix) == 0)
			return 0;
	}
	*type = BPFPROBE_DEVICE_XDP;
	*prefix = 0;
	return n > suffix && strcmp(name + n - suffix, BPFPROBE_SUFFIX_XDP) == 0 ? 0 : -1;
}

int
bpfprobe_device_parse(
    struct bpfprobe_device *device, const char *name, char *errbuf, size_t errlen)
{
	static int (*const parse[])(struct bpfprobe_parser *, char *) = {
		[BPFPROBE_DEVICE_PROBE] = parse_targets,
		[BPFPROBE_DEVICE_XDP] = parse_interface,
		[BPFPROBE_DEVICE_PROG] = parse_program,
	};
	struct bpfprobe_parser parser = { device, errbuf, errlen, 0, NULL, NULL };
	char copy[BPFPROBE_DEVICE_MAX], *rest = copy;
	size_t prefix;

	memset(device, 0, sizeof(*device));
	if (find_type(name, &device->type, &prefix) < 0)
		return bpfprobe_parser_fail(&parser, "device ", name,
		    ": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected");
	if (strlen(name) >= sizeof(copy))
		return bpfprobe_parser_fail(&parser, "device ", name, ": the device name is longer than 255 bytes");
	strcpy(copy, name + prefix);
	if (prefix == 0)
		copy[strlen(copy) - strlen(BPFPROBE_SUFFIX_XDP)] = '\0';
	if (parse[device->type](&parser, strsep(&rest, ":")) < 0)
		return -1;
	while (rest != NULL) {
		if (parse_option(&parser, strsep(&rest, ":")) < 0)
			return -1;
	}
	return device->type == BPFPROBE_DEVICE_PROBE ? check_returns(&parser) : check_program(&parser, name);
}
