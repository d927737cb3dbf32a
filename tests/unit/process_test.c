/* SPDX-License-Identifier: BSD-3-Clause */
/* The processes of pid=: what /proc says of them, and of whom the caller may ask. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "helper/process.h"

#define NOBODY 65534

static const struct {
	const char *status;
	int err;
	__u64 number, inner;
} texts[] = {
	{ "Name:\tx\nTgid:\t7\nNgid:\t0\nPid:\t7\nGroups:\t1 2 3 \nNStgid:\t7\nNSpid:\t7\n", 0, 7, 7 },
	{ "Tgid:\t7\nPid:\t9\nNStgid:\t7\t41\t3\nNSpid:\t9\t43\t5\n", 0, 7, 3 },
	/* What a process is called stands in one line, whatever it is. */
	{ "Name:\tTgid:\\n1\nTgid:\t7\nNStgid:\t7\t3\n", 0, 7, 3 },
	{ "Tgid:\t7\n", -1, 7, 0 },
	{ "NStgid:\t7\n", -1, 0, 7 },
	{ "Tgid:\nNStgid:\n", -1, 0, 0 },
	{ "\n", -1, 0, 0 },
};

static void
status_texts(void **state)
{
	__u64 number, inner;
	FILE *file;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file = fmemopen((void *)texts[i].status, strlen(texts[i].status), "r");
		assert_non_null(file);
		assert_int_equal(bpfprobe_process_read(file, &number, &inner), texts[i].err);
		assert_int_equal(number, texts[i].number);
		assert_int_equal(inner, texts[i].inner);
		fclose(file);
	}
}

/* In the innermost namespace, which is its own, a process has the number that it is told. */
static void
own_process(void **state)
{
	struct bpfprobe_who who = { .pid = { 2, { (__u64)getpid(), (__u64)getpid() } } };
	struct bpfprobe_reply reply;
	struct stat st;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	assert_int_equal(bpfprobe_process_resolve(&who, 1, &reply), 0);
	assert_int_equal(who.pid.value[0], getpid());
	assert_int_equal(who.pid.value[1], getpid());
	assert_int_equal(who.pidns[1], st.st_ino == 0xeffffffc ? 0 : st.st_ino);
	assert_int_equal(who.nsfs, st.st_dev);
	assert_int_equal(who.own, 0);
}

static void
assert_no(__u64 number, const char *message)
{
	struct bpfprobe_who who = { .pid = { 1, { number } } };
	struct bpfprobe_reply reply;

	memset(&reply, 0, sizeof(reply));
	assert_int_equal(bpfprobe_process_resolve(&who, 1, &reply), -1);
	assert_int_equal(reply.status, BPFPROBE_NO_DEVICE);
	assert_string_equal(reply.message, message);
}

static void *
ask_for_thread(void *arg)
{
	char message[100];

	(void)arg;
	snprintf(message, sizeof(message), "pid=\"%ld\" is a thread; its process has number %d", syscall(SYS_gettid),
	    getpid());
	assert_no((__u64)syscall(SYS_gettid), message);
	return NULL;
}

static void
no_process(void **state)
{
	pthread_t thread;

	(void)state;
	assert_no(2147483647, "pid=\"2147483647\": there is no such process");
	assert_int_equal(pthread_create(&thread, NULL, ask_for_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* What a user gets who is not trusted: 0 or the reply's status. */
static int
ask_as_nobody(__u64 number)
{
	struct bpfprobe_who who = { .pid = { number > 0, { number } }, .comms = 1 };
	struct bpfprobe_reply reply;
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(100);
		status = bpfprobe_process_resolve(&who, 0, &reply) < 0 ? (int)reply.status : 0;
		_exit(status > 0 || (who.own && who.owner == getuid()) ? status : 101);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
foreign_process(void **state)
{
	(void)state;
	assert_int_equal(ask_as_nobody(0), 0);
	assert_int_equal(ask_as_nobody(1), BPFPROBE_NO_PERM);
	assert_int_equal(ask_as_nobody(2147483647), BPFPROBE_NO_DEVICE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_texts),
		cmocka_unit_test(own_process),
		cmocka_unit_test(no_process),
		cmocka_unit_test(foreign_process),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
