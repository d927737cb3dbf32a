/* SPDX-License-Identifier: BSD-3-Clause */
/* See fold.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "helper/fold.h"

#define OFFSET_MAX 0x7fffffffU /* of the packet: ancillary data, and the end of numbers, are far behind */

/*
 * What is known of a register: the number itself, or a bound.  `less` is how much less it holds
 * now than in the filter as it was: that is added again where it is an offset.
 */
struct value {
	uint32_t max; /* of what it was */
	uint32_t less;
	int known; /* it was exactly max */
	int lost;  /* how much less depends on the way here: it must not be needed */
};

enum { A, X, M, REGISTERS = M + BPF_MEMWORDS };

struct state {
	struct value values[REGISTERS];
	int reached;
};

struct fold {
	struct sock_filter *filter; /* the copy */
	struct state *states;	    /* in front of each instruction */
	unsigned int count;
	unsigned int first;
	int shifts; /* registers may hold less */
	int failed; /* one that does is needed whole */
};

static const struct value anything = { UINT32_MAX, 0, 0, 0 };

static struct value
number(uint32_t k)
{
	return (struct value){ k, 0, 1, 0 };
}

static struct value
at_most(uint32_t max)
{
	return (struct value){ max, 0, 0, 0 };
}

static void
set(struct sock_filter *insn, unsigned int code, uint32_t k)
{
	insn->code = (__u16)code;
	insn->k = k;
}

/* Of two ways to the same place. */
static void
meet(struct state *to, const struct state *from)
{
	unsigned int i;

	if (!to->reached) {
		*to = *from;
		return;
	}
	for (i = 0; i < REGISTERS; i++) {
		struct value *a = &to->values[i];
		const struct value *b = &from->values[i];

		a->lost |= b->lost || a->less != b->less;
		a->known = a->known && b->known && a->max == b->max;
		if (a->max < b->max)
			a->max = b->max;
	}
}

/* The number is needed as it was. */
static struct value
whole(struct fold *fold, struct value value)
{
	if (value.less > 0 || value.lost)
		fold->failed = 1;
	return value;
}

static uint32_t
size_max(const struct sock_filter *insn)
{
	return BPF_SIZE(insn->code) == BPF_W ? UINT32_MAX : BPF_SIZE(insn->code) == BPF_H ? 0xffff : 0xff;
}

static struct value
load(struct fold *fold, struct sock_filter *insn, struct state *state)
{
	const struct value *x = &state->values[X], *m = &state->values[M + insn->k % BPF_MEMWORDS];
	unsigned int class = BPF_CLASS(insn->code), mode = BPF_MODE(insn->code);

	/* Not valid: to be refused as it is. */
	if ((class == BPF_LDX && (mode == BPF_IND || mode == BPF_ABS)) || (mode == BPF_MEM && insn->k >= BPF_MEMWORDS))
		return anything;
	switch (mode) {
	case BPF_IMM:
		return number(insn->k);
	case BPF_MEM:
		if (m->known)
			set(insn, class | BPF_IMM, m->max);
		return m->known ? number(m->max) : *m;
	case BPF_MSH:
		return at_most(60);
	case BPF_IND:
		if (x->lost)
			whole(fold, *x);
		else if (x->known && (uint64_t)x->max + insn->k <= OFFSET_MAX)
			set(insn, BPF_LD | BPF_ABS | BPF_SIZE(insn->code), insn->k + x->max);
		else if ((uint64_t)x->less + insn->k <= OFFSET_MAX)
			insn->k += x->less;
		else
			whole(fold, *x);
		break;
	case BPF_ABS:
		if (insn->k == 0 && BPF_SIZE(insn->code) == BPF_B) {
			set(insn, BPF_LD | BPF_IMM, fold->first);
			return number(fold->first);
		}
		break;
	default: /* BPF_LEN */
		return anything;
	}
	return at_most(size_max(insn));
}

static int
compute(unsigned int op, uint32_t a, uint32_t b, uint32_t *result)
{
	switch (op) {
	case BPF_ADD:
		*result = a + b;
		return 1;
	case BPF_SUB:
		*result = a - b;
		return 1;
	case BPF_AND:
		*result = a & b;
		return 1;
	case BPF_OR:
		*result = a | b;
		return 1;
	case BPF_LSH:
		*result = b < 32 ? a << b : 0;
		return b < 32;
	case BPF_RSH:
		*result = b < 32 ? a >> b : 0;
		return b < 32;
	default:
		return 0;
	}
}

/* What is not a number before, nor behind it. */
static uint32_t
bound(unsigned int op, const struct value *a, const struct value *b)
{
	uint64_t most = a->max;

	if (op == BPF_AND)
		return b->known && b->max < a->max ? b->max : a->max;
	if (op == BPF_LSH && b->known && b->max < 32)
		most <<= b->max;
	else if (op == BPF_ADD)
		most += b->max;
	else if (op == BPF_RSH)
		return a->max;
	else
		return UINT32_MAX;
	return most > UINT32_MAX ? UINT32_MAX : (uint32_t)most;
}

