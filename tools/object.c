/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See object.h.  Every attachment is a link of BPF, which ends with this process in whatever
 * way; what has none is not attached.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "tools/commands.h"
#include "tools/object.h"

#define MAPS_MAX 64 /* maps of a program that are looked at */

/* Links of tc programs: linux/bpf.h since Linux 6.6 (commit e420bed02507). */
#define TCX_INGRESS 46
#define TCX_EGRESS 47

/* The perf event array of that name, or the only one.  NULL after one line on standard error. */
static const struct bpf_map *
find_map(const struct bpf_object *object, const char *file, const char *name)
{
	const struct bpf_map *map, *found = NULL;

	bpf_object__for_each_map(map, object) {
		if (bpf_map__type(map) != BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
		    (name != NULL && strcmp(bpf_map__name(map), name) != 0))
			continue;
		if (found != NULL) {
			bpfprobe_complain("object \"%.200s\" has several perf event arrays; choose one with --map", file);
			return NULL;
		}
		found = map;
	}
	if (found == NULL)
		bpfprobe_complain("object \"%.200s\" has no perf event array%s%.60s", file,
		    name != NULL ? " " : "", name != NULL ? name : "");
	return found;
}

/* Whether the program uses the map with this number; *id is then the program's. */
static int
uses(int program, __u32 map, __u32 *id)
{
	struct bpf_prog_info info;
	__u32 maps[MAPS_MAX], len = sizeof(info), i;

	memset(&info, 0, sizeof(info));
	info.nr_map_ids = MAPS_MAX;
	info.map_ids = (__u64)(unsigned long)maps;
	if (bpf_obj_get_info_by_fd(program, &info, &len) < 0)
		return 0;
	*id = info.id;
	for (i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		if (maps[i] == map)
			return 1;
	}
	return 0;
}

/* The device is named by the first program that writes to the map. */
static int
name_device(struct bpfprobe_object *object, const struct bpf_map *map)
{
	struct bpf_program *program;
	struct bpf_map_info info;
	__u32 len = sizeof(info), id;

	memset(&info, 0, sizeof(info));
	if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len) < 0)
		return -bpfprobe_complain("cannot look at map \"%.60s\": %s", bpf_map__name(map), strerror(errno));
	bpf_object__for_each_program(program, object->object) {
		if (!uses(bpf_program__fd(program), info.id, &id))
			continue;
		snprintf(object->device, sizeof(object->device), "bpfprog:id/%u:map=%s", id, bpf_map__name(map));
		return 0;
	}
	return -bpfprobe_complain("no program of the object writes to map \"%.60s\"", bpf_map__name(map));
}

int
bpfprobe_object_load(struct bpfprobe_object *object, const char *file, const char *name)
{
	const struct bpf_map *map;
	char why[64];
	int err;

	/* Neither by the helper for somebody else, nor with the rights of a file. */
	if (getuid() != 0 || geteuid() != 0)
		return -bpfprobe_complain("only root may load \"%.200s\": what is in it runs in the kernel", file);
	object->object = bpf_object__open_file(file, NULL);
	if (object->object == NULL) {
		libbpf_strerror(-errno, why, sizeof(why));
		return -bpfprobe_complain("cannot open \"%.200s\" as a BPF object: %s", file, why);
	}
	map = find_map(object->object, file, name);
	if (map == NULL)
		return -1;
	err = bpf_object__load(object->object);
	if (err < 0)
		return -bpfprobe_complain("the kernel refuses \"%.200s\": %s; bpftool -d prog load shows the verifier's reasons",
		    file, strerror(-err));
	return name_device(object, map);
}

/* By its section's name: "tc/egress", "classifier/egress". */
static int
attach_tc(const struct bpf_program *program, unsigned int ifindex)
{
	int egress = strstr(bpf_program__section_name(program), "egress") != NULL;

	return bpf_link_create(bpf_program__fd(program), (int)ifindex,
	    (enum bpf_attach_type)(egress ? TCX_EGRESS : TCX_INGRESS), NULL);
}

static int
attach_xdp(const struct bpf_program *program, unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_SKB_MODE);

	return bpf_link_create(bpf_program__fd(program), (int)ifindex, BPF_XDP, &opts);
}

/* Where the section says; the descriptor outlives libbpf's link. */
static int
attach_by_section(const struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach(program);
	int fd;

	if (link == NULL)
		return -1;
	fd = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 0);
	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	return fd;
}

static int
attach(const struct bpf_program *program, const char *dev, unsigned int ifindex)
{
	const char *name = bpf_program__name(program);
	enum bpf_prog_type type = bpf_program__type(program);
	int fd;

	if ((type == BPF_PROG_TYPE_XDP || type == BPF_PROG_TYPE_SCHED_CLS) && ifindex == 0)
		return -bpfprobe_complain("program \"%.60s\" needs an interface: --dev NAME", name);
	if (type == BPF_PROG_TYPE_XDP)
		fd = attach_xdp(program, ifindex);
	else if (type == BPF_PROG_TYPE_SCHED_CLS)
		fd = attach_tc(program, ifindex);
	else
		fd = attach_by_section(program);
	if (fd >= 0)
		return fd;
	if (type == BPF_PROG_TYPE_SCHED_CLS && errno == EINVAL)
		return -bpfprobe_complain("program \"%.60s\": before Linux 6.6 tc programs have no link; "
		    "attach it with tc(8), and capture from bpfprog:name/%.60s:map=", name, name);
	return -bpfprobe_complain("cannot attach program \"%.60s\"%s%s: %s", name, dev != NULL ? " to " : "",
	    dev != NULL ? dev : "", strerror(errno));
}

int
bpfprobe_object_attach(struct bpfprobe_object *object, const char *dev)
{
	unsigned int ifindex = dev != NULL ? if_nametoindex(dev) : 0;
	struct bpf_program *program;
	int fd;

	if (dev != NULL && ifindex == 0)
		return -bpfprobe_complain("--dev \"%.60s\": no such interface", dev);
	bpf_object__for_each_program(program, object->object) {
		if (!bpf_program__autoload(program))
			continue;
		if (object->count == BPFPROBE_OBJECT_LINKS)
			return -bpfprobe_complain("the object has more than %d programs", BPFPROBE_OBJECT_LINKS);
		fd = attach(program, dev, ifindex);
		if (fd < 0)
			return -1;
		object->links[object->count++] = fd;
	}
	return 0;
}

void
bpfprobe_object_close(struct bpfprobe_object *object)
{
	while (object->count > 0)
		close(object->links[--object->count]);
	bpf_object__close(object->object);
	object->object = NULL;
}
