/* SPDX-License-Identifier: BSD-3-Clause */
/* See session.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "bpf/config.h"
#include "helper/core.h"
#include "helper/cpus.h"
#include "helper/device.h"
#include "helper/meta.h"
#include "helper/names.h"
#include "helper/where.h"
#include "helper/pagemap.h"
#include "helper/places.h"
#include "helper/process.h"
#include "helper/quota.h"
#include "helper/session.h"
#include "helper/target.h"
#include "helper/track.h"
#include "helper/types.h"

/* To find what refuses a probe; one among 1024 takes at most 21. */
#define ATTEMPTS_MAX 32

/* A BPF program returns an int. */
#define BITS_OF_ACTION 32

#define WATCH_PERIOD 1000  /* ms between two looks at what is captured */
#define SWEEP_PERIOD 10000 /* the same, at what is followed: there is never both */

/* What all probes of a handle have in common. */
struct plan {
	struct bpfprobe_device device;
	struct bpfprobe_where where;
	uint32_t snaplen;
	uint32_t immediate;
	unsigned int pages; /* of a ring */
	__u32 wake; /* bytes of a BPF ring buffer, see struct bpfprobe_config */
	int tai;
	unsigned int cpus;
	struct bpfprobe_pagemap pagemap;
	struct bpfprobe_types types;
	struct bpfprobe_core core;
	__u32 confined; /* 1: the user's filter must see no packet that the user must not */
};

/* Where the kernel maps pages, as far as it tells. */
static void
find_pages(struct bpfprobe_pagemap *map, const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "page", BTF_KIND_STRUCT);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	bpfprobe_pagemap_read(
	    map, "/proc/kcore", type != NULL ? type->size : 0, (unsigned int)sysconf(_SC_PAGESIZE));
}

int
bpfprobe_session_refused(
    struct bpfprobe_reply *reply, int err, const char *what, const struct bpfprobe_target *target)
{
	char text[BPFPROBE_TARGET_MAX + 64];

	if (target->kind == BPFPROBE_PASS && target->native && err == -EOPNOTSUPP)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "the driver of interface \"%s\" has no XDP; leave out native", target->name);
	if (target->kind == BPFPROBE_PASS && (err == -EINVAL || err == -ENODEV))
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE,
		    "interface \"%s\" has disappeared, or takes no program: %s", target->name, strerror(-err));
	if (target->program > 0 && strcmp(target->name, BPFPROBE_PASS_NAME) == 0)
		return bpfprobe_fail(reply, BPFPROBE_ERROR,
		    "another capture has its program at the interface, and the kernel does not let this one look into it: %s",
		    strerror(-err));
	if (target->kind == BPFPROBE_PASS && (err == -EBUSY || err == -EEXIST))
		return bpfprobe_fail(reply, BPFPROBE_ERROR,
		    "interface \"%s\" has just got another XDP program; try again", target->name);
	snprintf(text, sizeof(text), "%s %s/%s", what, bpfprobe_kind_name(bpfprobe_attach_kind(target)), target->name);
	return bpfprobe_fail_errno(reply, -err, text);
}

