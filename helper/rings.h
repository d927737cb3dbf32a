/* SPDX-License-Identifier: BSD-3-Clause */
/* The rings of a handle: one per CPU, made with libbpf, read by the module. */
#ifndef BPFPROBE_RINGS_H
#define BPFPROBE_RINGS_H

#include <stdint.h>
#include "helper/fail.h"
#include "helper/ringbufs.h"

struct perf_buffer;

struct bpfprobe_rings {
	struct perf_buffer *buffer;
	unsigned int count; /* rings */
	unsigned int pages; /* data pages of each, a power of two */
};

/*
 * How many pages each ring has.  `pages` is what the user asks for (0: nothing), a
 * power of two.  Else the buffer of `size` bytes (0: libpcap's default, 2 MiB) is given
 * out up to twice, since hardly ever all CPUs are busy: each of `cpus` rings is the
 * greatest power of two with which all have at most 2 * size, though no greater than
 * the whole buffer, so that all have at least `size`.
 *
 * None is smaller than 128 KiB.  The longest sample, 65,528 bytes, fits into 64 KiB, but
 * not with the kernel's own record of what was lost, which it writes in front of the next
 * sample: once full, such a ring takes none again before a shorter one has come.  A snapshot
 * length says nothing about that: a filter in user space needs more of a packet, up to all of it.
 *
 * So much is locked with the default.  It counts as the capturing process' memory (RSS) on
 * Linux 6.1 as far as it was written to, on 6.18 not at all.
 *
 *   CPUs          1     2     3     8    32    64   128   256   512
 *   each (KiB) 2048  2048  1024   512   128   128   128   128   128
 *   all (MiB)     2     4     3     4     4     8    16    32    64
 */
unsigned int bpfprobe_rings_pages(
    uint32_t pages, uint32_t size, unsigned int cpus, unsigned int page_size);

/*
 * How many pages each BPF ring buffer (ringbufs.h) has, beside rings that bpfprobe_rings_pages() gives
 * *pages; or as many as they, if the user asks for a number:
 *
 *   which packets go there   BPF ring buffer               rings
 *   SOME                     half                          all
 *   MANY                     half                          half, but not less than they need
 *   MOST                     all, if there may be so many  an eighth, but not less than they need
 *                            (BPFPROBE_RINGBUF_MAX)
 *
 * Together that is hardly more than the rings alone, for SOME half as much again, or where they have
 * their least size, 128 KiB, up to twice.
 */
unsigned int bpfprobe_rings_share(
    uint32_t asked, unsigned int *pages, unsigned int page_size, enum bpfprobe_ringbufs_use use);

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
