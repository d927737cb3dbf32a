/* SPDX-License-Identifier: BSD-3-Clause */
/* See fields.h.  Called for each packet: numbers are written without printf(). */
#include <stdlib.h>
#include <string.h>
#include <linux/if_packet.h>
#include "helper/action.h"
#include "tools/commands.h"
#include "tools/fields.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NS_PER_SEC 1000000000U

/* The value of a field. */
struct value {
	enum {
		NONE,
		NUMBER,
		SIGNED,
		HEX,	/* in comments */
		NAMING, /* a number that only names something */
		TIME,	/* ns */
		TEXT,
		NAME,	/* text, of any bytes */
		PLACE,	/* text, and a number of bytes behind it */
	} type;
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

static int
compare(const void *number, const void *reason)
{
	uint32_t x = *(const uint32_t *)number, y = ((const struct bpfprobe_reason *)reason)->number;

	return (x > y) - (x < y);
}

/* By its name, without what the names of the kernel's core have in common. */
static void
get_reason(struct value *value, const struct bpfprobe_facts *facts)
{
	static const char core[] = "SKB_DROP_REASON_";
	const struct bpfprobe_reasons *reasons = facts->reasons;
	const struct bpfprobe_reason *found = NULL;

	if (facts->meta == NULL || !facts->label->reasons)
		return;
	if (reasons->count > 0)
		found = bsearch(&facts->rec->action, reasons->items, reasons->count, sizeof(*reasons->items), compare);
	set_number(value, facts->rec->action);
	if (found != NULL)
		set_text(value, found->name + (strncmp(found->name, core, strlen(core)) == 0 ? strlen(core) : 0));
}

static uint64_t
whole(const uint32_t halves[2])
{
	return (uint64_t)halves[1] << 32 | halves[0];
}

/* An address in the kernel, by its function if that is known. */
static void
set_place(struct value *value, const struct bpfprobe_facts *facts, uint64_t address)
{
	value->number = address;
	value->text = bpfprobe_symbols_find(facts->symbols, address, &value->number);
	value->type = value->text != NULL ? PLACE : HEX;
}

static void
get_location(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->meta != NULL && whole(facts->meta->location) != 0)
		set_place(value, facts, whole(facts->meta->location));
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

static void
get_cpu(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->cpu != BPFPROBE_CPU_UNKNOWN)
		set_number(value, facts->cpu);
}

/* Of an XDP packet there is no process, and others' users' are not told. */
static int
has_process(const struct bpfprobe_facts *facts)
{
	return facts->meta != NULL && facts->meta->seen.pid != BPFPROBE_UNTOLD;
}

static void
get_pid(struct value *value, const struct bpfprobe_facts *facts)
{
	if (has_process(facts))
		set_number(value, facts->meta->seen.pid);
}

static void
get_tid(struct value *value, const struct bpfprobe_facts *facts)
{
	if (has_process(facts))
		set_number(value, facts->meta->tid);
}

/* The kernel ends it with a NUL. */
static void
get_comm(struct value *value, const struct bpfprobe_facts *facts)
{
	if (!has_process(facts))
		return;
	value->type = NAME;
	value->text = (const char *)facts->meta->comm;
}

static void
get_uid(struct value *value, const struct bpfprobe_facts *facts)
{
	if (has_process(facts))
		set_number(value, facts->meta->seen.uid);
}

static void
get_sk(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->meta != NULL && whole(facts->meta->cookie) != 0)
		set_number(value, whole(facts->meta->cookie));
}

static void
get_mark(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->meta == NULL || facts->meta->mark == 0)
		return;
	set_number(value, facts->meta->mark);
	value->type = HEX;
}

