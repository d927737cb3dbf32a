/* SPDX-License-Identifier: BSD-3-Clause */
/* See trial.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/translate.h"
#include "tests/fuzz/trial.h"
#include "tests/unit/random_filter.h"
#include "tests/unit/reference.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LOOP 5 /* instructions of put_loop() */

/* The beginning of the input, one byte for each choice. */
struct choice {
	uint8_t source, reads;
	uint8_t hdrlen_min, hdrlen_more, hdrlen;
	uint8_t count, longer, odd;
	uint8_t len, more, limit, linear, avail, flags;
	uint8_t protocol, pkttype, ifindex, hatype;
};

/* Everything that bpf_filter() executes; of any other code it calls abort(). */
static const uint16_t codes[] = { BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_H | BPF_ABS,
	BPF_LD | BPF_B | BPF_ABS, BPF_LD | BPF_W | BPF_IND, BPF_LD | BPF_H | BPF_IND,
	BPF_LD | BPF_B | BPF_IND, BPF_LDX | BPF_B | BPF_MSH, BPF_LD | BPF_W | BPF_LEN,
	BPF_LDX | BPF_W | BPF_LEN, BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM, BPF_LD | BPF_MEM,
	BPF_LDX | BPF_MEM, BPF_ST, BPF_STX, BPF_JMP | BPF_JA, BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JGE | BPF_K, BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JSET | BPF_K,
	BPF_JMP | BPF_JGT | BPF_X, BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JSET | BPF_X, BPF_ALU | BPF_ADD | BPF_X, BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL | BPF_X, BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_MOD | BPF_X,
	BPF_ALU | BPF_AND | BPF_X, BPF_ALU | BPF_OR | BPF_X, BPF_ALU | BPF_XOR | BPF_X,
	BPF_ALU | BPF_LSH | BPF_X, BPF_ALU | BPF_RSH | BPF_X, BPF_ALU | BPF_ADD | BPF_K,
	BPF_ALU | BPF_SUB | BPF_K, BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_DIV | BPF_K,
	BPF_ALU | BPF_MOD | BPF_K, BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_OR | BPF_K,
	BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_RSH | BPF_K,
	BPF_ALU | BPF_NEG, BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA, BPF_RET | BPF_K, BPF_RET | BPF_A };

int
trial_is_known(const struct sock_filter *insn)
{
	size_t i;

	for (i = 0; i < COUNT(codes); i++) {
		if (insn->code == codes[i])
			return 1;
	}
	return 0;
}

static unsigned int
least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * Any instruction becomes a valid one.  Offsets are mostly such that the packet has
 * them: the first load beyond it would be the end of the program.
 */

static void
repair_load(struct sock_filter *insn, unsigned int how, const struct trial *trial)
{
	static const unsigned int ancillary[] = { SKF_AD_PROTOCOL, SKF_AD_PKTTYPE, SKF_AD_IFINDEX, SKF_AD_HATYPE };
	unsigned int len = trial->len;

	switch (BPF_MODE(insn->code)) {
	case BPF_MEM:
		insn->k %= BPF_MEMWORDS;
		return;
	case BPF_IMM:
		if (BPF_CLASS(insn->code) == BPF_LDX && how % 4 == 1)
			insn->k = 28 + insn->k % 8; /* for shifts by X */
		else if (BPF_CLASS(insn->code) == BPF_LDX && how % 4)
			insn->k %= len + 1;
		return;
	case BPF_ABS:
	case BPF_IND:
	case BPF_MSH:
		break;
	default:
		return;
	}
	if (how % 16 == 0)
		return;
	if (how % 16 == 1)
		insn->k = len + insn->k % 16 - 8;
	else if (how % 16 == 2 && BPF_MODE(insn->code) == BPF_ABS && BPF_CLASS(insn->code) == BPF_LD)
		insn->k = (__u32)SKF_AD_OFF + ancillary[insn->k % 4];
	else
		insn->k %= BPF_MODE(insn->code) == BPF_IND ? len / 2 + 1 : len + 1;
}

static void
repair_alu(struct sock_filter *insn, unsigned int how)
{
	if (BPF_OP(insn->code) == BPF_LSH || BPF_OP(insn->code) == BPF_RSH)
		insn->k %= 32;
	else if (how % 2)
		insn->k %= 64;
	if ((BPF_OP(insn->code) == BPF_DIV || BPF_OP(insn->code) == BPF_MOD) && insn->k == 0)
		insn->k = 1;
}

