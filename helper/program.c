/* SPDX-License-Identifier: BSD-3-Clause */
/* See program.h. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/if_arp.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "helper/action.h"
#include "helper/asuser.h"
#include "helper/catalogue.h"
#include "helper/netns.h"
#include "helper/program.h"
#include "helper/watch.h"

/* What libxdp calls the program that calls others, each put in the place of a function of it. */
#define DISPATCHER "xdp_dispatcher"

/* A list that is being made. */
struct places {
	struct bpfprobe_device *device;
	const struct bpfprobe_where *where;
	struct bpfprobe_target *targets;
	unsigned int count; /* of targets */
	__u32 ids[BPFPROBE_PROGRAMS_MAX]; /* programs that are in the list */
	unsigned int programs;		  /* of ids */
	int type;			  /* enum bpf_prog_type of all of them; 0: none yet */
	int only_ids;			  /* 1: no targets are wanted */
	struct bpfprobe_watch *watch;	  /* NULL: nothing is watched */
	struct bpfprobe_reply *reply;
};

/* A loaded program. */
struct loaded {
	int fd;
	struct bpf_prog_info info;
	struct bpf_func_info function; /* of its entry */
};

/* Whether the kernel gives a struct sk_buff to programs of this type, which they know as __sk_buff. */
static int
has_skb(__u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_LWT_IN:
	case BPF_PROG_TYPE_LWT_OUT:
	case BPF_PROG_TYPE_LWT_XMIT:
	case BPF_PROG_TYPE_LWT_SEG6LOCAL:
	case BPF_PROG_TYPE_SK_SKB:
		return 1;
	default:
		return 0;
	}
}

/* Asks the kernel about program `id`.  0 or -errno; close(loaded->fd) then. */
static int
open_program(struct loaded *loaded, __u32 id)
{
	__u32 len = sizeof(loaded->info);
	int err;

	memset(loaded, 0, sizeof(*loaded));
	loaded->fd = bpf_prog_get_fd_by_id(id);
	if (loaded->fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(loaded->fd, &loaded->info, &len) == 0)
		return 0;
	err = -errno;
	close(loaded->fd);
	return err;
}

/* The type of the program's first function; only with BTF it has one.  0 or -errno. */
static int
find_function(struct loaded *loaded)
{
	struct bpf_prog_info info;
	__u32 len = sizeof(info);

	if (loaded->info.btf_id == 0 || loaded->info.nr_func_info == 0)
		return -ENOENT;
	memset(&info, 0, sizeof(info));
	info.nr_func_info = 1;
	info.func_info_rec_size = sizeof(loaded->function);
	info.func_info = (__u64)(unsigned long)&loaded->function;
	return bpf_obj_get_info_by_fd(loaded->fd, &info, &len) == 0 ? 0 : -errno;
}

/* The name of that function: the kernel's name of the program is cut after 15 bytes. */
static int
name_function(const struct loaded *loaded, char *name, size_t len)
{
	struct btf *btf = btf__load_from_kernel_by_id(loaded->info.btf_id);
	const struct btf_type *type;
	int err = -ENOENT;

	if (btf == NULL)
		return -errno;
	type = btf__type_by_id(btf, loaded->function.type_id);
	if (type != NULL && btf_is_func(type)) {
		snprintf(name, len, "%s", btf__name_by_offset(btf, type->name_off));
		err = 0;
	}
	btf__free(btf);
	return err;
}

/* What libxdp puts into its dispatcher is of the dispatcher's type. */
static int
type_of(const struct places *places, const struct loaded *loaded)
{
	if (loaded->info.type == BPF_PROG_TYPE_EXT && places->device->type == BPFPROBE_DEVICE_XDP)
		return BPF_PROG_TYPE_XDP;
	return (int)loaded->info.type;
}

static int
add_target(struct places *places, const struct bpfprobe_target *target)
{
	if (places->count == BPFPROBE_TARGETS_MAX)
		return bpfprobe_fail(places->reply, BPFPROBE_ERROR, "too many places");
	places->targets[places->count++] = *target;
	return 0;
}

