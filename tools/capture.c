/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bpfprobe capture: a device's packets into a pcapng file, with what no link type has room
 * for.  Read as libpcap's module reads them (capture/handle.h), but without libpcap's
 * handle in between, which shows no records.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "capture/handle.h"
#include "tools/annotate.h"
#include "tools/commands.h"
#include "tools/object.h"
#include "tools/options.h"
#include "tools/pcapng.h"

/* A packet is in the file, or the pipe, after so long at most: ns. */
#define TIMEOUT 100000000ULL

struct capture {
	struct bpfprobe_capture_options options;
	struct bpfprobe_handle handle;
	struct bpfprobe_device device;
	struct bpfprobe_object object; /* with --obj */
	struct bpfprobe_pcapng out;
	struct bpfprobe_ifnames names;
	int fd;		   /* of the file */
	uint16_t linktype; /* in files: LINKTYPE_* */
	uint64_t start;	   /* when the probes were attached, ns since 1970 */
	uint64_t taken;	   /* packets */
	unsigned int left_out; /* of a pattern's targets those that refuse a probe */
	uint64_t delivered[BPFPROBE_PROBES_MAX]; /* of them, of each probe */
};

static volatile sig_atomic_t stopped;
static struct bpfprobe_events *waiting; /* to be ended by a signal */

static void
stop(int sig)
{
	(void)sig;
	stopped = 1;
	bpfprobe_events_break(waiting);
}

/* The first one ends the capture in order, the second one this process. */
static void
catch_signals(struct capture *capture)
{
	struct sigaction action;

	waiting = &capture->handle.events;
	memset(&action, 0, sizeof(action));
	action.sa_handler = stop;
	action.sa_flags = (int)SA_RESETHAND;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN); /* write() says it */
	signal(SIGXFSZ, SIG_IGN);
}

/*
 * Before anything is captured.
 */

/* Its device is one with map=. */
static int
load_object(struct capture *capture)
{
	struct bpfprobe_capture_options *options = &capture->options;

	if (bpfprobe_object_load(&capture->object, options->object, options->map) != 0)
		return -1;
	options->device = capture->object.device;
	return 0;
}

static int
open_device(struct capture *capture, struct bpfprobe_reply *reply)
{
	const struct bpfprobe_capture_options *options = &capture->options;
	struct bpfprobe_request request;

	memset(&request, 0, sizeof(request));
	if (strlen(options->device) >= sizeof(request.device))
		return bpfprobe_complain("the device name has %zu characters, %zu are possible",
		    strlen(options->device), sizeof(request.device) - 1);
	strcpy(request.device, options->device);
	request.snaplen = options->snaplen;
	request.buffer_size = options->buffer_size;
	if (bpfprobe_handle_open(&capture->handle, &request, reply) < 0)
		return bpfprobe_complain("%s", reply->message);
	capture->handle.snaplen = options->snaplen;
	capture->handle.nano = 1;
	/* The helper has taken it, so that it can be taken apart. */
	return bpfprobe_device_parse(
	           &capture->device, request.device, reply->message, sizeof(reply->message)) < 0
	    ? bpfprobe_complain("%s", reply->message)
	    : 0;
}

/* What the user asks for by -y must be one of those that the device has. */
static int
choose_link_type(struct capture *capture, const struct bpfprobe_reply *reply)
{
	const char *name = capture->options.link_type;
	char errbuf[PCAP_ERRBUF_SIZE];
	int dlt = bpfprobe_handle_link_type(reply, errbuf), asked, i;

	if (dlt < 0)
		return bpfprobe_complain("%s", errbuf);
	asked = name != NULL ? pcap_datalink_name_to_val(name) : dlt;
	for (i = 0; asked != dlt && reply->dlt[0] == '\0' && i < BPFPROBE_LINK_TYPES; i++) {
		if ((int)bpfprobe_link_types[i] == asked)
			dlt = asked;
	}
	if (asked != dlt)
		return bpfprobe_complain("link type \"%.60s\": this device has %s", name,
		    reply->dlt[0] != '\0' ? reply->dlt : "LINUX_SLL2, EN10MB and RAW");
	capture->handle.dlt = dlt;
	return 0;
}

