/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the helper makes of itself before it reads anything: whoever starts it, and with
 * whatever around it, it does the same.
 */
#ifndef BPFPROBE_CONFINE_H
#define BPFPROBE_CONFINE_H

/*
 * No debugger, core file or /proc of the same user gets at it; of its descriptors `sock`
 * is left, and 0 to 2, on /dev/null where they were closed; environment, directory, umask,
 * signals and timers are as if freshly started, and limits as high as they may be.  0 or -errno.
 */
int bpfprobe_confine_surroundings(int sock);

/*
 * From here on there are but the system calls that captures need, and files are opened for
 * reading only.  What is none of them fails with ENOSYS, as in a kernel that does not
 * have it.  0 or -errno.
 */
int bpfprobe_confine_calls(void);

#endif