/* Its entry, its exit, or both; each target has a descriptor of its own. */
static int
add_ends(struct places *places, const struct loaded *loaded, const struct bpfprobe_target *model)
{
	unsigned int wanted = places->device->places;
	struct bpfprobe_target target;
	unsigned int place;

	/* At that of another capture of ours entry and exit are the same. */
	if (wanted == 0)
		wanted = strcmp(model->name, BPFPROBE_PASS_NAME) == 0 ? BPFPROBE_AT_EXIT : BPFPROBE_AT_ENTRY | BPFPROBE_AT_EXIT;
	for (place = BPFPROBE_AT_ENTRY; place <= BPFPROBE_AT_EXIT; place <<= 1) {
		if (!(wanted & place))
			continue;
		target = *model;
		target.paired = wanted == (BPFPROBE_AT_ENTRY | BPFPROBE_AT_EXIT);
		target.kind = place == BPFPROBE_AT_ENTRY ? BPFPROBE_FENTRY : BPFPROBE_FEXIT;
		/* Whether a packet is wanted that goes in, what comes out of the program says. */
		target.returns.bits = place == BPFPROBE_AT_ENTRY && places->device->rets > 0 ? 32 : 0;
		target.returns.is_signed = 1;
		target.returns.slots = 1;
		target.btf_fd = fcntl(loaded->fd, F_DUPFD_CLOEXEC, 0);
		if (target.btf_fd < 0)
			return bpfprobe_fail_errno(places->reply, errno, "dup");
		if (add_target(places, &target) < 0)
			return -1;
	}
	return 0;
}

/* What the numbers mean that such a program returns. */
static __u32
actions_of(int type)
{
	if (type == BPF_PROG_TYPE_XDP)
		return BPFPROBE_ACTIONS_XDP;
	if (type == BPF_PROG_TYPE_SCHED_CLS || type == BPF_PROG_TYPE_SCHED_ACT)
		return BPFPROBE_ACTIONS_TC;
	return BPFPROBE_ACTIONS_NONE;
}

/* What the user asks for by name means the numbers of this type of program. */
static int
take_actions(struct places *places, const char *what, int type)
{
	enum bpfprobe_action_of of = type == BPF_PROG_TYPE_XDP ? BPFPROBE_ACTION_XDP : BPFPROBE_ACTION_TC;
	struct bpfprobe_device *device = places->device;
	char known[128];
	int action;

	if (device->actions == 0)
		return 0;
	if (actions_of(type) == BPFPROBE_ACTIONS_NONE)
		return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE,
		    "%s: actions of programs of this type have no names; ret= takes numbers", what);
	device->rets = 0;
	bpfprobe_action_list_of(of, known, sizeof(known));
	for (action = 0; action < 32; action++) {
		if (!((device->actions >> action) & 1))
			continue;
		if (device->rets == BPFPROBE_RETS_MAX)
			return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE, "action=: at most 8 are possible");
		if (bpfprobe_action_value(action, of, &device->ret[device->rets++]) < 0)
			return bpfprobe_fail(
			    places->reply, BPFPROBE_NO_DEVICE, "action=: %s can say %s only", what, known);
	}
	return 0;
}

/* All programs of a device are of one type: their actions have the same names. */
static int
check_type(struct places *places, const struct loaded *loaded, const char *what)
{
	int type = type_of(places, loaded);

	if (type != BPF_PROG_TYPE_XDP && !has_skb(loaded->info.type))
		return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE,
		    "%s is no program that is given packets, its type is %s", what,
		    libbpf_bpf_prog_type_str(loaded->info.type) ? libbpf_bpf_prog_type_str(loaded->info.type) : "unknown");
	if (places->type != 0 && places->type != type)
		return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE,
		    "programs of different types have this name; choose one by id/%u", loaded->info.id);
	if (places->type == 0 && take_actions(places, what, type) < 0)
		return -1;
	places->type = type;
	return 0;
}

