/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libpcap's compiler and interpreter, for tests that include the kernel's BPF
 * headers: both have a struct bpf_insn, and not the same.
 */
#ifndef BPFPROBE_TESTS_REFERENCE_H
#define BPFPROBE_TESTS_REFERENCE_H

/* Filters are arrays of struct sock_filter, which is libpcap's struct bpf_insn. */

/* pcap_compile(); returns the number of instructions, 0 if libpcap refuses the text. */
unsigned int reference_compile(
    int dlt, const char *text, int optimize, void *filter, unsigned int max);

/* bpf_filter() over a packet that is there whole. */
unsigned int reference_run(const void *filter, const unsigned char *bytes, unsigned int len);

/* The same, of a packet of `len` bytes of which the first `there` can be looked at. */
unsigned int reference_run_part(
    const void *filter, const unsigned char *bytes, unsigned int len, unsigned int there);

/* bpf_validate() */
int reference_is_valid(const void *filter, unsigned int count);

/* Instruction `at` of the filter as tcpdump -d shows it; good until the next call. */
const char *reference_text(const void *filter, unsigned int at);

#endif
