/* SPDX-License-Identifier: BSD-3-Clause */
/* See meta.h. */
#include <unistd.h>
#include <linux/types.h>
#include "bpf/names.h"
#include "helper/known.h"
#include "helper/meta.h"
#include "helper/protocol.h"

/* Where the names of what a program returns begin; 0: it is not at the program's exit. */
static __u32
first_action(const struct bpfprobe_target *target)
{
	if (target->kind != BPFPROBE_FEXIT && target->kind != BPFPROBE_PASS)
		return 0;
	switch (target->actions) {
	case BPFPROBE_ACTIONS_XDP:
		return BPFPROBE_NAMES_XDP;
	case BPFPROBE_ACTIONS_TC:
		return BPFPROBE_NAMES_TC;
	default:
		return 0;
	}
}

void
bpfprobe_meta_config(struct bpfprobe_config *config, const struct bpfprobe_target *target,
    const struct bpfprobe_policy *policy)
{
	config->reason = target->reason;
	config->socket = target->socket;
	config->location = target->location;
	config->registers = target->kind == BPFPROBE_KPROBE || target->kind == BPFPROBE_KPROBES;
	config->actions = first_action(target);
	config->blocks = target->reason == 0 && target->program == 0 && bpfprobe_known_end(target->name);
	config->hidden = !policy->admin;
	config->user = getuid();
}
