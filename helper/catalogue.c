/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See catalogue.h.  A tracepoint NAME stands in BTF as
 *   TYPEDEF btf_trace_NAME -> PTR -> FUNC_PROTO (void *__data, arguments...)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include "helper/catalogue.h"
#include "helper/near.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TRACEPOINT_PREFIX "btf_trace_"

/* Names that outlive the kernel's; what each stands for is in the manual. */
static const struct {
	const char *alias;
	const char *tracepoints[BPFPROBE_TARGETS_MAX];
} aliases[] = {
	{ "drop", { "kfree_skb" } },
	{ "any", { "netif_receive_skb", "net_dev_queue" } },
	{ "rx", { "netif_receive_skb" } },
	{ "tx", { "net_dev_queue" } },
};

/*
 * Tracepoints that see one direction only.  At all others it is told from the
 * packet.
 */
static const struct {
	const char *tracepoint;
	enum bpfprobe_direction direction;
} directions[] = {
	{ "netif_receive_skb", BPFPROBE_DIR_IN },
	{ "netif_receive_skb_entry", BPFPROBE_DIR_IN },
	{ "netif_receive_skb_list_entry", BPFPROBE_DIR_IN },
	{ "netif_rx", BPFPROBE_DIR_IN },
	{ "netif_rx_entry", BPFPROBE_DIR_IN },
	{ "netif_rx_ni_entry", BPFPROBE_DIR_IN },
	{ "napi_gro_frags_entry", BPFPROBE_DIR_IN },
	{ "napi_gro_receive_entry", BPFPROBE_DIR_IN },
	{ "skb_copy_datagram_iovec", BPFPROBE_DIR_IN },
	{ "sock_rcvqueue_full", BPFPROBE_DIR_IN },
	{ "udp_fail_queue_rcv_skb", BPFPROBE_DIR_IN },
	{ "tcp_probe", BPFPROBE_DIR_IN },
	{ "tcp_bad_csum", BPFPROBE_DIR_IN },
	{ "net_dev_queue", BPFPROBE_DIR_OUT },
	{ "net_dev_start_xmit", BPFPROBE_DIR_OUT },
	{ "tcp_retransmit_skb", BPFPROBE_DIR_OUT },
	{ "tcp_sendmsg_locked", BPFPROBE_DIR_OUT },
};

/*
 * Tracepoints that come when the packet may be freed already, and the one that
 * sees the same packets just before: xmit_one() of net/core/dev.c traces
 * net_dev_start_xmit, calls the driver, which consumes the packet, and traces
 * net_dev_xmit with the pointer that it had.
 */
static const struct {
	const char *tracepoint;
	const char *safe;
} too_late[] = {
	{ "net_dev_xmit", "net_dev_start_xmit" },
};

struct btf *
bpfprobe_catalogue_open(struct bpfprobe_reply *reply)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (btf != NULL)
		return btf;
	bpfprobe_fail(reply, BPFPROBE_ERROR,
	    "this kernel has no BTF: %s; it must be built with CONFIG_DEBUG_INFO_BTF, see /sys/kernel/btf",
	    strerror(errno));
	return NULL;
}

