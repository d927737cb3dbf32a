/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the kernel maps the pages of a packet's fragments, which a program has to
 * know where it gets no dynptr of the packet.
 */
#ifndef BPFPROBE_PAGEMAP_H
#define BPFPROBE_PAGEMAP_H

#include "bpf/config.h"

/*
 * Reads it from the program headers of `path`, /proc/kcore (see proc_kcore(5)), which
 * list every range of memory and, right behind it, the array of struct page that
 * describes it (fs/proc/kcore.c, get_sparsemem_vmemmap_info()).  `page_struct` and
 * `page_size` are in bytes.  All members of *map are 0 if the ranges do not fit
 * together: filters then leave bytes in fragments to user space.
 */
void bpfprobe_pagemap_read(struct bpfprobe_pagemap *map, const char *path,
    unsigned int page_struct, unsigned int page_size);

#endif
