/* SPDX-License-Identifier: BSD-3-Clause */
/* PFLOG's header of a record (bpf/pflog.h), for whom the kernel has not made it. */
#ifndef BPFPROBE_CAPTURE_PFLOG_H
#define BPFPROBE_CAPTURE_PFLOG_H

#include "capture/handle.h"
#include "bpf/pflog.h"

/*
 * Makes it for the record that next() gave last, also for what other programs have written, of which
 * nothing else is known: BPFPROBE_PFLOG_HLEN bytes in front of `end`, which is aligned to 4.  Returns
 * how many bytes of the packet it stands for.
 */
u_int bpfprobe_pflog_make(struct bpfprobe_handle *handle, const struct bpfprobe_record *rec, u_char *end);

#endif
