/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of bpfprobe capture, whose options are those of tcpdump. */
#ifndef BPFPROBE_OPTIONS_H
#define BPFPROBE_OPTIONS_H

#include <stdint.h>

struct bpfprobe_capture_options {
	const char *device;    /* with `object`: its own */
	const char *object;    /* a BPF object to be loaded; NULL: none */
	const char *map;       /* of it; NULL: the only one */
	const char *dev;       /* interface for its programs; NULL: none */
	const char *file;      /* NULL: standard output */
	const char *link_type; /* NULL: that of the device */
	char *filter;	       /* NULL: none; to be freed */
	uint32_t snaplen;      /* bytes of a packet, link header included */
	uint32_t buffer_size;  /* bytes of all rings; 0: the default */
	uint64_t count;	       /* packets; 0: without end */
	int quiet;
	int optimize; /* the filter, which may take longer than it saves */
};

/*
 * Takes it apart; argv[0] is "capture".  0, or the exit status after one line on standard
 * error.
 */
int bpfprobe_capture_parse(struct bpfprobe_capture_options *options, int argc, char **argv);

#endif
