/* SPDX-License-Identifier: BSD-3-Clause */
/* What verdict.bpf.c and diff.c share: one packet's question and answer. */
#ifndef BPFPROBE_TESTS_VERDICT_H
#define BPFPROBE_TESTS_VERDICT_H

#include "bpf/record.h"

struct verdict {
	struct bpfprobe_record rec; /* what the probe knows */
	struct bpfprobe_seen seen;  /* and, for PFLOG's header */
	__u32 skip;		    /* the packet begins so many bytes behind skb->data */
	__u32 linear;		    /* so many of its bytes are linear */
	__u32 pad;
	__s64 verdict; /* the answer: of decide() */
};

#endif
