/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the module is given of programs and slots.  Whoever holds a program's descriptor may
 * run it with arguments of his own, or attach it elsewhere, and so have it read memory as
 * if that were a packet; whoever can write to a slot may empty it.  Only an administrator,
 * who could do all that anyway, gets these.  Others get what tells as much and lets nothing
 * be done: of a program its lines in /proc, and of a slot what can only be held.
 */
#ifndef BPFPROBE_HANDOVER_H
#define BPFPROBE_HANDOVER_H

#include "helper/session.h"

struct bpfprobe_handover {
	int programs[BPFPROBE_PROBES_MAX];
	int slots[BPFPROBE_PROBES_MAX];
	unsigned int own; /* of both those that are to be closed */
};

/* For each probe of the session.  0, or -1 with *reply filled in. */
int bpfprobe_handover_make(
    struct bpfprobe_handover *handover, const struct bpfprobe_session *session, struct bpfprobe_reply *reply);

/* When they are sent. */
void bpfprobe_handover_close(struct bpfprobe_handover *handover);

#endif
