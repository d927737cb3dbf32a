/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link headers: for packets of every shape, byte by byte, what a user of each
 * link type gets to see; and for every length that a packet may be cut to, that
 * nothing beyond it is read.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <linux/types.h>
#include "bpf/linkhdr.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define SLL2 BPFPROBE_DLT_LINUX_SLL2
#define EN10MB BPFPROBE_DLT_EN10MB
#define RAW BPFPROBE_DLT_RAW
#define IEEE802_11 105 /* a DLT of which nothing is known here */
#define REFUSED NULL

/* Pieces of packets, in hex. */
#define DST "0a0b0c0d0e0f "
#define SRC "020304050607 "
#define IP4 "4500001412345678 40110000c0000201c6336402 "
#define IP6 "6000000000003b40 20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define ARP "0001080006040001 020304050607 c0000201 000000000000 c6336402 "
#define ZEROS "000000000000 000000000000 "
#define LO_SRC "0000000000000000 "
#define SLL_SRC SRC "0000 "

/* A record, its packet, and what is to be seen of it; REFUSED: the link type cannot carry it. */
static const struct row {
	const char *name;
	struct bpfprobe_record rec;
	uint16_t protocol, vlan_proto; /* host byte order */
	const char *packet;
	const char *sll2, *en10mb, *raw;
} rows[] = {
	{ "Ethernet, IPv4",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1, .pkttype = 0 }, 0x0800, 0,
	    DST SRC "0800" IP4,
	    "0800 0000 00000003 0001 00 06" SLL_SRC IP4, DST SRC "0800" IP4, IP4 },
	{ "Ethernet, IPv6, outgoing; the bytes are believed, not skb->protocol",
	    { .layer = 2, .l2len = 14, .ifindex = 0x01020304, .arphrd = 1, .pkttype = 4 }, 0x0800, 0,
	    DST SRC "86dd" IP6,
	    "86dd 0000 01020304 0001 04 06" SLL_SRC IP6, DST SRC "86dd" IP6, IP6 },
	{ "loopback",
	    { .layer = 2, .l2len = 14, .ifindex = 1, .arphrd = 772, .pkttype = 0 }, 0x0800, 0,
	    ZEROS "0800" IP4,
	    "0800 0000 00000001 0304 00 06" LO_SRC IP4, ZEROS "0800" IP4, IP4 },
	{ "ARP",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1, .pkttype = 1 }, 0x0806, 0,
	    DST SRC "0806" ARP,
	    "0806 0000 00000003 0001 01 06" SLL_SRC ARP, DST SRC "0806" ARP, REFUSED },
	{ "VLAN tag beside the packet",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1, .vlan_tci = 0xe123 }, 0x0800, 0x8100,
	    DST SRC "0800" IP4,
	    "0800 0000 00000003 0001 00 06" SLL_SRC IP4, DST SRC "8100 e123 0800" IP4, IP4 },
	{ "802.1ad tag of value 0 beside the packet",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1, .vlan_tci = 0 }, 0x86dd, 0x88a8,
	    DST SRC "86dd" IP6,
	    "86dd 0000 00000003 0001 00 06" SLL_SRC IP6, DST SRC "88a8 0000 86dd" IP6, IP6 },
	{ "VLAN tag in the packet",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x8100, 0,
	    DST SRC "8100 0064 0800" IP4,
	    "8100 0000 00000003 0001 00 06" SLL_SRC "0064 0800" IP4, DST SRC "8100 0064 0800" IP4, IP4 },
	{ "two VLAN tags in the packet",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x88a8, 0,
	    DST SRC "88a8 0064 8100 0065 86dd" IP6,
	    "88a8 0000 00000003 0001 00 06" SLL_SRC "0064 8100 0065 86dd" IP6,
	    DST SRC "88a8 0064 8100 0065 86dd" IP6, IP6 },
	{ "three VLAN tags in the packet",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x8100, 0,
	    DST SRC "8100 0001 8100 0002 8100 0003 0800" IP4,
	    "8100 0000 00000003 0001 00 06" SLL_SRC "0001 8100 0002 8100 0003 0800" IP4,
	    DST SRC "8100 0001 8100 0002 8100 0003 0800" IP4, REFUSED },
	{ "one VLAN tag beside the packet, one in it",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1, .vlan_tci = 0x0064 }, 0x8100, 0x88a8,
	    DST SRC "8100 0065 0800" IP4,
	    "8100 0000 00000003 0001 00 06" SLL_SRC "0065 0800" IP4,
	    DST SRC "88a8 0064 8100 0065 0800" IP4, IP4 },
	{ "VLAN tag in the packet around ARP",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x8100, 0,
	    DST SRC "8100 0064 0806" ARP,
	    "8100 0000 00000003 0001 00 06" SLL_SRC "0064 0806" ARP, DST SRC "8100 0064 0806" ARP, REFUSED },
	{ "802.3 length: 802.2 LLC (spanning tree)",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1, .pkttype = 2 }, 0x0004, 0,
	    "0180c2000000" SRC "0026 424203 0000000000",
	    "0004 0000 00000003 0001 02 06" SLL_SRC "424203 0000000000",
	    "0180c2000000" SRC "0026 424203 0000000000", REFUSED },
	{ "802.3 length, the largest",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0, 0,
	    DST SRC "05ff 4242", "0004 0000 00000003 0001 00 06" SLL_SRC "4242", DST SRC "05ff 4242", REFUSED },
	{ "the smallest ethertype",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0, 0,
	    DST SRC "0600 4242", "0600 0000 00000003 0001 00 06" SLL_SRC "4242", DST SRC "0600 4242", REFUSED },
	{ "Novell: 802.3 without LLC",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x0001, 0,
	    DST SRC "0022 ffff 0022 0011",
	    "0001 0000 00000003 0001 00 06" SLL_SRC "ffff 0022 0011",
	    DST SRC "0022 ffff 0022 0011", REFUSED },
	{ "802.3, cut behind the header: what follows is not known to be Novell's",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0, 0,
	    DST SRC "0022 ff", "0004 0000 00000003 0001 00 06" SLL_SRC "ff", DST SRC "0022 ff", REFUSED },
	{ "nothing behind the Ethernet header",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x0800, 0,
	    DST SRC "0800", "0800 0000 00000003 0001 00 06" SLL_SRC, DST SRC "0800", "" },
	{ "cut within the Ethernet header: no header is known",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x0806, 0,
	    DST SRC "08", "0806 0000 00000003 0001 00 00" LO_SRC DST SRC "08",
	    ZEROS "0806" DST SRC "08", REFUSED },
	{ "cut within the tag: no IP header to start from",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x8100, 0,
	    DST SRC "8100 006408",
	    "8100 0000 00000003 0001 00 06" SLL_SRC "006408", DST SRC "8100 006408", REFUSED },
	{ "layer 3, IPv4 by skb->protocol",
	    { .layer = 3, .ifindex = 3, .arphrd = 1, .pkttype = 4 }, 0x0800, 0, IP4,
	    "0800 0000 00000003 0001 04 00" LO_SRC IP4, ZEROS "0800" IP4, IP4 },
	{ "layer 3, protocol not set: IPv4 by version",
	    { .layer = 3, .ifindex = 3, .arphrd = 1, .pkttype = 4 }, 0, 0, IP4,
	    "0800 0000 00000003 0001 04 00" LO_SRC IP4, ZEROS "0800" IP4, IP4 },
	{ "layer 3, protocol not set: IPv6 by version",
	    { .layer = 3, .ifindex = 3, .arphrd = 1, .pkttype = 4 }, 0, 0, IP6,
	    "86dd 0000 00000003 0001 04 00" LO_SRC IP6, ZEROS "86dd" IP6, IP6 },
	{ "layer 3, protocol not set, another version",
	    { .layer = 3, .ifindex = 3, .arphrd = 1 }, 0, 0, "5500",
	    "0000 0000 00000003 0001 00 00" LO_SRC "5500", ZEROS "0000 5500", REFUSED },
	{ "layer 3, tag beside the packet",
	    { .layer = 3, .ifindex = 3, .arphrd = 1, .vlan_tci = 0x0fff }, 0x0800, 0x8100, IP4,
	    "0800 0000 00000003 0001 00 00" LO_SRC IP4, ZEROS "8100 0fff 0800" IP4, IP4 },
	{ "layer 3 of a tunnel: ARPHRD_NONE",
	    { .layer = 3, .ifindex = 9, .arphrd = 0xfffe }, 0x86dd, 0, IP6,
	    "86dd 0000 00000009 fffe 00 00" LO_SRC IP6, ZEROS "86dd" IP6, IP6 },
	{ "layer 3, no interface: ARPHRD_VOID",
	    { .layer = 3, .ifindex = 0, .arphrd = 0xffff }, 0x0800, 0, IP4,
	    "0800 0000 00000000 ffff 00 00" LO_SRC IP4, ZEROS "0800" IP4, IP4 },
	{ "empty packet of layer 3",
	    { .layer = 3, .ifindex = 3, .arphrd = 1 }, 0, 0, "",
	    "0000 0000 00000003 0001 00 00" LO_SRC, ZEROS "0000", REFUSED },
	{ "unknown layer: the version is not believed",
	    { .layer = 0, .ifindex = 3, .arphrd = 1 }, 0, 0, IP4,
	    "0000 0000 00000003 0001 00 00" LO_SRC IP4, ZEROS "0000" IP4, REFUSED },
	{ "unknown layer with skb->protocol",
	    { .layer = 0, .ifindex = 3, .arphrd = 1 }, 0x0806, 0, ARP,
	    "0806 0000 00000003 0001 00 00" LO_SRC ARP, ZEROS "0806" ARP, REFUSED },
	{ "foreign namespace",
	    { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1, .foreign = 1 }, 0x0800, 0,
	    DST SRC "0800" IP4,
	    "0800 0000 40000003 0001 00 06" SLL_SRC IP4, DST SRC "0800" IP4, IP4 },
	{ "foreign namespace, no interface: number 0 stays",
	    { .layer = 3, .ifindex = 0, .arphrd = 0xffff, .foreign = 1 }, 0x0800, 0, IP4,
	    "0800 0000 00000000 ffff 00 00" LO_SRC IP4, ZEROS "0800" IP4, IP4 },
	{ "as it is: no link type adds or takes anything",
	    { .layer = 9, .ifindex = 3, .arphrd = 803, .vlan_tci = 1 }, 0x0800, 0x8100,
	    "08010203" IP4, "08010203" IP4, "08010203" IP4, "08010203" IP4 },
	{ "as it is, with an Ethernet header",
	    { .layer = 9, .l2len = 14, .ifindex = 3, .arphrd = 1 }, 0x0800, 0,
	    DST SRC "0800" IP4, DST SRC "0800" IP4, DST SRC "0800" IP4, DST SRC "0800" IP4 },
};

