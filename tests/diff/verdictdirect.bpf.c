/* SPDX-License-Identifier: BSD-3-Clause */
/* The same for kernels that let programs read a packet where it is. */
#define BPFPROBE_DIRECT
/* libbpf alone loads them. */
#define BPFPROBE_KSYM
#include "tests/diff/verdict.bpf.c"
