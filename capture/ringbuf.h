/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a BPF ring buffer (kernel/bpf/ringbuf.c, Documentation/bpf/ringbuf.rst) has that a perf ring
 * has not, for ring.c, by whose functions both are used.
 *
 *   page 0: consumer position, ours
 *   page 1: producer position, the kernel's, as is all that follows
 *   data, and the same again: no sample wraps (of which only the first page is mapped: it would
 *   all count as resident)
 *
 * A sample for which there is room already, but which is still being written, has its
 * busy bit set, and ends what can be read.
 */
#ifndef BPFPROBE_RINGBUF_H
#define BPFPROBE_RINGBUF_H

#include "capture/ring.h"

/* Maps it again at ring->fd, of ring->size bytes.  0 or -errno. */
int bpfprobe_ringbuf_remap(struct bpfprobe_ring *ring);

void bpfprobe_ringbuf_unmap(struct bpfprobe_ring *ring);

#endif
