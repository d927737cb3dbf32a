/* SPDX-License-Identifier: BSD-3-Clause */
/* bpfprobe doctor: which kinds of probes the kernel has, found by attaching one of each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bpf/btf.h>
#include "helper/attach.h"
#include "helper/caps.h"
#include "helper/device.h"
#include "helper/types.h"
#include "tools/doctor.h"

/* Where packets pass in every kernel that has a network. */
#define TRACEPOINT "kfree_skb"
#define FUNCTION "ip_rcv"

static const struct probe {
	const char *check;
	enum bpfprobe_kind kind;
	const char *target;
	const char *type; /* its name in BTF; NULL: that is not needed */
	__u32 btf_kind;
	enum bpfprobe_finding without;
	const char *remedy;
} probes[] = {
	{ "tracepoints", BPFPROBE_TP, TRACEPOINT, "btf_trace_" TRACEPOINT, BTF_KIND_TYPEDEF, BPFPROBE_PROBLEM,
	    "they need CONFIG_TRACEPOINTS and CONFIG_BPF_EVENTS" },
	{ "fentry", BPFPROBE_FENTRY, FUNCTION, FUNCTION, BTF_KIND_FUNC, BPFPROBE_WARNING,
	    "it needs CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS; kprobes do without" },
	{ "kprobes", BPFPROBE_KPROBE, FUNCTION, NULL, 0, BPFPROBE_WARNING,
	    "they need CONFIG_KPROBE_EVENTS and CONFIG_BPF_EVENTS; fentry does without" },
};

/* 0 or -errno. */
static int
try(struct bpfprobe_types *types, const struct probe *probe)
{
	struct bpfprobe_target target;
	struct bpfprobe_type type;

	memset(&target, 0, sizeof(target));
	target.kind = probe->kind;
	snprintf(target.name, sizeof(target.name), "%s", probe->target);
	if (probe->type != NULL) {
		if (!bpfprobe_types_find(types, probe->type, probe->btf_kind, &type))
			return -ENOENT;
		target.btf_id = type.id;
	}
	return bpfprobe_attach_try(&target);
}

static void
check(struct bpfprobe_doctor *doctor, struct bpfprobe_types *types, const struct probe *probe)
{
	char missing[160];
	int err = try(types, probe);

	if (err == 0)
		bpfprobe_doctor_say(
		    doctor, BPFPROBE_FINE, probe->check, NULL, "attached to %s, and detached", probe->target);
	else if ((err == -EPERM || err == -EACCES) && bpfprobe_caps_missing(missing, sizeof(missing)) > 0)
		bpfprobe_doctor_say(
		    doctor, BPFPROBE_WARNING, probe->check, "ask again as root", "could not be tried");
	else
		bpfprobe_doctor_say(doctor, probe->without, probe->check, probe->remedy,
		    "cannot be attached to %s: %s", probe->target, strerror(-err));
}

void
bpfprobe_doctor_probes(struct bpfprobe_doctor *doctor)
{
	struct bpfprobe_reply reply;
	struct bpfprobe_types types;
	size_t i;

	/* Without BTF there are none, and that is said already. */
	if (bpfprobe_types_open(&types, &reply) < 0)
		return;
	for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		check(doctor, &types, &probes[i]);
	bpfprobe_types_close(&types);
}
