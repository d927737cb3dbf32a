/* SPDX-License-Identifier: BSD-3-Clause */
/* See splice.h. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "bpf/view.h"
#include "helper/splice.h"

/* The stub's place in the program, and the load function's. */
struct place {
	size_t begin, end;
	size_t load;
};

static int
is_move(const struct bpf_insn *insn, unsigned int mark)
{
	return (insn->code == (BPF_ALU64 | BPF_MOV | BPF_K) || insn->code == (BPF_ALU | BPF_MOV | BPF_K)) &&
	       (unsigned int)insn->imm == mark;
}

/* Whether imm is the distance to a function of the program. */
static int
is_local(const struct bpf_insn *insn)
{
	return (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) ||
	       (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC);
}

static int
find(const struct bpf_insn *program, size_t count, struct place *place)
{
	size_t i;

	for (i = 0; i < count && !is_move(&program[i], BPFPROBE_MARK_FILTER); i++)
		;
	place->begin = i;
	place->load = count;
	for (; i < count && program[i].code != (BPF_JMP | BPF_EXIT); i++) {
		if (is_local(&program[i]))
			place->load = (size_t)((long long)i + 1 + program[i].imm);
	}
	place->end = i + 1;
	return i < count && place->load < count ? 0 : -1;
}

/* Where an instruction of the program is afterwards; only the stub's first is asked for. */
static long long
moved(const struct place *place, const struct bpfprobe_translation *translation, size_t at)
{
	if (at < place->end)
		return (long long)at;
	return (long long)(at - place->end + place->begin + translation->count);
}

static void
set_marks(struct bpf_insn *insn, const struct bpfprobe_translation *translation,
    const struct bpfprobe_marks *marks)
{
	if (is_move(insn, BPFPROBE_MARK_GENERATION))
		insn->imm = (__s32)marks->generation;
	else if (is_move(insn, BPFPROBE_MARK_DLT))
		insn->imm = (__s32)marks->dlt;
	else if (is_move(insn, BPFPROBE_MARK_WINDOW))
		insn->imm = (__s32)translation->window;
	else if (is_move(insn, BPFPROBE_MARK_CONSTANT))
		insn->imm = (__s32)translation->constant;
	else if (is_move(insn, BPFPROBE_MARK_BESIDE))
		insn->imm = (__s32)translation->beside;
	else if (is_move(insn, BPFPROBE_MARK_META))
		insn->imm = (__s32)marks->meta;
}

/* Copies the instructions from `from` to `to`, which are none of the stub's. */
static void
copy(struct bpf_insn *spliced, const struct bpf_insn *program, size_t from, size_t to,
    const struct place *place, const struct bpfprobe_translation *translation,
    const struct bpfprobe_marks *marks)
{
	struct bpf_insn *insn;
	size_t i;

	for (i = from; i < to; i++) {
		insn = &spliced[moved(place, translation, i)];
		*insn = program[i];
		if (is_local(insn))
			insn->imm = (__s32)(moved(place, translation, (size_t)((long long)i + 1 + insn->imm)) -
			    moved(place, translation, i) - 1);
		set_marks(insn, translation, marks);
	}
}

struct bpf_insn *
bpfprobe_splice(const struct bpf_insn *program, size_t count,
    const struct bpfprobe_translation *translation, const struct bpfprobe_marks *marks,
    size_t *spliced)
{
	struct bpf_insn *result, *insn;
	struct place place;
	size_t i;

	if (find(program, count, &place) < 0) {
		errno = EINVAL;
		return NULL;
	}
	*spliced = count - (place.end - place.begin) + translation->count;
	result = calloc(*spliced, sizeof(*result));
	if (result == NULL)
		return NULL;
	copy(result, program, 0, place.begin, &place, translation, marks);
	copy(result, program, place.end, count, &place, translation, marks);
	for (i = 0; i < translation->count; i++) {
		insn = &result[place.begin + i];
		*insn = translation->insns[i];
		if (is_local(insn))
			insn->imm = (__s32)(moved(&place, translation, place.load) -
			    (long long)(place.begin + i) - 1);
	}
	return result;
}
