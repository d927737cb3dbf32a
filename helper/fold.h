/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prepares a filter for PFLOG.  libpcap takes the length of that header out of its first byte,
 * each time, so that all of its loads are at an offset that is computed.  Here it is known:
 *
 *   ldb [0]; add #3; and #0xfffffffc; st M[0]      A = 64, M[0] = 64
 *   ldx M[0]; ldb [x + 9]                          ldb [73]
 *   ldb [x + 0]; and #0xf; lsh #2; add x; tax      X = 64 and the IP header's length
 *   ldh [x + 2]                                    the same, with X 64 less: ldh [x + 66]
 *
 * Pure.
 */
#ifndef BPFPROBE_FOLD_H
#define BPFPROBE_FOLD_H

#include <linux/filter.h>

/*
 * A copy of the filter, which is as long and decides the same of every packet whose first
 * byte is `first`; free() it.  NULL: no memory.  What is not valid, or jumps back, stays as it is.
 */
struct sock_filter *bpfprobe_fold(const struct sock_filter *filter, unsigned int count, unsigned int first);

#endif
