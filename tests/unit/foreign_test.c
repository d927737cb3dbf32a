/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of other BPF programs: which are taken, as what, and how a ring of them is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/perf_event.h>
#include "include/bpf_pcap.h"
#include "tests/unit/fakering.h"

#define NOW 5000000000ULL
#define HDR sizeof(struct bpf_pcap_hdr)
#define ROOM 64 /* for a packet */

static struct bpfprobe_counters counters;
static struct bpfprobe_foreign foreign;
static struct bpfprobe_record record;
static const uint8_t *packet;

static int
setup(void **state)
{
	(void)state;
	memset(&counters, 0, sizeof(counters));
	foreign = (struct bpfprobe_foreign){ .dlt = -1, .now = NOW, .counters = &counters };
	return 0;
}

static void
make_good(struct bpf_pcap_hdr *hdr)
{
	hdr->magic = BPF_PCAP_MAGIC;
	hdr->protocol = BPF_PCAP_TYPE_ETH;
	hdr->flags = 0x123456789abcULL;
	hdr->ktime_ns = NOW - 7;
	hdr->tot_len = 1000;
	hdr->cap_len = 60;
}

/* Reads a sample of `size` bytes, behind which there is nothing: memory checkers would see it. */
static int
read_sample(const struct bpf_pcap_hdr *hdr, size_t size)
{
	uint8_t *sample = malloc(size > 0 ? size : 1);
	int kind;

	assert_non_null(sample);
	memset(sample, 0xaa, size);
	memcpy(sample, hdr, size < HDR ? size : HDR);
	kind = bpfprobe_foreign_read(&foreign, sample, size, &record, &packet);
	if (kind == BPFPROBE_FOREIGN_PACKET) {
		assert_ptr_equal(packet, sample + HDR);
		assert_true(HDR + record.caplen <= size);
	}
	free(sample);
	return kind;
}

static void
a_good_one_has_all_that_is_known(void **state)
{
	struct bpf_pcap_hdr hdr;

	(void)state;
	make_good(&hdr);
	/* With padding behind it, as the kernel adds it. */
	assert_int_equal(read_sample(&hdr, HDR + ROOM), BPFPROBE_FOREIGN_PACKET);
	assert_int_equal(bpfprobe_record_time(&record), NOW - 7);
	assert_int_equal(record.len, 1000);
	assert_int_equal(record.caplen, 60);
	assert_int_equal(record.layer, BPFPROBE_LAYER_L2);
	assert_int_equal(record.l2len, 14);
	assert_int_equal(record.undecided, 1);
	assert_int_equal(record.generation, 0);
	assert_int_equal(record.returns, 0);
	assert_int_equal(record.action, 0x56789abc);
	assert_int_equal(record.elapsed, 0x1234);
}

static void
bad_ones_are_broken(void **state)
{
	static const struct {
		const char *what;
		uint32_t magic;
		int protocol;
		uint32_t tot_len, cap_len;
		size_t size;
	} bad[] = {
		{ "nothing", BPF_PCAP_MAGIC, 1, 60, 60, 0 },
		{ "a byte", BPF_PCAP_MAGIC, 1, 60, 60, 1 },
		{ "a header less a byte", BPF_PCAP_MAGIC, 1, 60, 60, HDR - 1 },
		{ "magic", BPF_PCAP_MAGIC ^ 1, 1, 60, 60, HDR + ROOM },
		{ "magic 0", 0, 1, 60, 60, HDR + ROOM },
		{ "more captured than there is", BPF_PCAP_MAGIC, 1, 1000, ROOM + 1, HDR + ROOM },
		{ "much more captured than there is", BPF_PCAP_MAGIC, 1, 0x3fffffff, 0x3fffffff, HDR + ROOM },
		{ "as much as wraps", BPF_PCAP_MAGIC, 1, UINT32_MAX, UINT32_MAX, HDR },
		{ "more captured than long", BPF_PCAP_MAGIC, 1, 59, 60, HDR + ROOM },
		{ "no length", BPF_PCAP_MAGIC, 1, 0, 0, HDR + ROOM },
		{ "too long", BPF_PCAP_MAGIC, 1, INT32_MAX / 2 + 1, 60, HDR + ROOM },
		{ "protocol", BPF_PCAP_MAGIC, -2, 60, 60, HDR + ROOM },
		{ "least protocol", BPF_PCAP_MAGIC, INT32_MIN, 60, 60, HDR + ROOM },
		{ "half of an Ethernet header", BPF_PCAP_MAGIC, 1, 60, 13, HDR + ROOM },
	};
	struct bpf_pcap_hdr hdr;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("%s\n", bad[i].what);
		make_good(&hdr);
		hdr.magic = bad[i].magic;
		hdr.protocol = bad[i].protocol;
		hdr.tot_len = bad[i].tot_len;
		hdr.cap_len = bad[i].cap_len;
		assert_int_equal(read_sample(&hdr, bad[i].size), BPFPROBE_FOREIGN_BROKEN);
	}
}

