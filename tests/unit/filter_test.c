/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The user-space filter: for many expressions and packets in each link type, the
 * verdict that is right, which is libpcap's own too; the data that a filter may
 * ask of a live capture beside the bytes; and programs that are refused.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <linux/types.h>
#include <pcap/pcap.h>
#include "bpf/linkhdr.h"
#include "capture/filter.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define AD(offset) ((bpf_u_int32)(-0x1000 + (offset))) /* SKF_AD_OFF + offset of linux/filter.h */

#define ETHER "0a0b0c0d0e0f 020304050607 "
#define TCP4 "4500002c00010000 40060000c0000201c6336402 04d20050 0000000100000000 50020200 00000000 11223344"
#define UDP4 "4500001c00010000 40110000c0000201c6336402 00350035 00080000"
#define FRAG4 "4500001c00010001 40110000c0000201c6336402 00350035 00080000"
#define ICMP4 "4500001c00010000 40010000c6336402c0000201 0800f7ff 00000000"
#define UDP6 "6000000000081140 20010db8000000000000000000000001 20010db8000000000000000000000002 00350035 00080000"
#define ARP "0001080006040001 020304050607 c0000201 000000000000 c6336402"

/* The packets, on Ethernet; each is known to the expressions by a letter. */
static const struct {
	char letter;
	const char *hex;
	uint8_t pkttype;
	uint32_t ifindex, foreign;
} packets[] = {
	{ 't', ETHER "0800" TCP4, 0, 3, 0 },
	{ 'u', ETHER "0800" UDP4, 4, 3, 0 },
	{ 'f', ETHER "0800" FRAG4, 0, 4, 0 },
	{ 'i', "ffffffffffff 020304050607 0800" ICMP4, 1, 4, 0 },
	{ '6', ETHER "86dd" UDP6, 4, 3, 1 },
	{ 'a', "ffffffffffff 020304050607 0806" ARP, 1, 3, 0 },
	{ 'v', ETHER "8100 0064 0800" TCP4, 0, 3, 0 },
	{ 'c', ETHER "0800 4500002c00010000 4006", 0, 3, 0 }, /* TCP, cut within the IP header */
};

#define EN10MB 1
#define SLL2 2
#define RAW 4
#define ALL (EN10MB | SLL2 | RAW)

static const struct {
	int bit, dlt;
} links[] = {
	{ EN10MB, BPFPROBE_DLT_EN10MB },
	{ SLL2, BPFPROBE_DLT_LINUX_SLL2 },
	{ RAW, BPFPROBE_DLT_RAW },
};

/*
 * Which packets pass, in which link types.  RAW passes over VLAN tags, so that 'v'
 * is a TCP packet like 't' there; and it has no ARP.
 */
