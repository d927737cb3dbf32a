/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The least that a program can do that gives packets to user space, at tracepoints such as that
 * of the probe "tx", and at XDP: two words and the packet, by the helpers made for it.
 */
#include "bpf/kernel.bpf.h"
#include <bpf/bpf_helpers.h>

#define BPF_MAP_TYPE_PERCPU_ARRAY 6 /* linux/bpf.h */
#define HEAD 64

const volatile __s32 ifindex;
const volatile __s32 ifindex2; /* 0: there is none */
const volatile __u32 snaplen;  /* 0: a program that does nothing */
const volatile __u32 port80;   /* only TCP packets to port 80 */

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

struct head {
	__u32 len;
	__u32 caplen;
};

static __always_inline __u64 fill(struct head *head, __u64 len)
{
	head->len = len;
	head->caplen = len < snaplen ? len : snaplen;
	return (__u64)head->caplen << BPF_SKB_OUTPUT_LEN_SHIFT | BPF_F_CURRENT_CPU;
}

static __always_inline void count_lost(void)
{
	__u32 zero = 0;
	__u64 *value = bpf_map_lookup_elem(&lost, &zero);

	if (value)
		++*value;
}

static __always_inline int is_wanted(const struct sk_buff *skb)
{
	__u8 head[HEAD];

	if (bpf_probe_read_kernel(head, sizeof(head), skb->data) < 0)
		return 0;
	return head[23] == 6 && head[36] == 0 && head[37] == 80;
}

static __always_inline int emit(struct sk_buff *skb)
{
	struct head head;
	__u64 flags;
	__s32 index;

	if (!snaplen || !skb)
		return 0;
	index = skb->dev->ifindex;
	if ((index != ifindex && index != ifindex2) || (port80 && !is_wanted(skb)))
		return 0;
	flags = fill(&head, skb->len);
	if (bpf_skb_output(skb, &ring, flags, &head, sizeof(head)) < 0)
		count_lost();
	return 0;
}

/* Which argument the packet is. */
SEC("tp_btf/net_dev_queue")
int emit_skb(__u64 *ctx)
{
	return emit((struct sk_buff *)ctx[0]);
}

SEC("tp_btf/qdisc_enqueue")
int emit_third(__u64 *ctx)
{
	return emit((struct sk_buff *)ctx[2]);
}

SEC("tp_btf/qdisc_dequeue")
int emit_fourth(__u64 *ctx)
{
	return emit((struct sk_buff *)ctx[3]);
}

SEC("xdp")
int emit_xdp(struct xdp_md *xdp)
{
	struct head head;
	__u64 flags = fill(&head, (__u64)xdp->data_end - xdp->data);

	if (snaplen && bpf_perf_event_output(xdp, &ring, flags, &head, sizeof(head)) < 0)
		count_lost();
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
