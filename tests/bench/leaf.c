// SPDX-License-Identifier: BSD-3-Clause
/* See leaf.h. */
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "tests/bench/leaf.h"

unsigned int leaf_newest(void)
{
	unsigned int id = 0;

	while (bpf_prog_get_next_id(id, &id) == 0)
		;
	return id;
}

static int look(unsigned int id, struct bpf_prog_info *info)
{
	__u32 size = sizeof(*info);
	int fd = bpf_prog_get_fd_by_id(id), err;

	if (fd < 0)
		return -1;
	memset(info, 0, sizeof(*info));
	err = bpf_obj_get_info_by_fd(fd, info, &size);
	close(fd);
	return err;
}

unsigned int leaf_find(unsigned int newest, struct leaf *leaf)
{
	struct bpf_prog_info info;
	unsigned int found = 0;

	while (bpf_prog_get_next_id(newest, &newest) == 0) {
		if (look(newest, &info) < 0 || strcmp(info.name, "bpfprobe_leaf") != 0)
			continue;
		leaf->verified = info.verified_insns;
		leaf->jited = info.jited_prog_len;
		found++;
	}
	return found;
}
