/* SPDX-License-Identifier: BSD-3-Clause */
/* What a pcapng file says of probes and packets, from labels and records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <linux/if_packet.h>
#include "tools/annotate.h"

static const struct bpfprobe_label entry = { .kind = BPFPROBE_LABEL_PROGRAM,
	.place = BPFPROBE_PLACE_ENTRY, .actions = BPFPROBE_ACTIONS_XDP, .program = 42, .targets = 1, .name = "f" };
static const struct bpfprobe_label leave = { .kind = BPFPROBE_LABEL_PROGRAM,
	.place = BPFPROBE_PLACE_EXIT, .actions = BPFPROBE_ACTIONS_XDP, .program = 42, .targets = 1, .name = "f" };
static const struct bpfprobe_label tc = { .kind = BPFPROBE_LABEL_PROGRAM,
	.place = BPFPROBE_PLACE_EXIT, .actions = BPFPROBE_ACTIONS_TC, .program = 42, .targets = 1, .name = "f" };
static const struct bpfprobe_label number = { .kind = BPFPROBE_LABEL_PROGRAM,
	.place = BPFPROBE_PLACE_EXIT, .program = 42, .targets = 1, .name = "f" };
static const struct bpfprobe_label interface = { .kind = BPFPROBE_LABEL_INTERFACE,
	.actions = BPFPROBE_ACTIONS_XDP, .targets = 1, .name = "eth0" };
static const struct bpfprobe_label function = { .targets = 1, .name = "kprobe/ip_rcv@12" };

static void
assert_name(const struct bpfprobe_label *label, const char *device, const char *name)
{
	struct bpfprobe_device parsed;
	char text[64], errbuf[256];

	assert_int_equal(bpfprobe_device_parse(&parsed, device, errbuf, sizeof(errbuf)), 0);
	bpfprobe_annotate_name(label, &parsed, text, sizeof(text));
	assert_string_equal(text, name);
}

static void
names(void **state)
{
	struct bpfprobe_label several = function, interfaces = interface;

	(void)state;
	several.targets = 5;
	interfaces.targets = 2;
	assert_name(&function, "bpfprobe:kprobe/ip_rcv@12", "kprobe/ip_rcv@12");
	assert_name(&several, "bpfprobe:ip_*", "kprobe/ip_rcv@12+4");
	assert_name(&entry, "bpfxdp:eth1", "eth1:f@entry");
	assert_name(&leave, "eth1%xdp", "eth1:f@exit");
	assert_name(&leave, "bpfxdp:any", "id/42:f@exit");
	assert_name(&leave, "bpfprog:name/f", "id/42:f@exit");
	assert_name(&interface, "bpfxdp:eth0", "bpfxdp:eth0");
	assert_name(&interfaces, "bpfxdp:any", "bpfxdp:any");
}

static void
descriptions(void **state)
{
	struct bpfprobe_label several = function;
	char text[128];

	(void)state;
	several.targets = 5;
	bpfprobe_annotate_description(&leave, "bpfxdp:eth0", text, sizeof(text));
	assert_string_equal(text, "exit of BPF program 42; bpfxdp:eth0");
	bpfprobe_annotate_description(&interface, "bpfxdp:eth0", text, sizeof(text));
	assert_string_equal(text, "XDP at 1 interface; bpfxdp:eth0");
	bpfprobe_annotate_description(&several, "bpfprobe:ip_*", text, sizeof(text));
	assert_string_equal(text, "5 places of the kernel; bpfprobe:ip_*");
}

static struct bpfprobe_record
record(uint64_t time, uint32_t action, uint32_t elapsed)
{
	struct bpfprobe_record rec = { .time_lo = (uint32_t)time, .time_hi = (uint32_t)(time >> 32),
		.action = action, .elapsed = elapsed };

	return rec;
}

static struct bpfprobe_pcapng_packet
packet_of(const struct bpfprobe_label *label, struct bpfprobe_record rec, unsigned int ring)
{
	struct bpfprobe_pcapng_packet packet;

	memset(&packet, 0x55, sizeof(packet));
	bpfprobe_annotate_packet(&packet, label, &rec, NULL, ring);
	return packet;
}

/* The exit is so much later than its entry that the lower half of the time has wrapped. */
static void
entry_and_exit_have_one_identifier(void **state)
{
	const uint64_t time = 0x18ffffffffffff00;
	struct bpfprobe_pcapng_packet in = packet_of(&entry, record(time, 0, 0), 7);
	struct bpfprobe_pcapng_packet out = packet_of(&leave, record(time + 0x1000, 1, 0x1000), 7);

	(void)state;
	assert_true(in.has_id && out.has_id);
	assert_true(in.id == out.id);
	assert_true(in.id != packet_of(&entry, record(time, 0, 0), 8).id);
	assert_true(in.id != packet_of(&entry, record(time + 1, 0, 0), 7).id);
	/* The greatest ring reaches no bit of the time. */
	assert_true(packet_of(&entry, record(time, 0, 0), 4095).id < packet_of(&entry, record(time + 1, 0, 0), 0).id);
	assert_false(packet_of(&leave, record(time, 1, 0), 7).has_id);
	assert_false(packet_of(&function, record(time, 0, 0), 7).has_id);
	assert_true(packet_of(&interface, record(time, 2, 0), 7).has_id);
}

