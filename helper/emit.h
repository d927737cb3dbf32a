/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The eBPF instructions for those of a filter, one by one; translate.h says what
 * the whole is.  Registers of the function:
 *
 *   r6  the view           r7  A, its upper half 0
 *   r9  view->avail        r8  X, the same
 *   fp  scratch memory: M[i] at fp - 4 * (i + 1)
 */
#ifndef BPFPROBE_EMIT_H
#define BPFPROBE_EMIT_H

#include <linux/bpf.h>
#include <linux/filter.h>

/* Functions longer than this are refused: the verifier would not follow them. */
#define BPFPROBE_EMIT_MAX 120000

struct bpfprobe_jump {
	unsigned int at;    /* instruction whose offset is to be filled in */
	unsigned int label; /* where it leads */
};

struct bpfprobe_emit {
	struct bpf_insn *insns; /* free() all three */
	unsigned int *labels;	/* where each label is */
	struct bpfprobe_jump *jumps;
	unsigned int count, nlabels, njumps; /* of them */
	unsigned int insns_max, labels_max, jumps_max;
	unsigned int reads;		     /* enum bpfprobe_reads */
	unsigned int hdrlen_min, hdrlen_max; /* see bpfprobe_translate() */
	int calls_indirect;		     /* loads at X + k are left to the load function */
	int calls_only;			     /* all loads are; see bpfprobe_emit_again() */
	unsigned int window;		     /* see struct bpfprobe_translation */
	int looks;			     /* anything of the view is read */
	unsigned int beside;		     /* see BPFPROBE_MARK_BESIDE */
	int loads;			     /* bytes are */
	unsigned int rejected, undecided, failed; /* labels of the ends; failed: r0 is a load's error */
	unsigned int beyond, again; /* labels: a load is not within avail; cannot be told so simply */
	int err;				  /* -errno of what went wrong first */
};

/* Which ancillary data (SKF_AD_*) the instruction loads, or -1: it is not such a load. */
int bpfprobe_emit_ancillary(const struct sock_filter *insn);

/* Offset of the view's field for ancillary data; -1: there is none. */
int bpfprobe_emit_field(unsigned int ancillary);

/* Begins; nothing is allocated yet. */
void bpfprobe_emit_init(struct bpfprobe_emit *out, unsigned int reads, unsigned int hdrlen_min,
    unsigned int hdrlen_max);

/* Notes what the instruction reads of the view; for all of them, before begin(). */
void bpfprobe_emit_needs(struct bpfprobe_emit *out, const struct sock_filter *insn);

/* A new label, never 0, and the place where it is. */
unsigned int bpfprobe_emit_label(struct bpfprobe_emit *out);
void bpfprobe_emit_here(struct bpfprobe_emit *out, unsigned int label);

/* The registers; `words` has a bit for each word of scratch memory that is read. */
void bpfprobe_emit_begin(struct bpfprobe_emit *out, unsigned int words);

/*
 * After the last instruction: where a load has failed, the filter begins again, with
 * the load function for every load, unless all of the packet was there, which is then
 * too short.  Returns 1 if its instructions have to follow once more, else 0.  A copy
 * for that, and not a call beside each load, spares the verifier most of its work, and
 * the processor's cache the half of what usually runs.
 */
int bpfprobe_emit_again(struct bpfprobe_emit *out, unsigned int words);

/* Any instruction but a jump. */
void bpfprobe_emit_insn(struct bpfprobe_emit *out, const struct sock_filter *insn);

void bpfprobe_emit_goto(struct bpfprobe_emit *out, unsigned int label);

/* A conditional jump; label 0: go on with what follows. */
void bpfprobe_emit_branch(struct bpfprobe_emit *out, const struct sock_filter *insn,
    unsigned int if_true, unsigned int if_false);

/* The ends, and the offsets of all jumps.  0, -E2BIG or -ENOMEM. */
int bpfprobe_emit_end(struct bpfprobe_emit *out);

#endif