static int
set_filter(struct capture *capture, pcap_t *dead)
{
	const char *text = capture->options.filter;
	char errbuf[PCAP_ERRBUF_SIZE];
	struct bpf_program program;
	int err;

	if (text == NULL)
		return 0;
	if (pcap_compile(dead, &program, text, capture->options.optimize, PCAP_NETMASK_UNKNOWN) < 0)
		return bpfprobe_complain("filter \"%.200s\": %s", text, pcap_geterr(dead));
	err = bpfprobe_handle_filter(&capture->handle, &program, errbuf);
	pcap_freecode(&program);
	return err < 0 ? bpfprobe_complain("filter \"%.200s\": %s", text, errbuf) : 0;
}

/* What the link type is called in files is known to libpcap only, which writes it into one. */
static int
find_linktype(struct capture *capture, pcap_t *dead)
{
	char header[64] = "";
	FILE *file = fmemopen(header, sizeof(header), "w");
	pcap_dumper_t *dumper = file != NULL ? pcap_dump_fopen(dead, file) : NULL;

	if (dumper == NULL) {
		bpfprobe_complain("this link type cannot be written: %s", file != NULL ? pcap_geterr(dead) : strerror(errno));
		if (file != NULL)
			fclose(file);
		return -1;
	}
	pcap_dump_close(dumper);
	memcpy(&capture->linktype, header + 20 + 2 * (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__), 2);
	return 0;
}

static int
prepare_packets(struct capture *capture, const struct bpfprobe_reply *reply)
{
	pcap_t *dead;
	int err;

	if (choose_link_type(capture, reply) != 0)
		return -1;
	dead = pcap_open_dead(capture->handle.dlt, (int)capture->options.snaplen);
	if (dead == NULL)
		return bpfprobe_complain("no memory for the filter");
	err = set_filter(capture, dead);
	if (err == 0)
		err = find_linktype(capture, dead);
	pcap_close(dead);
	return err;
}

static int
fail_write(const struct capture *capture, int err)
{
	if (capture->options.file == NULL)
		return bpfprobe_complain("cannot write: %s", strerror(err));
	return bpfprobe_complain("cannot write \"%.200s\": %s", capture->options.file, strerror(err));
}

/* Only now, so that a mistake costs no file that is there already. */
static int
open_file(struct capture *capture)
{
	const char *name = capture->options.file;

	capture->fd = STDOUT_FILENO;
	if (name != NULL)
		capture->fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (capture->fd < 0)
		return fail_write(capture, errno);
	if (bpfprobe_pcapng_open(&capture->out, capture->fd) < 0)
		return bpfprobe_complain("no memory for packets");
	return 0;
}

/* Writes what is there.  A reader that has seen enough, -EPIPE, is no failure to be told. */
static int
check_file(struct capture *capture)
{
	int err = bpfprobe_pcapng_flush(&capture->out);

	return err == 0 || err == -EPIPE ? err : fail_write(capture, -err);
}

static void
put_interface(struct capture *capture, const struct bpfprobe_label *label)
{
	char name[BPFPROBE_LABEL_MAX + 64], description[BPFPROBE_DEVICE_MAX + 64];
	const struct bpfprobe_pcapng_interface interface = { capture->linktype, capture->options.snaplen,
		name, description, capture->options.filter };

	bpfprobe_annotate_name(label, &capture->device, name, sizeof(name));
	bpfprobe_annotate_description(label, capture->options.device, description, sizeof(description));
	bpfprobe_pcapng_interface(&capture->out, &interface);
}

