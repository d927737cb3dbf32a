/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a filter in the kernel sees of a packet, and what stands between the
 * program that makes it and the function that the helper translates from cBPF
 * (helper/translate.h) and puts into that program (helper/splice.h).
 *
 * Offsets are those of the user: 0 is the first byte of the link header.
 *
 *   window:  [ link header, hdrlen bytes ][ packet ......... ]  avail bytes are valid
 *   packet, in memory:                    [ .................|..linear | frags ]
 *
 * A load that ends within the window is read there; any other by a call of the
 * program's own load function, which knows the whole packet.  With direct reads
 * (bpf_rdonly_cast(), kernel 6.17) the window holds the link header only: the
 * byte at offset o >= hdrlen stands at address base + o, as far as o < avail.
 *
 * An XDP program reads through pointers that the verifier knows to lead into the
 * packet.  There it is the same, but that base is where the packet begins behind its
 * header, and that each read has to be compared with `end` before.
 */
#ifndef BPFPROBE_VIEW_H
#define BPFPROBE_VIEW_H

#define BPFPROBE_WINDOW_MAX 112

struct bpfprobe_view {
	__u32 len;	/* bytes of the packet with its link header, all of them */
	__u32 limit;	/* bytes of it that a filter may look at: less with the len= option */
	__u32 avail;	/* offsets below this can be read from the window or from base */
	__u32 hdrlen;	/* bytes of the link header that are not the packet's own */
	__u32 linear;	/* offsets below this are in the linear part, or in the header */
	__u32 protocol; /* the ancillary data of a live capture, host byte order; see MARK_BESIDE */
	__u32 pkttype;
	__u32 ifindex;
	__u32 hatype;
	__u32 pad;
	__u64 base;	/* address of offset 0, if the header stood in front of the packet; of hdrlen in XDP */
	__u64 packet;	/* the program's own, as is the next: its way to the frags */
	__u64 data;
	union {
		__u8 before[24]; /* room for the program while it fills the window */
		__u64 end;	 /* in XDP: behind what base leads to */
	};
	__u8 window[BPFPROBE_WINDOW_MAX]; /* the window begins at 0 */
};

/*
 * The load function: __s64 load(struct bpfprobe_view *view, __u64 offset, __u64 size),
 * size 1, 2 or 4.  Gives the value in host byte order, or one of these.
 */
#define BPFPROBE_BEYOND -1    /* not within the packet's first limit bytes: such a load rejects the packet */
#define BPFPROBE_UNDECIDED -2 /* the kernel offers no way to these bytes: user space decides */

/*
 * The filter function: __s64 filter(struct bpfprobe_view *view).  Gives the number
 * of bytes wanted (0: rejected; up to 0xffffffff), or BPFPROBE_UNDECIDED.
 *
 * Immediates that the helper looks for and replaces in the loaded program
 * (splice.h): in a 64-bit "register = immediate" each.
 */
#define BPFPROBE_MARK_FILTER 0x2b9f0001	    /* first instruction of the filter function's stub */
#define BPFPROBE_MARK_GENERATION 0x2b9f0002 /* number of this filter, for the record */
#define BPFPROBE_MARK_DLT 0x2b9f0003	    /* link type of the handle (DLT_*) */
#define BPFPROBE_MARK_WINDOW 0x2b9f0004	    /* bytes that the filter wants in the window; 0: none */
#define BPFPROBE_MARK_CONSTANT 0x2b9f0005   /* 1: the verdict does not depend on the view */
/*
 * 0: the filter looks neither at ancillary data nor, of a header that is always
 * there, behind its first two bytes, the protocol.  Neither need be made then.
 */
#define BPFPROBE_MARK_BESIDE 0x2b9f0006
#define BPFPROBE_MARK_META 0x2b9f0007	    /* 1: records have metadata (record.h) */

/* What the helper replaces in a program that libbpf is about to load (core.h): calls of these numbers. */
#define BPFPROBE_CALL_RDONLY_CAST 0x2b9f0101
#define BPFPROBE_CALL_DYNPTR_FROM_SKB 0x2b9f0102

#endif
