/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See attach.h.  libbpf's own way of attaching a kprobe disables the probe when its
 * link is closed, also if somebody else holds the link by then, as the module does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <linux/perf_event.h>
#include <bpf/bpf.h>
#include "helper/attach.h"
#include "helper/netns.h"
#include "helper/sift.h"

/* In attr.config of a kprobe: where the function returns (format/retprobe beside the type). */
#define RETPROBE 1
#define KPROBE_TYPE "/sys/bus/event_source/devices/kprobe/type"

#define INSN(CODE, DST, IMM)                                                                       \
	{ .code = (CODE), .dst_reg = (DST), .imm = (IMM) }

static const struct {
	enum bpf_prog_type program;
	enum bpf_attach_type attach;
} types[] = {
	[BPFPROBE_TP] = { BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP },
	[BPFPROBE_RAWTP] = { BPF_PROG_TYPE_RAW_TRACEPOINT, 0 },
	[BPFPROBE_FENTRY] = { BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY },
	[BPFPROBE_KPROBE] = { BPF_PROG_TYPE_KPROBE, 0 },
	[BPFPROBE_KPROBES] = { BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI },
	[BPFPROBE_FEXIT] = { BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT },
	[BPFPROBE_KRETPROBE] = { BPF_PROG_TYPE_KPROBE, 0 },
	[BPFPROBE_KRETPROBES] = { BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI },
	[BPFPROBE_PASS] = { BPF_PROG_TYPE_XDP, BPF_XDP },
};

unsigned int
bpfprobe_attach_prog_type(enum bpfprobe_kind kind)
{
	return types[kind].program;
}

enum bpfprobe_kind
bpfprobe_attach_kind(const struct bpfprobe_target *target)
{
	return target->returns.bits > 0 ? bpfprobe_kind_exit(target->kind) : target->kind;
}

struct bpfprobe_target
bpfprobe_attach_exit(const struct bpfprobe_target *target)
{
	struct bpfprobe_target exit = *target;

	exit.kind = bpfprobe_kind_exit(target->kind);
	exit.returns.bits = 0;
	return exit;
}

unsigned int
bpfprobe_attach_type(enum bpfprobe_kind kind)
{
	return types[kind].attach;
}

/* The number that perf_event_open() has for kprobes; -errno: ENOENT if the kernel has none. */
static int
kprobe_type(void)
{
	FILE *file = fopen(KPROBE_TYPE, "re");
	int type;

	if (file == NULL)
		return -errno;
	if (fscanf(file, "%d", &type) != 1)
		type = -EINVAL;
	fclose(file);
	return type;
}

/* A probe that is not armed yet; -errno. */
static int
open_kprobe(const struct bpfprobe_target *target)
{
	struct perf_event_attr attr;
	int type = kprobe_type();
	long fd;

	if (type < 0)
		return type == -ENOENT ? -EOPNOTSUPP : type;
	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = (__u32)type;
	attr.config = target->kind == BPFPROBE_KRETPROBE ? RETPROBE : 0;
	attr.kprobe_func = (__u64)(unsigned long)target->name;
	attr.probe_offset = target->offset;
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/*
 * A link of BPF holds the event (since 5.15: commit b89fbfbb854c, "bpf: Implement
 * minimal BPF perf link"); before, the event itself is the attachment.
 */
static int
attach_kprobe(const struct bpfprobe_target *target, int program)
{
	int event = open_kprobe(target), link, err = 0;

	if (event < 0)
		return event;
	link = bpf_link_create(program, event, BPF_PERF_EVENT, NULL);
	if (link < 0) {
		if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0)
			err = -errno;
		link = event;
	}
	if (err == 0 && ioctl(event, PERF_EVENT_IOC_ENABLE, 0) < 0)
		err = -errno;
	if (link != event)
		close(event);
	if (err < 0)
		close(link);
	return err < 0 ? err : link;
}

/*
 * By a link: it ends with us, and nobody can put another program in its place unseen (since
 * 5.9: commit aa8d3a716b59, "bpf, xdp: Add bpf_link-based XDP attachment API").
 */
static int
attach_xdp(const struct bpfprobe_target *target, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
	    .flags = target->native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int own, link;

	own = bpfprobe_netns_enter(target->netns_fd);
	if (own < 0)
		return own;
	link = bpf_link_create(program, (int)target->ifindex, BPF_XDP, &opts);
	if (link < 0)
		link = -errno;
	bpfprobe_netns_leave(own);
	return link;
}

