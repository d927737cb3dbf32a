/* SPDX-License-Identifier: BSD-3-Clause */
/* See emit.h. */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "bpf/view.h"
#include "helper/emit.h"
#include "helper/translate.h"

#define VIEW BPF_REG_6
#define A BPF_REG_7
#define X BPF_REG_8
#define AVAIL BPF_REG_9
#define FIELD(name) ((short)offsetof(struct bpfprobe_view, name))
#define WORD(i) ((short)(-4 * ((int)(i) + 1)))
/* The least window: what the programs need to make a link header. */
#define WINDOW_MIN 40
/* No packet is larger; a bound for the verifier, whose own is 2^29. */
#define OFFSET_MAX 0xfffffff
/* Of a pointer into the packet its own is 0xffff, for the end of what is read. */
#define PACKET_OFFSET_MAX 0xff00

/*
 * Instructions, labels, jumps.
 */

static int
grow(struct bpfprobe_emit *out, void **array, unsigned int count, unsigned int *max, size_t size)
{
	unsigned int more = *max ? *max * 2 : 64;
	void *larger;

	if (count < *max)
		return 0;
	larger = out->err ? NULL : realloc(*array, more * size);
	if (larger == NULL) {
		if (!out->err)
			out->err = -ENOMEM;
		return -1;
	}
	*array = larger;
	*max = more;
	return 0;
}

static void
put(struct bpfprobe_emit *out, int code, int dst, int src, int off, unsigned int imm)
{
	struct bpf_insn *insn;

	if (out->count >= BPFPROBE_EMIT_MAX)
		out->err = out->err ? out->err : -E2BIG;
	if (out->err || grow(out, (void **)&out->insns, out->count, &out->insns_max, sizeof(*insn)) < 0)
		return;
	insn = &out->insns[out->count++];
	memset(insn, 0, sizeof(*insn));
	insn->code = (__u8)code;
	insn->dst_reg = (__u8)(dst & 0xf);
	insn->src_reg = (__u8)(src & 0xf);
	insn->off = (__s16)off;
	insn->imm = (__s32)imm;
}

unsigned int
bpfprobe_emit_label(struct bpfprobe_emit *out)
{
	if (grow(out, (void **)&out->labels, out->nlabels, &out->labels_max, sizeof(*out->labels)) < 0)
		return 1;
	out->labels[out->nlabels++] = 0;
	return out->nlabels;
}

void
bpfprobe_emit_here(struct bpfprobe_emit *out, unsigned int label)
{
	if (!out->err)
		out->labels[label - 1] = out->count;
}

/* An instruction that jumps to the label. */
static void
jump(struct bpfprobe_emit *out, int code, int dst, int src, unsigned int imm, unsigned int label)
{
	if (grow(out, (void **)&out->jumps, out->njumps, &out->jumps_max, sizeof(*out->jumps)) < 0)
		return;
	out->jumps[out->njumps].at = out->count;
	out->jumps[out->njumps++].label = label;
	put(out, code, dst, src, 0, imm);
}

void
bpfprobe_emit_goto(struct bpfprobe_emit *out, unsigned int label)
{
	jump(out, BPF_JMP | BPF_JA, 0, 0, 0, label);
}