static void
make_config(const struct bpfprobe_session *session, struct bpfprobe_config *config, const struct plan *plan,
    const struct bpfprobe_target *target)
{
	memset(config, 0, sizeof(*config));
	config->probe = session->count;
	config->snaplen = plan->snaplen;
	config->most = plan->device.len > 0 ? plan->device.len : UINT32_MAX / 2;
	config->reader = plan->cpus;
	config->ifindex = plan->where.ifindex;
	config->netns = plan->where.netns;
	config->home = plan->where.home;
	config->confined = plan->confined;
	config->cookie = plan->confined ? plan->where.cookie : 0;
	config->arphrd = target->arphrd;
	config->direction = target->direction;
	config->device = target->has_device;
	config->asis = (__u32)session->asis;
	config->netlink = session->netlink;
	config->tai = (__u32)plan->tai;
	config->behind = target->argument.form == BPFPROBE_BEHIND;
	config->offset = target->argument.offset;
	config->pagemap = plan->pagemap;
	config->returns = target->returns.bits > 0;
	config->paired = target->paired && target->kind == BPFPROBE_FEXIT;
	config->remember = config->returns || (target->paired && !config->paired);
	/* What is attached last runs first: the entry's own exit, which is attached with it, runs later. */
	config->kept = config->paired && plan->device.rets > 0;
	config->slots = target->returns.slots;
	config->ret_bits = target->returns.bits > 0 ? target->returns.bits : BITS_OF_ACTION;
	config->ret_signed = target->returns.bits > 0 ? target->returns.is_signed : 1;
	config->ret_pointer = target->returns.is_pointer;
	config->rets = plan->device.rets;
	config->rets_not = plan->device.rets_not;
	memcpy(config->ret, plan->device.ret, sizeof(config->ret));
	bpfprobe_meta_config(config, target, &session->policy);
	config->stack = session->maps.stacks >= 0;
	config->who = plan->device.who;
	config->ringbuf = session->maps.ringbufs >= 0;
	config->wake = plan->wake;
}

/* Whether there are programs for it that read a packet where it is. */
static int
may_read(const struct bpfprobe_target *target)
{
	return target->argument.form == BPFPROBE_PACKET &&
	       (target->kind == BPFPROBE_TP || target->kind == BPFPROBE_FENTRY || target->kind == BPFPROBE_FEXIT);
}

/*
 * Which programs the kernel takes is found by trying: those that read a packet where it
 * is, for which they have to have it from the verifier, or those that copy its beginning.
 */
static int
load_probe(struct bpfprobe_session *session, struct plan *plan, struct bpfprobe_target *targets,
    unsigned int count)
{
	struct bpfprobe_probe *probe = &session->probes[session->count];
	struct bpfprobe_config config;
	unsigned int reads;
	int err = -ENOENT;

	make_config(session, &config, plan, targets);
	if (targets->kind == BPFPROBE_PASS)
		err = bpfprobe_probe_load(probe, targets, count, &config, &session->maps, &plan->core,
		    BPFPROBE_READS_PACKET);
	reads = BPFPROBE_READS_DIRECT | BPFPROBE_READS_VARIABLE;
	if (may_read(targets) && !session->indirect)
		err = bpfprobe_probe_load(probe, targets, count, &config, &session->maps, &plan->core, reads);
	if (err < 0 && targets->kind != BPFPROBE_PASS) {
		session->indirect |= may_read(targets);
		reads = bpfprobe_probe_reads_variable() ? BPFPROBE_READS_VARIABLE : 0;
		err = bpfprobe_probe_load(probe, targets, count, &config, &session->maps, &plan->core, reads);
	}
	if (err == 0)
		session->count++;
	return err;
}

/* Whether one program can be at both. */
static int
can_share(const struct bpfprobe_target *a, const struct bpfprobe_target *b)
{
	if (a->kind == BPFPROBE_PASS)
		return b->kind == BPFPROBE_PASS && a->arphrd == b->arphrd;
	return a->kind == BPFPROBE_KPROBE && b->kind == BPFPROBE_KPROBE && a->pattern && b->pattern &&
	    bpfprobe_target_compare(a, b) == 0;
}

/*
 * How many targets, from the first of `n` on, have one probe; prepares them for it.  Those
 * that the kernel refuses with others come behind: each may have a kprobe of its own.
 */
static unsigned int
group(struct bpfprobe_session *session, struct bpfprobe_target *targets, unsigned int n)
{
	unsigned int count = 1, at_once = 0, i;

	while (count < n && can_share(&targets[0], &targets[count]))
		count++;
	if (count > 1 && targets->kind == BPFPROBE_KPROBE)
		at_once = bpfprobe_attach_sift(targets, count, &session->attempts);
	for (i = 0; i < at_once; i++)
		targets[i].kind = BPFPROBE_KPROBES;
	return at_once > 0 ? at_once : count;
}

/* How many attachments they need. */
static unsigned int
links_of(const struct bpfprobe_target *target, unsigned int count)
{
	unsigned int entries = target->kind == BPFPROBE_KPROBES ? 1 : count;

	return target->returns.bits > 0 ? 2 * entries : entries;
}

