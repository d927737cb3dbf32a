/* SPDX-License-Identifier: BSD-3-Clause */
/* See catalogue.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "helper/catalogue.h"
#include "helper/kallsyms.h"
#include "helper/known.h"
#include "helper/near.h"
#include "helper/pattern.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ALIASED_MAX 3 /* tracepoints that an alias stands for, and a function besides */

/* Names that outlive the kernel's; what each stands for is in the manual. */
static const struct {
	const char *alias;
	const char *tracepoints[ALIASED_MAX];
	const char *function; /* besides, where it can be probed; NULL: none */
} aliases[] = {
	{ "drop", { "kfree_skb" }, NULL },
	{ "any", { "netif_receive_skb", "net_dev_queue" }, NULL },
	{ "rx", { "netif_receive_skb" }, NULL },
	{ "tx", { "net_dev_queue" }, NULL },
	{ "hwdrop", { "devlink_trap_report" }, NULL },
	{ "verdict", { "skb_copy_datagram_iovec", "net_dev_start_xmit", "kfree_skb" }, "__udp_enqueue_schedule_skb" },
};

/* Text for messages: "tracepoint" or "function", and the name. */
static const char *
describe(char *buf, size_t len, const char *what, const char *name)
{
	snprintf(buf, len, "%s \"%.60s\"", what, name);
	return buf;
}

const char *
bpfprobe_catalogue_name(const struct btf *btf, const struct btf_type *type, enum bpfprobe_kind *kind)
{
	const char *name = btf__name_by_offset(btf, type->name_off);

	*kind = btf_is_func(type) ? BPFPROBE_FENTRY : BPFPROBE_TP;
	if (name == NULL || (!btf_is_func(type) && (!btf_is_typedef(type) || !bpfprobe_target_is_tracepoint(name))))
		return NULL;
	if (bpfprobe_target_is_made(name))
		return NULL;
	return *kind == BPFPROBE_TP ? name + strlen(TRACEPOINT_PREFIX) : name;
}

/* What a target of this kind may have been meant by a name that is not one. */
static void
add_near(struct bpfprobe_near *near, const struct btf *btf, const struct btf_type *type,
    enum bpfprobe_kind kind)
{
	struct bpfprobe_prototype prototype;
	enum bpfprobe_kind is;
	const char *name = bpfprobe_catalogue_name(btf, type, &is);
	int function = kind == BPFPROBE_FENTRY || kind == BPFPROBE_KPROBE;

	if (name == NULL || (kind != BPFPROBE_ANY_KIND && function != (is == BPFPROBE_FENTRY)))
		return;
	if (bpfprobe_prototype_of(&prototype, btf, type) == 0 && bpfprobe_prototype_packets(&prototype) > 0)
		bpfprobe_near_add(near, name);
}

/* The error message, with the names near to it among what has a packet. */
static int
not_found(const struct bpfprobe_types *types, const struct bpfprobe_name *asked,
    struct bpfprobe_reply *reply)
{
	const char *name = asked->name;
	struct bpfprobe_near near;
	__u32 id, n = btf__type_cnt(types->kernel);
	char list[128];
	size_t i;

	bpfprobe_near_init(&near, name);
	for (i = 0; i < COUNT(aliases); i++) {
		if (strcmp(aliases[i].alias, name) == 0 && asked->kind == BPFPROBE_ANY_KIND)
			return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
			    "\"%s\" stands for tracepoints, which return nothing: leave out ret=", name);
		if (strcmp(aliases[i].alias, name) == 0)
			return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
			    "no %s \"%s\"; the alias of that name is bpfprobe:%s, without %s/",
			    bpfprobe_target_noun(asked), name, name, bpfprobe_kind_name(asked->kind));
		bpfprobe_near_add(&near, aliases[i].alias);
	}
	for (id = 1; id < n; id++)
		add_near(&near, types->kernel, btf__type_by_id(types->kernel, id), asked->kind);
	if (bpfprobe_near_list(&near, list, sizeof(list)) > 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "no %s \"%.80s\"; did you mean %s?",
		    bpfprobe_target_noun(asked), name, list);
	return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
	    "no %s \"%.80s\"; try drop, any, rx, tx, verdict or the name of one that has a packet; its module may"
	    " not be loaded",
	    bpfprobe_target_noun(asked), name);
}

