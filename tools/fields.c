/* SPDX-License-Identifier: BSD-3-Clause */
/* See fields.h.  Called for each packet: numbers are written without printf(). */
#include <string.h>
#include <linux/if_packet.h>
#include "helper/action.h"
#include "tools/commands.h"
#include "tools/fields.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NS_PER_SEC 1000000000U

/* The value of a field; NAMING: a number that only names something. */
struct value {
	enum { NONE, NUMBER, SIGNED, NAMING, TIME, TEXT } type;
	uint64_t number;
	const char *text;
	const char *prefix, *unit; /* around a number, in comments; NULL: none */
};

static void
set_number(struct value *value, uint64_t number)
{
	value->type = NUMBER;
	value->number = number;
}

static void
set_signed(struct value *value, int64_t number)
{
	value->type = SIGNED;
	value->number = (uint64_t)number;
}

static void
set_text(struct value *value, const char *text)
{
	value->type = text != NULL ? TEXT : NONE;
	value->text = text;
}

/*
 * One function for each field.
 */

static void
get_time(struct value *value, const struct bpfprobe_facts *facts)
{
	set_number(value, facts->packet->time);
	value->type = TIME;
}

static void
get_device(struct value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->device);
}

static void
get_probe(struct value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->probe);
}

static void
get_direction(struct value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->packet->direction == BPFPROBE_PCAPNG_OUTBOUND ? "out" : "in");
}

static void
get_len(struct value *value, const struct bpfprobe_facts *facts)
{
	set_number(value, facts->packet->len);
}

static void
get_caplen(struct value *value, const struct bpfprobe_facts *facts)
{
	set_number(value, facts->packet->caplen);
}

static void
get_packet(struct value *value, const struct bpfprobe_facts *facts)
{
	if (!facts->packet->has_id)
		return;
	set_number(value, facts->packet->id);
	value->type = NAMING;
}

static void
get_ifindex(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->rec->ifindex > 0)
		set_number(value, facts->rec->ifindex);
}

static void
get_dev(struct value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->ifname);
}

static void
get_netns(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->rec->netns == 0)
		return;
	set_number(value, facts->rec->netns);
	value->prefix = "inode/"; /* as device names have it */
}

/* Of bpf_pcap(): the program's own number, of 48 bits. */
static void
get_id(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->label->kind == BPFPROBE_LABEL_MAP)
		set_number(value, (uint64_t)facts->rec->elapsed << 32 | facts->rec->action);
}

/* What the program or the function returned.  0: it is not known. */
static int
find_returned(const struct bpfprobe_facts *facts, int64_t *number)
{
	const struct bpfprobe_label *label = facts->label;

	if (label->kind == BPFPROBE_LABEL_MAP)
		return 0;
	*number = (int32_t)facts->rec->action;
	if (label->place == BPFPROBE_PLACE_EXIT || label->kind == BPFPROBE_LABEL_INTERFACE)
		return 1;
	*number = facts->returned->value;
	return facts->rec->returns && facts->returned->known;
}

/* NULL: the program means something else by it, or something unknown. */
static const char *
action_name(const struct bpfprobe_facts *facts, int64_t number)
{
	if (facts->label->actions == BPFPROBE_ACTIONS_XDP)
		return bpfprobe_action_name(BPFPROBE_ACTION_XDP, number);
	if (facts->label->actions == BPFPROBE_ACTIONS_TC)
		return bpfprobe_action_name(BPFPROBE_ACTION_TC, number);
	return NULL;
}

static void
get_action(struct value *value, const struct bpfprobe_facts *facts)
{
	int64_t number;

	if (find_returned(facts, &number))
		set_text(value, action_name(facts, number));
}

static void
get_ret(struct value *value, const struct bpfprobe_facts *facts)
{
	int64_t number;

	if (find_returned(facts, &number) && action_name(facts, number) == NULL)
		set_signed(value, number);
}

static void
get_elapsed(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->label->place != BPFPROBE_PLACE_EXIT || facts->rec->elapsed == 0)
		return;
	set_number(value, facts->rec->elapsed);
	value->unit = "ns";
}

/* In the order in which they are written. */
static const struct field {
	const char *name;
	void (*get)(struct value *value, const struct bpfprobe_facts *facts);
	int elsewhere; /* a pcapng file has it beside the comment */
} fields[] = {
	{ "time", get_time, 1 },
	{ "device", get_device, 1 },
	{ "probe", get_probe, 0 },
	{ "direction", get_direction, 1 },
	{ "len", get_len, 1 },
	{ "caplen", get_caplen, 1 },
	{ "packet", get_packet, 1 },
	{ "ifindex", get_ifindex, 0 },
	{ "dev", get_dev, 0 },
	{ "netns", get_netns, 0 },
	{ "id", get_id, 0 },
	{ "action", get_action, 0 },
	{ "ret", get_ret, 0 },
	{ "elapsed", get_elapsed, 0 },
};

_Static_assert(COUNT(fields) < 32, "a set of fields has a bit for each");

uint32_t
bpfprobe_fields_of_comments(void)
{
	uint32_t set = 0;
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		if (!fields[i].elsewhere)
			set |= 1U << i;
	}
	return set;
}