static struct value
calculate(struct fold *fold, struct sock_filter *insn, const struct state *state)
{
	unsigned int op = BPF_OP(insn->code), by_x = BPF_SRC(insn->code) == BPF_X && op != BPF_NEG;
	struct value a = state->values[A], b = by_x ? state->values[X] : number(insn->k);
	struct value result;

	if (a.known && b.known && op != BPF_NEG && compute(op, a.max, b.max, &result.max)) {
		set(insn, BPF_LD | BPF_IMM, result.max);
		return number(result.max);
	}
	result = at_most(bound(op, &a, &b));
	/* A sum that cannot become too large: the known part of it is left out. */
	if (fold->shifts && op == BPF_ADD && by_x && b.known && !a.lost && (uint64_t)a.max + b.max <= OFFSET_MAX) {
		result.less = a.less + b.max;
		set(insn, BPF_ALU | BPF_ADD | BPF_K, 0);
		return result;
	}
	whole(fold, a);
	whole(fold, b);
	return result;
}

/* What one instruction does; changes it, if less has to be done now. */
static void
step(struct fold *fold, struct sock_filter *insn, struct state *state)
{
	struct value *values = state->values;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		values[A] = load(fold, insn, state);
		break;
	case BPF_LDX:
		values[X] = load(fold, insn, state);
		break;
	case BPF_ST:
		values[M + insn->k % BPF_MEMWORDS] = values[A];
		break;
	case BPF_STX:
		values[M + insn->k % BPF_MEMWORDS] = values[X];
		break;
	case BPF_ALU:
		values[A] = calculate(fold, insn, state);
		break;
	case BPF_MISC:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			values[X] = values[A];
		else
			values[A] = values[X];
		break;
	case BPF_JMP:
		if (BPF_OP(insn->code) == BPF_JA)
			break;
		whole(fold, values[A]);
		if (BPF_SRC(insn->code) == BPF_X)
			whole(fold, values[X]);
		break;
	default: /* BPF_RET */
		if (BPF_RVAL(insn->code) == BPF_A)
			whole(fold, values[A]);
	}
}

/* On to where the instruction leads, which is never back. */
static void
follow(struct fold *fold, unsigned int at, const struct state *state)
{
	const struct sock_filter *insn = &fold->filter[at];

	if (BPF_CLASS(insn->code) == BPF_RET)
		return;
	if (BPF_CLASS(insn->code) != BPF_JMP) {
		meet(&fold->states[at + 1], state);
	} else if (BPF_OP(insn->code) == BPF_JA) {
		meet(&fold->states[at + 1 + insn->k], state);
	} else {
		meet(&fold->states[at + 1 + insn->jt], state);
		meet(&fold->states[at + 1 + insn->jf], state);
	}
}

/* Whether all jumps lead on, to instructions that are there. */
static int
goes_on(const struct sock_filter *filter, unsigned int count)
{
	unsigned int i, left;

	for (i = 0; i < count; i++) {
		left = count - 1 - i;
		if (BPF_CLASS(filter[i].code) != BPF_JMP) {
			if (left == 0 && BPF_CLASS(filter[i].code) != BPF_RET)
				return 0;
		} else if (BPF_OP(filter[i].code) == BPF_JA) {
			if (filter[i].k >= left)
				return 0;
		} else if (filter[i].jt >= left || filter[i].jf >= left) {
			return 0;
		}
	}
	return count > 0;
}

/* The copy, from the beginning; 0, or -1: it needs a number that was left out. */
static int
attempt(struct fold *fold, const struct sock_filter *filter)
{
	struct state state;
	unsigned int i;

	memcpy(fold->filter, filter, fold->count * sizeof(*filter));
	memset(fold->states, 0, fold->count * sizeof(*fold->states));
	fold->failed = 0;
	for (i = 0; i < REGISTERS; i++)
		fold->states[0].values[i] = anything;
	fold->states[0].reached = 1;
	for (i = 0; i < fold->count && !fold->failed; i++) {
		if (!fold->states[i].reached)
			continue;
		state = fold->states[i];
		step(fold, &fold->filter[i], &state);
		follow(fold, i, &state);
	}
	return fold->failed ? -1 : 0;
}

struct sock_filter *
bpfprobe_fold(const struct sock_filter *filter, unsigned int count, unsigned int first)
{
	struct fold fold = { .count = count, .first = first };

	fold.filter = malloc(count * sizeof(*fold.filter));
	fold.states = malloc(count * sizeof(*fold.states));
	if (fold.filter != NULL && fold.states != NULL && goes_on(filter, count)) {
		fold.shifts = 1;
		if (attempt(&fold, filter) < 0) {
			fold.shifts = 0;
			attempt(&fold, filter);
		}
	} else if (fold.filter != NULL) {
		memcpy(fold.filter, filter, count * sizeof(*filter));
	}
	if (fold.states == NULL) {
		free(fold.filter);
		fold.filter = NULL;
	}
	free(fold.states);
	return fold.filter;
}
