/* SPDX-License-Identifier: BSD-3-Clause */
/* What BTF says of the arguments of a tracepoint or function, and where among them the packet is. */
#ifndef BPFPROBE_PROTOTYPE_H
#define BPFPROBE_PROTOTYPE_H

#include <stddef.h>
#include <linux/types.h>
#include "helper/device.h"
#include "helper/fail.h"

struct btf;
struct btf_type;

struct bpfprobe_prototype {
	const struct btf *btf;
	const struct btf_type *type; /* FUNC_PROTO */
	unsigned int hidden;	     /* parameters in front of argument 1: a tracepoint's __data */
};

#define BPFPROBE_WORD_MAX 6 /* besides the packet no words behind are looked at (bpf/args.bpf.h) */

/* What an argument is. */
enum bpfprobe_form {
	BPFPROBE_PACKET = 0, /* struct sk_buff * */
	BPFPROBE_BEHIND,     /* address of a struct that points to the packet */
	BPFPROBE_LIST,	     /* struct list_head * of packets */
	BPFPROBE_XDP,	     /* struct xdp_buff * */
};

/* Where the packet is. */
struct bpfprobe_argument {
	unsigned int number; /* 1.. */
	unsigned int word;   /* 1..: where it begins among the words, or registers, of all arguments */
	enum bpfprobe_form form;
	__u32 offset; /* BEHIND: bytes in front of that pointer */
};

/* What a function returns. */
struct bpfprobe_returns {
	__u32 bits; /* its size; 0: nobody asks */
	__u32 is_signed;
	__u32 is_pointer;
	__u32 slots; /* words that the arguments take in the context of a program at fexit */
};

/*
 * Of a FUNC, or of a tracepoint's TYPEDEF "btf_trace_NAME".  Returns 0, or -1 if the
 * type is something else.
 */
int bpfprobe_prototype_of(
    struct bpfprobe_prototype *prototype, const struct btf *btf, const struct btf_type *type);

/* How many arguments of type struct sk_buff * or struct xdp_buff * there are. */
unsigned int bpfprobe_prototype_packets(const struct bpfprobe_prototype *prototype);

/* Whether there is one of type struct sk_buff *, struct sk_buff ** or struct xdp_buff *. */
int bpfprobe_prototype_has_packet(const struct bpfprobe_prototype *prototype);

/*
 * The first argument that points to a struct with a struct sk_buff * of the name "skb",
 * which argN.skb stands for.  0: there is none.
 */
unsigned int bpfprobe_prototype_holder(const struct bpfprobe_prototype *prototype);

/* The word of the arguments, from 1, that is an enum skb_drop_reason; 0: there is none, or several. */
unsigned int bpfprobe_prototype_reason(const struct bpfprobe_prototype *prototype);

/* The same of an argument of type struct sock *. */
unsigned int bpfprobe_prototype_socket(const struct bpfprobe_prototype *prototype);

/* Writes the types of the arguments, roughly as C has them, with commas in between. */
void bpfprobe_prototype_print(const struct bpfprobe_prototype *prototype, char *buf, size_t len);

/* Fills in *returns.  0, or -1: it returns nothing, or nothing that fits into a register. */
int bpfprobe_prototype_returns(
    const struct bpfprobe_prototype *prototype, struct bpfprobe_returns *returns);

/*
 * Finds the argument that the user asks for, or the only one that is a packet, an sk_buff
 * rather than an xdp_buff, which may not be made yet where there are both; or a list, but BTF does not say what of: that it is one of packets the user says by
 * asking for it.  `what` names the target in messages.  0, or -1 with *reply filled in.
 */
int bpfprobe_prototype_argument(const struct bpfprobe_prototype *prototype,
    const struct bpfprobe_name *name, const char *what, struct bpfprobe_argument *argument,
    struct bpfprobe_reply *reply);

/*
 * What the user asks for without types: argN is the packet, and argN.OFFSET is behind
 * it; N counts registers.  0, or -1: no argument is given, or a field, whose offset nobody knows.
 */
int bpfprobe_prototype_untyped(const struct bpfprobe_name *name, struct bpfprobe_argument *argument);

#endif