/* `behind`: instructions that follow, at least one.  What is compared with may well be what was loaded. */
static void
repair_jump(struct sock_filter *insn, unsigned int how, unsigned int at, unsigned int behind,
    const struct trial *trial)
{
	unsigned int reach = how % 2 ? least(behind, 4) : behind;

	if (BPF_OP(insn->code) == BPF_JA) {
		insn->k = how % 8 == 0 ? ~(insn->k % (at + 1)) : insn->k % reach;
		return;
	}
	insn->jt = (__u8)(insn->jt % reach);
	insn->jf = (__u8)(insn->jf % reach);
	if (how % 4 == 1)
		insn->k %= 4;
	else if (how % 4 > 1 && trial->len > 0)
		insn->k = trial->bytes[insn->k % trial->len];
}

static void
repair(struct sock_filter *insn, unsigned int at, unsigned int behind, const struct trial *trial)
{
	unsigned int how = insn->code >> 8;

	insn->code = codes[(insn->code & 0xff) % COUNT(codes)];
	if (behind == 0)
		insn->code = how % 2 ? BPF_RET | BPF_K : BPF_RET | BPF_A;
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		repair_load(insn, how, trial);
		break;
	case BPF_ST:
	case BPF_STX:
		insn->k %= BPF_MEMWORDS;
		break;
	case BPF_ALU:
		repair_alu(insn, how);
		break;
	case BPF_JMP:
		repair_jump(insn, how, at, behind, trial);
	}
}

/* What the checks have to find, by as little as there is. */
static void
spoil(struct sock_filter *insn, unsigned int how, unsigned int at, unsigned int behind)
{
	switch (how % 8) {
	case 0:
		insn->k = BPF_MEMWORDS;
		break;
	case 1:
		insn->k = 0;
		break;
	case 2:
		insn->k = behind;
		break;
	case 3:
		insn->k = ~(at + 1);
		break;
	case 4:
		insn->jt = (__u8)behind;
		break;
	case 5:
		insn->jf = (__u8)behind;
		break;
	case 6:
		insn->code |= (__u16)(1U << (how / 8 % 16));
		break;
	default:
		insn->k = 32;
	}
}

/* Jumps back so many times, and goes on. */
static void
put_loop(struct sock_filter *filter, unsigned int times)
{
	const struct sock_filter loop[LOOP] = { BPF_STMT(BPF_LD | BPF_MEM, 15), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
		BPF_STMT(BPF_ST, 15), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, times, 1, 0),
		BPF_STMT(BPF_JMP | BPF_JA, (__u32)-5) };

	memcpy(filter, loop, sizeof(loop));
}

/* The next 8 bytes of what the input has, and then of a sequence that it begins. */
static uint64_t
next(const uint8_t **data, unsigned int *there, uint64_t *seed)
{
	uint64_t bytes;

	if (*there == 0)
		return random_next(seed);
	memcpy(&bytes, *data, sizeof(bytes));
	*data += sizeof(bytes);
	--*there;
	*seed ^= bytes;
	return bytes;
}

/* The bytes as they are; or all repaired; or the same but for one that is spoilt again. */
static int
make_filter(struct trial *trial, const struct choice *choice, const uint8_t *data, unsigned int there)
{
	struct sock_filter *insn;
	uint64_t seed = 0, bytes;
	unsigned int i;

	memcpy(&seed, choice, sizeof(seed));
	trial->count = choice->count;
	if (choice->longer >= 248) /* long ones are slow */
		trial->count = (choice->count * 64U + choice->odd) % (TRIAL_FILTER_MAX + 1);
	trial->filter = malloc(trial->count * sizeof(*insn));
	if (trial->filter == NULL)
		return -1;
	for (i = 0; i < trial->count; i++) {
		insn = &trial->filter[i];
		bytes = next(&data, &there, &seed);
		memcpy(insn, &bytes, sizeof(*insn));
		if (choice->source % 4 == 0)
			continue;
		repair(insn, i, trial->count - 1 - i, trial);
		if (choice->source % 4 == 1 && choice->odd == i)
			spoil(insn, choice->source / 4, i, trial->count - 1 - i);
	}
	if (choice->source % 4 == 2 && trial->count > LOOP && choice->source / 4 % 4 == 0)
		put_loop(trial->filter, choice->odd % 12);
	return 0;
}

