/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments of the probe besides the packet. */
#ifndef BPFPROBE_ARGS_BPF_H
#define BPFPROBE_ARGS_BPF_H

#include "bpf/memory.bpf.h"

#ifdef BPFPROBE_COPY
#define IN_REGISTERS config.registers
#define REGISTER(n) BPF_CORE_READ((struct pt_regs *)ctx, ARGUMENT##n)
#else
#define IN_REGISTERS 0
#define REGISTER(n) 0
#endif

/*
 * A context can be read at constant offsets only: the instructions are written out, so that the
 * compiler does not make one load of them, from a place that it computes.
 */
#define ARGUMENT(n)                                                                                        \
	case n:                                                                                            \
		if (IN_REGISTERS)                                                                          \
			value = REGISTER(n);                                                               \
		else                                                                                       \
			asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(ctx), "i"(8 * (n - 1))); \
		break;

/* One word of the arguments, whose number the verifier knows. */
static __always_inline __u64 argument_of(void *ctx, __u32 number)
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
#undef REGISTER
#undef IN_REGISTERS

#endif