static const struct btf_type *
type_of(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type != NULL && (btf_is_mod(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

static const char *
name_of(const struct btf *btf, const struct btf_type *type)
{
	const char *name = type != NULL ? btf__name_by_offset(btf, type->name_off) : NULL;

	return name != NULL ? name : "";
}

static int
is_skb(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = type_of(btf, id);

	if (type == NULL || !btf_is_ptr(type))
		return 0;
	type = type_of(btf, type->type);
	return type != NULL && btf_is_struct(type) && strcmp(name_of(btf, type), "sk_buff") == 0;
}

/* A tracepoint's prototype, or NULL if the type is not one. */
static const struct btf_type *
prototype(const struct btf *btf, const struct btf_type *type)
{
	if (type == NULL || !btf_is_typedef(type))
		return NULL;
	type = type_of(btf, type->type);
	if (type == NULL || !btf_is_ptr(type))
		return NULL;
	type = type_of(btf, type->type);
	return type != NULL && btf_is_func_proto(type) && btf_vlen(type) > 0 ? type : NULL;
}

/* The first argument (from 1, without __data) that is a packet; 0: none. */
static unsigned int
skb_argument(const struct btf *btf, const struct btf_type *proto)
{
	unsigned int i;

	for (i = 1; i < btf_vlen(proto); i++) {
		if (is_skb(btf, btf_params(proto)[i].type))
			return i;
	}
	return 0;
}

/* Writes an argument's type as C has it, roughly. */
static void
print_type(const struct btf *btf, __u32 id, char *buf, size_t len)
{
	const struct btf_type *type = type_of(btf, id);
	const char *kind = "", *stars = "";

	if (type != NULL && btf_is_ptr(type)) {
		stars = " *";
		type = type_of(btf, type->type);
		if (type != NULL && btf_is_ptr(type)) {
			stars = " **";
			type = type_of(btf, type->type);
		}
	}
	if (type == NULL || btf_is_void(type)) {
		snprintf(buf, len, "void%s", stars);
		return;
	}
	if (btf_is_composite(type) || btf_is_fwd(type))
		kind = btf_is_union(type) ? "union " : "struct ";
	else if (btf_is_any_enum(type))
		kind = "enum ";
	snprintf(buf, len, "%s%s%s", kind, btf_is_func_proto(type) ? "function" : name_of(btf, type), stars);
}

static void
print_prototype(const struct btf *btf, const struct btf_type *proto, char *buf, size_t len)
{
	size_t used = 0;
	unsigned int i;
	char type[64];

	buf[0] = '\0';
	for (i = 1; i < btf_vlen(proto) && used < len; i++) {
		print_type(btf, btf_params(proto)[i].type, type, sizeof(type));
		used += (size_t)snprintf(buf + used, len - used, "%s%s", i > 1 ? ", " : "", type);
	}
}

/* Names near to `name` among the tracepoints that have a packet, for the error message. */
static int
not_found(const struct btf *btf, const char *name, struct bpfprobe_reply *reply)
{
	struct bpfprobe_near near;
	const struct btf_type *type;
	char list[128];
	__u32 id, n = btf__type_cnt(btf);
	size_t i;

	bpfprobe_near_init(&near, name);
	for (i = 0; i < COUNT(aliases); i++) {
		if (strcmp(aliases[i].alias, name) == 0)
			return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
			    "no tracepoint \"%s\"; the alias of that name is bpfprobe:%s, without tp/", name, name);
		bpfprobe_near_add(&near, aliases[i].alias);
	}
	for (id = 1; id < n; id++) {
		type = btf__type_by_id(btf, id);
		if (!btf_is_typedef(type) ||
		    strncmp(name_of(btf, type), TRACEPOINT_PREFIX, strlen(TRACEPOINT_PREFIX)) != 0)
			continue;
		if (prototype(btf, type) != NULL && skb_argument(btf, prototype(btf, type)) > 0)
			bpfprobe_near_add(&near, name_of(btf, type) + strlen(TRACEPOINT_PREFIX));
	}
	if (bpfprobe_near_list(&near, list, sizeof(list)) > 0)
		return bpfprobe_fail(
		    reply, BPFPROBE_NO_DEVICE, "no tracepoint \"%.100s\"; did you mean %s?", name, list);
	return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
	    "no tracepoint \"%.100s\"; try drop, any, rx, tx or tp/NAME with a tracepoint that has a packet",
	    name);
}

/* Checks the argument that was asked for, or finds one.  Returns it, or -1. */
static int
choose_argument(const struct btf *btf, const char *name, const struct btf_type *proto,
    unsigned int asked, struct bpfprobe_reply *reply)
{
	unsigned int arg = asked > 0 ? asked : skb_argument(btf, proto);
	char args[160];

	print_prototype(btf, proto, args, sizeof(args));
	if (arg == 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "tracepoint \"%.60s\" has no struct sk_buff * argument: it has (%s)", name, args);
	if (arg >= btf_vlen(proto) || !is_skb(btf, btf_params(proto)[arg].type))
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "arg%u of tracepoint \"%.50s\" is no struct sk_buff *: it has (%s)", arg, name, args);
	if (arg > BPFPROBE_ARG_MAX)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "arg%u of tracepoint \"%.50s\" cannot be reached, %d can", arg, name, BPFPROBE_ARG_MAX);
	return (int)arg;
}

static enum bpfprobe_direction
direction_of(const char *tracepoint)
{
	size_t i;

	for (i = 0; i < COUNT(directions); i++) {
		if (strcmp(directions[i].tracepoint, tracepoint) == 0)
			return directions[i].direction;
	}
	return BPFPROBE_DIR_DERIVE;
}

static int
find_tracepoint(const struct btf *btf, const char *name, unsigned int asked,
    struct bpfprobe_target *target, struct bpfprobe_reply *reply)
{
	char typedef_name[BPFPROBE_TARGET_MAX + sizeof(TRACEPOINT_PREFIX)];
	const struct btf_type *proto;
	int id, arg;
	size_t i;

	for (i = 0; i < COUNT(too_late); i++) {
		if (strcmp(too_late[i].tracepoint, name) == 0)
			name = too_late[i].safe;
	}
	snprintf(typedef_name, sizeof(typedef_name), TRACEPOINT_PREFIX "%s", name);
	id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	proto = id > 0 ? prototype(btf, btf__type_by_id(btf, (__u32)id)) : NULL;
	if (proto == NULL)
		return not_found(btf, name, reply);
	arg = choose_argument(btf, name, proto, asked, reply);
	if (arg < 0)
		return -1;
	snprintf(target->tracepoint, sizeof(target->tracepoint), "%s", name);
	target->btf_id = (__u32)id;
	target->arg = (unsigned int)arg;
	target->direction = direction_of(name);
	return 0;
}

int
bpfprobe_catalogue_find(const struct btf *btf, const struct bpfprobe_device *device,
    struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX], struct bpfprobe_reply *reply)
{
	const char *const *name = NULL;
	int n;
	size_t i;

	for (i = 0; i < COUNT(aliases) && !device->is_tracepoint; i++) {
		if (strcmp(aliases[i].alias, device->target) == 0)
			name = aliases[i].tracepoints;
	}
	if (name == NULL)
		return find_tracepoint(btf, device->target, device->arg, &targets[0], reply) < 0 ? -1 : 1;
	if (device->arg > 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "\"%s\" is an alias, whose arguments are known: leave out arg%u", device->target, device->arg);
	for (n = 0; n < BPFPROBE_TARGETS_MAX && name[n] != NULL; n++) {
		if (find_tracepoint(btf, name[n], 0, &targets[n], reply) < 0)
			return -1;
	}
	return n;
}
