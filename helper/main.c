/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap-bpfprobe-helper: loads and attaches probes for a process that may not.
 * Started by the libpcap module with a socket as descriptor 3 (protocol.h); ends
 * when the other end is closed.  Privileged, so that it believes nothing that it
 * reads, and prints nothing: what it has to say goes into the reply.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "helper/caps.h"
#include "helper/confine.h"
#include "helper/fail.h"
#include "helper/handover.h"
#include "helper/names.h"
#include "helper/protocol.h"
#include "helper/session.h"

/* How long the module may take to read a reply, in s. */
#define SEND_TIMEOUT 10
#define IDLE 10 /* ms without a request: who opens a device asks for more at once */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A request as it comes: FILTER's instructions stand behind it. */
struct message {
	struct bpfprobe_request request;
	struct sock_filter filter[BPFPROBE_FILTER_MAX];
};

static int
option_is(int option, int value)
{
	int got = -1;
	socklen_t len = sizeof(got);

	return getsockopt(BPFPROBE_SOCK, SOL_SOCKET, option, &got, &len) == 0 && got == value;
}

static int
is_socket(void)
{
	return option_is(SO_DOMAIN, AF_UNIX) && option_is(SO_TYPE, SOCK_SEQPACKET);
}

static int
send_reply(struct bpfprobe_reply *reply)
{
	reply->magic = BPFPROBE_MAGIC;
	reply->version = BPFPROBE_VERSION;
	return send(BPFPROBE_SOCK, reply, sizeof(*reply), MSG_NOSIGNAL) == sizeof(*reply) ? 0 : -1;
}

/* Sends up to BPFPROBE_FDS_MAX descriptors in one message; none at all without one. */
static int
send_some(enum bpfprobe_fd_kind kind, const int *fds, unsigned int count)
{
	struct bpfprobe_fds data = { BPFPROBE_MAGIC, kind, count };
	struct iovec iov = { &data, sizeof(data) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(BPFPROBE_FDS_MAX * sizeof(int))];
	} control;
	struct cmsghdr *cmsg;
	struct msghdr msg;

	if (count == 0)
		return 0;
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	return sendmsg(BPFPROBE_SOCK, &msg, MSG_NOSIGNAL) == sizeof(data) ? 0 : -1;
}

_Static_assert(BPFPROBE_RINGBUFS_MAX <= BPFPROBE_FDS_MAX, "BPF ring buffers go in one message");

static int
send_rings(const struct bpfprobe_rings *rings)
{
	int fds[BPFPROBE_FDS_MAX];
	unsigned int i, n = 0;

	for (i = 0; i < rings->count; i++) {
		fds[n++] = bpfprobe_rings_fd(rings, i);
		if (n < COUNT(fds) && i + 1 < rings->count)
			continue;
		if (send_some(BPFPROBE_FD_RING, fds, n) < 0)
			return -1;
		n = 0;
	}
	return 0;
}

static int
send_labels(const struct bpfprobe_session *session, const struct bpfprobe_reply *reply)
{
	struct bpfprobe_label label;
	unsigned int i;

	for (i = 0; i < bpfprobe_labels(reply); i++) {
		bpfprobe_session_label(session, i, &label);
		if (send(BPFPROBE_SOCK, &label, sizeof(label), MSG_NOSIGNAL) != sizeof(label))
			return -1;
	}
	return 0;
}

/*
 * The requests.  Each sends its reply itself, and returns 0, or -1: this process
 * has nothing more to do.
 */

static int
serve_open(struct bpfprobe_session *session, const struct bpfprobe_request *request)
{
	struct bpfprobe_reply reply;

	memset(&reply, 0, sizeof(reply));
	if (bpfprobe_session_open(session, request, &reply) < 0) {
		send_reply(&reply);
		return -1;
	}
	if (send_reply(&reply) < 0 || send_labels(session, &reply) < 0 ||
	    send_some(BPFPROBE_FD_CTL, &session->maps.ctl, 1) < 0 || send_some(BPFPROBE_FD_PERF, &session->maps.perf, 1) < 0)
		return -1;
	if (reply.stacks && send_some(BPFPROBE_FD_STACKS, &session->maps.stacks, 1) < 0)
		return -1;
	if (send_rings(&session->rings) < 0)
		return -1;
	return send_some(BPFPROBE_FD_RINGBUF, session->ringbufs.fds, session->ringbufs.count);
}

