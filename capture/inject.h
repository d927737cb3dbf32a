/* SPDX-License-Identifier: BSD-3-Clause */
/* Sending on the interface of a device, as libpcap does it on that interface itself. */
#ifndef BPFPROBE_INJECT_H
#define BPFPROBE_INJECT_H

#include <stddef.h>
#include <stdint.h>

struct bpfprobe_inject {
	int fd;		  /* packet socket, made for the first packet; -1: not yet */
	uint32_t ifindex; /* 0: the device is none of a single interface */
	int elsewhere;	  /* it is in another network namespace */
};

void bpfprobe_inject_init(struct bpfprobe_inject *inject);
void bpfprobe_inject_close(struct bpfprobe_inject *inject);

/*
 * Sends `size` bytes at `buf`, which begin with the interface's MAC header, with this
 * process's own CAP_NET_RAW.  Returns `size`, or -1 and one line in errbuf.
 */
int bpfprobe_inject_send(
    struct bpfprobe_inject *inject, const void *buf, size_t size, char *errbuf, size_t errlen);

#endif
