/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments of the probe besides the packet. */
#ifndef BPFPROBE_ARGS_BPF_H
#define BPFPROBE_ARGS_BPF_H

#include "bpf/memory.bpf.h"

/*
 * One word of the arguments, whose number the verifier knows.  A context can be read at
 * constant offsets only: the instructions are written out, so that the compiler does
 * not make one load of them, from a place that it computes.
 */
#define ARGUMENT(n)                                                                                \
	case n:                                                                                    \
		asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(ctx), "i"(8 * (n - 1))); \
		break;

static __always_inline __u64 word_of(void *ctx, __u32 number)
{
	__u64 value = 0;

	switch (number) {
	ARGUMENT(1)
	ARGUMENT(2)
	ARGUMENT(3)
	ARGUMENT(4)
	ARGUMENT(5)
	ARGUMENT(6)
	}
	return value;
}

#undef ARGUMENT

#ifdef BPFPROBE_COPY

#define ARGUMENT(n)                                                                                \
	case n:                                                                                    \
		value = BPF_CORE_READ((struct pt_regs *)ctx, ARGUMENT##n);                         \
		break;

static __always_inline __u64 register_of(void *ctx, __u32 number)
{
	__u64 value = 0;

	switch (number) {
	ARGUMENT(1)
	ARGUMENT(2)
	ARGUMENT(3)
	ARGUMENT(4)
	ARGUMENT(5)
	ARGUMENT(6)
	}
	return value;
}

#undef ARGUMENT

#endif

static __always_inline __u64 argument_of(void *ctx, __u32 number)
{
#ifdef BPFPROBE_COPY
	if (config.registers)
		return register_of(ctx, number);
#endif
	return word_of(ctx, number);
}

#endif
