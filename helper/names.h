/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of names (bpf/names.h): made with the probes, filled in when somebody asks for it. */
#ifndef BPFPROBE_NAMES_TABLE_H
#define BPFPROBE_NAMES_TABLE_H

#include "bpf/names.h"
#include "helper/session.h"

/*
 * Makes the array of a session; -errno, or its descriptor.  Nobody can write to it but this
 * process, by fill().
 */
int bpfprobe_names_create(void);

/*
 * Fills the session's array, once, with actions, the session's probes, and drop reasons where one
 * of these is given them, and closes it to all writing.  0, or -1 with *reply filled in.
 */
int bpfprobe_names_fill(struct bpfprobe_session *session, struct bpfprobe_reply *reply);

#endif
