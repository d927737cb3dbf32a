/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One probe: the object that libbpf has loaded for it.  The dispatcher is what is
 * attached; the leaf is what it jumps to, and the model of all later leaves.
 */
#ifndef BPFPROBE_PROBE_H
#define BPFPROBE_PROBE_H

#include "bpf/config.h"
#include "helper/catalogue.h"
#include "helper/core.h"
#include "helper/translate.h"

struct bpf_object;
struct bpf_program;
struct bpfprobe_marks;

struct bpfprobe_probe {
	struct bpf_object *object;
	struct bpf_program *dispatcher; /* both of the object */
	struct bpf_program *leaf;
	struct bpf_program *exit; /* at the other end of the function; NULL: nothing is there */
	unsigned int reads;	       /* enum bpfprobe_reads: what its programs can */
	const struct bpfprobe_target *targets; /* where it is attached: all take the same program */
	unsigned int count;		       /* of targets */
	int slots;	       /* program array with the leaf in slot 0; the object's */
};

/* The maps that all probes of a handle share; -1 until the first probe has made them. */
struct bpfprobe_maps {
	int ctl;
	int perf;
	int buffer; /* of the programs that copy packets; -1 until the first of these */
	int names;  /* bpf/names.h; -1: each program has an empty one */
	int stacks; /* of the kernel, for root who asks for them; -1: nobody does */
	int ringbufs; /* BPF ring buffers (helper/ringbufs.h); -1: there are none */
	int tracks; /* of packets that are followed (bpf/track.h); -1: none is */
	int calls;  /* of the last entry of a BPF program, for its exit; -1: there was none */
	unsigned int cpus; /* elements of ctl, without the reader's */
};

/* What a handle has before any map of it is made. */
#define BPFPROBE_NO_MAPS                                                                           \
	(struct bpfprobe_maps)                                                                     \
	{                                                                                          \
		.ctl = -1, .perf = -1, .buffer = -1, .names = -1, .stacks = -1, .ringbufs = -1,    \
		.tracks = -1, .calls = -1                                                          \
	}

/*
 * Loads the programs for `targets`, `count` of one kind and argument, with a leaf that lets every packet pass.  `reads`
 * (enum bpfprobe_reads) says which programs; `core` has the types to which they are fitted.  Returns 0 or -errno, with
 * nothing left behind.
 */
int bpfprobe_probe_load(struct bpfprobe_probe *probe, const struct bpfprobe_target *targets,
    unsigned int count, const struct bpfprobe_config *config, struct bpfprobe_maps *maps,
    struct bpfprobe_core *core, unsigned int reads);

/*
 * Makes control map and perf event array as a first probe would, for a handle that has none.
 * 0 or -errno.
 */
int bpfprobe_probe_make_maps(struct bpfprobe_maps *maps);

/* Makes the map of stacks.  0 or -errno. */
int bpfprobe_probe_make_stacks(struct bpfprobe_maps *maps);

/* Whether the kernel lets programs read their stack at a variable offset; see enum bpfprobe_reads. */
int bpfprobe_probe_reads_variable(void);

/*
 * Makes a leaf with the filter and loads it.  Returns its descriptor, the caller's, or
 * -errno.
 */
int bpfprobe_probe_make_leaf(const struct bpfprobe_probe *probe,
    const struct bpfprobe_translation *translation, const struct bpfprobe_marks *marks);

/* Puts it into the slot: packets from now on are its.  0 or -errno. */
int bpfprobe_probe_set_leaf(const struct bpfprobe_probe *probe, int leaf);

#endif
