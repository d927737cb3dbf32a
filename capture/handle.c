/* SPDX-License-Identifier: BSD-3-Clause */
/* See handle.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_packet.h>
#include <linux/types.h>
#include "capture/handle.h"
#include "capture/pflog.h"

#define NS_PER_MS 1000000ULL
#define BPFPROBE_HEADER_MAX BPFPROBE_PFLOG_HLEN /* the longest link header */
/*
 * How long a record is held back, so that one of an earlier time that another
 * CPU is still writing can go before it: writing takes a microsecond, an interrupt
 * in between some tens of them.  Not more, since a ring of 2 MiB is full after 2.6
 * ms at 400,000 packets of 1400 bytes per second.
 */
#define HOLD (NS_PER_MS / 2)

const u_int bpfprobe_link_types[BPFPROBE_LINK_TYPES] = { DLT_LINUX_SLL2, DLT_EN10MB, DLT_RAW, DLT_PFLOG };

/* "what: reason"; returns -1. */
static int
fail(struct bpfprobe_reply *reply, const char *what, int err)
{
	reply->status = BPFPROBE_ERROR;
	snprintf(reply->message, sizeof(reply->message), "%s: %s", what, strerror(err));
	return -1;
}

void
bpfprobe_handle_init(struct bpfprobe_handle *handle)
{
	memset(handle, 0, sizeof(*handle));
	bpfprobe_client_init(&handle->client);
	bpfprobe_events_init(&handle->events);
	handle->told = -1;
}

void
bpfprobe_handle_close(struct bpfprobe_handle *handle)
{
	/* The probes first: nothing is written any more while the rings go. */
	bpfprobe_client_close(&handle->client);
	bpfprobe_reader_close(&handle->reader);
	bpfprobe_hold_free(&handle->hold);
	bpfprobe_filter_clear(&handle->filter);
	bpfprobe_names_unmap(&handle->names);
	free(handle->packet);
	handle->packet = NULL;
	handle->attached = 0;
	if (handle->told >= 0)
		close(handle->told);
	handle->told = -1;
	bpfprobe_events_close(&handle->events);
}

static int
open_reader(struct bpfprobe_handle *handle, struct bpfprobe_reply *reply)
{
	const char *what;
	unsigned int i;
	int err;

	err = bpfprobe_reader_open(&handle->reader, &handle->client, reply, &what);
	if (err < 0)
		return fail(reply, what, -err);
	if (reply->dlt[0] != '\0')
		handle->reader.foreign.dlt = pcap_datalink_name_to_val(reply->dlt);
	for (i = 0; i < handle->reader.count; i++) {
		err = bpfprobe_events_watch_ring(&handle->events, handle->reader.rings[i].fd);
		if (err < 0)
			return fail(reply, "cannot wait for the rings", -err);
	}
	if (reply->watches) {
		handle->told = fcntl(handle->client.sock, F_DUPFD_CLOEXEC, 0);
		err = handle->told < 0 ? -errno : bpfprobe_events_watch(&handle->events, handle->told);
		if (err < 0)
			return fail(reply, "cannot wait for the helper", -err);
	}
	handle->packet = malloc(BPFPROBE_HEADER_MAX + BPFPROBE_SAMPLE_MAX);
	return handle->packet == NULL ? fail(reply, "cannot keep a packet", ENOMEM) : 0;
}

/* Whether packets are shown only if they come to one of the probes. */
static int
waits_for_target(const struct bpfprobe_client *client)
{
	unsigned int i;

	for (i = 0; i < client->nlabels; i++) {
		if (client->labels[i].until)
			return 1;
	}
	return 0;
}

int
bpfprobe_handle_open(
    struct bpfprobe_handle *handle, struct bpfprobe_request *request, struct bpfprobe_reply *reply)
{
	int err = bpfprobe_events_open(&handle->events);