/* Of a target without types only the user can say where the packet is. */
static int
untyped_argument(const struct bpfprobe_name *asked, const char *what,
    struct bpfprobe_argument *argument, struct bpfprobe_reply *reply)
{
	if (bpfprobe_prototype_untyped(asked, argument) == 0)
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
	    "%s is there, but BTF does not have its arguments; say with :argN which one is the packet", what);
}

/* Nothing is known of what a function without types returns; mostly it is an int. */
static const struct bpfprobe_returns untyped_returns = { .bits = 32, .is_signed = 1 };

/* Returns 1, 0: there is no such tracepoint, or -1 with *reply filled in. */
static int
find_tracepoint(struct bpfprobe_types *types, const struct bpfprobe_name *asked,
    struct bpfprobe_target *target, struct bpfprobe_reply *reply)
{
	char typedef_name[BPFPROBE_TARGET_MAX + sizeof(TRACEPOINT_PREFIX)], what[128];
	const char *name = bpfprobe_known_safe(asked->name);
	struct bpfprobe_type type;
	int err;

	snprintf(target->name, sizeof(target->name), "%s", name);
	snprintf(typedef_name, sizeof(typedef_name), TRACEPOINT_PREFIX "%s", name);
	describe(what, sizeof(what), "tracepoint", name);
	target->direction = bpfprobe_known_direction(name);
	target->has_device = bpfprobe_known_device(name);
	target->kind = asked->kind == BPFPROBE_RAWTP ? BPFPROBE_RAWTP : BPFPROBE_TP;
	if (bpfprobe_types_find(types, typedef_name, BTF_KIND_TYPEDEF, &type)) {
		err = bpfprobe_target_set_type(target, &type, asked, what, reply);
	} else {
		/* A module's, of which BTF knows nothing. */
		target->kind = BPFPROBE_RAWTP;
		if (asked->kind == BPFPROBE_ANY_KIND || bpfprobe_attach_try(target) < 0)
			return 0;
		err = untyped_argument(asked, what, &target->argument, reply);
	}
	if (err == 0 && bpfprobe_target_check_trust(asked, target, target->btf_id > 0, what, reply) < 0)
		return -1;
	if (err == 0 && !bpfprobe_target_is_for_tracepoint(target))
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "%s can be had from functions only, not from %s",
		    target->argument.form == BPFPROBE_LIST ? "a list of packets" : "an XDP packet", what);
	/* Only by its address can what is behind an argument be had, or what the kernel does not copy. */
	if (target->kind == BPFPROBE_RAWTP || target->argument.form == BPFPROBE_BEHIND || !bpfprobe_attach_copies(target))
		bpfprobe_target_go_untyped(target, BPFPROBE_RAWTP);
	return err < 0 || bpfprobe_target_check_reach(target, what, reply) < 0 ? -1 : 1;
}

/* The symbol for a kprobe: what the compiler has made of the function. Else as find_tracepoint(). */
static int
find_symbol(const struct bpfprobe_name *asked, struct bpfprobe_target *target, const char *what,
    struct bpfprobe_reply *reply)
{
	int n = bpfprobe_kallsyms_find(asked->name, target->name, sizeof(target->name));

	if (n < 0)
		return bpfprobe_fail_errno(reply, -n, "/proc/kallsyms");
	if (n > 1)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "there are %d of %s, and a kprobe cannot tell them apart", n, what);
	return n;
}

/* Tries a kprobe; `fentry` is what a program at the beginning met before, 0: not tried. */
static int
try_kprobe(struct bpfprobe_target *target, const char *what, int fentry, struct bpfprobe_reply *reply)
{
	const char *why = "no kprobe there, it may be inlined or one that must not be traced";
	int err;

	err = bpfprobe_attach_try(target);
	if (err == 0)
		return 1;
	if (err == -EPERM || err == -EACCES)
		return bpfprobe_fail_errno(reply, -err, what);
	if (err == -EOPNOTSUPP)
		why = "this kernel has no kprobes (CONFIG_KPROBE_EVENTS)";
	if (fentry < 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "cannot probe %s: fentry: %s; %s: %s", what,
		    strerror(-fentry), why, strerror(-err));
	return bpfprobe_fail(
	    reply, BPFPROBE_NO_DEVICE, "cannot probe %s: %s: %s", what, why, strerror(-err));
}

/* By fentry: 1, or 0 with the reason why not, -errno, in *why. */
static int
try_fentry(struct bpfprobe_target *target, int *why)
{
	*why = bpfprobe_attach_try(target);
	if (*why == 0 && !bpfprobe_attach_copies(target))
		*why = -EPROTOTYPE;
	return *why == 0;
}