static int
add_loaded(struct places *places, struct loaded *loaded)
{
	struct bpfprobe_target model;
	char what[64];

	snprintf(what, sizeof(what), "BPF program %u \"%.16s\"", loaded->info.id, loaded->info.name);
	if (check_type(places, loaded, what) < 0)
		return -1;
	memset(&model, 0, sizeof(model));
	if (find_function(loaded) < 0 || name_function(loaded, model.name, sizeof(model.name)) < 0)
		return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE,
		    "%s has no BTF, without which nothing can be attached to it; compile it with -g", what);
	model.btf_id = loaded->function.type_id;
	model.program = loaded->info.id;
	model.actions = actions_of(places->type);
	model.argument.number = model.argument.word = 1;
	model.argument.form = places->type == BPF_PROG_TYPE_XDP ? BPFPROBE_XDP : BPFPROBE_PACKET;
	model.direction = bpfprobe_target_direction(&model);
	return add_ends(places, loaded, &model);
}

/* Adds program `id`, once. */
static int
add_program(struct places *places, __u32 id)
{
	struct loaded loaded;
	unsigned int i;
	int err;

	for (i = 0; i < places->programs; i++) {
		if (places->ids[i] == id)
			return 0;
	}
	if (places->programs == BPFPROBE_PROGRAMS_MAX)
		return bpfprobe_fail(places->reply, BPFPROBE_ERROR, "more than %d programs, too many at once",
		    BPFPROBE_PROGRAMS_MAX);
	places->ids[places->programs++] = id;
	err = open_program(&loaded, id);
	if (err == -ENOENT)
		return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE,
		    "there is no BPF program with number %u; see bpftool prog list", id);
	if (err < 0)
		return bpfprobe_fail_errno(places->reply, -err, "cannot look at BPF programs");
	err = places->only_ids ? 0 : add_loaded(places, &loaded);
	close(loaded.fd);
	return err;
}

/* Whether the program is the one of that name or tag. */
static int
is_asked(const struct bpfprobe_device *device, const struct loaded *loaded)
{
	char tag[2 * BPF_TAG_SIZE + 1], full[BPFPROBE_TARGET_MAX];
	struct loaded copy = *loaded;
	unsigned int i;

	if (device->by == BPFPROBE_BY_TAG) {
		for (i = 0; i < BPF_TAG_SIZE; i++)
			snprintf(tag + 2 * i, 3, "%02x", loaded->info.tag[i]);
		return strcmp(tag, device->program) == 0;
	}
	if (strcmp(device->program, loaded->info.name) == 0)
		return 1;
	if (strncmp(device->program, loaded->info.name, BPF_OBJ_NAME_LEN - 1) != 0)
		return 0;
	return find_function(&copy) == 0 && name_function(&copy, full, sizeof(full)) == 0 &&
	    strcmp(device->program, full) == 0;
}

/* All programs of that name or tag. */
static int
add_matching(struct places *places)
{
	struct loaded loaded;
	__u32 id = 0;
	int err = 0, asked;

	while (err == 0 && bpf_prog_get_next_id(id, &id) == 0) {
		if (open_program(&loaded, id) < 0)
			continue;
		asked = is_asked(places->device, &loaded);
		close(loaded.fd);
		if (asked)
			err = add_program(places, id);
	}
	if (err < 0 || places->programs > 0)
		return err;
	return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE, "no BPF program with %s \"%.100s\"; see bpftool prog list",
	    places->device->by == BPFPROBE_BY_TAG ? "tag" : "name", places->device->program);
}

/* A map's or a link's information has a number at the same place as a program's. */
static int
is_program(int fd)
{
	char path[64], name[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, name, sizeof(name) - 1) > 0 && strstr(name, "bpf-prog") != NULL;
}

