/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The translator against libpcap's bpf_filter(): expressions and random programs,
 * over packets of all sorts, cut everywhere, in every way to read them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "helper/translate.h"
#include "tests/unit/ebpf.h"
#include "tests/unit/random_filter.h"
#include "tests/unit/reference.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define EN10MB 1
#define RAW 12
#define SLL2 276
#define DIRECT (BPFPROBE_READS_DIRECT | BPFPROBE_READS_VARIABLE)
#define BY_POINTER BPFPROBE_READS_PACKET
#define PACKET_MAX 220

static const char *const packets[] = {
	/* Behind 20 bytes of SLL2 or 14 of Ethernet, which begin() puts in front. */
	"4500002c00010000 40060000c0000201c6336402 04d20050 0000000100000000 50020200 00000000 11223344",
	"4500001c00010000 40110000c0000201c6336402 00350035 00080000",
	"4500001c00010001 40110000c0000201c6336402 00350035 00080000",
	"4800002800010000 40110000c0000201c6336402 94040000 01010101 01010100 00350035 00140000 4142434445464748494a4b4c",
	"4500001c00010000 40010000c6336402c0000201 0800f7ff 00000000",
	"6000000000081140 20010db8000000000000000000000001 20010db8000000000000000000000002 00350035 00080000",
	"60000000 0020 00 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
	"3c00010400000000 2b00010400000000 0600000000000000 04d20050 0000000100000000 50020200 00000000",
	"0001080006040001 020304050607 c0000201 000000000000 c6336402",
};

static const struct {
	int dlt;
	unsigned int hdrlen, hdrlen_min, hdrlen_max;
	const char *header; /* without the ethertype, where it ends with that */
} links[] = {
	{ EN10MB, 0, 0, 18, "0a0b0c0d0e0f020304050607" },
	{ EN10MB, 14, 0, 18, "000000000000000000000000" },
	{ EN10MB, 16, 0, 18, "0a0b0c0d0e0f02030405060781000064" },
	{ RAW, 0, 0, 0, "" },
	{ SLL2, 20, 20, 20, "" },
};

static const char *const expressions[] = { "", "ip", "ip6", "arp", "tcp", "udp port 53", "tcp port 80",
	"host 192.0.2.1", "net 198.51.100.0/24", "portrange 50-60", "icmp[icmptype] = 8", "ip6 protochain 6",
	"ip protochain 17", "udp[8:4] = 0x41424344", "ip[ip[0] & 0xf] = 2", "ip[2:2] - ((ip[0] & 0xf) << 2) > 8",
	"greater 50", "less 40", "len = 62", "tcp[tcpflags] & tcp-syn != 0", "not ip", "ip6 host 2001:db8::1",
	"ip[1] / ip[6] = 0", "ip[8] >> ip[6] = 64", "ether[100] = 1", "vlan 100 and udp", "mpls", "pppoes",
	"udp[400:4] = 1", "ip and ip[4:4] * 7 % 13 ^ 5 | 3 != 0", "sctp or udp port 53 or tcp dst port 80",
	"inbound", "ifindex 3" };

struct packet {
	uint8_t bytes[PACKET_MAX];
	unsigned int len;
};

static unsigned int
unhex(uint8_t *out, const char *hex)
{
	unsigned int n = 0, byte;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		out[n++] = (uint8_t)byte;
		hex++;
	}
	return n;
}

static void
make_packet(struct packet *p, size_t link, size_t which)
{
	uint8_t net[PACKET_MAX];
	unsigned int n = unhex(net, packets[which]);
	unsigned int type = net[0] >> 4 == 4 ? 0x0800 : net[0] >> 4 == 6 ? 0x86dd : 0x0806;

	memset(p, 0, sizeof(*p));
	if (links[link].dlt == SLL2) {
		p->bytes[0] = (uint8_t)(type >> 8);
		p->bytes[1] = (uint8_t)type;
		p->bytes[7] = 3;
		p->bytes[9] = 1;
		p->bytes[10] = which % 2 ? 4 : 0;
		p->len = 20;
	} else if (links[link].dlt == EN10MB) {
		p->len = unhex(p->bytes, links[link].header);
		p->bytes[p->len++] = (uint8_t)(type >> 8);
		p->bytes[p->len++] = (uint8_t)type;
	}
	memcpy(p->bytes + p->len, net, n);
	p->len += n;
}

