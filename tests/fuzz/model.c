/* SPDX-License-Identifier: BSD-3-Clause */
/* See model.h. */
#include "helper/translate.h"
#include "tests/fuzz/model.h"
#include "tests/unit/reference.h"

#define COPIES (BPFPROBE_LOOPS_MAX + 1)

/* The filter that bpf_filter() gets; its last instruction is for one jump too many. */
static struct sock_filter built[BPF_MEMWORDS + COPIES * TRIAL_FILTER_MAX + 1];

int
model_has(const struct trial *trial)
{
	unsigned int i;

	for (i = 0; i < trial->count; i++) {
		if (!trial_is_known(&trial->filter[i]))
			return 0;
	}
	return 1;
}

static int
leads_back(const struct sock_filter *insn)
{
	return insn->code == (BPF_JMP | BPF_JA) && (int)insn->k < 0;
}

int
model_jumps_back(const struct trial *trial)
{
	unsigned int i;

	for (i = 0; i < trial->count; i++) {
		if (leads_back(&trial->filter[i]))
			return 1;
	}
	return 0;
}

/* `ahead`: from the instruction's copy to the next, or, of the last, from it to the end. */
static struct sock_filter
adapt(const struct trial *trial, const struct sock_filter *insn, unsigned int ahead, int last)
{
	struct sock_filter adapted = *insn;
	unsigned int value;

	if (leads_back(insn))
		adapted.k = last ? ahead - 1 : ahead + insn->k;
	else if (trial_ancillary(trial, insn, &value) == 0)
		adapted = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, value);
#ifdef BPFPROBE_FUZZ_BROKEN
	/* For the test that a difference is found. */
	if (insn->code == (BPF_JMP | BPF_JGE | BPF_K))
		adapted.code = BPF_JMP | BPF_JGT | BPF_K;
#endif
	return adapted;
}

/* Returns how many instructions there are, without the last one. */
static unsigned int
build(const struct trial *trial)
{
	unsigned int copies = model_jumps_back(trial) ? COPIES : 1, count = trial->count, n, c, i;

	for (n = 0; n < BPF_MEMWORDS; n++)
		built[n] = (struct sock_filter)BPF_STMT(BPF_ST, n); /* A is 0 */
	for (c = 0; c < copies; c++) {
		for (i = 0; i < count; i++)
			built[n++] = adapt(trial, &trial->filter[i], c + 1 < copies ? count : count - i, c + 1 == copies);
	}
	return n;
}

static unsigned int
run(const struct trial *trial, unsigned int there)
{
	return reference_run_part(built, trial->bytes, trial->view.len, there);
}

void
model_run(struct model *model, const struct trial *trial, unsigned int avail)
{
	unsigned int n = build(trial), limit = trial->view.limit, i;

	/* No verdict of the filter itself changes with this. */
	built[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 1);
	model->verdict = run(trial, limit);
	built[n].k = 2;
	model->loops = run(trial, limit) != model->verdict;
	/* Now every return accepts: what rejects are loads and divisions. */
	for (i = BPF_MEMWORDS; i < n; i++) {
		if (BPF_CLASS(built[i].code) == BPF_RET)
			built[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 1);
	}
	model->returns = run(trial, limit) != 0;
	model->returns_linear = run(trial, trial->view.linear < limit ? trial->view.linear : limit) != 0;
	model->returns_avail = run(trial, avail) != 0;
}