	if (err < 0)
		return fail(reply, "cannot make the descriptors to wait on", -err);
	if (bpfprobe_client_open(&handle->client, bpfprobe_client_helper(), request, reply) < 0)
		return -1;
	handle->returns = reply->returns;
	if (waits_for_target(&handle->client) && bpfprobe_hold_init(&handle->hold, BPFPROBE_HOLD_SIZE) < 0)
		return fail(reply, "cannot hold packets", ENOMEM);
	return open_reader(handle, reply);
}

int
bpfprobe_handle_link_type(const struct bpfprobe_reply *reply, char *errbuf)
{
	int dlt;

	if (reply->dlt[0] == '\0')
		return reply->ethernet ? DLT_EN10MB : DLT_LINUX_SLL2;
	dlt = pcap_datalink_name_to_val(reply->dlt);
	if (dlt < 0)
		snprintf(errbuf, PCAP_ERRBUF_SIZE,
		    "proto=\"%s\": no such link type; see pcap-linktype(7), for example proto=IEEE802_11",
		    reply->dlt);
	return dlt;
}

int
bpfprobe_handle_names(struct bpfprobe_handle *handle, struct bpfprobe_reply *reply)
{
	int fd, err;

	if (handle->names.table != NULL)
		return 0;
	if (bpfprobe_client_names(&handle->client, &fd, reply) < 0)
		return -1;
	err = bpfprobe_names_map(&handle->names, fd);
	close(fd);
	return err < 0 ? fail(reply, "cannot map the table of names", -err) : 0;
}

/* Other programs write the records. */
static int
is_foreign(const struct bpfprobe_handle *handle)
{
	return handle->reader.count > 0 && handle->reader.rings[0].foreign != NULL;
}

/* Lets the probes write what PFLOG's header is made of; those of other programs know nothing of it. */
static int
begin_pflog(struct bpfprobe_handle *handle, struct bpfprobe_reply *reply)
{
	static const struct bpf_insn all = { BPF_RET | BPF_K, 0, 0, UINT_MAX };

	if (bpfprobe_handle_names(handle, reply) < 0)
		return -1;
	if (is_foreign(handle))
		return 0;
	return bpfprobe_client_filter(&handle->client, &all, 1, DLT_PFLOG, reply);
}

int
bpfprobe_handle_set_dlt(struct bpfprobe_handle *handle, int dlt, char *errbuf)
{
	struct bpfprobe_reply reply;

	if (dlt == DLT_PFLOG && begin_pflog(handle, &reply) < 0) {
		snprintf(errbuf, PCAP_ERRBUF_SIZE, "link type PFLOG: %.200s", reply.message);
		return -1;
	}
	handle->dlt = dlt;
	handle->filters++;
	handle->generation = 0;
	/* Without a filter there is nothing to be decided again. */
	handle->reader.control.reader->passing = handle->filter.insns != NULL;
	return 0;
}

/*
 * The timer's period: a packet waits at most for one tick and for the hold-back time.  One
 * whose function never returns would, without a timeout, wait for the next packet.
 */
static int
start_timer(struct bpfprobe_handle *handle, uint64_t timeout, int at_once)
{
	if (timeout == 0 && handle->returns)
		timeout = BPFPROBE_MERGE_WAIT;
	handle->reader.hold = at_once ? 0 : timeout / 4 < HOLD ? timeout / 4 : HOLD;
	return timeout > 0 ? bpfprobe_events_tick(&handle->events, timeout - handle->reader.hold) : 0;
}

int
bpfprobe_handle_attach(
    struct bpfprobe_handle *handle, uint64_t timeout, int at_once, struct bpfprobe_reply *reply)
{
	int err;

	if (bpfprobe_client_attach(&handle->client, reply) < 0)
		return -1;
	handle->attached = 1;
	err = start_timer(handle, timeout, at_once);
	return err < 0 ? fail(reply, "cannot set the timer", -err) : 0;
}

/*
 * The filter goes into the probes, if the helper and the kernel take it; if not,
 * everything comes up and is filtered when it is read.  In either case that holds
 * for what is queued already, which is of no current generation.
 */