/* Of `data`, and then the same again from its beginning. */
static int
make_packet(struct trial *trial, const struct choice *choice, const uint8_t *data, size_t size, size_t from)
{
	unsigned int i;

	trial->hdrlen_min = choice->hdrlen_min % (TRIAL_HEADER_MAX + 1);
	trial->hdrlen_max = trial->hdrlen_min + choice->hdrlen_more % (TRIAL_HEADER_MAX + 1 - trial->hdrlen_min);
	if (trial->reads & BPFPROBE_READS_PACKET)
		trial->hdrlen_max = trial->hdrlen_min; /* it has to know */
	trial->view.hdrlen = trial->hdrlen_min + choice->hdrlen % (trial->hdrlen_max - trial->hdrlen_min + 1);
	trial->len = choice->len > trial->view.hdrlen ? choice->len : trial->view.hdrlen;
	trial->bytes = malloc(trial->len);
	if (trial->bytes == NULL)
		return -1;
	for (i = 0; i < trial->len; i++)
		trial->bytes[i] = data[(from + i) % size];
	return 0;
}

/* limit, linear, avail: never less than the header, and mostly all that there is. */
static void
make_view(struct trial *trial, const struct choice *choice)
{
	unsigned int room = trial->len - trial->view.hdrlen + 1;

	trial->view.len = trial->len + (choice->flags & 1 ? choice->more << (choice->more & 16) : 0);
	trial->view.limit = choice->flags & 2 ? trial->view.hdrlen + choice->limit % room : trial->len;
	trial->view.linear = choice->flags & 4 ? trial->view.hdrlen + choice->linear % room : trial->len;
	trial->short_of = choice->flags & 8 ? choice->avail : 0;
	trial->splits = !(choice->flags & 16);
	trial->view.protocol = choice->protocol << 8 | choice->hatype;
	trial->view.pkttype = choice->pkttype;
	trial->view.ifindex = choice->ifindex * 0x1010101U;
	trial->view.hatype = choice->hatype;
}

int
trial_make(struct trial *trial, const uint8_t *data, size_t size)
{
	static const unsigned int reads[] = { 0, BPFPROBE_READS_VARIABLE,
		BPFPROBE_READS_DIRECT | BPFPROBE_READS_VARIABLE, BPFPROBE_READS_PACKET };
	struct choice choice;
	size_t first, used;

	memset(trial, 0, sizeof(*trial));
	memset(&choice, 0, sizeof(choice));
	memcpy(&choice, data, size < sizeof(choice) ? size : sizeof(choice));
	first = size < sizeof(choice) ? size : sizeof(choice);
	used = least(choice.count, (unsigned int)((size - first) / sizeof(struct sock_filter)));
	trial->reads = reads[choice.reads % COUNT(reads)];
	if (make_packet(trial, &choice, data, size, first + used * sizeof(struct sock_filter)) < 0 ||
	    make_filter(trial, &choice, data + first, (unsigned int)used) < 0) {
		trial_free(trial);
		return -1;
	}
	make_view(trial, &choice);
	return 0;
}

void
trial_free(struct trial *trial)
{
	free(trial->bytes);
	free(trial->filter);
}

int
trial_ancillary(const struct trial *trial, const struct sock_filter *insn, unsigned int *value)
{
	if (BPF_CLASS(insn->code) != BPF_LD || BPF_MODE(insn->code) != BPF_ABS)
		return -1;
	switch (insn->k - (__u32)SKF_AD_OFF) {
	case SKF_AD_PROTOCOL:
		*value = trial->view.protocol;
		return 0;
	case SKF_AD_PKTTYPE:
		*value = trial->view.pkttype;
		return 0;
	case SKF_AD_IFINDEX:
		*value = trial->view.ifindex;
		return 0;
	case SKF_AD_HATYPE:
		*value = trial->view.hatype;
		return 0;
	default:
		return -1;
	}
}

void
trial_print(const struct trial *trial)
{
	const struct sock_filter *insn;
	unsigned int i;

	fprintf(stderr, "reads %u, header %u of %u to %u, len %u, limit %u, linear %u, avail %u less than possible, %s\n",
	    trial->reads, trial->view.hdrlen, trial->hdrlen_min, trial->hdrlen_max, trial->view.len,
	    trial->view.limit, trial->view.linear, trial->short_of, trial->splits ? "splits" : "does not split");
	fprintf(stderr, "protocol %u, pkttype %u, ifindex %u, hatype %u\npacket of %u: ", trial->view.protocol,
	    trial->view.pkttype, trial->view.ifindex, trial->view.hatype, trial->len);
	for (i = 0; i < trial->len; i++)
		fprintf(stderr, "%02x", trial->bytes[i]);
	fprintf(stderr, "\nfilter of %u:\n", trial->count);
	for (i = 0; i < trial->count && i < 300; i++) {
		insn = &trial->filter[i];
		fprintf(stderr, "{ 0x%02x, %u, %u, 0x%08x }, %s\n", insn->code, insn->jt, insn->jf, insn->k,
		    reference_text(trial->filter, i));
	}
}