static size_t
from_hex(const char *hex, uint8_t *out)
{
	unsigned int byte;
	size_t n = 0;

	while (sscanf(hex, " %2x", &byte) == 1) {
		out[n++] = (uint8_t)byte;
		hex = strpbrk(hex, "0123456789abcdef") + 2;
	}
	return n;
}

/* Two pages, of which the second cannot be read. */
static uint8_t *page, *page_end;

static int
setup(void **state)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	(void)state;
	page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page_end = page + size;
	return page == MAP_FAILED || mprotect(page_end, size, PROT_NONE) < 0 ? -1 : 0;
}

static struct bpfprobe_record
make_record(const struct row *row, size_t caplen)
{
	struct bpfprobe_record rec = row->rec;

	rec.protocol = htons(row->protocol);
	rec.vlan_proto = htons(row->vlan_proto);
	rec.len = rec.caplen = (uint32_t)caplen;
	return rec;
}

/* Makes the header of `pkt`, which ends where the unreadable page begins.  -1 or the bytes seen. */
static int
make_seen(int dlt, const struct bpfprobe_record *rec, const uint8_t *packet, uint8_t *seen)
{
	struct {
		struct bpfprobe_link link;
		uint8_t canary[16];
	} out;
	uint8_t *pkt = page_end - rec->caplen;
	size_t i;

	memcpy(pkt, packet, rec->caplen);
	memset(&out, 0x5a, sizeof(out));
	if (bpfprobe_link_make(&out.link, dlt, rec, pkt) < 0)
		return -1;
	assert_memory_equal(pkt, packet, rec->caplen);
	for (i = 0; i < sizeof(out.canary); i++)
		assert_int_equal(out.canary[i], 0x5a);
	for (i = out.link.hdrlen; i < BPFPROBE_LINK_MAX; i++)
		assert_int_equal(out.link.hdr[i], 0x5a);
	assert_true(out.link.hdrlen <= BPFPROBE_LINK_MAX);
	assert_true(out.link.skip <= rec->caplen);
	memcpy(seen, out.link.hdr, out.link.hdrlen);
	memcpy(seen + out.link.hdrlen, pkt + out.link.skip, rec->caplen - out.link.skip);
	return (int)(out.link.hdrlen + rec->caplen - out.link.skip);
}

