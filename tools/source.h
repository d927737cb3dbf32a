/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One device of a capture: opened as libpcap's module opens it, with a link type, a
 * filter and a snapshot length of its own, and a packet after the other.
 */
#ifndef BPFPROBE_SOURCE_H
#define BPFPROBE_SOURCE_H

#include <stdint.h>
#include "capture/handle.h"
#include "helper/device.h"
#include "tools/stacks.h"

/* What the user asks for. */
struct bpfprobe_source_options {
	const char *device;
	const char *link_type; /* NULL: that of the device */
	const char *filter;    /* an expression; NULL: none */
	uint32_t snaplen;      /* bytes of a packet, link header included */
};

/* What holds for all of a capture. */
struct bpfprobe_source_wishes {
	uint32_t buffer_size; /* bytes of all rings; 0: the default */
	int optimize;	      /* the filter */
	uint32_t comments, json; /* sets of fields (fields.h) that are written, unless the device says */
};

/* The longest name of a probe, NUL included. */
#define BPFPROBE_PROBE_NAME_MAX (BPFPROBE_LABEL_MAX + 64)

struct bpfprobe_source {
	struct bpfprobe_source_options options;
	uint32_t comments, json; /* sets of fields that are written */
	unsigned int first; /* number of its first probe, among those of all sources */
	struct {
		char name[BPFPROBE_PROBE_NAME_MAX];
		uint64_t delivered; /* packets of it */
	} probes[BPFPROBE_PROBES_MAX];
	struct bpfprobe_handle handle;
	struct bpfprobe_stacks stacks;
	unsigned int *cpus;		/* of the rings; NULL: not known */
	struct bpfprobe_device device;	/* its name, taken apart */
	uint16_t linktype;		/* in files: LINKTYPE_* */
	unsigned int left_out;		/* of a pattern's targets those that refuse a probe */
	uint64_t start;			/* when the probes were attached, ns since 1970 */
	uint64_t lost;			/* packets that a probe could not write, as the last pass saw it ... */
	uint64_t told;			/* ... and as a packet behind them has told it */
	const struct bpfprobe_record *next; /* the packet at hand, that of packet(); NULL: none */
	const uint8_t *data;		/* its bytes */
	struct pcap_pkthdr h;		/* tv_usec has nanoseconds */
};

/* Now, ns since 1970. */
uint64_t bpfprobe_source_wall_clock(void);

/* Nothing is open yet: close() has nothing to do. */
void bpfprobe_source_init(struct bpfprobe_source *source);

/*
 * Opens what *options says, whose texts have to stay: its programs are loaded, with the
 * filter, and see no packets yet.  0, or -1 after one line on standard error.
 */
int bpfprobe_source_open(struct bpfprobe_source *source, const struct bpfprobe_source_options *options,
    const struct bpfprobe_source_wishes *wishes);

/*
 * Attaches the probes; a packet waits no longer than `timeout` ns to be read.  0, or -1
 * after one line on standard error.
 */
int bpfprobe_source_attach(struct bpfprobe_source *source, uint64_t timeout);

/*
 * Sets another filter while packets come; "": none.  0, or -1 with the old one in place and
 * the reason in errbuf (PCAP_ERRBUF_SIZE).
 */
int bpfprobe_source_filter(
    struct bpfprobe_source *source, const char *filter, int optimize, char *errbuf);

/*
 * Looks at the rings again; what next() gave before is no longer valid.  *limit is the wall
 * clock, in ns since 1970, up to which packets are released: it is lowered to what this source
 * has, or holds for the source, so that those of one capture stay in one order of time, but
 * for a ring that is half full.  Returns NULL, or why what is captured is no longer there.
 * What only the kernel knows of losses (bpfprobe_handle_stats()) is not in source->lost.
 */
const char *bpfprobe_source_pass(struct bpfprobe_source *source, uint64_t *limit);

/* Looks at them for the last time: next() gives all there is. */
void bpfprobe_source_last_pass(struct bpfprobe_source *source);

/* Goes to the next packet of this pass that is wanted: source->next, NULL if there is none. */
void bpfprobe_source_next(struct bpfprobe_source *source);

/* When the packet at hand came, ns since 1970. */
static inline uint64_t
bpfprobe_source_time(const struct bpfprobe_source *source)
{
	return (uint64_t)source->h.ts.tv_sec * 1000000000ULL + (uint64_t)source->h.ts.tv_usec;
}

/* Whether a probe of it is told where in the kernel it was reached from, or its stack; why a packet is dropped. */
int bpfprobe_source_has_locations(const struct bpfprobe_source *source);
int bpfprobe_source_has_reasons(const struct bpfprobe_source *source);

/* What is known of the packet at hand beside its record; NULL: nobody has asked for it. */
static inline const struct bpfprobe_meta *
bpfprobe_source_meta(const struct bpfprobe_source *source)
{
	return source->handle.item.meta;
}

/* The ring in which it was. */
static inline unsigned int
bpfprobe_source_ring(const struct bpfprobe_source *source)
{
	return source->handle.item.ring;
}

void bpfprobe_source_close(struct bpfprobe_source *source);

#endif