/* Whether the user asked for a probe at which packets are known to be wanted (until= option), and none is there. */
static int
lacks_until(const struct bpfprobe_session *session, unsigned int n)
{
	int asked = 0, loaded = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		asked |= session->targets[i].until;
	for (i = 0; i < session->count; i++)
		loaded |= session->probes[i].targets->until;
	return asked != loaded;
}

static int
load_probes(struct bpfprobe_session *session, struct plan *plan, unsigned int n,
    struct bpfprobe_reply *reply)
{
	unsigned int i, count, links = session->maps.tracks >= 0 ? BPFPROBE_TRACK_LINKS : 0;
	const struct bpfprobe_target *refused = NULL;
	int err, why = 0;

	for (i = 0; i < n; i += count) {
		count = group(session, &session->targets[i], n - i);
		links += links_of(&session->targets[i], count);
		if (session->count == BPFPROBE_PROBES_MAX || links > BPFPROBE_LINKS_MAX)
			return bpfprobe_fail(reply, BPFPROBE_ERROR,
			    "the name stands for %u places in the kernel, too many to be probed at once", n);
		err = load_probe(session, plan, &session->targets[i], count);
		if (err == 0)
			continue;
		refused = &session->targets[i];
		why = err;
		if (!refused->pattern || !bpfprobe_session_is_local(err))
			return bpfprobe_session_refused(reply, err, "the kernel refuses the program for", refused);
		session->left_out += count;
	}
	if (session->count > 0 && !lacks_until(session, n))
		return 0;
	return bpfprobe_session_refused(reply, why, "the kernel refuses the program for", refused);
}

/* Reads device name and BTF: what to load. */
static int
make_plan(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    struct plan *plan, struct bpfprobe_reply *reply)
{
	struct bpfprobe_policy *policy = &session->policy;
	int n, cpus, err;

	reply->status = BPFPROBE_NO_DEVICE;
	if (bpfprobe_device_parse(&plan->device, request->device, reply->message, sizeof(reply->message)) < 0)
		return -1;
	if (bpfprobe_policy_load(policy, reply) < 0 || bpfprobe_policy_check_device(policy, &plan->device, reply) < 0 ||
	    bpfprobe_where_resolve(&plan->where, &plan->device, policy->admin || policy->foreign_pids, reply) < 0 ||
	    bpfprobe_process_resolve(&plan->device.who, policy->admin || policy->foreign_pids, reply) < 0 ||
	    bpfprobe_policy_confine(policy, &plan->where, reply) < 0)
		return -1;
	plan->snaplen = request->snaplen;
	plan->immediate = request->immediate;
	plan->confined = !policy->admin && !policy->any_netns;
	cpus = libbpf_num_possible_cpus();
	if (cpus <= 0 || cpus > BPFPROBE_CPUS_MAX)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "cannot count the CPUs");
	plan->cpus = (unsigned int)cpus;
	if (plan->device.map[0] != '\0')
		return bpfprobe_progmap_open(&session->progmap, &plan->device, plan->snaplen, reply);
	if (bpfprobe_types_open(&plan->types, reply) < 0)
		return -1;
	plan->core.kernel = plan->types.kernel;
	err = bpfprobe_watch_open(&session->watch, &plan->device, &plan->where);
	n = bpfprobe_places_find(&plan->types, &plan->device, &plan->where, session->targets, &session->watch, reply);
	plan->tai = bpfprobe_types_has_tai(plan->types.kernel);
	find_pages(&plan->pagemap, plan->types.kernel);
	bpfprobe_where_free(&plan->where);
	return err < 0 && n >= 0 ? bpfprobe_fail_errno(reply, -err, "cannot watch the interface") : n;
}

static enum bpfprobe_return_use
return_use(const struct bpfprobe_session *session, const struct bpfprobe_device *device)
{
	unsigned int i;

	for (i = 0; i < session->count; i++) {
		if (session->probes[i].exit != NULL)
			return device->rets > 0 ? BPFPROBE_RETURNS_DECIDE : BPFPROBE_RETURNS_VALUE;
	}
	return BPFPROBE_RETURNS_NOTHING;
}

