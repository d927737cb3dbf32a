/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The module's side of the helper: starts it, asks it, keeps the descriptors
 * that it hands over.  Nothing here needs a privilege, and nothing is shared
 * between handles.
 */
#ifndef BPFPROBE_CLIENT_H
#define BPFPROBE_CLIENT_H

#include <stdint.h>
#include "helper/protocol.h"

struct bpfprobe_client {
	int sock;	     /* to the helper; -1: it was not started, or is gone */
	int ctl;	     /* control map */
	int perf;	     /* perf event array */
	int stacks;	     /* stacks of the kernel; -1: nobody has asked for them */
	int *rings;	     /* perf events; -1 once taken over by a struct bpfprobe_ring */
	int *ringbufs;	     /* BPF ring buffers, the same */
	int *progs;
	int *links;
	int *slots; /* program arrays, held: without a holder the kernel empties them */
	struct bpfprobe_label *labels; /* one for each probe */
	unsigned int nlabels;
	unsigned int nrings;
	unsigned int nringbufs; /* 0, or as many */
	unsigned int nprogs;
	unsigned int nlinks;
	unsigned int nslots;
	int watches; /* the helper says when what is captured has come to an end */
	char ended[BPFPROBE_MESSAGE_MAX]; /* what it said then; "": it has not */
};

/* Whether a device of this name is one of ours. */
int bpfprobe_client_is_ours(const char *device);

/* An empty client, for which close() has nothing to do. */
void bpfprobe_client_init(struct bpfprobe_client *client);

/*
 * Starts the helper in `path` and lets it OPEN what `request` says (magic, version
 * and type are filled in here).  On success the probes' labels, the control map,
 * the perf array and the rings are in *client.  Every outcome is in *reply: status and, unless it is
 * BPFPROBE_OK, a message of one line.  Returns 0, or -1 with nothing left behind.
 */
int bpfprobe_client_open(struct bpfprobe_client *client, const char *path,
    struct bpfprobe_request *request, struct bpfprobe_reply *reply);

/* Lets it ATTACH the probes; programs and links are in *client then.  As open(). */
int bpfprobe_client_attach(struct bpfprobe_client *client, struct bpfprobe_reply *reply);

/*
 * Lets it put a filter into the probes: `count` instructions of classic BPF (struct
 * bpf_insn of libpcap, struct sock_filter of the kernel), made for link type `dlt`.
 * 0: done, and reply->generation is in every record that this filter lets pass.  -1:
 * what was there stays there, *reply says why; after an answer that did not come or
 * makes no sense the helper is given up.
 */
int bpfprobe_client_filter(struct bpfprobe_client *client, const void *insns, unsigned int count,
    int dlt, struct bpfprobe_reply *reply);

/*
 * Lets it fill in the table of NAMES, of which *fd is a descriptor then, the caller's.  As
 * filter().
 */
int bpfprobe_client_names(struct bpfprobe_client *client, int *fd, struct bpfprobe_reply *reply);

/* Asks it for the SYMBOL at an address of the kernel: reply->message.  As filter(). */
int bpfprobe_client_symbol(
    struct bpfprobe_client *client, uint64_t address, struct bpfprobe_reply *reply);

/*
 * Whether what is captured has come to an end, which the helper says once: why, in one line,
 * or NULL.  Does not wait.
 */
const char *bpfprobe_client_ended(struct bpfprobe_client *client);

/* Closes all descriptors: the probes are detached and the helper exits. */
void bpfprobe_client_close(struct bpfprobe_client *client);

/*
 * Where the helper is: what the environment variable BPFPROBE_HELPER says, or the
 * path that was compiled in.  The variable is for running from a build tree; it is
 * heeded only if this process has no more privilege than its caller (AT_SECURE) and
 * only for the absolute path of an ordinary file, without set-user-id bit and file capabilities.
 */
const char *bpfprobe_client_helper(void);

#endif