static unsigned int
window_of(const struct bpfprobe_translation *translation, unsigned int reads, size_t link)
{
	return reads & (BPFPROBE_READS_DIRECT | BY_POINTER) ? links[link].hdrlen : translation->window;
}

/* The verdict must be the reference's; where the kernel cannot read, it may be undecided. */
static void
compare(const struct bpfprobe_translation *translation, const struct packet *p, size_t link,
    unsigned int reads, unsigned int want, const char *text)
{
	static const unsigned int edges[] = { 0, 1, 14, 20, 34, 47, PACKET_MAX };
	unsigned int window = window_of(translation, reads, link), avail;
	struct ebpf_packet packet;
	int64_t verdict;
	size_t i;

	for (i = 0; i < ROWS(edges); i++) {
		avail = edges[i] < p->len ? edges[i] : p->len;
		if (avail < links[link].hdrlen)
			continue; /* a program puts the header there first */
		if (!(reads & (BPFPROBE_READS_DIRECT | BY_POINTER)) && avail > window)
			avail = window;
		ebpf_packet(&packet, p->bytes, p->len, links[link].hdrlen, window, avail);
		if (reads & (BPFPROBE_READS_DIRECT | BY_POINTER))
			memcpy(packet.view.window, p->bytes, links[link].hdrlen);
		/* In the kernel avail is never more than that; it is to be compared with all the same. */
		if (reads & BY_POINTER)
			ebpf_packet_pointers(&packet, i % 3 ? avail : links[link].hdrlen + (avail - links[link].hdrlen) / 2);
		verdict = ebpf_run(translation->insns, translation->count, &packet);
		if (verdict != want)
			fail_msg("%s: DLT %d, packet of %u, reads %u, avail %u: %lld, not %u", text,
			    links[link].dlt, p->len, reads, avail, (long long)verdict, want);
		packet.readable = avail;
		verdict = ebpf_run(translation->insns, translation->count, &packet);
		if (verdict != want && verdict != BPFPROBE_UNDECIDED)
			fail_msg("%s: decides what it cannot", text);
	}
}

static void
translate(struct bpfprobe_translation *translation, const struct sock_filter *filter,
    unsigned int count, unsigned int reads, size_t link, const char *text)
{
	unsigned int min = reads & BY_POINTER ? links[link].hdrlen : links[link].hdrlen_min;
	unsigned int max = reads & BY_POINTER ? links[link].hdrlen : links[link].hdrlen_max;
	const char *flaw;
	unsigned int at;
	char why[256];

	if (bpfprobe_translate(translation, filter, count, reads, min, max, why, sizeof(why)) < 0)
		fail_msg("%s: %s", text, why);
	flaw = ebpf_flaw(translation->insns, translation->count, &at);
	if (flaw != NULL)
		fail_msg("%s: instruction %u of %u: %s", text, at, translation->count, flaw);
}

static const unsigned int modes[] = { 0, BPFPROBE_READS_VARIABLE, DIRECT, BY_POINTER };

static void
try_expression(const char *text, size_t link, int optimize, unsigned int *tried, unsigned int *passed)
{
	struct sock_filter filter[4096];
	struct bpfprobe_translation translation;
	unsigned int count = reference_compile(links[link].dlt, text, optimize, filter, ROWS(filter)), want, full;
	struct packet p;
	size_t i, m;

	/* Beside the bytes bpf_filter() knows nothing; SLL2 has these among them. */
	if (count == 0 || (links[link].dlt != SLL2 && *text && strstr("inbound ifindex 3", text)))
		return;
	++*tried;
	for (m = 0; m < ROWS(modes); m++) {
		translate(&translation, filter, count, modes[m], link, text);
		for (i = 0; i < ROWS(packets); i++) {
			make_packet(&p, link, i);
			for (full = p.len; p.len > links[link].hdrlen; p.len -= p.len > full / 2 ? 1 : 3) {
				want = reference_run(filter, p.bytes, p.len);
				*passed += want != 0;
				compare(&translation, &p, link, modes[m], want, text);
				if (p.len < 4)
					break;
			}
		}
		free(translation.insns);
	}
}

