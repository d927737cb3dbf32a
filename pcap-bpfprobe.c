/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libpcap's view of a probe: the operations of a capture device "bpfprobe:...".
 * What a probe is and how it gets into the kernel is the helper's business
 * (helper/), how packets come out of the rings that of capture/.  This runs in
 * every process that uses libpcap: no constructor, nothing on standard error,
 * nothing done before one of our devices is opened.
 */
#include "pcap-compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/handle.h"
#include "capture/inject.h"

#define PREFIX "bpfprobe:"

#define NS_PER_MS 1000000ULL

struct pcap_bpfprobe {
	struct bpfprobe_handle handle;
	struct bpfprobe_inject inject;
	int nonblock;
};

static struct bpfprobe_handle *
handle_of(pcap_t *p)
{
	return &((struct pcap_bpfprobe *)p->priv)->handle;
}

/* Frees everything; safe on a handle that is made half, or freed already. */
static void
bpfprobe_free(pcap_t *p)
{
	struct pcap_bpfprobe *priv = p->priv;

	bpfprobe_handle_close(&priv->handle);
	bpfprobe_inject_close(&priv->inject);
	p->fd = p->selectable_fd = -1;
}

static void
bpfprobe_cleanup(pcap_t *p)
{
	bpfprobe_free(p);
	pcapint_cleanup_live_common(p);
}

/* Puts "what: reason" into the error buffer; returns PCAP_ERROR. */
static int
fail(pcap_t *p, const char *what, int err)
{
	snprintf(p->errbuf, PCAP_ERRBUF_SIZE, "%s: %s", what, strerror(err));
	return PCAP_ERROR;
}

/* libpcap's error code for what the helper, or the way to it, says. */
static int
reply_error(pcap_t *p, const struct bpfprobe_reply *reply)
{
	snprintf(p->errbuf, PCAP_ERRBUF_SIZE, "%s", reply->message);
	switch (reply->status) {
	case BPFPROBE_NO_DEVICE:
		return PCAP_ERROR_NO_SUCH_DEVICE;
	case BPFPROBE_NO_PERM:
		return PCAP_ERROR_PERM_DENIED;
	default:
		return PCAP_ERROR;
	}
}

/*
 * Attaching, and what is done when.
 */

/*
 * Without a timeout a read ends with a packet only, so that nothing but a packet
 * may make the descriptor readable: there is no timer, and each packet tells.
 */
static int
wakes_per_packet(const pcap_t *p)
{
	return p->opt.immediate || p->opt.timeout <= 0;
}

static int
attach(pcap_t *p)
{
	struct pcap_bpfprobe *priv = p->priv;
	uint64_t timeout = p->opt.timeout > 0 ? (uint64_t)p->opt.timeout * NS_PER_MS : 0;
	struct bpfprobe_reply reply;

	if (bpfprobe_handle_attach(&priv->handle, timeout, wakes_per_packet(p), &reply) < 0)
		return reply_error(p, &reply);
	return 0;
}

/*
 * Wireshark's start page opens every device, without timeout and promiscuous
 * mode, only to ask for its link types and statistics.  Such a handle loads its
 * probe, so that errors show, but attaches it when a filter is set or it is read.
 */
static int
attaches_late(const pcap_t *p)
{
	return p->opt.timeout == 0 && !p->opt.promisc;
}

/*
 * Reading.
 */

/* Hands one record to the application.  Returns 1, or 0 if the packet is not wanted. */
static int
deliver(struct bpfprobe_handle *handle, const struct bpfprobe_record *rec, pcap_handler callback, u_char *user)
{
	struct pcap_pkthdr h;
	const u_char *pkt = bpfprobe_handle_packet(handle, rec, &h);

	if (pkt == NULL)
		return 0;
	callback(user, &h, pkt);
	bpfprobe_handle_delivered(handle);
	return 1;
}

/*
 * Delivers what is left of this pass over the rings, up to `cnt` packets.
 * Returns how many, or PCAP_ERROR_BREAK.
 */
