/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers the frames of flood -x, and sends them. */
#include "bpf/kernel.bpf.h"
#include <bpf/bpf_helpers.h>

#define XDP_ABORTED 0
#define NUMBER_AT 42 /* tests/bench/frame.h */

const volatile __s32 ifindex;
__u32 number;

SEC("xdp")
int send_live(struct xdp_md *xdp)
{
	__u8 *data = (__u8 *)(__u64)xdp->data;

	if (data + NUMBER_AT + 4 > (__u8 *)(__u64)xdp->data_end)
		return XDP_ABORTED;
	*(__u32 *)(data + NUMBER_AT) = __builtin_bswap32(number);
	number++;
	return (int)bpf_redirect(ifindex, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
