/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a pcapng file (IETF draft-ietf-opsawg-pcapng), in the host's byte order:
 *
 *   block:   type, length, body, length               all multiples of 4 bytes
 *   option:  code (16 bits), length (16 bits), value, padded to 4 bytes
 *
 * Blocks are put together in memory and written when there is no room, or by flush().
 * Whatever goes wrong, a file ends with a whole block.  After a failure the rest is
 * accepted and not written.  Times are ns since 1970.
 */
#ifndef BPFPROBE_PCAPNG_H
#define BPFPROBE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

struct bpfprobe_pcapng {
	int fd;		  /* the owner's */
	uint8_t *buffer;  /* whole blocks, and the one that is being made */
	size_t used;	  /* bytes of it */
	size_t block;	  /* where the last block begins */
	uint64_t pending; /* packets that are in the buffer ... */
	uint64_t packets; /* ... and that have been written */
	int err;	  /* errno of the first failure; 0: none */
};

struct bpfprobe_pcapng_interface {
	uint16_t linktype; /* LINKTYPE_*, which for some is not DLT_* */
	uint32_t snaplen;
	const char *name;
	const char *description;
	const char *filter; /* expression; NULL: none */
};

enum bpfprobe_pcapng_direction {
	BPFPROBE_PCAPNG_INBOUND = 1,
	BPFPROBE_PCAPNG_OUTBOUND = 2,
};

enum bpfprobe_pcapng_verdict {
	BPFPROBE_PCAPNG_NO_VERDICT = 0,
	BPFPROBE_PCAPNG_TC = 1,	 /* eBPF: TC_ACT_* */
	BPFPROBE_PCAPNG_XDP = 2, /* eBPF: XDP_* */
};

struct bpfprobe_pcapng_packet {
	uint32_t interface; /* number, in the order in which they were written */
	uint64_t time;
	uint32_t caplen;
	uint32_t len;
	const uint8_t *data;
	enum bpfprobe_pcapng_direction direction;
	uint64_t dropped; /* packets that were lost before this one, and after those in front of it */
	int has_id;
	uint64_t id; /* the same in all blocks of one packet */
	int has_queue;
	uint32_t queue;
	enum bpfprobe_pcapng_verdict verdict_of;
	int64_t verdict;
	const char *comment; /* "": none */
};

struct bpfprobe_pcapng_statistics {
	uint32_t interface;
	uint64_t start, end;
	uint64_t delivered; /* packets of this interface in the file */
	int has_counts;	    /* the next two are known for it */
	uint64_t received, dropped;
	const char *comment; /* "": none */
};

/* Writes to `fd`, which stays the caller's.  0 or -errno. */
int bpfprobe_pcapng_open(struct bpfprobe_pcapng *out, int fd);

/* Frees the buffer, without writing it. */
void bpfprobe_pcapng_close(struct bpfprobe_pcapng *out);

/* The blocks: one section first, then all interfaces. */
void bpfprobe_pcapng_section(struct bpfprobe_pcapng *out, const char *application, const char *os);
void bpfprobe_pcapng_interface(
    struct bpfprobe_pcapng *out, const struct bpfprobe_pcapng_interface *interface);
void bpfprobe_pcapng_packet(struct bpfprobe_pcapng *out, const struct bpfprobe_pcapng_packet *packet);
void bpfprobe_pcapng_statistics(
    struct bpfprobe_pcapng *out, const struct bpfprobe_pcapng_statistics *statistics);

/* Writes what is in the buffer.  0 or -errno, also that of an earlier failure. */
int bpfprobe_pcapng_flush(struct bpfprobe_pcapng *out);

#endif