static int
deliver_pass(pcap_t *p, int cnt, pcap_handler callback, u_char *user)
{
	struct bpfprobe_handle *handle = handle_of(p);
	const struct bpfprobe_record *rec;
	int n = 0;

	while (PACKET_COUNT_IS_UNLIMITED(cnt) || n < cnt) {
		if (p->break_loop) {
			if (n > 0)
				break; /* the next call reports it */
			p->break_loop = 0;
			return PCAP_ERROR_BREAK;
		}
		rec = bpfprobe_handle_next(handle);
		if (rec == NULL) {
			bpfprobe_events_set_left(&handle->events, 0);
			return n;
		}
		n += deliver(handle, rec, callback, user);
	}
	bpfprobe_events_set_left(&handle->events, bpfprobe_handle_more(handle));
	return n;
}

/*
 * What is captured is no longer there, and `n` packets were left of it.  Returns n or, if
 * there are none any more, PCAP_ERROR; who waits for the next ones shall come and hear it.
 */
static int
end(pcap_t *p, int n, const char *why)
{
	bpfprobe_events_set_left(&handle_of(p)->events, 1);
	if (n != 0)
		return n;
	snprintf(p->errbuf, PCAP_ERRBUF_SIZE, "%s", why);
	return PCAP_ERROR;
}

/*
 * Without a timeout a read waits for a packet; but who came since select() said
 * so must not be kept: what made the descriptor readable was a record that is not
 * wanted, or the state before a late attachment (attaches_late()).
 */
static int
bpfprobe_read(pcap_t *p, int cnt, pcap_handler callback, u_char *user)
{
	struct pcap_bpfprobe *priv = p->priv;
	struct bpfprobe_handle *handle = &priv->handle;
	const int waits = p->opt.timeout <= 0;
	const uint64_t passed_over = bpfprobe_handle_passed_over(handle);
	enum bpfprobe_wake wake;
	const char *ended;
	int n, last = waits && !handle->attached;

	n = bpfprobe_reader_check_fork(&handle->reader);
	if (n < 0)
		return fail(p, "cannot map the rings again after fork", -n);
	if (!handle->attached) {
		if (attach(p) < 0)
			return PCAP_ERROR; /* of the codes below 0 a read has this one only */
	}
	n = deliver_pass(p, cnt, callback, user);
	if (n == 0 && bpfprobe_reader_stays_readable(&handle->reader)) {
		wake = bpfprobe_events_wait(&handle->events, 0);
		if (wake == BPFPROBE_WAKE_ERROR)
			return fail(p, "epoll_wait", errno);
		last |= wake == BPFPROBE_WAKE_TIMEOUT;
	}
	while (n == 0) {
		ended = bpfprobe_handle_pass(handle);
		n = deliver_pass(p, cnt, callback, user);
		if (ended != NULL)
			return end(p, n, ended);
		if (n != 0 || last || (waits && bpfprobe_handle_passed_over(handle) != passed_over))
			break;
		wake = bpfprobe_events_wait(&handle->events, !priv->nonblock);
		if (wake == BPFPROBE_WAKE_ERROR)
			return fail(p, "epoll_wait", errno);
		if (wake == BPFPROBE_WAKE_NONE)
			break;
		/* What has fired is reset now, so that another look has to follow. */
		last = priv->nonblock || wake == BPFPROBE_WAKE_TIMEOUT;
	}
	return n;
}

/*
 * The other operations.
 */

static int
bpfprobe_setfilter(pcap_t *p, struct bpf_program *program)
{
	struct bpfprobe_handle *handle = handle_of(p);

	if (bpfprobe_handle_filter(handle, program, p->errbuf) < 0)
		return PCAP_ERROR;
	return handle->attached || attach(p) == 0 ? 0 : PCAP_ERROR;
}

