/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of a packet beside its bytes, as named fields: words of a comment, as they
 * stand in a device's name, or a line of JSON.
 *
 *   ifindex=2 dev=eth0 action=XDP_DROP elapsed=1200ns
 *   {"ifindex":2,"dev":"eth0","action":"XDP_DROP","elapsed":1200}
 */
#ifndef BPFPROBE_FIELDS_H
#define BPFPROBE_FIELDS_H

#include <stddef.h>
#include <stdint.h>
#include "capture/merge.h"
#include "helper/protocol.h"
#include "helper/reasons.h"
#include "helper/symbols.h"
#include "tools/pcapng.h"

/* Bytes of a comment or a line, NUL included: more than the longest names, all their bytes escaped. */
#define BPFPROBE_FIELDS_MAX 16384

#define BPFPROBE_CPU_UNKNOWN UINT32_MAX

/* Where the values are taken from. */
struct bpfprobe_facts {
	const char *device;
	const char *probe; /* its name */
	const char *ifname; /* of the interface, in our own network namespace; NULL: not known */
	const struct bpfprobe_label *label;
	const struct bpfprobe_record *rec;
	const struct bpfprobe_meta *meta; /* NULL: nobody has asked for it */
	const char *stack; /* lines (stacks.h); NULL: not known */
	const struct bpfprobe_returned *returned;
	const struct bpfprobe_pcapng_packet *packet;
	const struct bpfprobe_reasons *reasons;
	const struct bpfprobe_symbols *symbols;
	unsigned int cpu; /* BPFPROBE_CPU_UNKNOWN */
};

/* Sets of fields: bit i is the field i of the list. */
#define BPFPROBE_FIELDS_ALL UINT32_MAX

/* Those that a comment has of its own accord: what has no place elsewhere in a pcapng file. */
uint32_t bpfprobe_fields_of_comments(void);

/* Whether some of them are known only if the helper is asked for metadata (bpf/record.h). */
int bpfprobe_fields_need_meta(uint32_t set);

/* Whether some of them are addresses in the kernel; drop reasons. */
int bpfprobe_fields_need_symbols(uint32_t set);
int bpfprobe_fields_need_reasons(uint32_t set);

/*
 * The set of fields that are named in `text`, with commas or slashes in between.  0, or -1
 * after one line on standard error.
 */
int bpfprobe_fields_parse(const char *text, uint32_t *set);

/* Writes those of `set` that have a value; "" if none has. */
void bpfprobe_fields_comment(
    char buf[BPFPROBE_FIELDS_MAX], uint32_t set, const struct bpfprobe_facts *facts);

/* The same as an object of JSON with its end of line.  Returns its length. */
size_t bpfprobe_fields_json(
    char buf[BPFPROBE_FIELDS_MAX], uint32_t set, const struct bpfprobe_facts *facts);

#endif
