/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records that another's BPF program writes, by bpf_pcap(3), made into ours.  Nothing in them is
 * believed: any program can write anything, also into what is read already.
 */
#ifndef BPFPROBE_FOREIGN_H
#define BPFPROBE_FOREIGN_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include "bpf/record.h"

/* A record that is to be later than `now` by more than this, in ns, has the time `now`. */
#define BPFPROBE_FOREIGN_AHEAD 1000000000ULL

/* What holds for all records of a handle; all 0 but `dlt` is possible. */
struct bpfprobe_foreign {
	int dlt;       /* link type that the user asks for (proto=); -1: what has Ethernet or IP first */
	uint32_t most; /* at most so many bytes of a packet, behind its MAC header; 0: all */
	uint64_t now;  /* ns of their clock, less what records are held back */
	struct bpfprobe_counters *counters; /* the reader's: nobody else counts them */
	uint64_t told; /* lost ones, as the rings say it, each behind its gap */
};

enum bpfprobe_foreign_kind {
	BPFPROBE_FOREIGN_BROKEN = -1, /* it makes no sense */
	BPFPROBE_FOREIGN_OTHER = 0,   /* a packet of another link type */
	BPFPROBE_FOREIGN_PACKET = 1,
};

/*
 * Takes apart `size` bytes at `sample`: a struct bpf_pcap_hdr, the packet, padding.  If it is a
 * packet, fills in *record, and *packet, which points into the sample.
 *
 * A packet without Ethernet or IP header (BPF_PCAP_TYPE_UNSET) is BPFPROBE_LAYER_NONE; with
 * foreign->dlt it is taken for that.  The direction is not known: it counts as incoming.
 * record->action has the lower 32 bits of the program's id, record->elapsed the upper 16.
 */
enum bpfprobe_foreign_kind bpfprobe_foreign_read(const struct bpfprobe_foreign *foreign,
    const uint8_t *sample, size_t size, struct bpfprobe_record *record, const uint8_t **packet);

#endif
