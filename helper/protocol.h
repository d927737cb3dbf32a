/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the libpcap module and the helper say to each other: one SOCK_SEQPACKET
 * connection, one request at a time, each answered by one reply.  The file
 * descriptors of a successful reply follow in messages of their own, each with
 * descriptors of one kind.  FILTER may come any number of times, before ATTACH and
 * after; its instructions follow the request in the same message.  So may the last two.
 *
 *   module                         helper
 *     OPEN ------------------------->    loads the programs
 *     <---------------------- reply      status 0, what was made
 *     <------------- label, label..      one for each probe
 *     <-- fds CTL, PERF, STACKS, RING.., RINGBUF.. (SCM_RIGHTS)
 *     ATTACH ----------------------->    attaches them
 *     <---------------------- reply
 *     <---------- fds PROG, LINK, SLOTS
 *     FILTER ---------------------->     puts it into the programs
 *     <---------------------- reply      status not 0: the old filter stays
 *     NAMES ------------------------>    fills in the table of names
 *     <---------------------- reply
 *     <-------------------- fd NAMES
 *     SYMBOL ----------------------->    looks for a function
 *     <---------------------- reply      status 0: `message` is its name
 *     <---------------------- reply      unasked: what is captured has come to an end
 *     (end of file)                      exits
 *
 * Both ends are of one build in one package.  `magic` and `version` stay where
 * they are for ever, so that two that are not can say so.  Neither end believes
 * the other: every message has its exact size, every count a bound.
 */
#ifndef BPFPROBE_PROTOCOL_H
#define BPFPROBE_PROTOCOL_H

#include <linux/types.h>

#define BPFPROBE_MAGIC 0x62706670 /* "bpfp" */
#define BPFPROBE_VERSION 9

#define BPFPROBE_SOCK 3		 /* the helper's descriptor of the connection */
#define BPFPROBE_DEVICE_MAX 256	 /* bytes of a device name, NUL included */
#define BPFPROBE_MESSAGE_MAX 256 /* bytes of an error message, NUL included */
#define BPFPROBE_NAME_MAX 32	 /* bytes of a link type's name, NUL included */
#define BPFPROBE_LABEL_MAX 160	 /* bytes of a probe's name, NUL included */
#define BPFPROBE_CPUS_MAX 4096	 /* rings of a handle */
#define BPFPROBE_PROBES_MAX 64	 /* probes of a handle */
#define BPFPROBE_LINKS_MAX 128	 /* attachments of all of them */
#define BPFPROBE_RINGBUF_MAX (1U << 30) /* bytes of a BPF ring buffer */
#define BPFPROBE_FILTER_MAX 4096 /* instructions of a filter */
#define BPFPROBE_GENERATION_MAX 0x3fffffff /* of filters; then 1 again */
#define BPFPROBE_FDS_MAX 200	 /* descriptors of a message; the kernel's bound is 253 */

enum bpfprobe_request_type {
	BPFPROBE_OPEN = 1,
	BPFPROBE_ATTACH = 2,
	BPFPROBE_FILTER = 3,
	BPFPROBE_NAMES = 4,
	BPFPROBE_SYMBOL = 5,
};

struct bpfprobe_request {
	__u32 magic;
	__u32 version;
	__u32 type;	   /* enum bpfprobe_request_type */
	__u32 snaplen;	   /* OPEN: bytes of a packet, link header included */
	__u32 buffer_size; /* OPEN: bytes of all rings together; 0: the default */
	__u32 immediate;   /* OPEN: 1: wake the reader for every packet */
	__u32 dlt;	   /* FILTER: the link type that it is for (DLT_*) */
	__u32 count;	   /* FILTER: struct sock_filter that follow */
	__u32 meta;	   /* OPEN: 1: records have metadata, whatever the link type */
	__u32 pad;
	__u64 address; /* SYMBOL: in the kernel */
	char device[BPFPROBE_DEVICE_MAX]; /* OPEN: the device name, NUL-terminated */
};

/* What went wrong, as far as libpcap tells it apart. */
enum bpfprobe_status {
	BPFPROBE_OK = 0,
	BPFPROBE_ERROR,	    /* PCAP_ERROR */
	BPFPROBE_NO_DEVICE, /* PCAP_ERROR_NO_SUCH_DEVICE */
	BPFPROBE_NO_PERM,   /* PCAP_ERROR_PERM_DENIED */
	BPFPROBE_NO_EXEC,   /* from the module's own child: exec failed with errno `detail` */
};

/* What functions return, of those that the probes are at. */
enum bpfprobe_return_use {
	BPFPROBE_RETURNS_NOTHING = 0, /* nobody asks */
	BPFPROBE_RETURNS_VALUE,	      /* it is told */
	BPFPROBE_RETURNS_DECIDE,      /* a packet is wanted only for it (ret= option) */
};

