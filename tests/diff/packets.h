/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets for the comparison of verdicts. */
#ifndef BPFPROBE_TESTS_PACKETS_H
#define BPFPROBE_TESTS_PACKETS_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 512

/* Ethernet frames, at least 14 bytes each. */
struct frame {
	uint8_t bytes[PACKET_MAX];
	unsigned int len;
	const char *what;
};

/*
 * Fills in at most `max` frames: one for each protocol and encapsulation that
 * pcap-filter(7) knows, each whole and cut at `cuts` places, and some of random
 * bytes.  Returns how many.
 */
unsigned int make_frames(struct frame *frames, unsigned int max, unsigned int cuts);

#endif
