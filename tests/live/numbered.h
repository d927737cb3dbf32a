/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbered packets: what the sender puts into a UDP payload, so that the
 * checker can rebuild every byte of it from (stream, number, size) alone.
 *
 *	0        4        8        12       16                     size
 *	| magic  | stream | number | size   | PRNG(stream, number) |
 *
 * All four words are big-endian; size is the length of the whole payload.
 */
#ifndef BPFPROBE_TESTS_NUMBERED_H
#define BPFPROBE_TESTS_NUMBERED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERED_MAGIC	 0x42504e31u /* "BPN1" */
#define NUMBERED_HDR	 16u
#define NUMBERED_MAX	 65507u /* the largest UDP payload over IPv4 */
#define NUMBERED_MTU_MAX 1472u	/* the largest one in a 1500-byte frame */

/* "512" is always 512 bytes, "mixed:60000" is a function of the number. */
struct numbered_sizes {
	uint32_t max;
	bool mixed;
};

/* splitmix64, the finaliser of Steele, Lea and Flood (2014). */
static inline uint64_t numbered_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static inline bool numbered_parse_sizes(struct numbered_sizes *out, const char *text)
{
	char *end;
	unsigned long max;

	out->mixed = strncmp(text, "mixed:", 6) == 0;
	if (out->mixed)
		text += 6;
	max = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || max < NUMBERED_HDR || max > NUMBERED_MAX)
		return false;
	out->max = (uint32_t)max;
	return true;
}

/* 15 of 16 mixed packets fit a 1500-byte frame, one is anything up to max. */
static inline uint32_t numbered_size(const struct numbered_sizes *s, uint32_t number)
{
	uint64_t h = numbered_mix(number);
	uint32_t max = s->max;

	if (!s->mixed)
		return max;
	if (h % 16 != 0 && max > NUMBERED_MTU_MAX)
		max = NUMBERED_MTU_MAX;
	return NUMBERED_HDR + (uint32_t)((h >> 8) % (max - NUMBERED_HDR + 1));
}

static inline void numbered_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline uint32_t numbered_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Writes the payload; size is at least NUMBERED_HDR. */
static inline void numbered_fill(uint8_t *p, uint32_t stream, uint32_t number, uint32_t size)
{
	uint64_t seed = numbered_mix((uint64_t)stream << 32 | number);
	uint32_t i, n;

	numbered_put32(p, NUMBERED_MAGIC);
	numbered_put32(p + 4, stream);
	numbered_put32(p + 8, number);
	numbered_put32(p + 12, size);
	for (i = NUMBERED_HDR; i < size; i += n) {
		uint64_t word = numbered_mix(seed + i);

		n = size - i < 8 ? size - i : 8;
		memcpy(p + i, &word, n);
	}
}

#endif /* BPFPROBE_TESTS_NUMBERED_H */
