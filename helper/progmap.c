/* SPDX-License-Identifier: BSD-3-Clause */
/* See progmap.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "bpf/record.h"
#include "helper/layout.h"
#include "helper/near.h"
#include "helper/program.h"
#include "helper/progmap.h"
#include "helper/slots.h"

#define MAPS_MAX 128 /* of a program; the kernel's own bound is 64, and what is bound to it later */

/* One of the programs, and what it has. */
struct owner {
	char what[64]; /* for messages */
	struct btf *btf;
	__u32 ids[MAPS_MAX];
	char names[MAPS_MAX][BPFPROBE_MAP_MAX]; /* as far as they are known */
	unsigned int count;			/* of names */
	struct bpfprobe_reply *reply;
};

static int
get_info(int fd, void *info, __u32 len)
{
	memset(info, 0, len);
	return bpf_obj_get_info_by_fd(fd, info, &len);
}

/*
 * The i-th variable in the section of maps, whose name the kernel has cut; NULL: there are no more.
 * (The kernel does not take types of perf event arrays, which would be another way.)
 */
static const char *
map_variable(const struct btf *btf, unsigned int i)
{
	__s32 id = btf__find_by_name_kind(btf, ".maps", BTF_KIND_DATASEC);
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL, *variable;

	if (section == NULL || i >= btf_vlen(section))
		return NULL;
	variable = btf__type_by_id(btf, btf_var_secinfos(section)[i].type);
	return variable != NULL ? btf__name_by_offset(btf, variable->name_off) : NULL;
}

static int
is_cut_to(const char *full, const char *cut)
{
	return strlen(cut) == BPF_OBJ_NAME_LEN - 1 && strncmp(full, cut, BPF_OBJ_NAME_LEN - 1) == 0;
}

/* The whole name of what the kernel calls `known`, if there is but one. */
static void
full_name(const struct owner *owner, const char *known, char name[BPFPROBE_MAP_MAX])
{
	const char *full, *found = NULL;
	unsigned int i, n = 0;

	for (i = 0; (full = map_variable(owner->btf, i)) != NULL; i++) {
		if (is_cut_to(full, known)) {
			found = full;
			n++;
		}
	}
	snprintf(name, BPFPROBE_MAP_MAX, "%s", n == 1 ? found : known);
}

static int
has_variable(const struct owner *owner, const char *name)
{
	const char *full;
	unsigned int i;

	for (i = 0; (full = map_variable(owner->btf, i)) != NULL; i++) {
		if (strcmp(full, name) == 0)
			return 1;
	}
	return 0;
}

/* 0, or -1 with the reply filled in; btf__free(owner->btf) in either case. */
static int
open_owner(struct owner *owner, __u32 id, struct bpfprobe_reply *reply)
{
	struct bpf_prog_info info;
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id), err;

	memset(owner, 0, sizeof(*owner));
	owner->reply = reply;
	if (fd < 0)
		return bpfprobe_fail_errno(reply, errno, "cannot look at BPF programs");
	memset(&info, 0, sizeof(info));
	info.nr_map_ids = MAPS_MAX;
	info.map_ids = (__u64)(unsigned long)owner->ids;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (err < 0)
		return bpfprobe_fail_errno(reply, errno, "cannot look at BPF programs");
	owner->count = info.nr_map_ids < MAPS_MAX ? info.nr_map_ids : MAPS_MAX;
	snprintf(owner->what, sizeof(owner->what), "BPF program %u \"%.16s\"", id, info.name);
	owner->btf = info.btf_id > 0 ? btf__load_from_kernel_by_id(info.btf_id) : NULL;
	if (owner->btf == NULL)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "%s has no BTF, which would tell what its maps hold; compile it with -g", owner->what);
	return 0;
}

static int
no_such_map(const struct owner *owner, const char *asked)
{
	struct bpfprobe_near near;
	char names[128];
	unsigned int i;
	size_t n = 0;

	if (owner->count == 0)
		return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE, "%s has no maps", owner->what);
	bpfprobe_near_init(&near, asked);
	for (i = 0; i < owner->count; i++)
		bpfprobe_near_add(&near, owner->names[i]);
	if (bpfprobe_near_list(&near, names, sizeof(names)) > 0)
		return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE, "%s has no map \"%s\"; did you mean %s?",
		    owner->what, asked, names);
	for (i = 0; i < owner->count && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n > 0 ? ", " : "", owner->names[i]);
	return bpfprobe_fail(
	    owner->reply, BPFPROBE_NO_DEVICE, "%s has no map \"%s\"; it has %s", owner->what, asked, names);
}

