/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libpcap says of a filter and a packet, where the contract of the translation
 * (helper/translate.h, bpf/view.h) says more than bpf_filter() does:
 *
 *   - scratch memory that nothing was written to is 0; there it is rubbish;
 *   - ancillary data are the view's; there they are beyond the packet;
 *   - after BPFPROBE_LOOPS_MAX backward jumps the packet is undecided; there a
 *     filter can run for ever.
 *
 * Hence bpf_filter() gets the filter so many times behind itself, backward jumps
 * leading into the next copy, behind instructions that clear the memory.
 */
#ifndef BPFPROBE_FUZZ_MODEL_H
#define BPFPROBE_FUZZ_MODEL_H

#include "tests/fuzz/trial.h"

struct model {
	unsigned int verdict;
	int loops;	    /* it jumps back too often: `verdict` means nothing */
	int returns;	    /* it comes to a return, no load or division rejects before */
	int returns_linear; /* the same, if the packet had its linear bytes only */
	int returns_avail;  /* the same, if it had only those that are read without a call */
};

/* Whether bpf_filter() can execute the filter: bpf_validate() lets pass what it aborts on. */
int model_has(const struct trial *trial);

/*
 * Runs it, `avail` bytes being there without a call.  For filters that it has, and
 * that bpf_validate() finds valid.
 */
void model_run(struct model *model, const struct trial *trial, unsigned int avail);

/* Whether a jump leads back. */
int model_jumps_back(const struct trial *trial);

#endif
