/* SPDX-License-Identifier: BSD-3-Clause */
/* See ebpf.h. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/filter.h>
#include "helper/emit.h"
#include "helper/translate.h"
#include "tests/unit/ebpf.h"

#define STACK 64

struct machine {
	uint64_t reg[11];
	unsigned int known; /* registers that hold something: a bit each */
	uint8_t stack[STACK];
	uint8_t written[STACK];
	struct ebpf_packet *packet;
};

static int
size_of(unsigned int code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

static int
is_within(uint64_t address, unsigned int size, const void *begin, size_t len)
{
	uint64_t at = (uint64_t)(uintptr_t)begin;

	return address >= at && address + size <= at + len;
}

static uint64_t
read_at(struct machine *m, uint64_t address, unsigned int size)
{
	struct ebpf_packet *p = m->packet;
	uint64_t value = 0;
	size_t i, at;

	if (is_within(address, size, m->stack, STACK)) {
		at = address - (uint64_t)(uintptr_t)m->stack;
		for (i = 0; i < size; i++)
			assert_true(m->written[at + i]);
	} else if (is_within(address, size, &p->view, sizeof(p->view))) {
		/* As on the kernel's stack. */
		p->looks++;
		assert_int_equal((address - (uint64_t)(uintptr_t)&p->view) % size, 0);
	} else if (!is_within(address, size, p->bytes + p->view.hdrlen, p->view.avail - p->view.hdrlen)) {
		fail_msg("reads where nothing is");
	} else if (p->end && address + size > p->end) {
		fail_msg("reads behind the end of the packet");
	}
	memcpy(&value, (const void *)(uintptr_t)address, size);
	return size == 4 ? (uint32_t)value : size == 2 ? (uint16_t)value : value;
}

static void
store(struct machine *m, uint64_t address, unsigned int size, uint64_t value)
{
	assert_true(is_within(address, size, m->stack, STACK));
	memcpy((void *)(uintptr_t)address, &value, size); /* little-endian, as is this machine */
	memset(m->written + (address - (uint64_t)(uintptr_t)m->stack), 1, size);
}

static int
is_split(const struct bpfprobe_view *view, uint64_t offset, uint64_t size)
{
	return offset < view->hdrlen && offset + size > view->hdrlen;
}

static int64_t
load(struct ebpf_packet *p, uint64_t offset, uint64_t size)
{
	uint32_t value = 0;
	uint64_t i;

	p->calls++;
	p->looks++;
	assert_true(size == 1 || size == 2 || size == 4);
	if (offset + size > p->view.limit)
		return BPFPROBE_BEYOND;
	if (offset + size > p->readable || (p->splits && is_split(&p->view, offset, size))) {
		p->undecided = offset + size;
		return BPFPROBE_UNDECIDED;
	}
	for (i = 0; i < size; i++)
		value = value << 8 | p->bytes[offset + i];
	return value;
}

static uint64_t
alu(unsigned int op, uint64_t a, uint64_t b, int bits)
{
	assert_true((op != BPF_LSH && op != BPF_RSH) || b < (uint64_t)bits);
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_MOD:
		return b ? a % b : a;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << b;
	case BPF_RSH:
		return a >> b;
	case BPF_NEG:
		return -a;
	case BPF_MOV:
		return b;
	default:
		fail_msg("ALU operation 0x%x", op);
		return 0;
	}
}

static void
run_alu(struct machine *m, const struct bpf_insn *insn)
{
	int wide = BPF_CLASS(insn->code) == BPF_ALU64;
	uint64_t a, b;

	if (BPF_OP(insn->code) != BPF_MOV)
		assert_true(m->known & 1U << insn->dst_reg);
	if (BPF_OP(insn->code) == BPF_END) {
		assert_int_equal(insn->code, BPF_ALU | BPF_END | BPF_TO_BE);
		assert_true(insn->imm == 16 || insn->imm == 32);
		a = m->reg[insn->dst_reg];
		m->reg[insn->dst_reg] = insn->imm == 16 ? be16toh((uint16_t)a) : be32toh((uint32_t)a);
		return;
	}
	if (BPF_SRC(insn->code) == BPF_X)
		assert_true(m->known & 1U << insn->src_reg);
	a = m->reg[insn->dst_reg];
	b = BPF_SRC(insn->code) == BPF_X ? m->reg[insn->src_reg] : (uint64_t)(int64_t)insn->imm;
	if (!wide) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	a = alu(BPF_OP(insn->code), a, b, wide ? 64 : 32);
	m->reg[insn->dst_reg] = wide ? a : (uint32_t)a;
	m->known |= 1U << insn->dst_reg;
}

static int
is_taken(struct machine *m, const struct bpf_insn *insn)
{
	uint64_t a = m->reg[insn->dst_reg];
	uint64_t b = BPF_SRC(insn->code) == BPF_X ? m->reg[insn->src_reg] : (uint64_t)(int64_t)insn->imm;

	assert_true(m->known & 1U << insn->dst_reg);
	assert_true(BPF_SRC(insn->code) == BPF_K || m->known & 1U << insn->src_reg);
	if (BPF_CLASS(insn->code) == BPF_JMP32) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSET:
		return (a & b) != 0;
	case BPF_JSLT:
		return (int64_t)a < (int64_t)b;
	case BPF_JSGT:
		return (int64_t)a > (int64_t)b;
	default:
		fail_msg("jump 0x%x", insn->code);
		return 0;
	}
}

