/* SPDX-License-Identifier: BSD-3-Clause */
/* See client.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include "capture/client.h"
#include "capture/spawn.h"

#ifndef BPFPROBE_HELPER_PATH
#define BPFPROBE_HELPER_PATH "/usr/libexec/pcap-bpfprobe-helper"
#endif

/* How long an answer may take, in ms: loading takes seconds under software emulation. */
#define REPLY_TIMEOUT 60000

#define APPARMOR "/sys/kernel/security/apparmor"

#define INSN_SIZE 8 /* bytes of an instruction of classic BPF */

/* Fills in a failure of our own; returns -1. */
static int __attribute__((format(printf, 3, 4)))
fail(struct bpfprobe_reply *reply, enum bpfprobe_status status, const char *fmt, ...)
{
	va_list ap;

	memset(reply, 0, sizeof(*reply));
	reply->status = status;
	va_start(ap, fmt);
	vsnprintf(reply->message, sizeof(reply->message), fmt, ap);
	va_end(ap);
	return -1;
}

void
bpfprobe_client_init(struct bpfprobe_client *client)
{
	memset(client, 0, sizeof(*client));
	client->sock = client->ctl = client->perf = client->stacks = -1;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
close_all(int **fds, unsigned int *count)
{
	unsigned int i;

	for (i = 0; i < *count; i++)
		close_fd(&(*fds)[i]);
	free(*fds);
	*fds = NULL;
	*count = 0;
}

void
bpfprobe_client_close(struct bpfprobe_client *client)
{
	/* Links first: no packet is looked for any more while the rest goes. */
	close_all(&client->links, &client->nlinks);
	close_all(&client->progs, &client->nprogs);
	close_all(&client->slots, &client->nslots);
	free(client->labels);
	client->labels = NULL;
	client->nlabels = 0;
	close_all(&client->rings, &client->nrings);
	close_all(&client->ringbufs, &client->nringbufs);
	close_fd(&client->perf);
	close_fd(&client->stacks);
	close_fd(&client->ctl);
	close_fd(&client->sock);
}

/* Whether running `path` gives no privilege that the caller has not: no mode bit, no capability. */
static int
is_ordinary(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_ISUID | S_ISGID)) == 0 &&
	       getxattr(path, "security.capability", NULL, 0) < 0;
}

static int
has_prefix(const char *device, const char *prefix)
{
	return strncmp(device, prefix, strlen(prefix)) == 0;
}

/* No interface's name ends in "%xdp": the kernel takes % in a new one for a format. */
int
bpfprobe_client_is_ours(const char *device)
{
	size_t n = strlen(device), suffix = strlen("%xdp");

	return has_prefix(device, "bpfprobe:") || has_prefix(device, "bpfxdp:") || has_prefix(device, "bpfprog:") ||
	    (n > suffix && strcmp(device + n - suffix, "%xdp") == 0);
}

const char *
bpfprobe_client_helper(void)
{
	const char *path = secure_getenv("BPFPROBE_HELPER");

	if (path != NULL && *path == '/' && (is_ordinary(path) || access(path, F_OK) < 0))
		return path;
	return BPFPROBE_HELPER_PATH;
}

