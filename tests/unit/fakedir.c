/* SPDX-License-Identifier: BSD-3-Clause */
/* See fakedir.h. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/fakedir.h"
#include "tests/unit/fakehelper.h"

static char dir[] = "/tmp/bpfprobe-client-XXXXXX";
static char self[4096];

const char *
fake_dir_path(const char *name)
{
	static char paths[2][320];
	static unsigned int turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

const char *
fake_path(const char *mode)
{
	char name[64];
	const char *path;

	snprintf(name, sizeof(name), FAKE_HELPER "%s", mode);
	path = fake_dir_path(name);
	if (symlink(self, path) < 0)
		assert_int_equal(errno, EEXIST);
	return path;
}

int
fake_dir_make(void **state)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)state;
	return n < 0 || mkdtemp(dir) == NULL || chmod(dir, 0755) < 0 ? -1 : 0;
}

int
fake_dir_remove(void **state)
{
	struct dirent *entry;
	DIR *files = opendir(dir);

	(void)state;
	while (files != NULL && (entry = readdir(files)) != NULL)
		(void)unlink(fake_dir_path(entry->d_name));
	if (files != NULL)
		closedir(files);
	return rmdir(dir);
}
