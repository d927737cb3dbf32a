/* SPDX-License-Identifier: BSD-3-Clause */
/* See foreign.h. */
#include <string.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include "bpf/linkhdr.h"
#include "capture/foreign.h"
#include "include/bpf_pcap.h"

/* What libpcap calls DLT_RAW has this number in files. */
#define LINKTYPE_RAW 101

/* A longer packet than this is none: with a link header its length must still be a number. */
#define LEN_MAX (INT32_MAX / 2)

/* Reads the header once: its memory may be written to meanwhile. */
static void
copy_header(struct bpf_pcap_hdr *hdr, const uint8_t *sample)
{
	memcpy(hdr, sample, sizeof(*hdr));
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static int
is_sane(const struct bpf_pcap_hdr *hdr, size_t size)
{
	return hdr->magic == BPF_PCAP_MAGIC && hdr->protocol >= BPF_PCAP_TYPE_UNSET &&
	    hdr->cap_len <= size - sizeof(*hdr) && hdr->cap_len <= hdr->tot_len && hdr->tot_len > 0 &&
	    hdr->tot_len <= LEN_MAX;
}

static int
is_ip(int protocol)
{
	return protocol == BPF_PCAP_TYPE_IP || protocol == LINKTYPE_RAW;
}

/* Whether the user wants packets of this kind. */
static int
is_wanted(const struct bpfprobe_foreign *foreign, int protocol)
{
	if (protocol == BPF_PCAP_TYPE_UNSET)
		return 1;
	if (foreign->dlt < 0)
		return protocol == BPF_PCAP_TYPE_ETH || is_ip(protocol);
	return protocol == foreign->dlt || (is_ip(protocol) && is_ip(foreign->dlt));
}

/* What the packet begins with. */
static void
set_start(const struct bpfprobe_foreign *foreign, int protocol, struct bpfprobe_record *record)
{
	record->layer = BPFPROBE_LAYER_NONE;
	record->arphrd = ARPHRD_VOID;
	if (foreign->dlt >= 0) {
		record->layer = BPFPROBE_LAYER_ASIS;
	} else if (is_ip(protocol)) {
		record->layer = BPFPROBE_LAYER_L3;
	} else if (protocol == BPF_PCAP_TYPE_ETH) {
		record->layer = BPFPROBE_LAYER_L2;
		record->l2len = BPFPROBE_ETH_HLEN;
		record->arphrd = ARPHRD_ETHER;
	}
}

/* A time that is still to come would hold back all that is behind it. */
static uint64_t
time_of(const struct bpfprobe_foreign *foreign, const struct bpf_pcap_hdr *hdr)
{
	if (hdr->ktime_ns > foreign->now && hdr->ktime_ns - foreign->now > BPFPROBE_FOREIGN_AHEAD)
		return foreign->now;
	return hdr->ktime_ns;
}

enum bpfprobe_foreign_kind
bpfprobe_foreign_read(const struct bpfprobe_foreign *foreign, const uint8_t *sample, size_t size,
    struct bpfprobe_record *record, const uint8_t **packet)
{
	struct bpf_pcap_hdr hdr;
	uint64_t time, id;

	if (size < sizeof(hdr))
		return BPFPROBE_FOREIGN_BROKEN;
	copy_header(&hdr, sample);
	if (!is_sane(&hdr, size))
		return BPFPROBE_FOREIGN_BROKEN;
	if (!is_wanted(foreign, hdr.protocol))
		return BPFPROBE_FOREIGN_OTHER;
	memset(record, 0, sizeof(*record));
	set_start(foreign, hdr.protocol, record);
	/* Of a header that is not whole it is not known what the packet is. */
	if (record->layer == BPFPROBE_LAYER_L2 && hdr.cap_len < BPFPROBE_ETH_HLEN)
		return BPFPROBE_FOREIGN_BROKEN;
	time = time_of(foreign, &hdr);
	record->time_lo = (__u32)time;
	record->time_hi = (__u32)(time >> 32);
	record->len = hdr.tot_len;
	record->caplen = hdr.cap_len;
	if (foreign->most > 0 && hdr.cap_len > record->l2len && hdr.cap_len - record->l2len > foreign->most)
		record->caplen = foreign->most + record->l2len;
	record->pkttype = PACKET_HOST;
	record->undecided = 1;
	id = hdr.flags & BPF_F_PCAP_ID_MASK;
	record->action = (__u32)id;
	record->elapsed = (__u32)(id >> 32);
	*packet = sample + sizeof(hdr);
	return BPFPROBE_FOREIGN_PACKET;
}
