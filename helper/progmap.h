/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The maps of a loaded BPF program whose packets it writes itself, by bpf_pcap(3): the perf
 * event array that our rings are put into, and the array with its configuration.
 */
#ifndef BPFPROBE_PROGMAP_H
#define BPFPROBE_PROGMAP_H

#include "helper/device.h"
#include "helper/fail.h"
#include "helper/rings.h"
#include "include/bpf_pcap.h"

struct bpfprobe_progmap {
	int wanted;    /* 1: the device has map= */
	__u32 program; /* its number; of several with the same maps the first */
	/*
	 * The perf event array.  What is put into it by a descriptor is taken out when the last
	 * copy of that descriptor is closed, and this one comes from nobody else.
	 */
	int map;
	__u32 entries;
	int config; /* the array with the configuration; -1: none is wanted */
	int configured;
	unsigned char before[sizeof(struct bpf_pcap_hdr)];  /* what was there */
	unsigned char written[sizeof(struct bpf_pcap_hdr)]; /* what is */
	char name[BPFPROBE_MAP_MAX];
};

/*
 * Finds the maps that `device` names and checks that they are what bpf_pcap.h says, and that
 * nobody reads there.  Takes packets of up to `snaplen` bytes.  0, or -1 with *reply filled in.
 */
int bpfprobe_progmap_open(struct bpfprobe_progmap *progmap, const struct bpfprobe_device *device,
    __u32 snaplen, struct bpfprobe_reply *reply);

/*
 * Puts each of `rings`, which are in the slots of the perf event array `own` with room for
 * `cpus`, into the same slot of the program's, if that is still empty, and then the
 * configuration.  0, or -1 with *reply filled in; close progmap->map then.
 */
int bpfprobe_progmap_attach(struct bpfprobe_progmap *progmap, const struct bpfprobe_rings *rings, int own,
    unsigned int cpus, struct bpfprobe_reply *reply);

/* Puts back the configuration that was there, unless somebody else has changed it since. */
void bpfprobe_progmap_restore(struct bpfprobe_progmap *progmap);

#endif