/*
 * How large the rings are, of which nobody may have too many; and BPF ring buffers, where they are of
 * use and the kernel makes them.  For root only: who keeps a descriptor of one keeps its memory, and
 * nothing counts that (quota.h).
 */
static int
plan_rings(struct bpfprobe_session *session, struct plan *plan, const struct bpfprobe_request *request,
    unsigned int n, struct bpfprobe_reply *reply)
{
	unsigned int page_size = (unsigned int)sysconf(_SC_PAGESIZE);
	unsigned int online = bpfprobe_cpus_online(NULL, 0);
	unsigned int cpus = online > 0 ? online : plan->cpus;
	unsigned int pages = bpfprobe_rings_pages(plan->device.pages, request->buffer_size, cpus, page_size);
	enum bpfprobe_ringbufs_use use = BPFPROBE_RINGBUFS_NONE;

	plan->pages = pages;
	if (session->policy.admin)
		use = bpfprobe_ringbufs_use(plan->snaplen, session->targets, n);
	if (use != BPFPROBE_RINGBUFS_NONE)
		session->maps.ringbufs = bpfprobe_ringbufs_make(&session->ringbufs, plan->cpus,
		    bpfprobe_rings_share(plan->device.pages, &pages, page_size, use));
	if (session->maps.ringbufs >= 0)
		plan->pages = pages;
	/* A small one is woken for later: what finds it full goes into a ring. */
	plan->wake = plan->immediate ? 1 : session->ringbufs.size / (use == BPFPROBE_RINGBUFS_SOME ? 2 : 4);
	/* Who is held to a bound has perf rings only. */
	return bpfprobe_policy_check_rings(
	    &session->policy, (__u64)plan->pages * page_size / 1024 * cpus, reply);
}

static int
load(struct bpfprobe_session *session, struct plan *plan, unsigned int n, struct bpfprobe_reply *reply)
{
	int err;

	/* Only for who has metadata, in which their numbers are. */
	err = plan->device.stacktrace && session->meta ? bpfprobe_probe_make_stacks(&session->maps) : 0;
	if (err < 0)
		return bpfprobe_fail_errno(reply, -err, "cannot make the map of stacks");
	err = plan->device.track > 0 ? bpfprobe_track_make(&session->maps, plan->device.track) : 0;
	if (err < 0)
		return bpfprobe_fail_errno(reply, -err, "cannot make the map of packets");
	session->maps.names = bpfprobe_names_create();
	if (session->maps.names < 0)
		return bpfprobe_fail_errno(reply, -session->maps.names, "cannot make the table of names");
	if (!session->progmap.wanted)
		return load_probes(session, plan, n, reply);
	err = bpfprobe_probe_make_maps(&session->maps);
	return err < 0 ? bpfprobe_fail_errno(reply, -err, "cannot make the counters") : 0;
}

/* What the module has to know of records that are not ours. */
static void
describe_records(const struct bpfprobe_session *session, const struct plan *plan, struct bpfprobe_reply *reply)
{
	if (!session->progmap.wanted)
		return;
	reply->foreign = 1;
	reply->most = plan->device.len;
	reply->clock = CLOCK_BOOTTIME;
	reply->ethernet = 1;
	reply->elsewhere = 0;
}

/* The rings, in whose place nobody may put others. */
static int
make_rings(struct bpfprobe_session *session, const struct plan *plan, struct bpfprobe_reply *reply)
{
	const struct bpfprobe_policy *policy = &session->policy;

	if (bpfprobe_rings_make(&session->rings, session->maps.perf, plan->pages, (int)plan->immediate, reply) < 0)
		return -1;
	if (session->ringbufs.count > 0 && session->ringbufs.count != session->rings.count)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "a CPU has just come or gone; try again");
	if (policy->admin)
		return 0;
	if (bpf_map_freeze(session->maps.perf) < 0)
		return bpfprobe_fail_errno(reply, errno, "cannot close the map of the rings");
	return bpfprobe_quota_take(&session->rings, policy->handles, reply);
}

