/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A helper that behaves as its name says: the test program itself, started
 * through a link "helper-MODE".  The name is all that can tell it, since a helper
 * gets neither arguments nor environment.
 */
#ifndef BPFPROBE_TESTS_FAKEHELPER_H
#define BPFPROBE_TESTS_FAKEHELPER_H

#define FAKE_HELPER "helper-"
#define FAKE_RINGS 5	/* rings of a handle */
#define FAKE_MANY 450	/* the same in mode "many" */
#define FAKE_PROBES 3
#define FAKE_LINKS 5
#define FAKE_WAIT_MS 300 /* before the answer in mode "slow" */

/* Open descriptors of this process, and one for looking. */
unsigned int count_fds(void);

/* Never returns. */
void fake_helper(const char *mode) __attribute__((noreturn));

#endif