/* Its map of that name and type: a descriptor, or -1 with the reply filled in. */
static int
find_map(struct owner *owner, const char *asked, __u32 type, struct bpf_map_info *info)
{
	struct bpf_map_info one;
	unsigned int i, n = 0;
	int fd, found = -1;

	for (i = 0; i < owner->count; i++) {
		fd = bpf_map_get_fd_by_id(owner->ids[i]);
		if (fd < 0 || get_info(fd, &one, sizeof(one)) < 0)
			return bpfprobe_fail_errno(owner->reply, errno, "cannot look at maps");
		full_name(owner, one.name, owner->names[i]);
		if (strcmp(one.name, asked) != 0 && !(is_cut_to(asked, one.name) && has_variable(owner, asked))) {
			close(fd);
			continue;
		}
		if (found >= 0)
			close(found);
		found = fd;
		*info = one;
		n++;
	}
	if (n == 0)
		return no_such_map(owner, asked);
	if (n == 1 && info->type == type)
		return found;
	close(found);
	if (n > 1)
		return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE,
		    "%s has several maps whose names begin with \"%.15s\", which the kernel cannot tell apart",
		    owner->what, asked);
	return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE, "map \"%s\" of %s is of type %s, not %s", asked,
	    owner->what, libbpf_bpf_map_type_str(info->type) ? libbpf_bpf_map_type_str(info->type) : "unknown",
	    libbpf_bpf_map_type_str(type));
}

/* Whether the program writes the records that are read here, as far as one can know. */
static int
check_records(const struct owner *owner)
{
	__u32 id = bpfprobe_layout_find(owner->btf);
	char why[160];

	if (id == 0)
		return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE,
		    "%s does not know struct bpf_pcap_hdr: it is not made with bpf_pcap() of bpf_pcap.h", owner->what);
	if (bpfprobe_layout_check(owner->btf, id, why, sizeof(why)) == 0)
		return 0;
	return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE,
	    "struct bpf_pcap_hdr of %s is not that of bpf_pcap.h: %s", owner->what, why);
}

static int
check_events(const struct owner *owner, const char *name, int map, const struct bpf_map_info *info)
{
	if (info->map_flags & BPF_F_PRESERVE_ELEMS)
		return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE,
		    "map \"%s\" of %s has BPF_F_PRESERVE_ELEMS: a capture that is killed would stay in it", name,
		    owner->what);
	if (!bpfprobe_slots_writable(map, info->max_entries))
		return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE,
		    "map \"%s\" of %s can only be read: it is frozen, or made with BPF_F_RDONLY", name, owner->what);
	return 0;
}

static int
check_config(const struct owner *owner, const char *name, int map, const struct bpf_map_info *info)
{
	struct btf *btf = info->btf_id > 0 ? btf__load_from_kernel_by_id(info->btf_id) : NULL;
	char why[160] = "it has no BTF";
	int err = -1;

	if (btf != NULL)
		err = bpfprobe_layout_check(btf, info->btf_value_type_id, why, sizeof(why));
	btf__free(btf);
	if (err == 0 && info->value_size != sizeof(struct bpf_pcap_hdr)) {
		snprintf(why, sizeof(why), "it has %u bytes", info->value_size);
		err = -1;
	}
	if (err < 0)
		return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE,
		    "the value of map \"%s\" of %s is not the struct bpf_pcap_hdr of bpf_pcap.h: %s", name,
		    owner->what, why);
	if (!bpfprobe_slots_writable(map, info->max_entries))
		return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE,
		    "map \"%s\" of %s can only be read: it is frozen, or made with BPF_F_RDONLY", name, owner->what);
	return 0;
}

/* Fills in what is asked for of one program; several have to share it. */
static int
take_maps(struct bpfprobe_progmap *progmap, struct owner *owner, const struct bpfprobe_device *device,
    __u32 *map_id, __u32 *config_id)
{
	struct bpf_map_info events, config = { .id = 0 };
	int map, array = -1, first = progmap->map < 0;

	map = find_map(owner, device->map, BPF_MAP_TYPE_PERF_EVENT_ARRAY, &events);
	if (map < 0 || check_records(owner) < 0 || check_events(owner, device->map, map, &events) < 0)
		return -1;
	if (device->config[0] != '\0') {
		array = find_map(owner, device->config, BPF_MAP_TYPE_ARRAY, &config);
		if (array < 0 || check_config(owner, device->config, array, &config) < 0)
			return -1;
	}
	if (first) {
		progmap->map = map;
		progmap->config = array;
		progmap->entries = events.max_entries;
		*map_id = events.id;
		*config_id = config.id;
		return 0;
	}
	close(map);
	if (array >= 0)
		close(array);
	if (events.id == *map_id && config.id == *config_id)
		return 0;
	return bpfprobe_fail(owner->reply, BPFPROBE_NO_DEVICE,
	    "there are several such programs, with maps of their own; choose one by id/%u", progmap->program);
}

static int
look_for_reader(const struct bpfprobe_progmap *progmap, unsigned int cpus, struct bpfprobe_reply *reply)
{
	int program = bpfprobe_slots_open(progmap->map), taken = 0;
	unsigned int i;

	if (program < 0)
		return bpfprobe_fail_errno(reply, -program, "cannot look who reads the map");
	for (i = 0; i < cpus && i < progmap->entries && taken == 0; i++)
		taken = bpfprobe_slots_taken(program, i);
	close(program);
	if (taken < 0)
		return bpfprobe_fail_errno(reply, -taken, "cannot look who reads the map");
	if (taken > 0)
		return bpfprobe_fail(reply, BPFPROBE_ERROR,
		    "map \"%s\" is being read already (CPU %u), and has room for one reader only", progmap->name, i - 1);
	return 0;
}

