/* SPDX-License-Identifier: BSD-3-Clause */
/* The same programs for kernels that let them read a packet where it is. */
#define BPFPROBE_DIRECT
#include "bpf/tp.bpf.c"
