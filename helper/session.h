/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One open handle, from the helper's side: its probes, its rings and what is
 * handed to the module.  A process serves one, and ends with it.
 */
#ifndef BPFPROBE_SESSION_H
#define BPFPROBE_SESSION_H

#include "helper/catalogue.h"
#include "helper/policy.h"
#include "helper/probe.h"
#include "helper/progmap.h"
#include "helper/watch.h"
#include "helper/ringbufs.h"
#include "helper/rings.h"
#include "helper/symbols.h"

struct bpfprobe_session {
	struct bpfprobe_policy policy; /* what the caller may have */
	struct bpfprobe_target targets[BPFPROBE_TARGETS_MAX];
	struct bpfprobe_probe probes[BPFPROBE_PROBES_MAX];
	unsigned int count;		/* of probes */
	int links[BPFPROBE_LINKS_MAX];	/* descriptors of what is attached and not handed over */
	unsigned int nlinks;
	unsigned int left_out; /* of a pattern's functions those that refuse a probe */
	unsigned int attempts; /* to find them, that are still allowed */
	struct bpfprobe_rings rings;
	struct bpfprobe_ringbufs ringbufs; /* beside them; none: all goes into the rings */
	struct bpfprobe_maps maps;
	int indirect;		 /* the kernel has refused programs that read a packet where it is */
	unsigned int generation; /* of the filter in the probes; 0: none yet */
	int named;		 /* the table of names is filled in */
	int meta;		 /* the user asks for metadata, whatever the link type */
	int asis;		 /* packets are shown as they are: no link header */
	unsigned int netlink;	 /* but that of netlink, which user space makes */
	struct bpfprobe_watch watch;
	struct bpfprobe_symbols symbols; /* read when somebody asks for one */
	struct bpfprobe_progmap progmap; /* of a device with map=, which has no probes */
};

/*
 * Loads the programs that `request` asks for and makes the rings.  Fills in the
 * reply.  Returns 0, or -1: the process has nothing more to do.
 */
int bpfprobe_session_open(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    struct bpfprobe_reply *reply);

/* What probe `i` is. */
void bpfprobe_session_label(
    const struct bpfprobe_session *session, unsigned int i, struct bpfprobe_label *label);

/*
 * Writes the name of the function that `address` is in, and how far, as "ip_rcv+0x1a", and into
 * reply->dlt the name in 15 characters (reasons.h).  0, or -1 with *reply filled in: it is in
 * none, or the caller is not root.
 */
int bpfprobe_session_symbol(struct bpfprobe_session *session, __u64 address, struct bpfprobe_reply *reply);

/*
 * "what KIND/NAME: why" in *reply, for a failure at a target that libbpf or the kernel has returned as
 * -errno.  Returns -1.
 */
int bpfprobe_session_refused(
    struct bpfprobe_reply *reply, int err, const char *what, const struct bpfprobe_target *target);

/* Whether -errno can be one target's own, which a pattern then does without. */
int bpfprobe_session_is_local(int err);

/* Attaches the probes.  0, or -1 with none of them attached. */
int bpfprobe_session_attach(struct bpfprobe_session *session, struct bpfprobe_reply *reply);

/* After how many ms check() is to be called, again and again; -1: it has nothing to do. */
int bpfprobe_session_period(const struct bpfprobe_session *session);

/*
 * Whether what is captured is still there; takes out of the map of packets what ended unseen.  After
 * attach().  0, or -1 with *reply filled in: it is not, and nothing more will come.
 */
int bpfprobe_session_check(struct bpfprobe_session *session, struct bpfprobe_reply *reply);

/*
 * Closes the links: detaches the probes, unless the links were handed over.  Then
 * they are the module's, and its end must be theirs, also while this process is
 * stopped.
 */
void bpfprobe_session_detach(struct bpfprobe_session *session);

/* The other end is gone: puts back what is not the kernel's to undo. */
void bpfprobe_session_end(struct bpfprobe_session *session);

/*
 * Puts the filter of request->count instructions into all probes, or, if it returns
 * -1, into none: the old one stays, and *reply says why.
 */
int bpfprobe_session_filter(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    const struct sock_filter *filter, struct bpfprobe_reply *reply);

#endif