static const struct {
	const char *text;
	int links;
	const char *pass;
} expressions[] = {
	{ "", EN10MB | SLL2, "tufi6avc" },
	{ "", RAW, "tufi6vc" },
	{ "ip", EN10MB | SLL2, "tufic" },
	{ "ip", RAW, "tufivc" },
	{ "ip6", ALL, "6" },
	{ "arp", EN10MB | SLL2, "a" },
	{ "tcp", EN10MB | SLL2, "tc" },
	{ "tcp", RAW, "tvc" },
	{ "udp", ALL, "uf6" },
	{ "udp port 53", ALL, "u6" },
	{ "tcp port 80", EN10MB | SLL2, "t" },
	{ "tcp port 80", RAW, "tv" },
	{ "tcp dst port 80 and tcp[tcpflags] & tcp-syn != 0", RAW, "tv" },
	{ "tcp[20:4] == 0x11223344", EN10MB | SLL2, "t" },
	{ "tcp src port 80", ALL, "" },
	{ "icmp", ALL, "i" },
	{ "icmp[icmptype] == icmp-echo", ALL, "i" },
	{ "not ip", EN10MB | SLL2, "6av" },
	{ "host 192.0.2.1", EN10MB | SLL2, "tufia" },
	{ "src host 192.0.2.1", EN10MB | SLL2, "tufa" },
	{ "dst host 192.0.2.1", ALL, "i" },
	{ "src net 198.51.100.0/24", ALL, "i" },
	{ "host 2001:db8::2", ALL, "6" },
	{ "portrange 50-60", ALL, "u6" },
	{ "ip[6:2] & 0x1fff != 0", ALL, "f" },
	{ "vlan", EN10MB, "v" },
	{ "vlan 100 and tcp port 80", EN10MB, "v" },
	{ "vlan 101", EN10MB, "" },
	{ "ether broadcast", EN10MB, "ia" },
	{ "ether dst 0a:0b:0c:0d:0e:0f", EN10MB, "tuf6vc" },
	{ "ether proto 0x86dd", EN10MB | SLL2, "6" },
	{ "ether[12:2] == 0x0806", EN10MB, "a" },
	/* "len" is the length on the wire: 20 bytes more than there are of each packet. */
	{ "greater 79", EN10MB, "6v" },
	{ "less 68", EN10MB, "ufica" },
	/* What a live capture knows beside the bytes. */
	{ "inbound", EN10MB | SLL2, "tfiavc" },
	{ "inbound", RAW, "tfivc" },
	{ "outbound", ALL, "u6" },
	{ "outbound and udp port 53 and not ip6", ALL, "u" },
	{ "outbound or icmp", EN10MB | RAW, "u6i" },
	{ "not inbound", EN10MB, "u6" },
	{ "ifindex 4", ALL, "fi" },
	{ "ifindex 3 and udp", ALL, "u" },
	{ "ifindex 1073741827", ALL, "6" }, /* 0x40000003: 3 of another namespace */
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

/* One packet as the user sees it in a link type. */
struct seen {
	struct bpfprobe_record rec;
	struct pcap_pkthdr h;
	uint8_t bytes[256];
};

static int
see(size_t packet, int dlt, struct seen *seen)
{
	struct bpfprobe_link link;
	uint8_t pkt[256];
	uint32_t rest;

	memset(seen, 0, sizeof(*seen));
	seen->rec.layer = BPFPROBE_LAYER_L2;
	seen->rec.l2len = BPFPROBE_ETH_HLEN;
	seen->rec.arphrd = 1;
	seen->rec.caplen = (uint32_t)from_hex(packets[packet].hex, pkt);
	seen->rec.len = seen->rec.caplen + 20;
	seen->rec.ifindex = packets[packet].ifindex;
	seen->rec.foreign = packets[packet].foreign;
	seen->rec.pkttype = packets[packet].pkttype;
	seen->rec.protocol = htons(bpfprobe_get16(pkt + BPFPROBE_ETH_ADDRS));
	if (bpfprobe_link_make(&link, dlt, &seen->rec, pkt) < 0)
		return -1;
	rest = seen->rec.caplen - link.skip;
	memcpy(seen->bytes, link.hdr, link.hdrlen);
	memcpy(seen->bytes + link.hdrlen, pkt + link.skip, rest);
	seen->h.caplen = link.hdrlen + rest;
	seen->h.len = seen->h.caplen + 20;
	return 0;
}

static unsigned int
run(struct bpfprobe_filter *filter, const struct seen *seen)
{
	return bpfprobe_filter_run(filter, &seen->rec, seen->bytes, seen->h.len, seen->h.caplen);
}

static int
asks_beside_the_bytes(const struct bpf_program *program)
{
	u_int i;

	for (i = 0; i < program->bf_len; i++)
		if (BPF_CLASS(program->bf_insns[i].code) == BPF_LD &&
		    BPF_MODE(program->bf_insns[i].code) == BPF_ABS &&
		    program->bf_insns[i].k >= AD(0) && program->bf_insns[i].k < AD(64))
			return 1;
	return 0;
}

/* All packets through one expression in one link type; which of them pass. */
static void
check(const char *text, int dlt, const char *want, int optimize)
{
	struct bpfprobe_filter filter = { NULL, NULL, NULL, 0, 0 };
	pcap_t *dead = pcap_open_dead(dlt, 65535);
	char errbuf[PCAP_ERRBUF_SIZE] = "", pass[ROWS(packets) + 1] = "";
	struct bpf_program program;
	struct seen seen;
	size_t i;
	unsigned int got;

	if (pcap_compile(dead, &program, text, optimize, PCAP_NETMASK_UNKNOWN) < 0)
		fail_msg("%s: %s", text, pcap_geterr(dead));
	if (bpfprobe_filter_set(&filter, &program, errbuf) < 0)
		fail_msg("%s: %s", text, errbuf);
	for (i = 0; i < ROWS(packets); i++) {
		if (see(i, dlt, &seen) < 0)
			continue;
		got = run(&filter, &seen);
		if (got != 0)
			sprintf(pass + strlen(pass), "%c", packets[i].letter);
		if (!asks_beside_the_bytes(&program) &&
		    got != (unsigned int)pcap_offline_filter(&program, &seen.h, seen.bytes))
			fail_msg("%s: DLT %d: packet %c: libpcap says otherwise", text, dlt, packets[i].letter);
	}
	/* In the order of the table. */
	for (i = 0; i < ROWS(packets); i++)
		if (!strchr(want, packets[i].letter) != !strchr(pass, packets[i].letter))
			fail_msg("%s: DLT %d: \"%s\" pass, not \"%s\"", text, dlt, pass, want);
	bpfprobe_filter_clear(&filter);
	pcap_freecode(&program);
	pcap_close(dead);
}

static void
expressions_select_the_right_packets(void **state)
{
	size_t i, l;

	(void)state;
	for (i = 0; i < ROWS(expressions); i++) {
		for (l = 0; l < ROWS(links); l++) {
			if (!(expressions[i].links & links[l].bit))
				continue;
			check(expressions[i].text, links[l].dlt, expressions[i].pass, 0);
			check(expressions[i].text, links[l].dlt, expressions[i].pass, 1);
		}
	}
}

static void
set(struct bpfprobe_filter *filter, struct bpf_insn *insns, u_int n)
{
	struct bpf_program program = { n, insns };
	char errbuf[PCAP_ERRBUF_SIZE] = "";

	if (bpfprobe_filter_set(filter, &program, errbuf) < 0)
		fail_msg("%s", errbuf);
}

/* The value that a load of `size` at SKF_AD_OFF + offset gives. */
static unsigned int
load(unsigned int offset, u_short size, const struct bpfprobe_record *rec)
{
	struct bpf_insn insns[] = { BPF_STMT(BPF_LD | BPF_ABS, AD(offset)), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct bpfprobe_filter filter = { NULL, NULL, NULL, 0, 0 };
	const u_char pkt[4] = { 0 };
	unsigned int value;

	insns[0].code |= size;
	set(&filter, insns, 2);
	value = bpfprobe_filter_run(&filter, rec, pkt, sizeof(pkt), sizeof(pkt));
	bpfprobe_filter_clear(&filter);
	return value;
}

static void
data_beside_the_bytes(void **state)
{
	static const u_short sizes[] = { BPF_B, BPF_H, BPF_W };
	struct bpfprobe_record rec;
	size_t i;

	(void)state;
	memset(&rec, 0, sizeof(rec));
	rec.protocol = htons(0x86dd);
	rec.pkttype = 4;
	rec.ifindex = 0x01020304;
	rec.arphrd = 0x0304;
	for (i = 0; i < ROWS(sizes); i++) {
		assert_int_equal(load(0, sizes[i], &rec), 0x86dd);
		assert_int_equal(load(4, sizes[i], &rec), 4);
		assert_int_equal(load(8, sizes[i], &rec), 0x01020304);
		assert_int_equal(load(28, sizes[i], &rec), 0x0304);
	}
	rec.foreign = 1;
	assert_int_equal(load(8, BPF_W, &rec), 0x41020304);
}

/* The same filter for packet after packet: each has its own data, in every load of it. */
static void
data_is_that_of_each_packet(void **state)
{
	/* ifindex * 1000 + pkttype + ifindex */
	struct bpf_insn insns[] = {
		BPF_STMT(BPF_LD | BPF_ABS | BPF_W, AD(8)),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 1000),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_ABS | BPF_W, AD(4)),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_ABS | BPF_W, AD(8)),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct bpfprobe_filter filter = { NULL, NULL, NULL, 0, 0 };
	struct bpfprobe_record rec;
	const u_char pkt[1] = { 0 };
	uint32_t i;

	(void)state;
	memset(&rec, 0, sizeof(rec));
	set(&filter, insns, ROWS(insns));
	for (i = 1; i < 50; i++) {
		rec.ifindex = i;
		rec.pkttype = (__u8)(i % 5);
		assert_int_equal(bpfprobe_filter_run(&filter, &rec, pkt, 1, 1), i * 1001 + i % 5);
	}
	bpfprobe_filter_clear(&filter);
}