static void
get_queue(struct value *value, const struct bpfprobe_facts *facts)
{
	if (facts->packet->has_queue)
		set_number(value, facts->packet->queue);
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

/* Whether a pcapng file has it elsewhere, and what it takes to know it. */
enum { ELSEWHERE = 1, META = 2, SYMBOLS = 4, REASONS = 8 };

/* In the order in which they are written. */
static const struct field {
	const char *name;
	unsigned int flags;
	void (*get)(struct value *value, const struct bpfprobe_facts *facts);
} fields[] = {
	{ "time", ELSEWHERE, get_time },
	{ "device", ELSEWHERE, get_device },
	{ "probe", 0, get_probe },
	{ "direction", ELSEWHERE, get_direction },
	{ "len", ELSEWHERE, get_len },
	{ "caplen", ELSEWHERE, get_caplen },
	{ "packet", ELSEWHERE, get_packet },
	{ "reason", META | REASONS, get_reason },
	{ "location", META | SYMBOLS, get_location },
	{ "action", 0, get_action },
	{ "ret", 0, get_ret },
	{ "elapsed", 0, get_elapsed },
	{ "ifindex", 0, get_ifindex },
	{ "dev", META, get_dev },
	{ "netns", 0, get_netns },
	{ "queue", ELSEWHERE | META, get_queue },
	{ "cpu", 0, get_cpu },
	{ "pid", META, get_pid },
	{ "tid", ELSEWHERE | META, get_tid },
	{ "comm", META, get_comm },
	{ "uid", META, get_uid },
	{ "sk", META, get_sk },
	{ "mark", META, get_mark },
	{ "id", 0, get_id },
};

_Static_assert(COUNT(fields) < 32, "a set of fields has a bit for each");

uint32_t
bpfprobe_fields_of_comments(void)
{
	uint32_t set = 0;
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		if (!(fields[i].flags & ELSEWHERE))
			set |= 1U << i;
	}
	return set;
}

static int
has_flag(uint32_t set, unsigned int flag)
{
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		if (set >> i & 1 && fields[i].flags & flag)
			return 1;
	}
	return 0;
}

int
bpfprobe_fields_need_meta(uint32_t set)
{
	return has_flag(set, META);
}

int
bpfprobe_fields_need_symbols(uint32_t set)
{
	return has_flag(set, SYMBOLS);
}

int
bpfprobe_fields_need_reasons(uint32_t set)
{
	return has_flag(set, REASONS);
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

static const char digits[] = "0123456789abcdef";

static void
put_byte(struct text *out, unsigned char c)
{
	put(out, digits[c >> 4]);
	put(out, digits[c & 15]);
}

static void
put_hex(struct text *out, uint64_t number)
{
	int shift = 60;

	put_string(out, "0x");
	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put(out, digits[number >> shift & 15]);
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
	if (value->type == HEX) {
		put_hex(out, number);
		return;
	}
	if (value->type == SIGNED && (int64_t)number < 0) {
		put(out, '-');
		number = -number;
	}
	put_number(out, number, 1);
}

/* One word, as in a device's name: what would end it, and the bytes of `special`, are %XX. */
static void
put_word(struct text *out, const char *word, const char *special)
{
	for (; *word != '\0'; word++) {
		if (*word > ' ' && *word <= '~' && *word != '%' && strchr(special, *word) == NULL) {
			put(out, *word);
			continue;
		}
		put(out, '%');
		put_byte(out, (unsigned char)*word);
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
		put_byte(out, (unsigned char)*string);
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

static void
put_place(struct text *out, const struct value *value)
{
	put_string(out, value->text);
	put(out, '+');
	put_hex(out, value->number);
}

static void
put_comment_value(struct text *out, const struct value *value)
{
	if (value->prefix != NULL)
		put_string(out, value->prefix);
	switch (value->type) {
	case TEXT:
		put_word(out, value->text, "");
		break;
	case NAME:
		put_word(out, value->text, ":/");
		break;
	case PLACE:
		put_place(out, value);
		break;
	default:
		put_value(out, value);
	}
	if (value->unit != NULL)
		put_string(out, value->unit);
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
		put_comment_value(&out, &value);
	}
	*out.at = '\0';
}

/* Programs that read JSON take numbers for floating ones, of which no two of 64 bits are told apart. */
static void
put_json_value(struct text *out, const struct value *value)
{
	struct value number = *value;

	switch (value->type) {
	case TEXT:
	case NAME:
		put_quoted(out, value->text);
		return;
	case PLACE:
		put(out, '"');
		put_place(out, value);
		put(out, '"');
		return;
	case HEX:
		/* Addresses have more than 53 bits, too. */
		number.type = value->number >> 32 != 0 ? HEX : NUMBER;
		break;
	default:
		break;
	}
	if (number.type == NAMING || number.type == HEX)
		put(out, '"');
	put_value(out, &number);
	if (number.type == NAMING || number.type == HEX)
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
