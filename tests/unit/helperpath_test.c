/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which helper is run: the compiled-in one, or the one that the environment names.
 * The latter only for ordinary files, and never in a program with more privilege
 * than its caller.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>
#include "capture/client.h"

/* The name under which the program tells what it makes of the environment. */
#define SECURE "secure-probe"
#define NOT_SECURE 77

static char dir[] = "/tmp/bpfprobe-path-XXXXXX";
static char path[256]; /* of the test's file */

/* Makes the test's file. */
static void
make_file(const char *name, mode_t mode)
{
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const char *
helper_for(const char *value)
{
	static char copy[256]; /* the answer may be the environment's memory */

	unsetenv("BPFPROBE_HELPER");
	if (value != NULL)
		setenv("BPFPROBE_HELPER", value, 1);
	snprintf(copy, sizeof(copy), "%s", bpfprobe_client_helper());
	unsetenv("BPFPROBE_HELPER");
	return copy;
}

static void
environment_is_heeded_for_ordinary_files(void **state)
{
	char compiled[256];

	(void)state;
	strcpy(compiled, helper_for(NULL));
	assert_int_equal(compiled[0], '/');
	make_file("ordinary", 0755);
	assert_string_equal(helper_for(path), path);
	assert_string_equal(helper_for(""), compiled);
	assert_string_equal(helper_for("ordinary"), compiled);
	assert_string_equal(helper_for("./ordinary"), compiled);
	assert_string_equal(helper_for(dir), compiled);
	assert_string_equal(helper_for("/dev/zero"), compiled);
	chmod(path, 04755);
	assert_string_equal(helper_for(path), compiled);
	chmod(path, 02755);
	assert_string_equal(helper_for(path), compiled);
	chmod(path, 0755);
	assert_string_equal(helper_for(path), path);
	/* What is not there runs nobody's privileges, and its absence is to be told. */
	unlink(path);
	assert_string_equal(helper_for(path), path);
}

static void
environment_is_not_heeded_for_capabilities(void **state)
{
	/* struct vfs_cap_data, revision 2: CAP_NET_RAW permitted. */
	static const uint8_t cap[20] = { 0, 0, 0, 2, 0, 0x20 };

	(void)state;
	make_file("capable", 0755);
	if (setxattr(path, "security.capability", cap, sizeof(cap), 0) < 0)
		skip(); /* not root, or a file system without */
	assert_string_not_equal(helper_for(path), path);
}

/* Run as a set-user-id program by someone else.  Exit status 1: the environment is heeded. */
static int
secure_probe(void)
{
	if (getauxval(AT_SECURE) == 0)
		return NOT_SECURE;
	return strcmp(bpfprobe_client_helper(), "/bin/sh") == 0;
}

static void
copy_self(void)
{
	int in = open("/proc/self/exe", O_RDONLY), out = open(path, O_WRONLY);
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	assert_int_equal(n, 0);
	close(in);
	close(out);
}

static void
environment_is_not_heeded_under_set_user_id(void **state)
{
	char *const argv[] = { path, NULL };
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	make_file(SECURE, 0755);
	copy_self();
	assert_int_equal(chmod(path, 04755), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		setenv("BPFPROBE_HELPER", "/bin/sh", 1);
		if (setuid(65534) == 0)
			execv(path, argv);
		_exit(126);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_SECURE)
		skip(); /* a file system with "nosuid" */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL || chmod(dir, 0755) < 0 ? -1 : 0;
}

static int
remove_file(void **state)
{
	(void)state;
	(void)unlink(path);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

#define TEST(f) cmocka_unit_test_teardown(f, remove_file)

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(environment_is_heeded_for_ordinary_files),
		TEST(environment_is_not_heeded_for_capabilities),
		TEST(environment_is_not_heeded_under_set_user_id),
	};

	(void)argc;
	if (strcmp(basename(argv[0]), SECURE) == 0)
		return secure_probe();
	return cmocka_run_group_tests_name("helperpath", tests, make_dir, remove_dir);
}
