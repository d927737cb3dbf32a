/* SPDX-License-Identifier: BSD-3-Clause */
/* See engine.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "helper/types.h"
#include "tools/annotate.h"
#include "tools/commands.h"
#include "tools/engine.h"
#include "tools/fields.h"
#include "tools/progress.h"
#include "tools/savefile.h"

/* A packet is in the file, or the pipe, after so long at most: ns. */
#define TIMEOUT 100000000ULL
#define LINES_SIZE (1 << 17) /* of JSON, between two writes */

struct bpfprobe_engine {
	const struct bpfprobe_capture_options *options;
	struct bpfprobe_source sources[BPFPROBE_SOURCES_MAX];
	struct bpfprobe_savefile file;
	struct bpfprobe_ifnames names;
	struct bpfprobe_progress progress;
	struct bpfprobe_reasons reasons;
	struct bpfprobe_symbols symbols;
	uint64_t packets; /* that were taken */
	uint64_t bytes;	  /* of them, as captured */
	uint64_t deadline; /* ns since 1970; 0: none */
	int controls;	  /* the descriptor of who has a say; -1: nobody (any more) */
	int lines_err;	  /* errno of the first failure to write JSON; 0: none */
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
catch_signals(struct bpfprobe_engine *engine)
{
	struct sigaction action;

	waiting = &engine->sources[0].handle.events;
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

static int
open_sources(struct bpfprobe_engine *engine)
{
	const struct bpfprobe_capture_options *options = engine->options;
	const uint32_t comments = options->fields != 0 ? options->fields : bpfprobe_fields_of_comments();
	const uint32_t json = options->fields != 0 ? options->fields : BPFPROBE_FIELDS_ALL;
	const struct bpfprobe_source_wishes wishes = { options->buffer_size, options->optimize,
		options->file != NULL ? comments : 0, options->json ? json : 0 };
	unsigned int i, first = 0;

	for (i = 0; i < options->count; i++) {
		if (bpfprobe_source_open(&engine->sources[i], &options->sources[i], &wishes) != 0)
			return -1;
		engine->sources[i].first = first;
		first += engine->sources[i].handle.client.nlabels;
	}
	return 0;
}

/* Only when all devices are accepted, so that a mistake costs no file that is there already. */
static int
open_outputs(struct bpfprobe_engine *engine)
{
	const struct bpfprobe_capture_options *options = engine->options;

	if (options->json)
		setvbuf(stdout, NULL, _IOFBF, LINES_SIZE);
	return options->file != NULL ? bpfprobe_savefile_open(&engine->file, options->file) : 0;
}

/* Without names, numbers are written. */
static void
read_reasons(struct bpfprobe_engine *engine)
{
	struct bpfprobe_types types;
	struct bpfprobe_reply reply;

	if (bpfprobe_types_open(&types, &reply) < 0)
		return;
	(void)bpfprobe_reasons_read(&engine->reasons, &types);
	bpfprobe_types_close(&types);
}

/*
 * What fields are written with.  Before packets come, since it takes longer than a ring has
 * room for.  The helper gives addresses of the kernel to root only.
 */
static void
read_names(struct bpfprobe_engine *engine)
{
	const struct bpfprobe_source *source = engine->sources;
	int reasons = 0, locations = 0;
	uint32_t fields;

	for (; source < engine->sources + engine->options->count; source++) {
		fields = source->comments | source->json;
		reasons |= bpfprobe_fields_need_reasons(fields) && bpfprobe_source_has_reasons(source);
		locations |= bpfprobe_fields_need_symbols(fields) && bpfprobe_source_has_locations(source);
	}
	if (reasons)
		read_reasons(engine);
	if (locations && getuid() == 0)
		(void)bpfprobe_symbols_read(&engine->symbols);
}

static int
attach(struct bpfprobe_engine *engine)
{
	const struct bpfprobe_capture_options *options = engine->options;
	unsigned int i;

	for (i = 0; i < options->count; i++) {
		if (bpfprobe_source_attach(&engine->sources[i], TIMEOUT) != 0)
			return -1;
	}
	if (options->duration > 0)
		engine->deadline = bpfprobe_source_wall_clock() + options->duration;
	return options->attached != NULL ? options->attached(options->context) : 0;
}

static void
announce(const struct bpfprobe_engine *engine)
{
	const struct bpfprobe_source *source = engine->sources;
	const char *name;

	if (engine->options->quiet)
		return;
	for (; source < engine->sources + engine->options->count; source++) {
		name = pcap_datalink_val_to_name(source->handle.dlt);
		fprintf(stderr, "bpfprobe: listening on %s, link-type %s, snapshot length %u bytes",
		    source->options.device, name != NULL ? name : "?", source->options.snaplen);
		if (source->left_out > 0)
			fprintf(stderr, "; %u of the pattern's targets refuse a probe", source->left_out);
		fprintf(stderr, "\n");
	}
}

/*
 * While packets come.
 */

static int
has_enough(const struct bpfprobe_engine *engine)
{
	return engine->options->packets > 0 && engine->packets >= engine->options->packets;
}

/* The source whose packet is the oldest; NULL: there is no packet. */
static struct bpfprobe_source *
find_oldest(struct bpfprobe_engine *engine)
{
	struct bpfprobe_source *source = engine->sources, *oldest = NULL;

	for (; source < engine->sources + engine->options->count; source++) {
		if (source->next != NULL &&
		    (oldest == NULL || bpfprobe_source_time(source) < bpfprobe_source_time(oldest)))
			oldest = source;
	}
	return oldest;
}

static void
write_line(struct bpfprobe_engine *engine, uint32_t fields, const struct bpfprobe_facts *facts)
{
	char line[BPFPROBE_FIELDS_MAX];
	size_t n = bpfprobe_fields_json(line, fields, facts);

	if (engine->lines_err == 0 && fwrite(line, 1, n, stdout) < n)
		engine->lines_err = errno;
}

static void
write_packet(struct bpfprobe_engine *engine, struct bpfprobe_pcapng_packet *packet, uint32_t fields,
    const struct bpfprobe_facts *facts)
{
	char comment[BPFPROBE_FIELDS_MAX];

	bpfprobe_fields_comment(comment, fields, facts);
	packet->comment = comment;
	if (engine->options->no_verdict)
		packet->verdict_of = BPFPROBE_PCAPNG_NO_VERDICT;
	bpfprobe_pcapng_packet(&engine->file.out, packet);
}

/* The packet at hand of the source. */
static void
take(struct bpfprobe_engine *engine, struct bpfprobe_source *source)
{
	const struct bpfprobe_record *rec = source->next;
	const struct bpfprobe_meta *meta = bpfprobe_source_meta(source);
	const struct bpfprobe_label *label = &source->handle.client.labels[rec->probe];
	const unsigned int ring = bpfprobe_source_ring(source);
	struct bpfprobe_pcapng_packet packet;
	const struct bpfprobe_facts facts = {
		.device = source->options.device,
		.probe = source->probes[rec->probe].name,
		.ifname = bpfprobe_annotate_ifname(&engine->names, label, rec, meta),
		.label = label,
		.rec = rec,
		.meta = meta,
		.stack = meta != NULL ? bpfprobe_stacks_get(&source->stacks, meta->stack, &engine->symbols) : NULL,
		.returned = &source->handle.item.returned,
		.packet = &packet,
		.reasons = &engine->reasons,
		.symbols = &engine->symbols,
		.cpu = source->cpus != NULL ? source->cpus[ring] : BPFPROBE_CPU_UNKNOWN,
	};

	memset(&packet, 0, sizeof(packet));
	packet.interface = source->first + rec->probe;
	packet.time = bpfprobe_source_time(source);
	packet.caplen = source->h.caplen;
	packet.len = source->h.len;
	packet.data = source->data;
	packet.dropped = source->lost - source->told;
	source->told = source->lost;
	bpfprobe_annotate_packet(&packet, label, rec, meta, ring);
	if (engine->file.fd >= 0)
		write_packet(engine, &packet, source->comments, &facts);
	if (engine->options->json)
		write_line(engine, source->json, &facts);
	bpfprobe_handle_delivered(&source->handle);
	source->probes[rec->probe].delivered++;
	engine->packets++;
	engine->bytes += packet.caplen;
}

/*
 * Writes what is there.  0, -EPIPE if a reader has seen enough, which is no failure to be
 * told, or -1 after one line on standard error.
 */
static int
flush(struct bpfprobe_engine *engine)
{
	int err;

	if (engine->options->json && engine->lines_err == 0 && fflush(stdout) != 0)
		engine->lines_err = errno;
	err = bpfprobe_savefile_flush(&engine->file);
	if (err == 0 && engine->lines_err == 0)
		return 0;
	bpfprobe_progress_clear(&engine->progress);
	if (err != 0)
		return bpfprobe_savefile_fail(&engine->file, err);
	return engine->lines_err == EPIPE ? -EPIPE : -bpfprobe_complain("cannot write: %s", strerror(engine->lines_err));
}

/* All of this pass over the rings.  What the outputs have not taken ends it. */
static int
take_pass(struct bpfprobe_engine *engine)
{
	struct bpfprobe_source *source = engine->sources;
	unsigned int i;

	for (i = 0; i < engine->options->count; i++)
		bpfprobe_source_next(&engine->sources[i]);
	while (!has_enough(engine) && engine->file.out.err == 0 && engine->lines_err == 0 &&
	    (source = find_oldest(engine)) != NULL) {
		take(engine, source);
		bpfprobe_source_next(source);
	}
	return flush(engine);
}

/* Why what is captured is no longer there, or NULL. */
static const char *
pass(struct bpfprobe_engine *engine)
{
	const char *ended = NULL, *why;
	uint64_t limit = UINT64_MAX, lost = 0;
	unsigned int i;

	for (i = 0; i < engine->options->count; i++) {
		why = bpfprobe_source_pass(&engine->sources[i], &limit);
		if (why != NULL)
			ended = why;
		lost += engine->sources[i].lost;
	}
	bpfprobe_progress_show(&engine->progress, engine->packets, engine->bytes, lost);
	if (engine->controls >= 0)
		engine->options->controls->count(engine->options->controls->context, lost);
	return ended;
}

/* Waits for the rings of any source, not for longer than the duration lasts.  0 or -1. */
static int
wait_for_packets(struct bpfprobe_engine *engine)
{
	const struct bpfprobe_controls *controls = engine->options->controls;
	struct pollfd pollfds[BPFPROBE_SOURCES_MAX + 1];
	const unsigned int n = engine->options->count;
	unsigned int i;

	for (i = 0; i < n; i++) {
		pollfds[i].fd = engine->sources[i].handle.events.epoll_fd;
		pollfds[i].events = POLLIN;
	}
	pollfds[n].fd = engine->controls;
	pollfds[n].events = POLLIN;
	pollfds[n].revents = 0;
	/* Their timers end it; a signal does by an event of the first one. */
	if (poll(pollfds, n + 1, -1) < 0 && errno != EINTR)
		return -bpfprobe_complain("poll: %s", strerror(errno));
	if (pollfds[n].revents != 0 && controls->ready(controls->context, engine) < 0)
		engine->controls = -1;
	for (i = 0; i < n; i++) {
		if (bpfprobe_events_wait(&engine->sources[i].handle.events, 0) == BPFPROBE_WAKE_ERROR)
			return -bpfprobe_complain("epoll_wait: %s", strerror(errno));
	}
	return 0;
}

int
bpfprobe_engine_filter(struct bpfprobe_engine *engine, const char *filter, char *errbuf)
{
	unsigned int i;

	for (i = 0; i < engine->options->count; i++) {
		if (bpfprobe_source_filter(&engine->sources[i], filter, engine->options->optimize, errbuf) < 0)
			return -1;
	}
	return 0;
}

/* Whether nobody reads a pipe any more: without packets no write() would say it. */
static int
is_abandoned(const struct bpfprobe_engine *engine)
{
	struct pollfd pollfds[2] = { { engine->file.fd, 0, 0 },
		{ engine->options->json ? STDOUT_FILENO : -1, 0, 0 } };

	return poll(pollfds, 2, 0) > 0 && ((pollfds[0].revents | pollfds[1].revents) & POLLERR) != 0;
}

static int
is_over(const struct bpfprobe_engine *engine)
{
	return stopped || has_enough(engine) || is_abandoned(engine) ||
	    (engine->deadline > 0 && bpfprobe_source_wall_clock() >= engine->deadline);
}

/*
 * Until there is enough, or a signal, or an end of what is captured or of the outputs.  What
 * came before a signal is read to the last packet.
 */
static int
take_packets(struct bpfprobe_engine *engine)
{
	const char *ended = NULL;
	unsigned int i;
	int err = 0;

	while (err == 0 && ended == NULL && !is_over(engine)) {
		if (wait_for_packets(engine) != 0)
			return -1;
		ended = pass(engine);
		err = take_pass(engine);
	}
	if (err == 0) {
		for (i = 0; i < engine->options->count; i++)
			bpfprobe_source_last_pass(&engine->sources[i]);
		err = take_pass(engine);
	}
	bpfprobe_progress_clear(&engine->progress);
	if (ended != NULL)
		return -bpfprobe_complain("%s", ended);
	return err;
}

/*
 * Afterwards.
 */

/* 0, or 1 if it did not go well. */
static int
finish(struct bpfprobe_engine *engine, int err)
{
	uint64_t received, dropped, all_received = 0, all_dropped = 0;
	struct bpfprobe_source *source = engine->sources;

	for (; source < engine->sources + engine->options->count; source++) {
		bpfprobe_handle_stats(&source->handle, &received, &dropped);
		all_received += received;
		all_dropped += dropped;
		bpfprobe_savefile_statistics(&engine->file, source, received, dropped);
	}
	/* What the outputs did not take before was told. */
	if (engine->file.out.err == 0 && engine->lines_err == 0 && flush(engine) == -1)
		err = -1;
	if (!engine->options->quiet)
		fprintf(stderr, "%llu packets captured, %llu received by filter, %llu dropped by kernel\n",
		    (unsigned long long)(engine->file.fd >= 0 ? engine->file.out.packets : engine->packets),
		    (unsigned long long)all_received, (unsigned long long)all_dropped);
	return err != 0 && err != -EPIPE;
}

static int
run(struct bpfprobe_engine *engine)
{
	if (open_sources(engine) != 0 || open_outputs(engine) != 0)
		return 1;
	read_names(engine);
	catch_signals(engine);
	if (attach(engine) != 0)
		return 1;
	/* Who waits for the file to begin, as dumpcap does, may say that packets are captured now. */
	bpfprobe_savefile_begin(&engine->file, engine->sources, engine->options->count);
	if (flush(engine) == -1)
		return 1;
	announce(engine);
	return finish(engine, take_packets(engine));
}

int
bpfprobe_engine_run(const struct bpfprobe_capture_options *options)
{
	static struct bpfprobe_engine engine; /* a signal may look at it to the last */
	unsigned int i;
	int status;

	engine.options = options;
	engine.controls = options->controls != NULL ? options->controls->fd : -1;
	bpfprobe_savefile_init(&engine.file);
	bpfprobe_progress_init(&engine.progress, options->quiet || (options->json && isatty(STDOUT_FILENO)));
	for (i = 0; i < options->count; i++)
		bpfprobe_source_init(&engine.sources[i]);
	status = run(&engine);
	for (i = 0; i < options->count; i++)
		bpfprobe_source_close(&engine.sources[i]);
	bpfprobe_symbols_free(&engine.symbols);
	free(engine.reasons.items);
	return status | (bpfprobe_savefile_close(&engine.file) != 0);
}