static void
push_filter(struct bpfprobe_handle *handle, const struct bpf_program *program)
{
	struct bpfprobe_counters *reader = handle->reader.control.reader;
	struct bpfprobe_reply reply;

	handle->generation = 0;
	if (reader->reach < handle->filter.reach)
		reader->reach = handle->filter.reach;
	if (bpfprobe_client_filter(
	        &handle->client, program->bf_insns, program->bf_len, handle->dlt, &reply) == 0)
		handle->generation = reply.generation;
	reader->passing = handle->generation == 0;
	reader->reach = handle->filter.reach;
	reader->least = 0;
}

/* All packets pass, and whole, as without a filter. */
static int
passes_all(const struct bpfprobe_handle *handle, const struct bpf_program *program)
{
	return program->bf_len == 1 && program->bf_insns->code == (BPF_RET | BPF_K) &&
	    program->bf_insns->k >= handle->snaplen;
}

int
bpfprobe_handle_filter(struct bpfprobe_handle *handle, const struct bpf_program *program, char *errbuf)
{
	/* As tcpdump sets it without an expression: the kernel needs some ms to look at the probes again. */
	if (handle->filter.insns == NULL && passes_all(handle, program)) {
		handle->reader.control.reader->least = 0;
		return 0;
	}
	if (bpfprobe_filter_set(&handle->filter, program, errbuf) < 0)
		return -1;
	handle->filters++;
	push_filter(handle, program);
	/* The end of all was said before the answer: who waits for packets has to come and hear it. */
	if (handle->client.ended[0] != '\0')
		bpfprobe_events_set_left(&handle->events, 1);
	return 0;
}

/* Where the bytes of a packet begin that has a header in front of it. */
static u_char *
bytes_of(const struct bpfprobe_handle *handle)
{
	return handle->packet + BPFPROBE_HEADER_MAX;
}

/* Whether the kernel has asked the filter, or nobody needs to. */
static int
is_decided(const struct bpfprobe_handle *handle, const struct bpfprobe_record *rec)
{
	return (!rec->undecided && rec->generation == handle->generation) || handle->filter.insns == NULL;
}

/*
 * How many bytes of the packet are wanted, of which there are `caplen`, where the kernel has not said
 * it: the filter could not, or was another when it saw this packet.  What waits is asked once.
 */
static u_int
filter_run(struct bpfprobe_handle *handle, const struct bpfprobe_record *rec, const u_char *pkt, u_int len,
    u_int caplen)
{
	struct bpfprobe_item *item = &handle->item;

	if (item->decided == handle->filters)
		return item->wanted;
	handle->reader.control.reader->filtered++;
	item->decided = handle->filters;
	item->wanted = bpfprobe_filter_run(&handle->filter, rec, pkt, len, caplen);
	return item->wanted;
}

/* Whether neither direction nor what was returned keep it from the user. */
static int
is_wanted(const struct bpfprobe_handle *handle, const struct bpfprobe_record *rec)
{
	if (handle->direction != PCAP_D_INOUT &&
	    (handle->direction == PCAP_D_OUT) != (rec->pkttype == PACKET_OUTGOING))
		return 0;
	return handle->returns != BPFPROBE_RETURNS_DECIDE || !rec->returns ||
	    bpfprobe_returned_wanted(&handle->item.returned);
}

/*
 * The packet behind the header in front of bytes_of(), of `hdrlen` bytes, which stands for `skip` of
 * the packet's; both have `caplen` bytes.  The pages of a ring can only be read (perf_mmap_fault() of
 * the kernel lets nobody write but to the first), so that this takes a copy; without a header, the
 * packet stays where it is.
 */
static const u_char *
put_behind(const struct bpfprobe_handle *handle, u_int hdrlen, u_int skip, u_int caplen)
{
	if (hdrlen == 0)
		return handle->item.packet + skip;
	if (caplen > hdrlen)
		memcpy(bytes_of(handle), handle->item.packet + skip, caplen - hdrlen);
	return bytes_of(handle) - hdrlen;
}

