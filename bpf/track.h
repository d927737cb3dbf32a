/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that are followed from probe to probe (track option): a map with two entries for
 * each, under the address of its struct sk_buff and that of its bytes (skb->head), each with the
 * other one in it.  A struct that has other bytes is another packet, unless they were seen to
 * move; of a clone the bytes lead to the packet.  Compiled for both sides.
 */
#ifndef BPFPROBE_TRACK_H
#define BPFPROBE_TRACK_H

struct bpfprobe_tracked {
	__u64 key;	  /* its own: the kernel may give the entry to another one while it is read */
	__u64 id;
	__u64 other;	  /* the other key; 0: the kernel is just giving it other bytes */
	__u32 seen;	  /* when a probe saw it, or a copy was made of it: BPFPROBE_TRACK_CLOCK() */
	__u32 generation; /* of the filter that it needs not pass again; 0: it is asked at each probe */
};

#define BPFPROBE_TRACK_PACKETS 16384   /* at once, unless the user says how many */
#define BPFPROBE_TRACK_PACKETS_MAX 65536
#define BPFPROBE_TRACK_ENTRIES 2       /* of a packet that is no clone */

/* Of ns of CLOCK_MONOTONIC: about 1 ms, and all over again after 52 days. */
#define BPFPROBE_TRACK_CLOCK(ns) ((__u32)((ns) >> 20))

/*
 * What no probe has seen for so long, 12.5 s, is another packet: an address may be given away unseen.
 * When it was seen is written again after a fifth of that, so that it is 10 s at least.
 */
#define BPFPROBE_TRACK_AGE 11921U
#define BPFPROBE_TRACK_RENEWED (BPFPROBE_TRACK_AGE / 5)

#endif
