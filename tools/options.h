/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of bpfprobe capture, whose options are those of tcpdump and dumpcap. */
#ifndef BPFPROBE_OPTIONS_H
#define BPFPROBE_OPTIONS_H

#include "tools/engine.h"

struct bpfprobe_command_options {
	struct bpfprobe_capture_options capture;
	const char *object; /* a BPF object to be loaded; NULL: none */
	const char *map;    /* of it; NULL: the only one */
	const char *dev;    /* interface for its programs; NULL: none */
	char *filter;	    /* the words behind the options; NULL: none; to be freed */
};

/*
 * Takes it apart; argv[0] is "capture".  0, or the exit status after one line on standard
 * error.
 */
int bpfprobe_capture_parse(struct bpfprobe_command_options *options, int argc, char **argv);

#endif
