/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same programs as in tpdirect.bpf.c, for functions: what these are given is not
 * trusted by the verifier, and without that it makes no dynptr of it.
 */
#define BPFPROBE_DIRECT
#define BPFPROBE_UNTRUSTED
#include "bpf/tp.bpf.c"
