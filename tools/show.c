/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bpfprobe show DEVICE.  The targets are found by the helper's own code, in this
 * process; whether they can be opened is asked of the helper, as a capture would.
 */
#include <stdio.h>
#include <string.h>
#include <bpf/btf.h>
#include "capture/client.h"
#include "helper/catalogue.h"
#include "helper/device.h"
#include "helper/kallsyms.h"
#include "helper/places.h"
#include "helper/where.h"
#include "helper/prototype.h"
#include "helper/types.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/targets.h"

#define SNAPLEN 262144
#define MODULE_MAX 64 /* bytes of a module's name */

/* What BTF says of a target. */
struct described {
	char module[MODULE_MAX]; /* "": the kernel itself, or nobody knows */
	char types[512];	 /* "": it does not have them */
};

/* What is known of a device. */
struct shown {
	const char *name;
	struct bpfprobe_device device;
	struct bpfprobe_where where;
	struct bpfprobe_types types;
	struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX];
	struct described described[BPFPROBE_TARGETS_MAX];
	int count; /* of targets; -1: they could not be tried, see `reply` */
	struct bpfprobe_reply reply;
};

/*
 * Whether a name in BTF is that of the target.  By name: a program that goes by address has
 * no type any more, and a symbol may have a suffix of the compiler.
 */
static int
is_of(const struct bpfprobe_target *target, const char *name, enum bpfprobe_kind kind)
{
	int tracepoint = target->kind == BPFPROBE_TP || target->kind == BPFPROBE_RAWTP;
	size_t n = strlen(name);

	return (kind == BPFPROBE_TP) == tracepoint && strncmp(target->name, name, n) == 0 &&
	    (target->name[n] == '\0' || target->name[n] == '.');
}

/* The kernel comes first, and what it has is not looked for in a module. */
static void
describe(struct described *described, const char *module, const struct btf *btf, __u32 id)
{
	struct bpfprobe_prototype prototype;

	if (described->types[0] != '\0' ||
	    bpfprobe_prototype_of(&prototype, btf, btf__type_by_id(btf, id)) < 0)
		return;
	bpfprobe_prototype_print(&prototype, described->types, sizeof(described->types));
	snprintf(described->module, sizeof(described->module), "%s", module != NULL ? module : "");
}

/* What of this BTF is one of the targets: its types, and the module. */
static void
visit(void *ctx, const char *module, const struct btf *btf, __u32 first)
{
	__u32 id, n = btf__type_cnt(btf);
	struct shown *shown = ctx;
	enum bpfprobe_kind kind;
	const char *name;
	int i;

	for (id = first; id < n; id++) {
		name = bpfprobe_catalogue_name(btf, btf__type_by_id(btf, id), &kind);
		for (i = 0; name != NULL && i < shown->count; i++) {
			if (shown->targets[i].program == 0 && is_of(&shown->targets[i], name, kind))
				describe(&shown->described[i], module, btf, id);
		}
	}
}

/* Of a function without types the list of symbols may know the module. */
static void
find_modules(struct shown *shown)
{
	int i;

	for (i = 0; i < shown->count; i++) {
		if (shown->targets[i].kind == BPFPROBE_KPROBE && shown->described[i].types[0] == '\0')
			bpfprobe_kallsyms_module(shown->targets[i].name, shown->described[i].module, MODULE_MAX);
	}
}

static void
print_argument(struct bpfprobe_output *output, const struct bpfprobe_argument *argument)
{
	static const char *const forms[] = { "packet", "pointer", "list", "xdp" };

	if (output->json) {
		bpfprobe_output_number(output, "argument", argument->number, "");
		bpfprobe_output_text(output, "form", "%s", forms[argument->form]);
		bpfprobe_output_number(output, "offset", argument->offset, "");
	} else if (argument->form == BPFPROBE_BEHIND) {
		bpfprobe_output_text(output, "packet", "at the pointer %u bytes behind argument %u points to",
		    argument->offset, argument->number);
	} else {
		bpfprobe_output_text(output, "packet", "%sargument %u%s",
		    argument->form == BPFPROBE_LIST ? "each of the list, " : "", argument->number,
		    argument->form == BPFPROBE_XDP ? ", of XDP" : "");
	}
}

static const char *
direction_text(unsigned int direction)
{
	if (direction == BPFPROBE_DIR_IN)
		return "in";
	return direction == BPFPROBE_DIR_OUT ? "out" : "derived";
}

/* Who copies: bpf_skb_output() or bpf_xdp_output() of the kernel, or our program (bpf/copy.bpf.h). */
static const char *
copy_text(enum bpfprobe_kind kind)
{
	return kind == BPFPROBE_TP || kind == BPFPROBE_FENTRY ? "kernel" : "program";
}