/* The first leaf of a probe knows nothing of metadata: another one takes its place, as with a filter. */
static int
begin_meta(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	static const struct sock_filter all = { BPF_RET | BPF_K, 0, 0, UINT32_MAX };
	static const struct bpfprobe_request request = { .count = 1 };

	if (!session->meta || session->progmap.wanted)
		return 0;
	return bpfprobe_session_filter(session, &request, &all, reply);
}

/* Everything but what is of use only until the programs are loaded, which is the caller's to free. */
static int
open_planned(struct bpfprobe_session *session, const struct bpfprobe_request *request, struct plan *plan,
    struct bpfprobe_reply *reply)
{
	int n = make_plan(session, request, plan, reply);

	if (n < 0 || bpfprobe_policy_check_targets(&session->policy, session->targets, (unsigned int)n, reply) < 0 ||
	    bpfprobe_target_check_who(session->targets, (unsigned int)n, &plan->device.who, reply) < 0 ||
	    (plan->device.track > 0 && bpfprobe_target_check_track(session->targets, (unsigned int)n, reply) < 0))
		return -1;
	session->maps.cpus = plan->cpus;
	session->asis = plan->device.proto[0] != '\0';
	session->netlink = strcasecmp(plan->device.proto, "NETLINK") == 0;
	/* In it are the packets' numbers. */
	session->meta = request->meta || plan->device.track > 0;
	if (plan_rings(session, plan, request, (unsigned int)n, reply) < 0 ||
	    load(session, plan, (unsigned int)n, reply) < 0 || make_rings(session, plan, reply) < 0 ||
	    begin_meta(session, reply) < 0)
		return -1;
	reply->status = BPFPROBE_OK;
	reply->clock = plan->tai ? CLOCK_TAI : CLOCK_BOOTTIME;
	reply->rings = session->rings.count;
	reply->ring_pages = session->rings.pages;
	reply->ringbufs = session->ringbufs.count;
	reply->ringbuf_size = session->ringbufs.size;
	reply->cpus = plan->cpus;
	reply->probes = session->count;
	reply->returns = return_use(session, &plan->device);
	reply->stacks = session->maps.stacks >= 0;
	reply->noselect = (__u32)plan->device.noselect;
	reply->ethernet = session->targets[0].argument.form == BPFPROBE_XDP && plan->device.type != BPFPROBE_DEVICE_PROBE;
	reply->ifindex = plan->where.ifindex;
	reply->watches = session->watch.wanted;
	reply->elsewhere = plan->where.netns != plan->where.home;
	memcpy(reply->dlt, plan->device.proto, sizeof(reply->dlt));
	describe_records(session, plan, reply);
	return 0;
}

int
bpfprobe_session_open(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    struct bpfprobe_reply *reply)
{
	struct plan plan;
	int err;

	memset(session, 0, sizeof(*session));
	memset(&plan, 0, sizeof(plan));
	plan.types = BPFPROBE_NO_TYPES;
	plan.core = BPFPROBE_NO_CORE;
	session->attempts = ATTEMPTS_MAX;
	session->maps = BPFPROBE_NO_MAPS;
	err = open_planned(session, request, &plan, reply);
	bpfprobe_core_close(&plan.core);
	bpfprobe_types_close(&plan.types);
	return err;
}

int
bpfprobe_session_period(const struct bpfprobe_session *session)
{
	if (session->watch.count > 0)
		return WATCH_PERIOD;
	return session->maps.tracks >= 0 ? SWEEP_PERIOD : -1;
}

int
bpfprobe_session_check(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	if (session->maps.tracks >= 0)
		bpfprobe_track_sweep(session->maps.tracks);
	return session->watch.count > 0 ? bpfprobe_watch_check(&session->watch, reply) : 0;
}

void
bpfprobe_session_end(struct bpfprobe_session *session)
{
	bpfprobe_progmap_restore(&session->progmap);
}
