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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_packet.h>

#include "bpf/linkhdr.h"
#include "capture/client.h"
#include "capture/events.h"
#include "capture/filter.h"
#include "capture/inject.h"
#include "capture/reader.h"

#define PREFIX "bpfprobe:"

#define NS_PER_MS 1000000ULL
/*
 * How long a record is held back, so that one of an earlier time that another
 * CPU is still writing can go before it: writing takes a microsecond, an interrupt
 * in between some tens of them.  Not more, since a ring of 2 MiB is full after 2.6
 * ms at 400,000 packets of 1400 bytes per second.
 */
#define HOLD (NS_PER_MS / 2)

struct pcap_bpfprobe {
	struct bpfprobe_client client;
	struct bpfprobe_reader reader;
	struct bpfprobe_filter filter; /* of the application, in user space */
	uint32_t generation;	       /* of that filter in the kernel; 0: not there */
	struct bpfprobe_events events;
	struct bpfprobe_inject inject;
	u_char *packet; /* the packet that was delivered last, where it needed a header */
	int attached;
	int nonblock;
	uint32_t returns; /* enum bpfprobe_return_use */
};

/* Frees everything; safe on a handle that is made half, or freed already. */
static void
bpfprobe_free(pcap_t *p)
{
	struct pcap_bpfprobe *priv = p->priv;

	/* The probes first: nothing is written any more while the rings go. */
	bpfprobe_client_close(&priv->client);
	bpfprobe_reader_close(&priv->reader);
	bpfprobe_filter_clear(&priv->filter);
	free(priv->packet);
	priv->packet = NULL;
	priv->attached = 0;
	bpfprobe_events_close(&priv->events);
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

/*
 * The timer's period: a packet waits at most for one tick and for the hold-back time.  One
 * whose function never returns would, without a timeout, wait for the next packet.
 */
static int
start_timer(pcap_t *p)
{
	struct pcap_bpfprobe *priv = p->priv;
	uint64_t timeout = p->opt.timeout > 0 ? (uint64_t)p->opt.timeout * NS_PER_MS :
	    priv->returns ? BPFPROBE_MERGE_WAIT : 0;

	priv->reader.hold = wakes_per_packet(p) ? 0 : timeout / 4 < HOLD ? timeout / 4 : HOLD;
	return timeout > 0 ? bpfprobe_events_tick(&priv->events, timeout - priv->reader.hold) : 0;
}

static int
attach(pcap_t *p)
{
	struct pcap_bpfprobe *priv = p->priv;
	struct bpfprobe_reply reply;
	int err;

	if (bpfprobe_client_attach(&priv->client, &reply) < 0)
		return reply_error(p, &reply);
	priv->attached = 1;
	err = start_timer(p);
	return err < 0 ? fail(p, "cannot set the timer", -err) : 0;
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

/*
 * Puts the link header in front of the packet.  The pages of a ring can only be
 * read (perf_mmap_fault() of the kernel lets nobody write but to the first), so
 * that this takes a copy, of what is wanted; without a header to add, the packet
 * stays where it is.
 */
static const u_char *
add_header(pcap_t *p, const struct bpfprobe_link *link, const u_char *pkt, u_int *caplen)
{
	struct pcap_bpfprobe *priv = p->priv;
	u_int most = bpfprobe_filter_needs(&priv->filter, (u_int)p->snapshot);

	if (link->hdrlen == 0)
		return pkt;
	if (*caplen > most)
		*caplen = most;
	memcpy(priv->packet, link->hdr, link->hdrlen);
	memcpy(priv->packet + link->hdrlen, pkt, *caplen - link->hdrlen);
	return priv->packet;
}

/*
 * How many bytes of the packet are wanted.  The filter in the kernel has said it
 * already, unless it could not, or was another when it saw this packet.
 */
static u_int
filter_run(struct pcap_bpfprobe *priv, const struct bpfprobe_record *rec, const u_char *pkt,
    const struct pcap_pkthdr *h)
{
	if ((!rec->undecided && rec->generation == priv->generation) || priv->filter.insns == NULL)
		return UINT_MAX;
	priv->reader.control.reader->filtered++;
	return bpfprobe_filter_run(&priv->filter, rec, pkt, h->len, h->caplen);
}

/* Hands one record to the application.  Returns 1, or 0 if the packet is not wanted. */
static int
deliver(pcap_t *p, const struct bpfprobe_record *rec, pcap_handler callback, u_char *user)
{
	struct pcap_bpfprobe *priv = p->priv;
	const u_char *pkt = (const u_char *)(rec + 1);
	int outgoing = rec->pkttype == PACKET_OUTGOING;
	struct bpfprobe_link link;
	struct pcap_pkthdr h;
	u_int wanted;

	if (p->direction == (outgoing ? PCAP_D_IN : PCAP_D_OUT) ||
	    (rec->returns && priv->returns == BPFPROBE_RETURNS_DECIDE &&
		!bpfprobe_returned_wanted(&priv->reader.merge.returned)) ||
	    bpfprobe_link_make(&link, p->linktype, rec, pkt) < 0)
		goto rejected;
	h.len = rec->len - link.skip + link.hdrlen;
	h.caplen = rec->caplen - link.skip + link.hdrlen;
	pkt = add_header(p, &link, pkt + link.skip, &h.caplen);

	wanted = filter_run(priv, rec, pkt, &h);
	if (wanted == 0)
		goto rejected;
	if (h.caplen > wanted)
		h.caplen = wanted;
	if (h.caplen > (u_int)p->snapshot)
		h.caplen = (u_int)p->snapshot;
	bpfprobe_clock_wall(&priv->reader.clock, bpfprobe_record_time(rec),
	    p->opt.tstamp_precision == PCAP_TSTAMP_PRECISION_NANO, &h.ts);
	callback(user, &h, pkt);
	priv->reader.control.reader->delivered++;
	return 1;

rejected:
	priv->reader.control.reader->rejected++;
	return 0;
}

/*
 * Delivers what is left of this pass over the rings, up to `cnt` packets.
 * Returns how many, or PCAP_ERROR_BREAK.
 */
static int
deliver_pass(pcap_t *p, int cnt, pcap_handler callback, u_char *user)
{
	struct pcap_bpfprobe *priv = p->priv;
	const struct bpfprobe_record *rec;
	int n = 0;

	while (PACKET_COUNT_IS_UNLIMITED(cnt) || n < cnt) {
		if (p->break_loop) {
			if (n > 0)
				break; /* the next call reports it */
			p->break_loop = 0;
			return PCAP_ERROR_BREAK;
		}
		rec = bpfprobe_merge_next(&priv->reader.merge);
		if (rec == NULL) {
			bpfprobe_events_set_left(&priv->events, 0);
			return n;
		}
		n += deliver(p, rec, callback, user);
	}
	bpfprobe_events_set_left(&priv->events, bpfprobe_merge_more(&priv->reader.merge));
	return n;
}

/* What is captured is no longer there.  Returns PCAP_ERROR. */
static int
end(pcap_t *p, const char *why)
{
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
	const int waits = p->opt.timeout <= 0;
	const uint64_t rejected = priv->reader.control.reader->rejected;
	enum bpfprobe_wake wake;
	const char *ended;
	int n, last = waits && !priv->attached;

	n = bpfprobe_reader_check_fork(&priv->reader);
	if (n < 0)
		return fail(p, "cannot map the rings again after fork", -n);
	if (!priv->attached) {
		if (attach(p) < 0)
			return PCAP_ERROR; /* of the codes below 0 a read has this one only */
	}
	n = deliver_pass(p, cnt, callback, user);
	while (n == 0) {
		bpfprobe_reader_pass(&priv->reader);
		n = deliver_pass(p, cnt, callback, user);
		if (n != 0 || last || (waits && priv->reader.control.reader->rejected != rejected))
			break;
		wake = bpfprobe_events_wait(&priv->events, !priv->nonblock);
		if (wake == BPFPROBE_WAKE_ERROR)
			return fail(p, "epoll_wait", errno);
		ended = bpfprobe_client_ended(&priv->client);
		if (ended != NULL)
			return end(p, ended);
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

/*
 * The filter goes into the probes, if the helper and the kernel take it; if not,
 * everything comes up and is filtered when it is read.  In either case that holds
 * for what is queued already, which is of no current generation.
 */
static void
push_filter(pcap_t *p, const struct bpf_program *program)
{
	struct pcap_bpfprobe *priv = p->priv;
	struct bpfprobe_counters *reader = priv->reader.control.reader;
	struct bpfprobe_reply reply;

	priv->generation = 0;
	if (reader->reach < priv->filter.reach)
		reader->reach = priv->filter.reach;
	if (bpfprobe_client_filter(
	        &priv->client, program->bf_insns, program->bf_len, p->linktype, &reply) == 0)
		priv->generation = reply.generation;
	reader->passing = priv->generation == 0;
	reader->reach = priv->filter.reach;
}

static int
bpfprobe_setfilter(pcap_t *p, struct bpf_program *program)
{
	struct pcap_bpfprobe *priv = p->priv;

	if (bpfprobe_filter_set(&priv->filter, program, p->errbuf) < 0)
		return PCAP_ERROR;
	push_filter(p, program);
	return priv->attached || attach(p) == 0 ? 0 : PCAP_ERROR;
}

/*
 * Received: records that a probe wrote, less those that were not wanted.  It
 * rises without reading; received and dropped together are what the probe saw.
 * Called in a signal handler by tcpdump.
 */
static int
bpfprobe_stats(pcap_t *p, struct pcap_stat *ps)
{
	struct pcap_bpfprobe *priv = p->priv;
	struct bpfprobe_totals totals;
	/* Before the totals, which rise first: a packet is emitted, then rejected. */
	uint64_t unwanted = priv->reader.control.reader->rejected + priv->reader.merge.broken;

	bpfprobe_control_totals(&priv->reader.control, priv->client.progs, priv->client.nprogs,
	    priv->client.links, priv->client.nlinks, &totals);
	ps->ps_recv = totals.emitted > unwanted ? (u_int)(totals.emitted - unwanted) : 0;
	if (priv->returns == BPFPROBE_RETURNS_DECIDE)
		totals.lost += priv->reader.merge.unpaired;
	ps->ps_drop = (u_int)(totals.lost + priv->reader.merge.broken);
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
	p->direction = direction;
	return 0;
}

/*
 * Headers are written when a packet is delivered.  A filter that is set already
 * was made for another one; it is kept, as libpcap does, over the new bytes.
 */
static int
bpfprobe_set_datalink(pcap_t *p, int dlt _U_)
{
	struct pcap_bpfprobe *priv = p->priv;

	priv->generation = 0;
	priv->reader.control.reader->passing = 1;
	return 0;
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
	struct pcap_bpfprobe *priv = p->priv;

	pcapint_breakloop_common(p);
	bpfprobe_events_break(&priv->events);
}

/*
 * Activation, in the order in which it happens.
 */

static int
open_helper(pcap_t *p, struct bpfprobe_reply *reply)
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
	if (bpfprobe_client_open(&priv->client, bpfprobe_client_helper(), &request, reply) < 0)
		return reply_error(p, reply);
	priv->returns = reply->returns;
	priv->inject.ifindex = reply->ifindex;
	priv->inject.elsewhere = reply->elsewhere != 0;
	return 0;
}

static int
open_reader(pcap_t *p, const struct bpfprobe_reply *reply)
{
	struct pcap_bpfprobe *priv = p->priv;
	const char *what;
	unsigned int i;
	int err;

	err = bpfprobe_reader_open(&priv->reader, &priv->client, reply, &what);
	if (err < 0)
		return fail(p, what, -err);
	for (i = 0; i < priv->reader.count; i++) {
		err = bpfprobe_events_watch(&priv->events, priv->reader.rings[i].fd);
		if (err < 0)
			return fail(p, "cannot wait for the rings", -err);
	}
	if (reply->watches) {
		err = bpfprobe_events_watch(&priv->events, priv->client.sock);
		if (err < 0)
			return fail(p, "cannot wait for the helper", -err);
	}
	priv->packet = malloc(BPFPROBE_LINK_MAX + BPFPROBE_SAMPLE_MAX);
	return priv->packet == NULL ? fail(p, "cannot keep a packet", ENOMEM) : 0;
}

/* The link types of the handle; with proto= its value is the only one. */
static int
set_link_types(pcap_t *p, const struct bpfprobe_reply *reply)
{
	static const u_int offered[] = { DLT_LINUX_SLL2, DLT_EN10MB, DLT_RAW };
	const char *proto = reply->dlt;

	if (*proto != '\0') {
		p->linktype = pcap_datalink_name_to_val(proto);
		if (p->linktype < 0) {
			snprintf(p->errbuf, PCAP_ERRBUF_SIZE,
			    "proto=\"%s\": no such link type; see pcap-linktype(7), for example proto=IEEE802_11",
			    proto);
			return PCAP_ERROR_NO_SUCH_DEVICE;
		}
		return 0;
	}
	p->linktype = reply->ethernet ? DLT_EN10MB : DLT_LINUX_SLL2;
	p->dlt_list = malloc(sizeof(offered));
	if (p->dlt_list == NULL)
		return fail(p, "cannot list the link types", ENOMEM);
	memcpy(p->dlt_list, offered, sizeof(offered));
	p->dlt_count = sizeof(offered) / sizeof(offered[0]);
	return 0;
}

static void
set_operations(pcap_t *p)
{
	struct pcap_bpfprobe *priv = p->priv;

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
	p->fd = p->selectable_fd = priv->events.epoll_fd;
#ifdef BPF_SPECIAL_BASIC_HANDLING
	/* 1.11: pcap_compile() may ask for direction and interface, which our filter knows. */
	p->bpf_codegen_flags |= BPF_SPECIAL_BASIC_HANDLING;
#endif
}

static int
try_activate(pcap_t *p)
{
	struct pcap_bpfprobe *priv = p->priv;
	struct bpfprobe_reply reply;
	int status, err;

	p->errbuf[0] = '\0';
	if (p->opt.rfmon)
		return PCAP_ERROR_RFMON_NOTSUP;
	if (p->snapshot <= 0 || p->snapshot > MAXIMUM_SNAPLEN)
		p->snapshot = MAXIMUM_SNAPLEN;

	err = bpfprobe_events_open(&priv->events);
	if (err < 0)
		return fail(p, "cannot make the descriptors to wait on", -err);
	status = open_helper(p, &reply);
	if (status == 0)
		status = open_reader(p, &reply);
	if (status == 0)
		status = set_link_types(p, &reply);
	if (status < 0)
		return status;
	set_operations(p);
	if (attaches_late(p)) {
		bpfprobe_events_set_left(&priv->events, 1); /* who only calls select() shall come and read */
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
	bpfprobe_client_init(&priv->client);
	bpfprobe_events_init(&priv->events);
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
	};
	size_t i;

	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (pcapint_add_dev(devlistp, devices[i][0], PCAP_IF_CONNECTION_STATUS_NOT_APPLICABLE,
		        devices[i][1], errbuf) == NULL)
			return -1; /* no memory */
	}
	return 0;
}