static int64_t
now_ms(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits until the helper has said something.  0, or -1 with *reply filled in. */
static int
wait_reply(int sock, struct bpfprobe_reply *reply)
{
	struct pollfd pfd = { sock, POLLIN, 0 };
	int64_t end = now_ms() + REPLY_TIMEOUT, left;
	int n;

	/* By the clock: the application's timer may interrupt every wait. */
	do {
		left = end - now_ms();
		n = poll(&pfd, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(reply, BPFPROBE_ERROR, "poll: %s", strerror(errno));
	if (n == 0)
		return fail(reply, BPFPROBE_ERROR, "the capture helper did not answer within %d s",
		    REPLY_TIMEOUT / 1000);
	return 0;
}

/*
 * It is no mode bit that has kept `path` from being run, so it is a security module.  Of these,
 * AppArmor alone has this directory, which can be found from within a profile too.
 */
static int
profile_lacks(const char *path)
{
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 && access(APPARMOR, F_OK) == 0;
}

static int
no_permission(const char *path, int err, struct bpfprobe_reply *reply)
{
	if (err == EACCES && profile_lacks(path))
		return fail(reply, BPFPROBE_NO_PERM,
		    "cannot run the capture helper: AppArmor's profile of this program lacks the line \"%.120s Ux,\"",
		    path);
	return fail(reply, BPFPROBE_NO_PERM, "cannot run the capture helper %.120s: %s; %s", path, strerror(err),
	    geteuid() == 0 ? "its mode, noexec, or a security module such as SELinux forbids it to root" :
	                     "you may have to be a member of its group");
}

static int
no_exec(const char *path, struct bpfprobe_reply *reply)
{
	int err = (int)reply->detail;

	if (err == EACCES || err == EPERM)
		return no_permission(path, err, reply);
	return fail(reply, BPFPROBE_ERROR,
	    "cannot run the capture helper %.120s: %s; is pcap-bpfprobe installed completely?", path,
	    strerror(err));
}

static int
senseless(struct bpfprobe_reply *reply)
{
	return fail(reply, BPFPROBE_ERROR, "the capture helper's answer makes no sense");
}

/* Keeps what the helper says without being asked.  1, or 0: it is an answer. */
static int
is_unasked(struct bpfprobe_client *client, const struct bpfprobe_reply *got, ssize_t n)
{
	if (n != sizeof(*got) || got->magic != BPFPROBE_MAGIC || got->version != BPFPROBE_VERSION || !got->unasked)
		return 0;
	snprintf(client->ended, sizeof(client->ended), "%.*s", (int)sizeof(got->message) - 1, got->message);
	return 1;
}

const char *
bpfprobe_client_ended(struct bpfprobe_client *client)
{
	struct bpfprobe_reply got;
	ssize_t n;

	if (client->watches && client->sock >= 0 && client->ended[0] == '\0') {
		n = recv(client->sock, &got, sizeof(got), MSG_DONTWAIT | MSG_TRUNC);
		/* The helper's own end is none of the capture; but who waits must not be woken by it for ever. */
		if (n == 0 || (n > 0 && !is_unasked(client, &got, n)))
			close_fd(&client->sock);
	}
	return client->ended[0] != '\0' ? client->ended : NULL;
}

/* Receives the reply to a request.  0 if it says BPFPROBE_OK, else -1. */
static int
receive_reply(struct bpfprobe_client *client, const char *path, struct bpfprobe_reply *reply)
{
	struct bpfprobe_reply got;
	ssize_t n;

	if (wait_reply(client->sock, reply) < 0)
		return -1;
	memset(&got, 0, sizeof(got));
	n = recv(client->sock, &got, sizeof(got), MSG_TRUNC | MSG_CMSG_CLOEXEC);
	/* It ended before it read the request, which is told once; what it said is behind that. */
	if (n < 0 && errno == ECONNRESET)
		n = recv(client->sock, &got, sizeof(got), MSG_TRUNC | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return fail(reply, BPFPROBE_ERROR, "recv from the capture helper: %s", strerror(errno));
	/* Said before it read the request; it says no more of that kind. */
	if (client->watches && client->ended[0] == '\0' && is_unasked(client, &got, n))
		return receive_reply(client, path, reply);
	if (n == 0)
		return fail(reply, BPFPROBE_ERROR, "the capture helper %.120s ended without an answer", path);
	if (n < 8 || got.magic != BPFPROBE_MAGIC ||
	    (got.version == BPFPROBE_VERSION && n != sizeof(got)))
		return fail(reply, BPFPROBE_ERROR, "%.120s is not the capture helper of this libpcap", path);
	if (got.version != BPFPROBE_VERSION)
		return fail(reply, BPFPROBE_ERROR,
		    "the capture helper %.120s has protocol version %u, this libpcap has %d: "
		    "install both from one package", path, got.version, BPFPROBE_VERSION);
	if (got.unasked)
		return senseless(reply);
	got.message[sizeof(got.message) - 1] = '\0';
	got.dlt[sizeof(got.dlt) - 1] = '\0';
	*reply = got;
	if (reply->status == BPFPROBE_NO_EXEC)
		return no_exec(path, reply);
	return reply->status == BPFPROBE_OK ? 0 : -1;
}

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(BPFPROBE_FDS_MAX * sizeof(int))];
};

/* Takes the descriptors out of a message; returns how many.  They are the caller's. */
static unsigned int
take_fds(struct msghdr *msg, int *fds, unsigned int max)
{
	struct cmsghdr *cmsg;
	unsigned int i, n, count = 0;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (unsigned int)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
			if (count < max)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

/* Receives one message of descriptors of `kind`, at most `max`.  Returns how many, or -1. */
static int
receive_some(struct bpfprobe_client *client, enum bpfprobe_fd_kind kind, int *fds,
    unsigned int max, struct bpfprobe_reply *reply)
{
	struct bpfprobe_fds data = { 0, 0, 0 };
	struct iovec iov = { &data, sizeof(data) };
	union control control;
	struct msghdr msg;
	unsigned int count;
	ssize_t n;

	if (wait_reply(client->sock, reply) < 0)
		return -1;
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	n = recvmsg(client->sock, &msg, MSG_CMSG_CLOEXEC);
	count = n >= 0 ? take_fds(&msg, fds, max) : 0;
	if (n == sizeof(data) && data.magic == BPFPROBE_MAGIC && data.kind == kind &&
	    data.count == count && count > 0 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return (int)count;
	while (count > 0)
		close_fd(&fds[--count]);
	if (n == 0)
		return fail(reply, BPFPROBE_ERROR, "the capture helper has ended");
	return fail(reply, BPFPROBE_ERROR,
	    "the capture helper's descriptors did not arrive: is the limit of open files (ulimit -n) too low?");
}

/* Receives `want` descriptors of `kind` into a new array.  0 or -1. */
static int
receive_fds(struct bpfprobe_client *client, enum bpfprobe_fd_kind kind, unsigned int want,
    int **fds, unsigned int *count, struct bpfprobe_reply *reply)
{
	int n;

	*count = 0;
	if (want == 0)
		return 0;
	*fds = calloc(want, sizeof(**fds));
	if (*fds == NULL)
		return fail(reply, BPFPROBE_ERROR, "no memory for %u descriptors", want);
	while (*count < want) {
		n = receive_some(client, kind, *fds + *count, want - *count, reply);
		if (n < 0)
			return -1;
		*count += (unsigned int)n;
	}
	return 0;
}

/* Whether a label says something of a probe. */
static int
is_label(const struct bpfprobe_label *label)
{
	return label->magic == BPFPROBE_MAGIC && label->kind < BPFPROBE_LABEL_KINDS &&
	       label->place < BPFPROBE_PLACES && label->actions < BPFPROBE_ACTIONS_KINDS &&
	       label->targets > 0 && label->reasons <= 1 && label->name[0] != '\0' &&
	       memchr(label->name, '\0', sizeof(label->name)) != NULL;
}

/* Receives the labels of all probes.  0 or -1. */
static int
receive_labels(struct bpfprobe_client *client, unsigned int want, struct bpfprobe_reply *reply)
{
	struct bpfprobe_label *label;
	ssize_t n;

	client->labels = calloc(want, sizeof(*client->labels));
	if (client->labels == NULL)
		return fail(reply, BPFPROBE_ERROR, "no memory for %u probes", want);
	while (client->nlabels < want) {
		label = &client->labels[client->nlabels];
		if (wait_reply(client->sock, reply) < 0)
			return -1;
		n = recv(client->sock, label, sizeof(*label), MSG_TRUNC);
		if (n <= 0)
			return fail(reply, BPFPROBE_ERROR, "the capture helper has ended");
		if (n != sizeof(*label) || !is_label(label))
			return senseless(reply);
		client->nlabels++;
	}
	return 0;
}

static int
receive_one(
    struct bpfprobe_client *client, enum bpfprobe_fd_kind kind, int *fd, struct bpfprobe_reply *reply)
{
	return receive_some(client, kind, fd, 1, reply) == 1 ? 0 : -1;
}

/* Sends the request and the `size` bytes that belong to it. */
static int
send_request(struct bpfprobe_client *client, struct bpfprobe_request *request,
    enum bpfprobe_request_type type, const void *more, size_t size, struct bpfprobe_reply *reply)
{
	struct iovec iov[] = { { request, sizeof(*request) }, { (void *)(uintptr_t)more, size } };
	struct msghdr msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	request->magic = BPFPROBE_MAGIC;
	request->version = BPFPROBE_VERSION;
	request->type = type;
	/* EPIPE or so: the helper never started or is gone; what it last said tells why. */
	if (sendmsg(client->sock, &msg, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return fail(reply, BPFPROBE_ERROR, "send to the capture helper: %s", strerror(errno));
	return 0;
}

static int
start(struct bpfprobe_client *client, const char *path, struct bpfprobe_reply *reply)
{
	int sv[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return fail(reply, BPFPROBE_ERROR, "socketpair: %s", strerror(errno));
	err = bpfprobe_spawn(path, sv[1]);
	close(sv[1]);
	client->sock = sv[0];
	if (err < 0)
		return fail(reply, BPFPROBE_ERROR, "cannot start the capture helper: %s", strerror(-err));
	return 0;
}

static int
check_probes(struct bpfprobe_reply *reply)
{
	return (reply->probes == 0) != (reply->foreign != 0) || reply->probes > BPFPROBE_PROBES_MAX ?
	    senseless(reply) :
	    0;
}

static int
check_attach(struct bpfprobe_reply *reply)
{
	if (reply->links == 0 || reply->links > BPFPROBE_LINKS_MAX)
		return senseless(reply);
	return check_probes(reply);
}

static int
check_open(struct bpfprobe_reply *reply)
{
	__u32 pages = reply->ring_pages;

	if (reply->rings == 0 || reply->rings > BPFPROBE_CPUS_MAX || reply->cpus == 0 ||
	    reply->cpus > BPFPROBE_CPUS_MAX || pages == 0 || (pages & (pages - 1)) != 0 ||
	    (reply->ringbufs != 0 &&
		(reply->ringbufs != reply->rings || reply->ringbuf_size > BPFPROBE_RINGBUF_MAX || reply->foreign)))
		return senseless(reply);
	return check_probes(reply);
}

int
bpfprobe_client_open(struct bpfprobe_client *client, const char *path,
    struct bpfprobe_request *request, struct bpfprobe_reply *reply)
{
	bpfprobe_client_init(client);
	if (start(client, path, reply) < 0 || send_request(client, request, BPFPROBE_OPEN, NULL, 0, reply) < 0 ||
	    receive_reply(client, path, reply) < 0 || check_open(reply) < 0 ||
	    receive_labels(client, bpfprobe_labels(reply), reply) < 0 ||
	    receive_one(client, BPFPROBE_FD_CTL, &client->ctl, reply) < 0 ||
	    receive_one(client, BPFPROBE_FD_PERF, &client->perf, reply) < 0 ||
	    (reply->stacks && receive_one(client, BPFPROBE_FD_STACKS, &client->stacks, reply) < 0) ||
	    receive_fds(client, BPFPROBE_FD_RING, reply->rings, &client->rings, &client->nrings, reply) < 0 ||
	    (reply->ringbufs > 0 && receive_fds(client, BPFPROBE_FD_RINGBUF, reply->ringbufs, &client->ringbufs,
				        &client->nringbufs, reply) < 0)) {
		bpfprobe_client_close(client);
		return -1;
	}
	client->watches = reply->watches != 0;
	return 0;
}

int
bpfprobe_client_attach(struct bpfprobe_client *client, struct bpfprobe_reply *reply)
{
	struct bpfprobe_request request;

	if (client->sock < 0)
		return fail(reply, BPFPROBE_ERROR, "the capture helper has ended");
	memset(&request, 0, sizeof(request));
	if (send_request(client, &request, BPFPROBE_ATTACH, NULL, 0, reply) == 0 &&
	    receive_reply(client, bpfprobe_client_helper(), reply) == 0 && check_attach(reply) == 0 &&
	    receive_fds(client, BPFPROBE_FD_PROG, reply->probes, &client->progs, &client->nprogs, reply) == 0 &&
	    receive_fds(client, BPFPROBE_FD_LINK, reply->links, &client->links, &client->nlinks, reply) == 0 &&
	    receive_fds(client, BPFPROBE_FD_SLOTS, reply->probes, &client->slots, &client->nslots, reply) == 0)
		return 0;
	/* Not half of it, and nothing that a second try could take for its answer. */
	close_all(&client->links, &client->nlinks);
	close_all(&client->slots, &client->nslots);
	close_all(&client->progs, &client->nprogs);
	close_fd(&client->sock);
	return -1;
}

/* A request that may be refused, which is no end.  0, or -1 with *reply filled in. */
static int
ask(struct bpfprobe_client *client, struct bpfprobe_request *request, enum bpfprobe_request_type type,
    const void *more, size_t size, struct bpfprobe_reply *reply)
{
	if (client->sock < 0)
		return fail(reply, BPFPROBE_ERROR, "the capture helper has ended");
	memset(reply, 0, sizeof(*reply));
	if (send_request(client, request, type, more, size, reply) == 0 &&
	    receive_reply(client, bpfprobe_client_helper(), reply) == 0)
		return 0;
	/* No refusal, but no answer: a later one must not be taken for that to another request. */
	if (reply->version != BPFPROBE_VERSION)
		close_fd(&client->sock);
	return -1;
}

int
bpfprobe_client_filter(struct bpfprobe_client *client, const void *insns, unsigned int count,
    int dlt, struct bpfprobe_reply *reply)
{
	struct bpfprobe_request request;

	if (count == 0 || count > BPFPROBE_FILTER_MAX)
		return fail(reply, BPFPROBE_ERROR, "the filter has %u instructions", count);
	memset(&request, 0, sizeof(request));
	request.dlt = (__u32)dlt;
	request.count = count;
	return ask(client, &request, BPFPROBE_FILTER, insns, count * INSN_SIZE, reply);
}

int
bpfprobe_client_names(struct bpfprobe_client *client, int *fd, struct bpfprobe_reply *reply)
{
	struct bpfprobe_request request;

	memset(&request, 0, sizeof(request));
	if (ask(client, &request, BPFPROBE_NAMES, NULL, 0, reply) < 0)
		return -1;
	if (receive_one(client, BPFPROBE_FD_NAMES, fd, reply) == 0)
		return 0;
	close_fd(&client->sock);
	return -1;
}

int
bpfprobe_client_symbol(struct bpfprobe_client *client, uint64_t address, struct bpfprobe_reply *reply)
{
	struct bpfprobe_request request;

	memset(&request, 0, sizeof(request));
	request.address = address;
	return ask(client, &request, BPFPROBE_SYMBOL, NULL, 0, reply);
}
