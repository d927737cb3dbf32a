/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The little that the programs know of kernel types.  Every struct is matched
 * by name against the running kernel's BTF when a program is loaded (CO-RE),
 * so that order, offsets and missing members do not matter here, and the build
 * needs no kernel headers and no BTF.
 */
#ifndef BPFPROBE_KERNEL_BPF_H
#define BPFPROBE_KERNEL_BPF_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

/* The parts of the kernel's user API that the programs use (linux/bpf.h). */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum bpf_func_id {
	BPF_FUNC_xdp_get_buff_len = 188, /* since 5.18, as is the next */
	BPF_FUNC_xdp_load_bytes = 189,
};
#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_F_CURRENT_CPU 0xffffffffULL
#define BPF_F_MMAPABLE (1U << 10)
#define BPF_RB_NO_WAKEUP 1
#define BPF_RB_FORCE_WAKEUP 2
#define BPF_RB_PROD_POS 3
/* Bits 32-51 of bpf_skb_output()'s flags: how many bytes of the packet. */
#define BPF_SKB_OUTPUT_LEN_SHIFT 32

/* The kernel's ERR_PTR() makes a pointer of an error's number, which is not greater. */
#define ERRNO_MAX 4095

/* What an XDP program is given, and what lets the packet pass (linux/bpf.h). */
struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
};
#define XDP_PASS 2

/* linux/if_packet.h */
#define PACKET_HOST 0
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING 4
/* linux/if.h */
#define IFNAMSIZ 16
/* linux/if_arp.h */
#define ARPHRD_VOID 0xffff

/* What kernel functions take; no field of theirs is read. */
struct __sk_buff {
	__u32 len;
};

struct bpf_dynptr {
	__u64 opaque[2];
};

struct bpf_pidns_info {
	__u32 pid;
	__u32 tgid;
};

/* struct bio_vec in 5.10, struct skb_frag in 7.2; not changed in between. */
struct frag {
	__u64 page; /* address of its struct page; lowest bit: no memory of this host (struct net_iov) */
	__u32 len;
	__u32 offset;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/*
 * Where a function finds its arguments when it is entered, and its caller what it returns.
 * FRAME: the stack when it is entered; LEFT: more than that when it has returned.
 */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long di, si, dx, cx, r8, r9;
	unsigned long ax, sp;
};
#define RETURNED ax
#define FRAME sp
#define LEFT sizeof(unsigned long)
#define ARGUMENT1 di
#define ARGUMENT2 si
#define ARGUMENT3 dx
#define ARGUMENT4 cx
#define ARGUMENT5 r8
#define ARGUMENT6 r9
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__u64 sp;
};
#define RETURNED regs[0]
#define FRAME sp
#define LEFT 0
#define ARGUMENT1 regs[0]
#define ARGUMENT2 regs[1]
#define ARGUMENT3 regs[2]
#define ARGUMENT4 regs[3]
#define ARGUMENT5 regs[4]
#define ARGUMENT6 regs[5]
#else
#error "not known here: the registers in which arguments are passed"
#endif

struct net_device;

struct ns_common {
	unsigned int inum;
};

struct hlist_node {
	struct hlist_node *next;
};

struct net {
	struct ns_common ns;
	struct hlist_node **dev_index_head; /* devices by the lower bits of their numbers */
	__u64 net_cookie; /* since 5.12 in this form */
	struct net_device *loopback_dev;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	char name[16];
	int ifindex;
	unsigned short type;
	unsigned short hard_header_len;
	possible_net_t nd_net;
	struct hlist_node index_hlist; /* in that list */
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	__u32 val;
} kuid_t;

struct sock;

struct sock_common {
	possible_net_t skc_net;
	atomic64_t skc_cookie;
	unsigned char skc_state;
	struct sock *skc_listener; /* of a request_sock */
};

struct sock {
	struct sock_common __sk_common;
	kuid_t sk_uid;
	__u16 sk_protocol;
};

struct dst_entry {
	struct net_device *dev;
};

struct sk_buff {
	struct sk_buff *next; /* in the list of skb_shared_info.frag_list */
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	unsigned int data_len;
	__u16 queue_mapping;
	__u8 pkt_type : 3;
	__u8 cloned : 1;
	__u8 fclone : 2;
	__u8 vlan_present : 1; /* until 6.1, see find_vlan() */
	int skb_iif;
	unsigned long _skb_refdst; /* struct dst_entry *, lowest bit: without a reference */
	unsigned int mark;
	__be16 vlan_proto;
	__u16 vlan_tci;
	__be16 protocol;
	__u16 mac_len; /* of the MAC header, as it was received */
	__u16 network_header;
	__u16 mac_header;
	unsigned int end; /* of the linear part's memory, an offset from head; struct skb_shared_info follows */
	unsigned char *head;
	unsigned char *data;
};

struct skb_shared_info {
	__u8 nr_frags;
	struct sk_buff *frag_list;
	atomic_t dataref; /* lower half: how many packets have these bytes */
	unsigned int xdp_frags_size; /* bytes in the fragments of an XDP packet (5.18) */
	struct frag frags[1];
};

struct xdp_rxq_info {
	struct net_device *dev;
	unsigned int queue_index;
};

struct xdp_buff {
	void *data;
	void *data_end;
	void *data_hard_start;
	struct xdp_rxq_info *rxq;
	unsigned int frame_sz;
	unsigned int flags; /* since 5.18 */
};

#pragma clang attribute pop

#endif
