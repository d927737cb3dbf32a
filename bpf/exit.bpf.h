/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a function returns, for the packet that it was entered with.  Where it returns the
 * packet may be gone, so that nothing is read of it there: the packet's own record is
 * written at the entry, and a small one at the exit, which names it.  Both ends of a
 * call know it by a place on the stack that is its own until it returns.
 */
#ifndef BPFPROBE_EXIT_BPF_H
#define BPFPROBE_EXIT_BPF_H

#include "bpf/sample.bpf.h"

/* Calls that have not returned yet, of all CPUs; one more, and its end is not known. */
#define CALLS_MAX 4096

/* The record that was written when the function was entered. */
struct entered {
	__u32 time_lo;
	__u32 time_hi;
	__u32 cpu;
	__u32 pad;
};

/* The helper leaves it out where nothing returns. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CALLS_MAX);
	__type(key, __u64);
	__type(value, struct entered);
} bpfprobe_calls SEC(".maps");

static __always_inline __u64 call_of_entry(void *ctx);

/*
 * The lower half of the time at which a packet's record was written when its program was
 * entered, at the exit of that program; 0: it has none.
 */
static __always_inline __u32 time_of_entry(void *ctx)
{
	__u64 call = call_of_entry(ctx);
	struct entered *entered = bpf_map_lookup_elem(&bpfprobe_calls, &call);
	__u32 time;

	if (!entered)
		return 0;
	time = entered->time_lo;
	if (!config.kept)
		bpf_map_delete_elem(&bpfprobe_calls, &call);
	return time;
}

/* When the packet's record is in the ring. */
static __always_inline void remember(void *ctx, const struct bpfprobe_record *rec)
{
	__u64 call = call_of_entry(ctx);
	struct entered entered = { rec->time_lo, rec->time_hi, bpf_get_smp_processor_id(), 0 };

	bpf_map_update_elem(&bpfprobe_calls, &call, &entered, 0);
}

/*
 * Of a register, what belongs to a value of the function's type.  Of an address no more
 * than that it is one: who captures need not know where the kernel has what.
 */
static __always_inline __s64 clean(__u64 value)
{
	__u32 above = 64 - config.ret_bits;

	if (config.ret_pointer)
		return value >= -(__u64)ERRNO_MAX ? (__s64)value : value != 0;
	return config.ret_signed ? (__s64)(value << above) >> above : (__s64)(value << above >> above);
}

/* Whether the user asks for packets of this value (ret= option). */
static __always_inline int is_wanted_value(__s64 value)
{
	__u32 i, found = 0;

#pragma unroll
	for (i = 0; i < BPFPROBE_RETS_MAX; i++)
		found |= i < config.rets && config.ret[i] == value;
	return !config.rets || found != config.rets_not;
}

/* At the exit. */
static __always_inline int leave(void *ctx, __u64 call, __u64 value)
{
	struct entered *entered = bpf_map_lookup_elem(&bpfprobe_calls, &call);
	struct bpfprobe_exit exit;
	__s64 returned = clean(value);

	if (!entered)
		return 0;
	__builtin_memset(&exit, 0, sizeof(exit));
	exit.rec.layer = BPFPROBE_LAYER_EXIT;
	exit.rec.probe = config.probe;
	exit.rec.caplen = sizeof(exit) - sizeof(exit.rec);
	exit.entered_lo = entered->time_lo;
	exit.entered_hi = entered->time_hi;
	exit.moved = entered->cpu != bpf_get_smp_processor_id();
	exit.value_lo = returned;
	exit.value_hi = (__u64)returned >> 32;
	exit.unwanted = !is_wanted_value(returned);
	bpf_map_delete_elem(&bpfprobe_calls, &call);
	stamp(&exit.rec);
	bpf_perf_event_output(ctx, &bpfprobe_rings, BPF_F_CURRENT_CPU, &exit, sizeof(exit));
	return 0;
}

#ifdef BPFPROBE_COPY

static __always_inline __u64 call_of_entry(void *ctx)
{
	return ((struct pt_regs *)ctx)->FRAME;
}

SEC("kretprobe")
int bpfprobe_kretprobe(struct pt_regs *ctx)
{
	return leave(ctx, ctx->FRAME - LEFT, ctx->RETURNED);
}

#else

/*
 * The context of both programs is the same part of the trampoline's stack frame.  The
 * verifier has it as a pointer, which 5.10 does not take in a key; the difference of two
 * is a number to it.
 */
static __always_inline __u64 call_of_entry(void *ctx)
{
	__u64 call = (__u64)ctx;

	asm volatile("%0 -= %1" : "+r"(call) : "r"(&bpfprobe_calls));
	return call;
}

/* Behind its arguments the context has what the function returns. */
SEC("traced")
int bpfprobe_fexit(__u64 *ctx)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + config.slots);
	return leave(ctx, call_of_entry(ctx), value);
}

#endif

#endif