static int
add_pinned(struct places *places)
{
	const char *path = places->device->program;
	struct bpf_prog_info info;
	__u32 len = sizeof(info);
	struct bpfprobe_asuser asuser;
	int fd, err, program;

	err = bpfprobe_asuser_begin(&asuser);
	if (err < 0)
		return bpfprobe_fail_errno(places->reply, -err, "cannot open files as the user");
	fd = bpf_obj_get(path);
	bpfprobe_asuser_end(&asuser);
	if (fd < 0)
		return bpfprobe_fail(places->reply, errno == EPERM || errno == EACCES ? BPFPROBE_NO_PERM : BPFPROBE_NO_DEVICE,
		    "pin \"%.100s\": %s; a program pinned in a bpf file system is expected", path, strerror(errno));
	memset(&info, 0, sizeof(info));
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	program = is_program(fd);
	close(fd);
	if (err < 0 || !program)
		return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE, "pin \"%.100s\" is no program", path);
	return add_program(places, info.id);
}

static int
find_programs(struct places *places)
{
	switch (places->device->by) {
	case BPFPROBE_BY_ID:
		return add_program(places, places->device->program_id);
	case BPFPROBE_BY_PIN:
		return add_pinned(places);
	default:
		return add_matching(places);
	}
}

/*
 * Those that libxdp has put into its dispatcher, by their links (which tell it since 5.13:
 * commit 441e8c66b23e, "bpf: Return target info when a tracing bpf_link is queried").
 */
static int
find_components(__u32 dispatcher, __u32 *ids)
{
	struct bpf_link_info info;
	__u32 id = 0, len;
	int fd, n = 0;

	while (n < BPFPROBE_PROGRAMS_MAX && bpf_link_get_next_id(id, &id) == 0) {
		fd = bpf_link_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		len = sizeof(info);
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == BPF_LINK_TYPE_TRACING &&
		    info.tracing.attach_type == 0 && info.tracing.target_obj_id == dispatcher)
			ids[n++] = info.prog_id;
		close(fd);
	}
	return n;
}

static int
is_dispatcher(__u32 id)
{
	struct loaded loaded;

	if (open_program(&loaded, id) < 0)
		return 0;
	close(loaded.fd);
	return strcmp(loaded.info.name, DISPATCHER) == 0;
}

int
bpfprobe_program_at(__u32 ifindex, __u32 *ids)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int n, err = bpf_xdp_query((int)ifindex, 0, &opts);

	if (err < 0)
		return err;
	/* Next to the driver's or the generic one there can be one that runs in the hardware. */
	ids[0] = opts.drv_prog_id ? opts.drv_prog_id : opts.skb_prog_id;
	if (ids[0] == 0)
		return opts.hw_prog_id ? -EOPNOTSUPP : 0;
	n = is_dispatcher(ids[0]) ? find_components(ids[0], ids) : 0;
	return n > 0 ? n : 1;
}

int
bpfprobe_program_is_generic(const struct bpfprobe_device *device, const struct bpfprobe_where *where)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int own = bpfprobe_netns_enter(where->fd), err;

	if (own < 0)
		return own;
	err = bpf_xdp_query((int)where->ifindex, 0, &opts);
	bpfprobe_netns_leave(own);
	if (err < 0)
		return err;
	return opts.drv_prog_id == 0 && (opts.skb_prog_id != 0 || !device->native);
}

/* The hardware type (ARPHRD_*) of an interface of the current network namespace. */
static __u32
type_of_interface(const char *name)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(&request, 0, sizeof(request));
	request.ifr_hwaddr.sa_family = ARPHRD_VOID;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd >= 0) {
		(void)ioctl(fd, SIOCGIFHWADDR, &request);
		close(fd);
	}
	return request.ifr_hwaddr.sa_family;
}

