/* SPDX-License-Identifier: BSD-3-Clause */
/* How a program gets to its place in the kernel, for each kind of target. */
#ifndef BPFPROBE_ATTACH_H
#define BPFPROBE_ATTACH_H

#include "helper/device.h"
#include "helper/prototype.h"

struct bpfprobe_target {
	enum bpfprobe_kind kind; /* never BPFPROBE_ANY_KIND */
	char name[BPFPROBE_TARGET_MAX]; /* of the tracepoint, or the function's symbol */
	__u32 offset;			/* behind the symbol */
	__u32 btf_id; /* TP, FENTRY: of the tracepoint's typedef or the function */
	int btf_fd;   /* of the module's BTF or the BPF program that has it, this struct's own; 0: the kernel's */
	__u32 program; /* number of the BPF program whose function it is; 0: it is the kernel's */
	__u32 actions; /* what such a program, or ours, returns: enum bpfprobe_label_actions (protocol.h) */
	int paired;    /* 1: packets are taken at its other end, too */
	__u32 ifindex; /* PASS: the interface ... */
	int netns_fd;  /* ... of this network namespace, this struct's own; 0: of our own */
	__u32 arphrd;  /* its hardware type */
	int native;    /* the program goes into its driver */
	struct bpfprobe_argument argument;
	struct bpfprobe_returns returns;
	unsigned int reason;   /* word of the arguments, from 1, that is the drop reason; 0: none is */
	unsigned int socket;   /* the same, of the socket that the packet was for */
	unsigned int location; /* the same, of the address that drops the packet */
	unsigned int direction; /* enum bpfprobe_direction */
	unsigned int has_device; /* 1: all its packets point to a device */
	unsigned int symbols;	/* functions of this name, while they are counted */
	int until;		/* packets are shown only if they come here (until= option) */
	int pattern;		/* one of several that a pattern stands for: the others count without it */
};

/* The kind as the user has it: for one that has a program at its exit, that one's. */
enum bpfprobe_kind bpfprobe_attach_kind(const struct bpfprobe_target *target);

/* The kernel's number for the type of program, and how it is attached. */
unsigned int bpfprobe_attach_prog_type(enum bpfprobe_kind kind);
unsigned int bpfprobe_attach_type(enum bpfprobe_kind kind);

/* The other end of a target whose function returns something: where it does. */
struct bpfprobe_target bpfprobe_attach_exit(const struct bpfprobe_target *target);

/*
 * Attaches the program.  Returns a descriptor, the caller's, with whose last copy the
 * attachment ends; or -errno.
 */
int bpfprobe_attach(const struct bpfprobe_target *target, int program);

/*
 * Attaches the program to all `count` functions at once, as KPROBES or KRETPROBES (`kind`), as far as
 * the kernel has that (kprobe.multi: CONFIG_FPROBE, commit 0dcac2725406, 5.18).  As
 * bpfprobe_attach().
 */
int bpfprobe_attach_all(const struct bpfprobe_target *targets, unsigned int count,
    enum bpfprobe_kind kind, int program);

/*
 * Brings those of them to the front to which a program can be attached at once: as
 * bpfprobe_sift().
 */
unsigned int bpfprobe_attach_sift(
    struct bpfprobe_target *targets, unsigned int count, unsigned int *attempts);

/*
 * Whether a program can be attached there, and at the exit if it is asked for, found by
 * attaching one that does nothing.  0, or -errno; nothing stays.
 */
int bpfprobe_attach_try(const struct bpfprobe_target *target);

/*
 * Whether the kernel itself copies the packet of a TP or FENTRY, of a module found by loading a
 * program that has it done.  It does not where the module's BTF has a struct sk_buff or xdp_buff of
 * its own, if only by its number: the verifier wants the kernel's (btf_struct_ids_match(), strict).
 */
int bpfprobe_attach_copies(const struct bpfprobe_target *target);

#endif