static void
verdicts(void **state)
{
	struct bpfprobe_pcapng_packet packet;

	(void)state;
	packet = packet_of(&leave, record(1, 3, 1), 0);
	assert_int_equal(packet.verdict_of, BPFPROBE_PCAPNG_XDP);
	assert_true(packet.verdict == 3);
	packet = packet_of(&tc, record(1, UINT32_MAX, 1), 0);
	assert_int_equal(packet.verdict_of, BPFPROBE_PCAPNG_TC);
	assert_true(packet.verdict == -1);
	packet = packet_of(&interface, record(1, 2, 0), 0);
	assert_int_equal(packet.verdict_of, BPFPROBE_PCAPNG_XDP);
	assert_int_equal(packet_of(&entry, record(1, 0, 0), 0).verdict_of, BPFPROBE_PCAPNG_NO_VERDICT);
	assert_int_equal(packet_of(&number, record(1, 0, 0), 0).verdict_of, BPFPROBE_PCAPNG_NO_VERDICT);
	assert_int_equal(packet_of(&function, record(1, 0, 0), 0).verdict_of, BPFPROBE_PCAPNG_NO_VERDICT);
}

static void
directions(void **state)
{
	struct bpfprobe_record rec = record(1, 0, 0);

	(void)state;
	rec.pkttype = PACKET_OTHERHOST;
	assert_int_equal(packet_of(&function, rec, 0).direction, BPFPROBE_PCAPNG_INBOUND);
	rec.pkttype = PACKET_OUTGOING;
	assert_int_equal(packet_of(&function, rec, 0).direction, BPFPROBE_PCAPNG_OUTBOUND);
}

/* Without metadata, of our own network namespace only, or of the device's interface. */
static void
interfaces(void **state)
{
	static struct bpfprobe_ifnames kept;
	struct bpfprobe_label any = interface;
	struct bpfprobe_record rec = record(5000000000, 0, 0);
	struct bpfprobe_meta meta;

	(void)state;
	any.targets = 2;
	memset(&meta, 0, sizeof(meta));
	assert_null(bpfprobe_annotate_ifname(&kept, &function, &rec, NULL));
	rec.ifindex = 1; /* which every network namespace has */
	assert_string_equal(bpfprobe_annotate_ifname(&kept, &function, &rec, NULL), "lo");
	assert_string_equal(bpfprobe_annotate_ifname(&kept, &any, &rec, &meta), "lo");
	rec.foreign = 1;
	assert_null(bpfprobe_annotate_ifname(&kept, &function, &rec, &meta));
	assert_string_equal(bpfprobe_annotate_ifname(&kept, &interface, &rec, &meta), "eth0");
	strcpy((char *)meta.seen.ifname, "eth1");
	assert_string_equal(bpfprobe_annotate_ifname(&kept, &function, &rec, &meta), "eth1");
	rec.foreign = 0;
	rec.ifindex = 1 + BPFPROBE_NAMES_KEPT * 1000000;
	assert_null(bpfprobe_annotate_ifname(&kept, &function, &rec, NULL));
}

static void
queues(void **state)
{
	const struct bpfprobe_record rec = record(1, 0, 0);
	struct bpfprobe_pcapng_packet packet;
	struct bpfprobe_meta meta;

	(void)state;
	memset(&meta, 0, sizeof(meta));
	bpfprobe_annotate_packet(&packet, &function, &rec, &meta, 0);
	assert_false(packet.has_queue);
	meta.queue = 1;
	bpfprobe_annotate_packet(&packet, &function, &rec, &meta, 0);
	assert_true(packet.has_queue);
	assert_int_equal(packet.queue, 0);
	/* Of a packet that is followed. */
	assert_false(packet.has_id);
	meta.id[1] = 0x12345678;
	bpfprobe_annotate_packet(&packet, &function, &rec, &meta, 0);
	assert_true(packet.has_id && packet.id == 0x1234567800000000ULL);
	meta.id[0] = 9;
	bpfprobe_annotate_packet(&packet, &function, &rec, &meta, 0);
	assert_true(packet.has_id && packet.id == 0x1234567800000009ULL);
	bpfprobe_annotate_packet(&packet, &function, &rec, NULL, 0);
	assert_false(packet.has_queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(descriptions),
		cmocka_unit_test(entry_and_exit_have_one_identifier),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(directions),
		cmocka_unit_test(interfaces),
		cmocka_unit_test(queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