/* A BPF program that is loaded, or an interface that gets one of ours. */
static void
print_program(struct bpfprobe_output *output, const struct bpfprobe_target *target)
{
	const char *place = target->kind == BPFPROBE_FENTRY ? "entry" : "exit";

	bpfprobe_output_open(output, NULL, '{');
	if (output->json) {
		bpfprobe_output_text(output, "kind", "%s", target->program > 0 ? place : "xdp");
		bpfprobe_output_text(output, "name", "%s", target->name);
		bpfprobe_output_number(output, "program", target->program, "");
	} else if (target->program > 0) {
		bpfprobe_output_text(output, "target", "%s of program %u %s", place, target->program, target->name);
	} else {
		bpfprobe_output_text(output, "target", "interface %s, with a program that lets all pass (%s)",
		    target->name, target->native ? "native" : "generic");
	}
	bpfprobe_output_text(output, "packet", "%s", target->argument.form == BPFPROBE_XDP ? "xdp" : "skb");
	bpfprobe_output_close(output, '}');
}

static void
print_target(struct bpfprobe_output *output, const struct bpfprobe_target *target,
    const struct described *described)
{
	const char *kind = bpfprobe_kind_name(bpfprobe_attach_kind(target));

	if (target->program > 0 || target->kind == BPFPROBE_PASS) {
		print_program(output, target);
		return;
	}
	bpfprobe_output_open(output, NULL, '{');
	if (output->json) {
		bpfprobe_output_text(output, "kind", "%s", kind);
		bpfprobe_output_text(output, "name", "%s", target->name);
		bpfprobe_output_number(output, "instruction", target->offset, "");
	} else if (target->offset > 0) {
		bpfprobe_output_text(output, "target", "%s/%s@%u", kind, target->name, target->offset);
	} else {
		bpfprobe_output_text(output, "target", "%s/%s", kind, target->name);
	}
	if (output->json || described->module[0] != '\0')
		bpfprobe_output_text(output, "module", "%s", described->module);
	bpfprobe_output_text(
	    output, "arguments", "%s", described->types[0] != '\0' ? described->types : "not in BTF");
	print_argument(output, &target->argument);
	bpfprobe_output_text(output, "direction", "%s", direction_text(target->direction));
	bpfprobe_output_text(output, "copied_by", "%s", copy_text(target->kind));
	if (target->until)
		bpfprobe_output_bool(output, "until", 1);
	bpfprobe_output_close(output, '}');
}

/* Where nothing may be tried: what the name may stand for. */
static void
print_untried(struct bpfprobe_output *output, const char *name)
{
	struct bpfprobe_reply reply;
	struct bpfprobe_list list;
	size_t i;

	if (bpfprobe_list_read(&list, name, &reply) < 0)
		return;
	for (i = 0; i < list.count; i++) {
		bpfprobe_output_open(output, NULL, '{');
		bpfprobe_output_text(output, output->json ? "name" : "target", "%s", list.items[i].name);
		bpfprobe_output_text(output, "kind", "%s",
		    list.items[i].kind == BPFPROBE_LISTED_TP ? "tp" : "fentry or kprobe");
		if (output->json || list.items[i].module[0] != '\0')
			bpfprobe_output_text(output, "module", "%s", list.items[i].module);
		bpfprobe_output_text(output, "arguments", "%s", list.items[i].prototype);
		bpfprobe_output_close(output, '}');
	}
	bpfprobe_list_free(&list);
}

/* The first is the one that a capture has if none is chosen. */
static void
print_link_types(struct bpfprobe_output *output, const struct shown *shown)
{
	static const char *const offered[] = { "LINUX_SLL2", "EN10MB" };
	const char *proto = shown->device.proto;
	int xdp = shown->device.type == BPFPROBE_DEVICE_XDP ||
	    (shown->device.type == BPFPROBE_DEVICE_PROG && shown->targets[0].argument.form == BPFPROBE_XDP);
	const char *const types[] = { offered[xdp], offered[!xdp], "RAW", "PFLOG" };
	size_t i;

	if (!output->json) {
		if (*proto != '\0')
			bpfprobe_output_text(output, "link_types", "%s", proto);
		else
			bpfprobe_output_text(output, "link_types", "%s %s %s %s", types[0], types[1], types[2], types[3]);
		return;
	}
	bpfprobe_output_open(output, "link_types", '[');
	if (*proto != '\0')
		bpfprobe_output_text(output, NULL, "%s", proto);
	for (i = 0; i < 4 && *proto == '\0'; i++)
		bpfprobe_output_text(output, NULL, "%s", types[i]);
	bpfprobe_output_close(output, ']');
}

