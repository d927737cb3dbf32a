/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: what the helper does with the datagrams that it receives, whatever
 * they are, up to the first step for which it needs the kernel: helper/main.c as it
 * is, device names, filters.  What it sends must be what protocol.h says.
 *
 *   input = *(struct envelope, bytes)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/filter.h>
#include <linux/types.h>
#include "bpf/pflog.h"
#include "helper/device.h"
#include "helper/fold.h"
#include "helper/translate.h"
#include "tests/fuzz/input.h"

ssize_t fuzz_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t fuzz_send(int fd, const void *buf, size_t size, int flags);
ssize_t fuzz_sendmsg(int fd, const struct msghdr *msg, int flags);
int helper_main(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The helper's: nothing of it is privileged here, and the socket is the input. */
#define recvmsg fuzz_recvmsg
#define send fuzz_send
#define sendmsg fuzz_sendmsg
#define main helper_main
#define bpfprobe_caps_init fuzz_caps_init
#define bpfprobe_caps_raise fuzz_caps_raise
#define bpfprobe_caps_lower fuzz_caps_lower
#include "helper/main.c"
#undef recvmsg
#undef send
#undef sendmsg
#undef main

#define CHECK(what) ((what) ? (void)0 : fail(#what, __LINE__))

/* In front of each datagram: how long it is, and what of it is not made right. */
struct envelope {
	uint8_t flags;
	uint8_t probes, rings;
	uint8_t len[2];
};

enum {
	ANY_MAGIC = 1,
	ANY_TYPE = 2,
	ANY_SIZE = 4,
	ANY_DEVICE = 8,
	ANY_TARGET = 16,
	LONG_DEVICE = 32,
	DESCRIPTORS = 64, /* come with it */
};

static size_t received; /* bytes of the last datagram */
static struct envelope envelope;
static int replies;	/* to the last datagram */
static unsigned int labels; /* sent behind it */
static int raised;	/* privilege is */
static int opened, attached;
static int symbol; /* the answer is one */

static void __attribute__((noreturn))
fail(const char *what, int line)
{
	fprintf(stderr, "request_fuzz:%d: not so: %s\n", line, what);
	abort();
}

/* What stands in the message must be one line that a terminal can bear. */
static void
check_message(const char *message, size_t size, int wanted)
{
	size_t i;

	CHECK(memchr(message, '\0', size) != NULL);
	CHECK(!wanted || message[0] != '\0');
	for (i = 0; message[i] != '\0'; i++)
		CHECK(message[i] >= ' ' && message[i] <= '~');
}

/* One that may come after OPEN. */
static __u32
later_type(__u32 random)
{
	static const __u32 types[] = { BPFPROBE_FILTER, BPFPROBE_ATTACH, BPFPROBE_FILTER, BPFPROBE_NAMES, BPFPROBE_SYMBOL };
	__u32 type = types[random % (sizeof(types) / sizeof(types[0]))];

	return type == BPFPROBE_ATTACH && attached ? BPFPROBE_FILTER : type;
}

static void
put_right(struct message *message, size_t *len)
{
	struct bpfprobe_request *request = &message->request;

	if (!(envelope.flags & ANY_MAGIC)) {
		request->magic = BPFPROBE_MAGIC;
		request->version = BPFPROBE_VERSION;
	}
	if (!(envelope.flags & ANY_TYPE) && !opened)
		request->type = BPFPROBE_OPEN;
	else if (!(envelope.flags & ANY_TYPE))
		request->type = later_type(request->type);
	if (!(envelope.flags & ANY_DEVICE))
		memcpy(request->device, BPFPROBE_PREFIX, strlen(BPFPROBE_PREFIX));
	if (!(envelope.flags & (ANY_DEVICE | ANY_TARGET)))
		memcpy(request->device + strlen(BPFPROBE_PREFIX), "drop:", strlen("drop:"));
	if (envelope.flags & LONG_DEVICE)
		memset(request->device + 100, 'a', sizeof(request->device) - 100);
	if (!(envelope.flags & ANY_SIZE)) {
		request->count %= 64;
		*len = sizeof(*request);
		if (request->type == BPFPROBE_FILTER)
			*len += request->count * sizeof(message->filter[0]);
	}
}

/* As with MSG_TRUNC: returns the datagram's length, however much of it fits. */
ssize_t
fuzz_recvmsg(int fd, struct msghdr *msg, int flags)
{
	static struct message datagram;
	size_t len, size = msg->msg_iov->iov_len;

	CHECK(fd == BPFPROBE_SOCK && flags == MSG_TRUNC && size == sizeof(datagram) && !raised);
	CHECK(msg->msg_iovlen == 1 && msg->msg_controllen == 0);
	if (take(&envelope, sizeof(envelope)) < sizeof(envelope))
		return 0;
	len = (size_t)envelope.len[0] << 8 | envelope.len[1];
	memset(&datagram, 0, sizeof(datagram));
	take(&datagram, len < sizeof(datagram) ? len : sizeof(datagram));
	put_right(&datagram, &len);
	received = len;
	replies = 0;
	labels = 0;
	symbol = 0;
	memcpy(msg->msg_iov->iov_base, &datagram, len < size ? len : size);
	msg->msg_flags = envelope.flags & DESCRIPTORS ? MSG_CTRUNC : 0;
	return (ssize_t)len;
}

static ssize_t
send_label(int fd, const struct bpfprobe_label *label, int flags)
{
	CHECK(fd == BPFPROBE_SOCK && (flags & MSG_NOSIGNAL) && replies == 1);
	CHECK(label->magic == BPFPROBE_MAGIC && label->targets == ++labels);
	return sizeof(*label);
}

ssize_t
fuzz_send(int fd, const void *buf, size_t size, int flags)
{
	const struct bpfprobe_reply *reply = buf;

	if (size == sizeof(struct bpfprobe_label))
		return send_label(fd, buf, flags);
	CHECK(fd == BPFPROBE_SOCK && size == sizeof(*reply) && (flags & MSG_NOSIGNAL));
	CHECK(reply->magic == BPFPROBE_MAGIC && reply->version == BPFPROBE_VERSION);
	CHECK(reply->status <= BPFPROBE_NO_PERM);
	CHECK(replies++ == 0);
	check_message(reply->message, sizeof(reply->message), reply->status != BPFPROBE_OK);
	CHECK(reply->status != BPFPROBE_OK || (reply->message[0] != '\0') == symbol);
	return (ssize_t)size;
}

ssize_t
fuzz_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	const struct bpfprobe_fds *fds = msg->msg_iov->iov_base;
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	CHECK(fd == BPFPROBE_SOCK && (flags & MSG_NOSIGNAL) && replies == 1);
	CHECK(msg->msg_iovlen == 1 && msg->msg_iov->iov_len == sizeof(*fds));
	CHECK(attached || fds->kind == BPFPROBE_FD_NAMES || labels == 1U + envelope.probes % BPFPROBE_PROBES_MAX);
	CHECK(fds->magic == BPFPROBE_MAGIC && fds->count > 0 && fds->count <= BPFPROBE_FDS_MAX);
	CHECK(cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS);
	CHECK(cmsg->cmsg_len == CMSG_LEN(fds->count * sizeof(int)));
	return (ssize_t)sizeof(*fds);
}

