/* SPDX-License-Identifier: BSD-3-Clause */
/* All targets of the running kernel that have a packet. */
#ifndef BPFPROBE_TARGETS_H
#define BPFPROBE_TARGETS_H

#include <stddef.h>
#include "helper/fail.h"

/* In the order of the list. */
enum bpfprobe_listed_kind {
	BPFPROBE_LISTED_ALIAS,
	BPFPROBE_LISTED_TP,	  /* can be opened as tp/ and rawtp/ */
	BPFPROBE_LISTED_FUNCTION, /* by fentry or kprobe */
};

struct bpfprobe_listed {
	enum bpfprobe_listed_kind kind;
	char *name;	 /* with ":argN.skb" behind it where that has to be said */
	char *prototype; /* types of the arguments; of an alias, what it stands for */
	char *module;	 /* "": the kernel itself */
};

struct bpfprobe_list {
	struct bpfprobe_listed *items; /* sorted, no two the same */
	size_t count;
	size_t room;
};

/* "alias" and so on. */
const char *bpfprobe_listed_kind(enum bpfprobe_listed_kind kind);

/*
 * Lists the targets that match `glob` with their name or with kind/name; NULL: all.
 * 0, or -1 with *reply filled in.
 */
int bpfprobe_list_read(struct bpfprobe_list *list, const char *glob, struct bpfprobe_reply *reply);

void bpfprobe_list_free(struct bpfprobe_list *list);

#endif
