/* SPDX-License-Identifier: BSD-3-Clause */
/* See source.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "helper/cpus.h"
#include "helper/known.h"
#include "tools/annotate.h"
#include "tools/commands.h"
#include "tools/fields.h"
#include "tools/source.h"

void
bpfprobe_source_init(struct bpfprobe_source *source)
{
	memset(source, 0, sizeof(*source));
	bpfprobe_handle_init(&source->handle);
	source->stacks.fd = -1;
}

void
bpfprobe_source_close(struct bpfprobe_source *source)
{
	bpfprobe_handle_close(&source->handle);
	bpfprobe_stacks_free(&source->stacks);
	free(source->cpus);
	source->cpus = NULL;
}

uint64_t
bpfprobe_source_wall_clock(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* Those of the device in place of all others', where fields are written at all. */
static int
choose_fields(struct bpfprobe_source *source, const struct bpfprobe_source_wishes *wishes)
{
	char message[BPFPROBE_MESSAGE_MAX];
	uint32_t own = 0;

	if (bpfprobe_device_parse(&source->device, source->options.device, message, sizeof(message)) < 0)
		return bpfprobe_complain("%s", message);
	if (source->device.fields[0] != '\0' && bpfprobe_fields_parse(source->device.fields, &own) < 0)
		return -1;
	source->comments = own != 0 && wishes->comments != 0 ? own : wishes->comments;
	source->json = own != 0 && wishes->json != 0 ? own : wishes->json;
	return 0;
}

static int
open_device(struct bpfprobe_source *source, const struct bpfprobe_source_wishes *wishes,
    struct bpfprobe_reply *reply)
{
	const struct bpfprobe_source_options *options = &source->options;
	struct bpfprobe_request request;

	memset(&request, 0, sizeof(request));
	if (strlen(options->device) >= sizeof(request.device))
		return bpfprobe_complain("the device name has %zu characters, %zu are possible",
		    strlen(options->device), sizeof(request.device) - 1);
	strcpy(request.device, options->device);
	if (choose_fields(source, wishes) != 0)
		return -1;
	request.snaplen = options->snaplen;
	request.buffer_size = wishes->buffer_size;
	request.meta = (__u32)bpfprobe_fields_need_meta(source->comments | source->json);
	if (bpfprobe_handle_open(&source->handle, &request, reply) < 0)
		return bpfprobe_complain("%s", reply->message);
	source->stacks.fd = source->handle.client.stacks;
	source->handle.snaplen = options->snaplen;
	source->handle.nano = 1;
	return 0;
}

/* What the user asks for by -y must be one of those that the device has. */
static int
choose_link_type(struct bpfprobe_source *source, const struct bpfprobe_reply *reply)
{
	const char *name = source->options.link_type;
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
		    reply->dlt[0] != '\0' ? reply->dlt : "LINUX_SLL2, EN10MB, RAW and PFLOG");
	source->handle.dlt = dlt;
	if (name == NULL)
		return 0;
	return bpfprobe_handle_set_dlt(&source->handle, dlt, errbuf) < 0 ? bpfprobe_complain("%s", errbuf) : 0;
}

/* What the link type is called in files is known to libpcap only, which writes it into one. */
static int
find_linktype(struct bpfprobe_source *source, pcap_t *dead)
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
	memcpy(&source->linktype, header + 20 + 2 * (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__), 2);
	return 0;
}

static int
set_filter(struct bpfprobe_source *source, pcap_t *dead, const char *filter, int optimize, char *errbuf)
{
	struct bpf_program program;
	int err;

	if (pcap_compile(dead, &program, filter, optimize, PCAP_NETMASK_UNKNOWN) < 0) {
		snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(dead));
		return -1;
	}
	err = bpfprobe_handle_filter(&source->handle, &program, errbuf);
	pcap_freecode(&program);
	return err;
}

int
bpfprobe_source_filter(
    struct bpfprobe_source *source, const char *filter, int optimize, char *errbuf)
{
	pcap_t *dead = pcap_open_dead(source->handle.dlt, (int)source->options.snaplen);
	int err;

	if (dead == NULL) {
		snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", strerror(ENOMEM));
		return -1;
	}
	err = set_filter(source, dead, filter, optimize, errbuf);
	pcap_close(dead);
	return err;
}

