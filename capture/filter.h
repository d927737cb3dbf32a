/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The user-space side of a capture filter: libpcap's pcap_offline_filter() over the bytes
 * that the user sees, link header included, plus what a filter may ask of a live
 * Linux capture beside the bytes ("inbound", "ifindex 3" on EN10MB and RAW), which
 * it does not know: such a load of "ancillary data" becomes a load of a
 * constant, that is set for each packet before the filter runs.
 */
#ifndef BPFPROBE_FILTER_H
#define BPFPROBE_FILTER_H

#include <pcap/pcap.h>
#include <linux/types.h>
#include "bpf/record.h"

struct bpfprobe_filter {
	struct bpf_insn *insns; /* a copy of ours; NULL: everything passes */
	unsigned int *patched;	/* indexes of the loads of ancillary data */
	unsigned int *source;	/* which data each of them loads: SKF_AD_* */
	unsigned int npatched;
	unsigned int reach; /* bytes of a packet, link header included, that it may look at */
};

/*
 * Replaces the filter with a copy of `program`.  On failure the old one stays,
 * -1 is returned and errbuf (PCAP_ERRBUF_SIZE) says why: the program is not
 * valid, asks for ancillary data that a probe does not have, or memory is short.
 */
int bpfprobe_filter_set(
    struct bpfprobe_filter *filter, const struct bpf_program *program, char *errbuf);

/* Frees it; everything passes then. */
void bpfprobe_filter_clear(struct bpfprobe_filter *filter);

/*
 * Runs the filter over `caplen` bytes at `pkt` of a packet of `len` bytes, made
 * from `rec`.  Returns how many bytes of it are wanted at most; 0: none, rejected.
 */
unsigned int bpfprobe_filter_run(struct bpfprobe_filter *filter, const struct bpfprobe_record *rec,
    const u_char *pkt, unsigned int len, unsigned int caplen);

/*
 * How many bytes of a packet, link header included, are needed: for an application with
 * this snapshot length, or for the filter.
 */
static inline unsigned int
bpfprobe_filter_needs(const struct bpfprobe_filter *filter, unsigned int snaplen)
{
	unsigned int most = snaplen > BPFPROBE_SNAPLEN_MIN ? snaplen : BPFPROBE_SNAPLEN_MIN;

	return filter->reach > most ? filter->reach : most;
}

#endif
