/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters over PFLOG's header: of the same verdict as before, and without offsets that are computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/types.h>
#include "bpf/pflog.h"
#include "helper/fold.h"
#include "tests/unit/random_filter.h"
#include "tests/unit/reference.h"

#define INSNS 512
#define BYTES 200
#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define FIRST BPFPROBE_PFLOG_LENGTH

static struct sock_filter filter[INSNS];
static uint64_t seed = 4711;

static struct sock_filter *
fold(unsigned int count)
{
	struct sock_filter *folded = bpfprobe_fold(filter, count, FIRST);

	assert_non_null(folded);
	return folded;
}

/* A packet whose header says what all say, of any bytes else, of any length. */
static unsigned int
random_packet(uint8_t *bytes)
{
	unsigned int i;

	for (i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)random_next(&seed);
	bytes[0] = FIRST;
	bytes[1] = random_next(&seed) % 2 ? BPFPROBE_AF_INET : BPFPROBE_AF_INET6;
	bytes[BPFPROBE_PFLOG_HLEN] = (uint8_t)(0x45 + random_next(&seed) % 3);
	if (random_next(&seed) % 2)
		bytes[BPFPROBE_PFLOG_HLEN + 9] = bytes[BPFPROBE_PFLOG_HLEN + 6] = 6;
	return 1 + (unsigned int)(random_next(&seed) % BYTES);
}

static void
check_same(const struct sock_filter *folded, unsigned int packets)
{
	uint8_t bytes[BYTES];
	unsigned int len;

	while (packets-- > 0) {
		len = random_packet(bytes);
		assert_int_equal(reference_run(folded, bytes, len), reference_run(filter, bytes, len));
	}
}

static const char *const expressions[] = { "", "ip", "tcp port 80", "host 10.0.0.1 and not port 22",
	"tcp[tcpflags] & tcp-syn != 0", "ip6 and udp port 53 or icmp", "ruleset NO_SOCKET and tcp dst port 6666",
	"tcp[tcp[12] >> 2 : 4] = 0x47455420", "ip[ip[0] & 0xf] = 6 and len > 100",
	"udp[8:2] = udp[10:2] or link[0] = 61 and link[link[0] - 1] = 1", "portrange 1-1000 and (src net 10 or ip6)",
	"sctp or (tcp and not src host 192.0.2.1) or less 90" };

static void
expressions_decide_as_before(void **state)
{
	struct sock_filter *folded;
	unsigned int count, i;

	(void)state;
	for (i = 0; i < ROWS(expressions) * 2; i++) {
		count = reference_compile(BPFPROBE_DLT_PFLOG, expressions[i / 2], i % 2, filter, INSNS);
		assert_int_not_equal(count, 0);
		folded = fold(count);
		assert_true(reference_is_valid(folded, count));
		check_same(folded, 5000);
		free(folded);
	}
}

/* Of ordinary expressions no load is left at an offset that could be in the header, but at a known one. */
static void
no_load_is_computed_in_the_header(void **state)
{
	struct sock_filter *folded;
	unsigned int count, i, j, indirect = 0;

	(void)state;
	for (i = 0; i < 7; i++) {
		count = reference_compile(BPFPROBE_DLT_PFLOG, expressions[i], 1, filter, INSNS);
		folded = fold(count);
		for (j = 0; j < count; j++) {
			if (BPF_CLASS(folded[j].code) != BPF_LD || BPF_MODE(folded[j].code) != BPF_IND)
				continue;
			assert_true(folded[j].k >= BPFPROBE_PFLOG_HLEN);
			indirect++;
		}
		free(folded);
	}
	/* Behind an IP header, whose length is in the packet. */
	assert_true(indirect > 0);
}

/* Instructions like those of libpcap, in any order: what can be left out must not be, where it is needed. */
static unsigned int
random_like(void)
{
	static const struct sock_filter kinds[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 64),
		BPF_STMT(BPF_LD | BPF_MEM, 0),
		BPF_STMT(BPF_LD | BPF_MEM, 1),
		BPF_STMT(BPF_LD | BPF_IMM, 64),
		BPF_STMT(BPF_LDX | BPF_MEM, 0),
		BPF_STMT(BPF_LDX | BPF_MEM, 1),
		BPF_STMT(BPF_LDX | BPF_IMM, 64),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 64),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 3),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfffffffc),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_NEG, 0),
		BPF_STMT(BPF_ST, 0),
		BPF_STMT(BPF_ST, 1),
		BPF_STMT(BPF_STX, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
	};
	unsigned int count = 6 + (unsigned int)(random_next(&seed) % 20), i, left;

	/* What is read of the memory has to be written before. */
	filter[0] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
	filter[1] = (struct sock_filter)BPF_STMT(BPF_ST, 1);
	for (i = 2; i < count - 1; i++) {
		left = count - 2 - i;
		filter[i] = kinds[random_next(&seed) % ROWS(kinds)];
		if (random_next(&seed) % 6 == 0)
			filter[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | (random_next(&seed) % 2 ? BPF_JEQ : BPF_JGT) | BPF_K,
			    (uint32_t)(random_next(&seed) % 130), (uint8_t)(random_next(&seed) % (left + 1)),
			    (uint8_t)(random_next(&seed) % (left + 1)));
	}
	filter[i] = (struct sock_filter)BPF_STMT(BPF_RET | (random_next(&seed) % 2 ? BPF_A : BPF_K), 262144);
	return count;
}

static void
random_filters_decide_as_before(void **state)
{
	struct sock_filter *folded;
	unsigned int i, count;

	(void)state;
	for (i = 0; i < 100000; i++) {
		count = i % 2 ? random_like() : random_filter(filter, 48, 0, &seed);
		folded = fold(count);
		assert_int_equal(reference_is_valid(folded, count), reference_is_valid(filter, count));
		check_same(folded, 5);
		free(folded);
	}
}

/* Jumps back, or to nowhere, and words of memory that there are not: nothing is touched. */
static void
what_is_not_valid_stays_as_it_is(void **state)
{
	static const struct sock_filter bad[][3] = {
		{ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_JMP | BPF_JA, -2), BPF_STMT(BPF_RET | BPF_K, 1) },
		{ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, 1) },
		{ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ, 0, 0, 255), BPF_STMT(BPF_RET | BPF_K, 1) },
		{ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_LD | BPF_IMM, 1) },
		{ BPF_STMT(BPF_LDX | BPF_IMM, 9), BPF_STMT(BPF_LDX | BPF_W | BPF_IND, 0), BPF_STMT(BPF_RET | BPF_K, 1) },
		{ BPF_STMT(BPF_ST, 16), BPF_STMT(BPF_LD | BPF_MEM, 17), BPF_STMT(BPF_RET | BPF_A, 0) },
	};
	struct sock_filter *folded;
	unsigned int i;

	(void)state;
	for (i = 0; i < ROWS(bad); i++) {
		memcpy(filter, bad[i], sizeof(bad[i]));
		folded = fold(3);
		assert_memory_equal(folded, filter, sizeof(bad[i]));
		free(folded);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_decide_as_before),
		cmocka_unit_test(no_load_is_computed_in_the_header),
		cmocka_unit_test(random_filters_decide_as_before),
		cmocka_unit_test(what_is_not_valid_stays_as_it_is),
	};

	return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
