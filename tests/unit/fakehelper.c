/* SPDX-License-Identifier: BSD-3-Clause */
/* See fakehelper.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/filter.h>
#include "helper/protocol.h"
#include "tests/unit/fakehelper.h"

#define SOCK 3

static const char *mode;

static int
mode_is(const char *name)
{
	return strcmp(mode, name) == 0;
}

static void
finish(void)
{
	_exit(0);
}

static void
receive_request(__u32 type)
{
	struct bpfprobe_request request;

	if (recv(SOCK, &request, sizeof(request), MSG_TRUNC) != sizeof(request) ||
	    request.magic != BPFPROBE_MAGIC || request.version != BPFPROBE_VERSION ||
	    request.type != type)
		finish();
	if (type == BPFPROBE_OPEN && strcmp(request.device, "bpfprobe:test") != 0)
		finish();
}

static struct bpfprobe_reply
good_reply(void)
{
	struct bpfprobe_reply reply;

	memset(&reply, 0, sizeof(reply));
	reply.magic = BPFPROBE_MAGIC;
	reply.version = BPFPROBE_VERSION;
	reply.detail = (__u32)getpid();
	reply.clock = 7;
	reply.rings = mode_is("many") ? FAKE_MANY : FAKE_RINGS;
	reply.ring_pages = 4;
	reply.ringbufs = mode_is("good") || mode_is("many") ? reply.rings : 0;
	reply.cpus = 8;
	reply.probes = FAKE_PROBES;
	reply.links = FAKE_LINKS;
	strcpy(reply.dlt, "RAW");
	return reply;
}

static void
say(const void *data, size_t n)
{
	if (send(SOCK, data, n, MSG_NOSIGNAL) != (ssize_t)n)
		finish();
}

static void
say_error(__u32 status, const char *message)
{
	struct bpfprobe_reply reply = good_reply();

	reply.status = status;
	snprintf(reply.message, sizeof(reply.message), "%s", message);
	say(&reply, sizeof(reply));
	finish();
}

/* Sends `n` descriptors of files that hold the kind and a number, from `first` on. */
static void
send_fds(__u32 kind, unsigned int first, unsigned int n, __u32 said)
{
	struct bpfprobe_fds data = { BPFPROBE_MAGIC, kind, said };
	struct iovec iov = { &data, sizeof(data) };
	char control[CMSG_SPACE(BPFPROBE_FDS_MAX * sizeof(int))] = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	unsigned int i;
	int fds[BPFPROBE_FDS_MAX];

	for (i = 0; i < n; i++) {
		fds[i] = memfd_create("fake", 0);
		if (fds[i] < 0 || dprintf(fds[i], "%u %u", kind, first + i) < 0)
			finish();
	}
	if (n > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	}
	if (sendmsg(SOCK, &msg, MSG_NOSIGNAL) < 0)
		finish();
	for (i = 0; i < n; i++)
		close(fds[i]);
}

static void
send_rings(__u32 kind, unsigned int count)
{
	unsigned int first = 0, n;
	unsigned int most = mode_is("many") ? BPFPROBE_FDS_MAX : 3;

	for (; first < count; first += n) {
		n = count - first < most ? count - first : most;
		send_fds(kind, first, n, n);
	}
}

/* What a process can see of the way in which it was started. */
static void
report(void)
{
	char message[200] = "fds", blocked[32] = "", ignored[32] = "", line[128], cwd[64] = "";
	unsigned int envs = 0;
	struct dirent *entry;
	FILE *status;
	DIR *dir;

	dir = opendir("/proc/self/fd");
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
			sprintf(message + strlen(message), " %.8s", entry->d_name);
	status = fopen("/proc/self/status", "r");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		sscanf(line, "SigBlk: %31s", blocked);
		sscanf(line, "SigIgn: %31s", ignored);
	}
	while (environ != NULL && environ[envs] != NULL)
		envs++;
	snprintf(message + strlen(message), sizeof(message) - strlen(message),
	    "; env %u; cwd %s; blocked %s; ignored %s; umask %03o; session %s", envs,
	    getcwd(cwd, sizeof(cwd)) != NULL ? cwd : "?", blocked, ignored, (unsigned int)umask(0),
	    getsid(0) == getpid() ? "own" : "shared");
	say_error(BPFPROBE_ERROR, message);
}