static void
the_last_that_are_good(void **state)
{
	struct bpf_pcap_hdr hdr;

	(void)state;
	make_good(&hdr);
	hdr.tot_len = INT32_MAX / 2;
	hdr.cap_len = ROOM;
	assert_int_equal(read_sample(&hdr, HDR + ROOM), BPFPROBE_FOREIGN_PACKET);
	hdr.tot_len = hdr.cap_len = 14;
	assert_int_equal(read_sample(&hdr, HDR + 14), BPFPROBE_FOREIGN_PACKET);
	hdr.protocol = BPF_PCAP_TYPE_IP;
	hdr.cap_len = 0;
	assert_int_equal(read_sample(&hdr, HDR), BPFPROBE_FOREIGN_PACKET);
}

/* One row for each proto=: what becomes of a protocol; -1: of another link type. */
static void
protocols_are_what_is_asked_for(void **state)
{
	static const struct {
		int dlt, protocol, layer;
	} cases[] = {
		{ -1, 1, BPFPROBE_LAYER_L2 },
		{ -1, 12, BPFPROBE_LAYER_L3 },
		{ -1, 101, BPFPROBE_LAYER_L3 },
		{ -1, -1, BPFPROBE_LAYER_NONE },
		{ -1, 0, -1 },
		{ -1, 105, -1 },
		{ -1, INT32_MAX, -1 },
		{ 1, 1, BPFPROBE_LAYER_ASIS },
		{ 1, 12, -1 },
		{ 12, 12, BPFPROBE_LAYER_ASIS },
		{ 12, 101, BPFPROBE_LAYER_ASIS },
		{ 12, 1, -1 },
		{ 105, 105, BPFPROBE_LAYER_ASIS },
		{ 105, -1, BPFPROBE_LAYER_ASIS },
		{ 105, 1, -1 },
		{ 0, 0, BPFPROBE_LAYER_ASIS },
	};
	struct bpf_pcap_hdr hdr;
	size_t i;

	(void)state;
	make_good(&hdr);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%d of %d\n", cases[i].protocol, cases[i].dlt);
		foreign.dlt = cases[i].dlt;
		hdr.protocol = cases[i].protocol;
		if (cases[i].layer < 0) {
			assert_int_equal(read_sample(&hdr, HDR + ROOM), BPFPROBE_FOREIGN_OTHER);
			continue;
		}
		assert_int_equal(read_sample(&hdr, HDR + ROOM), BPFPROBE_FOREIGN_PACKET);
		assert_int_equal(record.layer, cases[i].layer);
		assert_int_equal(record.l2len, cases[i].layer == BPFPROBE_LAYER_L2 ? 14 : 0);
	}
}

static void
times_to_come_are_now(void **state)
{
	static const uint64_t times[][2] = {
		{ 0, 0 },
		{ NOW, NOW },
		{ NOW + BPFPROBE_FOREIGN_AHEAD, NOW + BPFPROBE_FOREIGN_AHEAD },
		{ NOW + BPFPROBE_FOREIGN_AHEAD + 1, NOW },
		{ UINT64_MAX, NOW },
	};
	struct bpf_pcap_hdr hdr;
	size_t i;

	(void)state;
	make_good(&hdr);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		hdr.ktime_ns = times[i][0];
		assert_int_equal(read_sample(&hdr, HDR + ROOM), BPFPROBE_FOREIGN_PACKET);
		assert_int_equal(bpfprobe_record_time(&record), times[i][1]);
	}
}

