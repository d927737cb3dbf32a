/* SPDX-License-Identifier: BSD-3-Clause */
/* See fields.h. */
#include <stdlib.h>
#include <string.h>
#include <linux/if_packet.h>
#include "helper/action.h"
#include "tools/commands.h"
#include "tools/fields.h"
#include "tools/value.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
set_number(struct bpfprobe_value *value, uint64_t number)
{
	value->type = BPFPROBE_VALUE_NUMBER;
	value->number = number;
}

static void
set_signed(struct bpfprobe_value *value, int64_t number)
{
	value->type = BPFPROBE_VALUE_SIGNED;
	value->number = (uint64_t)number;
}

static void
set_text(struct bpfprobe_value *value, const char *text)
{
	value->type = text != NULL ? BPFPROBE_VALUE_TEXT : BPFPROBE_VALUE_NONE;
	value->text = text;
}

/*
 * One function for each field.
 */

static void
get_time(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	set_number(value, facts->packet->time);
	value->type = BPFPROBE_VALUE_TIME;
}

static void
get_device(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->device);
}

static void
get_probe(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->probe);
}

static void
get_direction(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->packet->direction == BPFPROBE_PCAPNG_OUTBOUND ? "out" : "in");
}

static void
get_len(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	set_number(value, facts->packet->len);
}

static void
get_caplen(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	set_number(value, facts->packet->caplen);
}

static void
get_packet(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (!facts->packet->has_id)
		return;
	set_number(value, facts->packet->id);
	value->type = BPFPROBE_VALUE_NAMING;
}

static int
compare(const void *number, const void *reason)
{
	uint32_t x = *(const uint32_t *)number, y = ((const struct bpfprobe_reason *)reason)->number;

	return (x > y) - (x < y);
}

/* By its name, without what the names of the kernel's core have in common. */
static void
get_reason(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
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

/* An address in the kernel, by its function if that is known. */
static void
set_place(struct bpfprobe_value *value, const struct bpfprobe_facts *facts, uint64_t address)
{
	value->number = address;
	value->text = bpfprobe_symbols_find(facts->symbols, address, &value->number);
	value->type = value->text != NULL ? BPFPROBE_VALUE_PLACE : BPFPROBE_VALUE_HEX;
}

static void
get_location(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (facts->meta != NULL && bpfprobe_whole(facts->meta->location) != 0)
		set_place(value, facts, bpfprobe_whole(facts->meta->location));
}

static void
get_ifindex(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (facts->rec->ifindex > 0)
		set_number(value, facts->rec->ifindex);
}

static void
get_dev(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->ifname);
}

static void
get_netns(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (facts->rec->netns == 0)
		return;
	set_number(value, facts->rec->netns);
	value->prefix = "inode/"; /* as device names have it */
}

static void
get_cpu(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
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
get_pid(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (has_process(facts))
		set_number(value, facts->meta->seen.pid);
}

static void
get_tid(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (has_process(facts))
		set_number(value, facts->meta->tid);
}

/* The kernel ends it with a NUL. */
static void
get_comm(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (!has_process(facts))
		return;
	value->type = BPFPROBE_VALUE_NAME;
	value->text = (const char *)facts->meta->comm;
}

static void
get_uid(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (has_process(facts))
		set_number(value, facts->meta->seen.uid);
}

static void
get_sk(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (facts->meta != NULL && bpfprobe_whole(facts->meta->cookie) != 0)
		set_number(value, bpfprobe_whole(facts->meta->cookie));
}

static void
get_mark(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (facts->meta == NULL || facts->meta->mark == 0)
		return;
	set_number(value, facts->meta->mark);
	value->type = BPFPROBE_VALUE_HEX;
}

static void
get_queue(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	if (facts->packet->has_queue)
		set_number(value, facts->packet->queue);
}

static void
get_stack(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	set_text(value, facts->stack);
	if (facts->stack != NULL)
		value->type = BPFPROBE_VALUE_LINES;
}

/* Of bpf_pcap(): the program's own number, of 48 bits. */
static void
get_id(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
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
get_action(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	int64_t number;

	if (find_returned(facts, &number))
		set_text(value, action_name(facts, number));
}

static void
get_ret(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	int64_t number;

	if (find_returned(facts, &number) && action_name(facts, number) == NULL)
		set_signed(value, number);
}

static void
get_elapsed(struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
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
	void (*get)(struct bpfprobe_value *value, const struct bpfprobe_facts *facts);
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
	{ "stack", META | SYMBOLS, get_stack },
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

static const struct bpfprobe_value *
get(const struct field *field, struct bpfprobe_value *value, const struct bpfprobe_facts *facts)
{
	memset(value, 0, sizeof(*value));
	field->get(value, facts);
	return value->type != BPFPROBE_VALUE_NONE ? value : NULL;
}

void
bpfprobe_fields_comment(
    char buf[BPFPROBE_FIELDS_MAX], uint32_t set, const struct bpfprobe_facts *facts)
{
	struct bpfprobe_text out = { buf, buf + BPFPROBE_FIELDS_MAX - 1 };
	struct bpfprobe_value value;
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		if (!(set >> i & 1) || get(&fields[i], &value, facts) == NULL)
			continue;
		if (out.at > buf)
			bpfprobe_text_put(&out, ' ');
		bpfprobe_text_string(&out, fields[i].name);
		bpfprobe_text_put(&out, '=');
		bpfprobe_value_word(&out, &value);
	}
	*out.at = '\0';
}

size_t
bpfprobe_fields_json(
    char buf[BPFPROBE_FIELDS_MAX], uint32_t set, const struct bpfprobe_facts *facts)
{
	struct bpfprobe_text out = { buf, buf + BPFPROBE_FIELDS_MAX - 3 };
	struct bpfprobe_value value;
	size_t i;

	bpfprobe_text_put(&out, '{');
	for (i = 0; i < COUNT(fields); i++) {
		if (!(set >> i & 1) || get(&fields[i], &value, facts) == NULL)
			continue;
		if (out.at > buf + 1)
			bpfprobe_text_put(&out, ',');
		bpfprobe_text_put(&out, '"');
		bpfprobe_text_string(&out, fields[i].name);
		bpfprobe_text_string(&out, "\":");
		bpfprobe_value_json(&out, &value);
	}
	memcpy(out.at, "}\n", 3);
	return (size_t)(out.at - buf) + 2;
}