/* The number of an interface in the file is that of its probe. */
static int
put_header(struct capture *capture)
{
	const struct bpfprobe_client *client = &capture->handle.client;
	struct utsname uts;
	char os[sizeof(uts)];
	unsigned int i;

	memset(&uts, 0, sizeof(uts));
	uname(&uts);
	snprintf(os, sizeof(os), "%s %s", uts.sysname, uts.release);
	bpfprobe_pcapng_section(&capture->out, "bpfprobe " PACKAGE_VERSION, os);
	for (i = 0; i < client->nlabels; i++)
		put_interface(capture, &client->labels[i]);
	return check_file(capture);
}

static uint64_t
wall_clock(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int
attach(struct capture *capture)
{
	struct bpfprobe_reply reply;

	if (bpfprobe_handle_attach(&capture->handle, TIMEOUT, 0, &reply) < 0)
		return bpfprobe_complain("%s", reply.message);
	capture->start = wall_clock();
	capture->left_out = reply.left_out;
	/* When there is somebody who reads what they write. */
	if (capture->options.object == NULL)
		return 0;
	return bpfprobe_object_attach(&capture->object, capture->options.dev);
}

static void
announce(const struct capture *capture)
{
	const char *name = pcap_datalink_val_to_name(capture->handle.dlt);

	if (capture->options.quiet)
		return;
	fprintf(stderr, "bpfprobe: listening on %s, link-type %s, snapshot length %u bytes",
	    capture->options.device, name != NULL ? name : "?", capture->options.snaplen);
	if (capture->left_out > 0)
		fprintf(stderr, "; %u of the pattern's targets refuse a probe", capture->left_out);
	fprintf(stderr, "\n");
}

/*
 * While packets come.
 */

static int
has_enough(const struct capture *capture)
{
	return capture->options.count > 0 && capture->taken >= capture->options.count;
}

/* One record into the file, if it is of a packet that is wanted. */
static void
take(struct capture *capture, const struct bpfprobe_record *rec)
{
	struct bpfprobe_handle *handle = &capture->handle;
	const struct bpfprobe_merge *merge = &handle->reader.merge;
	const unsigned int ring = (unsigned int)(merge->last - merge->rings);
	struct bpfprobe_pcapng_packet packet;
	char comment[BPFPROBE_COMMENT_MAX];
	const struct bpfprobe_label *label;
	struct pcap_pkthdr h;

	packet.data = rec->probe < handle->client.nlabels ? bpfprobe_handle_packet(handle, rec, &h) : NULL;
	if (packet.data == NULL)
		return;
	label = &handle->client.labels[rec->probe];
	packet.interface = rec->probe;
	packet.time = (uint64_t)h.ts.tv_sec * 1000000000ULL + (uint64_t)h.ts.tv_usec;
	packet.caplen = h.caplen;
	packet.len = h.len;
	packet.comment = comment;
	bpfprobe_annotate_packet(&packet, label, rec, ring);
	bpfprobe_annotate_comment(comment, &capture->names, label, rec, &merge->returned);
	bpfprobe_pcapng_packet(&capture->out, &packet);
	bpfprobe_handle_delivered(handle);
	capture->delivered[rec->probe]++;
	capture->taken++;
}

/* All of this pass over the rings.  What the file has not taken ends it. */
static int
take_pass(struct capture *capture)
{
	const struct bpfprobe_record *rec;

	while (!has_enough(capture) && capture->out.err == 0 &&
	    (rec = bpfprobe_merge_next(&capture->handle.reader.merge)) != NULL)
		take(capture, rec);
	return check_file(capture);
}

/* Whether nobody reads the pipe any more: without packets no write() would say it. */
static int
is_abandoned(const struct capture *capture)
{
	struct pollfd pollfd = { capture->fd, 0, 0 };

	return poll(&pollfd, 1, 0) > 0 && (pollfd.revents & POLLERR) != 0;
}

/*
 * Until there is enough, or a signal, or an end of what is captured or of the file.  What
 * came before a signal is read to the last packet.
 */
static int
take_packets(struct capture *capture)
{
	struct bpfprobe_reader *reader = &capture->handle.reader;
	const char *ended = NULL;
	int err = 0;

	while (err == 0 && !stopped && ended == NULL && !has_enough(capture) && !is_abandoned(capture)) {
		if (bpfprobe_events_wait(&capture->handle.events, 1) == BPFPROBE_WAKE_ERROR)
			return bpfprobe_complain("epoll_wait: %s", strerror(errno));
		ended = bpfprobe_handle_pass(&capture->handle);
		err = take_pass(capture);
	}
	if (err == 0) {
		bpfprobe_merge_pass(&reader->merge, BPFPROBE_MERGE_ALL, BPFPROBE_MERGE_ALL);
		err = take_pass(capture);
	}
	if (ended != NULL)
		return bpfprobe_complain("%s", ended);
	return err;
}

/*
 * Afterwards.
 */

/* The kernel counts for all probes together: that stands at the first. */
static int
put_statistics(struct capture *capture, uint64_t received, uint64_t dropped)
{
	const unsigned int n = capture->handle.client.nlabels;
	struct bpfprobe_pcapng_statistics statistics;
	char comment[64] = "";
	unsigned int i;

	if (n > 1)
		snprintf(comment, sizeof(comment), "received and dropped: all %u interfaces together", n);
	memset(&statistics, 0, sizeof(statistics));
	statistics.start = capture->start;
	statistics.end = wall_clock();
	statistics.received = received;
	statistics.dropped = dropped;
	for (i = 0; i < n; i++) {
		statistics.interface = i;
		statistics.has_counts = i == 0;
		statistics.comment = i == 0 ? comment : "";
		statistics.delivered = capture->delivered[i];
		bpfprobe_pcapng_statistics(&capture->out, &statistics);
	}
	return check_file(capture);
}

/* 0, or 1 if it did not go well. */
static int
finish(struct capture *capture, int err)
{
	uint64_t received, dropped;

	bpfprobe_handle_stats(&capture->handle, &received, &dropped);
	if (capture->out.err == 0 && put_statistics(capture, received, dropped) > 0)
		err = 1;
	if (!capture->options.quiet)
		fprintf(stderr, "%llu packets captured, %llu received by filter, %llu dropped by kernel\n",
		    (unsigned long long)capture->out.packets, (unsigned long long)received,
		    (unsigned long long)dropped);
	return err > 0;
}

/* What a file system keeps back until then may fail now. */
static int
close_file(struct capture *capture)
{
	bpfprobe_pcapng_close(&capture->out);
	return capture->fd < 0 || close(capture->fd) == 0 ? 0 : fail_write(capture, errno);
}

static int
run(struct capture *capture)
{
	struct bpfprobe_reply reply;

	if (capture->options.object != NULL && load_object(capture) != 0)
		return 1;
	if (open_device(capture, &reply) != 0 || prepare_packets(capture, &reply) != 0 || open_file(capture) != 0)
		return 1;
	catch_signals(capture);
	if (put_header(capture) > 0 || attach(capture) != 0)
		return 1;
	announce(capture);
	return finish(capture, take_packets(capture));
}

int
bpfprobe_command_capture(int argc, char **argv)
{
	static struct capture capture;
	int status = bpfprobe_capture_parse(&capture.options, argc, argv);

	if (status != 0)
		return status;
	if (capture.options.file == NULL && isatty(STDOUT_FILENO))
		return bpfprobe_complain("packets cannot go to a terminal: name a file with -w, or use a pipe");
	capture.fd = -1;
	bpfprobe_handle_init(&capture.handle);
	status = run(&capture);
	bpfprobe_object_close(&capture.object);
	bpfprobe_handle_close(&capture.handle);
	status |= close_file(&capture);
	free(capture.options.filter);
	return status;
}
