/* SPDX-License-Identifier: BSD-3-Clause */
/* What each probe of a session is, and where the kernel is, for who shows its packets (session.h). */
#include <stdio.h>
#include <string.h>
#include "helper/attach.h"
#include "helper/reasons.h"
#include "helper/session.h"

static enum bpfprobe_label_place
place_of(const struct bpfprobe_target *target)
{
	if (target->program == 0)
		return BPFPROBE_PLACE_NONE;
	return target->kind == BPFPROBE_FEXIT ? BPFPROBE_PLACE_EXIT : BPFPROBE_PLACE_ENTRY;
}

void
bpfprobe_session_label(
    const struct bpfprobe_session *session, unsigned int i, struct bpfprobe_label *label)
{
	const struct bpfprobe_target *target = session->probes[i].targets;
	int n;

	memset(label, 0, sizeof(*label));
	label->magic = BPFPROBE_MAGIC;
	if (session->progmap.wanted) {
		label->kind = BPFPROBE_LABEL_MAP;
		label->program = session->progmap.program;
		label->targets = 1;
		snprintf(label->name, sizeof(label->name), "%s", session->progmap.name);
		return;
	}
	label->place = place_of(target);
	label->actions = target->actions;
	label->program = target->program;
	label->targets = session->probes[i].count;
	label->until = (__u32)target->until;
	label->reasons = target->reason > 0;
	if (target->program > 0 || target->kind == BPFPROBE_PASS) {
		label->kind = target->program > 0 ? BPFPROBE_LABEL_PROGRAM : BPFPROBE_LABEL_INTERFACE;
		snprintf(label->name, sizeof(label->name), "%s", target->name);
		return;
	}
	n = snprintf(label->name, sizeof(label->name), "%s/%s",
	    bpfprobe_kind_name(bpfprobe_attach_kind(target)), target->name);
	if (target->offset > 0)
		snprintf(label->name + n, sizeof(label->name) - (size_t)n, "@%u", target->offset);
}

int
bpfprobe_session_symbol(struct bpfprobe_session *session, __u64 address, struct bpfprobe_reply *reply)
{
	const char *name;
	uint64_t offset;
	int err = 0;

	if (!session->policy.admin)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM, "only root may know what is where in the kernel");
	if (session->symbols.count == 0)
		err = bpfprobe_symbols_read(&session->symbols);
	if (err < 0)
		return bpfprobe_fail_errno(reply, -err, "/proc/kallsyms");
	name = bpfprobe_symbols_find(&session->symbols, address, &offset);
	if (name == NULL)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "no function of the kernel is there");
	snprintf(reply->message, sizeof(reply->message), "%.200s+0x%llx", name, (unsigned long long)offset);
	bpfprobe_reasons_shorten(name, reply->dlt);
	reply->status = BPFPROBE_OK;
	return 0;
}
