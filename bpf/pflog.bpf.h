/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PFLOG's header, where a filter looks at it.  What else is in the record is found only when
 * the packet is taken, but what the filter sees is what the user will see.
 */
#ifndef BPFPROBE_PFLOG_BPF_H
#define BPFPROBE_PFLOG_BPF_H

#include "bpf/kernel.bpf.h"
#include "bpf/pflog.h"
#include "bpf/view.h"
#include <bpf/bpf_helpers.h>

/* The helper makes it, fills it in and closes it (helper/names.c). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BPFPROBE_NAMES_COUNT);
	__type(key, __u32);
	__type(value, struct bpfprobe_name16);
} bpfprobe_names SEC(".maps");

struct data;

/* What the header is made of (meta.bpf.h). */
static __always_inline void find_seen(
    const struct data *data, const struct bpfprobe_record *rec, struct bpfprobe_seen *seen);

/*
 * At the beginning of the window, whose following bytes it uses too; `beside`: the filter looks
 * beyond the address family.  0, or BPFPROBE_UNDECIDED.
 */
static __always_inline int make_pflog(struct bpfprobe_view *view, const struct data *data,
    const struct bpfprobe_record *rec, __u8 af, __u64 beside)
{
	struct bpfprobe_pflog *hdr = (struct bpfprobe_pflog *)view->window;
	struct bpfprobe_seen *seen = (struct bpfprobe_seen *)(hdr + 1);
	const struct bpfprobe_name16 *name;
	__u32 index;

	__builtin_memset(hdr, 0, sizeof(*hdr));
	bpfprobe_pflog_begin(hdr, af);
	if (!beside)
		return 0;
	find_seen(data, rec, seen);
	index = seen->name;
	name = bpf_map_lookup_elem(&bpfprobe_names, &index);
	if (!name)
		return BPFPROBE_UNDECIDED;
	bpfprobe_pflog_finish(hdr, rec, seen, name);
	return 0;
}

#endif
