/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of a packet, as words of a comment and as a line of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tools/fields.h"

static const struct bpfprobe_label entry = { .kind = BPFPROBE_LABEL_PROGRAM,
	.place = BPFPROBE_PLACE_ENTRY, .actions = BPFPROBE_ACTIONS_XDP, .program = 42, .targets = 1, .name = "f" };
static const struct bpfprobe_label leave = { .kind = BPFPROBE_LABEL_PROGRAM,
	.place = BPFPROBE_PLACE_EXIT, .actions = BPFPROBE_ACTIONS_XDP, .program = 42, .targets = 1, .name = "f" };
static const struct bpfprobe_label tc = { .kind = BPFPROBE_LABEL_PROGRAM,
	.place = BPFPROBE_PLACE_EXIT, .actions = BPFPROBE_ACTIONS_TC, .program = 42, .targets = 1, .name = "f" };
static const struct bpfprobe_label number = { .kind = BPFPROBE_LABEL_PROGRAM,
	.place = BPFPROBE_PLACE_EXIT, .program = 42, .targets = 1, .name = "f" };
static const struct bpfprobe_label function = { .targets = 1, .name = "kprobe/ip_rcv@12" };
static const struct bpfprobe_label map = { .kind = BPFPROBE_LABEL_MAP, .targets = 1, .name = "m" };

static const struct bpfprobe_returned unknown = { 0, 0, 0 };

static struct bpfprobe_record rec;
static struct bpfprobe_pcapng_packet packet;
static struct bpfprobe_meta meta;
static struct bpfprobe_reasons reasons;
static struct bpfprobe_symbols symbols;
static struct bpfprobe_facts facts;
static char text[BPFPROBE_FIELDS_MAX];

static int
prepare(void **state)
{
	(void)state;
	memset(&rec, 0, sizeof(rec));
	memset(&packet, 0, sizeof(packet));
	packet.time = 1700000000000000042;
	packet.len = 1500;
	packet.caplen = 96;
	packet.direction = BPFPROBE_PCAPNG_OUTBOUND;
	facts = (struct bpfprobe_facts){ .device = "bpfprobe:drop", .probe = "p", .label = &function,
		.rec = &rec, .returned = &unknown, .packet = &packet, .reasons = &reasons, .symbols = &symbols,
		.cpu = BPFPROBE_CPU_UNKNOWN };
	memset(&meta, 0, sizeof(meta));
	meta.seen.pid = meta.seen.uid = BPFPROBE_UNTOLD;
	return 0;
}

static void
assert_comment(const struct bpfprobe_label *label, const char *want)
{
	facts.label = label;
	bpfprobe_fields_comment(text, bpfprobe_fields_of_comments(), &facts);
	assert_string_equal(text, want);
}

static void
assert_json(const char *fields, const char *want)
{
	uint32_t set = BPFPROBE_FIELDS_ALL;

	if (fields != NULL)
		assert_int_equal(bpfprobe_fields_parse(fields, &set), 0);
	assert_int_equal(bpfprobe_fields_json(text, set, &facts), strlen(want));
	assert_string_equal(text, want);
}

static void
comments(void **state)
{
	(void)state;
	assert_comment(&function, "probe=p");
	rec.ifindex = 7;
	facts.ifname = "eth0";
	assert_comment(&function, "probe=p ifindex=7 dev=eth0");
	rec.netns = 4026531840U;
	assert_comment(&function, "probe=p ifindex=7 dev=eth0 netns=inode/4026531840");
	assert_false(bpfprobe_fields_need_meta(0));
	bpfprobe_fields_comment(text, 0, &facts);
	assert_string_equal(text, "");
}

static void
what_was_returned(void **state)
{
	const struct bpfprobe_returned minus = { 1, 0, -22 }, drop = { 1, 0, 1 };

	(void)state;
	rec.action = 1;
	rec.elapsed = 1200;
	assert_comment(&function, "probe=p");
	assert_comment(&leave, "probe=p action=XDP_DROP elapsed=1200ns");
	facts.returned = &minus;
	assert_comment(&function, "probe=p");
	rec.returns = 1;
	assert_comment(&function, "probe=p ret=-22");
	facts.returned = &drop;
	assert_comment(&entry, "probe=p action=XDP_DROP");
	rec.elapsed = 0;
	assert_comment(&tc, "probe=p action=TC_ACT_RECLASSIFY");
	assert_comment(&number, "probe=p ret=1");
	rec.action = UINT32_MAX;
	assert_comment(&tc, "probe=p action=TC_ACT_UNSPEC");
	assert_comment(&leave, "probe=p ret=-1");
	rec.elapsed = 2;
	assert_comment(&map, "probe=p id=12884901887");
}

static void
metadata(void **state)
{
	(void)state;
	facts.meta = &meta;
	facts.cpu = 0;
	assert_comment(&function, "probe=p cpu=0");
	meta.seen.pid = 12;
	meta.tid = 13;
	meta.seen.uid = 0;
	strcpy((char *)meta.comm, "kworker/0:1 x");
	meta.mark = 0x10;
	meta.cookie[0] = 5;
	packet.has_queue = 1;
	packet.queue = 3;
	assert_comment(&function, "probe=p cpu=0 pid=12 comm=kworker%2f0%3a1%20x uid=0 sk=5 mark=0x10");
	assert_json("queue,pid,tid,comm,uid,sk,mark",
	    "{\"queue\":3,\"pid\":12,\"tid\":13,\"comm\":\"kworker/0:1 x\",\"uid\":0,\"sk\":5,\"mark\":16}\n");
	assert_true(bpfprobe_fields_need_meta(bpfprobe_fields_of_comments()));
}

