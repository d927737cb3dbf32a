/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory for the files of a test, with links by which the test program is a fake helper. */
#ifndef BPFPROBE_TESTS_FAKEDIR_H
#define BPFPROBE_TESTS_FAKEDIR_H

/* Set-up and tear-down of a group of tests. */
int fake_dir_make(void **state);
int fake_dir_remove(void **state);

/* A path in the directory; valid until the next but one call. */
const char *fake_dir_path(const char *name);

/* The path of a helper of that mode (fakehelper.h). */
const char *fake_path(const char *mode);

#endif
