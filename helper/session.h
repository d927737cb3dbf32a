/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One open handle, from the helper's side: its probes, its rings and what is
 * handed to the module.  A process serves one, and ends with it.
 */
#ifndef BPFPROBE_SESSION_H
#define BPFPROBE_SESSION_H

#include "helper/catalogue.h"
#include "helper/rings.h"

struct bpf_object;
struct bpf_program;
struct bpf_link;

struct bpfprobe_probe {
	struct bpf_object *object;
	struct bpf_program *program; /* of the object */
	struct bpf_link *link;	     /* NULL: not attached, or handed over */
};

struct bpfprobe_session {
	struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX];
	struct bpfprobe_probe probes[BPFPROBE_TARGETS_MAX];
	unsigned int count; /* of both */
	struct bpfprobe_rings rings;
	int ctl;  /* map descriptors, of the first probe's object */
	int perf;
};

/*
 * Loads the programs that `request` asks for and makes the rings.  Fills in the
 * reply.  Returns 0, or -1: the process has nothing more to do.
 */
int bpfprobe_session_open(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    struct bpfprobe_reply *reply);

/* Attaches the probes.  0, or -1 with none of them attached. */
int bpfprobe_session_attach(struct bpfprobe_session *session, struct bpfprobe_reply *reply);

/*
 * Gives up links, programs and maps: once handed over they are the module's, and
 * its end must be theirs, also while this process is stopped.  The rings stay.
 */
void bpfprobe_session_release(struct bpfprobe_session *session);

#endif
