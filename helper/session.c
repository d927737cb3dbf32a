/* SPDX-License-Identifier: BSD-3-Clause */
/* See session.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "bpf/config.h"
#include "bpf/record.h"
#include "helper/device.h"
#include "helper/netns.h"
#include "helper/session.h"
#include "bpf/tp.skel.h"

/* What all probes of a handle have in common. */
struct plan {
	struct bpfprobe_device device;
	struct bpfprobe_where where;
	uint32_t snaplen, most;
	int tai;
	int cpus;
};

/*
 * bpf_ktime_get_tai_ns() is there since 6.1: commit c8996c98f703 ("bpf: Add BPF-
 * helper for accessing CLOCK_TAI").  It follows a step of the wall clock at once.
 */
static int
has_tai(const struct btf *btf)
{
	static const char helper[] = "BPF_FUNC_ktime_get_tai_ns";
	int id = btf__find_by_name_kind(btf, "bpf_func_id", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	unsigned int i;

	for (i = 0; type != NULL && i < btf_vlen(type); i++) {
		if (strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), helper) == 0)
			return 1;
	}
	return 0;
}

/* "what tp/NAME: why" for a failure of libbpf, which returns -errno. */
static int
fail_probe(struct bpfprobe_reply *reply, int err, const char *what, const char *tracepoint)
{
	char text[BPFPROBE_TARGET_MAX + 32];

	snprintf(text, sizeof(text), "%s tp/%s", what, tracepoint);
	return bpfprobe_fail_errno(reply, -err, text);
}

/* The read-only data of the object's programs. */
static int
set_config(struct bpf_object *object, const struct plan *plan, const struct bpfprobe_target *target,
    unsigned int probe)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	struct bpfprobe_config config;

	memset(&config, 0, sizeof(config));
	config.probe = probe;
	config.snaplen = plan->snaplen;
	config.most = plan->most;
	config.reader = (__u32)plan->cpus;
	config.ifindex = plan->where.ifindex;
	config.netns = plan->where.netns;
	config.home = plan->where.home;
	config.direction = target->direction;
	config.asis = plan->device.proto[0] != '\0';
	config.tai = (__u32)plan->tai;
	return map != NULL ? bpf_map__set_initial_value(map, &config, sizeof(config)) : -ENOENT;
}

/* The maps: made with the first object, shared by the others. */
static int
set_maps(struct bpfprobe_session *session, struct bpf_object *object, const struct plan *plan)
{
	struct bpf_map *ctl = bpf_object__find_map_by_name(object, "bpfprobe_ctl");
	struct bpf_map *perf = bpf_object__find_map_by_name(object, "bpfprobe_rings");
	int err;

	if (ctl == NULL || perf == NULL)
		return -ENOENT;
	if (session->count == 0)
		return bpf_map__set_max_entries(ctl, (__u32)plan->cpus + 1);
	err = bpf_map__reuse_fd(ctl, session->ctl);
	return err < 0 ? err : bpf_map__reuse_fd(perf, session->perf);
}

/* Of all programs in the object only the one for this argument is loaded. */
static int
choose_program(struct bpfprobe_probe *probe, const struct bpfprobe_target *target)
{
	struct bpf_program *program;
	char name[32];

	snprintf(name, sizeof(name), "bpfprobe_arg%u", target->arg);
	bpf_object__for_each_program(program, probe->object) {
		if (strcmp(bpf_program__name(program), name) == 0)
			probe->program = program;
		else
			bpf_program__set_autoload(program, false);
	}
	if (probe->program == NULL)
		return -ENOENT;
	return bpf_program__set_attach_target(probe->program, 0, target->tracepoint);
}

