/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts a process that the application never notices. */
#ifndef BPFPROBE_SPAWN_H
#define BPFPROBE_SPAWN_H

/*
 * Starts `path`, which is absolute, with standard input, output and error on /dev/null, `sock` as
 * descriptor 3 and no other; with an empty environment, default signal handling,
 * / as its directory, and a session of its own.  It is no child of the caller:
 * wait(), SIGCHLD and the terminal's signals do not know it.  (A caller that is
 * a "child subreaper" (prctl(2)) inherits it when it is done.)
 *
 * The exec happens later; if it fails, a struct bpfprobe_reply with status
 * BPFPROBE_NO_EXEC and the errno comes out of the other end of `sock`.  Returns 0
 * or -errno.
 */
int bpfprobe_spawn(const char *path, int sock);

#endif
