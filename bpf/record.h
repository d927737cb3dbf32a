/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the BPF programs write and the libpcap module reads: the record in the
 * rings and the control map.  Compiled for both sides; needs the kernel's
 * fixed-width types (linux/types.h or kernel.bpf.h) and nothing else.
 *
 * A sample in a perf ring:
 *
 *   8 bytes   struct perf_event_header {u32 type; u16 misc; u16 size}
 *   4 bytes   u32 raw size: all that follows, padding included
 *   48 bytes  struct bpfprobe_record
 *   100 bytes struct bpfprobe_meta, if the record says so
 *   caplen    packet, from its start (see layer)
 *   0-7       padding
 *
 * The record begins at 4 mod 8, so that nothing in it is wider than 32 bits.  In a BPF ring
 * buffer, where no more than the first two lines differ, it begins at 0:
 *
 *   4 bytes   u32 size of all that follows the next word, with bits BPF_RINGBUF_BUSY_BIT and _DISCARD_BIT
 *   4 bytes   u32, the kernel's
 *
 * and behind the packet there is what the program has asked for too much.
 */
#ifndef BPFPROBE_RECORD_H
#define BPFPROBE_RECORD_H

#ifdef __bpf__
#define BPFPROBE_INLINE static __always_inline
#else
#define BPFPROBE_INLINE static inline
#endif

/*
 * A perf sample carries its size in 16 bits and the kernel lets it wrap
 * silently: record + packet of 65,516 bytes is the most that arrives whole
 * (measured the same on 5.10, 6.1, 6.12 and 7.2).
 */
#define BPFPROBE_SAMPLE_MAX 65516

/* In front of a record in a BPF ring buffer. */
#define BPFPROBE_RINGBUF_HEAD 8

/*
 * Bytes of a packet that are captured even if the snapshot length is less, until a filter is set, or
 * the rings are looked at: the filter looks at them in the packets that are queued already.
 */
#define BPFPROBE_SNAPLEN_MIN 256

/* What the first byte of the packet is. */
enum bpfprobe_layer {
	BPFPROBE_LAYER_NONE = 0, /* unknown: no header of the packet is known to the kernel (any more) */
	BPFPROBE_LAYER_L2 = 2,	 /* MAC header of l2len bytes */
	BPFPROBE_LAYER_L3 = 3,	 /* network header */
	BPFPROBE_LAYER_ASIS = 9, /* skb->data, whatever it is (proto= option) */
	BPFPROBE_LAYER_NETLINK = 11, /* messages of netlink; protocol: their family, as NETLINK_ROUTE */
	BPFPROBE_LAYER_EXIT = 10, /* no packet: the record is a struct bpfprobe_exit */
};

struct bpfprobe_record {
	__u32 time_lo; /* ns of the clock that the helper chose, lower half */
	__u32 time_hi;
	__u32 len;	/* bytes of the packet from its start, all of them */
	__u32 caplen;	/* bytes of it that follow this record */
	__u32 ifindex;	/* of skb->dev; 0: none */
	__u32 netns;	/* inode number of the network namespace; 0: unknown */
	__be16 protocol; /* ethertype as in skb->protocol; 0: none */
	__be16 vlan_proto; /* TPID of a tag that is not among the bytes; 0: no such tag */
	__u16 vlan_tci;	/* that tag, host byte order */
	__u16 arphrd;	/* hardware type of the interface (ARPHRD_*); ARPHRD_VOID: none */
	__u8 layer;	/* enum bpfprobe_layer */
	__u8 l2len;	/* bytes of MAC header at the start */
	__u8 pkttype;	/* PACKET_HOST .. PACKET_OUTGOING of linux/if_packet.h */
	__u8 probe : 6;	  /* index of the probe in the handle */
	__u8 meta : 1;	  /* a struct bpfprobe_meta follows */
	__u8 returns : 1; /* a struct bpfprobe_exit follows, when the function does return */
	__u32 generation : 30; /* of the filter that let it pass (helper/protocol.h) */
	__u32 undecided : 1;   /* that filter did not run or could not tell: user space filters */
	__u32 foreign : 1;     /* netns is not the one of the process that captures */
	/*
	 * Of a record that another BPF program has written (capture/foreign.h): the lower 32 and
	 * the upper 16 bits of the id that it gave to bpf_pcap().  Of our own ones:
	 */
	__u32 action;  /* what the program returned, if the probe is at a program's exit; with
			* metadata also the drop reason, if the probe knows it (protocol.h) */
	__u32 elapsed; /* there: ns since the record of the same packet at the entry; 0: it has none */
};

