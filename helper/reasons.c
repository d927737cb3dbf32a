/* SPDX-License-Identifier: BSD-3-Clause */
/* See reasons.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include "helper/reasons.h"

#define CORE "skb_drop_reason"
#define SUFFIX "drop_reason"

/* The word that ends at `end`, of which there are `left` letters. */
static size_t
word_of(const char *text, size_t end)
{
	size_t n = 0;

	while (n < end && text[end - 1 - n] != '_')
		n++;
	return n;
}

/* The end of the longest word, of the last one of these. */
static size_t
longest(const char *text)
{
	size_t end = strlen(text), best = end, most = 0, n;

	for (;;) {
		n = word_of(text, end);
		if (n > most) {
			most = n;
			best = end;
		}
		if (n == end)
			return best;
		end -= n + 1;
	}
}

void
bpfprobe_reasons_shorten(const char *name, char brief[BPFPROBE_NAME_LEN + 1])
{
	char text[BPFPROBE_REASON_NAME_MAX];
	size_t n, end;

	snprintf(text, sizeof(text), "%s", name + strspn(name, "_"));
	for (n = strlen(text); n > BPFPROBE_NAME_LEN; n--) {
		end = longest(text);
		if (word_of(text, end) < 2)
			break; /* that many words cannot be told apart: the first ones stay */
		memmove(text + end - 1, text + end, n - end + 1);
	}
	snprintf(brief, BPFPROBE_NAME_LEN + 1, "%.*s", BPFPROBE_NAME_LEN, text);
}

void
bpfprobe_reasons_brief(const char *name, char brief[BPFPROBE_NAME_LEN + 1])
{
	static const char core[] = "SKB_DROP_REASON_", skb[] = "SKB_", drop[] = "_DROP";
	char text[BPFPROBE_REASON_NAME_MAX];
	int others = 0;
	char *cut;

	name += strspn(name, "_");
	if (strncmp(name, core, strlen(core)) == 0)
		name += strlen(core);
	else if (strncmp(name, skb, strlen(skb)) == 0)
		name += strlen(skb);
	else
		others = 1;
	snprintf(text, sizeof(text), "%s", name);
	cut = strstr(text, drop);
	if (others && cut != NULL)
		memmove(cut, cut + strlen(drop), strlen(cut + strlen(drop)) + 1);
	bpfprobe_reasons_shorten(text, brief);
}

int
bpfprobe_reasons_add(struct bpfprobe_reasons *reasons, __u32 number, const char *name)
{
	size_t room = reasons->room > 0 ? 2 * reasons->room : 256, i;
	struct bpfprobe_reason *item;

	for (i = 0; i < reasons->count; i++) {
		if (reasons->items[i].number == number)
			return 0;
	}
	if (reasons->count == reasons->room) {
		item = realloc(reasons->items, room * sizeof(*item));
		if (item == NULL)
			return -ENOMEM;
		reasons->items = item;
		reasons->room = room;
	}
	item = &reasons->items[reasons->count++];
	item->number = number;
	snprintf(item->name, sizeof(item->name), "%s", name);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	__u32 x = ((const struct bpfprobe_reason *)a)->number, y = ((const struct bpfprobe_reason *)b)->number;

	return (x > y) - (x < y);
}

/* Whether one of the first `count` has this abbreviation. */
static int
is_taken(const struct bpfprobe_reasons *reasons, size_t count, const char *brief)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(reasons->items[i].brief, brief) == 0)
			return 1;
	}
	return 0;
}

void
bpfprobe_reasons_finish(struct bpfprobe_reasons *reasons)
{
	struct bpfprobe_reason *item;
	char number[16];
	size_t i, n;

	if (reasons->count > 0)
		qsort(reasons->items, reasons->count, sizeof(*reasons->items), compare);
	for (i = 0; i < reasons->count; i++) {
		item = &reasons->items[i];
		bpfprobe_reasons_brief(item->name, item->brief);
		if (!is_taken(reasons, i, item->brief))
			continue;
		snprintf(number, sizeof(number), "%u", item->number);
		n = strlen(item->brief) + strlen(number) > BPFPROBE_NAME_LEN ? BPFPROBE_NAME_LEN - strlen(number) :
									       strlen(item->brief);
		strcpy(item->brief + n, number);
	}
}

/* What is found, and the first failure. */
struct search {
	struct bpfprobe_reasons *reasons;
	int err;
};

/* Reasons of a subsystem have its number in their upper half; what marks the end of a list is none. */
static int
is_reason(int core, __u32 number, const char *name)
{
	size_t n = strlen(name);

	if (n > 4 && strcmp(name + n - 4, "_MAX") == 0)
		return 0;
	return number >> 16 > 0 ? !core : core;
}

static void
add_enum(struct search *search, const struct btf *btf, const struct btf_type *type, int core)
{
	const struct btf_enum *values = btf_enum(type);
	const char *name;
	unsigned int i;

	for (i = 0; i < btf_vlen(type) && search->err == 0; i++) {
		name = btf__name_by_offset(btf, values[i].name_off);
		if (name != NULL && is_reason(core, (__u32)values[i].val, name))
			search->err = bpfprobe_reasons_add(search->reasons, (__u32)values[i].val, name);
	}
}

static void
visit(void *ctx, const char *module, const struct btf *btf, __u32 first)
{
	__u32 id, count = btf__type_cnt(btf);
	const struct btf_type *type;
	const char *name;
	size_t n;

	(void)module;
	for (id = first; id < count; id++) {
		type = btf__type_by_id(btf, id);
		if (!btf_is_enum(type))
			continue;
		name = btf__name_by_offset(btf, type->name_off);
		n = name != NULL ? strlen(name) : 0;
		if (n >= strlen(SUFFIX) && strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0)
			add_enum(ctx, btf, type, strcmp(name, CORE) == 0);
	}
}

int
bpfprobe_reasons_read(struct bpfprobe_reasons *reasons, const struct bpfprobe_types *types)
{
	struct search search = { reasons, 0 };

	memset(reasons, 0, sizeof(*reasons));
	bpfprobe_types_each(types, SUFFIX, visit, &search);
	if (search.err == 0)
		bpfprobe_reasons_finish(reasons);
	return search.err;
}