static int
refuse(const char *name, size_t n)
{
	char known[BPFPROBE_FIELDS_MAX] = "";
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		strcat(known, i > 0 ? ", " : "");
		strcat(known, fields[i].name);
	}
	return -bpfprobe_complain("unknown field \"%.*s\"; there are %s", n < 60 ? (int)n : 60, name, known);
}

int
bpfprobe_fields_parse(const char *text, uint32_t *set)
{
	size_t n, i;

	*set = 0;
	for (;; text += n + 1) {
		n = strcspn(text, ",/");
		for (i = 0; i < COUNT(fields); i++) {
			if (strlen(fields[i].name) == n && strncmp(fields[i].name, text, n) == 0)
				break;
		}
		if (i == COUNT(fields))
			return refuse(text, n);
		*set |= 1U << i;
		if (text[n] == '\0')
			return 0;
	}
}

/*
 * Writing: `at` never comes to `end`, where there is room for the NUL.
 */

struct text {
	char *at;
	char *end;
};

static void
put(struct text *out, char c)
{
	if (out->at < out->end)
		*out->at++ = c;
}

static void
put_string(struct text *out, const char *string)
{
	while (*string != '\0')
		put(out, *string++);
}

/* With so many digits at least. */
static void
put_number(struct text *out, uint64_t number, int digits)
{
	char buf[20];
	int i = sizeof(buf);

	for (; number > 0 || digits > 0; number /= 10, digits--)
		buf[--i] = (char)('0' + number % 10);
	while (i < (int)sizeof(buf))
		put(out, buf[i++]);
}

static void
put_hex(struct text *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	put(out, digits[c >> 4]);
	put(out, digits[c & 15]);
}

static void
put_value(struct text *out, const struct value *value)
{
	uint64_t number = value->number;

	if (value->type == TIME) {
		put_number(out, number / NS_PER_SEC, 1);
		put(out, '.');
		put_number(out, number % NS_PER_SEC, 9);
		return;
	}
	if (value->type == SIGNED && (int64_t)number < 0) {
		put(out, '-');
		number = -number;
	}
	put_number(out, number, 1);
}

/* One word, as in a device's name: what would end it is %XX. */
static void
put_word(struct text *out, const char *word)
{
	for (; *word != '\0'; word++) {
		if (*word > ' ' && *word <= '~' && *word != '%') {
			put(out, *word);
			continue;
		}
		put(out, '%');
		put_hex(out, (unsigned char)*word);
	}
}

/* A string of JSON; bytes that are not ASCII are those of Latin-1. */
static void
put_quoted(struct text *out, const char *string)
{
	put(out, '"');
	for (; *string != '\0'; string++) {
		if (*string == '"' || *string == '\\')
			put(out, '\\');
		if (*string >= ' ' && *string <= '~') {
			put(out, *string);
			continue;
		}
		put_string(out, "\\u00");
		put_hex(out, (unsigned char)*string);
	}
	put(out, '"');
}

static const struct value *
get(const struct field *field, struct value *value, const struct bpfprobe_facts *facts)
{
	memset(value, 0, sizeof(*value));
	field->get(value, facts);
	return value->type != NONE ? value : NULL;
}

void
bpfprobe_fields_comment(
    char buf[BPFPROBE_FIELDS_MAX], uint32_t set, const struct bpfprobe_facts *facts)
{
	struct text out = { buf, buf + BPFPROBE_FIELDS_MAX - 1 };
	struct value value;
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		if (!(set >> i & 1) || get(&fields[i], &value, facts) == NULL)
			continue;
		if (out.at > buf)
			put(&out, ' ');
		put_string(&out, fields[i].name);
		put(&out, '=');
		if (value.prefix != NULL)
			put_string(&out, value.prefix);
		if (value.type == TEXT)
			put_word(&out, value.text);
		else
			put_value(&out, &value);
		if (value.unit != NULL)
			put_string(&out, value.unit);
	}
	*out.at = '\0';
}

/* Programs that read JSON take numbers for floating ones, of which no two of 64 bits are told apart. */
static void
put_json_value(struct text *out, const struct value *value)
{
	if (value->type == TEXT) {
		put_quoted(out, value->text);
		return;
	}
	if (value->type == NAMING)
		put(out, '"');
	put_value(out, value);
	if (value->type == NAMING)
		put(out, '"');
}

size_t
bpfprobe_fields_json(
    char buf[BPFPROBE_FIELDS_MAX], uint32_t set, const struct bpfprobe_facts *facts)
{
	struct text out = { buf, buf + BPFPROBE_FIELDS_MAX - 3 };
	struct value value;
	size_t i;

	put(&out, '{');
	for (i = 0; i < COUNT(fields); i++) {
		if (!(set >> i & 1) || get(&fields[i], &value, facts) == NULL)
			continue;
		if (out.at > buf + 1)
			put(&out, ',');
		put(&out, '"');
		put_string(&out, fields[i].name);
		put_string(&out, "\":");
		put_json_value(&out, &value);
	}
	memcpy(out.at, "}\n", 3);
	return (size_t)(out.at - buf) + 2;
}
