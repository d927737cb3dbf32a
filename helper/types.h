/* SPDX-License-Identifier: BSD-3-Clause */
/* The types of the running kernel and of its modules: BTF. */
#ifndef BPFPROBE_TYPES_H
#define BPFPROBE_TYPES_H

#include <linux/types.h>
#include "helper/fail.h"

struct btf;
struct btf_type;

struct bpfprobe_types {
	struct btf *kernel;
	struct btf *module; /* the one in which something was found, or NULL */
	int module_fd;	    /* its descriptor; -1: none */
};

/* What is there before they are open, which may be closed as well. */
#define BPFPROBE_NO_TYPES                                                                          \
	(struct bpfprobe_types)                                                                    \
	{                                                                                          \
		.module_fd = -1                                                                    \
	}

/* One type that was found. */
struct bpfprobe_type {
	const struct btf *btf;
	const struct btf_type *type;
	__u32 id;
	int module_fd; /* of the module's BTF, which stays bpfprobe_types'; 0: the kernel's own */
};

/* Reads the kernel's BTF.  0, or -1 with *reply filled in: it has none. */
int bpfprobe_types_open(struct bpfprobe_types *types, struct bpfprobe_reply *reply);

/*
 * Looks for a type in the kernel, then in its modules. `kind` is BTF_KIND_...  1 if
 * it is found, else 0.  What was found before in another module is gone.
 */
int bpfprobe_types_find(
    struct bpfprobe_types *types, const char *name, __u32 kind, struct bpfprobe_type *type);

/* Calls visit for every function and every typedef of the kernel and its modules. */
void bpfprobe_types_walk(struct bpfprobe_types *types,
    void (*visit)(const struct bpfprobe_type *type, const char *name, void *context), void *context);

/*
 * Calls `each` for the kernel's own BTF, with module NULL, and for that of each module.
 * `first` is the first type that is not one of the kernel's.  From the files in
 * /sys/kernel/btf, which everybody may read; what cannot be read is passed over.  With
 * `word` only those modules in whose BTF it occurs: that spares taking them apart.
 */
void bpfprobe_types_each(const struct bpfprobe_types *types, const char *word,
    void (*each)(void *ctx, const char *module, const struct btf *btf, __u32 first), void *ctx);

/*
 * bpf_ktime_get_tai_ns() is there since 6.1: commit c8996c98f703 ("bpf: Add BPF-
 * helper for accessing CLOCK_TAI").  It follows a step of the wall clock at once.
 */
int bpfprobe_types_has_tai(const struct btf *kernel);

void bpfprobe_types_close(struct bpfprobe_types *types);

#endif
