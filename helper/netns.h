/* SPDX-License-Identifier: BSD-3-Clause */
/* Another network namespace, for a moment. */
#ifndef BPFPROBE_NETNS_H
#define BPFPROBE_NETNS_H

#define BPFPROBE_NETNS_OWN "/proc/self/ns/net"

/*
 * Enters the network namespace `fd`; 0: it stays in its own.  Returns what to go back with, a
 * descriptor or 0; or -errno.
 */
int bpfprobe_netns_enter(int fd);
void bpfprobe_netns_leave(int own);

#endif
