/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the bytes of the fuzzer mean: a filter, a packet, and what a program in the
 * kernel has of that packet.  Any bytes mean something.
 *
 *   input = 18 bytes (struct choice) *(8 bytes: an instruction) *(byte of the packet)
 *
 * A short input begins a random sequence that stands for the instructions it lacks.
 */
#ifndef BPFPROBE_FUZZ_TRIAL_H
#define BPFPROBE_FUZZ_TRIAL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include <linux/filter.h>
#include "bpf/view.h"
#include "helper/protocol.h"

#define TRIAL_PACKET_MAX 255
/* More than the translator takes. */
#define TRIAL_FILTER_MAX (BPFPROBE_FILTER_MAX + 4)
/* The longest link header that a probe makes room for. */
#define TRIAL_HEADER_MAX 32

struct trial {
	struct sock_filter *filter; /* on the heap, not a byte more */
	unsigned int count;
	uint8_t *bytes; /* the packet with its link header, the same */
	unsigned int len;
	unsigned int reads;		     /* enum bpfprobe_reads */
	unsigned int hdrlen_min, hdrlen_max; /* as bpfprobe_translate() takes them */
	unsigned int short_of;		     /* avail is so much less than it could be */
	int splits;			     /* see struct ebpf_packet */
	struct bpfprobe_view view;	     /* but for avail, base and window */
};

/* What the four kinds of ancillary data that a probe has are in the view. */
int trial_ancillary(const struct trial *trial, const struct sock_filter *insn, unsigned int *value);

/* -1: no memory. */
int trial_make(struct trial *trial, const uint8_t *data, size_t size);
void trial_free(struct trial *trial);

/* All of it, for who has to look into a failure. */
void trial_print(const struct trial *trial);

/* The code of the instruction is one of those that libpcap's bpf_filter() has. */
int trial_is_known(const struct sock_filter *insn);

#endif
