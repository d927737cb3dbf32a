/* SPDX-License-Identifier: BSD-3-Clause */
/* What is left to the helper of its surroundings, and of system calls: in children, each confined once. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "helper/confine.h"

#define SOCK 3

/* Runs it in a child, which ends with 0, or with the line (below 256) on which something is not so. */
static void
in_child(void (*run)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		fail_msg("line %d", WEXITSTATUS(status));
}

#define SO(what) ((what) ? (void)0 : _exit(__LINE__))
#define FAILS(call, err) SO((errno = 0, (long)(call) < 0) && errno == (err))

static void
call_forbidden(void)
{
	static char *const none[] = { NULL };
	const struct sockaddr address = { .sa_family = AF_INET };

	SO(bpfprobe_confine_calls() == 0);
	FAILS(execve("/bin/true", none, none), ENOSYS);
	FAILS(syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0), ENOSYS);
	FAILS(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), ENOSYS);
	FAILS(syscall(SYS_clone3, NULL, 0), ENOSYS);
	FAILS(ptrace(PTRACE_TRACEME, 0, 0, 0), ENOSYS);
	FAILS(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0), ENOSYS);
	FAILS(syscall(SYS_pidfd_getfd, -1, 0, 0), ENOSYS);
	FAILS(kill(getpid(), SIGTERM), ENOSYS);
	FAILS(connect(SOCK, &address, sizeof(address)), ENOSYS);
	FAILS(listen(SOCK, 1), ENOSYS);
	FAILS(mount("none", "/", "tmpfs", 0, NULL), ENOSYS);
	FAILS(unshare(CLONE_NEWNS), ENOSYS);
	FAILS(chroot("/"), ENOSYS);
	FAILS(setuid(0), ENOSYS);
	FAILS(unlink("/nonexistent"), ENOSYS);
	FAILS(rename("/nonexistent", "/nonexistent2"), ENOSYS);
	FAILS(chmod("/nonexistent", 0), ENOSYS);
	FAILS(chown("/nonexistent", 0, 0), ENOSYS);
	FAILS(syscall(SYS_init_module, NULL, 0, ""), ENOSYS);
	FAILS(syscall(SYS_finit_module, -1, "", 0), ENOSYS);
	FAILS(syscall(SYS_kexec_load, 0, 0, NULL, 0), ENOSYS);
	FAILS(syscall(SYS_open_by_handle_at, -1, NULL, 0), ENOSYS);
	FAILS(syscall(SYS_keyctl, 0, 0, 0, 0, 0), ENOSYS);
	FAILS(syscall(SYS_io_uring_setup, 1, NULL), ENOSYS);
	FAILS(syscall(SYS_openat2, AT_FDCWD, "/dev/null", NULL, 0), ENOSYS);
	FAILS(syscall(999999), ENOSYS);
#ifdef __x86_64__
	FAILS(syscall(SYS_getpid | 0x40000000), ENOSYS); /* x32 */
#endif
}

static void
call_with_bounds(void)
{
	struct rlimit limit;
	void *page;

	SO(bpfprobe_confine_calls() == 0);
	FAILS(open("/dev/null", O_WRONLY), EACCES);
	FAILS(open("/dev/null", O_RDWR), EACCES);
	FAILS(open("/dev/null", O_RDONLY | O_TRUNC), EACCES);
	FAILS(open("/nonexistent", O_RDONLY | O_CREAT, 0600), EACCES);
	SO(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
	SO(memfd_create("test", MFD_CLOEXEC) >= 0);
	SO(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EACCES);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SO(page != MAP_FAILED);
	FAILS(mprotect(page, 4096, PROT_READ | PROT_EXEC), EACCES);
	SO(mprotect(page, 4096, PROT_READ) == 0);
	FAILS(prlimit(1, RLIMIT_NOFILE, NULL, &limit), EACCES);
	SO(prlimit(0, RLIMIT_NOFILE, NULL, &limit) == 0);
	SO(prctl(PR_GET_SECCOMP) == 2 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void
surround(void)
{
	const struct rlimit few = { 20, 4096 };
	const struct itimerval soon = { { 0, 0 }, { 100, 0 } };
	struct itimerval left;
	struct rlimit limit;
	struct sigaction action;
	char cwd[64];
	int fd;

	signal(SIGPIPE, SIG_IGN);
	setitimer(ITIMER_REAL, &soon, NULL);
	setenv("LC_ALL", "C", 1);
	umask(0);
	setrlimit(RLIMIT_NOFILE, &few);
	dup2(1, SOCK);
	dup2(1, 19);
	close(0);
	close(2);
	SO(chdir("/tmp") == 0 && bpfprobe_confine_surroundings(SOCK) == 0);
	for (fd = 0; fd <= SOCK; fd++)
		SO(fcntl(fd, F_GETFD) >= 0);
	for (; fd < 64; fd++)
		SO(fcntl(fd, F_GETFD) < 0);
	SO(getenv("LC_ALL") == NULL && umask(0) == 077);
	SO(getcwd(cwd, sizeof(cwd)) != NULL && strcmp(cwd, "/") == 0);
	SO(prctl(PR_GET_DUMPABLE) == 0);
	SO(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0);
	SO(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 4096);
	SO(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	SO(sigaction(SIGXFSZ, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
	SO(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0);
}

static void
what_a_helper_never_calls_is_not_there(void **state)
{
	(void)state;
	in_child(call_forbidden);
}

static void
some_calls_have_bounds(void **state)
{
	(void)state;
	in_child(call_with_bounds);
}

static void
surroundings_are_made_new(void **state)
{
	(void)state;
	in_child(surround);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_helper_never_calls_is_not_there),
		cmocka_unit_test(some_calls_have_bounds),
		cmocka_unit_test(surroundings_are_made_new),
	};

	return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
