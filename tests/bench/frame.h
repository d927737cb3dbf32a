/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What flood sends, whichever way: Ethernet, IPv4, UDP to port 9; of more than one segment
 * TCP. Which of several processes has sent it, and which of its frames it is, stands at the
 * same place in all of them, so that a reader finds out by itself what it has missed.
 */
#ifndef BPFPROBE_BENCH_FRAME_H
#define BPFPROBE_BENCH_FRAME_H

#include <stdint.h>
#include <string.h>

#define FRAME_ETH 14
#define FRAME_MIN 60
#define FRAME_MTU 1514 /* above it: several segments */
#define FRAME_MAX 60014
#define FRAME_STREAMS 8
#define FRAME_PORT 9	   /* the source port of stream 0; the destination port of all */
#define FRAME_PORT_AT 20   /* behind the beginning of IPv4 */
#define FRAME_NUMBER_AT 28 /* behind UDP's header; in TCP's it is a number that nobody reads */

static inline void frame_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/*
 * What a reader has seen: `wrong` ones come twice, out of order, or are none of flood's.
 * `again`: each comes by several places; then only those that are none of flood's are wrong.
 */
struct seen {
	uint64_t packets, wrong;
	uint32_t next[FRAME_STREAMS];
	int again;
};

/* ip: where IPv4 begins, length: how many bytes are there. */
static inline void seen_add(struct seen *seen, const uint8_t *ip, uint32_t length)
{
	uint32_t stream, number;

	seen->packets++;
	if (length < FRAME_NUMBER_AT + 4) {
		seen->wrong++;
		return;
	}
	stream = (uint32_t)(ip[FRAME_PORT_AT] << 8 | ip[FRAME_PORT_AT + 1]) - FRAME_PORT;
	memcpy(&number, ip + FRAME_NUMBER_AT, sizeof(number));
	number = __builtin_bswap32(number);
	if (stream >= FRAME_STREAMS || (number < seen->next[stream] && !seen->again)) {
		seen->wrong++;
		return;
	}
	seen->next[stream] = number + 1;
}

#endif
