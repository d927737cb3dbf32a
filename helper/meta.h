/* SPDX-License-Identifier: BSD-3-Clause */
/* What a probe's program has to know to find metadata (bpf/record.h), and what of it the user may know. */
#ifndef BPFPROBE_META_H
#define BPFPROBE_META_H

#include "bpf/config.h"
#include "helper/attach.h"
#include "helper/policy.h"

/* Fills in that part of *config for a probe at `target`. */
void bpfprobe_meta_config(struct bpfprobe_config *config, const struct bpfprobe_target *target,
    const struct bpfprobe_policy *policy);

#endif
