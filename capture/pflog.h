/* SPDX-License-Identifier: BSD-3-Clause */
/* PFLOG's header of a record (bpf/pflog.h), for whom the kernel has not made it. */
#ifndef BPFPROBE_CAPTURE_PFLOG_H
#define BPFPROBE_CAPTURE_PFLOG_H

#include <sys/types.h>
#include <linux/types.h>
#include "bpf/pflog.h"
#include "capture/client.h"
#include "capture/hold.h"
#include "capture/names.h"

/*
 * Makes it for the record that next() gave last, of `item`, also for what other programs have written, of
 * which nothing else is known: BPFPROBE_PFLOG_HLEN bytes in front of `end`, which is aligned to 4.
 * `client` is asked for what `names` does not have yet.  Returns how many bytes of the packet it stands for.
 */
u_int bpfprobe_pflog_make(u_char *end, const struct bpfprobe_item *item, struct bpfprobe_names *names,
    struct bpfprobe_client *client);

#endif
