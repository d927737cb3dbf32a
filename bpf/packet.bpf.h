/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a filter in an XDP program sees of a packet (view.h): the pointers into it that
 * the verifier knows for such, each read compared with the end of its linear part.
 * Nothing is copied but what the link header is made of, and no other memory is read.
 */
#ifndef BPFPROBE_PACKET_BPF_H
#define BPFPROBE_PACKET_BPF_H

#include <bpf/bpf_endian.h>

/* The verifier forgets a packet whose pointer it has let grow beyond 0xffff. */
#define PACKET_OFFSET_MAX 0xff00

static __always_inline __u64 linear_length(struct xdp_md *xdp)
{
	__u64 length = (long)xdp->data_end - (long)xdp->data;

	asm volatile("" : "+r"(length));
	return length;
}

/* How long the link header is: the translated filter has been told, too (helper/session.c). */
static __always_inline __u32 header_length(void)
{
	return bpfprobe_link_untagged(config.asis ? -1 : (int)MARK(DLT), bpfprobe_is_ethernet(config.arphrd));
}

/* Words of the window that hold the longest header; behind a shorter one another word is filled in. */
#define HEADER_WORDS (BPFPROBE_PFLOG_HLEN / 8)

/*
 * Of the header, at an offset that the verifier does not know: out of the words of
 * the window that it is in.
 */
static __always_inline __s64 load_header(const struct bpfprobe_view *view, __u64 offset, __u64 size)
{
	const __u64 *words = (const __u64 *)view->window;
	__u64 first = words[0], next = words[1], bits = offset % 8 * 8;
	int i;

#pragma unroll
	for (i = 1; i < HEADER_WORDS; i++) {
		if (offset < i * sizeof(*words))
			break;
		first = words[i];
		next = i + 1 < HEADER_WORDS ? words[i + 1] : 0;
	}
	first = bpf_be64_to_cpu(first) << bits | bpf_be64_to_cpu(next) >> 1 >> (63 - bits);
	return first >> (64 - 8 * size);
}

static __always_inline __s64 number_of(const __u8 *bytes, __u64 size)
{
	if (size == 1)
		return bytes[0];
	if (size == 2)
		return bpfprobe_get16(bytes);
	return (__u64)bpfprobe_get16(bytes) << 16 | bpfprobe_get16(bytes + 2);
}

/* Through a pointer; no further than the verifier lets one lead. */
static __always_inline __s64 load_near(const struct bpfprobe_view *view, __u64 at, __u64 size)
{
	const __u8 *bytes = (const __u8 *)view->base;

	if (at > PACKET_OFFSET_MAX)
		return BPFPROBE_UNDECIDED;
	bytes += at;
	if (bytes + size > (const __u8 *)view->end)
		return BPFPROBE_UNDECIDED;
	return number_of(bytes, size);
}

/*
 * See view.h.  Since 5.18 by the kernel, in whatever part of the packet: for that the
 * verifier need not know the offset, and so does not follow each value of X on its own.
 */
static __attribute__((noinline, used)) __s64 bpfprobe_load(
    struct bpfprobe_view *view, __u64 offset, __u64 size)
{
	__u64 hdrlen = header_length();
	__u8 bytes[4];

	if (offset + size > view->limit)
		return BPFPROBE_BEYOND;
	if (offset + size <= hdrlen)
		return load_header(view, offset, size);
	if (offset < hdrlen)
		return BPFPROBE_UNDECIDED;
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_xdp_load_bytes))
		return load_near(view, offset - hdrlen, size);
	if (bpf_xdp_load_bytes((struct xdp_md *)view->packet, offset - view->data, bytes, size) < 0)
		return BPFPROBE_UNDECIDED;
	return number_of(bytes, size);
}

/*
 * The packet's first bytes, in a place from which a number of them can be taken without
 * more ado.  How many there are is nothing for the verifier to remember: it would go
 * through all that follows once for each length.
 */
static __always_inline void copy_head(__u8 *head, const struct xdp_md *xdp)
{
	const __u8 *pkt = (const __u8 *)(long)xdp->data, *end = (const __u8 *)(long)xdp->data_end;
	int i;

	if (pkt + LINK_BYTES <= end) {
		__builtin_memcpy(head, pkt, LINK_BYTES);
	} else {
		__builtin_memset(head, 0, LINK_BYTES);
#pragma unroll
		for (i = 0; i < LINK_BYTES; i++) {
			if (pkt + i + 1 > end)
				break;
			head[i] = pkt[i];
		}
	}
	make_opaque(head, LINK_BYTES / 4);
	/* What is taken of the context from here on are new pointers. */
	asm volatile("" : : : "memory");
}

#endif
