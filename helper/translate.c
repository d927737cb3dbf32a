/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See translate.h.  A node is an instruction of the filter in one of the copies
 * that backward jumps lead into; nodes are translated in their order, so that all
 * jumps of the function go forward.  Only nodes that can be reached are: the
 * verifier refuses dead code.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "bpf/view.h"
#include "helper/emit.h"
#include "helper/translate.h"

struct translator {
	const struct sock_filter *filter;
	unsigned int count;
	unsigned int copies;
	unsigned char *reached; /* of each node */
	unsigned int *labels;	/* of each node: its label in `out`, of the instructions that come now */
	unsigned int words;	/* of the scratch memory that are read: a bit each */
	struct bpfprobe_emit out;
	char *why;
	size_t size;
};

static int __attribute__((format(printf, 2, 3)))
refuse(struct translator *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->why, t->size, fmt, ap);
	va_end(ap);
	return -1;
}

/*
 * What is checked before: as bpf_validate() of libpcap.
 */

static int
is_known(const struct sock_filter *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		return BPF_MODE(insn->code) != BPF_MSH && BPF_MODE(insn->code) <= BPF_LEN &&
		       BPF_SIZE(insn->code) != BPF_DW;
	case BPF_LDX:
		return BPF_MODE(insn->code) == BPF_IMM || BPF_MODE(insn->code) == BPF_MEM ||
		       BPF_MODE(insn->code) == BPF_LEN || BPF_MODE(insn->code) == BPF_MSH;
	case BPF_ALU:
		return BPF_OP(insn->code) <= BPF_XOR;
	case BPF_JMP:
		return BPF_OP(insn->code) <= BPF_JSET;
	case BPF_RET:
		return BPF_RVAL(insn->code) == BPF_K || BPF_RVAL(insn->code) == BPF_A;
	case BPF_MISC:
		return BPF_MISCOP(insn->code) == BPF_TAX || BPF_MISCOP(insn->code) == BPF_TXA;
	default: /* BPF_ST, BPF_STX */
		return 1;
	}
}

static int
uses_memory(const struct sock_filter *insn)
{
	unsigned int class = BPF_CLASS(insn->code);

	return class == BPF_ST || class == BPF_STX ||
	       ((class == BPF_LD || class == BPF_LDX) && BPF_MODE(insn->code) == BPF_MEM);
}

static int
is_valid(const struct sock_filter *filter, unsigned int count, unsigned int at)
{
	const struct sock_filter *insn = &filter[at];
	unsigned int op = BPF_OP(insn->code);

	if (!is_known(insn) || (uses_memory(insn) && insn->k >= BPF_MEMWORDS))
		return 0;
	if (BPF_CLASS(insn->code) == BPF_ALU && BPF_SRC(insn->code) == BPF_K && insn->k == 0)
		return op != BPF_DIV && op != BPF_MOD;
	if (BPF_CLASS(insn->code) != BPF_JMP)
		return 1;
	if (op != BPF_JA)
		return at + 1 + insn->jt < count && at + 1 + insn->jf < count;
	/* k is signed in fact: a program of "protochain" jumps back. */
	return (long long)at + 1 + (int)insn->k >= 0 && (long long)at + 1 + (int)insn->k < count;
}

static int
is_shift_too_far(const struct sock_filter *insn)
{
	return BPF_CLASS(insn->code) == BPF_ALU && BPF_SRC(insn->code) == BPF_K && insn->k > 31 &&
	       (BPF_OP(insn->code) == BPF_LSH || BPF_OP(insn->code) == BPF_RSH);
}

static int
check(struct translator *t)
{
	unsigned int i;
	int ancillary;

	if (t->count == 0 || t->count > BPFPROBE_FILTER_MAX)
		return refuse(t, "the filter has %u instructions, not 1 to %d", t->count, BPFPROBE_FILTER_MAX);
	for (i = 0; i < t->count; i++) {
		if (!is_valid(t->filter, t->count, i))
			return refuse(t, "the filter is not a valid BPF program");
		if (is_shift_too_far(&t->filter[i])) /* whatever C makes of it */
			return refuse(t, "the filter shifts by %u bits", t->filter[i].k);
		ancillary = bpfprobe_emit_ancillary(&t->filter[i]);
		if (ancillary >= 0 && bpfprobe_emit_field((unsigned int)ancillary) < 0)
			return refuse(t, "the filter loads ancillary data %d, which a probe does not have", ancillary);
	}
	if (BPF_CLASS(t->filter[t->count - 1].code) != BPF_RET)
		return refuse(t, "the filter is not a valid BPF program");
	return 0;
}

/*
 * Nodes.
 */

#define NOWHERE ((unsigned int)-1)

/* The node that a jump at `node` leads to; NOWHERE: there is no further copy. */
static unsigned int
jump_target(const struct translator *t, unsigned int node, int distance)
{
	unsigned int at = node % t->count, copy = node / t->count;
	unsigned int target = (unsigned int)((int)at + 1 + distance);

	if (distance < 0 && ++copy >= t->copies)
		return NOWHERE;
	return copy * t->count + target;
}

