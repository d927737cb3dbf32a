/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a struct that a BPF program's author has compiled is the one of include/bpf_pcap.h. */
#ifndef BPFPROBE_LAYOUT_H
#define BPFPROBE_LAYOUT_H

#include <stddef.h>
#include <linux/types.h>

struct btf;

#define BPFPROBE_LAYOUT_STRUCT "bpf_pcap_hdr"

/* The number of the type of that name in `btf`; 0: it has none. */
__u32 bpfprobe_layout_find(const struct btf *btf);

/*
 * Compares type `id` with struct bpf_pcap_hdr: its name, and names, places and sizes of its
 * members.  Returns 0, or -1 and in `why` what the first difference is, as in "its
 * \"tot_len\" is at byte 28, not 24".
 */
int bpfprobe_layout_check(const struct btf *btf, __u32 id, char *why, size_t len);

#endif