struct bpfprobe_reply {
	__u32 magic;
	__u32 version;
	__u32 status;	   /* enum bpfprobe_status */
	__u32 detail;	   /* an errno */
	__u32 clock;	   /* OPEN: clockid_t of the records' time */
	__u32 rings;	   /* OPEN: number of ring descriptors that follow */
	__u32 ring_pages;  /* OPEN: data pages of a ring, a power of two */
	__u32 ringbufs;	   /* OPEN: number of BPF ring buffers that follow: none, or as many as rings */
	__u32 ringbuf_size; /* OPEN: bytes of data of each, whole pages and a power of two */
	__u32 cpus;	   /* OPEN: elements of the control map, without the reader's */
	__u32 foreign;	   /* 1: another BPF program writes the records (map= option); there are no probes */
	__u32 most;	   /* OPEN: of these records at most so many bytes of a packet (len= option); 0: all */
	__u32 probes;	   /* number of probes */
	__u32 links;	   /* ATTACH: number of their attachments */
	__u32 returns;	   /* OPEN: enum bpfprobe_return_use */
	__u32 stacks;	   /* OPEN: 1: the map of stacks follows, in front of the rings */
	__u32 ethernet;	   /* OPEN: 1: packets are shown as those of an Ethernet, unless the user chooses */
	__u32 ifindex;	   /* OPEN: the interface of bpfxdp: or dev=; 0: none */
	__u32 noselect;	   /* OPEN: 1: the user wants no descriptor to select() on */
	__u32 elsewhere;   /* OPEN: 1: it is one of another network namespace */
	__u32 watches;	   /* OPEN: 1: a reply that nobody asked for may come after ATTACH */
	__u32 unasked;	   /* 1: this is it: what is captured has come to an end, `message` says why */
	__u32 left_out;	   /* ATTACH: functions of a pattern that refuse a probe */
	__u32 generation;  /* FILTER: number of this filter, in the records that it lets pass */
	char dlt[BPFPROBE_NAME_MAX];	    /* OPEN: value of proto=, or ""; SYMBOL: the name in 15 characters */
	char message[BPFPROBE_MESSAGE_MAX]; /* one line, for the user; if status is 0, "", or a symbol */
};

/* Where a probe is. */
enum bpfprobe_label_kind {
	BPFPROBE_LABEL_KERNEL = 0, /* tracepoint or function of the kernel; name: "tp/kfree_skb" */
	BPFPROBE_LABEL_PROGRAM,	   /* BPF program; name: of its function */
	BPFPROBE_LABEL_INTERFACE,  /* XDP program of our own; name: of the interface */
	BPFPROBE_LABEL_MAP,	   /* map of a BPF program, into which it writes records; its name */
	BPFPROBE_LABEL_KINDS,
};

enum bpfprobe_label_place {
	BPFPROBE_PLACE_NONE = 0, /* PROGRAM has one, the others none */
	BPFPROBE_PLACE_ENTRY,
	BPFPROBE_PLACE_EXIT,
	BPFPROBE_PLACES,
};

/* What the program's return value means (helper/action.h). */
enum bpfprobe_label_actions {
	BPFPROBE_ACTIONS_NONE = 0,
	BPFPROBE_ACTIONS_XDP,
	BPFPROBE_ACTIONS_TC,
	BPFPROBE_ACTIONS_KINDS,
};

/* What a probe is, for who shows it; in the order of the probes' numbers. */
struct bpfprobe_label {
	__u32 magic;
	__u32 kind;    /* enum bpfprobe_label_kind */
	__u32 place;   /* enum bpfprobe_label_place */
	__u32 actions; /* enum bpfprobe_label_actions; of a probe that is at an exit, they are in its records */
	__u32 program; /* number of the BPF program; 0: it is at none that was there already */
	__u32 targets; /* places in the kernel that it is at, of which `name` is the first */
	__u32 until;   /* 1: packets are shown only if they come here (until= option) */
	__u32 reasons; /* 1: what a record with metadata has as action is the drop reason */
	char name[BPFPROBE_LABEL_MAX];
};

/* How many labels follow the reply to OPEN: one for each probe, or for the map of another program. */
static inline unsigned int
bpfprobe_labels(const struct bpfprobe_reply *reply)
{
	return reply->foreign ? 1 : reply->probes;
}


enum bpfprobe_fd_kind {
	BPFPROBE_FD_CTL = 1, /* the control map (record.h), to be mapped */
	BPFPROBE_FD_PERF,    /* the perf event array: held, or its slots are emptied */
	BPFPROBE_FD_RING,    /* perf events, to be mapped */
	BPFPROBE_FD_PROG,    /* programs, to be asked for their recursion misses */
	BPFPROBE_FD_LINK,    /* attachments: gone with their last descriptor; asked for what they missed.
			      * If `foreign`, the other program's map, in which our rings are as long */
	BPFPROBE_FD_STACKS,  /* stacks of the kernel by their numbers, for root */
	BPFPROBE_FD_NAMES,   /* the table of names (bpf/names.h), to be mapped */
	BPFPROBE_FD_SLOTS,   /* where the programs find the filter: held, or it is taken out */
	BPFPROBE_FD_RINGBUF, /* BPF ring buffers, to be mapped */
};

/* Data of a message that carries descriptors. */
struct bpfprobe_fds {
	__u32 magic;
	__u32 kind;  /* enum bpfprobe_fd_kind */
	__u32 count; /* descriptors in this message */
};

#endif
