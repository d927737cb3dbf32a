/* SPDX-License-Identifier: BSD-3-Clause */
/* See confine.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "helper/confine.h"

#if defined(__x86_64__)
#define BPFPROBE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define BPFPROBE_ARCH AUDIT_ARCH_AARCH64
#else
#error "not known here: how this architecture is called by seccomp(2)"
#endif

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same number on every architecture */
#endif

/* What is opened next must not become a standard stream, to which somebody may write. */
static int
fill_streams(void)
{
	int fd;

	for (fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	}
	return 0;
}

static int
close_from(int first)
{
	struct rlimit limit;
	rlim_t fd;

	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return 0;
	/* Before Linux 5.9, or refused by a seccomp filter: one by one. */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	for (fd = (rlim_t)first; fd < limit.rlim_max && fd < 1 << 20; fd++)
		close((int)fd);
	return 0;
}

static void
reset_signals(void)
{
	static const struct itimerval never;
	struct sigaction dfl;
	sigset_t none;
	int i;

	memset(&dfl, 0, sizeof(dfl));
	dfl.sa_handler = SIG_DFL;
	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &dfl, NULL);
	/* A file that becomes too long, be it in memory, is an error. */
	(void)signal(SIGXFSZ, SIG_IGN);
	for (i = ITIMER_REAL; i <= ITIMER_PROF; i++)
		(void)setitimer((__itimer_which_t)i, &never, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The soft ones: a shell's "ulimit -S" of files or memory is not meant for us. */
static int
reset_limits(void)
{
	static const struct rlimit no_core = { 0, 0 };
	struct rlimit limit;
	int i;

	for (i = 0; i < RLIM_NLIMITS; i++) {
		if (getrlimit((__rlimit_resource_t)i, &limit) < 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit((__rlimit_resource_t)i, &limit);
	}
	return setrlimit(RLIMIT_CORE, &no_core);
}

int
bpfprobe_confine_surroundings(int sock)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	reset_signals();
	if (clearenv() != 0)
		return -ENOMEM;
	(void)umask(077);
	if (fill_streams() < 0 || close_from(sock + 1) < 0 || reset_limits() < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/*
 * What the kernel runs at each system call: the list, from the first to the last, in a
 * language in which a jump skips up to 255 instructions.
 */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define UNLESS(op, value, skip) BPF_JUMP(BPF_JMP | (op) | BPF_K, (value), 0, (skip))
#define IF(op, value, skip) BPF_JUMP(BPF_JMP | (op) | BPF_K, (value), (skip), 0)
#define FAIL(err) (SECCOMP_RET_ERRNO | (err))

/* The call, whatever its arguments are. */
#define CALL(name) UNLESS(BPF_JEQ, SYS_##name, 1), ANSWER(SECCOMP_RET_ALLOW)

/* The call, with none of these bits in the lower half of argument i. */
#define CALL_WITHOUT(name, i, bits)                                                                \
	UNLESS(BPF_JEQ, SYS_##name, 4), LOAD(args[i]), UNLESS(BPF_JSET, (bits), 1), ANSWER(FAIL(EACCES)),  \
	ANSWER(SECCOMP_RET_ALLOW)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "where the lower half of an argument is, is not known here"
#endif

#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static struct sock_filter calls[] = {
	LOAD(arch),
	IF(BPF_JEQ, BPFPROBE_ARCH, 1),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	/* What most is called of. */
	CALL(read),
	CALL(bpf),
	CALL(close),
	CALL(capget),
	CALL(capset),
	CALL(recvmsg),
	CALL(sendmsg),
	CALL(sendto),
	CALL(recvfrom),
	CALL(ppoll),
	/* Files: to be read. */
	CALL_WITHOUT(openat, 2, WRITES),
	CALL(fstat),
	CALL(newfstatat),
	CALL(statx),
	CALL(statfs),
	CALL(fstatfs),
	CALL(faccessat),
	CALL(readlinkat),
	CALL(getdents64),
	CALL(getxattr),
	CALL(lseek),
	CALL(pread64),
	CALL(readv),
	CALL(write),
	CALL(writev),
	CALL(fcntl),
	CALL(dup),
	CALL(dup3),
	CALL(ioctl),
	/* Memory: no more of it is code. */
	CALL_WITHOUT(mmap, 2, PROT_EXEC),
	CALL_WITHOUT(mprotect, 2, PROT_EXEC),
	CALL(munmap),
	CALL(mremap),
	CALL(madvise),
	CALL(brk),
	CALL(futex),
	CALL(memfd_create), /* for types (core.h); a name for a map that is not made yet (libbpf 1.4) */
	/* Events and sockets. */
	CALL(perf_event_open),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_pwait),
	CALL(socket),
	CALL(bind), /* of a netlink socket */
	CALL(getsockname),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(setns),
	/* Itself. */
	CALL(setfsuid),
	CALL(setfsgid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(getpid),
	CALL(gettid),
	CALL(prctl),
	CALL_WITHOUT(prlimit64, 0, ~0U), /* of no other process */
	CALL(getrandom),
	CALL(sched_getaffinity),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(restart_syscall),
	CALL(clock_gettime),
	CALL(clock_nanosleep),
	CALL(uname),
	CALL(sysinfo),
	CALL(exit),
	CALL(exit_group),
	/* What some architectures have besides, from before those above. */
#ifdef SYS_poll
	CALL(poll),
#endif
#ifdef SYS_access
	CALL(access),
#endif
#ifdef SYS_readlink
	CALL(readlink),
#endif
#ifdef SYS_stat
	CALL(stat),
	CALL(lstat),
#endif
#ifdef SYS_epoll_wait
	CALL(epoll_wait),
#endif
#ifdef SYS_faccessat2
	CALL(faccessat2),
#endif
	ANSWER(FAIL(ENOSYS)),
};

int
bpfprobe_confine_calls(void)
{
	const struct sock_fprog program = { sizeof(calls) / sizeof(calls[0]), calls };

	/* Nothing is executed from here on; the kernel wants to hear it of those who filter. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
		return 0;
	return errno == EINVAL ? 0 : -errno; /* a kernel without CONFIG_SECCOMP_FILTER */
}
