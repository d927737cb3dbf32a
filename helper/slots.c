/* SPDX-License-Identifier: BSD-3-Clause */
/* See slots.h. */
#include <errno.h>
#include <bpf/bpf.h>
#include "helper/slots.h"

#define INSN(CODE, DST, SRC, OFF, IMM)                                                             \
	{                                                                                          \
		.code = (CODE), .dst_reg = (DST), .src_reg = (SRC), .off = (OFF), .imm = (IMM)     \
	}

int
bpfprobe_slots_open(int map)
{
	/*
	 * return bpf_perf_event_read(map, ctx[0]) != -ENOENT; what an event has counted is
	 * never that number.  For raw tracepoints, since these can be run without one.
	 */
	const struct bpf_insn program[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_1, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_perf_event_read),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 1, -ENOENT),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "bpfprobe_slots", "GPL", program,
	    sizeof(program) / sizeof(program[0]), NULL);

	return fd < 0 ? -errno : fd;
}

int
bpfprobe_slots_taken(int program, __u32 i)
{
	__u64 context = i;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &context, .ctx_size_in = sizeof(context));

	return bpf_prog_test_run_opts(program, &opts) < 0 ? -errno : opts.retval != 0;
}

int
bpfprobe_slots_writable(int map, __u32 entries)
{
	/* There is no such slot; but whether one may is asked first. */
	return bpf_map_delete_elem(map, &entries) < 0 && errno != EPERM;
}
