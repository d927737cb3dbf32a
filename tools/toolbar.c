/* SPDX-License-Identifier: BSD-3-Clause */
/* See toolbar.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "tools/toolbar.h"

#define HEAD 6	 /* bytes of a message in front of its text */
#define FILTER 0 /* the only control's number */

enum command {
	SET = 1,
	STATUS = 6,
	ERROR = 9,
};

void
bpfprobe_toolbar_print(void)
{
	printf("control {number=%d}{type=string}{display=Capture filter}"
	       "{tooltip=Is changed while packets come: it runs in the kernel}\n", FILTER);
}

/* What Wireshark does not take is not said. */
static void
say(const struct bpfprobe_toolbar *toolbar, enum command command, const char *text)
{
	const size_t size = strlen(text), rest = size + 2;
	uint8_t head[HEAD] = { 'T', (uint8_t)(rest >> 16), (uint8_t)(rest >> 8), (uint8_t)rest, FILTER, (uint8_t)command };
	const struct iovec parts[2] = { { head, sizeof(head) }, { (void *)text, size } };

	if (toolbar->out >= 0)
		(void)!writev(toolbar->out, parts, 2);
}

/* A pipe can be opened when somebody reads from it. */
static void
open_out(struct bpfprobe_toolbar *toolbar)
{
	toolbar->out = open(toolbar->out_name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	say(toolbar, SET, toolbar->filter);
}

/* A filter from its line. */
static void
set_filter(struct bpfprobe_toolbar *toolbar, struct bpfprobe_engine *engine, const char *filter)
{
	char errbuf[PCAP_ERRBUF_SIZE], text[PCAP_ERRBUF_SIZE + 256];

	if (bpfprobe_engine_filter(engine, filter, errbuf) == 0) {
		say(toolbar, STATUS, "The capture filter was changed.");
		return;
	}
	snprintf(text, sizeof(text), "filter \"%.200s\": %s", filter, errbuf);
	say(toolbar, ERROR, text);
}

/* How many bytes the message has, as far as it is read; 0: not enough is. */
static size_t
size_of(const struct bpfprobe_toolbar *toolbar)
{
	const uint8_t *at = toolbar->message;

	return toolbar->used >= HEAD ? 4 + ((size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]) : 0;
}

/* The message is whole.  What is no filter is passed over. */
static void
obey(struct bpfprobe_toolbar *toolbar, struct bpfprobe_engine *engine, size_t size)
{
	toolbar->message[size] = '\0';
	if (toolbar->message[4] == FILTER && toolbar->message[5] == SET)
		set_filter(toolbar, engine, (const char *)toolbar->message + HEAD);
}

/*
 * Reads what is there.  -1: Wireshark has closed it, or what it writes is none of these
 * messages: where the next one begins nobody knows.
 */
static int
ready(void *context, struct bpfprobe_engine *engine)
{
	struct bpfprobe_toolbar *toolbar = context;
	uint8_t next;
	size_t size;
	ssize_t n;

	n = read(toolbar->in, toolbar->message + toolbar->used, sizeof(toolbar->message) - 1 - toolbar->used);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	toolbar->used += (size_t)n;
	while ((size = size_of(toolbar)) > 0) {
		if (toolbar->message[0] != 'T' || size < HEAD || size >= sizeof(toolbar->message))
			return -1;
		if (toolbar->used < size)
			return 0;
		/* Its NUL is put over the first byte of the next one. */
		next = toolbar->message[size];
		obey(toolbar, engine, size);
		toolbar->message[size] = next;
		toolbar->used -= size;
		memmove(toolbar->message, toolbar->message + size, toolbar->used);
	}
	return 0;
}

static void
count(void *context, uint64_t lost)
{
	struct bpfprobe_toolbar *toolbar = context;
	char text[64];

	if (toolbar->out < 0)
		open_out(toolbar);
	if (lost == toolbar->lost || toolbar->out < 0)
		return;
	toolbar->lost = lost;
	snprintf(text, sizeof(text), "%llu packets were lost.", (unsigned long long)lost);
	say(toolbar, STATUS, text);
}

void
bpfprobe_toolbar_open(
    struct bpfprobe_toolbar *toolbar, const char *in, const char *out, const char *filter)
{
	memset(toolbar, 0, sizeof(*toolbar));
	toolbar->in = toolbar->out = -1;
	if (in == NULL || out == NULL)
		return;
	toolbar->in = open(in, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	toolbar->out_name = out;
	toolbar->filter = filter != NULL ? filter : ""; /* or that of an earlier capture would stay */
}

struct bpfprobe_controls
bpfprobe_toolbar_controls(struct bpfprobe_toolbar *toolbar)
{
	const struct bpfprobe_controls controls = { toolbar->in, ready, count, toolbar };

	return controls;
}

void
bpfprobe_toolbar_close(struct bpfprobe_toolbar *toolbar)
{
	if (toolbar->in >= 0)
		close(toolbar->in);
	if (toolbar->out >= 0)
		close(toolbar->out);
	toolbar->in = toolbar->out = -1;
}