static int
serve_attach(struct bpfprobe_session *session)
{
	struct bpfprobe_handover handover;
	struct bpfprobe_reply reply;
	int err;

	memset(&reply, 0, sizeof(reply));
	if (bpfprobe_session_attach(session, &reply) < 0 || bpfprobe_handover_make(&handover, session, &reply) < 0) {
		send_reply(&reply);
		return -1;
	}
	err = send_reply(&reply);
	if (err == 0)
		err = send_some(BPFPROBE_FD_PROG, handover.programs, session->count);
	if (err == 0)
		err = send_some(BPFPROBE_FD_LINK, session->links, session->nlinks);
	if (err == 0)
		err = send_some(BPFPROBE_FD_SLOTS, handover.slots, session->count);
	bpfprobe_handover_close(&handover);
	bpfprobe_session_detach(session);
	return err;
}

static int
serve_filter(struct bpfprobe_session *session, const struct message *message)
{
	struct bpfprobe_reply reply;

	memset(&reply, 0, sizeof(reply));
	/* A filter that the kernel refuses is no end: the module then filters itself. */
	(void)bpfprobe_session_filter(session, &message->request, message->filter, &reply);
	return send_reply(&reply);
}

static int
serve_names(struct bpfprobe_session *session)
{
	struct bpfprobe_reply reply;
	int err;

	memset(&reply, 0, sizeof(reply));
	err = bpfprobe_names_fill(session, &reply);
	if (send_reply(&reply) < 0)
		return -1;
	return err < 0 ? 0 : send_some(BPFPROBE_FD_NAMES, &session->maps.names, 1);
}

static int
serve_symbol(struct bpfprobe_session *session, const struct bpfprobe_request *request)
{
	struct bpfprobe_reply reply;

	memset(&reply, 0, sizeof(reply));
	(void)bpfprobe_session_symbol(session, request->address, &reply);
	return send_reply(&reply);
}

/* What is captured has come to an end: says so, once. */
static int
tell(struct bpfprobe_reply *reply)
{
	reply->unasked = 1;
	return send_reply(reply);
}

/*
 * Waits for a request, and looks every *period ms whether what is captured is still there.
 * 0 or -1.
 */
static int
wait_for_request(struct bpfprobe_session *session, int *period)
{
	struct pollfd pollfd = { BPFPROBE_SOCK, POLLIN, 0 };
	struct bpfprobe_reply reply;
	int n;

	while (*period > 0) {
		n = poll(&pollfd, 1, *period);
		if (n > 0)
			break;
		if (n < 0 && errno != EINTR)
			return -1;
		memset(&reply, 0, sizeof(reply));
		if (bpfprobe_caps_raise() < 0)
			return -1;
		if (bpfprobe_session_check(session, &reply) < 0)
			*period = -1;
		if (bpfprobe_caps_lower() < 0 || (*period < 0 && tell(&reply) < 0))
			return -1;
	}
	return 0;
}

/* Does what has time, when nobody has asked for anything for a moment.  0 or -1. */
static int
catch_up(struct bpfprobe_session *session)
{
	struct pollfd pollfd = { BPFPROBE_SOCK, POLLIN, 0 };
	int more = session->ringbufs.put < session->ringbufs.count, wait = IDLE;

	while (more && poll(&pollfd, 1, wait) == 0) {
		if (bpfprobe_caps_raise() < 0)
			return -1;
		more = bpfprobe_ringbufs_put(&session->ringbufs, session->maps.ringbufs);
		if (bpfprobe_caps_lower() < 0)
			return -1;
		wait = 0;
	}
	return 0;
}

