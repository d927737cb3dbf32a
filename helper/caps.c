/* SPDX-License-Identifier: BSD-3-Clause */
/* See caps.h; fail.h's functions are here too, since the reason is mostly privilege. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <linux/securebits.h>
#include <unistd.h>
#include "helper/caps.h"
#include "helper/fail.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	cap_value_t cap;
	const char *name;
	int required; /* else it is used where the process has it */
} needed[] = {
	{ CAP_BPF, "CAP_BPF", 1 },	   /* programs and maps */
	{ CAP_PERFMON, "CAP_PERFMON", 1 }, /* tracing programs, perf events */
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", 0 },	       /* XDP programs */
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", 0 }, /* perf events at Debian's perf_event_paranoid=3; setns() */
	{ CAP_IPC_LOCK, "CAP_IPC_LOCK", 0 },   /* rings beyond perf_event_mlock_kb */
	{ CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", 0 }, /* RLIMIT_MEMLOCK, which maps count against until 5.11 */
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", 0 },     /* netns=pid/N of another user */
	{ CAP_SYSLOG, "CAP_SYSLOG", 0 },	     /* addresses in /proc/kallsyms */
	{ CAP_SYS_RAWIO, "CAP_SYS_RAWIO", 0 },	     /* /proc/kcore, see pagemap.h */
};

static int
has(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;

	return cap_get_flag(caps, cap, CAP_PERMITTED, &value) == 0 && value == CAP_SET;
}

/* Sets permitted to what is needed and there already, effective to the same or nothing. */
static int
set_caps(int effective)
{
	cap_t have = cap_get_proc(), want = cap_init();
	int err = 0;
	size_t i;

	if (have == NULL || want == NULL) {
		err = -ENOMEM;
		goto out;
	}
	for (i = 0; i < COUNT(needed); i++) {
		if (!has(have, needed[i].cap))
			continue;
		cap_set_flag(want, CAP_PERMITTED, 1, &needed[i].cap, CAP_SET);
		if (effective)
			cap_set_flag(want, CAP_EFFECTIVE, 1, &needed[i].cap, CAP_SET);
	}
	if (cap_set_proc(want) < 0)
		err = -errno;
out:
	cap_free(have);
	cap_free(want);
	return err;
}

/* Set before we did so ourselves; -1: we have not. */
static int no_new_privs = -1;

int
bpfprobe_caps_init(void)
{
	no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	return set_caps(0);
}

int
bpfprobe_caps_raise(void)
{
	return set_caps(1);
}

int
bpfprobe_caps_lower(void)
{
	return set_caps(0);
}

#define USER_NAMESPACE_OF_ALL 0xeffffffdU /* inode (PROC_USER_INIT_INO of the kernel) */

int
bpfprobe_caps_in_user_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/user", &st) == 0 && st.st_ino != USER_NAMESPACE_OF_ALL;
}

/* Why the file's capabilities, which are there, are not ours. */
static const char *
why_not_given(void)
{
	struct statvfs fs;

	if (statvfs("/proc/self/exe", &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0)
		return "the helper's file system is mounted nosuid, where files give none";
	return "the capability bounding set lacks it (a container or service setting)";
}

static const char *
why_missing(void)
{
	int bits = prctl(PR_GET_SECUREBITS);

	if ((no_new_privs >= 0 ? no_new_privs : prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) == 1)
		return "no_new_privs is set (a container, sandbox or service setting)";
	if (getxattr("/proc/self/exe", "security.capability", NULL, 0) > 0)
		return why_not_given();
	if (geteuid() != 0)
		return "run as root, or give the helper its file capabilities";
	if (bits >= 0 && (bits & SECBIT_NOROOT) != 0)
		return "SECBIT_NOROOT is set, uid 0 has no privilege here";
	return "the capability bounding set lacks it (a container or service setting)";
}

int
bpfprobe_caps_missing(char *buf, size_t len)
{
	cap_t have = cap_get_proc();
	size_t i, used = 0;
	int count = 0;

	buf[0] = '\0';
	/* CAP_SYS_ADMIN includes the other two. */
	for (i = 0; have != NULL && i < COUNT(needed) && !has(have, CAP_SYS_ADMIN); i++) {
		if (!needed[i].required || has(have, needed[i].cap) || used >= len)
			continue;
		used += (size_t)snprintf(buf + used, len - used, "%s%s", count > 0 ? " " : "", needed[i].name);
		count++;
	}
	cap_free(have);
	if (count > 0 && used < len)
		snprintf(buf + used, len - used, " missing: %s", why_missing());
	return count;
}

int
bpfprobe_fail(struct bpfprobe_reply *reply, enum bpfprobe_status status, const char *fmt, ...)
{
	va_list ap;
	char *c;

	reply->status = status;
	va_start(ap, fmt);
	vsnprintf(reply->message, sizeof(reply->message), fmt, ap);
	va_end(ap);
	/* The kernel lets names of interfaces have what a terminal would obey. */
	for (c = reply->message; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return -1;
}

int
bpfprobe_fail_errno(struct bpfprobe_reply *reply, int err, const char *what)
{
	char missing[160];

	reply->detail = (__u32)err;
	if (err != EPERM && err != EACCES)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "%s: %s", what, strerror(err));
	if (bpfprobe_caps_missing(missing, sizeof(missing)) > 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM, "%s: %s", what, missing);
	if (bpfprobe_caps_in_user_namespace())
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
		    "%s: %s: not from within a user namespace (a rootless container or a sandbox)", what, strerror(err));
	return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
	    "%s: %s (kernel lockdown, a security module, or perf_event_paranoid)", what, strerror(err));
}
