/* SPDX-License-Identifier: BSD-3-Clause */
/* What pcaploop.c and pcaploop-modes.c share: opening a device as asked. */
#ifndef BPFPROBE_TESTS_PCAPLOOP_MODES_H
#define BPFPROBE_TESTS_PCAPLOOP_MODES_H

#include <pcap.h>
#include <stdbool.h>

struct pcaploop_options {
	const char *device, *dlt, *direction, *filter, *method, *write_file;
	char *later_filter;
	int snaplen, timeout, buffer; /* -1: not set at all, except timeout */
	int dispatch, count, pause_ms, sleep_us; /* pause_ms: of -K */
	bool immediate, plain, nano, nonblock; /* plain: not promiscuous */
};

/* Opens and activates; prints what came of it; NULL on failure. */
pcap_t *pcaploop_open(const struct pcaploop_options *opt);

int pcaploop_set_filter(pcap_t *pc, const char *text);

/* The mode "swap=" (pcaploop-swap.c); returns the exit status. */
int pcaploop_swap(const struct pcaploop_options *opt, const char *what);

/* The modes "op=" (pcaploop-ops.c); returns the exit status. */
int pcaploop_op(const struct pcaploop_options *opt, const char *name);

/* Any mode but "run"; returns the exit status. */
int pcaploop_mode(const struct pcaploop_options *opt, const char *mode);

#endif /* BPFPROBE_TESTS_PCAPLOOP_MODES_H */
