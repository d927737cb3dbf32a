/* SPDX-License-Identifier: BSD-3-Clause */
/* See filter.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "bpf/linkhdr.h"
#include "capture/filter.h"

/*
 * linux/filter.h has these, but cannot be included beside pcap/bpf.h: both
 * define struct bpf_insn's cBPF predecessor.
 */
#define SKF_AD_OFF (-0x1000)
#define SKF_AD_MAX 64
#define SKF_AD_PROTOCOL 0
#define SKF_AD_PKTTYPE 4
#define SKF_AD_IFINDEX 8
#define SKF_AD_HATYPE 28

/* Which ancillary data the instruction loads, or -1: it is not such a load. */
static int
ancillary(const struct bpf_insn *insn)
{
	bpf_u_int32 at = insn->k - (bpf_u_int32)SKF_AD_OFF;

	if (BPF_CLASS(insn->code) != BPF_LD || BPF_MODE(insn->code) != BPF_ABS)
		return -1;
	return at < SKF_AD_MAX ? (int)at : -1;
}

static int
is_known(int source)
{
	return source == SKF_AD_PROTOCOL || source == SKF_AD_PKTTYPE ||
	       source == SKF_AD_IFINDEX || source == SKF_AD_HATYPE;
}

/* Notes the loads of ancillary data and turns them into loads of a constant. */
static int
find_patches(struct bpfprobe_filter *filter, unsigned int len, char *errbuf)
{
	struct bpf_insn *insn;
	unsigned int i;
	int source;

	for (i = 0; i < len; i++) {
		insn = &filter->insns[i];
		source = ancillary(insn);
		if (source < 0)
			continue;
		if (!is_known(source)) {
			snprintf(errbuf, PCAP_ERRBUF_SIZE,
			    "the filter loads ancillary data %d, which a probe does not have", source);
			return -1;
		}
		insn->code = BPF_LD | BPF_IMM;
		filter->patched[filter->npatched] = i;
		filter->source[filter->npatched++] = (unsigned int)source;
	}
	return 0;
}

static unsigned int
add(unsigned int a, unsigned int b)
{
	return a > UINT_MAX - b ? UINT_MAX : a + b;
}

/* The most that the index register can hold: in ordinary filters the length of an IP header. */
static unsigned int
index_max(const struct bpf_insn *insns, unsigned int len)
{
	unsigned int i, max = 0, value;

	for (i = 0; i < len; i++) {
		if (BPF_CLASS(insns[i].code) == BPF_LDX) {
			value = BPF_MODE(insns[i].code) == BPF_MSH ? 4 * 0xf :
			    BPF_MODE(insns[i].code) == BPF_IMM     ? insns[i].k :
								     UINT_MAX;
			if (value > max)
				max = value;
		} else if (insns[i].code == (BPF_MISC | BPF_TAX)) {
			return UINT_MAX;
		}
	}
	return max;
}

/* How far into a packet, link header included, the instructions can look. */
static unsigned int
find_reach(const struct bpf_insn *insns, unsigned int len)
{
	unsigned int i, end, index = index_max(insns, len), reach = 0;

	for (i = 0; i < len; i++) {
		if (BPF_CLASS(insns[i].code) != BPF_LD && BPF_CLASS(insns[i].code) != BPF_LDX)
			continue;
		switch (BPF_MODE(insns[i].code)) {
		case BPF_IND:
			end = add(index, insns[i].k);
			break;
		case BPF_ABS:
		case BPF_MSH:
			end = insns[i].k;
			break;
		default:
			continue;
		}
		end = add(end, 4); /* the widest load */
		if (end > reach)
			reach = end;
	}
	return reach;
}

int
bpfprobe_filter_set(
    struct bpfprobe_filter *filter, const struct bpf_program *program, char *errbuf)
{
	struct bpfprobe_filter made = { NULL, NULL, NULL, 0, 0 };
	unsigned int n = program->bf_len;

	if (n > INT_MAX || !bpf_validate(program->bf_insns, (int)n)) {
		snprintf(errbuf, PCAP_ERRBUF_SIZE, "the filter is not a valid BPF program");
		return -1;
	}
	made.insns = malloc(n * sizeof(*made.insns));
	made.patched = calloc(n, sizeof(*made.patched));
	made.source = calloc(n, sizeof(*made.source));
	if (made.insns == NULL || made.patched == NULL || made.source == NULL) {
		snprintf(errbuf, PCAP_ERRBUF_SIZE, "no memory for a filter of %u instructions", n);
		goto err;
	}
	memcpy(made.insns, program->bf_insns, n * sizeof(*made.insns));
	if (find_patches(&made, n, errbuf) < 0)
		goto err;
	made.reach = find_reach(made.insns, n); /* ancillary loads are none any more */
	bpfprobe_filter_clear(filter);
	*filter = made;
	return 0;
err:
	bpfprobe_filter_clear(&made);
	return -1;
}

void
bpfprobe_filter_clear(struct bpfprobe_filter *filter)
{
	free(filter->insns);
	free(filter->patched);
	free(filter->source);
	memset(filter, 0, sizeof(*filter));
}

static bpf_u_int32
ancillary_value(unsigned int source, const struct bpfprobe_record *rec)
{
	switch (source) {
	case SKF_AD_PROTOCOL:
		return bpfprobe_ntohs(rec->protocol);
	case SKF_AD_PKTTYPE:
		return rec->pkttype;
	case SKF_AD_IFINDEX:
		return bpfprobe_shown_ifindex(rec);
	default: /* SKF_AD_HATYPE */
		return rec->arphrd;
	}
}

unsigned int
bpfprobe_filter_run(struct bpfprobe_filter *filter, const struct bpfprobe_record *rec,
    const u_char *pkt, unsigned int len, unsigned int caplen)
{
	struct bpf_program program = { 0, filter->insns };
	struct pcap_pkthdr h = { .caplen = caplen, .len = len };
	unsigned int i;

	if (filter->insns == NULL)
		return UINT_MAX;
	for (i = 0; i < filter->npatched; i++)
		filter->insns[filter->patched[i]].k =
		    ancillary_value(filter->source[i], rec);
	return (unsigned int)pcap_offline_filter(&program, &h, pkt);
}
