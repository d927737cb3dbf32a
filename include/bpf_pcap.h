/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bpf_pcap(): a BPF program writes the packet at hand, with a header that makes it one of
 * a capture, into a perf event array.  For programs in C that clang (14 or newer)
 * compiles for BPF; include it behind vmlinux.h, or alone.  See bpf_pcap(3).
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
 *		__type(key, int);
 *		__type(value, int);
 *	} pcap_map SEC(".maps");
 *
 *	SEC("tc")
 *	int all(struct __sk_buff *skb)
 *	{
 *		bpf_pcap(skb, 1514, &pcap_map, BPF_PCAP_TYPE_ETH, 0);
 *		return 0;
 *	}
 *
 * The interface is that of the helper that Alan Maguire proposed for the kernel in 2019,
 * made of helpers that it has (Linux 5.10).  The object must be compiled with -g, for BTF.
 * A program in user space that reads the map gets the header and the numbers from here.
 */
#ifndef BPF_PCAP_H
#define BPF_PCAP_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define BPF_PCAP_MAGIC 0xb7fca7

/* Link types, as pcap-linktype(7) numbers them. */
#define BPF_PCAP_TYPE_UNSET (-1)
#define BPF_PCAP_TYPE_ETH 1
#define BPF_PCAP_TYPE_IP 12 /* IPv4 or IPv6, told by the first byte */

/* The bits of `flags` that are an id of the program's choice. */
#define BPF_F_PCAP_ID_MASK 0xffffffffffffULL

/*
 * In front of each packet.  All numbers are in host byte order.  A reader has to check
 * them against the size of the sample: any program can write to the map.
 *
 * As the first element of an array map it is what a reader asks of the program, where that
 * looks there: `magic` is BPF_PCAP_MAGIC while somebody reads, `cap_len` is the size, and
 * `protocol` the header to begin with, UNSET: the program's choice.  The rest is 0.
 */
struct bpf_pcap_hdr {
	__u32 magic;	/* BPF_PCAP_MAGIC */
	int protocol;	/* link type of the first byte; BPF_PCAP_TYPE_UNSET: not known */
	__u64 flags;	/* as the program gave them */
	__u64 ktime_ns; /* ns since boot, time of suspension included (CLOCK_BOOTTIME) */
	__u32 tot_len;	/* bytes of the packet */
	__u32 cap_len;	/* bytes of it that follow */
	__u8 data[];
};

/*
 * The most that is captured of a packet: a perf sample has its size in 16 bits, and with
 * more the kernel lets it wrap silently (measured on 5.10 to 7.2).
 */
#define BPF_PCAP_LEN_MAX (65516 - sizeof(struct bpf_pcap_hdr))

#ifdef __bpf__

#ifndef __VMLINUX_H__
#include <linux/bpf.h>
#endif
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/*
 * bpf_pcap(ctx, size, map, protocol, flags): writes `size` bytes of the packet, 0: all of
 * it, fragments included, into the perf event array at `map`, on this CPU.
 *
 * ctx		struct __sk_buff * or struct xdp_md *: the program's context;
 *		struct sk_buff *: an argument of a program at a tracepoint with BTF
 *		(SEC("tp_btf/...")) or at fentry, not NULL
 * protocol	BPF_PCAP_TYPE_*.  Of a struct sk_buff, the header to begin with: it may be
 *		in front of what the kernel is at, or not be there, and the record says
 *		what it is.
 * flags	an id that the record gives back, 48 bits
 *
 * Returns 0; -EINVAL: other bits in flags, or a negative protocol; -ENOENT: nobody reads
 * from this CPU, or the packet has no bytes; another negative number: the ring is full.
 */
#define bpf_pcap(ctx, size, map, protocol, flags)                                                  \
	_Generic((ctx),                                                                            \
	    struct __sk_buff *: bpf_pcap_skb,                                                      \
	    struct xdp_md *: bpf_pcap_xdp,                                                         \
	    struct sk_buff *: bpf_pcap_sk_buff)((ctx), (size), (map), (protocol), (flags))

/* What follows is not to be used by name. */

#define BPF_PCAP_ENOENT 2
#define BPF_PCAP_EINVAL 22
#define BPF_PCAP_HEADER_UNSET 0xffff /* sk_buff.mac_header */
#define BPF_PCAP_PULLED_MAX 127	     /* bytes in front of sk_buff.data that are put into a record */
#define BPF_PCAP_INLINE static inline __attribute__((always_inline, unused))

struct sk_buff;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Whatever the includer knows of struct sk_buff: these, by their names (CO-RE). */
struct sk_buff___bpf_pcap {
	unsigned int len;
	__u16 network_header;
	__u16 mac_header;
	unsigned char *head;
	unsigned char *data;
};

/* Whether the kernel has the helper that knows an XDP packet's fragments (5.18). */
enum bpf_func_id___bpf_pcap {
	BPF_FUNC_xdp_get_buff_len___bpf_pcap = 188,
};

#pragma clang attribute pop

/* Fills in the header.  Returns how many bytes to capture, or a negative error. */
BPF_PCAP_INLINE long bpf_pcap_begin(
    struct bpf_pcap_hdr *hdr, __u64 len, __u32 size, int protocol, __u64 flags)
{
	__u64 want = size ? size : len;

	/* So that the object's BTF has the header: by that a reader knows what the map holds. */
	asm volatile("" : : "r"(bpf_core_type_id_local(struct bpf_pcap_hdr)));
	if ((flags & ~BPF_F_PCAP_ID_MASK) || protocol < BPF_PCAP_TYPE_UNSET)
		return -BPF_PCAP_EINVAL;
	if (!len)
		return -BPF_PCAP_ENOENT;
	if (want > len)
		want = len;
	if (want > BPF_PCAP_LEN_MAX)
		want = BPF_PCAP_LEN_MAX;
	hdr->magic = BPF_PCAP_MAGIC;
	hdr->protocol = protocol;
	hdr->flags = flags;
	hdr->ktime_ns = bpf_ktime_get_boot_ns();
	hdr->tot_len = len;
	hdr->cap_len = want;
	return want;
}