/* As make_header(), of PFLOG. */
BPFPROBE_RARE static int
make_pflog(struct bpfprobe_handle *handle, u_int *hdrlen, u_int *skip)
{
	/* Taken before anybody asked why: it is not known, and "pass" would be a lie. */
	if (handle->item.meta == NULL && !is_foreign(handle))
		return -1;
	*hdrlen = BPFPROBE_PFLOG_HLEN;
	*skip = bpfprobe_pflog_make(bytes_of(handle), &handle->item, &handle->names, &handle->client);
	return 0;
}

static int
has_pflog(const struct bpfprobe_handle *handle, const struct bpfprobe_record *rec)
{
	return handle->dlt == DLT_PFLOG && rec->layer != BPFPROBE_LAYER_ASIS;
}

/* Sets what put_behind() needs.  0, or -1: it cannot carry the packet. */
static int
make_header(struct bpfprobe_handle *handle, const struct bpfprobe_record *rec, u_int *hdrlen, u_int *skip)
{
	u_char *end = bytes_of(handle);
	/* Made where the longest stays; what is behind it in `link` makes room for the packet. */
	struct bpfprobe_link *link = (struct bpfprobe_link *)(end - BPFPROBE_LINK_MAX);

	if (has_pflog(handle, rec))
		return make_pflog(handle, hdrlen, skip);
	if (rec->layer == BPFPROBE_LAYER_NETLINK)
		bpfprobe_link_netlink(link, rec);
	else if (bpfprobe_link_make(link, handle->dlt, rec, handle->item.packet) < 0)
		return -1;
	*hdrlen = link->hdrlen;
	*skip = link->skip;
	if (*hdrlen > 0 && *hdrlen < BPFPROBE_LINK_MAX)
		memmove(end - *hdrlen, link->hdr, *hdrlen);
	return 0;
}

static u_int
at_most(u_int n, u_int most)
{
	return n < most ? n : most;
}

/* Makes the packet; NULL: it is not wanted. */
static const u_char *
make_packet(struct bpfprobe_handle *handle, const struct bpfprobe_record *rec, struct pcap_pkthdr *h)
{
	const int decided = is_decided(handle, rec);
	u_int hdrlen, skip, caplen, wanted;
	const u_char *pkt;

	if (!is_wanted(handle, rec) || make_header(handle, rec, &hdrlen, &skip) < 0)
		return NULL;
	h->len = rec->len - skip + hdrlen;
	caplen = at_most(rec->caplen - skip + hdrlen,
	    decided ? handle->snaplen : bpfprobe_filter_needs(&handle->filter, handle->snaplen));
	pkt = put_behind(handle, hdrlen, skip, caplen);
	if (!decided) {
		wanted = filter_run(handle, rec, pkt, h->len, caplen);
		if (wanted == 0)
			return NULL;
		caplen = at_most(at_most(caplen, wanted), handle->snaplen);
	}
	if (has_pflog(handle, rec))
		bpfprobe_pflog_show((struct bpfprobe_pflog *)(bytes_of(handle) - BPFPROBE_PFLOG_HLEN));
	h->caplen = caplen;
	bpfprobe_clock_wall(&handle->reader.clock, bpfprobe_record_time(rec), handle->nano, &h->ts);
	return pkt;
}

/*
 * The helper has said its last, or is gone: it must not wake the reader for ever.  Closing does
 * not do: a child of fork() may have a copy.
 */
static void
stop_listening(struct bpfprobe_handle *handle)
{
	if (handle->told < 0)
		return;
	bpfprobe_events_unwatch(&handle->events, handle->told);
	close(handle->told);
	handle->told = -1;
}

/* What is held too long goes; what became of all of them. */
static void
expire(struct bpfprobe_handle *handle)
{
	struct bpfprobe_counters *counters = handle->reader.control.reader;

	bpfprobe_hold_expire(&handle->hold, handle->reader.clock.last);
	counters->expired = handle->hold.expired;
	counters->overrun = handle->hold.overrun;
}

