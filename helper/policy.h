/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the caller may have.  An administrator may have everything; for everybody else the
 * configuration file says it, or what stands here if there is no such file.
 */
#ifndef BPFPROBE_POLICY_H
#define BPFPROBE_POLICY_H

#include <stddef.h>
#include <linux/types.h>
#include "helper/catalogue.h"
#include "helper/where.h"

/* Of no prefix: what it says holds for every copy of the helper. */
#define BPFPROBE_POLICY_DIR "etc"
#define BPFPROBE_POLICY_FILE "pcap-bpfprobe.conf"
#define BPFPROBE_POLICY_PATH "/" BPFPROBE_POLICY_DIR "/" BPFPROBE_POLICY_FILE
#define BPFPROBE_POLICY_SIZE_MAX 65536 /* bytes of the file */

struct bpfprobe_policy {
	__u32 admin;	    /* 1: all that follows means nothing */
	__u32 any_netns;    /* packets of other network namespaces */
	__u32 foreign_pids; /* netns=pid/N of other users' processes */
	__u32 programs;	    /* BPF programs that others have loaded */
	__u32 xdp;	    /* a program of our own at interfaces */
	__u32 handles;	    /* of one user, at the same time */
	__u32 ring_kib;	    /* of all rings of a handle */
	__u32 filter_insns; /* of a filter that goes into the kernel */
	__u32 filter_loads; /* in a second */
};

/* Whether the caller of this process is an administrator: user 0, unless that is nobody special here. */
int bpfprobe_policy_is_admin(void);

/* The defaults, for one who is none. */
void bpfprobe_policy_init(struct bpfprobe_policy *policy);

/*
 * Takes `size` bytes apart, the file's contents.  0, or -1 with "LINE: what is wrong" in
 * errbuf.
 */
int bpfprobe_policy_parse(
    struct bpfprobe_policy *policy, const char *text, size_t size, char *errbuf, size_t errlen);

/*
 * Finds out who the caller is and reads the file.  0, or -1 with *reply filled in: it is
 * wrong, or somebody else than root could change it.
 */
int bpfprobe_policy_load(struct bpfprobe_policy *policy, struct bpfprobe_reply *reply);

/* Whether the caller may have a device of this name.  0, or -1 with *reply filled in. */
int bpfprobe_policy_check_device(
    const struct bpfprobe_policy *policy, const struct bpfprobe_device *device, struct bpfprobe_reply *reply);

/*
 * Whether the caller may have these packets; who names no network namespace gets those of
 * his own.  0, or -1 with *reply filled in.
 */
int bpfprobe_policy_confine(
    const struct bpfprobe_policy *policy, struct bpfprobe_where *where, struct bpfprobe_reply *reply);

/* Whether the caller may have what was found.  0, or -1 with *reply filled in. */
int bpfprobe_policy_check_targets(const struct bpfprobe_policy *policy,
    const struct bpfprobe_target *targets, unsigned int count, struct bpfprobe_reply *reply);

/* Whether rings of `kib` KiB together are not too much.  0, or -1 with *reply filled in. */
int bpfprobe_policy_check_rings(
    const struct bpfprobe_policy *policy, __u64 kib, struct bpfprobe_reply *reply);

/* Whether a filter of so many instructions, the next one, may go into the kernel, as above. */
int bpfprobe_policy_check_filter(
    const struct bpfprobe_policy *policy, __u32 insns, struct bpfprobe_reply *reply);

#endif