/* The link type that the program shall begin with; UNSET leaves that to it. */
static int
protocol_of(const char *proto)
{
	if (strcasecmp(proto, "EN10MB") == 0)
		return BPF_PCAP_TYPE_ETH;
	return strcasecmp(proto, "RAW") == 0 ? BPF_PCAP_TYPE_IP : BPF_PCAP_TYPE_UNSET;
}

/* What the program shall do. */
static void
make_config(struct bpfprobe_progmap *progmap, const struct bpfprobe_device *device, __u32 snaplen)
{
	__u32 most = snaplen > BPFPROBE_SNAPLEN_MIN ? snaplen : BPFPROBE_SNAPLEN_MIN;
	struct bpf_pcap_hdr hdr;

	if (device->len > 0)
		most = device->len;
	memset(&hdr, 0, sizeof(hdr));
	hdr.magic = BPF_PCAP_MAGIC;
	hdr.protocol = protocol_of(device->proto);
	hdr.cap_len = most < BPF_PCAP_LEN_MAX ? most : BPF_PCAP_LEN_MAX;
	memcpy(progmap->written, &hdr, sizeof(progmap->written));
}

int
bpfprobe_progmap_open(struct bpfprobe_progmap *progmap, const struct bpfprobe_device *device,
    __u32 snaplen, struct bpfprobe_reply *reply)
{
	static struct owner owner;
	__u32 ids[BPFPROBE_PROGRAMS_MAX], map_id = 0, config_id = 0;
	int i, cpus = libbpf_num_possible_cpus(), err = 0;
	int n = bpfprobe_program_list(device, ids, reply);

	progmap->wanted = 1;
	progmap->map = progmap->config = -1;
	if (n < 0)
		return -1;
	progmap->program = ids[0];
	snprintf(progmap->name, sizeof(progmap->name), "%s", device->map);
	for (i = 0; i < n && err == 0; i++) {
		err = open_owner(&owner, ids[i], reply);
		if (err == 0)
			err = take_maps(progmap, &owner, device, &map_id, &config_id);
		btf__free(owner.btf);
	}
	if (err < 0)
		return -1;
	make_config(progmap, device, snaplen);
	return look_for_reader(progmap, cpus > 0 ? (unsigned int)cpus : 0, reply);
}

/* A CPU for which the map has no slot has no reader: its packets are nobody's. */
static int
put_rings(const struct bpfprobe_progmap *progmap, const struct bpfprobe_rings *rings, int own, unsigned int cpus)
{
	int program = bpfprobe_slots_open(own), fd, taken, err = 0;
	unsigned int cpu, ring = 0;

	if (program < 0)
		return program;
	for (cpu = 0; cpu < cpus && cpu < progmap->entries && ring < rings->count && err == 0; cpu++) {
		/* Which CPU a ring is of, libbpf does not tell, but it puts them in order. */
		taken = bpfprobe_slots_taken(program, cpu);
		if (taken <= 0) {
			err = taken;
			continue;
		}
		fd = bpfprobe_rings_fd(rings, ring++);
		if (bpf_map_update_elem(progmap->map, &cpu, &fd, BPF_ANY) < 0)
			err = -errno;
	}
	close(program);
	return err;
}

static int
configure(struct bpfprobe_progmap *progmap, struct bpfprobe_reply *reply)
{
	__u32 first = 0;

	if (progmap->config < 0)
		return 0;
	if (bpf_map_lookup_elem(progmap->config, &first, progmap->before) < 0 ||
	    bpf_map_update_elem(progmap->config, &first, progmap->written, BPF_ANY) < 0)
		return bpfprobe_fail_errno(reply, errno, "cannot change the configuration of the BPF program");
	progmap->configured = 1;
	return 0;
}

int
bpfprobe_progmap_attach(struct bpfprobe_progmap *progmap, const struct bpfprobe_rings *rings, int own,
    unsigned int cpus, struct bpfprobe_reply *reply)
{
	int err;

	/* Once more: between this and what follows somebody else's event could be lost. */
	if (look_for_reader(progmap, cpus, reply) < 0)
		return -1;
	err = put_rings(progmap, rings, own, cpus);
	if (err < 0)
		return bpfprobe_fail_errno(reply, -err, "cannot put the rings into the map");
	return configure(progmap, reply);
}

void
bpfprobe_progmap_restore(struct bpfprobe_progmap *progmap)
{
	unsigned char now[sizeof(struct bpf_pcap_hdr)];
	__u32 first = 0;

	if (!progmap->configured || bpf_map_lookup_elem(progmap->config, &first, now) < 0)
		return;
	if (memcmp(now, progmap->written, sizeof(now)) == 0)
		(void)bpf_map_update_elem(progmap->config, &first, progmap->before, BPF_ANY);
	progmap->configured = 0;
}