/* Called in a signal handler by tcpdump. */
static int
bpfprobe_stats(pcap_t *p, struct pcap_stat *ps)
{
	uint64_t received, dropped;

	bpfprobe_handle_stats(handle_of(p), &received, &dropped);
	ps->ps_recv = (u_int)received;
	ps->ps_drop = (u_int)dropped;
	ps->ps_ifdrop = 0;
	return 0;
}

static int
bpfprobe_inject(pcap_t *p, const void *buf, int size)
{
	struct pcap_bpfprobe *priv = p->priv;

	return bpfprobe_inject_send(&priv->inject, buf, (size_t)size, p->errbuf, PCAP_ERRBUF_SIZE);
}

static int
bpfprobe_setdirection(pcap_t *p, pcap_direction_t direction)
{
	p->direction = handle_of(p)->direction = direction;
	return 0;
}

/*
 * Headers are written when a packet is delivered.  A filter that is set already
 * was made for another one; it is kept, as libpcap does, over the new bytes.
 */
static int
bpfprobe_set_datalink(pcap_t *p, int dlt)
{
	return bpfprobe_handle_set_dlt(handle_of(p), dlt, p->errbuf);
}

static int
bpfprobe_getnonblock(pcap_t *p)
{
	struct pcap_bpfprobe *priv = p->priv;

	return priv->nonblock;
}

static int
bpfprobe_setnonblock(pcap_t *p, int nonblock)
{
	struct pcap_bpfprobe *priv = p->priv;

	priv->nonblock = nonblock;
	return 0;
}

/* From a signal handler or another thread. */
static void
bpfprobe_breakloop(pcap_t *p)
{
	pcapint_breakloop_common(p);
	bpfprobe_events_break(&handle_of(p)->events);
}

/*
 * Activation, in the order in which it happens.
 */

static int
open_handle(pcap_t *p, struct bpfprobe_reply *reply)
{
	struct pcap_bpfprobe *priv = p->priv;
	struct bpfprobe_request request;

	memset(&request, 0, sizeof(request));
	if (strlen(p->opt.device) >= sizeof(request.device)) {
		/* No code that makes a tool print the name first: tcpdump would print nothing else. */
		snprintf(p->errbuf, PCAP_ERRBUF_SIZE, "the device name has %zu characters, %zu are possible",
		    strlen(p->opt.device), sizeof(request.device) - 1);
		return PCAP_ERROR;
	}
	strcpy(request.device, p->opt.device);
	request.snaplen = (__u32)p->snapshot;
	request.buffer_size = (__u32)p->opt.buffer_size;
	request.immediate = wakes_per_packet(p);
	if (bpfprobe_handle_open(&priv->handle, &request, reply) < 0)
		return reply_error(p, reply);
	priv->handle.snaplen = (u_int)p->snapshot;
	priv->handle.nano = p->opt.tstamp_precision == PCAP_TSTAMP_PRECISION_NANO;
	priv->inject.ifindex = reply->ifindex;
	priv->inject.elsewhere = reply->elsewhere != 0;
	return 0;
}

/* The link types of the handle; with proto= its value is the only one. */
static int
set_link_types(pcap_t *p, const struct bpfprobe_reply *reply)
{
	p->linktype = bpfprobe_handle_link_type(reply, p->errbuf);
	if (p->linktype < 0)
		return PCAP_ERROR_NO_SUCH_DEVICE;
	handle_of(p)->dlt = p->linktype;
	if (reply->dlt[0] != '\0')
		return 0;
	p->dlt_list = malloc(sizeof(bpfprobe_link_types));
	if (p->dlt_list == NULL)
		return fail(p, "cannot list the link types", ENOMEM);
	memcpy(p->dlt_list, bpfprobe_link_types, sizeof(bpfprobe_link_types));
	p->dlt_count = BPFPROBE_LINK_TYPES;
	return 0;
}

