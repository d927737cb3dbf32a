/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the function that the translator makes, as the kernel would: only what the
 * verifier allows, so that a read beside the view or of a register that nothing
 * was written to ends the test.
 */
#ifndef BPFPROBE_TESTS_EBPF_H
#define BPFPROBE_TESTS_EBPF_H

#include <stdint.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include "bpf/view.h"

/* A packet and what a program in the kernel would have made of it. */
struct ebpf_packet {
	struct bpfprobe_view view;
	const uint8_t *bytes; /* all of it, with its link header */
	unsigned int readable; /* the load function reaches so many, then it is undecided */
	int splits;	       /* it is also where a load begins in the header and ends behind it */
	unsigned int calls;    /* of the load function */
	unsigned int looks;    /* reads of the view, these calls among them */
	uint64_t end;	       /* what no pointer may be read beyond; 0: there is no such */
	uint64_t undecided;    /* the end of the load that it was undecided on; 0: of none */
};

/*
 * The window holds `window` bytes, those from `avail` on are rubbish; with direct
 * reads, only the link header of `hdrlen` bytes, and base is where `bytes` is.
 */
void ebpf_packet(struct ebpf_packet *packet, const uint8_t *bytes, unsigned int len,
    unsigned int hdrlen, unsigned int window, unsigned int avail);

/* As XDP programs have it, where all reads have to end at `end` or before: base is behind the header. */
void ebpf_packet_pointers(struct ebpf_packet *packet, unsigned int end);

/*
 * What the verifier would refuse whatever the packet: a jump back or out of the
 * function, an instruction that cannot be reached, an end that is none, too many of
 * them.  Returns what it is, and where in *at; NULL: nothing.
 */
const char *ebpf_flaw(const struct bpf_insn *insns, unsigned int count, unsigned int *at);

/* Returns r0; fails the test if the function does what is not allowed. */
int64_t ebpf_run(const struct bpf_insn *insns, unsigned int count, struct ebpf_packet *packet);

#endif
