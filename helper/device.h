/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device name as the user writes it, taken apart.  Pure: no system call.
 *
 *   device   = "bpfprobe:" target *("+" target) *(":" option)
 *            | "bpfxdp:" (ifname | "any") *(":" option) | ifname "%xdp"
 *            | "bpfprog:" ("id/" n | "name/" s | "tag/" s | "pin/" path) *(":" option)
 *   target   = ([kind "/"] name ["@" offset] | alias) [":arg" n ["." field]]
 *   kind     = "tp" | "rawtp" | "fentry" | "kprobe" | "fexit" | "kretprobe"
 *   option   = "netns=" ns | "len=" bytes | "pages=" n | "proto=" dlt | "fields=" name *("/" name)
 *            | "stacktrace" | "noselect" | ("track" | "track=" n | "until=" target) (bpfprobe)
 *            | "dev=" ifname (bpfprobe, bpfprog)
 *            | "ret=" ["not/"] n *("/" n) (bpfprobe, bpfprog)
 *            | ("pid=" | "uid=" | "sk=") n *("/" n) | "comm=" name *("/" name)
 *            | "mark=" n ["/" mask] (bpfprobe, bpfprog)
 *            | "queue=" n *("/" n)
 *            | "entry" | "exit" | "action=" name *("/" name) (bpfxdp, bpfprog)
 *            | "netstack" | "native" (bpfxdp)
 *            | "map=" name | "config=" name (bpfprog)
 *   ns       = name | "pid/" n | "inode/" n
 *
 * Any byte of a value, of an ifname and of a path may be written as %XX.
 */
#ifndef BPFPROBE_DEVICE_H
#define BPFPROBE_DEVICE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include "bpf/config.h"

#define BPFPROBE_PREFIX "bpfprobe:"
#define BPFPROBE_PREFIX_XDP "bpfxdp:"
#define BPFPROBE_PREFIX_PROG "bpfprog:"
#define BPFPROBE_SUFFIX_XDP "%xdp" /* eth0%xdp is bpfxdp:eth0; no interface can be called so */
#define BPFPROBE_TARGET_MAX 128 /* bytes of a target's name, NUL included */
#define BPFPROBE_ARG_MAX 12	/* arguments of a traced function that BPF can reach */
#define BPFPROBE_PAGES_MAX (1U << 18) /* pages of a ring: 1 GiB of 4 KiB */

#define BPFPROBE_NAMES_MAX 16	/* targets of a device name */
#define BPFPROBE_FIELD_MAX 64  /* bytes of a field's name, NUL included */
#define BPFPROBE_OFFSET_MAX 0xffff /* into a function */
#define BPFPROBE_MAP_MAX 64	/* bytes of a map's name, NUL included */

/* What a target is, and with it how a program is attached. */
enum bpfprobe_kind {
	BPFPROBE_ANY_KIND = 0, /* the user leaves it to us */
	BPFPROBE_TP,	       /* tracepoint, with the types of BTF (tp_btf) */
	BPFPROBE_RAWTP,	       /* tracepoint, without (raw_tp) */
	BPFPROBE_FENTRY,       /* beginning of a function, by ftrace, with the types of BTF */
	BPFPROBE_KPROBE,       /* function, at its beginning or `offset` bytes behind */
	BPFPROBE_KPROBES,      /* several functions at once; the user calls these kprobe as well */
	/* The other end of the last three: where a function returns. */
	BPFPROBE_FEXIT,
	BPFPROBE_KRETPROBE,
	BPFPROBE_KRETPROBES,
	BPFPROBE_PASS,	       /* an XDP program of our own at an interface */
};

/* The kind of program at the exit that goes with one at the entry. */
static inline enum bpfprobe_kind
bpfprobe_kind_exit(enum bpfprobe_kind kind)
{
	return kind + BPFPROBE_FEXIT - BPFPROBE_FENTRY;
}

/* Whether it is a pattern that stands for several. */
int bpfprobe_name_is_pattern(const char *name);

