/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes of a packet behind its linear part.  Two ways, of which a kernel has one or
 * none: a dynptr of the packet, which also walks a list of fragments (6.12 for
 * tracepoints: commit 8aeaed21befc), and the address at which the kernel maps the
 * page of a fragment.  Without either user space decides.
 */
#ifndef BPFPROBE_FRAGS_BPF_H
#define BPFPROBE_FRAGS_BPF_H

#include "bpf/memory.bpf.h"
#include "bpf/view.h"

#if defined(BPFPROBE_DIRECT) && !defined(BPFPROBE_UNTRUSTED)

/* Where read_beyond() begins: the packet itself, which the verifier has to know for one. */
static __always_inline __u64 way_to_frags(struct sk_buff *skb)
{
	return (__u64)skb;
}

/* Writes `size` bytes from `offset` of the view, 1, 2 or 4.  0 or less. */
static __always_inline long read_beyond(
    const struct bpfprobe_view *view, __u8 *bytes, __u64 offset, __u64 size)
{
	struct bpf_dynptr dynptr;

	if (bpf_dynptr_from_skb((struct __sk_buff *)view->packet, 0, &dynptr) < 0)
		return -1;
	return bpf_dynptr_read(bytes, size, &dynptr, offset - view->data, 0);
}

#else

#define FRAGS_MAX 17 /* MAX_SKB_FRAGS as a rule; what lies beyond is undecided */

static __always_inline __u64 way_to_frags(struct sk_buff *skb)
{
	return (__u64)GET(skb, head) + GET(skb, end);
}

/* Where the kernel maps the page of a fragment; 0: unknown. */
static __always_inline __u64 address_of_frag(const struct frag *frag)
{
	if (!config.pagemap.pages || frag->page & 1)
		return 0;
	return (frag->page - config.pagemap.pages) / config.pagemap.page_struct * config.pagemap.page_size +
	       config.pagemap.memory + frag->offset;
}

/*
 * The address of `size` bytes that begin `offset` bytes behind the linear part; 0:
 * unknown.  On the stack there is no room for more than the one struct.
 */
static __always_inline __u64 find_in_frags(__u64 shared, __u64 offset, __u64 size)
{
	__u64 at = shared + bpf_core_field_offset(struct skb_shared_info, frags), end;
	struct frag frag = {};
	int i;

	bpf_probe_read_kernel(&frag.page, 1,
	    (void *)(shared + bpf_core_field_offset(struct skb_shared_info, nr_frags)));
	end = at + frag.page * sizeof(frag);
	for (i = 0; i < FRAGS_MAX; i++) {
		if (at >= end)
			return 0;
		bpf_probe_read_kernel(&frag, sizeof(frag), (void *)at);
		at += sizeof(frag);
		if (offset < frag.len)
			break;
		offset -= frag.len;
	}
	if (i == FRAGS_MAX || offset + size > frag.len)
		return 0;
	at = address_of_frag(&frag);
	return at ? at + offset : 0;
}

static __always_inline long read_beyond(
    const struct bpfprobe_view *view, __u8 *bytes, __u64 offset, __u64 size)
{
	__u64 from;

	if (!config.pagemap.pages || offset < view->linear)
		return -1;
	from = find_in_frags(view->packet, offset - view->linear, size);
	return from ? bpf_probe_read_kernel(bytes, 4, (void *)from) : -1;
}

#endif

#endif
