/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters of a session, each a leaf in every probe (session.h). */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/types.h>
#include "bpf/pflog.h"
#include "helper/fold.h"
#include "helper/session.h"
#include "helper/splice.h"
#include "helper/translate.h"

/*
 * Flips all probes to `leaves`.  The kernel has taken them already; should a flip
 * fail all the same, the module filters itself, whatever is in which slot.
 */
static int
set_leaves(struct bpfprobe_session *session, const int *leaves)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < session->count && err == 0; i++)
		err = bpfprobe_probe_set_leaf(&session->probes[i], leaves[i]);
	return err;
}

/* How long the link header is that the probe's program makes. */
static void
find_bounds(const struct bpfprobe_session *session, const struct bpfprobe_probe *probe, int dlt,
    unsigned int *min, unsigned int *max)
{
	bpfprobe_link_bounds(session->asis ? -1 : dlt, min, max);
	/* An XDP program knows its interface, and of no tag beside the bytes. */
	if ((probe->reads & BPFPROBE_READS_PACKET) && !session->asis)
		*min = *max = bpfprobe_link_untagged(dlt, bpfprobe_is_ethernet((__u16)probe->targets->arphrd));
}

/* The filter for one probe, loaded: a descriptor, or -1 with *reply filled in. */
static int
make_leaf(const struct bpfprobe_session *session, unsigned int i,
    const struct bpfprobe_request *request, const struct sock_filter *filter,
    struct bpfprobe_reply *reply)
{
	const struct bpfprobe_probe *probe = &session->probes[i];
	struct bpfprobe_marks marks = { session->generation, request->dlt,
		session->meta || request->dlt == BPFPROBE_DLT_PFLOG };
	struct bpfprobe_translation translation;
	unsigned int min, max;
	int leaf;

	find_bounds(session, probe, (int)request->dlt, &min, &max);
	if (bpfprobe_translate(&translation, filter, request->count, probe->reads, min, max,
	        reply->message, sizeof(reply->message)) < 0)
		return -1;
	leaf = bpfprobe_probe_make_leaf(probe, &translation, &marks);
	free(translation.insns);
	return leaf < 0 ? bpfprobe_fail_errno(reply, -leaf, "the kernel refuses the filter") : leaf;
}

/* Whether an instruction may look at the ruleset in PFLOG's header: a load at X + k, at whatever X is. */
static int
looks_at_ruleset(const struct sock_filter *insn)
{
	if (BPF_CLASS(insn->code) == BPF_LDX && BPF_MODE(insn->code) == BPF_MSH)
		return insn->k >= BPFPROBE_PFLOG_RULESET && insn->k < BPFPROBE_PFLOG_RULESET_END;
	if (BPF_CLASS(insn->code) != BPF_LD)
		return 0;
	if (BPF_MODE(insn->code) == BPF_IND)
		return insn->k < BPFPROBE_PFLOG_RULESET_END;
	return BPF_MODE(insn->code) == BPF_ABS && insn->k + 4 > BPFPROBE_PFLOG_RULESET &&
	    insn->k < BPFPROBE_PFLOG_RULESET_END;
}

/*
 * Where the kernel says from where it drops a packet, but not why, the ruleset is the name of
 * that function, which no program knows.
 */
static int
check_ruleset(const struct bpfprobe_session *session, const struct sock_filter *filter, unsigned int count,
    struct bpfprobe_reply *reply)
{
	const struct bpfprobe_target *target;
	unsigned int i;

	for (i = 0; i < session->count; i++) {
		target = session->probes[i].targets;
		if (target->location > 0 && target->reason == 0 && session->policy.admin)
			break;
	}
	for (; i < session->count && count > 0; count--) {
		if (looks_at_ruleset(&filter[count - 1]))
			return bpfprobe_fail(reply, BPFPROBE_ERROR,
			    "this kernel gives no drop reasons: the ruleset is not known where the filter would run");
	}
	return 0;
}

/* A filter over PFLOG's header: its copy, free() it; NULL with *reply filled in. */
static struct sock_filter *
prepare(const struct bpfprobe_session *session, const struct sock_filter *filter, unsigned int count,
    struct bpfprobe_reply *reply)
{
	struct sock_filter *folded = bpfprobe_fold(filter, count, BPFPROBE_PFLOG_LENGTH);

	if (folded == NULL) {
		bpfprobe_fail_errno(reply, ENOMEM, "filter");
	} else if (check_ruleset(session, folded, count, reply) < 0) {
		free(folded);
		folded = NULL;
	}
	return folded;
}

/* As session_filter(), of a filter that is prepared. */
static int
put_filter(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    const struct sock_filter *filter, struct bpfprobe_reply *reply)
{
	int leaves[BPFPROBE_PROBES_MAX];
	unsigned int made = 0;
	int err = 0;

	reply->status = BPFPROBE_ERROR;
	/* Spent also by a flip that fails: some probes may have it in their records. */
	session->generation = session->generation % BPFPROBE_GENERATION_MAX + 1;
	while (made < session->count && err == 0) {
		leaves[made] = make_leaf(session, made, request, filter, reply);
		if (leaves[made] < 0)
			err = -1;
		else
			made++;
	}
	if (err == 0 && (err = set_leaves(session, leaves)) < 0)
		bpfprobe_fail_errno(reply, -err, "the kernel refuses the filter");
	if (err == 0) {
		reply->generation = session->generation;
		reply->status = BPFPROBE_OK;
	}
	while (made > 0)
		close(leaves[--made]);
	return err == 0 ? 0 : -1;
}

int
bpfprobe_session_filter(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    const struct sock_filter *filter, struct bpfprobe_reply *reply)
{
	struct sock_filter *folded;
	int err;

	if (session->progmap.wanted)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "the program is not ours: no filter can be put into it");
	/* What only returns looks at no header. */
	if (session->netlink && (request->count != 1 || BPF_CLASS(filter->code) != BPF_RET))
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "netlink's header is made in user space, where its filter runs");
	if (bpfprobe_policy_check_filter(&session->policy, request->count, reply) < 0)
		return -1;
	if (request->dlt != BPFPROBE_DLT_PFLOG || session->asis)
		return put_filter(session, request, filter, reply);
	folded = prepare(session, filter, request->count, reply);
	if (folded == NULL)
		return -1;
	err = put_filter(session, request, folded, reply);
	free(folded);
	return err;
}