static void
reach(struct translator *t, unsigned int node)
{
	if (node != NOWHERE)
		t->reached[node] = 1;
}

/* Marks what can be reached, and notes what it needs. */
static void
walk(struct translator *t)
{
	const struct sock_filter *insn;
	unsigned int node;

	t->reached[0] = 1;
	for (node = 0; node < t->copies * t->count; node++) {
		if (!t->reached[node])
			continue;
		insn = &t->filter[node % t->count];
		if (uses_memory(insn) && BPF_CLASS(insn->code) < BPF_ST)
			t->words |= 1U << insn->k;
		bpfprobe_emit_needs(&t->out, insn);
		if (BPF_CLASS(insn->code) == BPF_RET)
			continue;
		if (BPF_CLASS(insn->code) != BPF_JMP) {
			reach(t, node + 1);
		} else if (BPF_OP(insn->code) == BPF_JA) {
			reach(t, jump_target(t, node, (int)insn->k));
		} else {
			reach(t, jump_target(t, node, insn->jt));
			reach(t, jump_target(t, node, insn->jf));
		}
	}
}

static unsigned int
label_of(struct translator *t, unsigned int node)
{
	return node == NOWHERE ? t->out.undecided : t->labels[node];
}

static void
translate_jump(struct translator *t, unsigned int node)
{
	const struct sock_filter *insn = &t->filter[node % t->count];

	if (BPF_OP(insn->code) == BPF_JA) {
		bpfprobe_emit_goto(&t->out, label_of(t, jump_target(t, node, (int)insn->k)));
		return;
	}
	bpfprobe_emit_branch(&t->out, insn, insn->jt ? label_of(t, jump_target(t, node, insn->jt)) : 0,
	    insn->jf ? label_of(t, jump_target(t, node, insn->jf)) : 0);
}

static void
translate_nodes(struct translator *t)
{
	const struct sock_filter *insn;
	unsigned int node, nodes = t->copies * t->count;

	for (node = 0; node < nodes; node++) {
		if (t->reached[node])
			t->labels[node] = bpfprobe_emit_label(&t->out);
	}
	for (node = 0; node < nodes; node++) {
		if (!t->reached[node])
			continue;
		insn = &t->filter[node % t->count];
		bpfprobe_emit_here(&t->out, t->labels[node]);
		if (BPF_CLASS(insn->code) == BPF_JMP)
			translate_jump(t, node);
		else
			bpfprobe_emit_insn(&t->out, insn);
	}
}

static int
translate_all(struct translator *t)
{
	bpfprobe_emit_begin(&t->out, t->words);
	translate_nodes(t);
	if (bpfprobe_emit_again(&t->out, t->words))
		translate_nodes(t);
	switch (bpfprobe_emit_end(&t->out)) {
	case 0:
		return 0;
	case -E2BIG:
		return refuse(t, "the filter is too long for the kernel: %u instructions", t->count);
	default:
		return refuse(t, "no memory for a filter of %u instructions", t->count);
	}
}

static int
jumps_back(const struct translator *t)
{
	unsigned int i;

	for (i = 0; i < t->count; i++) {
		if (t->filter[i].code == (BPF_JMP | BPF_JA) && (int)t->filter[i].k < 0)
			return 1;
	}
	return 0;
}

int
bpfprobe_translate(struct bpfprobe_translation *translation, const struct sock_filter *filter,
    unsigned int count, unsigned int reads, unsigned int hdrlen_min, unsigned int hdrlen_max,
    char *why, size_t size)
{
	struct translator t;
	int err;

	memset(&t, 0, sizeof(t));
	t.filter = filter;
	t.count = count;
	t.why = why;
	t.size = size;
	if (check(&t) < 0)
		return -1;
	t.copies = jumps_back(&t) ? BPFPROBE_LOOPS_MAX + 1 : 1;
	t.reached = calloc(t.copies, count);
	t.labels = calloc(t.copies * count, sizeof(*t.labels));
	bpfprobe_emit_init(&t.out, reads, hdrlen_min, hdrlen_max);
	/* The verifier would follow each value of X through all copies. */
	t.out.calls_indirect = t.copies > 1;
	if (t.reached == NULL || t.labels == NULL) {
		err = refuse(&t, "no memory for a filter of %u instructions", count);
	} else {
		walk(&t);
		err = translate_all(&t);
	}
	free(t.reached);
	free(t.labels);
	free(t.out.labels);
	free(t.out.jumps);
	if (err < 0) {
		free(t.out.insns);
		return -1;
	}
	translation->insns = t.out.insns;
	translation->count = t.out.count;
	translation->window = t.out.window;
	translation->constant = !t.out.looks;
	translation->beside = t.out.beside;
	return 0;
}
