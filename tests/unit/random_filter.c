/* SPDX-License-Identifier: BSD-3-Clause */
/* See random_filter.h. */
#include "tests/unit/random_filter.h"

uint64_t
random_next(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15u; /* splitmix64 */

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint32_t
below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(random_next(seed) % n);
}

/* Values that make a difference somewhere. */
static uint32_t
value(uint64_t *seed)
{
	static const uint32_t special[] = { 0, 1, 2, 31, 32, 64, 255, 256, 0x800, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };

	switch (below(seed, 3)) {
	case 0:
		return special[below(seed, sizeof(special) / sizeof(special[0]))];
	case 1:
		return below(seed, 256);
	default:
		return (uint32_t)random_next(seed);
	}
}

static uint32_t
offset(int for_kernel, uint64_t *seed)
{
	switch (below(seed, 8)) {
	case 0:
		return below(seed, 220);
	case 1:
		return for_kernel ? below(seed, 300) : value(seed) & 0x7fffffff;
	default:
		return below(seed, 70);
	}
}

static void
random_load(struct sock_filter *insn, int for_kernel, uint64_t *seed)
{
	static const uint16_t sizes[] = { BPF_W, BPF_H, BPF_B };
	uint16_t size = sizes[below(seed, 3)];

	switch (below(seed, 8)) {
	case 0:
		*insn = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, value(seed));
		break;
	case 1:
		*insn = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, for_kernel || below(seed, 2) ? below(seed, 80) : value(seed));
		break;
	case 2:
		*insn = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, offset(for_kernel, seed));
		break;
	case 3:
		*insn = (struct sock_filter)BPF_STMT((below(seed, 2) ? BPF_LD : BPF_LDX) | BPF_W | BPF_LEN, 0);
		break;
	case 4:
	case 5:
		*insn = (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_IND, offset(for_kernel, seed));
		break;
	default:
		*insn = (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_ABS, offset(for_kernel, seed));
	}
}

static void
random_alu(struct sock_filter *insn, int for_kernel, uint64_t *seed)
{
	static const uint16_t ops[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH,
		BPF_RSH, BPF_NEG, BPF_MOD, BPF_XOR };
	uint16_t op = ops[below(seed, sizeof(ops) / sizeof(ops[0]))];
	uint16_t src = below(seed, 2) ? BPF_X : BPF_K;
	uint32_t k = value(seed);

	if (op == BPF_NEG || ((op == BPF_LSH || op == BPF_RSH) && for_kernel))
		src = BPF_K;
	if (op == BPF_LSH || op == BPF_RSH)
		k %= 32;
	if ((op == BPF_DIV || op == BPF_MOD) && k == 0)
		k = 3;
	*insn = (struct sock_filter)BPF_STMT(BPF_ALU | op | src, src == BPF_X || op == BPF_NEG ? 0 : k);
}

static void
random_jump(struct sock_filter *insn, unsigned int left, uint64_t *seed)
{
	static const uint16_t ops[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	uint32_t reach = left > 255 ? 255 : left;

	if (below(seed, 8) == 0) {
		*insn = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, below(seed, reach + 1));
		return;
	}
	*insn = (struct sock_filter)BPF_JUMP(BPF_JMP | ops[below(seed, 4)] | (below(seed, 4) ? BPF_K : BPF_X),
	    value(seed), (uint8_t)below(seed, reach + 1), (uint8_t)below(seed, reach + 1));
	if (BPF_SRC(insn->code) == BPF_X)
		insn->k = 0;
}

static void
random_memory(struct sock_filter *insn, int for_kernel, uint64_t *seed)
{
	static const uint16_t codes[] = { BPF_ST, BPF_STX, BPF_LD | BPF_MEM, BPF_LDX | BPF_W | BPF_MEM };

	*insn = (struct sock_filter)BPF_STMT(codes[below(seed, for_kernel ? 3 : 4)], below(seed, 3));
}

unsigned int
random_filter(struct sock_filter *filter, unsigned int max, int for_kernel, uint64_t *seed)
{
	unsigned int count = 8 + below(seed, max - 7), i;

	/* X that a load may add to k, and the three words of memory that are used. */
	filter[0] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, below(seed, 100));
	for (i = 1; i < 4; i++)
		filter[i] = (struct sock_filter)BPF_STMT(BPF_STX, i - 1);
	for (; i < count - 1; i++) {
		switch (below(seed, 10)) {
		case 0:
		case 1:
			random_alu(&filter[i], for_kernel, seed);
			break;
		case 2:
		case 3:
			random_jump(&filter[i], count - 2 - i, seed);
			break;
		case 4:
			random_memory(&filter[i], for_kernel, seed);
			break;
		case 5:
			filter[i] = (struct sock_filter)BPF_STMT(
			    BPF_MISC | (below(seed, 2) && !for_kernel ? BPF_TAX : BPF_TXA), 0);
			break;
		default:
			random_load(&filter[i], for_kernel, seed);
		}
	}
	if (below(seed, 2))
		filter[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	else
		filter[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value(seed));
	return count;
}
