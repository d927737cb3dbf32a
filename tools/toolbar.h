/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Wireshark's window has for a capture that runs: a line with the capture filter, which can
 * be changed, and words at the bottom.  By two pipes, with messages in both directions:
 *
 *   'T', length of the rest (3 bytes, the highest first), number of the control, command, text
 */
#ifndef BPFPROBE_TOOLBAR_H
#define BPFPROBE_TOOLBAR_H

#include <stddef.h>
#include <stdint.h>
#include "tools/engine.h"

#define BPFPROBE_TOOLBAR_TEXT 16384 /* bytes of a text that is heeded; a longer filter is none */

struct bpfprobe_toolbar {
	int in, out;	/* -1: there is none (yet) */
	const char *out_name;
	const char *filter; /* to be shown when `out` is there */
	uint64_t lost;	/* packets, as it was said */
	size_t used;	/* bytes of the message that is being read */
	uint8_t message[6 + BPFPROBE_TOOLBAR_TEXT + 1];
};

/* What Wireshark is to be told of it, to standard output. */
void bpfprobe_toolbar_print(void);

/*
 * Opens the pipes, without waiting for Wireshark to do so; NULL: it has none for us.  What
 * cannot be opened is done without.  `filter`, which may be NULL, is what the line begins with.
 */
void bpfprobe_toolbar_open(
    struct bpfprobe_toolbar *toolbar, const char *in, const char *out, const char *filter);

/* How a capture calls it (engine.h). */
struct bpfprobe_controls bpfprobe_toolbar_controls(struct bpfprobe_toolbar *toolbar);

void bpfprobe_toolbar_close(struct bpfprobe_toolbar *toolbar);

#endif
