/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the helper tells one probe's program before it is loaded: read-only data
 * of the program, constants to the verifier, out of reach of the capturing
 * process.  Compiled for both sides.
 */
#ifndef BPFPROBE_CONFIG_H
#define BPFPROBE_CONFIG_H

enum bpfprobe_direction {
	BPFPROBE_DIR_DERIVE = 0, /* the probe sees both: told from the packet */
	BPFPROBE_DIR_IN,
	BPFPROBE_DIR_OUT,
};

#define BPFPROBE_RETS_MAX 8	    /* values of the ret= option */
#define BPFPROBE_WHO_MAX 8	    /* values of each of the options in struct bpfprobe_who */
#define BPFPROBE_COMM_MAX 16	    /* bytes of a thread's name, NUL included */
#define BPFPROBE_INTERFACES_MAX 100 /* that a device stands for */

/* How the kernel maps memory; all 0 where it does not tell (helper/pagemap.h). */
struct bpfprobe_pagemap {
	__u64 pages;	   /* address of the struct page of physical address 0 */
	__u64 memory;	   /* address of physical address 0 */
	__u32 page_struct; /* bytes of a struct page */
	__u32 page_size;
};

/* The values of an option; none of them: it was not given, or is of no interest. */
struct bpfprobe_values {
	__u64 count;
	__u64 value[BPFPROBE_WHO_MAX];
};

/* Whose packets are asked for: what has values has to be one of them. */
struct bpfprobe_who {
	__u32 any;   /* 1: something is asked for at all */
	__u32 own;   /* 1: and of processes only those of user `owner` count */
	__u32 owner;
	__u32 marked; /* 1: of the packet's mark the bits in `mask` have to be those of `mark` */
	__u32 mark;
	__u32 mask;
	struct bpfprobe_values pid; /* numbers of processes, each in its own pid namespace */
	__u64 pidns[BPFPROBE_WHO_MAX]; /* inode of that namespace; 0: the initial one (helper/process.h) */
	__u64 nsfs;		       /* the device that these inodes are on (dev_t) */
	__u64 comms;
	__u64 comm[BPFPROBE_WHO_MAX][BPFPROBE_COMM_MAX / 8]; /* bytes, behind their end zeros */
	struct bpfprobe_values uid;    /* of the packet's socket */
	struct bpfprobe_values cookie; /* of the packet's socket */
	struct bpfprobe_values queue;
};

struct bpfprobe_config {
	__u32 probe;	 /* index in the handle, goes into every record */
	__u32 snaplen;	 /* bytes of a packet, link header included, that the user wants */
	__u32 most;	 /* bytes behind the MAC header that may be looked at at all (len= option) */
	__u32 reader;	 /* index of the reader's element in the control map */
	__u32 ifindex;	 /* only packets of this interface of `netns`; 0: of all */
	__u32 netns;	 /* only packets of this network namespace (inode); 0: of all */
	__u32 home;	 /* inode of the capturing process's network namespace */
	__u32 direction; /* enum bpfprobe_direction */
	__u32 asis;	 /* 1: the packet starts at skb->data (proto= option) */
	__u32 netlink;	 /* 1: packets are those of netlink */
	__u32 tai;	 /* 1: CLOCK_TAI, else CLOCK_BOOTTIME */
	__u32 behind;	 /* 1: the argument is the address of a struct with a pointer to the packet */
	__u32 offset;	 /* bytes in that struct in front of the pointer */
	struct bpfprobe_pagemap pagemap;
	__u64 cookie;	  /* of `netns`, whose number another one may be given later; 0: unknown */
	__u32 arphrd;	  /* hardware type of the interface, for a program that cannot see it */
	__u32 remember;	  /* 1: a program at the exit asks for what is known of the entry */
	__u32 paired;	  /* 1: packets are taken at the entry of a program, and here, at its exit */
	__u32 kept;	  /* 1: and another program here asks for the entry, after this one */
	__u32 device;	  /* 1: what a packet has for its device is one */
	__u32 confined;	  /* 1: the user may have none but the packets that are asked for here */
	__u32 socket;	  /* word of the arguments, from 1, that is the socket which the packet was for; 0: none */
	__u32 returns;	  /* 1: at the exit of the function is a program, too */
	__u32 slots;	  /* words of its arguments, which the exit's context has in front of the value */
	__u32 ret_bits;	  /* size of what it returns */
	__u32 ret_signed; /* 1: with a sign */
	__u32 ret_pointer; /* 1: an address, which is nobody's business */
	__u32 rets;	  /* only packets of calls that return one of so many values; 0: of all */
	__u32 rets_not;	  /* 1: none of these */
	__s64 ret[BPFPROBE_RETS_MAX];
	/* For metadata (record.h): */
	__u32 reason;	 /* word of the arguments, from 1, that is the drop reason; 0: none */
	__u32 location;	 /* the same, of the address that drops the packet */
	__u32 registers; /* 1: the arguments are in registers, else in an array */
	__u32 actions;	 /* index of the first name of what the program returns (names.h); 0: none */
	__u32 blocks;	 /* 1: this is the end of all packets */
	__u32 hidden;	 /* 1: the user may know no addresses, and only processes of user ... */
	__u32 user;	 /* ... of this number */
	__u32 stack;	 /* 1: with the kernel's stack */
	__u32 ringbuf;	 /* 1: short samples go into BPF ring buffers */
	__u32 wake;	 /* bytes, a power of two, for which the reader is woken once; 1: for each sample */
	struct bpfprobe_who who;
};

#endif
