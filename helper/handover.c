/* SPDX-License-Identifier: BSD-3-Clause */
/* See handover.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "helper/handover.h"

/*
 * Its lines in /proc, among them how often it was kept from running.  Before commit
 * 7bc3fa0172a4 ("procfs: allow reading fdinfo with PTRACE_MODE_READ", 5.14) a process that
 * has capabilities by its file and is not root's cannot look at its own: no lines then, which
 * is no loss on 5.10, where every run is a run and nothing counts them.
 */
static int
open_lines(int program)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", program);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The same map, by a descriptor that it cannot be changed by. */
static int
open_read_only(int map)
{
	LIBBPF_OPTS(bpf_get_fd_by_id_opts, opts, .open_flags = BPF_F_RDONLY);
	struct bpf_map_info info;
	__u32 len = sizeof(info);
	int fd;

	memset(&info, 0, sizeof(info));
	if (bpf_obj_get_info_by_fd(map, &info, &len) < 0)
		return -errno;
	fd = bpf_map_get_fd_by_id_opts(info.id, &opts);
	return fd < 0 ? -errno : fd;
}

static int
make_one(struct bpfprobe_handover *handover, const struct bpfprobe_probe *probe, struct bpfprobe_reply *reply)
{
	int program = open_lines(bpf_program__fd(probe->dispatcher)), slots;

	if (program < 0)
		return bpfprobe_fail_errno(reply, -program, "/proc/self/fdinfo");
	slots = open_read_only(probe->slots);
	if (slots < 0) {
		close(program);
		return bpfprobe_fail_errno(reply, -slots, "cannot open a map to be read only");
	}
	handover->programs[handover->own] = program;
	handover->slots[handover->own++] = slots;
	return 0;
}

int
bpfprobe_handover_make(
    struct bpfprobe_handover *handover, const struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	unsigned int i;

	handover->own = 0;
	for (i = 0; i < session->count; i++) {
		if (session->policy.admin) {
			handover->programs[i] = bpf_program__fd(session->probes[i].dispatcher);
			handover->slots[i] = session->probes[i].slots;
		} else if (make_one(handover, &session->probes[i], reply) < 0) {
			bpfprobe_handover_close(handover);
			return -1;
		}
	}
	return 0;
}

void
bpfprobe_handover_close(struct bpfprobe_handover *handover)
{
	while (handover->own > 0) {
		close(handover->programs[--handover->own]);
		close(handover->slots[handover->own]);
	}
}