int
bpfprobe_attach(const struct bpfprobe_target *target, int program)
{
	int fd;

	if (target->kind == BPFPROBE_PASS)
		return attach_xdp(target, program);
	if (target->kind == BPFPROBE_KPROBE || target->kind == BPFPROBE_KRETPROBE)
		return attach_kprobe(target, program);
	fd = bpf_raw_tracepoint_open(target->kind == BPFPROBE_RAWTP ? target->name : NULL, program);
	return fd < 0 ? -errno : fd;
}

int
bpfprobe_attach_all(const struct bpfprobe_target *targets, unsigned int count,
    enum bpfprobe_kind kind, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	const char **symbols = calloc(count, sizeof(*symbols));
	unsigned int i;
	int link;

	if (symbols == NULL)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		symbols[i] = targets[i].name;
	opts.kprobe_multi.syms = symbols;
	opts.kprobe_multi.cnt = count;
	opts.kprobe_multi.flags = kind == BPFPROBE_KRETPROBES ? BPF_F_KPROBE_MULTI_RETURN : 0;
	link = bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &opts);
	if (link < 0)
		link = -errno;
	free(symbols);
	return link;
}

/* A program for this target. Its descriptor, or -errno. */
static int
load(const struct bpfprobe_target *target, const struct bpf_insn *program, size_t count)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = types[target->kind].attach,
	    .attach_btf_id = target->btf_id, .attach_btf_obj_fd = (__u32)target->btf_fd);
	int fd = bpf_prog_load(types[target->kind].program, "bpfprobe_try", "Dual BSD/GPL", program, count, &opts);

	return fd < 0 ? -errno : fd;
}

/* One that does nothing. */
static int
load_nothing(const struct bpfprobe_target *target)
{
	static const struct bpf_insn nothing[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0),
	};

	return load(target, nothing, sizeof(nothing) / sizeof(nothing[0]));
}

int
bpfprobe_attach_copies(const struct bpfprobe_target *target)
{
	int word = 8 * ((int)target->argument.word - 1), map, program = -1;

	if (target->btf_fd <= 0)
		return 1;
	map = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "bpfprobe_try", sizeof(__u32), sizeof(__u32), 1, NULL);
	if (map >= 0) {
		const struct bpf_insn copy[] = {
			{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_1, .off = (__s16)word },
			{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_2, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
			INSN(0, 0, 0),
			INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0),
			{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = -8 },
			{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_4, .src_reg = BPF_REG_10 },
			INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, -8),
			INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_5, 8),
			INSN(BPF_JMP | BPF_CALL, 0, target->argument.form == BPFPROBE_XDP ? BPF_FUNC_xdp_output : BPF_FUNC_skb_output),
			INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0),
			INSN(BPF_JMP | BPF_EXIT, 0, 0),
		};

		program = load(target, copy, sizeof(copy) / sizeof(copy[0]));
		close(map);
	}
	if (program < 0)
		return 0;
	close(program);
	return 1;
}

static int
close_both(int program, int link)
{
	close(program);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

int
bpfprobe_attach_try(const struct bpfprobe_target *target)
{
	struct bpfprobe_target exit = bpfprobe_attach_exit(target);
	int program = load_nothing(target), err;

	err = program < 0 ? program : close_both(program, bpfprobe_attach(target, program));
	return err < 0 || target->returns.bits == 0 ? err : bpfprobe_attach_try(&exit);
}

/* Whether the program, whose descriptor `context` points to, can be at all of them. */
static int
takes_all(const struct bpfprobe_target *targets, unsigned int count, void *context)
{
	int link = bpfprobe_attach_all(targets, count, BPFPROBE_KPROBES, *(int *)context);

	if (link < 0)
		return link;
	close(link);
	return 0;
}

unsigned int
bpfprobe_attach_sift(struct bpfprobe_target *targets, unsigned int count, unsigned int *attempts)
{
	struct bpfprobe_target first = targets[0];
	int program;

	first.kind = BPFPROBE_KPROBES;
	program = load_nothing(&first);
	if (program < 0)
		return 0;
	count = bpfprobe_sift(targets, count, takes_all, &program, attempts);
	close(program);
	return count;
}
