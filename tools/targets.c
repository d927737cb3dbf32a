/* SPDX-License-Identifier: BSD-3-Clause */
/* See targets.h. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include "helper/catalogue.h"
#include "helper/known.h"
#include "helper/prototype.h"
#include "helper/types.h"
#include "tools/targets.h"

#define ROOM 1024	   /* targets that there is room for at first */
#define PROTOTYPE_MAX 1024 /* bytes of the types that are shown */
#define NAME_MAX_LEN 512

/* What is passed on to visit(). */
struct search {
	struct bpfprobe_list *list;
	const char *glob;
	int err;
};

const char *
bpfprobe_listed_kind(enum bpfprobe_listed_kind kind)
{
	static const char *const names[] = { "alias", "tp", "function" };

	return names[kind];
}

static int
matches(const char *glob, enum bpfprobe_listed_kind kind, const char *name)
{
	char whole[NAME_MAX_LEN];

	if (glob == NULL || fnmatch(glob, name, 0) == 0)
		return 1;
	snprintf(whole, sizeof(whole), "%s/%s", bpfprobe_listed_kind(kind), name);
	return strchr(glob, '/') != NULL && fnmatch(glob, whole, 0) == 0;
}

static void
free_item(struct bpfprobe_listed *item)
{
	free(item->name);
	free(item->prototype);
	free(item->module);
}

/* 0 or -ENOMEM. */
static int
add(struct bpfprobe_list *list, enum bpfprobe_listed_kind kind, const char *name,
    const char *prototype, const char *module)
{
	size_t room = list->room > 0 ? 2 * list->room : ROOM;
	struct bpfprobe_listed *items = list->items, *item;

	if (list->count == list->room) {
		items = reallocarray(items, room, sizeof(*items));
		if (items == NULL)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	item = &items[list->count];
	item->kind = kind;
	item->name = strdup(name);
	item->prototype = strdup(prototype);
	item->module = strdup(module);
	if (item->name == NULL || item->prototype == NULL || item->module == NULL) {
		free_item(item);
		return -ENOMEM;
	}
	list->count++;
	return 0;
}

/*
 * Where in the arguments the packet is: "" if the name alone is enough, or "argN.skb".
 * NULL: nothing says that there is one.
 */
static const char *
packet_in(const struct bpfprobe_prototype *prototype, enum bpfprobe_kind kind, const char *name,
    char *buf, size_t len)
{
	unsigned int n;

	if (bpfprobe_prototype_has_packet(prototype))
		return "";
	if (kind == BPFPROBE_FENTRY && bpfprobe_known_function(name))
		return "";
	n = bpfprobe_prototype_holder(prototype);
	snprintf(buf, len, ":arg%u.skb", n);
	return n > 0 ? buf : NULL;
}

/* What of this BTF is a target with a packet. */
static void
visit(void *ctx, const char *module, const struct btf *btf, __u32 first)
{
	struct search *search = ctx;
	__u32 id, n = btf__type_cnt(btf);
	struct bpfprobe_prototype prototype;
	enum bpfprobe_listed_kind listed;
	const struct btf_type *type;
	enum bpfprobe_kind kind;
	char types[PROTOTYPE_MAX], whole[NAME_MAX_LEN], buf[32];
	const char *name, *where;

	for (id = first; id < n && search->err == 0; id++) {
		type = btf__type_by_id(btf, id);
		name = bpfprobe_catalogue_name(btf, type, &kind);
		if (name == NULL)
			continue;
		listed = kind == BPFPROBE_TP ? BPFPROBE_LISTED_TP : BPFPROBE_LISTED_FUNCTION;
		if (!matches(search->glob, listed, name) || bpfprobe_prototype_of(&prototype, btf, type) < 0)
			continue;
		where = packet_in(&prototype, kind, name, buf, sizeof(buf));
		if (where == NULL)
			continue;
		snprintf(whole, sizeof(whole), "%s%s", name, where);
		bpfprobe_prototype_print(&prototype, types, sizeof(types));
		search->err = add(search->list, listed, whole, types, module != NULL ? module : "");
	}
}

static int
add_aliases(struct bpfprobe_list *list, const char *glob)
{
	char targets[256];
	const char *alias;
	int err = 0;
	size_t i;

	for (i = 0; err == 0 && (alias = bpfprobe_catalogue_alias(i, targets, sizeof(targets))) != NULL; i++) {
		if (matches(glob, BPFPROBE_LISTED_ALIAS, alias))
			err = add(list, BPFPROBE_LISTED_ALIAS, alias, targets, "");
	}
	return err;
}

static int
compare(const void *left, const void *right)
{
	const struct bpfprobe_listed *a = left, *b = right;
	int order = (int)a->kind - (int)b->kind;

	if (order == 0)
		order = strcmp(a->name, b->name);
	if (order == 0)
		order = strcmp(a->module, b->module);
	return order != 0 ? order : strcmp(a->prototype, b->prototype);
}

/* A static function of a header stands in BTF again and again. */
static void
drop_same(struct bpfprobe_list *list)
{
	size_t i, left = 0;

	for (i = 0; i < list->count; i++) {
		if (left > 0 && compare(&list->items[left - 1], &list->items[i]) == 0)
			free_item(&list->items[i]);
		else
			list->items[left++] = list->items[i];
	}
	list->count = left;
}

int
bpfprobe_list_read(struct bpfprobe_list *list, const char *glob, struct bpfprobe_reply *reply)
{
	struct search search = { list, glob, 0 };
	struct bpfprobe_types types;

	memset(list, 0, sizeof(*list));
	if (bpfprobe_types_open(&types, reply) < 0)
		return -1;
	search.err = add_aliases(list, glob);
	if (search.err == 0)
		bpfprobe_types_each(&types, NULL, visit, &search);
	bpfprobe_types_close(&types);
	if (search.err < 0) {
		bpfprobe_list_free(list);
		return bpfprobe_fail_errno(reply, -search.err, "the list of targets");
	}
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(list->items[0]), compare);
	drop_same(list);
	return 0;
}

void
bpfprobe_list_free(struct bpfprobe_list *list)
{
	while (list->count > 0)
		free_item(&list->items[--list->count]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}