/* The options, but for those that choose an argument. */
static void
print_options(struct bpfprobe_output *output, const struct shown *shown)
{
	const struct bpfprobe_device *device = &shown->device;

	if (device->dev[0] != '\0')
		bpfprobe_output_text(output, "interface", "%s", device->dev);
	if (device->dev[0] != '\0')
		bpfprobe_output_number(output, "ifindex", shown->where.ifindex, "");
	if (shown->where.netns != 0)
		bpfprobe_output_number(output, "netns", shown->where.netns, "(inode)");
	if (device->len > 0)
		bpfprobe_output_number(output, "len", device->len, "bytes of a packet at most");
	if (device->pages > 0)
		bpfprobe_output_number(output, "pages", device->pages, "of each ring");
	if (device->track > 0)
		bpfprobe_output_number(output, "track", device->track, "packets are followed at once");
}

int
bpfprobe_try(const char *name, struct bpfprobe_reply *reply)
{
	struct bpfprobe_request request;
	struct bpfprobe_client client;
	int err;

	memset(&request, 0, sizeof(request));
	request.snaplen = SNAPLEN;
	snprintf(request.device, sizeof(request.device), "%s", name);
	bpfprobe_client_init(&client);
	err = bpfprobe_client_open(&client, bpfprobe_client_helper(), &request, reply);
	if (err == 0)
		err = bpfprobe_client_attach(&client, reply);
	bpfprobe_client_close(&client);
	return err;
}

/* As the helper's make_plan(): what is wrong comes out in the same order. */
static int
find(struct shown *shown)
{
	struct bpfprobe_reply *reply = &shown->reply;

	reply->status = BPFPROBE_NO_DEVICE;
	if (bpfprobe_device_parse(&shown->device, shown->name, reply->message, sizeof(reply->message)) < 0)
		return -1;
	if (bpfprobe_where_resolve(&shown->where, &shown->device, 1, reply) < 0)
		return -1;
	if (bpfprobe_types_open(&shown->types, reply) < 0)
		return -1;
	shown->count = bpfprobe_places_find(&shown->types, &shown->device, &shown->where, shown->targets, NULL, reply);
	if (shown->count > 0)
		bpfprobe_types_each(&shown->types, NULL, visit, shown);
	find_modules(shown);
	return shown->count >= 0 || reply->status == BPFPROBE_NO_PERM ? 0 : -1;
}

static void
print_targets(struct bpfprobe_output *output, const struct shown *shown)
{
	int i;

	bpfprobe_output_open(output, "targets", '[');
	for (i = 0; i < shown->count; i++)
		print_target(output, &shown->targets[i], &shown->described[i]);
	for (i = 0; shown->count < 0 && i < (int)shown->device.count; i++)
		print_untried(output, shown->device.names[i].name);
	bpfprobe_output_close(output, ']');
}

/* What the kernel has refused, of several, when they were attached. */
static void
print_left_out(struct bpfprobe_output *output, const struct bpfprobe_reply *reply)
{
	if (output->json || reply->left_out > 0)
		bpfprobe_output_number(
		    output, "left_out", reply->left_out, "of the pattern's targets refuse a probe");
}

/* The last line.  A lack of privilege is no answer: with it, it may be another one. */
static int
print_result(struct bpfprobe_output *output, int err, const struct bpfprobe_reply *reply)
{
	int tried = err == 0 || reply->status != BPFPROBE_NO_PERM;

	if (output->json) {
		bpfprobe_output_bool(output, "tried", tried);
		bpfprobe_output_bool(output, "opens", err == 0);
		bpfprobe_output_text(output, "message", "%s", err == 0 ? "" : reply->message);
	} else if (err == 0) {
		bpfprobe_output_text(output, "result", "it opens: tried just now");
	} else {
		bpfprobe_output_text(output, "result", "%s%s",
		    tried ? "it does not open: " : "it could not be tried: ", reply->message);
	}
	return err == 0 ? 0 : 1;
}

int
bpfprobe_command_show(struct bpfprobe_output *output, const char *name)
{
	static struct shown shown;
	int err, status;

	if (name == NULL)
		return bpfprobe_command_running(output);
	shown.name = name;
	err = find(&shown);
	bpfprobe_output_open(output, NULL, '{');
	bpfprobe_output_text(output, "device", "%s", name);
	if (err == 0) {
		print_targets(output, &shown);
		print_link_types(output, &shown);
		print_options(output, &shown);
		err = bpfprobe_try(name, &shown.reply);
		if (err == 0)
			print_left_out(output, &shown.reply);
	}
	status = print_result(output, err, &shown.reply);
	bpfprobe_output_close(output, '}');
	return status;
}