static void
expressions_as_in_libpcap(void **state)
{
	unsigned int tried = 0, passed = 0;
	size_t i, link;

	(void)state;
	for (i = 0; i < ROWS(expressions); i++) {
		for (link = 0; link < ROWS(links); link++) {
			try_expression(expressions[i], link, 0, &tried, &passed);
			try_expression(expressions[i], link, 1, &tried, &passed);
		}
	}
	assert_true(tried > 250);
	assert_true(passed > 10000);
}

static void
random_programs_as_in_libpcap(void **state)
{
	struct bpfprobe_translation translation;
	struct sock_filter filter[64];
	uint64_t seed = 20190912;
	unsigned int i, count, want, accepted = 0, n = 20000;
	struct packet p;
	size_t link, m;
	char text[32];

	(void)state;
	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "random program %u", i);
		count = random_filter(filter, ROWS(filter), 0, &seed);
		assert_true(reference_is_valid(filter, count));
		link = random_next(&seed) % ROWS(links);
		make_packet(&p, link, random_next(&seed) % ROWS(packets));
		p.len -= (unsigned int)(random_next(&seed) % (p.len - links[link].hdrlen));
		want = reference_run(filter, p.bytes, p.len);
		accepted += want != 0;
		for (m = 0; m < ROWS(modes); m++) {
			translate(&translation, filter, count, modes[m], link, text);
			compare(&translation, &p, link, modes[m], want, text);
			free(translation.insns);
		}
	}
	assert_true(accepted > n / 10 && accepted < n - n / 10);
}

#define LD_X(k) BPF_STMT(BPF_LDX | BPF_IMM, k)
#define LD_A(k) BPF_STMT(BPF_LD | BPF_IMM, k)
#define OP(op, src, k) BPF_STMT(BPF_ALU | (op) | (src), k)
#define RET_A BPF_STMT(BPF_RET | BPF_A, 0)

static const struct {
	struct sock_filter filter[4];
	int64_t verdict;
} edges[] = {
	{ { LD_A(5), LD_X(0), OP(BPF_DIV, BPF_X, 0), RET_A }, 0 },
	{ { LD_A(5), LD_X(0), OP(BPF_MOD, BPF_X, 0), RET_A }, 0 },
	{ { LD_A(0xffffffff), LD_X(3), OP(BPF_DIV, BPF_X, 0), RET_A }, 0x55555555 },
	{ { LD_A(0xffffffff), LD_X(16), OP(BPF_MOD, BPF_X, 0), RET_A }, 15 },
	{ { LD_A(1), LD_X(31), OP(BPF_LSH, BPF_X, 0), RET_A }, 0x80000000 },
	{ { LD_A(1), LD_X(32), OP(BPF_LSH, BPF_X, 0), RET_A }, 0 },
	{ { LD_A(0x80000000), LD_X(31), OP(BPF_RSH, BPF_X, 0), RET_A }, 1 },
	{ { LD_A(0x80000000), LD_X(33), OP(BPF_RSH, BPF_X, 0), RET_A }, 0 },
	{ { LD_A(0xffffffff), LD_X(1), OP(BPF_ADD, BPF_X, 0), RET_A }, 0 },
	{ { LD_A(0), LD_X(1), OP(BPF_SUB, BPF_X, 0), RET_A }, 0xffffffff },
	{ { LD_A(1), LD_X(0), OP(BPF_NEG, BPF_K, 0), RET_A }, 0xffffffff },
	{ { LD_A(0x80000000), LD_X(2), OP(BPF_MUL, BPF_X, 0), RET_A }, 0 },
	{ { LD_A(0x80000000), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1, 0, 1), BPF_STMT(BPF_RET | BPF_K, 7), RET_A }, 7 },
	{ { LD_X(0xffffffff), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1), RET_A, RET_A }, 0 },
	{ { LD_X(0xffffffff), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0xffffffff), RET_A, RET_A }, 0 },
	{ { LD_X(0), BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0x80000000), RET_A, RET_A }, 0 },
	{ { LD_X(0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffffd), RET_A, RET_A }, 0 },
	{ { BPF_STMT(BPF_LD | BPF_MEM, 15), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0), RET_A }, 0 },
	{ { LD_X(9), BPF_STMT(BPF_STX, 15), BPF_STMT(BPF_LD | BPF_MEM, 15), RET_A }, 9 },
	{ { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_IFINDEX)), RET_A, RET_A, RET_A }, 77 },
	{ { BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_PKTTYPE)), RET_A, RET_A, RET_A }, 4 },
};

