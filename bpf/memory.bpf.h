/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the programs read what is not theirs: the helper's word, and the kernel's memory
 * through pointers that may hold anything.
 */
#ifndef BPFPROBE_MEMORY_BPF_H
#define BPFPROBE_MEMORY_BPF_H

#include "bpf/kernel.bpf.h"
#include "bpf/kfunc.bpf.h"
#include "bpf/config.h"
#include "bpf/record.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Set by the helper before load; all programs of an object share it. */
const volatile struct bpfprobe_config config;

/*
 * A struct to read, from a pointer that may hold anything.  Where a program may read
 * any memory, that is also what spares the verifier a search through all types of
 * the kernel for each pointer that is followed: 1 ms each on 6.18.
 */
#ifdef BPFPROBE_DIRECT
#define MEMORY(p) ((__typeof__(p))bpf_rdonly_cast((p), 0))
#else
#define MEMORY(p) (p)
#endif

/*
 * A field of a struct.  Where the verifier knows the struct, or MEMORY() has made it one
 * to read, that is a load; a program that has nothing but an address has to ask.
 */
#ifdef BPFPROBE_COPY
#define GET(p, field) BPF_CORE_READ(p, field)
#define GET_BITS(p, field) BPF_CORE_READ_BITFIELD_PROBED(p, field)
#else
#define GET(p, field) ((p)->field)
#define GET_BITS(p, field) BPF_CORE_READ_BITFIELD(p, field)
#endif

/*
 * 32 bits that the verifier forgets what it knows of.  Before commit 41f6f64e6999
 * ("bpf: support non-r10 register spill/fill to/from stack in precision tracking",
 * 6.8) it took two states for equal that differ in a number on the stack of a
 * calling function, and removed a branch that only one of them takes: what a
 * function reads through a pointer to such a stack must not be known there.
 */
#ifdef BPFPROBE_DIRECT
#define OPAQUE(value) (value)
#else
#define OPAQUE(value)                                                                              \
	({                                                                                         \
		__u64 opaque = (value);                                                            \
		asm volatile("%0 = be32 %0\n\t%0 = be32 %0" : "+r"(opaque));                       \
		(__u32)opaque;                                                                     \
	})
#endif

/* The same for `count` words in memory, which is aligned to them. */
static __always_inline void make_opaque(void *memory, const int count)
{
	__u32 *words = memory;
	int i;

	for (i = 0; i < count; i++)
		words[i] = OPAQUE(words[i]);
}

/*
 * Whether a pointer that may hold anything can be one of the kernel's, whose
 * addresses have the top bit set.  NULL is asked for separately, and hidden from
 * the compiler, which would drop it: the verifier knows some of these pointers as
 * "trusted or NULL".
 */
#define IN_KERNEL(p)                                                                               \
	({                                                                                         \
		__s64 address = (__s64)(p);                                                        \
		asm volatile("" : "+r"(address));                                                  \
		(p) && address < 0;                                                                \
	})

/*
 * What a packet has for its device, which can be anything.  A device is one whose
 * namespace's loopback device stands in that same namespace; whatever does not close
 * that circle is none.  Reads through a wild pointer yield 0.
 */
static __always_inline struct net_device *checked_device(struct net_device *dev)
{
	struct net_device *lo;
	struct net *net;

	if (!IN_KERNEL(dev))
		return 0;
	dev = MEMORY(dev);
	net = GET(dev, nd_net.net);
	if (!IN_KERNEL(net))
		return 0;
	lo = GET(MEMORY(net), loopback_dev);
	if (!IN_KERNEL(lo) || GET(MEMORY(lo), nd_net.net) != net)
		return 0;
	return dev;
}

/*
 * The number of a namespace; 0 of one that has it from the namespace that is captured, and is gone.
 * Numbers are given away again at once, cookies never.
 */
static __always_inline __u32 inode_of(struct net *net)
{
	if (config.cookie && bpf_core_field_exists(net->net_cookie) && GET(net, net_cookie) != config.cookie)
		return 0;
	return GET(net, ns.inum);
}

/* Of a device that there is. */
static __always_inline __u32 netns_of(struct net_device *dev)
{
	struct net *net = GET(dev, nd_net.net);

	return inode_of(MEMORY(net));
}

#define ETH_HLEN 14
#define TAGS_HLEN 8 /* of two VLAN tags */

/* A number of 64 bits, in two halves. */
static __always_inline void put_halves(__u32 *halves, __u64 number)
{
	halves[0] = number;
	halves[1] = number >> 32;
}

#endif
