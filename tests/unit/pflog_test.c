/* SPDX-License-Identifier: BSD-3-Clause */
/* The header of PFLOG, byte by byte, and what follows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <endian.h>
#include <linux/types.h>
#include "bpf/pflog.h"

#define MAC "\x02\0\0\0\0\x02\x02\0\0\0\0\x01"

static const struct bpfprobe_name16 dropped = { { 0x4654454e, 0x45544c49, 0x52445f52, 0x504f } };

static struct bpfprobe_record
record(unsigned int l2len, unsigned int caplen)
{
	struct bpfprobe_record rec;

	memset(&rec, 0, sizeof(rec));
	rec.layer = l2len > 0 ? BPFPROBE_LAYER_L2 : BPFPROBE_LAYER_L3;
	rec.l2len = (__u8)l2len;
	rec.len = rec.caplen = caplen;
	return rec;
}

static uint32_t
big_endian(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t
host_endian(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void
every_field_is_at_its_place(void **state)
{
	struct bpfprobe_seen seen = { .name = 12, .blocked = 1, .uid = 1000, .pid = 4711 };
	struct bpfprobe_record rec = record(0, 20);
	union {
		struct bpfprobe_pflog hdr;
		uint8_t bytes[64];
	} it;

	(void)state;
	memcpy(seen.ifname, "veth0123456789a", 16);
	rec.action = 12;
	rec.probe = 3;
	rec.netns = 0xf0000099;
	rec.ifindex = 7;
	rec.pkttype = 4;
	memset(&it, 0xee, sizeof(it));
	bpfprobe_pflog_begin(&it.hdr, BPFPROBE_AF_INET);
	bpfprobe_pflog_finish(&it.hdr, &rec, &seen, &dropped);
	assert_int_equal(it.bytes[0], 61);
	assert_int_equal(it.bytes[1], 2);
	assert_int_equal(it.bytes[2], 1);
	assert_int_equal(it.bytes[3], 0);
	assert_memory_equal(it.bytes + 4, "veth0123456789a", 16);
	assert_memory_equal(it.bytes + 20, "NETFILTER_DROP\0", 16);
	assert_int_equal(big_endian(it.bytes + 36), 12);
	assert_int_equal(big_endian(it.bytes + 40), 3);
	assert_int_equal(host_endian(it.bytes + 44), 1000);
	assert_int_equal(host_endian(it.bytes + 48), 4711);
	assert_int_equal(host_endian(it.bytes + 52), 0xf0000099);
	assert_int_equal(host_endian(it.bytes + 56), 7);
	assert_int_equal(it.bytes[60], 2);
	assert_memory_equal(it.bytes + 61, "\0\0", 3);
}

/* The number of the rule that has the name. */
static uint32_t
rule(unsigned int name, uint32_t action)
{
	const struct bpfprobe_seen seen = { .name = (__u16)name };
	struct bpfprobe_record rec = record(0, 20);
	struct bpfprobe_pflog hdr;

	rec.probe = 5;
	rec.action = action;
	bpfprobe_pflog_finish(&hdr, &rec, &seen, &dropped);
	assert_int_equal(hdr.action, BPFPROBE_PF_PASS);
	assert_int_equal(hdr.dir, BPFPROBE_PF_IN);
	return be32toh(hdr.rulenr);
}

static void
the_rule_is_the_reason_the_action_or_the_probe(void **state)
{
	(void)state;
	assert_int_equal(rule(12, 12), 12);
	assert_int_equal(rule(bpfprobe_name_of_reason(0x10007), 0x10007), 0x10007);
	assert_int_equal(rule(BPFPROBE_NAMES_UNKNOWN, 999), 999);
	assert_int_equal(rule(BPFPROBE_NAMES_XDP + 2, 2), 2);
	assert_int_equal(rule(BPFPROBE_NAMES_PROBE + 5, 999), 5);
}

/* What the packet begins with behind the header. */
static void
expect(const struct bpfprobe_record *rec, const char *pkt, unsigned int af, unsigned int skip)
{
	__u32 skipped = 99;

	assert_int_equal(bpfprobe_pflog_af(rec, (const __u8 *)pkt, &skipped), af);
	assert_int_equal(skipped, skip);
}

static void
ip_begins_behind_the_header_all_else_as_it_is(void **state)
{
	struct bpfprobe_record rec = record(14, 34);

	(void)state;
	expect(&rec, MAC "\x08\0\x45", BPFPROBE_AF_INET, 14);
	expect(&rec, MAC "\x86\xdd\x60", BPFPROBE_AF_INET6, 14);
	expect(&rec, MAC "\x08\x06\0\x01", 0, 0);
	expect(&rec, MAC "\0\x26\x42\x42", 0, 0);
	/* Tags among the bytes. */
	expect(&rec, MAC "\x81\0\0\x64\x08\0\x45", BPFPROBE_AF_INET, 18);
	expect(&rec, MAC "\x88\xa8\0\x64\x81\0\0\x64\x86\xdd\x60", BPFPROBE_AF_INET6, 22);
	expect(&rec, MAC "\x81\0\0\x64\x81\0\0\x64\x81\0\0\x64\x08\0\x45", 0, 0);
	rec.caplen = 17;
	expect(&rec, MAC "\x81\0\0\x64\x08", 0, 0);
	/* Without a MAC header the protocol says it, or the version. */
	rec = record(0, 20);
	expect(&rec, "\x45", BPFPROBE_AF_INET, 0);
	expect(&rec, "\x60", BPFPROBE_AF_INET6, 0);
	expect(&rec, "\x10", 0, 0);
	rec.protocol = htobe16(0x86dd);
	expect(&rec, "\x45", BPFPROBE_AF_INET6, 0);
	rec.layer = BPFPROBE_LAYER_NONE;
	rec.protocol = 0;
	expect(&rec, "\x45", 0, 0);
}

static void
readers_get_another_number_for_ipv6(void **state)
{
	struct bpfprobe_pflog hdr;

	(void)state;
	bpfprobe_pflog_begin(&hdr, BPFPROBE_AF_INET6);
	bpfprobe_pflog_show(&hdr);
	assert_int_equal(hdr.af, 24);
	bpfprobe_pflog_begin(&hdr, BPFPROBE_AF_INET);
	bpfprobe_pflog_show(&hdr);
	assert_int_equal(hdr.af, 2);
	bpfprobe_pflog_begin(&hdr, 0);
	bpfprobe_pflog_show(&hdr);
	assert_int_equal(hdr.af, 0);
}

static void
its_length_is_known(void **state)
{
	__u32 min, max;

	(void)state;
	bpfprobe_link_bounds(BPFPROBE_DLT_PFLOG, &min, &max);
	assert_int_equal(min, 64);
	assert_int_equal(max, 64);
	assert_int_equal(bpfprobe_link_untagged(BPFPROBE_DLT_PFLOG, 0), 64);
	assert_int_equal(bpfprobe_link_untagged(BPFPROBE_DLT_PFLOG, 1), 64);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_at_its_place),
		cmocka_unit_test(the_rule_is_the_reason_the_action_or_the_probe),
		cmocka_unit_test(ip_begins_behind_the_header_all_else_as_it_is),
		cmocka_unit_test(readers_get_another_number_for_ipv6),
		cmocka_unit_test(its_length_is_known),
	};

	return cmocka_run_group_tests_name("pflog", tests, NULL, NULL);
}
