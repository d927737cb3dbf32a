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
#include "tools/pcapng.h"

/* Bytes of a comment or a line, NUL included: more than the longest names, all their bytes escaped. */
#define BPFPROBE_FIELDS_MAX 8192

/* Where the values are taken from. */
struct bpfprobe_facts {
	const char *device;
	const char *probe; /* its name */
	const char *ifname; /* of the interface, in our own network namespace; NULL: not known */
	const struct bpfprobe_label *label;
	const struct bpfprobe_record *rec;
	const struct bpfprobe_returned *returned;
	const struct bpfprobe_pcapng_packet *packet;
};

/* Sets of fields: bit i is the field i of the list. */
#define BPFPROBE_FIELDS_ALL UINT32_MAX

/* Those that a comment has of its own accord: what has no place elsewhere in a pcapng file. */
uint32_t bpfprobe_fields_of_comments(void);

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