/* "tp" and so on. */
const char *bpfprobe_kind_name(enum bpfprobe_kind kind);

enum bpfprobe_netns_kind {
	BPFPROBE_NETNS_ALL = 0, /* no netns= */
	BPFPROBE_NETNS_NAME,
	BPFPROBE_NETNS_PID,
	BPFPROBE_NETNS_INODE,
};

/* One of the targets, as the user names it. */
struct bpfprobe_name {
	char name[BPFPROBE_TARGET_MAX]; /* without kind and offset; a pattern, if * or ? is in it */
	enum bpfprobe_kind kind;
	uint32_t offset;		/* bytes behind the function's beginning */
	unsigned int arg;		/* 1..12; 0: to be found */
	char field[BPFPROBE_FIELD_MAX]; /* of the struct that it points to; "": it is the packet */
	int list;			/* it is known for a list of packets (known.h) */
	int until;			/* packets are shown only if they come here (until= option) */
	int returns;			/* fexit, kretprobe: of the kind fentry, kprobe, and its exit */
};

/* What the device name begins with. */
enum bpfprobe_device_type {
	BPFPROBE_DEVICE_PROBE = 0, /* bpfprobe: */
	BPFPROBE_DEVICE_XDP,	   /* bpfxdp: */
	BPFPROBE_DEVICE_PROG,	   /* bpfprog: */
};

/* Where in a BPF program a packet is taken, ORed. */
enum bpfprobe_places {
	BPFPROBE_AT_ENTRY = 1,
	BPFPROBE_AT_EXIT = 2,
};

/* How a BPF program is named. */
enum bpfprobe_program_by {
	BPFPROBE_BY_ID = 0,
	BPFPROBE_BY_NAME,
	BPFPROBE_BY_TAG,
	BPFPROBE_BY_PIN,
};

struct bpfprobe_device {
	enum bpfprobe_device_type type;
	struct bpfprobe_name names[BPFPROBE_NAMES_MAX];
	unsigned int count;  /* of names: 0 unless type is PROBE */
	char dev[16];			  /* IFNAMSIZ; "": all interfaces */
	unsigned int places; /* XDP, PROG: enum bpfprobe_places; 0: where it makes sense */
	unsigned int actions; /* XDP, PROG: bit i: packets of action i (action.h); 0: of all */
	int netstack;	     /* XDP: also what the network stack is given */
	int native;	     /* XDP: a program of our own goes into the driver */
	enum bpfprobe_program_by by; /* PROG */
	uint32_t program_id;	     /* BY_ID */
	char program[256];	     /* else: name, tag, path */
	char map[BPFPROBE_MAP_MAX];  /* PROG: perf event array to read; "": none */
	char config[BPFPROBE_MAP_MAX]; /* PROG: array to write the configuration into; "": none */
	enum bpfprobe_netns_kind netns_kind;
	char netns[256];     /* NETNS_NAME */
	uint32_t netns_num;  /* NETNS_PID, NETNS_INODE */
	uint32_t len;	     /* bytes of a packet; 0: no limit but snaplen */
	uint32_t pages;	     /* pages of each ring, rounded up to a power of two; 0: as the buffer says */
	char proto[32];	     /* name of a DLT; "": by the probe */
	int stacktrace;	     /* with the kernel's stack, for who writes it: as the next */
	int noselect;	     /* nobody can wait for packets but by reading them */
	uint32_t track;	     /* PROBE: so many packets are followed at once; 0: none is */
	char fields[160];    /* what bpfprobe(8) is to write of a packet, with / in between; "": all */
	int64_t ret[BPFPROBE_RETS_MAX]; /* values that functions return */
	uint32_t rets;	     /* of them; 0: any */
	uint32_t rets_not;   /* 1: any but these */
	struct bpfprobe_who who;
};

/*
 * Takes `name` apart.  Returns 0, or -1 with one line in errbuf (of errlen bytes)
 * that quotes what is wrong and says what is expected.
 */
int bpfprobe_device_parse(
    struct bpfprobe_device *device, const char *name, char *errbuf, size_t errlen);

#endif