static void
call(struct machine *m, const struct bpf_insn *insn)
{
	assert_int_equal(insn->src_reg, BPF_PSEUDO_CALL);
	assert_int_equal(insn->imm, BPFPROBE_CALL_LOAD);
	assert_int_equal(m->known & 0xe, 0xe);
	assert_true(m->reg[1] == (uint64_t)(uintptr_t)&m->packet->view);
	m->reg[0] = (uint64_t)load(m->packet, m->reg[2], m->reg[3]);
	m->known = (m->known & ~0x3fU) | 1;
}

static void
run_memory(struct machine *m, const struct bpf_insn *insn)
{
	unsigned int size = (unsigned int)size_of(insn->code);
	int base = BPF_CLASS(insn->code) == BPF_LDX ? insn->src_reg : insn->dst_reg;
	uint64_t address = m->reg[base] + (uint64_t)(int64_t)insn->off;

	assert_true(m->known & 1U << base);
	if (BPF_CLASS(insn->code) == BPF_LDX) {
		m->reg[insn->dst_reg] = read_at(m, address, size);
		m->known |= 1U << insn->dst_reg;
	} else if (BPF_CLASS(insn->code) == BPF_STX) {
		assert_true(m->known & 1U << insn->src_reg);
		store(m, address, size, m->reg[insn->src_reg]);
	} else {
		store(m, address, size, (uint64_t)(int64_t)insn->imm);
	}
}

/* Marks where the instruction leads; NULL, or what is wrong with that. */
static const char *
follow(const struct bpf_insn *insns, unsigned int count, unsigned int at, unsigned char *reached)
{
	const struct bpf_insn *insn = &insns[at];
	int is_jump = (BPF_CLASS(insn->code) == BPF_JMP || BPF_CLASS(insn->code) == BPF_JMP32) &&
		BPF_OP(insn->code) != BPF_CALL && BPF_OP(insn->code) != BPF_EXIT;

	if (insn->code == (BPF_JMP | BPF_EXIT))
		return NULL;
	if (is_jump && insn->off < 0)
		return "a jump back";
	if (is_jump && (unsigned int)insn->off >= count - 1 - at)
		return "a jump out of the function";
	if (is_jump)
		reached[at + 1 + (unsigned int)insn->off] = 1;
	if (insn->code == (BPF_JMP | BPF_JA))
		return NULL;
	if (at + 1 == count)
		return "it ends without an exit";
	reached[at + 1] = 1;
	return NULL;
}

const char *
ebpf_flaw(const struct bpf_insn *insns, unsigned int count, unsigned int *at)
{
	const char *flaw = NULL;
	unsigned char *reached;

	*at = 0;
	if (count == 0 || count > BPFPROBE_EMIT_MAX)
		return "a wrong number of instructions";
	reached = calloc(count, 1);
	assert_non_null(reached);
	reached[0] = 1;
	for (; *at < count && flaw == NULL; ++*at)
		flaw = reached[*at] ? follow(insns, count, *at, reached) : "it cannot be reached";
	if (flaw != NULL)
		--*at;
	free(reached);
	return flaw;
}

int64_t
ebpf_run(const struct bpf_insn *insns, unsigned int count, struct ebpf_packet *packet)
{
	struct machine m;
	const struct bpf_insn *insn;
	unsigned int at;

	memset(&m, 0, sizeof(m));
	m.packet = packet;
	m.known = 1U << 1 | 1U << 10;
	m.reg[1] = (uint64_t)(uintptr_t)&packet->view;
	m.reg[10] = (uint64_t)(uintptr_t)m.stack + STACK;
	for (at = 0;; at++) {
		assert_true(at < count);
		insn = &insns[at];
		switch (BPF_CLASS(insn->code)) {
		case BPF_ALU:
		case BPF_ALU64:
			run_alu(&m, insn);
			continue;
		case BPF_LDX:
		case BPF_ST:
		case BPF_STX:
			run_memory(&m, insn);
			continue;
		}
		if (insn->code == (BPF_JMP | BPF_EXIT))
			break;
		if (insn->code == (BPF_JMP | BPF_CALL)) {
			call(&m, insn);
			continue;
		}
		assert_true(insn->off >= 0); /* it ends */
		if (insn->code == (BPF_JMP | BPF_JA) || is_taken(&m, insn))
			at += (unsigned int)insn->off;
	}
	assert_true(m.known & 1);
	return (int64_t)m.reg[0];
}

void
ebpf_packet_pointers(struct ebpf_packet *packet, unsigned int end)
{
	packet->view.base += packet->view.hdrlen;
	packet->view.end = packet->end = (__u64)(uintptr_t)(packet->bytes + end);
}

void
ebpf_packet(struct ebpf_packet *packet, const uint8_t *bytes, unsigned int len,
    unsigned int hdrlen, unsigned int window, unsigned int avail)
{
	struct bpfprobe_view *view = &packet->view;
	unsigned int n = window < len ? window : len;

	memset(packet, 0, sizeof(*packet));
	memset(view->window, 0xa5, sizeof(view->window));
	memcpy(view->window, bytes, n < avail ? n : avail);
	view->len = view->limit = len;
	view->avail = avail;
	view->hdrlen = hdrlen;
	view->linear = len;
	view->base = (__u64)(uintptr_t)bytes;
	packet->bytes = bytes;
	packet->readable = len;
}