/* Answers that are no answer. */
static void
misbehave(void)
{
	struct bpfprobe_reply reply = good_reply();

	if (mode_is("version")) {
		reply.version = 99;
		say(&reply, 64);
	} else if (mode_is("size")) {
		say(&reply, sizeof(reply) - 1);
	} else if (mode_is("large")) {
		char large[2 * sizeof(reply)] = { 0 };

		memcpy(large, &reply, sizeof(reply));
		say(large, sizeof(large));
	} else if (mode_is("short")) {
		say(&reply, 4);
	} else if (mode_is("garbage")) {
		memset(&reply, 'x', sizeof(reply));
		say(&reply, sizeof(reply));
	} else if (mode_is("unterminated")) {
		reply.status = BPFPROBE_ERROR;
		memset(reply.message, 'm', sizeof(reply.message));
		memset(reply.dlt, 'd', sizeof(reply.dlt));
		say(&reply, sizeof(reply));
	} else {
		return;
	}
	finish();
}

/* One field of an answer is not possible. */
static void
spoil(struct bpfprobe_reply *reply)
{
	if (mode_is("rings0"))
		reply->rings = 0;
	else if (mode_is("rings5000"))
		reply->rings = BPFPROBE_CPUS_MAX + 1;
	else if (mode_is("ringbufs1"))
		reply->ringbufs = 1;
	else if (mode_is("ringbufs2G"))
		reply->ringbufs = reply->rings, reply->ringbuf_size = 1U << 31;
	else if (mode_is("pages0"))
		reply->ring_pages = 0;
	else if (mode_is("pages3"))
		reply->ring_pages = 3;
	else if (mode_is("cpus0"))
		reply->cpus = 0;
	else if (mode_is("cpus5000"))
		reply->cpus = BPFPROBE_CPUS_MAX + 1;
	else if (mode_is("probes0"))
		reply->probes = 0;
	else if (mode_is("probes65"))
		reply->probes = BPFPROBE_PROBES_MAX + 1;
	else if (mode_is("filter-unasked"))
		reply->watches = 1;
	else if (mode_is("foreign-probes"))
		reply->foreign = 1;
}

/* Sends one label for each probe; one thing about the last of them may be wrong. */
static void
send_labels(unsigned int count)
{
	char large[sizeof(struct bpfprobe_label) + 1] = { 0 };
	struct bpfprobe_label label;
	unsigned int i;

	for (i = 0; i < count; i++) {
		memset(&label, 0, sizeof(label));
		label.magic = BPFPROBE_MAGIC;
		label.targets = 1 + i;
		label.program = 100 + i;
		snprintf(label.name, sizeof(label.name), "probe%u", i);
		if (i + 1 < count) {
			say(&label, sizeof(label));
			continue;
		}
		/* The greatest of each. */
		label.kind = mode_is("label-kind") ? BPFPROBE_LABEL_KINDS : BPFPROBE_LABEL_INTERFACE;
		label.place = mode_is("label-place") ? BPFPROBE_PLACES : BPFPROBE_PLACE_EXIT;
		label.actions = mode_is("label-actions") ? BPFPROBE_ACTIONS_KINDS : BPFPROBE_ACTIONS_TC;
		memset(label.name, 'n', sizeof(label.name) - !mode_is("label-endless"));
		if (mode_is("label-magic"))
			label.magic++;
		if (mode_is("label-targets"))
			label.targets = 0;
		if (mode_is("label-nameless"))
			label.name[0] = '\0';
		memcpy(large, &label, sizeof(label));
		say(large, sizeof(label) + mode_is("label-large") - mode_is("label-short"));
	}
}