static void
edges_of_each_instruction(void **state)
{
	static const uint8_t bytes[32];
	struct bpfprobe_translation translation;
	struct ebpf_packet packet;
	size_t i, m;
	int64_t verdict;

	(void)state;
	for (i = 0; i < ROWS(edges); i++) {
		for (m = 0; m < ROWS(modes); m++) {
			translate(&translation, edges[i].filter, 4, modes[m], 3, "edge");
			ebpf_packet(&packet, bytes, sizeof(bytes), 0, translation.window, sizeof(bytes));
			if (modes[m] == BY_POINTER)
				ebpf_packet_pointers(&packet, sizeof(bytes));
			packet.view.ifindex = 77;
			packet.view.pkttype = 4;
			verdict = ebpf_run(translation.insns, translation.count, &packet);
			if (verdict != edges[i].verdict)
				fail_msg("edge %zu, mode %zu: %lld", i, m, (long long)verdict);
			free(translation.insns);
		}
	}
}

static const struct {
	struct sock_filter filter[3];
	unsigned int count;
	const char *why;
} refused[] = {
	{ { RET_A, RET_A, RET_A }, 0, "the filter has 0 instructions, not 1 to 4096" },
	{ { LD_A(1), LD_A(1), LD_A(1) }, 3, "the filter is not a valid BPF program" },
	{ { BPF_STMT(BPF_JMP | BPF_JA, 2), RET_A, RET_A }, 3, "the filter is not a valid BPF program" },
	{ { BPF_STMT(BPF_JMP | BPF_JA, (__u32)-2), RET_A, RET_A }, 3, "the filter is not a valid BPF program" },
	{ { BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0), RET_A, RET_A }, 3, "the filter is not a valid BPF program" },
	{ { BPF_STMT(BPF_ST, 16), RET_A, RET_A }, 3, "the filter is not a valid BPF program" },
	{ { OP(BPF_DIV, BPF_K, 0), RET_A, RET_A }, 3, "the filter is not a valid BPF program" },
	{ { BPF_STMT(BPF_LD | BPF_DW | BPF_ABS, 0), RET_A, RET_A }, 3, "the filter is not a valid BPF program" },
	{ { BPF_STMT(BPF_ALU | 0xb0, 1), RET_A, RET_A }, 3, "the filter is not a valid BPF program" },
	{ { OP(BPF_LSH, BPF_K, 32), RET_A, RET_A }, 3, "the filter shifts by 32 bits" },
	{ { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_MARK)), RET_A, RET_A }, 3,
	    "the filter loads ancillary data 20, which a probe does not have" },
};

static void
refused_programs_say_why(void **state)
{
	struct bpfprobe_translation translation;
	char why[256];
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(refused); i++) {
		assert_int_equal(bpfprobe_translate(&translation, refused[i].filter, refused[i].count, 0, 0, 0,
		    why, sizeof(why)), -1);
		assert_string_equal(why, refused[i].why);
	}
}