static void
move(struct bpfprobe_emit *out, int dst, int src)
{
	put(out, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

/* The upper half becomes 0. */
static void
set(struct bpfprobe_emit *out, int dst, unsigned int value)
{
	put(out, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, value);
}

/*
 * Loads of bytes.
 */

int
bpfprobe_emit_ancillary(const struct sock_filter *insn)
{
	unsigned int at = insn->k - (unsigned int)SKF_AD_OFF;

	if (BPF_CLASS(insn->code) != BPF_LD || BPF_MODE(insn->code) != BPF_ABS)
		return -1;
	return at < SKF_AD_MAX ? (int)at : -1;
}

int
bpfprobe_emit_field(unsigned int ancillary)
{
	switch (ancillary) {
	case SKF_AD_PROTOCOL:
		return FIELD(protocol);
	case SKF_AD_PKTTYPE:
		return FIELD(pkttype);
	case SKF_AD_IFINDEX:
		return FIELD(ifindex);
	case SKF_AD_HATYPE:
		return FIELD(hatype);
	default:
		return -1;
	}
}

static unsigned int
size_of(const struct sock_filter *insn)
{
	if (BPF_CLASS(insn->code) == BPF_LDX) /* msh */
		return 1;
	return BPF_SIZE(insn->code) == BPF_W ? 4 : BPF_SIZE(insn->code) == BPF_H ? 2 : 1;
}

static int
code_of(unsigned int size)
{
	return BPF_LDX | BPF_MEM | (size == 4 ? BPF_W : size == 2 ? BPF_H : BPF_B);
}

/* dst = `size` bytes at base + off, by reads of `piece` bytes; r0 is overwritten. */
static void
read_pieces(struct bpfprobe_emit *out, int dst, int base, int off, unsigned int size, unsigned int piece)
{
	unsigned int i;
	int to;

	for (i = 0; i < size; i += piece) {
		to = i == 0 ? dst : BPF_REG_0;
		put(out, code_of(piece), to, base, off + (int)i, 0);
		if (piece > 1)
			put(out, BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0, piece * 8);
		if (i == 0)
			continue;
		put(out, BPF_ALU | BPF_LSH | BPF_K, dst, 0, 0, piece * 8);
		put(out, BPF_ALU | BPF_OR | BPF_X, dst, BPF_REG_0, 0, 0);
	}
}

/* At a known place of the window, which is on the stack: the verifier wants each read aligned. */
static void
read_window(struct bpfprobe_emit *out, int dst, unsigned int k, unsigned int size)
{
	unsigned int piece = size;

	while ((offsetof(struct bpfprobe_view, window) + k) % piece != 0)
		piece /= 2;
	read_pieces(out, dst, VIEW, FIELD(window) + (int)k, size, piece);
}

/* The load function; r2 has the offset. */
static void
call_load(struct bpfprobe_emit *out, int dst, unsigned int size)
{
	move(out, BPF_REG_1, VIEW);
	set(out, BPF_REG_3, size);
	put(out, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, (unsigned int)BPFPROBE_CALL_LOAD);
	jump(out, BPF_JMP | BPF_JSLT | BPF_K, BPF_REG_0, 0, 0, out->failed);
	move(out, dst, BPF_REG_0);
}

/* Whether what is behind the link header is read where it is. */
static int
is_direct(const struct bpfprobe_emit *out)
{
	return (out->reads & (BPFPROBE_READS_DIRECT | BPFPROBE_READS_PACKET)) != 0;
}

/*
 * For the verifier: r1 leads into the packet, and `n` bytes from there on are read next.
 * It has never to be asked twice, since avail ends no later.
 */
static void
check_packet(struct bpfprobe_emit *out, unsigned int n)
{
	if (!(out->reads & BPFPROBE_READS_PACKET))
		return;
	move(out, BPF_REG_2, BPF_REG_1);
	put(out, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, n);
	put(out, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, VIEW, FIELD(end), 0);
	jump(out, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_2, BPF_REG_0, 0, out->again);
}

static void
read_direct(struct bpfprobe_emit *out, int dst, unsigned int k, unsigned int size)
{
	jump(out, BPF_JMP32 | BPF_JLT | BPF_K, AVAIL, 0, k + size, out->beyond);
	put(out, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, VIEW, FIELD(base), 0);
	if (out->reads & BPFPROBE_READS_PACKET)
		k -= out->hdrlen_max;
	check_packet(out, k + size);
	read_pieces(out, dst, BPF_REG_1, (int)k, size, size);
}

/* With direct reads, of a header that may be there or not: at run time. */
static void
read_either(struct bpfprobe_emit *out, int dst, unsigned int k, unsigned int size)
{
	unsigned int direct = bpfprobe_emit_label(out), done = bpfprobe_emit_label(out);

	put(out, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, VIEW, FIELD(hdrlen), 0);
	jump(out, BPF_JMP32 | BPF_JLE | BPF_K, BPF_REG_0, 0, k, direct);
	jump(out, BPF_JMP32 | BPF_JLT | BPF_K, BPF_REG_0, 0, k + size, out->again);
	read_window(out, dst, k, size);
	bpfprobe_emit_goto(out, done);
	bpfprobe_emit_here(out, direct);
	read_direct(out, dst, k, size);
	bpfprobe_emit_here(out, done);
}

static void
load_constant(struct bpfprobe_emit *out, int dst, unsigned int k, unsigned int size)
{
	int direct = is_direct(out);

	if (direct && k < out->hdrlen_min && k + size <= out->hdrlen_min) {
		read_window(out, dst, k, size); /* the header is always there */
	} else if (out->calls_only) {
		set(out, BPF_REG_2, k);
		call_load(out, dst, size);
	} else if (direct && k >= out->hdrlen_max && k <= SHRT_MAX - 4) {
		read_direct(out, dst, k, size);
	} else if (direct && k < out->hdrlen_max && out->hdrlen_min < out->hdrlen_max) {
		read_either(out, dst, k, size);
	} else if (!direct && k < out->window && k + size <= out->window) {
		jump(out, BPF_JMP32 | BPF_JLT | BPF_K, AVAIL, 0, k + size, out->beyond);
		read_window(out, dst, k, size);
	} else {
		set(out, BPF_REG_2, k);
		call_load(out, dst, size);
	}
}

/* Whether loads at X + k are read, where they can be, and not called for. */
static int
reads_indirect(const struct bpfprobe_emit *out, unsigned int k, unsigned int size)
{
	if (out->calls_only || out->calls_indirect)
		return 0;
	if (is_direct(out))
		return 1;
	return (out->reads & BPFPROBE_READS_VARIABLE) && k < out->window && k + size <= out->window;
}

/*
 * At X + k, in r2; not above 2^33, since X and k have 32 bits each.  In a header of
 * ours only "ether[X]" and the like look there: that is left to the load function.
 */
static void
load_indirect(struct bpfprobe_emit *out, int dst, unsigned int k, unsigned int size)
{
	int direct = is_direct(out);

	set(out, BPF_REG_2, k);
	put(out, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_2, X, 0, 0);
	if (!reads_indirect(out, k, size)) {
		call_load(out, dst, size);
		return;
	}
	/* For the verifier; and the end of it must be within what is there. */
	jump(out, BPF_JMP | BPF_JGT | BPF_K, BPF_REG_2, 0, direct ? OFFSET_MAX : out->window - size, out->beyond);
	if (direct && out->hdrlen_max > 0) {
		put(out, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, VIEW, FIELD(hdrlen), 0);
		jump(out, BPF_JMP | BPF_JLT | BPF_X, BPF_REG_2, BPF_REG_0, 0, out->again);
	}
	/*
	 * Not r2 + size > avail: where the verifier knows that sum for a copy of r2
	 * (commit 98d7ca374ba4, 6.12) it can make a number of r2 that it then does
	 * not take as an offset.
	 */
	move(out, BPF_REG_3, AVAIL);
	put(out, BPF_ALU64 | BPF_SUB | BPF_K, BPF_REG_3, 0, 0, size);
	jump(out, BPF_JMP | BPF_JSGT | BPF_X, BPF_REG_2, BPF_REG_3, 0, out->beyond);
	if (out->reads & BPFPROBE_READS_PACKET) {
		put(out, BPF_ALU64 | BPF_SUB | BPF_K, BPF_REG_2, 0, 0, out->hdrlen_max);
		jump(out, BPF_JMP | BPF_JGT | BPF_K, BPF_REG_2, 0, PACKET_OFFSET_MAX, out->again);
	}
	if (direct)
		put(out, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, VIEW, FIELD(base), 0);
	else
		move(out, BPF_REG_1, VIEW);
	put(out, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	check_packet(out, size);
	/* The alignment of a read of the stack would have to be known. */
	read_pieces(out, dst, BPF_REG_1, direct ? 0 : FIELD(window), size, direct ? size : 1);
}

static void
load(struct bpfprobe_emit *out, int dst, const struct sock_filter *insn)
{
	int ancillary = bpfprobe_emit_ancillary(insn);

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		set(out, dst, insn->k);
		break;
	case BPF_MEM:
		put(out, BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_10, WORD(insn->k), 0);
		break;
	case BPF_LEN:
		put(out, BPF_LDX | BPF_MEM | BPF_W, dst, VIEW, FIELD(len), 0);
		break;
	case BPF_IND:
		load_indirect(out, dst, insn->k, size_of(insn));
		break;
	case BPF_MSH:
		load_constant(out, dst, insn->k, 1);
		put(out, BPF_ALU | BPF_AND | BPF_K, dst, 0, 0, 0xf);
		put(out, BPF_ALU | BPF_LSH | BPF_K, dst, 0, 0, 2);
		break;
	default: /* BPF_ABS */
		if (ancillary >= 0)
			put(out, BPF_LDX | BPF_MEM | BPF_W, dst, VIEW,
			    bpfprobe_emit_field((unsigned int)ancillary), 0);
		else
			load_constant(out, dst, insn->k, size_of(insn));
	}
}

/*
 * The rest.
 */

static void
calculate(struct bpfprobe_emit *out, const struct sock_filter *insn)
{
	unsigned int op = BPF_OP(insn->code), done;
	int by_x = BPF_SRC(insn->code) == BPF_X;

	if (op == BPF_NEG)
		by_x = 0;
	else if (by_x && (op == BPF_DIV || op == BPF_MOD))
		jump(out, BPF_JMP32 | BPF_JEQ | BPF_K, X, 0, 0, out->rejected);
	if (!by_x || (op != BPF_LSH && op != BPF_RSH)) {
		put(out, BPF_ALU | (int)op | (by_x ? BPF_X : BPF_K), A, by_x ? X : 0, 0,
		    by_x || op == BPF_NEG ? 0 : insn->k);
		return;
	}
	/* A shift by more than the register has leaves nothing; the processor's would wrap. */
	done = bpfprobe_emit_label(out);
	move(out, BPF_REG_0, X);
	jump(out, BPF_JMP32 | BPF_JLT | BPF_K, BPF_REG_0, 0, 32, done);
	set(out, A, 0);
	set(out, BPF_REG_0, 0);
	bpfprobe_emit_here(out, done);
	put(out, BPF_ALU | (int)op | BPF_X, A, BPF_REG_0, 0, 0);
}

void
bpfprobe_emit_insn(struct bpfprobe_emit *out, const struct sock_filter *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		load(out, A, insn);
		break;
	case BPF_LDX:
		load(out, X, insn);
		break;
	case BPF_ST:
	case BPF_STX:
		put(out, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_CLASS(insn->code) == BPF_ST ? A : X,
		    WORD(insn->k), 0);
		break;
	case BPF_ALU:
		calculate(out, insn);
		break;
	case BPF_MISC:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			move(out, X, A);
		else
			move(out, A, X);
		break;
	default: /* BPF_RET */
		if (BPF_RVAL(insn->code) == BPF_A)
			move(out, BPF_REG_0, A);
		else
			set(out, BPF_REG_0, insn->k);
		put(out, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
}

static unsigned int
inverse(unsigned int op)
{
	return op == BPF_JEQ ? BPF_JNE : op == BPF_JGT ? BPF_JLE : BPF_JLT;
}

void
bpfprobe_emit_branch(struct bpfprobe_emit *out, const struct sock_filter *insn,
    unsigned int if_true, unsigned int if_false)
{
	unsigned int op = BPF_OP(insn->code), skip;
	int src = BPF_SRC(insn->code) == BPF_X ? X : 0;
	int code = BPF_JMP32 | BPF_SRC(insn->code);
	unsigned int imm = src ? 0 : insn->k;

	if (!if_true && !if_false)
		return;
	if (!if_true && op != BPF_JSET) {
		jump(out, code | (int)inverse(op), A, src, imm, if_false);
		return;
	}
	skip = if_true ? if_true : bpfprobe_emit_label(out);
	jump(out, code | (int)op, A, src, imm, skip);
	if (if_false)
		bpfprobe_emit_goto(out, if_false);
	if (!if_true)
		bpfprobe_emit_here(out, skip);
}

void
bpfprobe_emit_init(struct bpfprobe_emit *out, unsigned int reads, unsigned int hdrlen_min,
    unsigned int hdrlen_max)
{
	memset(out, 0, sizeof(*out));
	out->reads = reads;
	out->hdrlen_min = hdrlen_min;
	out->hdrlen_max = hdrlen_max;
	out->window = hdrlen_max < WINDOW_MIN ? WINDOW_MIN : hdrlen_max + 8;
	out->rejected = bpfprobe_emit_label(out);
	out->undecided = bpfprobe_emit_label(out);
	out->failed = bpfprobe_emit_label(out);
	out->beyond = bpfprobe_emit_label(out);
	out->again = bpfprobe_emit_label(out);
}

void
bpfprobe_emit_needs(struct bpfprobe_emit *out, const struct sock_filter *insn)
{
	unsigned int class = BPF_CLASS(insn->code), mode = BPF_MODE(insn->code), end;

	if ((class != BPF_LD && class != BPF_LDX) || mode == BPF_IMM || mode == BPF_MEM)
		return;
	out->looks = 1;
	if (bpfprobe_emit_ancillary(insn) >= 0)
		out->beside = 1;
	if (mode == BPF_LEN || bpfprobe_emit_ancillary(insn) >= 0)
		return;
	out->loads = 1;
	/* At X + k or k: behind the protocol, and in the header. */
	if (insn->k < out->hdrlen_min && (mode == BPF_IND || insn->k + size_of(insn) > 2))
		out->beside = 1;
	if (insn->k > BPFPROBE_WINDOW_MAX)
		return;
	/* X is the length of an IPv4 header as a rule: 20. */
	end = insn->k + size_of(insn) + (mode == BPF_IND ? 20 : 0);
	end = (end + 7) / 8 * 8;
	if (end > BPFPROBE_WINDOW_MAX)
		end = mode == BPF_IND || insn->k + size_of(insn) <= BPFPROBE_WINDOW_MAX ? BPFPROBE_WINDOW_MAX : 0;
	if (end > out->window)
		out->window = end;
}

/* As a filter finds them: all 0. */
static void
clear(struct bpfprobe_emit *out, unsigned int words)
{
	unsigned int i;

	set(out, A, 0);
	set(out, X, 0);
	for (i = 0; i < BPF_MEMWORDS; i++) {
		if (words & 1U << i)
			put(out, BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, WORD(i), 0);
	}
}

void
bpfprobe_emit_begin(struct bpfprobe_emit *out, unsigned int words)
{
	move(out, VIEW, BPF_REG_1);
	if (out->loads)
		put(out, BPF_LDX | BPF_MEM | BPF_W, AVAIL, VIEW, FIELD(avail), 0);
	clear(out, words);
}

/* What nothing jumps to would be dead code. */
static int
is_used(const struct bpfprobe_emit *out, unsigned int label)
{
	unsigned int i;

	for (i = 0; i < out->njumps; i++) {
		if (out->jumps[i].label == label)
			return 1;
	}
	return 0;
}

int
bpfprobe_emit_again(struct bpfprobe_emit *out, unsigned int words)
{
	if (is_used(out, out->beyond)) {
		bpfprobe_emit_here(out, out->beyond);
		put(out, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_0, VIEW, FIELD(limit), 0);
		jump(out, BPF_JMP32 | BPF_JGE | BPF_X, AVAIL, BPF_REG_0, 0, out->rejected);
	} else if (!is_used(out, out->again)) {
		return 0;
	}
	bpfprobe_emit_here(out, out->again);
	clear(out, words);
	out->calls_only = 1;
	return 1;
}

static void
end_with(struct bpfprobe_emit *out, unsigned int label, int verdict)
{
	bpfprobe_emit_here(out, label);
	put(out, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, (unsigned int)verdict);
	put(out, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

int
bpfprobe_emit_end(struct bpfprobe_emit *out)
{
	unsigned int i;
	int distance;

	if (is_used(out, out->failed)) {
		bpfprobe_emit_here(out, out->failed);
		jump(out, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, (unsigned int)BPFPROBE_BEYOND, out->rejected);
	} /* and what is not beyond is undecided */
	if (is_used(out, out->undecided) || is_used(out, out->failed))
		end_with(out, out->undecided, BPFPROBE_UNDECIDED);
	if (is_used(out, out->rejected))
		end_with(out, out->rejected, 0);
	for (i = 0; i < out->njumps && !out->err; i++) {
		distance = (int)out->labels[out->jumps[i].label - 1] - (int)out->jumps[i].at - 1;
		if (distance > SHRT_MAX)
			out->err = -E2BIG;
		out->insns[out->jumps[i].at].off = (__s16)distance;
	}
	return out->err;
}
