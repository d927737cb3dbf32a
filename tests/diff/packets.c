/* SPDX-License-Identifier: BSD-3-Clause */
/* See packets.h. */
#include <stdio.h>
#include <string.h>
#include "tests/diff/packets.h"
#include "tests/unit/random_filter.h"

#define ETH "0a0b0c0d0e0f 020304050607 "
#define MCAST "01005e000001 020304050607 "
#define TCP "04d20050 00000001 00000000 50020200 00000000 11223344 47455420"
#define TCPOPT "01bb d903 00000001 00000000 a0120200 00000000 0204 05b4 0402 080a 01020304 00000000 01 03 03 07 47455420 2f"
#define UDP "00350400 000c0000 deadbeef"
#define ICMP "0800f7ff 00010001 61626364"
#define IP4(len, frag, proto) "4500" len "0001" frag "40" proto "0000 c0000201 c6336402 "
#define IP4OPT(proto) "47000040 00010000 40" proto "0000 c0000201 c6336402 94040000 01010101 "
#define IP6(next) "60000000 0040" next "40 20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define ARP "0001080006040001 020304050607 c0000201 000000000000 c6336402"

static const struct {
	const char *what, *hex;
} kinds[] = {
	{ "tcp4", ETH "0800" IP4("0030", "0000", "06") TCP },
	{ "tcp4 with options", ETH "0800" IP4OPT("06") TCPOPT },
	{ "udp4", ETH "0800" IP4("0020", "0000", "11") UDP },
	{ "udp4 with options", ETH "0800" IP4OPT("11") UDP },
	{ "udp4, first fragment", ETH "0800" IP4("0020", "2000", "11") UDP },
	{ "udp4, later fragment", ETH "0800" IP4("0020", "2010", "11") UDP },
	{ "icmp", ETH "0800" IP4("0020", "0000", "01") ICMP },
	{ "sctp4", ETH "0800" IP4("0024", "0000", "84") "00500035 00000001 00000000 00010004" },
	{ "igmp", MCAST "0800" IP4("001c", "0000", "02") "11640000 00000000" },
	{ "ah and tcp", ETH "0800" IP4("0040", "0000", "33") "06040000 00000001 00000001 000000000000000000000000 " TCP },
	{ "gre", ETH "0800" IP4("0040", "0000", "2f") "00000800" IP4("0020", "0000", "11") UDP },
	{ "ipip", ETH "0800" IP4("0040", "0000", "04") IP4("0020", "0000", "11") UDP },
	{ "geneve", ETH "0800" IP4("0060", "0000", "11") "d00017c1 00400000 00006558 00000a00" ETH "0800" IP4("0030", "0000", "06") TCP },
	{ "vxlan", ETH "0800" IP4("0060", "0000", "11") "d00012b5 00400000 08000000 00000a00" ETH "0800" IP4("0030", "0000", "06") TCP },
	{ "broadcast", "ffffffffffff 020304050607 0800" "45000020 00010000 40110000 c0000201 ffffffff" UDP },
	{ "tcp6", ETH "86dd" IP6("06") TCP },
	{ "udp6", ETH "86dd" IP6("11") UDP },
	{ "icmp6", "333300000001 020304050607 86dd" IP6("3a") "80001234 00010001" },
	{ "tcp6 behind hop-by-hop and routing", ETH "86dd" IP6("00") "2b00010400000000 0600000000000000" TCP },
	{ "udp6, fragment", ETH "86dd" IP6("2c") "1100000100000001" UDP },
	{ "udp6 behind many", ETH "86dd" IP6("3c") "3c00010400000000 3c00010400000000 3c00010400000000 1100010400000000" UDP },
	{ "arp", "ffffffffffff 020304050607 0806" ARP },
	{ "rarp", "ffffffffffff 020304050607 8035" ARP },
	{ "vlan", ETH "8100 0064 0800" IP4("0030", "0000", "06") TCP },
	{ "qinq", ETH "88a8 00c8 8100 0064 0800" IP4("0020", "0000", "11") UDP },
	{ "vlan, ip6", ETH "8100 2064 86dd" IP6("06") TCP },
	{ "mpls", ETH "8847 003e8140" IP4("0030", "0000", "06") TCP },
	{ "mpls twice", ETH "8847 003e8040 003e8140" IP4("0020", "0000", "11") UDP },
	{ "pppoe discovery", ETH "8863 11090000 0004 01010000" },
	{ "pppoe session", ETH "8864 11000007 0032 0021" IP4("0030", "0000", "06") TCP },
	{ "pppoe, ip6", ETH "8864 11000007 0032 0057" IP6("06") TCP },
	{ "llc", ETH "0026 4242 03 0000000000" },
	{ "snap", ETH "0026 aaaa03 0000000800" IP4("0020", "0000", "11") UDP },
	{ "isis", "0180c2000014 020304050607 0026 fefe03 83 1b 01 00 0f 01 00 00" },
	{ "ipx, 802.3", ETH "0026 ffff 0026 00 00 00000000ffffffffffff0452" },
	{ "lldp", "0180c200000e 020304050607 88cc 0207040a0b0c0d0e0f 0000" },
	{ "nothing", ETH "1234" },
};

static unsigned int
unhex(uint8_t *out, const char *hex)
{
	unsigned int n = 0, byte;

	while (*hex && n < PACKET_MAX) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		if (sscanf(hex, "%2x", &byte) != 1)
			return 0;
		out[n++] = (uint8_t)byte;
		hex += 2;
	}
	return n;
}

static unsigned int
add(struct frame *frames, unsigned int n, unsigned int max, const struct frame *whole, unsigned int len)
{
	if (n >= max || len < 14)
		return n;
	frames[n] = *whole;
	frames[n].len = len;
	memset(frames[n].bytes + len, 0, PACKET_MAX - len);
	return n + 1;
}

unsigned int
make_frames(struct frame *frames, unsigned int max, unsigned int cuts)
{
	uint64_t seed = 8472;
	struct frame whole;
	unsigned int n = 0, i, j, full;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		memset(&whole, 0, sizeof(whole));
		whole.what = kinds[i].what;
		full = unhex(whole.bytes, kinds[i].hex);
		n = add(frames, n, max, &whole, full);
		for (j = 0; j < cuts; j++)
			n = add(frames, n, max, &whole, 14 + (unsigned int)(random_next(&seed) % (full - 14 + 1)));
		/* And longer, for what looks at the payload. */
		n = add(frames, n, max, &whole, full + 1 + (unsigned int)(random_next(&seed) % (PACKET_MAX - full)));
	}
	whole.what = "random";
	for (i = 0; i < 4 + cuts; i++) {
		for (j = 0; j < PACKET_MAX; j++)
			whole.bytes[j] = (uint8_t)random_next(&seed);
		n = add(frames, n, max, &whole, 14 + (unsigned int)(random_next(&seed) % (PACKET_MAX - 14)));
	}
	return n;
}