static void
no_more_than_is_asked_for(void **state)
{
	struct bpf_pcap_hdr hdr;

	(void)state;
	make_good(&hdr);
	foreign.most = 20;
	assert_int_equal(read_sample(&hdr, HDR + ROOM), BPFPROBE_FOREIGN_PACKET);
	assert_int_equal(record.caplen, 34);
	assert_int_equal(record.len, 1000);
	hdr.protocol = BPF_PCAP_TYPE_IP;
	assert_int_equal(read_sample(&hdr, HDR + ROOM), BPFPROBE_FOREIGN_PACKET);
	assert_int_equal(record.caplen, 20);
	foreign.most = UINT32_MAX;
	assert_int_equal(read_sample(&hdr, HDR + ROOM), BPFPROBE_FOREIGN_PACKET);
	assert_int_equal(record.caplen, 60);
}

/* A sample as the kernel writes it: `caplen` bytes of `byte`. */
static void
put(struct fake_ring *fake, const struct bpf_pcap_hdr *hdr, uint8_t byte)
{
	uint8_t sample[FAKE_HEAD + HDR + 2048];
	size_t size = (FAKE_HEAD + HDR + hdr->cap_len % 2000 + 7) / 8 * 8;
	struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, (uint16_t)size };
	uint32_t raw = (uint32_t)size - FAKE_HEAD;

	memset(sample, byte, sizeof(sample));
	memcpy(sample, &header, sizeof(header));
	memcpy(sample + sizeof(header), &raw, sizeof(raw));
	memcpy(sample + FAKE_HEAD, hdr, HDR);
	assert_true(fake_ring_put(fake, sample, size));
}

static void
put_lost(struct fake_ring *fake, uint64_t count)
{
	struct {
		struct perf_event_header header;
		uint64_t id, lost;
	} record_lost = { { PERF_RECORD_LOST, 0, 24 }, 1, count };

	assert_true(fake_ring_put(fake, &record_lost, sizeof(record_lost)));
}

/* From all places of the ring, so that samples of each kind wrap around. */
static void
a_ring_of_them_is_counted(void **state)
{
	struct bpf_pcap_hdr hdr;
	struct bpfprobe_ring ring;
	struct fake_ring fake;
	const struct bpfprobe_record *rec;
	uint64_t broken = 0;
	unsigned int i, j;

	(void)state;
	fake_ring_init(&fake, 1);
	fake_ring_reader(&fake, &ring);
	ring.foreign = &foreign;
	for (i = 1; i <= 600; i++) {
		make_good(&hdr);
		hdr.magic = 0;
		put(&fake, &hdr, 0);
		put_lost(&fake, 3);
		make_good(&hdr);
		hdr.protocol = 105;
		put(&fake, &hdr, 0);
		make_good(&hdr);
		hdr.cap_len = 100 + i % 200;
		put(&fake, &hdr, (uint8_t)i);
		bpfprobe_ring_snapshot(&ring);
		/* However often it is looked at. */
		for (j = 0; j < 3; j++) {
			rec = bpfprobe_ring_peek(&ring, &broken);
			assert_non_null(rec);
			assert_int_equal(rec->caplen, 100 + i % 200);
			assert_int_equal(ring.packet[0], (uint8_t)i);
			assert_int_equal(ring.packet[rec->caplen - 1], (uint8_t)i);
		}
		bpfprobe_ring_consume(&ring);
		assert_null(bpfprobe_ring_peek(&ring, &broken));
		bpfprobe_ring_publish(&ring);
		assert_int_equal(broken, i);
		assert_int_equal(counters.rejected, i);
		assert_int_equal(counters.lost, 3 * i);
		assert_int_equal(counters.emitted, 3 * i);
	}
	bpfprobe_ring_unmap(&ring);
	fake_ring_free(&fake);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_one_has_all_that_is_known, setup),
		cmocka_unit_test_setup(bad_ones_are_broken, setup),
		cmocka_unit_test_setup(the_last_that_are_good, setup),
		cmocka_unit_test_setup(protocols_are_what_is_asked_for, setup),
		cmocka_unit_test_setup(times_to_come_are_now, setup),
		cmocka_unit_test_setup(no_more_than_is_asked_for, setup),
		cmocka_unit_test_setup(a_ring_of_them_is_counted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
