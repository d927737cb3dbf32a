/* SPDX-License-Identifier: BSD-3-Clause */
/* See asuser.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <unistd.h>
#include "helper/asuser.h"

/* Of the effective ones only CAP_BPF, if it is there. */
static int
drop_caps(void)
{
	static const cap_value_t bpf = CAP_BPF;
	cap_flag_value_t value = CAP_CLEAR;
	cap_t caps = cap_get_proc();
	int err = -1;

	if (caps == NULL)
		return -1;
	if (cap_get_flag(caps, bpf, CAP_EFFECTIVE, &value) == 0 && cap_clear_flag(caps, CAP_EFFECTIVE) == 0 &&
	    cap_set_flag(caps, CAP_EFFECTIVE, 1, &bpf, value) == 0)
		err = cap_set_proc(caps);
	cap_free(caps);
	return err;
}

int
bpfprobe_asuser_begin(struct bpfprobe_asuser *asuser)
{
	asuser->caps = cap_get_proc();
	if (asuser->caps == NULL)
		return -errno;
	setfsgid(getgid());
	setfsuid(getuid());
	if (drop_caps() < 0 || setfsuid((uid_t)-1) != (int)getuid() || setfsgid((gid_t)-1) != (int)getgid()) {
		bpfprobe_asuser_end(asuser);
		return -EPERM;
	}
	return 0;
}

void
bpfprobe_asuser_end(struct bpfprobe_asuser *asuser)
{
	int saved = errno;

	setfsuid(geteuid());
	setfsgid(getegid());
	if (cap_set_proc(asuser->caps) < 0)
		abort();
	cap_free(asuser->caps);
	errno = saved;
}
