/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See spawn.h.  What runs in the two children before exec is limited to system
 * calls: the application may have threads that held locks at the moment of the
 * clone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "capture/spawn.h"
#include "helper/protocol.h"

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same number on every architecture */
#endif

static void
report_failure(int sock, int err)
{
	struct bpfprobe_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.magic = BPFPROBE_MAGIC;
	reply.version = BPFPROBE_VERSION;
	reply.status = BPFPROBE_NO_EXEC;
	reply.detail = (__u32)err;
	(void)send(sock, &reply, sizeof(reply), MSG_NOSIGNAL);
}

/* Leaves `sock` as descriptor 3, and /dev/null as 0 to 2; closes all others.  0 or -1. */
static int
set_descriptors(int sock)
{
	struct rlimit limit;
	rlim_t fd;
	int null;

	/* Out of the way of 0 to 3 first, whichever of them the application has closed. */
	sock = fcntl(sock, F_DUPFD, BPFPROBE_SOCK + 1);
	null = open("/dev/null", O_RDWR);
	if (sock < 0 || null < 0)
		return -1;
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || dup2(sock, BPFPROBE_SOCK) < 0)
		return -1;
	if (syscall(SYS_close_range, BPFPROBE_SOCK + 1, ~0U, 0) == 0)
		return 0;
	/* Refused by a seccomp filter: one by one. */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	for (fd = BPFPROBE_SOCK + 1; fd < limit.rlim_max && fd < 1 << 20; fd++)
		close((int)fd);
	return 0;
}

/* Undoes what the application may have set and exec() would keep. */
static void
set_defaults(void)
{
	static const struct rlimit no_core = { 0, 0 };
	struct sigaction dfl;
	sigset_t none;
	int sig;

	memset(&dfl, 0, sizeof(dfl));
	dfl.sa_handler = SIG_DFL;
	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	(void)umask(077);
	(void)setrlimit(RLIMIT_CORE, &no_core);
}

/* Never returns. */
static void
run_helper(const char *path, int sock)
{
	static char *const no_env[] = { NULL };
	char *const argv[] = { (char *)path, NULL };
	struct rlimit files;

	set_defaults();
	/* A low soft limit of the application must not starve a helper with a ring per CPU. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (set_descriptors(sock) == 0) {
		if (chdir("/") == 0)
			(void)execve(path, argv, no_env);
		report_failure(BPFPROBE_SOCK, errno);
	} else {
		report_failure(sock, errno);
	}
	_exit(127);
}

/*
 * A clone without exit signal: its death raises no SIGCHLD, and only a wait for
 * __WCLONE finds it.  exec() would reset that signal, so that the helper is its
 * child: an orphan once this one has ended, which is at once.
 */
static pid_t
clone_silently(void)
{
	return (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
}

int
bpfprobe_spawn(const char *path, int sock)
{
	sigset_t all, old;
	pid_t pid, child;
	int status, err = 0;

	/* No handler of the application may run in the children. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = clone_silently();
	if (pid == 0) {
		child = clone_silently();
		if (child == 0)
			run_helper(path, sock);
		_exit(child < 0 ? errno : 0);
	}
	if (pid < 0)
		err = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (err < 0)
		return err;
	while (waitpid(pid, &status, __WCLONE) < 0) {
		if (errno != EINTR)
			return 0; /* an application that waits for __WALL was faster */
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : 0;
}