/* The module is gone. */
static void
end(struct bpfprobe_session *session)
{
	if (bpfprobe_caps_raise() == 0)
		bpfprobe_session_end(session);
}

enum state { STATE_START, STATE_OPEN, STATE_ATTACHED };

/* Serves one request; the order of requests is fixed.  0, or -1: end. */
static int
serve(enum state *state, struct bpfprobe_session *session, const struct message *message)
{
	const struct bpfprobe_request *request = &message->request;
	int err = -1;

	if (bpfprobe_caps_raise() < 0)
		return -1;
	if (request->type == BPFPROBE_OPEN && *state == STATE_START) {
		err = serve_open(session, request);
		*state = STATE_OPEN;
	} else if (request->type == BPFPROBE_ATTACH && *state == STATE_OPEN) {
		err = serve_attach(session);
		*state = STATE_ATTACHED;
	} else if (request->type == BPFPROBE_FILTER && *state != STATE_START) {
		err = serve_filter(session, message);
	} else if (request->type == BPFPROBE_NAMES && *state != STATE_START) {
		err = serve_names(session);
	} else if (request->type == BPFPROBE_SYMBOL && *state != STATE_START) {
		err = serve_symbol(session, request);
	}
	return bpfprobe_caps_lower() < 0 ? -1 : err;
}

/* Whether the message has the size that its type says. */
static int
is_whole(const struct message *message, size_t size)
{
	const struct bpfprobe_request *request = &message->request;
	size_t filter = 0;

	if (size < sizeof(*request))
		return 0;
	if (request->type == BPFPROBE_FILTER) {
		if (request->count == 0 || request->count > BPFPROBE_FILTER_MAX)
			return 0;
		filter = request->count * sizeof(message->filter[0]);
	}
	return size == sizeof(*request) + filter;
}

/*
 * Receives one request.  1, 0 at the end of file, or -1 if it is not one: none has descriptors
 * with it, which the kernel closes, since there is no room for them.
 */
static int
receive(struct message *message)
{
	struct bpfprobe_request *request = &message->request;
	struct iovec iov = { message, sizeof(*message) };
	struct bpfprobe_reply reply;
	struct msghdr msg;
	ssize_t n;

	memset(request, 0, sizeof(*request));
	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	do {
		n = recvmsg(BPFPROBE_SOCK, &msg, MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	if (n < 8 || request->magic != BPFPROBE_MAGIC || (msg.msg_flags & MSG_CTRUNC))
		return -1;
	if (request->version != BPFPROBE_VERSION || !is_whole(message, (size_t)n)) {
		memset(&reply, 0, sizeof(reply));
		bpfprobe_fail(&reply, BPFPROBE_ERROR, "the helper has protocol version %d", BPFPROBE_VERSION);
		send_reply(&reply);
		return -1;
	}
	request->device[sizeof(request->device) - 1] = '\0';
	return 1;
}

static int
prepare(void)
{
	struct timeval timeout = { SEND_TIMEOUT, 0 };

	libbpf_set_print(NULL);
	if (setsockopt(BPFPROBE_SOCK, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return -1;
	if (bpfprobe_confine_surroundings(BPFPROBE_SOCK) < 0 || bpfprobe_caps_init() < 0)
		return -1;
	return bpfprobe_confine_calls();
}

int
main(void)
{
	static struct bpfprobe_session session;
	static struct message message;
	enum state state = STATE_START;
	int period = -1;

	if (!is_socket()) {
		fprintf(stderr, "pcap-bpfprobe-helper is started by libpcap, not by hand\n");
		return 2;
	}
	if (prepare() < 0)
		return 1;
	while (catch_up(&session) == 0 && wait_for_request(&session, &period) == 0 && receive(&message) > 0 &&
	    serve(&state, &session, &message) == 0) {
		if (message.request.type == BPFPROBE_ATTACH)
			period = bpfprobe_session_period(&session);
	}
	end(&session);
	/*
	 * Everything that is still open ends with the process.  Nothing is freed:
	 * libbpf would disable the rings that the module may still be reading.
	 */
	_exit(0);
}