static int
prepare_packets(struct bpfprobe_source *source, const struct bpfprobe_reply *reply, int optimize)
{
	const char *filter = source->options.filter;
	char errbuf[PCAP_ERRBUF_SIZE];
	pcap_t *dead;
	int err;

	if (choose_link_type(source, reply) != 0)
		return -1;
	dead = pcap_open_dead(source->handle.dlt, (int)source->options.snaplen);
	if (dead == NULL)
		return bpfprobe_complain("no memory for the filter");
	err = filter != NULL ? set_filter(source, dead, filter, optimize, errbuf) : 0;
	if (err != 0)
		bpfprobe_complain("filter \"%.200s\": %s", filter, errbuf);
	else
		err = find_linktype(source, dead);
	pcap_close(dead);
	return err;
}

/* Where it cannot be known, packets have none. */
static void
find_cpus(struct bpfprobe_source *source)
{
	const unsigned int n = source->handle.reader.cpus;

	source->cpus = calloc(n, sizeof(*source->cpus));
	if (source->cpus == NULL || bpfprobe_cpus_online(source->cpus, n) == n)
		return;
	free(source->cpus);
	source->cpus = NULL;
}

int
bpfprobe_source_open(struct bpfprobe_source *source, const struct bpfprobe_source_options *options,
    const struct bpfprobe_source_wishes *wishes)
{
	struct bpfprobe_reply reply;
	unsigned int i;

	source->options = *options;
	if (open_device(source, wishes, &reply) != 0 ||
	    prepare_packets(source, &reply, wishes->optimize) != 0)
		return -1;
	find_cpus(source);
	for (i = 0; i < source->handle.client.nlabels; i++)
		bpfprobe_annotate_name(&source->handle.client.labels[i], &source->device,
		    source->probes[i].name, sizeof(source->probes[i].name));
	return 0;
}

int
bpfprobe_source_attach(struct bpfprobe_source *source, uint64_t timeout)
{
	struct bpfprobe_reply reply;

	if (bpfprobe_handle_attach(&source->handle, timeout, 0, &reply) < 0)
		return -bpfprobe_complain("%s", reply.message);
	source->start = bpfprobe_source_wall_clock();
	source->left_out = reply.left_out;
	return 0;
}

int
bpfprobe_source_has_locations(const struct bpfprobe_source *source)
{
	const struct bpfprobe_client *client = &source->handle.client;
	const char *name;
	unsigned int i;

	if (source->stacks.fd >= 0)
		return 1;
	for (i = 0; i < client->nlabels; i++) {
		name = strstr(client->labels[i].name, "tp/");
		if (client->labels[i].kind == BPFPROBE_LABEL_KERNEL && name != NULL && bpfprobe_known_location(name + 3))
			return 1;
	}
	return 0;
}

int
bpfprobe_source_has_reasons(const struct bpfprobe_source *source)
{
	const struct bpfprobe_client *client = &source->handle.client;
	unsigned int i;

	for (i = 0; i < client->nlabels; i++) {
		if (client->labels[i].reasons)
			return 1;
	}
	return 0;
}

/* In memory only: it is asked while packets come. */
static void
count_lost(struct bpfprobe_source *source)
{
	const struct bpfprobe_reader *reader = &source->handle.reader;
	const struct bpfprobe_control *control = &reader->control;
	uint64_t lost = control->reader->lost + reader->merge.broken + source->handle.hold.overrun;
	unsigned int i;

	for (i = 0; i < control->cpus; i++)
		lost += control->cpu[i].lost;
	source->lost = lost;
}

const char *
bpfprobe_source_pass(struct bpfprobe_source *source, uint64_t *limit)
{
	struct bpfprobe_merge *merge = &source->handle.reader.merge;
	const char *ended = bpfprobe_handle_pass(&source->handle);
	const uint64_t offset = (uint64_t)source->handle.reader.clock.offset;

	source->next = NULL;
	count_lost(source);
	/* So far without patience only where a ring is half full, or all goes. */
	if (merge->horizon == merge->patience)
		return ended;
	if (merge->horizon + offset < *limit)
		*limit = merge->horizon + offset;
	else
		merge->horizon = *limit - offset;
	return ended;
}

void
bpfprobe_source_last_pass(struct bpfprobe_source *source)
{
	source->next = NULL;
	bpfprobe_merge_pass(&source->handle.reader.merge, BPFPROBE_MERGE_ALL, BPFPROBE_MERGE_ALL);
}

void
bpfprobe_source_next(struct bpfprobe_source *source)
{
	struct bpfprobe_handle *handle = &source->handle;

	do {
		source->next = bpfprobe_handle_next(handle);
		if (source->next == NULL)
			return;
		source->data = source->next->probe < handle->client.nlabels
		    ? bpfprobe_handle_packet(handle, source->next, &source->h)
		    : NULL;
	} while (source->data == NULL);
}
