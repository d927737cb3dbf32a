/* SPDX-License-Identifier: BSD-3-Clause */
/* The drop reasons of the running kernel, by the enums of its BTF, and how their names are abbreviated. */
#ifndef BPFPROBE_REASONS_H
#define BPFPROBE_REASONS_H

#include <stddef.h>
#include <linux/types.h>
#include "bpf/names.h"
#include "helper/types.h"

#define BPFPROBE_REASON_NAME_MAX 80 /* bytes of an enumerator's name, NUL included; longer ones are cut */

struct bpfprobe_reason {
	__u32 number;
	char name[BPFPROBE_REASON_NAME_MAX]; /* of the enumerator, as SKB_DROP_REASON_NETFILTER_DROP */
	char brief[BPFPROBE_NAME_LEN + 1];   /* NETFILTER_DROP; no other one has the same */
};

struct bpfprobe_reasons {
	struct bpfprobe_reason *items; /* by their numbers; free() it */
	size_t count;		       /* 0: this kernel gives no reasons (before 5.17) */
	size_t room;
};

/*
 * Reads the reasons of the kernel's core and, as far as their modules are loaded, of its
 * subsystems: of the enums whose name ends in "drop_reason".  0 or -ENOMEM.
 */
int bpfprobe_reasons_read(struct bpfprobe_reasons *reasons, const struct bpfprobe_types *types);

/*
 * Abbreviates a name to 15 characters, without _ in front, which no filter could name: of the
 * longest of the words that _ divides, or of the last one if several are, the last letter is
 * left out, until it fits.  Written to `brief`.
 */
void bpfprobe_reasons_shorten(const char *name, char brief[BPFPROBE_NAME_LEN + 1]);

/* The same for an enumerator, without SKB_DROP_REASON_ or SKB_; of other enums without _DROP. */
void bpfprobe_reasons_brief(const char *name, char brief[BPFPROBE_NAME_LEN + 1]);

/* Takes an enumerator; the first one of a number counts.  0 or -ENOMEM. */
int bpfprobe_reasons_add(struct bpfprobe_reasons *reasons, __u32 number, const char *name);

/*
 * When all are there: puts them in order, and where two abbreviations are the same, the
 * number of the second in place of its last letters.
 */
void bpfprobe_reasons_finish(struct bpfprobe_reasons *reasons);

#endif