/*
 * What stands behind helper/main.c, without the kernel.
 */

int
bpfprobe_caps_init(void)
{
	return 0;
}

int
bpfprobe_caps_raise(void)
{
	CHECK(raised++ == 0);
	return 0;
}

int
bpfprobe_caps_lower(void)
{
	CHECK(raised-- == 1);
	return 0;
}

/* What the parser lets pass goes into paths, messages and the kernel. */
static void
check_name(const struct bpfprobe_name *name)
{
	check_message(name->name, sizeof(name->name), 1);
	check_message(name->field, sizeof(name->field), 0);
	CHECK(strpbrk(name->name, "/@:+") == NULL && strchr(name->field, '.') == NULL);
	CHECK(name->arg <= BPFPROBE_ARG_MAX && name->offset <= BPFPROBE_OFFSET_MAX);
	CHECK(name->kind <= BPFPROBE_KPROBE && (name->offset == 0 || name->kind == BPFPROBE_KPROBE));
}

static void
check_device(const struct bpfprobe_device *device)
{
	unsigned int i;

	CHECK((device->count > 0) == (device->type == BPFPROBE_DEVICE_PROBE));
	CHECK(device->count <= BPFPROBE_NAMES_MAX);
	CHECK(memchr(device->program, '\0', sizeof(device->program)) != NULL);
	for (i = 0; i < device->count; i++)
		check_name(&device->names[i]);
	check_message(device->proto, sizeof(device->proto), 0);
	CHECK(memchr(device->dev, '\0', sizeof(device->dev)) != NULL);
	CHECK(memchr(device->netns, '\0', sizeof(device->netns)) != NULL);
	CHECK(strchr(device->proto, '/') == NULL);
	CHECK(strchr(device->dev, '/') == NULL && strchr(device->netns, '/') == NULL);
	CHECK(strcmp(device->netns, ".") != 0 && strcmp(device->netns, "..") != 0);
	CHECK((device->netns[0] != '\0') == (device->netns_kind == BPFPROBE_NETNS_NAME));
	CHECK(device->pages <= BPFPROBE_PAGES_MAX);
	CHECK((device->pages & (device->pages - 1)) == 0);
}