static void
check(const struct row *row, int dlt, const char *want_hex)
{
	uint8_t packet[256], want[256] = { 0 }, seen[256];
	size_t caplen = from_hex(row->packet, packet), n, i;
	struct bpfprobe_record rec = make_record(row, caplen);
	int got = make_seen(dlt, &rec, packet, seen);

	if (want_hex == REFUSED) {
		if (got != -1)
			fail_msg("%s: DLT %d is not refused", row->name, dlt);
		return;
	}
	n = from_hex(want_hex, want);
	if (got != (int)n)
		fail_msg("%s: DLT %d has %d bytes, not %zu", row->name, dlt, got, n);
	for (i = 0; i < n; i++)
		if (seen[i] != want[i])
			fail_msg("%s: DLT %d: byte %zu is %02x, not %02x", row->name, dlt, i, seen[i], want[i]);
}

static void
linux_sll2(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(rows); i++)
		check(&rows[i], SLL2, rows[i].sll2);
}

static void
en10mb(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(rows); i++)
		check(&rows[i], EN10MB, rows[i].en10mb);
}

static void
raw(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(rows); i++)
		check(&rows[i], RAW, rows[i].raw);
}

static void
another_link_type_shows_the_bytes_as_they_are(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(rows); i++)
		check(&rows[i], IEEE802_11, rows[i].packet);
}