/* The same for a function. */
static int
find_function(struct bpfprobe_types *types, const struct bpfprobe_name *given,
    struct bpfprobe_target *target, struct bpfprobe_reply *reply)
{
	const struct bpfprobe_name name = bpfprobe_known_packet(given), *asked = &name;
	struct bpfprobe_type type;
	int typed, n, fentry = 0;
	char what[128];

	describe(what, sizeof(what), "function", asked->name);
	target->offset = asked->offset;
	target->kind = BPFPROBE_FENTRY;
	typed = bpfprobe_types_find(types, asked->name, BTF_KIND_FUNC, &type);
	if (typed && bpfprobe_target_set_type(target, &type, asked, what, reply) < 0)
		return -1;
	target->direction = bpfprobe_target_direction(target);
	/* Of several with one name the kernel would take any, which may have other arguments. */
	n = find_symbol(asked, target, what, reply);
	if (n == 0 && typed)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "cannot probe %s: the compiler has put it into its callers", what);
	if (n <= 0)
		return n;
	if (!typed && untyped_argument(asked, what, &target->argument, reply) < 0)
		return -1;
	if (!typed && asked->returns)
		target->returns = untyped_returns;
	if (asked->returns && target->argument.form == BPFPROBE_LIST)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "%s is given a list, and returns nothing of each packet; try kprobe/", what);
	/* What the compiler has changed may have other arguments. */
	typed = typed && strcmp(target->name, asked->name) == 0;
	if (!typed || asked->offset > 0)
		target->reason = target->socket = 0;
	if (bpfprobe_target_check_trust(given, target, typed, what, reply) < 0)
		return -1;
	if (asked->kind == BPFPROBE_FENTRY && (!typed || !bpfprobe_target_is_for_fentry(target)))
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "the packet of %s can be had by %s/ only", what,
		    bpfprobe_kind_name(asked->returns ? BPFPROBE_KRETPROBE : BPFPROBE_KPROBE));
	if (typed && asked->kind != BPFPROBE_KPROBE && bpfprobe_target_is_for_fentry(target) && try_fentry(target, &fentry))
		return bpfprobe_target_check_reach(target, what, reply) < 0 ? -1 : 1;
	if (asked->kind == BPFPROBE_FENTRY && fentry == -EPROTOTYPE)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "the kernel does not copy the packet of %s, whose module has a type of its own for it; try %s/",
		    what, bpfprobe_kind_name(asked->returns ? BPFPROBE_KRETPROBE : BPFPROBE_KPROBE));
	if (asked->kind == BPFPROBE_FENTRY)
		return bpfprobe_fail_errno(reply, -fentry, what);
	bpfprobe_target_go_untyped(target, BPFPROBE_KPROBE);
	if (bpfprobe_target_check_reach(target, what, reply) < 0)
		return -1;
	return try_kprobe(target, what, fentry, reply);
}

static int
find_one(struct bpfprobe_types *types, const struct bpfprobe_name *asked,
    struct bpfprobe_target *target, struct bpfprobe_reply *reply)
{
	int n = 0;

	memset(target, 0, sizeof(*target));
	if (!asked->returns && asked->kind != BPFPROBE_FENTRY && asked->kind != BPFPROBE_KPROBE)
		n = find_tracepoint(types, asked, target, reply);
	if (n == 0 && asked->kind != BPFPROBE_TP && asked->kind != BPFPROBE_RAWTP)
		n = find_function(types, asked, target, reply);
	return n == 0 ? not_found(types, asked, reply) : n;
}

/* All that an alias stands for are tracepoints, whose arguments are known, and perhaps a function. */
static int
find_alias(struct bpfprobe_types *types, size_t alias, struct bpfprobe_target *targets, struct bpfprobe_reply *reply)
{
	const char *const *names = aliases[alias].tracepoints;
	struct bpfprobe_reply refused;
	struct bpfprobe_name one;
	int n;

	for (n = 0; n < ALIASED_MAX && names[n] != NULL; n++) {
		memset(&one, 0, sizeof(one));
		one.kind = BPFPROBE_TP;
		snprintf(one.name, sizeof(one.name), "%s", names[n]);
		if (find_one(types, &one, &targets[n], reply) < 0)
			return -1;
	}
	if (aliases[alias].function == NULL)
		return n;
	memset(&one, 0, sizeof(one));
	memset(&targets[n], 0, sizeof(targets[n]));
	snprintf(one.name, sizeof(one.name), "%s", aliases[alias].function);
	return n + (find_function(types, &one, &targets[n], &refused) > 0);
}

