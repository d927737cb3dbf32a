/* SPDX-License-Identifier: BSD-3-Clause */
/* A BPF object of the user's own, whose programs write packets with bpf_pcap(): bpfprobe capture --obj. */
#ifndef BPFPROBE_OBJECT_H
#define BPFPROBE_OBJECT_H

#include "helper/protocol.h"

#define BPFPROBE_OBJECT_LINKS 32 /* programs of an object that are attached */

struct bpf_object;

struct bpfprobe_object {
	struct bpf_object *object;
	int links[BPFPROBE_OBJECT_LINKS]; /* the attachments, which end with these descriptors */
	unsigned int count;
	char device[BPFPROBE_DEVICE_MAX]; /* by which its packets are captured: "bpfprog:id/N:map=NAME" */
};

/*
 * Loads the programs of `file`, for the user of this process, who has to be root.  `map` names
 * the perf event array with the packets; NULL: the only one.  0, or -1 after one line on
 * standard error.
 */
int bpfprobe_object_load(struct bpfprobe_object *object, const char *file, const char *map);

/*
 * Attaches all programs where their sections say; those of XDP and tc to the interface `dev`.
 * 0, or -1 after one line on standard error.
 */
int bpfprobe_object_attach(struct bpfprobe_object *object, const char *dev);

/* Detaches and unloads them; an object that is all zero is left as it is. */
void bpfprobe_object_close(struct bpfprobe_object *object);

#endif