/* An interface without a program: it gets ours, at which entry and exit are the same. */
static int
add_pass(struct places *places, __u32 ifindex, const char *name)
{
	struct bpfprobe_target target;

	memset(&target, 0, sizeof(target));
	target.kind = BPFPROBE_PASS;
	snprintf(target.name, sizeof(target.name), "%s", name);
	target.argument.number = target.argument.word = 1;
	target.argument.form = BPFPROBE_XDP;
	target.direction = BPFPROBE_DIR_IN;
	target.actions = BPFPROBE_ACTIONS_XDP;
	target.ifindex = ifindex;
	target.arphrd = type_of_interface(name);
	target.native = places->device->native;
	target.pattern = places->device->dev[0] == '\0';
	if (places->type == 0 && take_actions(places, "an XDP program", BPF_PROG_TYPE_XDP) < 0)
		return -1;
	places->type = BPF_PROG_TYPE_XDP;
	if (places->where->fd > 0)
		target.netns_fd = fcntl(places->where->fd, F_DUPFD_CLOEXEC, 0);
	if (target.netns_fd < 0)
		return bpfprobe_fail_errno(places->reply, errno, "dup");
	return add_target(places, &target);
}

static int
add_interface(struct places *places, __u32 ifindex, const char *name)
{
	__u32 ids[BPFPROBE_PROGRAMS_MAX];
	int n = bpfprobe_program_at(ifindex, ids), i;

	if (n == -EOPNOTSUPP)
		return bpfprobe_fail(places->reply, BPFPROBE_NO_DEVICE,
		    "the XDP program of \"%s\" runs in its hardware, where it cannot be seen", name);
	if (n < 0)
		return bpfprobe_fail_errno(places->reply, -n, name);
	if (places->watch != NULL)
		bpfprobe_watch_add(places->watch, ifindex, name, ids, n);
	for (i = 0; i < n; i++) {
		if (add_program(places, ids[i]) < 0)
			return -1;
	}
	return n > 0 ? 0 : add_pass(places, ifindex, name);
}

static int
add_interfaces(struct places *places)
{
	struct if_nameindex *list = if_nameindex(), *i;
	unsigned int n = 0;
	int err = 0;

	if (list == NULL)
		return bpfprobe_fail_errno(places->reply, errno, "cannot list the interfaces");
	for (i = list; i->if_index != 0; i++)
		n++;
	if (n > BPFPROBE_INTERFACES_MAX)
		err = bpfprobe_fail(places->reply, BPFPROBE_ERROR,
		    "there are %u interfaces, too many to be captured at once; name one", n);
	for (i = list; err == 0 && i->if_index != 0; i++)
		err = add_interface(places, i->if_index, i->if_name);
	if_freenameindex(list);
	return err;
}

static int
find_interfaces(struct places *places)
{
	int own = bpfprobe_netns_enter(places->where->fd), err;

	if (own < 0)
		return bpfprobe_fail_errno(places->reply, -own, "cannot enter the network namespace");
	if (places->device->dev[0] == '\0')
		err = add_interfaces(places);
	else
		err = add_interface(places, places->where->ifindex, places->device->dev);
	bpfprobe_netns_leave(own);
	return err;
}

int
bpfprobe_program_find(struct bpfprobe_device *device, const struct bpfprobe_where *where,
    struct bpfprobe_target *targets, struct bpfprobe_watch *watch, struct bpfprobe_reply *reply)
{
	struct places places = { .device = device, .where = where, .targets = targets, .watch = watch, .reply = reply };
	int err = device->type == BPFPROBE_DEVICE_XDP ? find_interfaces(&places) : find_programs(&places);

	return err < 0 ? -1 : (int)places.count;
}

int
bpfprobe_program_list(const struct bpfprobe_device *device, __u32 *ids, struct bpfprobe_reply *reply)
{
	struct bpfprobe_device copy = *device;
	struct places places = { .device = &copy, .only_ids = 1, .reply = reply };

	if (find_programs(&places) < 0)
		return -1;
	memcpy(ids, places.ids, places.programs * sizeof(ids[0]));
	return (int)places.programs;
}