/* One name of the device. Returns how many of `targets` are filled in, or -1. */
static int
find_name(struct bpfprobe_types *types, const struct bpfprobe_name *asked,
    struct bpfprobe_target *targets, unsigned int most, struct bpfprobe_reply *reply)
{
	size_t i, alias = COUNT(aliases);

	for (i = 0; i < COUNT(aliases) && asked->kind == BPFPROBE_ANY_KIND && !asked->returns; i++) {
		if (strcmp(aliases[i].alias, asked->name) == 0)
			alias = i;
	}
	if (bpfprobe_name_is_pattern(asked->name))
		return bpfprobe_pattern_find(types, asked, targets, most, reply);
	if (most < (alias < COUNT(aliases) ? ALIASED_MAX + 1 : 1))
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "too many places in the kernel, %u are possible",
		    BPFPROBE_TARGETS_MAX);
	if (alias == COUNT(aliases))
		return find_one(types, asked, &targets[0], reply);
	if (asked->arg > 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "\"%s\" is an alias, whose arguments are known: leave out arg%u", asked->name, asked->arg);
	return find_alias(types, alias, targets, reply);
}

static int
is_same(const struct bpfprobe_target *a, const struct bpfprobe_target *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0 && a->offset == b->offset &&
	    memcmp(&a->argument, &b->argument, sizeof(a->argument)) == 0 &&
	    (a->returns.bits > 0) == (b->returns.bits > 0);
}

/* A packet is not to be shown twice because a target was named twice. Returns what is left of n. */
static int
drop_same(struct bpfprobe_target *targets, int n)
{
	int i, j, left = 0;

	for (i = 0; i < n; i++) {
		for (j = 0; j < left && !is_same(&targets[i], &targets[j]); j++)
			;
		if (j == left) {
			targets[left++] = targets[i];
			continue;
		}
		targets[j].until |= targets[i].until;
		if (targets[i].btf_fd > 0)
			close(targets[i].btf_fd);
	}
	return left;
}

int
bpfprobe_catalogue_find(struct bpfprobe_types *types, const struct bpfprobe_device *device,
    struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX], struct bpfprobe_reply *reply)
{
	struct bpfprobe_name name;
	unsigned int i;
	int n = 0, found;

	for (i = 0; i < device->count; i++) {
		name = device->names[i];
		name.returns |= device->rets > 0;
		found = find_name(
		    types, &name, &targets[n], BPFPROBE_TARGETS_MAX - (unsigned int)n, reply);
		if (found < 0)
			return -1;
		for (; found > 0; found--)
			targets[n++].until = name.until;
	}
	return drop_same(targets, n);
}

/* Those protocols that are not there, as a module or at all, have no packets. */
int
bpfprobe_catalogue_netstack(struct bpfprobe_types *types, int generic, struct bpfprobe_target *targets,
    unsigned int most, struct bpfprobe_reply *reply)
{
	static const char *const behind[] = { "ip_rcv", "ip_list_rcv", "ipv6_rcv", "ipv6_list_rcv", "arp_rcv" };
	struct bpfprobe_name name;
	int n = 0, found;
	size_t i;

	memset(&name, 0, sizeof(name));
	if (!generic) {
		name.kind = BPFPROBE_TP;
		strcpy(name.name, "netif_receive_skb");
		return find_name(types, &name, targets, most, reply);
	}
	for (i = 0; i < COUNT(behind); i++) {
		strcpy(name.name, behind[i]);
		found = find_name(types, &name, &targets[n], most - (unsigned int)n, reply);
		if (found > 0)
			targets[n++].direction = BPFPROBE_DIR_IN;
	}
	if (n > 0)
		reply->message[0] = '\0';
	return n > 0 ? n : -1;
}

const char *
bpfprobe_catalogue_alias(size_t i, char *targets, size_t len)
{
	const char *const *names;
	size_t n, used = 0;

	if (i >= COUNT(aliases))
		return NULL;
	names = aliases[i].tracepoints;
	for (n = 0; n < COUNT(aliases[i].tracepoints) && names[n] != NULL && used < len; n++)
		used += (size_t)snprintf(targets + used, len - used, "%stp/%s", n > 0 ? ", " : "", names[n]);
	if (aliases[i].function != NULL && used < len)
		snprintf(targets + used, len - used, ", %s", aliases[i].function);
	return aliases[i].alias;
}