/* By their names, as far as the kernel tells them. */
static void
drop_reasons(void **state)
{
	static struct bpfprobe_reason items[] = { { 2, "SKB_DROP_REASON_NOT_SPECIFIED", "" },
		{ 0x10001, "RX_DROP_U_REPLAY", "" } };
	struct bpfprobe_label drop = function;

	(void)state;
	drop.reasons = 1;
	rec.action = 2;
	assert_comment(&drop, "probe=p");
	facts.meta = &meta;
	assert_comment(&function, "probe=p");
	assert_comment(&drop, "probe=p reason=2");
	assert_json("reason", "{\"reason\":2}\n");
	reasons = (struct bpfprobe_reasons){ items, 2, 2 };
	assert_comment(&drop, "probe=p reason=NOT_SPECIFIED");
	rec.action = 0x10001;
	assert_json("reason", "{\"reason\":\"RX_DROP_U_REPLAY\"}\n");
	rec.action = 3;
	assert_comment(&drop, "probe=p reason=3");
}

/* With its function, if the kernel tells it, or without. */
static void
locations(void **state)
{
	(void)state;
	facts.meta = &meta;
	meta.location[1] = 0xffffffff;
	meta.location[0] = 0x81000123;
	assert_comment(&function, "probe=p location=0xffffffff81000123");
	assert_json("location", "{\"location\":\"0xffffffff81000123\"}\n");
	assert_int_equal(bpfprobe_symbols_add(&symbols, "ffffffff81000100 T f\n"), 0);
	bpfprobe_symbols_sort(&symbols);
	assert_comment(&function, "probe=p location=f+0x23");
	assert_json("location", "{\"location\":\"f+0x23\"}\n");
	bpfprobe_symbols_free(&symbols);
}

static void
stacks(void **state)
{
	(void)state;
	facts.stack = "a+0x1\nb+0x2";
	assert_comment(&function, "probe=p stack=a+0x1,b+0x2");
	assert_json("stack", "{\"stack\":[\"a+0x1\",\"b+0x2\"]}\n");
}

static void
lines(void **state)
{
	(void)state;
	assert_json(NULL, "{\"time\":1700000000.000000042,\"device\":\"bpfprobe:drop\",\"probe\":\"p\","
	                  "\"direction\":\"out\",\"len\":1500,\"caplen\":96}\n");
	packet.direction = BPFPROBE_PCAPNG_INBOUND;
	packet.has_id = 1;
	packet.id = UINT64_MAX;
	rec.netns = 4026531840U;
	assert_json("packet,direction/netns",
	    "{\"direction\":\"in\",\"packet\":\"18446744073709551615\",\"netns\":4026531840}\n");
	assert_json("ret", "{}\n");
	facts.label = &leave;
	rec.action = UINT32_MAX;
	rec.elapsed = 3;
	assert_json("ret,action,elapsed", "{\"ret\":-1,\"elapsed\":3}\n");
}

static void
any_bytes(void **state)
{
	uint32_t set;

	(void)state;
	facts.probe = "a \"b\\\x01\xff%";
	assert_json("probe", "{\"probe\":\"a \\\"b\\\\\\u0001\\u00ff%\"}\n");
	assert_int_equal(bpfprobe_fields_parse("probe", &set), 0);
	bpfprobe_fields_comment(text, set, &facts);
	assert_string_equal(text, "probe=a%20\"b\\%01%ff%25");
}

/* The longest names there are, of the worst bytes: nothing is cut off. */
static void
longest(void **state)
{
	static char device[BPFPROBE_DEVICE_MAX], probe[BPFPROBE_LABEL_MAX + 64], name[16], stack[64 * 96];
	size_t n;

	(void)state;
	memset(device, 0xff, sizeof(device) - 1);
	memset(probe, 0xff, sizeof(probe) - 1);
	memset(name, 0xff, sizeof(name) - 1);
	memset(stack, 'f', sizeof(stack) - 1);
	for (n = 95; n < sizeof(stack) - 1; n += 96)
		stack[n] = '\n';
	facts.stack = stack;
	facts.device = device;
	facts.probe = probe;
	facts.ifname = name;
	n = bpfprobe_fields_json(text, BPFPROBE_FIELDS_ALL, &facts);
	assert_int_equal(n, strlen(text));
	assert_true(strlen(text) > 6 * (255 + 223 + 15) + sizeof(stack));
	assert_non_null(strstr(text, "}\n"));
}

static void
sets(void **state)
{
	uint32_t set = 0;

	(void)state;
	assert_int_equal(bpfprobe_fields_parse("dev", &set), 0);
	assert_int_equal(__builtin_popcount(set), 1);
	assert_int_equal(bpfprobe_fields_parse("dev,dev/len", &set), 0);
	assert_int_equal(__builtin_popcount(set), 2);
	assert_int_equal(bpfprobe_fields_parse("", &set), -1);
	assert_int_equal(bpfprobe_fields_parse("dev,", &set), -1);
	assert_int_equal(bpfprobe_fields_parse("de", &set), -1);
	assert_int_equal(bpfprobe_fields_parse("devs", &set), -1);
	assert_int_equal(bpfprobe_fields_parse("dev len", &set), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(comments, prepare),
		cmocka_unit_test_setup(what_was_returned, prepare),
		cmocka_unit_test_setup(metadata, prepare),
		cmocka_unit_test_setup(drop_reasons, prepare),
		cmocka_unit_test_setup(locations, prepare),
		cmocka_unit_test_setup(stacks, prepare),
		cmocka_unit_test_setup(lines, prepare),
		cmocka_unit_test_setup(any_bytes, prepare),
		cmocka_unit_test_setup(longest, prepare),
		cmocka_unit_test_setup(sets, prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