/* What is known of a packet before the filter looks at it, of which some is in PFLOG's header. */
struct bpfprobe_seen {
	__u16 name;   /* why or where: index of a name (bpf/names.h) */
	__u8 blocked; /* 1: this is the packet's end, else 0 */
	__u8 pad;
	__u32 uid;    /* of the process that was running, as is the next; BPFPROBE_UNTOLD */
	__u32 pid;    /* of its thread group, in the first namespace of processes */
	__u32 ifname[4]; /* of the record's interface, in its own network namespace; "": unknown */
};

/* Of XDP packets, which no process has sent or takes; of processes that the user must not know. */
#define BPFPROBE_UNTOLD 0xffffffff

/* Stacks that are kept, and frames of each: the innermost. */
#define BPFPROBE_STACKS_MAX 4096
#define BPFPROBE_STACK_FRAMES 64

/*
 * What a user can ask for beside the packet, who pays for it: with link type PFLOG, or of
 * bpfprobe(8).  Addresses of the kernel are root's only; 0 for all others.
 */
struct bpfprobe_meta {
	struct bpfprobe_seen seen;
	__u32 tid;	   /* of the process's thread */
	__u32 comm[4];	   /* its name, NUL-padded; "": see BPFPROBE_UNTOLD */
	__u32 mark;	   /* skb->mark */
	__u32 queue;	   /* of the interface, that it is sent by or came from, and 1; 0: not known */
	__u32 stack;	   /* number of the stack trace, and 1; 0: none */
	__u32 cookie[2];   /* of its socket, lower half first as in the next; 0: none, or nobody has asked for it */
	__u32 location[2]; /* where the kernel drops the packet, as far as the probe is told */
	__u32 packet[2];   /* struct sk_buff or xdp_buff */
	__u32 head[2];	   /* memory of the packet's bytes: clones have the same */
	__u32 id[2];	   /* of a packet that is followed (track option); 0: it is not */
};

/*
 * What the function has returned that a packet was on its way into: its time is that of
 * the exit.  It comes behind the packet's record, mostly soon, and can be missing.
 */
struct bpfprobe_exit {
	struct bpfprobe_record rec; /* of it: time, probe, layer, caplen */
	__u32 entered_lo; /* time of the packet's record, by which it is found */
	__u32 entered_hi;
	__u32 value_lo;	  /* what was returned, sign extended if it has a sign */
	__u32 value_hi;
	__u32 moved : 1;    /* the packet's record is in the ring of another CPU */
	__u32 unwanted : 1; /* not one of the values that the user asks for (ret= option) */
};

/*
 * The control map, "bpfprobe_ctl": a memory-mapped array with one set of counters
 * per possible CPU, and a last one of the reader.  Programs add to the set of
 * their CPU: exactly, by atomic adds, since a probe can interrupt a probe.  The
 * reader writes its own, for whoever looks (bpftool map dump name bpfprobe_ctl),
 * and says there what it wants of the programs: it can do that without privilege
 * and without the helper.
 */
struct bpfprobe_counters {
	/* the CPUs' */
	__u64 emitted; /* records in the ring, or on their way there; the reader's: those of other programs, read */
	__u64 lost;    /* packets that no record was written for: ring full, or output failed; so with them */
	__u64 untracked; /* records of packets that are to be followed, without room for that (track option) */
	__u64 null;    /* probe hits without a packet: NULL, an error, no xdp_buff yet; nothing lost */
	/* the reader's */
	__u64 delivered; /* packets handed to the application */
	__u64 rejected;	 /* packets that filter, direction or link type kept from it */
	__u64 filtered;	 /* packets that the filter in user space decided */
	__u64 late;	 /* packets delivered out of the order of time */
	__u64 broken;	 /* samples that made no sense: lost too */
	__u64 unpaired;	 /* packets of which it is not known what the function returned */
	__u64 expired;	 /* records of packets that did not come to their target in time (until option) */
	__u64 overrun;	 /* records of packets that may yet come there, for which there was no room */
	/* what the reader wants */
	__u64 reach;   /* bytes of a packet that the filter may look at */
	__u64 passing; /* 1: no filter in the kernel, every packet comes up undecided */
	__u64 least;   /* bytes that are captured even if the snapshot length is less */
	__u64 pad;     /* to two cache lines */
};

_Static_assert(sizeof(struct bpfprobe_record) == 48, "the record's layout is shared");
_Static_assert(sizeof(struct bpfprobe_seen) == 28, "the record's layout is shared");
_Static_assert(sizeof(struct bpfprobe_meta) == 100, "the record's layout is shared");
_Static_assert(sizeof(struct bpfprobe_exit) == 68, "the record's layout is shared");
_Static_assert(sizeof(struct bpfprobe_counters) == 128, "whole cache lines per CPU");

#endif