const char *
bpfprobe_handle_pass(struct bpfprobe_handle *handle)
{
	struct bpfprobe_reader *reader = &handle->reader;
	const char *ended = bpfprobe_client_ended(&handle->client);

	if (ended != NULL || handle->client.sock < 0)
		stop_listening(handle);
	if (ended != NULL)
		bpfprobe_merge_pass(&reader->merge, BPFPROBE_MERGE_ALL, BPFPROBE_MERGE_ALL);
	else
		bpfprobe_reader_pass(reader);
	expire(handle);
	return ended;
}

/* The record that the merge gives, which the handle then has. */
static int
next_of_rings(struct bpfprobe_handle *handle)
{
	struct bpfprobe_merge *merge = &handle->reader.merge;
	struct bpfprobe_item *item = &handle->item;

	item->rec = bpfprobe_merge_next(merge);
	if (item->rec == NULL)
		return 0;
	item->meta = bpfprobe_record_meta(item->rec);
	item->packet = bpfprobe_merge_packet(merge);
	item->ring = merge->last->cpu;
	if (item->rec->returns)
		item->returned = merge->returned;
	item->decided = 0;
	return 1;
}

/*
 * Whether it has to wait until its packet comes to the target, or is given with those that have
 * waited.  What is not wanted takes no room, and no packet comes there by it.
 */
static int
is_held(struct bpfprobe_handle *handle)
{
	const struct bpfprobe_item *item = &handle->item;
	struct pcap_pkthdr h;
	uint64_t id = item->meta != NULL ? bpfprobe_whole(item->meta->id) : 0;

	/* With the filter decided, nothing but direction and what was returned is asked: that needs no packet. */
	if ((!is_wanted(handle, item->rec) || !is_decided(handle, item->rec)) &&
	    bpfprobe_handle_packet(handle, item->rec, &h) == NULL)
		return 1;
	return bpfprobe_hold_put(&handle->hold, item, id,
	    item->rec->probe < handle->client.nlabels && handle->client.labels[item->rec->probe].until);
}

/* As next(), where some packets wait. */
BPFPROBE_RARE static const struct bpfprobe_record *
next_with_held(struct bpfprobe_handle *handle)
{
	do {
		if (bpfprobe_hold_release(&handle->hold, &handle->item))
			return handle->item.rec;
		if (!next_of_rings(handle))
			return NULL;
	} while (is_held(handle));
	return handle->item.rec;
}

const struct bpfprobe_record *
bpfprobe_handle_next(struct bpfprobe_handle *handle)
{
	if (handle->hold.memory != NULL)
		return next_with_held(handle);
	return next_of_rings(handle) ? handle->item.rec : NULL;
}

const u_char *
bpfprobe_handle_packet(
    struct bpfprobe_handle *handle, const struct bpfprobe_record *rec, struct pcap_pkthdr *h)
{
	const u_char *pkt = make_packet(handle, rec, h);

	if (pkt == NULL)
		handle->reader.control.reader->rejected++;
	return pkt;
}

void
bpfprobe_handle_stats(struct bpfprobe_handle *handle, uint64_t *received, uint64_t *dropped)
{
	const struct bpfprobe_client *client = &handle->client;
	struct bpfprobe_reader *reader = &handle->reader;
	struct bpfprobe_totals totals;
	/* Before the totals, which rise first: a packet is emitted, then rejected. */
	uint64_t unwanted = reader->control.reader->rejected + reader->merge.broken +
	    handle->hold.waiting + handle->hold.expired + handle->hold.overrun;

	bpfprobe_reader_ask_lost(reader);
	bpfprobe_control_totals(&reader->control, client->progs, client->nprogs, client->links,
	    client->nlinks, &totals);
	*received = totals.emitted > unwanted ? totals.emitted - unwanted : 0;
	/* After a fork two processes read one ring, and what each has delivered is counted together. */
	if (*received < reader->control.reader->delivered)
		*received = reader->control.reader->delivered;
	if (handle->returns == BPFPROBE_RETURNS_DECIDE)
		totals.lost += reader->merge.unpaired;
	*dropped = totals.lost + reader->merge.broken + handle->hold.overrun;
}