/* The flags of the output helpers: bits 32 and up say how many bytes of the packet follow. */
BPF_PCAP_INLINE __u64 bpf_pcap_output_flags(__u64 len)
{
	return BPF_F_CURRENT_CPU | len << 32;
}

/* Of a program whose context is the packet, of `len` bytes; it begins with Ethernet as a rule. */
BPF_PCAP_INLINE int bpf_pcap_context(
    void *ctx, __u64 len, __u32 size, void *map, int protocol, __u64 flags)
{
	struct bpf_pcap_hdr hdr;
	long want;

	if (protocol == BPF_PCAP_TYPE_UNSET)
		protocol = BPF_PCAP_TYPE_ETH;
	want = bpf_pcap_begin(&hdr, len, size, protocol, flags);
	if (want < 0)
		return want;
	return bpf_perf_event_output(ctx, map, bpf_pcap_output_flags(want), &hdr, sizeof(hdr));
}

BPF_PCAP_INLINE int bpf_pcap_skb(
    struct __sk_buff *skb, __u32 size, void *map, int protocol, __u64 flags)
{
	return bpf_pcap_context(skb, skb->len, size, map, protocol, flags);
}

/* All of the packet's bytes, those in fragments included. */
BPF_PCAP_INLINE __u64 bpf_pcap_xdp_len(struct xdp_md *xdp)
{
	__u64 (*get_buff_len)(struct xdp_md *) = (void *)BPF_FUNC_xdp_get_buff_len___bpf_pcap;

	if (bpf_core_enum_value_exists(
	        enum bpf_func_id___bpf_pcap, BPF_FUNC_xdp_get_buff_len___bpf_pcap))
		return get_buff_len(xdp);
	return (__u64)xdp->data_end - xdp->data;
}

BPF_PCAP_INLINE int bpf_pcap_xdp(
    struct xdp_md *xdp, __u32 size, void *map, int protocol, __u64 flags)
{
	return bpf_pcap_context(xdp, bpf_pcap_xdp_len(xdp), size, map, protocol, flags);
}

/* Whether there is an Ethernet header at mac_header, and the packet goes on behind it. */
BPF_PCAP_INLINE int bpf_pcap_has_mac(__u64 mac, __u64 net, __u64 data)
{
	return mac != BPF_PCAP_HEADER_UNSET && mac <= data && (net >= mac + 14 || data == mac + 14);
}

/*
 * Where the packet starts, in bytes in front of skb->data, and in *protocol what is
 * there.  The helper copies from skb->data on, so that nothing behind it can be first.
 */
BPF_PCAP_INLINE __u64 bpf_pcap_pulled(const struct sk_buff___bpf_pcap *skb, int *protocol)
{
	__u64 data = skb->data - skb->head, mac = skb->mac_header, net = skb->network_header;
	int has_mac = bpf_pcap_has_mac(mac, net, data), has_net = net && net <= data;

	if (*protocol == BPF_PCAP_TYPE_ETH && has_mac)
		return data - mac;
	if (*protocol == BPF_PCAP_TYPE_IP && has_net)
		return data - net;
	if (*protocol > 0 && *protocol != BPF_PCAP_TYPE_ETH && *protocol != BPF_PCAP_TYPE_IP)
		return 0;
	*protocol = BPF_PCAP_TYPE_UNSET;
	if (has_mac && data == mac)
		*protocol = BPF_PCAP_TYPE_ETH;
	else if (has_net && data == net)
		*protocol = BPF_PCAP_TYPE_IP;
	return 0;
}

BPF_PCAP_INLINE int bpf_pcap_sk_buff(
    struct sk_buff *skb, __u32 size, void *map, int protocol, __u64 flags)
{
	const struct sk_buff___bpf_pcap *known = (void *)skb;
	/* The header, and behind it what was in front of skb->data. */
	__u8 sample[sizeof(struct bpf_pcap_hdr) + BPF_PCAP_PULLED_MAX + 1] __attribute__((aligned(8)));
	struct bpf_pcap_hdr *hdr = (void *)sample;
	const void *start;
	__u64 pulled;
	long want;

	if (protocol < BPF_PCAP_TYPE_UNSET)
		return -BPF_PCAP_EINVAL;
	pulled = bpf_pcap_pulled(known, &protocol);
	start = known->data - pulled;
	want = bpf_pcap_begin(hdr, known->len + pulled, size, protocol, flags);
	if (want < 0)
		return want;
	/* What was pulled beyond that ends the captured part, which cap_len shows. */
	if (pulled > BPF_PCAP_PULLED_MAX)
		pulled = want = BPF_PCAP_PULLED_MAX;
	if (pulled > (__u64)want)
		pulled = want;
	hdr->cap_len = want;
	if (!pulled)
		return bpf_skb_output(skb, map, bpf_pcap_output_flags(want), hdr, sizeof(*hdr));
	__builtin_memset(sample + sizeof(*hdr), 0, sizeof(sample) - sizeof(*hdr));
	/* The compiler knows the bound and would drop the mask, the verifier needs it. */
	asm volatile("%0 &= 0x7f" : "+r"(pulled));
	bpf_probe_read_kernel(sample + sizeof(*hdr), pulled, start);
	return bpf_skb_output(
	    skb, map, bpf_pcap_output_flags(want - pulled), sample, sizeof(*hdr) + pulled);
}

#endif /* __bpf__ */

#endif
