/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of names (bpf/names.h): made with the probes, filled in when somebody asks for it. */
#ifndef BPFPROBE_NAMES_TABLE_H
#define BPFPROBE_NAMES_TABLE_H

#include "bpf/names.h"
#include "helper/session.h"

/* Fills in `names`: all drop reasons and actions, and the session's probes.  0, or -1 with *reply filled in. */
int bpfprobe_names_make(
    struct bpfprobe_name16 names[BPFPROBE_NAMES_COUNT], const struct bpfprobe_session *session, struct bpfprobe_reply *reply);

/*
 * Makes the array of a session; -errno, or its descriptor.  Nobody can write to it but this
 * process, by fill().
 */
int bpfprobe_names_create(void);

/* Fills the session's array, once, and closes it to all writing.  0, or -1 with *reply filled in. */
int bpfprobe_names_fill(struct bpfprobe_session *session, struct bpfprobe_reply *reply);

#endif
