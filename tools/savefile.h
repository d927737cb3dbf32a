/* SPDX-License-Identifier: BSD-3-Clause */
/* The pcapng file of a capture: an interface for each probe of each device. */
#ifndef BPFPROBE_SAVEFILE_H
#define BPFPROBE_SAVEFILE_H

#include "tools/pcapng.h"
#include "tools/source.h"

struct bpfprobe_savefile {
	struct bpfprobe_pcapng out;
	const char *name;
	int fd; /* -1: there is none */
};

/* There is none yet: close() has nothing to do. */
void bpfprobe_savefile_init(struct bpfprobe_savefile *file);

/*
 * Opens `name` for writing, "-" for standard output; what was in it is gone.  0, or -1 after
 * one line on standard error.
 */
int bpfprobe_savefile_open(struct bpfprobe_savefile *file, const char *name);

/*
 * The section, and for each probe of the sources an interface, in that order; at the end the
 * statistics of a source's interfaces.  Nothing is done where there is no file.
 */
void bpfprobe_savefile_begin(
    struct bpfprobe_savefile *file, const struct bpfprobe_source *sources, unsigned int count);
void bpfprobe_savefile_statistics(struct bpfprobe_savefile *file,
    const struct bpfprobe_source *source, uint64_t received, uint64_t dropped);

/* Writes what is there.  0 or -errno, also that of an earlier failure. */
int bpfprobe_savefile_flush(struct bpfprobe_savefile *file);

/* What is to be said of -errno: -EPIPE if nobody reads any more, else -1 after one line. */
int bpfprobe_savefile_fail(const struct bpfprobe_savefile *file, int err);

/* What a file system keeps back until then may fail now: 0, or -1 after one line. */
int bpfprobe_savefile_close(struct bpfprobe_savefile *file);

#endif
