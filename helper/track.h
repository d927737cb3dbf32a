/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are followed from probe to probe (bpf/track.h): the map, and the programs beside the probes. */
#ifndef BPFPROBE_HELPER_TRACK_H
#define BPFPROBE_HELPER_TRACK_H

#include "helper/probe.h"

/* The most links that begin() and finish() make together. */
#define BPFPROBE_TRACK_LINKS 12

/* Makes the map, for so many packets at once: maps->tracks.  0 or -errno. */
int bpfprobe_track_make(struct bpfprobe_maps *maps, unsigned int packets);

/* What is loaded, and not attached yet. */
struct bpfprobe_track {
	struct bpf_object *object;
};

/*
 * Before the probes are attached: loads all, and attaches what sees memory being given back, and,
 * as far as the kernel lets it, copies being made.  Adds descriptors, the caller's, to `links`,
 * with whose last copy the attachment ends.  0 or -errno; what is in *count is the caller's then, too.
 */
int bpfprobe_track_begin(
    struct bpfprobe_track *track, const struct bpfprobe_maps *maps, int *links, unsigned int *count);

/* Behind the probes, which have to see packets before: attaches what sees their end.  As begin(). */
int bpfprobe_track_finish(struct bpfprobe_track *track, int *links, unsigned int *count);

/* Whether it was attached or not. */
void bpfprobe_track_free(struct bpfprobe_track *track);

/* Takes out of the map what ended unseen long ago: it would be full of it some day. */
void bpfprobe_track_sweep(int tracks);

#endif