/* Every packet cut to every length: nothing is read beyond, and never more is skipped than there is. */
static void
cut_packets_are_not_read_beyond_their_end(void **state)
{
	static const int dlts[] = { SLL2, EN10MB, RAW, IEEE802_11 };
	struct bpfprobe_record rec;
	uint8_t packet[256], seen[256];
	size_t i, d, cut, caplen;

	(void)state;
	for (i = 0; i < ROWS(rows); i++) {
		caplen = from_hex(rows[i].packet, packet);
		for (cut = 0; cut <= caplen; cut++) {
			rec = make_record(&rows[i], cut);
			for (d = 0; d < ROWS(dlts); d++)
				(void)make_seen(dlts[d], &rec, packet, seen);
		}
	}
}

/* A cut packet is seen as the beginning of the whole one, if it has its link header. */
static void
cut_packets_are_seen_as_the_beginning_of_the_whole(void **state)
{
	static const int dlts[] = { SLL2, EN10MB, RAW };
	struct bpfprobe_record rec;
	uint8_t packet[256], whole[256], seen[256];
	size_t i, d, cut, caplen;
	int n, got;

	(void)state;
	for (i = 0; i < ROWS(rows); i++) {
		caplen = from_hex(rows[i].packet, packet);
		for (d = 0; d < ROWS(dlts); d++) {
			rec = make_record(&rows[i], caplen);
			n = make_seen(dlts[d], &rec, packet, whole);
			for (cut = 22; cut < caplen; cut++) {
				rec = make_record(&rows[i], cut);
				got = make_seen(dlts[d], &rec, packet, seen);
				assert_int_equal(got, n < 0 ? -1 : n - (int)(caplen - cut));
				if (got > 0)
					assert_memory_equal(seen, whole, (size_t)got);
			}
		}
	}
}

/* On Ethernet it makes no difference where the kernel keeps the tag. */
static void
tag_beside_is_seen_as_tag_within(void **state)
{
	struct row beside = { .name = "beside", .rec = { .layer = 2, .l2len = 14, .ifindex = 3, .arphrd = 1 },
		.protocol = 0x0800, .vlan_proto = 0x8100, .packet = DST SRC "0800" IP4 };
	uint8_t packet[256], one[256], other[256];
	struct bpfprobe_record rec;
	char within[256];
	unsigned int tci;
	size_t caplen;
	int n;

	(void)state;
	for (tci = 0; tci < 65536; tci += 257) {
		beside.rec.vlan_tci = (uint16_t)tci;
		caplen = from_hex(beside.packet, packet);
		rec = make_record(&beside, caplen);
		n = make_seen(EN10MB, &rec, packet, one);
		snprintf(within, sizeof(within), DST SRC "8100 %04x 0800" IP4, tci);
		caplen = from_hex(within, packet);
		rec = make_record(&beside, caplen);
		rec.vlan_proto = 0;
		assert_int_equal(make_seen(EN10MB, &rec, packet, other), n);
		assert_memory_equal(one, other, (size_t)n);
	}
}

/* As that of libpcap at an nlmon interface: measured there. */
static void
netlink_has_a_cooked_header(void **state)
{
	static const uint8_t want[16] = { 0, 4, 0x03, 0x38, [15] = 16 };
	struct bpfprobe_record rec = { .pkttype = 4, .protocol = htons(16), .len = 32, .caplen = 32 };
	struct bpfprobe_link link;

	(void)state;
	memset(&link, 0x5a, sizeof(link));
	bpfprobe_link_netlink(&link, &rec);
	assert_int_equal(link.hdrlen, sizeof(want));
	assert_int_equal(link.skip, 0);
	assert_memory_equal(link.hdr, want, sizeof(want));
	assert_int_equal(link.hdr[sizeof(want)], 0x5a);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_sll2),
		cmocka_unit_test(en10mb),
		cmocka_unit_test(raw),
		cmocka_unit_test(another_link_type_shows_the_bytes_as_they_are),
		cmocka_unit_test(cut_packets_are_not_read_beyond_their_end),
		cmocka_unit_test(cut_packets_are_seen_as_the_beginning_of_the_whole),
		cmocka_unit_test(tag_beside_is_seen_as_tag_within),
		cmocka_unit_test(netlink_has_a_cooked_header),
	};

	return cmocka_run_group_tests_name("linkhdr", tests, setup, NULL);
}
