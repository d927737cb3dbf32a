/* SPDX-License-Identifier: BSD-3-Clause */
/* See inject.h and packet(7). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_packet.h>
#include "capture/inject.h"

void
bpfprobe_inject_init(struct bpfprobe_inject *inject)
{
	memset(inject, 0, sizeof(*inject));
	inject->fd = -1;
}

void
bpfprobe_inject_close(struct bpfprobe_inject *inject)
{
	if (inject->fd >= 0)
		close(inject->fd);
	inject->fd = -1;
}

static int
fail(char *errbuf, size_t errlen, const char *what, int err)
{
	if (err == EPERM || err == EACCES)
		snprintf(errbuf, errlen, "%s: %s; sending needs CAP_NET_RAW of this program's own", what, strerror(err));
	else
		snprintf(errbuf, errlen, "%s: %s", what, strerror(err));
	return -1;
}

/* The socket receives nothing: its protocol is 0. */
static int
open_socket(struct bpfprobe_inject *inject, char *errbuf, size_t errlen)
{
	if (inject->ifindex == 0) {
		snprintf(errbuf, errlen, "packets can be sent through bpfxdp:INTERFACE, and with dev=INTERFACE, only");
		return -1;
	}
	if (inject->elsewhere) {
		snprintf(errbuf, errlen,
		    "packets cannot be sent into another network namespace; run the program in it (ip netns exec)");
		return -1;
	}
	inject->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	return inject->fd < 0 ? fail(errbuf, errlen, "socket", errno) : 0;
}

int
bpfprobe_inject_send(
    struct bpfprobe_inject *inject, const void *buf, size_t size, char *errbuf, size_t errlen)
{
	struct sockaddr_ll to;
	ssize_t n;

	if (inject->fd < 0 && open_socket(inject, errbuf, errlen) < 0)
		return -1;
	memset(&to, 0, sizeof(to));
	to.sll_family = AF_PACKET;
	to.sll_ifindex = (int)inject->ifindex;
	n = sendto(inject->fd, buf, size, 0, (struct sockaddr *)&to, sizeof(to));
	return n < 0 ? fail(errbuf, errlen, "send", errno) : (int)n;
}
