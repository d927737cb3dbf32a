/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture from one or several devices at once, into a pcapng file, lines of JSON, or both:
 * what bpfprobe(8) and Wireshark's extcap have in common.
 *
 *   source --.
 *   source --+-- in the order of time --> pcapng file, JSON on standard output
 *   source --'
 */
#ifndef BPFPROBE_ENGINE_H
#define BPFPROBE_ENGINE_H

#include <stdint.h>
#include "tools/source.h"

#define BPFPROBE_SOURCES_MAX 16
#define BPFPROBE_SNAPLEN_MAX 262144 /* as in libpcap */

struct bpfprobe_engine;

/* Somebody who has a say while the capture runs. */
struct bpfprobe_controls {
	int fd; /* to be waited for; -1: there is nobody */
	/* It can be read.  0, or -1: it is not to be waited for any more. */
	int (*ready)(void *context, struct bpfprobe_engine *engine);
	/* So many packets were lost until now; called again and again. */
	void (*count)(void *context, uint64_t lost);
	void *context;
};

struct bpfprobe_capture_options {
	struct bpfprobe_source_options sources[BPFPROBE_SOURCES_MAX];
	unsigned int count;   /* of sources */
	const char *file;     /* "-": standard output; NULL: none */
	uint32_t buffer_size; /* bytes of all rings of a source; 0: the default */
	uint64_t packets;     /* the end, after so many; 0: without */
	uint64_t duration;    /* the end, after so long, ns; 0: without */
	uint32_t fields;      /* a set of them (fields.h); 0: in comments those that belong there, in JSON all */
	int json;	      /* a line to standard output for each packet */
	int no_verdict;	      /* packets have none in the file, see bpfprobe(8) */
	int optimize;	      /* the filters, which may take longer than it saves */
	int quiet;
	const struct bpfprobe_controls *controls; /* NULL: there is nobody */
	/* Called when the probes are attached, to do more: 0, or -1 after one line on standard error. */
	int (*attached)(void *context);
	void *context;
};

/*
 * Captures until what the options say, a signal that ends programs, a reader that goes away,
 * or an end of what is captured.  Returns the exit status, 0 or 1.
 */
int bpfprobe_engine_run(const struct bpfprobe_capture_options *options);

/*
 * Sets another filter for all devices; "": none.  0, or -1 with the reason in errbuf
 * (PCAP_ERRBUF_SIZE): the devices from that one on, whose link type it does not fit, keep theirs.
 */
int bpfprobe_engine_filter(struct bpfprobe_engine *engine, const char *filter, char *errbuf);

#endif