static int
load_probe(struct bpfprobe_session *session, const struct plan *plan, struct bpfprobe_reply *reply)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "bpfprobe");
	unsigned int i = session->count;
	struct bpfprobe_probe *probe = &session->probes[i];
	const struct bpfprobe_target *target = &session->targets[i];
	const void *elf;
	size_t size;
	int err;

	elf = tp_bpf__elf_bytes(&size);
	probe->object = bpf_object__open_mem(elf, size, &opts);
	if (probe->object == NULL)
		return fail_probe(reply, -errno, "cannot prepare the program for", target->tracepoint);
	err = set_config(probe->object, plan, target, i);
	if (err == 0)
		err = set_maps(session, probe->object, plan);
	if (err == 0)
		err = choose_program(probe, target);
	if (err == 0)
		err = bpf_object__load(probe->object);
	if (err < 0) {
		bpf_object__close(probe->object);
		return fail_probe(reply, err, "the kernel refuses the program for", target->tracepoint);
	}
	if (i == 0) {
		session->ctl = bpf_object__find_map_fd_by_name(probe->object, "bpfprobe_ctl");
		session->perf = bpf_object__find_map_fd_by_name(probe->object, "bpfprobe_rings");
	}
	session->count++;
	return 0;
}

/* Reads device name and BTF: what to load. */
static int
make_plan(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    struct plan *plan, struct bpfprobe_reply *reply)
{
	struct btf *btf;
	int n;

	reply->status = BPFPROBE_NO_DEVICE;
	if (bpfprobe_device_parse(&plan->device, request->device, reply->message, sizeof(reply->message)) < 0)
		return -1;
	if (bpfprobe_where_resolve(&plan->where, &plan->device, reply) < 0)
		return -1;
	plan->most = plan->device.len > 0 ? plan->device.len : BPFPROBE_SAMPLE_MAX;
	plan->snaplen = request->snaplen < plan->most ? request->snaplen : plan->most;
	plan->cpus = libbpf_num_possible_cpus();
	if (plan->cpus <= 0 || plan->cpus > BPFPROBE_CPUS_MAX)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "cannot count the CPUs");
	btf = bpfprobe_catalogue_open(reply);
	if (btf == NULL)
		return -1;
	n = bpfprobe_catalogue_find(btf, &plan->device, session->targets, reply);
	plan->tai = has_tai(btf);
	btf__free(btf);
	return n;
}

int
bpfprobe_session_open(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    struct bpfprobe_reply *reply)
{
	unsigned int pages, page_size = (unsigned int)sysconf(_SC_PAGESIZE);
	struct plan plan;
	int i, n;

	memset(session, 0, sizeof(*session));
	memset(&plan, 0, sizeof(plan));
	session->ctl = session->perf = -1;
	n = make_plan(session, request, &plan, reply);
	if (n < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (load_probe(session, &plan, reply) < 0)
			return -1;
	}
	pages = bpfprobe_rings_pages(
	    plan.device.pages, request->buffer_size, (unsigned int)plan.cpus, page_size);
	if (bpfprobe_rings_make(&session->rings, session->perf, pages, (int)request->immediate, reply) < 0)
		return -1;
	reply->status = BPFPROBE_OK;
	reply->clock = plan.tai ? CLOCK_TAI : CLOCK_BOOTTIME;
	reply->rings = session->rings.count;
	reply->ring_pages = session->rings.pages;
	reply->cpus = (__u32)plan.cpus;
	reply->probes = session->count;
	memcpy(reply->dlt, plan.device.proto, sizeof(reply->dlt));
	return 0;
}

int
bpfprobe_session_attach(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	struct bpfprobe_probe *probe;
	unsigned int i;

	for (i = 0; i < session->count; i++) {
		probe = &session->probes[i];
		probe->link = bpf_program__attach(probe->program);
		if (probe->link == NULL) {
			fail_probe(reply, -errno, "cannot attach to", session->targets[i].tracepoint);
			bpfprobe_session_release(session);
			return -1;
		}
	}
	reply->status = BPFPROBE_OK;
	reply->probes = session->count;
	return 0;
}

void
bpfprobe_session_release(struct bpfprobe_session *session)
{
	unsigned int i;

	for (i = 0; i < session->count; i++) {
		bpf_link__destroy(session->probes[i].link);
		bpf_object__close(session->probes[i].object);
	}
	memset(session->probes, 0, sizeof(session->probes));
	session->count = 0;
	session->ctl = session->perf = -1;
}
