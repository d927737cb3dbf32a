/* SPDX-License-Identifier: BSD-3-Clause */
/* See quota.h. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <bpf/bpf.h>
#include "helper/protocol.h"
#include "helper/quota.h"

#define MARK "bpfprobe_user" /* the name of that program */
#define OURS "bpfprobe_"     /* what the names of all our programs begin with */

/* Of a probe: what is attached at its two ends, the filter, and the one before. */
#define PROGRAMS_MAX (4 * BPFPROBE_PROBES_MAX + 1)

/* A handle that has just been closed is in the way no longer than this. */
#define TRIES 20
#define TRY_MS 50

#define INSN(CODE) { .code = (CODE), .dst_reg = BPF_REG_0 }

struct usage {
	__u32 handles;
	__u32 programs;
};

static int
load_mark(void)
{
	static const struct bpf_insn nothing[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K),
		INSN(BPF_JMP | BPF_EXIT),
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, MARK, "GPL", nothing, sizeof(nothing) / sizeof(nothing[0]), NULL);

	return fd < 0 ? -errno : fd;
}

/* Counts program `id` if it is the user's and ours.  0 or -errno. */
static int
count_one(struct usage *usage, __u32 id)
{
	struct bpf_prog_info info;
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id), err = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	memset(&info, 0, sizeof(info));
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		err = -errno;
	close(fd);
	if (err < 0 || info.created_by_uid != getuid() || strncmp(info.name, OURS, strlen(OURS)) != 0)
		return err;
	usage->programs++;
	usage->handles += info.type == BPF_PROG_TYPE_PERF_EVENT && strcmp(info.name, MARK) == 0;
	return 0;
}

static int
count(struct usage *usage)
{
	__u32 id = 0;
	int err = 0;

	memset(usage, 0, sizeof(*usage));
	while (err == 0 && bpf_prog_get_next_id(id, &id) == 0)
		err = count_one(usage, id);
	return err == 0 && errno != ENOENT ? -errno : err;
}

/* The program stays open, and with it counts, while this process lives. */
static int
mark(const struct bpfprobe_rings *rings)
{
	int fd = load_mark();
	unsigned int i;

	if (fd < 0)
		return fd;
	for (i = 0; i < rings->count; i++) {
		if (ioctl(bpfprobe_rings_fd(rings, i), PERF_EVENT_IOC_SET_BPF, fd) < 0)
			return -errno;
	}
	return 0;
}

int
bpfprobe_quota_take(const struct bpfprobe_rings *rings, __u32 handles, struct bpfprobe_reply *reply)
{
	struct usage usage = { 0, 0 };
	int err = mark(rings), i;

	for (i = 0; err == 0 && i < TRIES; i++) {
		err = count(&usage);
		if (err == 0 && usage.handles <= handles && usage.programs <= (__u64)handles * PROGRAMS_MAX)
			return 0;
		(void)poll(NULL, 0, TRY_MS);
	}
	if (err < 0)
		return bpfprobe_fail_errno(reply, -err, "cannot count what this user captures");
	return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
	    "this user captures %u times at once with this one, with %u programs; /etc/pcap-bpfprobe.conf allows %u (handles)",
	    usage.handles, usage.programs, handles);
}