static void
serve_open(void)
{
	struct bpfprobe_reply reply = good_reply();

	spoil(&reply);
	say(&reply, sizeof(reply));
	if (mode_is("labelless"))
		finish();
	send_labels(mode_is("label-few") ? reply.probes - 1 : reply.probes);
	if (mode_is("fdless"))
		finish();
	send_fds(mode_is("kind") ? BPFPROBE_FD_PERF : BPFPROBE_FD_CTL, 0, 1, 1);
	if (mode_is("surplus"))
		send_fds(BPFPROBE_FD_PERF, 0, 3, 3);
	else if (mode_is("count"))
		send_fds(BPFPROBE_FD_PERF, 0, 1, 2);
	else if (mode_is("none"))
		send_fds(BPFPROBE_FD_PERF, 0, 0, 0);
	else
		send_fds(BPFPROBE_FD_PERF, 0, 1, 1);
	send_rings(BPFPROBE_FD_RING, mode_is("few") ? FAKE_RINGS - 1 : mode_is("excess") ? FAKE_RINGS + 1 : reply.rings);
	if (mode_is("few"))
		finish();
	send_rings(BPFPROBE_FD_RINGBUF, reply.ringbufs);
}

static void
serve_attach(void)
{
	struct bpfprobe_reply reply = good_reply();

	if (mode_is("attach-fails"))
		say_error(BPFPROBE_NO_PERM, "not allowed");
	if (mode_is("attach-probes0"))
		reply.probes = 0;
	if (mode_is("attach-links0"))
		reply.links = 0;
	if (mode_is("attach-links129"))
		reply.links = BPFPROBE_LINKS_MAX + 1;
	if (mode_is("attach-probes65"))
		reply.probes = BPFPROBE_PROBES_MAX + 1;
	say(&reply, sizeof(reply));
	send_fds(BPFPROBE_FD_PROG, 0, FAKE_PROBES, FAKE_PROBES);
	if (mode_is("attach-few"))
		finish();
	send_fds(BPFPROBE_FD_LINK, 0, FAKE_LINKS, FAKE_LINKS);
	send_fds(BPFPROBE_FD_SLOTS, 0, FAKE_PROBES, FAKE_PROBES);
}

/* The end of what is captured, just before an answer. */
static void
say_unasked(void)
{
	struct bpfprobe_reply reply = good_reply();

	reply.unasked = 1;
	memset(reply.message, 'x', sizeof(reply.message));
	say(&reply, sizeof(reply));
}

/*
 * Serves filters until the module is gone: the generation is the number of the
 * filter's instructions plus its first one's k.  A filter of one is refused.
 */
static void
serve_filters(void)
{
	struct {
		struct bpfprobe_request request;
		struct sock_filter filter[BPFPROBE_FILTER_MAX];
	} message;
	struct bpfprobe_reply reply;
	size_t size;

	for (;;) {
		size = (size_t)recv(SOCK, &message, sizeof(message), MSG_TRUNC);
		if (size < sizeof(message.request) || message.request.type != BPFPROBE_FILTER ||
		    size != sizeof(message.request) + message.request.count * sizeof(message.filter[0]))
			finish();
		reply = good_reply();
		reply.generation = message.request.count + message.filter[0].k + message.request.dlt;
		if (message.request.count == 1) {
			reply.status = BPFPROBE_ERROR;
			strcpy(reply.message, "too simple");
		}
		if (mode_is("filter-unasked"))
			say_unasked();
		say(&reply, mode_is("filter-short") ? sizeof(reply) - 1 : sizeof(reply));
	}
}

unsigned int
count_fds(void)
{
	DIR *fds = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (fds == NULL)
		return 0;
	while (readdir(fds) != NULL)
		n++;
	closedir(fds);
	return n;
}

void
fake_helper(const char *name)
{
	struct pollfd hangup = { SOCK, 0, 0 };

	mode = name;
	if (mode_is("dies"))
		finish();
	receive_request(BPFPROBE_OPEN);
	if (mode_is("dies-later"))
		finish();
	if (mode_is("slow"))
		poll(NULL, 0, FAKE_WAIT_MS);
	if (mode_is("report"))
		report();
	if (mode_is("no-device"))
		say_error(BPFPROBE_NO_DEVICE, "no such thing");
	misbehave();
	serve_open();
	if (mode_is("dies-attach"))
		finish();
	receive_request(BPFPROBE_ATTACH);
	serve_attach();
	if (strncmp(mode, "filter", strlen("filter")) == 0)
		serve_filters();
	/* Until the module has gone. */
	while (poll(&hangup, 1, -1) <= 0)
		;
	_exit(0);
}
