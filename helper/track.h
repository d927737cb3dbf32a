/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are followed from probe to probe (bpf/track.h): the map, and the programs beside the probes. */
#ifndef BPFPROBE_HELPER_TRACK_H
#define BPFPROBE_HELPER_TRACK_H

#include "helper/probe.h"

/* The most links of bpfprobe_track_attach(). */
#define BPFPROBE_TRACK_LINKS 11

/* Makes the map, for so many packets at once: maps->tracks.  0 or -errno. */
int bpfprobe_track_make(struct bpfprobe_maps *maps, unsigned int packets);

/*
 * Loads and attaches what sees the end of packets, behind the probes, which have to see them
 * before, and what sees copies being made, as far as the kernel lets it.  Adds descriptors, the
 * caller's, to `links`, with whose last copy the attachment ends.  0, or -errno with none of them
 * in *count.
 */
int bpfprobe_track_attach(const struct bpfprobe_maps *maps, int *links, unsigned int *count);

#endif
