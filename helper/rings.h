/* SPDX-License-Identifier: BSD-3-Clause */
/* The rings of a handle: one per CPU, made with libbpf, read by the module. */
#ifndef BPFPROBE_RINGS_H
#define BPFPROBE_RINGS_H

#include <stdint.h>
#include "helper/fail.h"

struct perf_buffer;

struct bpfprobe_rings {
	struct perf_buffer *buffer;
	unsigned int count; /* rings */
	unsigned int pages; /* data pages of each, a power of two */
};

/*
 * How many pages each ring has.  `pages` is what the user asks for (0: nothing), a
 * power of two.  Else the buffer of `size` bytes (0: libpcap's
 * default, 2 MiB) is given out twice, since hardly ever all CPUs are busy: each of
 * `cpus` rings gets 2 * size / cpus, rounded up to a power of two, but at least
 * 128 KiB, room for one packet of the greatest length, and at most the whole
 * buffer.
 */
unsigned int bpfprobe_rings_pages(
    uint32_t pages, uint32_t size, unsigned int cpus, unsigned int page_size);

/*
 * Makes the rings and puts them into the perf event array `map`.  The reader is
 * woken for every record (`immediate`), or when a quarter of a ring is full: waking
 * costs 7 us, about 15 times as much as the record itself.  Returns 0, or -1 with
 * *reply filled in.
 *
 * There is nothing to free them with: libbpf would disable the events, which the
 * module is reading by then.  They end with their last descriptor.
 */
int bpfprobe_rings_make(struct bpfprobe_rings *rings, int map, unsigned int pages, int immediate,
    struct bpfprobe_reply *reply);

/* The descriptor of ring `i`; it stays libbpf's. */
int bpfprobe_rings_fd(const struct bpfprobe_rings *rings, unsigned int i);

#endif