/* The application's program is copied, and left as it is. */
static void
program_of_the_application_is_its_own(void **state)
{
	struct bpf_insn insns[] = { BPF_STMT(BPF_LD | BPF_ABS | BPF_W, AD(8)), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct bpfprobe_filter filter = { NULL, NULL, NULL, 0, 0 };
	struct bpf_insn before[2];
	struct bpfprobe_record rec;
	const u_char pkt[1] = { 0 };

	(void)state;
	memset(&rec, 0, sizeof(rec));
	rec.ifindex = 17;
	memcpy(before, insns, sizeof(insns));
	set(&filter, insns, 2);
	assert_memory_equal(before, insns, sizeof(insns));
	memset(insns, 0, sizeof(insns));
	assert_int_equal(bpfprobe_filter_run(&filter, &rec, pkt, 1, 1), 17);
	bpfprobe_filter_clear(&filter);
}

static void
value_of_the_filter_is_returned(void **state)
{
	struct bpf_insn insns[] = { BPF_STMT(BPF_RET | BPF_K, 96) };
	struct bpfprobe_filter filter = { NULL, NULL, NULL, 0, 0 };
	const u_char pkt[1] = { 0 };
	struct bpfprobe_record rec;

	(void)state;
	memset(&rec, 0, sizeof(rec));
	set(&filter, insns, 1);
	assert_int_equal(bpfprobe_filter_run(&filter, &rec, pkt, 1, 1), 96);
	bpfprobe_filter_clear(&filter);
	assert_int_equal(bpfprobe_filter_run(&filter, &rec, pkt, 1, 1), UINT_MAX);
	bpfprobe_filter_clear(&filter);
}

static void
assert_refused(struct bpfprobe_filter *filter, struct bpf_insn *insns, u_int n, const char *want)
{
	struct bpf_program program = { n, insns };
	char errbuf[PCAP_ERRBUF_SIZE] = "";

	assert_int_equal(bpfprobe_filter_set(filter, &program, errbuf), -1);
	assert_string_equal(errbuf, want);
}

#define INVALID "the filter is not a valid BPF program"

/* Each refusal leaves the filter that was there. */
static void
refused_programs_change_nothing(void **state)
{
	struct bpf_insn keep[] = { BPF_STMT(BPF_LD | BPF_ABS | BPF_W, AD(8)), BPF_STMT(BPF_RET | BPF_A, 0) };
	struct bpf_insn endless[] = { BPF_STMT(BPF_LD | BPF_IMM, 1) };
	struct bpf_insn jump[] = { BPF_STMT(BPF_JMP | BPF_JA, 7), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct bpf_insn mem[] = { BPF_STMT(BPF_ST, BPF_MEMWORDS), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct bpf_insn div[] = { BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct bpf_insn ad[] = { keep[0], { 0, 0, 0, 0 }, BPF_STMT(BPF_RET | BPF_A, 0) };
	struct bpfprobe_filter filter = { NULL, NULL, NULL, 0, 0 };
	const u_char pkt[1] = { 0 };
	struct bpfprobe_record rec;
	char message[128];
	unsigned int offset, refused = 0;

	(void)state;
	memset(&rec, 0, sizeof(rec));
	rec.ifindex = 21;
	set(&filter, keep, 2);
	assert_refused(&filter, NULL, 0, INVALID);
	assert_refused(&filter, keep, UINT_MAX, INVALID);
	assert_refused(&filter, endless, 1, INVALID);
	assert_refused(&filter, jump, 2, INVALID);
	assert_refused(&filter, mem, 2, INVALID);
	assert_refused(&filter, div, 2, INVALID);
	for (offset = 0; offset < 64; offset++) {
		if (offset == 0 || offset == 4 || offset == 8 || offset == 28)
			continue;
		ad[1] = (struct bpf_insn)BPF_STMT(BPF_LD | BPF_ABS | BPF_W, AD(offset));
		snprintf(message, sizeof(message),
		    "the filter loads ancillary data %u, which a probe does not have", offset);
		assert_refused(&filter, ad, 3, message);
		refused++;
		assert_int_equal(bpfprobe_filter_run(&filter, &rec, pkt, 1, 1), 21);
	}
	assert_int_equal(refused, 60);
	bpfprobe_filter_clear(&filter);
}

/* Loads far beyond any packet are loads beyond the packet, and no ancillary data. */
static void
far_loads_reject(void **state)
{
	static const bpf_u_int32 far[] = { 1000, 0x7ffff000, 0x7fffffff, 0x80000000, AD(-1), AD(64), 0xfff00000,
		0xffffffff };
	struct bpf_insn insns[] = { BPF_STMT(BPF_LD | BPF_ABS | BPF_B, 0), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct bpfprobe_filter filter = { NULL, NULL, NULL, 0, 0 };
	const u_char pkt[1] = { 0 };
	struct bpfprobe_record rec;
	size_t i;

	(void)state;
	memset(&rec, 0, sizeof(rec));
	for (i = 0; i < ROWS(far); i++) {
		insns[0].k = far[i];
		set(&filter, insns, 2);
		assert_int_equal(bpfprobe_filter_run(&filter, &rec, pkt, 1, 1), 0);
	}
	/* An immediate of such a value is no load, and neither is an indirect one. */
	insns[0] = (struct bpf_insn)BPF_STMT(BPF_LD | BPF_IMM, AD(8));
	insns[1] = (struct bpf_insn)BPF_STMT(BPF_RET | BPF_A, 0);
	set(&filter, insns, 2);
	assert_int_equal(bpfprobe_filter_run(&filter, &rec, pkt, 1, 1), AD(8));
	bpfprobe_filter_clear(&filter);
}

/* How much of a packet has to be captured for a filter to be exact. */
static void
reach_covers_what_is_looked_at(void **state)
{
	static const struct {
		const char *text;
		unsigned int least, most;
	} rows[] = {
		{ "", 0, 0 },
		{ "ether[100:4] = 1", 104, 104 },
		{ "ether[100] = 1", 101, 104 },
		{ "ip[8] = 1", 23, 26 },
		{ "udp port 53", 14 + 60 + 4, 14 + 60 + 6 },
		{ "udp[400:2] = 1", 14 + 60 + 402, 14 + 60 + 404 },
		{ "ip[ip[3]] = 1", UINT_MAX, UINT_MAX },
		{ "ip6 protochain 6", UINT_MAX, UINT_MAX },
		{ "greater 100", 0, 0 },
	};
	struct bpfprobe_filter filter = { NULL, NULL, NULL, 0, 0 };
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	struct bpf_program program;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(rows); i++) {
		if (pcap_compile(dead, &program, rows[i].text, 1, PCAP_NETMASK_UNKNOWN) < 0)
			fail_msg("%s: %s", rows[i].text, pcap_geterr(dead));
		set(&filter, program.bf_insns, program.bf_len);
		pcap_freecode(&program);
		if (filter.reach < rows[i].least || filter.reach > rows[i].most)
			fail_msg("\"%s\" reaches %u, not %u to %u", rows[i].text, filter.reach,
			    rows[i].least, rows[i].most);
	}
	bpfprobe_filter_clear(&filter);
	pcap_close(dead);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_select_the_right_packets),
		cmocka_unit_test(data_beside_the_bytes),
		cmocka_unit_test(data_is_that_of_each_packet),
		cmocka_unit_test(program_of_the_application_is_its_own),
		cmocka_unit_test(value_of_the_filter_is_returned),
		cmocka_unit_test(refused_programs_change_nothing),
		cmocka_unit_test(far_loads_reject),
		cmocka_unit_test(reach_covers_what_is_looked_at),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