/* A loop that does not end: so many times and not more. */
static void
loops_are_bounded(void **state)
{
	static const struct sock_filter endless[] = { BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0),
		BPF_STMT(BPF_JMP | BPF_JA, (__u32)-2), BPF_STMT(BPF_RET | BPF_K, 1) };
	static const uint8_t bytes[32];
	struct bpfprobe_translation translation;
	struct ebpf_packet packet;

	(void)state;
	translate(&translation, endless, 3, 0, 3, "endless");
	ebpf_packet(&packet, bytes, sizeof(bytes), 0, 0, 0);
	assert_int_equal(ebpf_run(translation.insns, translation.count, &packet), BPFPROBE_UNDECIDED);
	assert_int_equal(translation.constant, 1);
	free(translation.insns);
}

/* 4,096 instructions are possible; if each of them loads byte by byte, the jumps become too long. */
static void
long_programs(void **state)
{
	static struct sock_filter filter[BPFPROBE_FILTER_MAX];
	struct bpfprobe_translation translation;
	struct ebpf_packet packet;
	static const uint8_t bytes[64];
	char why[256];
	unsigned int i, n = BPFPROBE_FILTER_MAX;

	(void)state;
	filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12);
	for (i = 1; i < n - 1; i++)
		filter[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, n - 2 - i < 255 ? (__u8)(n - 2 - i) : 255, 0);
	filter[n - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 99);
	translate(&translation, filter, n, 0, 3, "long");
	ebpf_packet(&packet, bytes, sizeof(bytes), 0, translation.window, translation.window);
	assert_int_equal(ebpf_run(translation.insns, translation.count, &packet), 99);
	assert_int_equal(packet.calls, 0);
	free(translation.insns);

	for (i = 0; i < n - 1; i++)
		filter[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 1);
	assert_int_equal(bpfprobe_translate(&translation, filter, n, 0, 0, 0, why, sizeof(why)), -1);
	assert_string_equal(why, "the filter is too long for the kernel: 4096 instructions");
}

static void
constant_filters_are_known(void **state)
{
	static const struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, 262144) };
	static const struct sock_filter length[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), RET_A };
	struct bpfprobe_translation translation;

	(void)state;
	translate(&translation, all, 1, 0, 4, "all");
	assert_int_equal(translation.constant, 1);
	free(translation.insns);
	translate(&translation, length, 2, 0, 4, "length");
	assert_int_equal(translation.constant, 0);
	free(translation.insns);
}

/* What need not be found out for the packets that they reject. */
static void
filters_that_look_beside_the_bytes_are_known(void **state)
{
	static const struct {
		const char *text;
		size_t link;
		unsigned int beside;
	} cases[] = {
		{ "tcp port 80", 4, 0 }, { "ip6[48] = 1", 4, 0 }, { "less 60", 4, 0 },
		{ "inbound", 4, 1 }, { "ifindex 3", 4, 1 }, { "ip and link[10:1] = 4", 4, 1 },
		{ "link[1:2] = 0", 4, 1 }, { "link[0:2] = 0x800", 4, 0 }, { "link[ip[0]] = 1", 4, 1 },
		{ "tcp port 80", 0, 0 }, { "ether host 0a:0b:0c:0d:0e:0f", 0, 0 }, { "inbound", 0, 1 },
		{ "tcp port 80", 3, 0 }, { "ifindex 3", 3, 1 },
	};
	struct bpfprobe_translation translation;
	struct sock_filter filter[4096];
	unsigned int count;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(cases); i++) {
		count = reference_compile(links[cases[i].link].dlt, cases[i].text, 1, filter, ROWS(filter));
		if (count == 0)
			fail_msg("%s: does not compile", cases[i].text);
		translate(&translation, filter, count, 0, cases[i].link, cases[i].text);
		if (translation.beside != cases[i].beside)
			fail_msg("%s: beside %u", cases[i].text, translation.beside);
		free(translation.insns);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_of_each_instruction),
		cmocka_unit_test(refused_programs_say_why),
		cmocka_unit_test(loops_are_bounded),
		cmocka_unit_test(long_programs),
		cmocka_unit_test(constant_filters_are_known),
		cmocka_unit_test(filters_that_look_beside_the_bytes_are_known),
		cmocka_unit_test(expressions_as_in_libpcap),
		cmocka_unit_test(random_programs_as_in_libpcap),
	};

	return cmocka_run_group_tests_name("translate", tests, NULL, NULL);
}