static void
set_operations(pcap_t *p, int noselect)
{
	p->read_op = bpfprobe_read;
	p->inject_op = bpfprobe_inject;
	p->setfilter_op = bpfprobe_setfilter;
	p->setdirection_op = bpfprobe_setdirection;
	p->set_datalink_op = bpfprobe_set_datalink;
	p->getnonblock_op = bpfprobe_getnonblock;
	p->setnonblock_op = bpfprobe_setnonblock;
	p->stats_op = bpfprobe_stats;
	p->breakloop_op = bpfprobe_breakloop;
	p->cleanup_op = bpfprobe_cleanup;
	p->fd = handle_of(p)->events.epoll_fd;
	p->selectable_fd = noselect ? -1 : p->fd;
#ifdef BPF_SPECIAL_BASIC_HANDLING
	/* 1.11: pcap_compile() may ask for direction and interface, which our filter knows. */
	p->bpf_codegen_flags |= BPF_SPECIAL_BASIC_HANDLING;
#endif
}

static int
try_activate(pcap_t *p)
{
	struct bpfprobe_reply reply;
	int status;

	p->errbuf[0] = '\0';
	if (p->opt.rfmon)
		return PCAP_ERROR_RFMON_NOTSUP;
	if (p->snapshot <= 0 || p->snapshot > MAXIMUM_SNAPLEN)
		p->snapshot = MAXIMUM_SNAPLEN;

	status = open_handle(p, &reply);
	if (status == 0)
		status = set_link_types(p, &reply);
	if (status < 0)
		return status;
	set_operations(p, reply.noselect != 0);
	if (attaches_late(p)) {
		bpfprobe_events_set_left(&handle_of(p)->events, 1); /* who only calls select() shall come and read */
		return 0;
	}
	return attach(p);
}

static int
bpfprobe_activate(pcap_t *p)
{
	int status = try_activate(p);

	if (status < 0) {
		bpfprobe_free(p);
		free(p->dlt_list);
		p->dlt_list = NULL;
		p->dlt_count = 0;
	}
	return status;
}

pcap_t *
bpfprobe_create(const char *device, char *errbuf, int *is_ours)
{
	struct pcap_bpfprobe *priv;
	pcap_t *p;

	*is_ours = bpfprobe_client_is_ours(device);
	if (!*is_ours)
		return NULL;
	p = PCAP_CREATE_COMMON(errbuf, struct pcap_bpfprobe);
	if (p == NULL)
		return NULL;
	priv = p->priv;
	bpfprobe_handle_init(&priv->handle);
	bpfprobe_inject_init(&priv->inject);
	p->activate_op = bpfprobe_activate;
	p->tstamp_precision_list = malloc(2 * sizeof(*p->tstamp_precision_list));
	if (p->tstamp_precision_list == NULL) {
		snprintf(errbuf, PCAP_ERRBUF_SIZE, "malloc: %s", strerror(errno));
		pcap_close(p);
		return NULL;
	}
	p->tstamp_precision_list[0] = PCAP_TSTAMP_PRECISION_MICRO;
	p->tstamp_precision_list[1] = PCAP_TSTAMP_PRECISION_NANO;
	p->tstamp_precision_count = 2;
	return p;
}

/*
 * A device name is an expression, so nothing is enumerated: only the aliases are
 * shown.  No file is opened and no privilege needed.  Without the flags "up" and
 * "running" none of them can become the default device.
 */
int
bpfprobe_findalldevs(pcap_if_list_t *devlistp, char *errbuf)
{
	static const char *const devices[][2] = {
		{ PREFIX "drop", "Packets that the kernel drops, all network namespaces" },
		{ PREFIX "any", "Packets received and sent, all network namespaces" },
		{ PREFIX "rx", "Packets received, all network namespaces" },
		{ PREFIX "tx", "Packets sent, all network namespaces" },
		{ PREFIX "verdict", "Packets delivered, sent or dropped, all network namespaces" },
	};
	size_t i;

	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (pcapint_add_dev(devlistp, devices[i][0], PCAP_IF_CONNECTION_STATUS_NOT_APPLICABLE,
		        devices[i][1], errbuf) == NULL)
			return -1; /* no memory */
	}
	return 0;
}