int
bpfprobe_session_open(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    struct bpfprobe_reply *reply)
{
	size_t len = strnlen(request->device, sizeof(request->device));
	struct bpfprobe_device device;
	char *name = malloc(len + 1); /* whatever is read behind it is found */
	int err;

	CHECK(!(envelope.flags & DESCRIPTORS));
	CHECK(!opened++ && len < sizeof(request->device) && name != NULL);
	memcpy(name, request->device, len + 1);
	memset(reply->message, '\n', sizeof(reply->message));
	err = bpfprobe_device_parse(&device, name, reply->message, sizeof(reply->message));
	free(name);
	reply->status = BPFPROBE_NO_DEVICE;
	if (err < 0)
		return -1;
	check_device(&device);
	reply->message[0] = '\0';
	reply->status = BPFPROBE_OK;
	session->count = reply->probes = 1 + envelope.probes % BPFPROBE_PROBES_MAX;
	session->nlinks = 1 + envelope.rings % BPFPROBE_LINKS_MAX;
	session->rings.count = 1 + envelope.rings * 3U;
	return 0;
}

void
bpfprobe_session_label(
    const struct bpfprobe_session *session, unsigned int i, struct bpfprobe_label *label)
{
	CHECK(opened && i < session->count);
	memset(label, 0, sizeof(*label));
	label->magic = BPFPROBE_MAGIC;
	label->targets = i + 1;
}

int
bpfprobe_session_attach(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	CHECK(opened && !attached++ && session->count > 0);
	reply->status = envelope.rings % 8 ? BPFPROBE_OK : BPFPROBE_ERROR;
	if (reply->status != BPFPROBE_OK)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "not attached");
	return 0;
}

/* Asked by the loop around serve() only, which is not run here. */
int
bpfprobe_session_check(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	(void)session;
	(void)reply;
	abort();
}

void
bpfprobe_session_detach(struct bpfprobe_session *session)
{
	CHECK(session->count > 0);
}

/* Called by main() only, which is not run here. */
void
bpfprobe_session_end(struct bpfprobe_session *session)
{
	(void)session;
	abort();
}

int
bpfprobe_session_filter(struct bpfprobe_session *session, const struct bpfprobe_request *request,
    const struct sock_filter *filter, struct bpfprobe_reply *reply)
{
	size_t size = request->count * sizeof(*filter);
	struct bpfprobe_translation translation;
	struct sock_filter *copy, *folded;
	int err;

	(void)session;
	CHECK(opened && request->count > 0 && request->count <= BPFPROBE_FILTER_MAX);
	CHECK(received == sizeof(*request) + size);
	copy = malloc(size);
	CHECK(copy != NULL);
	memcpy(copy, filter, size);
	memset(reply->message, '\n', sizeof(reply->message));
	err = bpfprobe_translate(&translation, copy, request->count, envelope.probes % 4, 0,
	    envelope.rings % 33, reply->message, sizeof(reply->message));
	folded = bpfprobe_fold(copy, request->count, BPFPROBE_PFLOG_LENGTH);
	CHECK(folded != NULL);
	free(folded);
	free(copy);
	reply->status = err < 0 ? BPFPROBE_ERROR : BPFPROBE_OK;
	if (err < 0)
		return -1;
	reply->message[0] = '\0';
	free(translation.insns);
	return 0;
}

int
bpfprobe_names_fill(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	CHECK(opened && session->count > 0);
	return envelope.probes % 4 ? 0 : bpfprobe_fail(reply, BPFPROBE_ERROR, "not filled in");
}

int
bpfprobe_session_symbol(struct bpfprobe_session *session, __u64 address, struct bpfprobe_reply *reply)
{
	CHECK(opened && session->count > 0);
	if (address % 2)
		return bpfprobe_fail(reply, BPFPROBE_ERROR, "not found");
	strcpy(reply->message, "symbol");
	symbol = 1;
	return 0;
}

int
bpfprobe_handover_make(
    struct bpfprobe_handover *handover, const struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	CHECK(attached && session->count > 0 && session->count <= BPFPROBE_PROBES_MAX);
	memset(handover, 0, sizeof(*handover));
	if (envelope.probes % 16)
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_ERROR, "not handed over");
}

void
bpfprobe_handover_close(struct bpfprobe_handover *handover)
{
	CHECK(handover->own == 0);
}

/* Called by main() only, which is not run here. */
int
bpfprobe_confine_surroundings(int sock)
{
	(void)sock;
	abort();
}

int
bpfprobe_confine_calls(void)
{
	abort();
}

int
bpfprobe_rings_fd(const struct bpfprobe_rings *rings, unsigned int i)
{
	CHECK(i < rings->count);
	return 0;
}

libbpf_print_fn_t
libbpf_set_print(libbpf_print_fn_t print)
{
	return print;
}

/* As main() has it; each input is a helper of its own. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bpfprobe_session session;
	static struct message message;
	enum state state = STATE_START;

	memset(&session, 0, sizeof(session));
	input = data;
	left = size;
	raised = opened = attached = 0;
	while (receive(&message) > 0 && serve(&state, &session, &message) == 0)
		CHECK(replies == 1);
	CHECK(raised == 0);
	return 0;
}
