/* SPDX-License-Identifier: BSD-3-Clause */
/* See pattern.h. */
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include "helper/kallsyms.h"
#include "helper/known.h"
#include "helper/pattern.h"

/* What a pattern stands for, as it is being found. */
struct found {
	const struct bpfprobe_name *asked;
	int functions; /* else tracepoints */
	struct bpfprobe_target *targets;
	unsigned int count, most;
	int too_many;
};

/* One more, if it matches, is of the kind that is looked for, and leaves no doubt where its packet is. */
static void
add_matching(const struct bpfprobe_type *type, const char *name, void *context)
{
	struct found *found = context;
	struct bpfprobe_target *target = &found->targets[found->count];
	struct bpfprobe_reply doubt;

	if (btf_is_func(type->type) != (bool)found->functions ||
	    (!found->functions && !bpfprobe_target_is_tracepoint(name)))
		return;
	name += found->functions ? 0 : strlen(TRACEPOINT_PREFIX);
	if (!found->functions && bpfprobe_known_safe(name) != name)
		return;
	if (bpfprobe_target_is_made(name) || fnmatch(found->asked->name, name, 0) != 0 ||
	    strlen(name) >= sizeof(target->name))
		return;
	if (found->count == found->most) {
		found->too_many = 1;
		return;
	}
	memset(target, 0, sizeof(*target));
	if (bpfprobe_target_set_type(target, type, found->asked, "", &doubt) < 0)
		return;
	strcpy(target->name, name);
	target->pattern = 1;
	target->kind = found->functions ? BPFPROBE_FENTRY : BPFPROBE_TP;
	target->direction = found->functions ? bpfprobe_target_direction(target) : bpfprobe_known_direction(name);
	if (!found->functions && (target->argument.form == BPFPROBE_BEHIND || found->asked->kind == BPFPROBE_RAWTP ||
	    !bpfprobe_attach_copies(target)))
		bpfprobe_target_go_untyped(target, BPFPROBE_RAWTP);
	if (found->functions && (found->asked->kind != BPFPROBE_FENTRY || !bpfprobe_target_is_for_fentry(target)))
		bpfprobe_target_go_untyped(target, BPFPROBE_KPROBE);
	if (target->argument.form != BPFPROBE_LIST && (found->functions || bpfprobe_target_is_for_tracepoint(target)) &&
	    bpfprobe_target_check_reach(target, "", &doubt) == 0 &&
	    bpfprobe_target_check_trust(found->asked, target, 1, "", &doubt) == 0)
		found->count++;
	else
		bpfprobe_target_go_untyped(target, target->kind);
}

/* Those that can have one program behind each other. */
static int
by_argument(const void *a, const void *b)
{
	const struct bpfprobe_target *x = a, *y = b;
	int order = bpfprobe_target_compare(x, y);

	return order != 0 ? order : strcmp(x->name, y->name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct bpfprobe_target *)a)->name, ((const struct bpfprobe_target *)b)->name);
}

/* One more function of this name; `context` are those that were found, by name. */
static void
count_symbol(const char *symbol, void *context)
{
	struct found *found = context;
	struct bpfprobe_target key, *target;

	if (strlen(symbol) >= sizeof(key.name))
		return;
	strcpy(key.name, symbol);
	target = bsearch(&key, found->targets, found->count, sizeof(key), by_name);
	if (target != NULL)
		target->symbols++;
}

/* Keeps those of which there is just one. */
static void
keep_single(struct found *found)
{
	unsigned int i, left = 0;

	for (i = 0; i < found->count; i++) {
		if (found->targets[i].symbols == 1)
			found->targets[left++] = found->targets[i];
		else
			bpfprobe_target_go_untyped(&found->targets[i], BPFPROBE_KPROBE);
		found->targets[i].symbols = 0;
	}
	for (i = 0; i < left; i++)
		found->targets[i].symbols = 0;
	found->count = left;
}

/*
 * What the compiler has put into its callers, of what there are several, and what must not
 * be traced: with one of these among them the kernel refuses all.
 */
static void
drop_untraceable(struct found *found)
{
	qsort(found->targets, found->count, sizeof(*found->targets), by_name);
	if (bpfprobe_kallsyms_each(count_symbol, found) == 0)
		keep_single(found);
	if (bpfprobe_kallsyms_traceable(count_symbol, found) == 0)
		keep_single(found);
}

int
bpfprobe_pattern_find(struct bpfprobe_types *types, const struct bpfprobe_name *asked,
    struct bpfprobe_target *targets, unsigned int most, struct bpfprobe_reply *reply)
{
	struct found found = { .asked = asked, .targets = targets, .most = most };
	int function = asked->returns || asked->kind == BPFPROBE_FENTRY || asked->kind == BPFPROBE_KPROBE;

	if (!function)
		bpfprobe_types_walk(types, add_matching, &found);
	if (function || (asked->kind == BPFPROBE_ANY_KIND && found.count == 0)) {
		found.functions = 1;
		bpfprobe_types_walk(types, add_matching, &found);
		drop_untraceable(&found);
	}
	if (found.too_many)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "\"%.80s\" is true of more than %u places in the kernel", asked->name, most);
	if (found.count == 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "\"%.80s\" is true of no %s that has a packet", asked->name, bpfprobe_target_noun(asked));
	qsort(targets, found.count, sizeof(*targets), by_argument);
	return (int)found.count;
}
