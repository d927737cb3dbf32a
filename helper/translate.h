/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translates a pcap filter, classic BPF over the bytes that the user sees, into the
 * eBPF instructions of one function, whose contract bpf/view.h describes.  Pure: no
 * system call, no kernel.
 *
 * The verdict is that of libpcap's bpf_filter(): registers of 32 bits; a load beyond
 * the packet and a division by zero reject; X + k does not wrap.  Loads of ancillary
 * data (SKF_AD_*) that libpcap makes for live captures read the view's fields.
 *
 * A backward jump, which only "protochain" makes, leads into a copy of the program:
 * after BPFPROBE_LOOPS_MAX of them the packet is undecided.
 */
#ifndef BPFPROBE_TRANSLATE_H
#define BPFPROBE_TRANSLATE_H

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include "helper/protocol.h"

#define BPFPROBE_LOOPS_MAX 8	 /* backward jumps that a packet may take */

/* What the kernel lets a program do, found by trying; ORed. */
enum bpfprobe_reads {
	/* Reads of the stack at an offset known at run time: commit 01f810ace9ed (5.12). */
	BPFPROBE_READS_VARIABLE = 1,
	/* Reads of any memory through bpf_rdonly_cast(ptr, 0) (6.17); then no window but the header. */
	BPFPROBE_READS_DIRECT = 2,
	/* Reads through pointers into the packet, of XDP programs; no window but the header, either. */
	BPFPROBE_READS_PACKET = 4,
};

struct bpfprobe_translation {
	struct bpf_insn *insns; /* the function; free() it */
	unsigned int count;
	unsigned int window;	/* bytes from offset 0 that it wants in the window, <= BPFPROBE_WINDOW_MAX */
	unsigned int constant;	/* 1: it does not look at the view */
	unsigned int beside;	/* see BPFPROBE_MARK_BESIDE */
};

/*
 * In .insns a call of the load function is BPF_JMP | BPF_CALL with src_reg
 * BPF_PSEUDO_CALL and this as imm, which bpfprobe_splice() replaces.
 */
#define BPFPROBE_CALL_LOAD -1

/*
 * Translates `count` instructions.  `hdrlen_min` and `hdrlen_max` bound the view's
 * hdrlen for the link type in question, which saves checks with direct reads; with
 * BPFPROBE_READS_PACKET they have to be the same.
 * Returns 0, or -1 and in `why` (of `size` bytes) one line: not a valid filter, or
 * one that cannot be translated, which user space then has to run.
 */
int bpfprobe_translate(struct bpfprobe_translation *translation, const struct sock_filter *filter,
    unsigned int count, unsigned int reads, unsigned int hdrlen_min, unsigned int hdrlen_max,
    char *why, size_t size);

#endif
