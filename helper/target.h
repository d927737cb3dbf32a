/* SPDX-License-Identifier: BSD-3-Clause */
/* What holds for a target whether it is named or one of those that a pattern stands for. */
#ifndef BPFPROBE_TARGET_H
#define BPFPROBE_TARGET_H

#include "helper/attach.h"
#include "helper/fail.h"
#include "helper/types.h"

/* What a tracepoint's typedef in BTF is called: this, and the tracepoint's name. */
#define TRACEPOINT_PREFIX "btf_trace_"

/* Arguments that are passed in registers, which a kprobe reaches (x86-64; more elsewhere). */
#define BPFPROBE_REGISTERS 6

/* Whether a type of this name is that of a tracepoint. */
int bpfprobe_target_is_tracepoint(const char *name);

/* Whether it is one of the functions that the kernel makes for each tracepoint. */
int bpfprobe_target_is_made(const char *name);

/* What the user may have meant: "tracepoint", "function" or both. */
const char *bpfprobe_target_noun(const struct bpfprobe_name *asked);

/*
 * Fills in what BTF says: argument, return value if it is asked for, number of the type,
 * which is a tracepoint's typedef or a function.  `what` names the target in messages.  0,
 * or -1 with *reply filled in.
 */
int bpfprobe_target_set_type(struct bpfprobe_target *target, const struct bpfprobe_type *type,
    const struct bpfprobe_name *asked, const char *what, struct bpfprobe_reply *reply);

/* Makes it one by address, of this kind: the kernel takes no number of a type for its program. */
void bpfprobe_target_go_untyped(struct bpfprobe_target *target, enum bpfprobe_kind kind);

/* Whether a program of its kind reaches the argument.  0, or -1 with *reply filled in. */
int bpfprobe_target_check_reach(
    const struct bpfprobe_target *target, const char *what, struct bpfprobe_reply *reply);

/*
 * Whether this user may ask for it, which for some only root may; `given` is what the user
 * wrote, without what is known.  0, or -1 with *reply filled in.
 */
int bpfprobe_target_check_trust(const struct bpfprobe_name *given, const struct bpfprobe_target *target,
    int typed, const char *what, struct bpfprobe_reply *reply);

/* Whether a tracepoint's program can do something with an argument of this form. */
int bpfprobe_target_is_for_tracepoint(const struct bpfprobe_target *target);

/* Whether the packet is what a program at fentry is given, and is one that it may output. */
int bpfprobe_target_is_for_fentry(const struct bpfprobe_target *target);

/*
 * Whether packets there have what is asked for: those of XDP belong to no socket.  0, or -1
 * with *reply filled in.
 */
int bpfprobe_target_check_who(const struct bpfprobe_target *targets, unsigned int count,
    const struct bpfprobe_who *who, struct bpfprobe_reply *reply);

/*
 * Order of targets by what a program is told of its place: 0 where one can be at both, and find there
 * packet, reason, socket and result where it is told they are.
 */
int bpfprobe_target_compare(const struct bpfprobe_target *a, const struct bpfprobe_target *b);

/* Whether its packets can be followed from probe to probe.  0, or -1 with *reply filled in. */
int bpfprobe_target_check_track(
    const struct bpfprobe_target *targets, unsigned int count, struct bpfprobe_reply *reply);

/* The direction of all packets at this function, or that it is told from the packet. */
enum bpfprobe_direction bpfprobe_target_direction(const struct bpfprobe_target *target);

#endif
