/* SPDX-License-Identifier: BSD-3-Clause */
/* The same programs as in copy.bpf.c, for packets that are followed. */
#define BPFPROBE_TRACK
#include "bpf/copy.bpf.c"
