/* SPDX-License-Identifier: BSD-3-Clause */
/* See target.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "helper/known.h"
#include "helper/policy.h"
#include "helper/target.h"

int
bpfprobe_target_is_tracepoint(const char *name)
{
	return strncmp(name, TRACEPOINT_PREFIX, strlen(TRACEPOINT_PREFIX)) == 0;
}

int
bpfprobe_target_is_made(const char *name)
{
	return strncmp(name, "__probestub_", 12) == 0 || strncmp(name, "__bpf_trace_", 12) == 0 ||
	    strncmp(name, "__traceiter_", 12) == 0;
}

const char *
bpfprobe_target_noun(const struct bpfprobe_name *asked)
{
	if (asked->kind == BPFPROBE_TP || asked->kind == BPFPROBE_RAWTP)
		return "tracepoint";
	return asked->kind == BPFPROBE_ANY_KIND && !asked->returns ? "function or tracepoint" : "function";
}

int
bpfprobe_target_set_type(struct bpfprobe_target *target, const struct bpfprobe_type *type,
    const struct bpfprobe_name *asked, const char *what, struct bpfprobe_reply *reply)
{
	struct bpfprobe_prototype prototype;

	if (bpfprobe_prototype_of(&prototype, type->btf, type->type) < 0)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "%s has no arguments in BTF", what);
	if (bpfprobe_prototype_argument(&prototype, asked, what, &target->argument, reply) < 0)
		return -1;
	if (asked->returns && bpfprobe_prototype_returns(&prototype, &target->returns) < 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "%s returns no number; its packets can be had by fentry/ or kprobe/", what);
	target->reason = bpfprobe_prototype_reason(&prototype);
	/* Elsewhere a socket may be the packet's or any other. */
	target->socket = target->reason > 0 ? bpfprobe_prototype_socket(&prototype) : 0;
	if (prototype.hidden > 0)
		target->location = bpfprobe_known_location(
		    btf__name_by_offset(type->btf, type->type->name_off) + strlen(TRACEPOINT_PREFIX));
	target->btf_id = type->id;
	if (type->module_fd == 0)
		return 0;
	target->btf_fd = fcntl(type->module_fd, F_DUPFD_CLOEXEC, 0);
	return target->btf_fd < 0 ? bpfprobe_fail_errno(reply, errno, "dup") : 0;
}

void
bpfprobe_target_go_untyped(struct bpfprobe_target *target, enum bpfprobe_kind kind)
{
	target->kind = kind;
	target->btf_id = 0;
	if (target->btf_fd > 0)
		close(target->btf_fd);
	target->btf_fd = 0;
}

int
bpfprobe_target_check_reach(const struct bpfprobe_target *target, const char *what, struct bpfprobe_reply *reply)
{
	int few = target->kind == BPFPROBE_KPROBE || target->argument.form == BPFPROBE_XDP;
	unsigned int most = few ? BPFPROBE_REGISTERS : BPFPROBE_ARG_MAX;

	if (target->argument.word <= most)
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
	    "arg%u of %s cannot be reached, only the first %u words of its arguments can",
	    target->argument.number, what, most);
}

/* Whether the user, and no type, says that there is a packet: any memory could be read so. */
static int
is_told(const struct bpfprobe_name *asked, const struct bpfprobe_target *target, int typed)
{
	if (asked->offset > 0 || (asked->field[0] >= '0' && asked->field[0] <= '9'))
		return 1;
	if (!typed)
		return 1;
	return target->argument.form == BPFPROBE_LIST && !asked->list;
}

int
bpfprobe_target_check_trust(const struct bpfprobe_name *given, const struct bpfprobe_target *target, int typed,
    const char *what, struct bpfprobe_reply *reply)
{
	struct bpfprobe_name asked = bpfprobe_known_packet(given);

	if (bpfprobe_policy_is_admin() || (given->arg == 0 && asked.arg > 0) || !is_told(&asked, target, typed))
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
	    "only root may say where the packet of %s is: any memory could be read so", what);
}

int
bpfprobe_target_is_for_tracepoint(const struct bpfprobe_target *target)
{
	return target->argument.form == BPFPROBE_PACKET || target->argument.form == BPFPROBE_BEHIND;
}

int
bpfprobe_target_is_for_fentry(const struct bpfprobe_target *target)
{
	if (target->argument.form == BPFPROBE_XDP)
		return bpfprobe_known_whole(target->name);
	return target->argument.form == BPFPROBE_PACKET && !bpfprobe_known_released(target->name);
}

int
bpfprobe_target_check_who(const struct bpfprobe_target *targets, unsigned int count,
    const struct bpfprobe_who *who, struct bpfprobe_reply *reply)
{
	const char *option = who->marked ? "mark=" : who->uid.count > 0 ? "uid=" : who->cookie.count > 0 ? "sk=" : NULL;
	unsigned int i;

	for (i = 0; i < count && option != NULL; i++) {
		if (targets[i].argument.form == BPFPROBE_XDP)
			return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
			    "%s: the packets of \"%s\" are those of XDP, which have none", option, targets[i].name);
	}
	return 0;
}

int
bpfprobe_target_compare(const struct bpfprobe_target *a, const struct bpfprobe_target *b)
{
	int order = memcmp(&a->argument, &b->argument, sizeof(a->argument));

	if (order == 0)
		order = memcmp(&a->returns, &b->returns, sizeof(a->returns));
	if (order == 0)
		order = (int)a->reason - (int)b->reason;
	if (order == 0)
		order = (int)a->socket - (int)b->socket;
	if (order == 0)
		order = (int)a->until - (int)b->until;
	return order != 0 ? order : bpfprobe_known_end(a->name) - bpfprobe_known_end(b->name);
}

int
bpfprobe_target_check_track(
    const struct bpfprobe_target *targets, unsigned int count, struct bpfprobe_reply *reply)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (targets[i].argument.form == BPFPROBE_XDP)
			return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
			    "track: the packets of \"%s\" are those of XDP, whose end nobody sees", targets[i].name);
	}
	return 0;
}

enum bpfprobe_direction
bpfprobe_target_direction(const struct bpfprobe_target *target)
{
	return target->argument.form == BPFPROBE_XDP ? BPFPROBE_DIR_IN : BPFPROBE_DIR_DERIVE;
}
