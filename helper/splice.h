/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts a translated filter into a program that libbpf has loaded with a stub in the
 * filter's place, so that the result can be loaded with bpf_prog_load().
 */
#ifndef BPFPROBE_SPLICE_H
#define BPFPROBE_SPLICE_H

#include <stddef.h>
#include <linux/bpf.h>
#include "helper/translate.h"

/* Values for the marks of bpf/view.h. */
struct bpfprobe_marks {
	unsigned int generation;
	unsigned int dlt;
	unsigned int meta;
};

/*
 * `program` is what bpf_program__insns() gives after bpf_object__load(): relocated,
 * its functions behind each other.  The function that begins with
 * BPFPROBE_MARK_FILTER is replaced, wherever it stands, and calls across it are
 * corrected; the stub calls the load function, which is how that is found.
 * Returns the new program (free() it) and its length in *spliced, or NULL with
 * errno ENOMEM, or EINVAL: the program has not what is described here.
 */
struct bpf_insn *bpfprobe_splice(const struct bpf_insn *program, size_t count,
    const struct bpfprobe_translation *translation, const struct bpfprobe_marks *marks,
    size_t *spliced);

#endif
