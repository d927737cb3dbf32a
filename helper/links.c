/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session attaches (session.h). */
#include <errno.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "helper/attach.h"
#include "helper/session.h"
#include "helper/track.h"

/* Whether it says something of this place only, not of the machine or the user. */
int
bpfprobe_session_is_local(int err)
{
	return err == -ENOENT || err == -EINVAL || err == -EADDRNOTAVAIL || err == -EBUSY ||
	    err == -EOPNOTSUPP || err == -EACCES || err == -EEXIST || err == -ESRCH || err == -EILSEQ;
}

/* Adds what an attempt to attach has given. Returns it. */
static int
add_link(struct bpfprobe_session *session, int link)
{
	if (link >= 0)
		session->links[session->nlinks++] = link;
	return link;
}

/* One program at one target, or at all `count` of a probe at once. */
static int
attach_program(struct bpfprobe_session *session, const struct bpfprobe_target *target,
    unsigned int count, enum bpfprobe_kind kind, const struct bpf_program *program)
{
	struct bpfprobe_target one = *target;

	if (kind == BPFPROBE_KPROBES || kind == BPFPROBE_KRETPROBES)
		return add_link(session, bpfprobe_attach_all(target, count, kind, bpf_program__fd(program)));
	one.kind = kind;
	return add_link(session, bpfprobe_attach(&one, bpf_program__fd(program)));
}

/* The exit first, so that no call is seen at its entry only; nor does it stay alone. */
static int
attach_ends(struct bpfprobe_session *session, const struct bpfprobe_probe *probe,
    const struct bpfprobe_target *target)
{
	int exit = -1, err;

	if (probe->exit != NULL) {
		exit = attach_program(
		    session, target, probe->count, bpfprobe_kind_exit(target->kind), probe->exit);
		if (exit < 0)
			return exit;
	}
	err = attach_program(session, target, probe->count, target->kind, probe->dispatcher);
	if (err < 0 && exit >= 0)
		close(session->links[--session->nlinks]);
	return err;
}

/* Of those that a pattern stands for, some may refuse a probe, but not all. */
static int
attach_probe(struct bpfprobe_session *session, const struct bpfprobe_probe *probe)
{
	unsigned int i, before = session->nlinks;
	int err = 0;

	if (probe->targets->kind == BPFPROBE_KPROBES) {
		err = attach_ends(session, probe, probe->targets);
		session->left_out += err < 0 ? probe->count : 0;
		return err;
	}
	for (i = 0; i < probe->count; i++) {
		err = attach_ends(session, probe, &probe->targets[i]);
		if (err < 0 && !(probe->targets[i].pattern && bpfprobe_session_is_local(err)))
			return err;
		session->left_out += err < 0;
	}
	return session->nlinks > before ? 0 : err;
}

/* The attachment is the descriptor of the program's map: with its last copy our rings go. */
static int
attach_rings(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	int err = bpfprobe_progmap_attach(
	    &session->progmap, &session->rings, session->maps.perf, session->maps.cpus, reply);

	session->links[session->nlinks++] = session->progmap.map;
	session->progmap.map = -1;
	if (err < 0) {
		bpfprobe_session_detach(session);
		return -1;
	}
	reply->status = BPFPROBE_OK;
	reply->foreign = 1;
	reply->links = session->nlinks;
	return 0;
}

/* Nobody needs it any more where programs were attached: a namespace lives as long as somebody holds it. */
static void
leave_netns(struct bpfprobe_session *session)
{
	unsigned int i;

	for (i = 0; i < BPFPROBE_TARGETS_MAX; i++) {
		if (session->targets[i].netns_fd > 0)
			close(session->targets[i].netns_fd);
		session->targets[i].netns_fd = 0;
	}
}

/*
 * All of them, but for those of patterns that the kernel refuses, if it takes another one: of
 * until= as of the device.  0, or -errno for *refused.
 */
static int
attach_probes(struct bpfprobe_session *session, const struct bpfprobe_target **refused)
{
	unsigned int i, before = session->nlinks;
	int err, whole, why = 0, asked = 0, until = 0;

	for (i = 0; i < session->count; i++) {
		const struct bpfprobe_target *target = session->probes[i].targets;

		asked |= target->until;
		err = attach_probe(session, &session->probes[i]);
		if (err >= 0) {
			until |= target->until;
			continue;
		}
		whole = !target->pattern || !bpfprobe_session_is_local(err);
		if (*refused == NULL || target->until || whole) {
			*refused = target;
			why = err;
		}
		if (whole)
			return err;
	}
	return session->nlinks == before || until != asked ? why : 0;
}

int
bpfprobe_session_attach(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	const int follows = session->maps.tracks >= 0;
	const struct bpfprobe_target *refused = NULL;
	struct bpfprobe_track track = { NULL };
	int err = 0, why = 0;

	if (session->progmap.wanted)
		return attach_rings(session, reply);
	if (follows)
		err = bpfprobe_track_begin(&track, &session->maps, session->links, &session->nlinks);
	if (err == 0)
		why = attach_probes(session, &refused);
	if (follows && err == 0 && why == 0)
		err = bpfprobe_track_finish(&track, session->links, &session->nlinks);
	bpfprobe_track_free(&track);
	if (why < 0)
		err = bpfprobe_session_refused(reply, why, "cannot attach to", refused);
	else if (err < 0)
		err = bpfprobe_fail_errno(reply, -err, "cannot follow packets");
	if (err < 0 || bpfprobe_watch_begin(&session->watch, reply) < 0) {
		bpfprobe_session_detach(session);
		return -1;
	}
	leave_netns(session);
	reply->status = BPFPROBE_OK;
	reply->probes = session->count;
	reply->links = session->nlinks;
	reply->left_out = session->left_out;
	return 0;
}

void
bpfprobe_session_detach(struct bpfprobe_session *session)
{
	while (session->nlinks > 0)
		close(session->links[--session->nlinks]);
}
