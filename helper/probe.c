/* SPDX-License-Identifier: BSD-3-Clause */
/* See probe.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bpf/names.h"
#include "bpf/record.h"
#include "helper/core.h"
#include "helper/probe.h"
#include "helper/splice.h"
#include "bpf/copy.skel.h"
#include "bpf/fentrydirect.skel.h"
#include "bpf/pass.skel.h"
#include "bpf/tp.skel.h"
#include "bpf/tpdirect.skel.h"
#include "bpf/trackcopy.skel.h"
#include "bpf/trackfentrydirect.skel.h"
#include "bpf/tracktp.skel.h"
#include "bpf/tracktpdirect.skel.h"
#include "bpf/xdp.skel.h"
#include "bpf/xdpcopy.skel.h"

/* The read-only data of the object's programs. */
static int
set_config(struct bpf_object *object, const struct bpfprobe_config *config)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");

	return map != NULL ? bpf_map__set_initial_value(map, config, sizeof(*config)) : -ENOENT;
}

/* Whether the program has nothing but the packet's address. */
static int
copies(enum bpfprobe_kind kind)
{
	return kind == BPFPROBE_RAWTP || kind == BPFPROBE_KPROBE || kind == BPFPROBE_KPROBES;
}

/* All share the first one's buffer: it is large, and who finds it busy has lost a packet. */
static int
set_buffer(struct bpf_map *buffer, const struct bpfprobe_maps *maps)
{
	if (buffer == NULL)
		return 0;
	if (maps->buffer >= 0)
		return bpf_map__reuse_fd(buffer, maps->buffer);
	return bpf_map__set_max_entries(buffer, maps->cpus);
}

/* The calls are each probe's own, but for a BPF program, whose exit looks up what its entry has put there. */
static int
set_calls(struct bpf_map *calls, const struct bpfprobe_config *config, const struct bpfprobe_maps *maps)
{
	if (config->paired)
		return bpf_map__reuse_fd(calls, maps->calls);
	return bpf_map__set_autocreate(calls, config->remember);
}

/* One that is made without an object, as is the table of names where somebody is to read it. */
static int
set_shared(struct bpf_map *map, int fd)
{
	return map != NULL && fd >= 0 ? bpf_map__reuse_fd(map, fd) : 0;
}

/* One that not every handle has. */
static int
set_optional(struct bpf_map *map, int fd)
{
	if (map == NULL)
		return 0;
	return fd >= 0 ? bpf_map__reuse_fd(map, fd) : bpf_map__set_autocreate(map, false);
}

/* The maps: made with the first object, shared by the others. */
static int
set_maps(struct bpf_object *object, const struct bpfprobe_config *config, const struct bpfprobe_maps *maps)
{
	struct bpf_map *calls = bpf_object__find_map_by_name(object, "bpfprobe_calls");
	struct bpf_map *ctl = bpf_object__find_map_by_name(object, "bpfprobe_ctl");
	struct bpf_map *perf = bpf_object__find_map_by_name(object, "bpfprobe_rings");
	int err;

	if (ctl == NULL || perf == NULL || calls == NULL)
		return -ENOENT;
	err = set_calls(calls, config, maps);
	if (err < 0)
		return err;
	err = set_buffer(bpf_object__find_map_by_name(object, "bpfprobe_buffer"), maps);
	if (err == 0)
		err = set_shared(bpf_object__find_map_by_name(object, "bpfprobe_names"), maps->names);
	if (err == 0)
		err = set_shared(bpf_object__find_map_by_name(object, "bpfprobe_tracks"), maps->tracks);
	if (err == 0)
		err = set_optional(bpf_object__find_map_by_name(object, "bpfprobe_stacks"), maps->stacks);
	if (err == 0)
		err = set_optional(bpf_object__find_map_by_name(object, "bpfprobe_ringbufs"), maps->ringbufs);
	if (err < 0)
		return err;
	if (maps->ctl < 0)
		return bpf_map__set_max_entries(ctl, maps->cpus + 1);
	err = bpf_map__reuse_fd(ctl, maps->ctl);
	return err < 0 ? err : bpf_map__reuse_fd(perf, maps->perf);
}

/* Which programs of an object are dispatcher and exit, and what the leaves' names begin with. */
static const struct {
	const char *dispatcher, *leaf;
	const char *exit;
} names[] = {
	[BPFPROBE_TP] = { "bpfprobe_dispatch", "bpfprobe_arg" },
	[BPFPROBE_RAWTP] = { "bpfprobe_raw", "bpfprobe_raw" },
	[BPFPROBE_FENTRY] = { "bpfprobe_dispatch", "bpfprobe_arg", "bpfprobe_fexit" },
	[BPFPROBE_KPROBE] = { "bpfprobe_kprobe", "bpfprobe_kprobe", "bpfprobe_kretprobe" },
	[BPFPROBE_KPROBES] = { "bpfprobe_kprobe", "bpfprobe_kprobe", "bpfprobe_kretprobe" },
	[BPFPROBE_FEXIT] = { "bpfprobe_leaving", "bpfprobe_leaving" },
	[BPFPROBE_PASS] = { "bpfprobe_pass", "bpfprobe_pass" },
};

struct traced {
	const struct bpfprobe_target *target;
	struct bpfprobe_core *core;
};

/*
 * For a program of the section "traced", when libbpf is about to load it: where it is to be
 * attached is known here.  Were it of this type before, libbpf would look for that itself, in
 * the kernel's whole BTF.
 */
static int
prepare_traced(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	const struct traced *traced = (const void *)cookie;
	int err = bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);

	opts->attach_btf_id = traced->target->btf_id;
	opts->attach_btf_obj_fd = (__u32)traced->target->btf_fd;
	return err < 0 ? err : bpfprobe_core_link(traced->core, program);
}

/* Of all leaves in the object only the one for the argument's place is loaded. */
static int
choose_programs(struct bpfprobe_probe *probe, const struct bpfprobe_target *target)
{
	const struct bpfprobe_target exit = bpfprobe_attach_exit(target);
	struct bpf_program *program;
	char name[32];

	snprintf(name, sizeof(name), "%s%u",
	    target->argument.form == BPFPROBE_LIST ? "bpfprobe_list" : names[target->kind].leaf,
	    target->argument.word);
	probe->dispatcher =
	    bpf_object__find_program_by_name(probe->object, names[target->kind].dispatcher);
	probe->leaf = bpf_object__find_program_by_name(probe->object, name);
	if (target->returns.bits > 0)
		probe->exit = bpf_object__find_program_by_name(probe->object, names[target->kind].exit);
	if (probe->dispatcher == NULL || probe->leaf == NULL)
		return -ENOENT;
	bpf_object__for_each_program(program, probe->object) {
		if (program != probe->dispatcher && program != probe->leaf && program != probe->exit)
			bpf_program__set_autoload(program, false);
	}
	bpf_program__set_expected_attach_type(probe->dispatcher, bpfprobe_attach_type(target->kind));
	bpf_program__set_expected_attach_type(probe->leaf, bpfprobe_attach_type(target->kind));
	if (probe->exit != NULL)
		bpf_program__set_expected_attach_type(probe->exit, bpfprobe_attach_type(exit.kind));
	return 0;
}

#define INSN(CODE, DST, SRC, OFF, IMM)                                                             \
	{ .code = (CODE), .dst_reg = (DST), .src_reg = (SRC), .off = (OFF), .imm = (IMM) }

/* Whether XDP programs may say that they take packets in fragments (5.18). */
static int
takes_frags(void)
{
	static const struct bpf_insn pass[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_XDP_HAS_FRAGS, .expected_attach_type = BPF_XDP);
	int fd = bpf_prog_load(
	    BPF_PROG_TYPE_XDP, "bpfprobe_try", "GPL", pass, sizeof(pass) / sizeof(pass[0]), &opts);

	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

/* Without that an interface with a large MTU refuses them. */
static int
set_frags(struct bpfprobe_probe *probe)
{
	int err;

	if (!takes_frags())
		return 0;
	err = bpf_program__set_flags(probe->dispatcher, BPF_F_XDP_HAS_FRAGS);
	return err < 0 ? err : bpf_program__set_flags(probe->leaf, BPF_F_XDP_HAS_FRAGS);
}

/* An XDP program cannot see what its interface is called. */
static int
name_interfaces(const struct bpfprobe_probe *probe)
{
	int map = bpf_object__find_map_fd_by_name(probe->object, "bpfprobe_interfaces"), err = 0;
	const struct bpfprobe_target *target = probe->targets;
	struct bpfprobe_name16 name;

	for (; err == 0 && target < probe->targets + probe->count; target++) {
		memset(&name, 0, sizeof(name));
		memcpy(&name, target->name, strnlen(target->name, BPFPROBE_NAME_LEN));
		err = bpf_map_update_elem(map, &target->ifindex, &name, BPF_ANY);
	}
	return err;
}

static int
load(struct bpfprobe_probe *probe, const struct bpfprobe_config *config, struct bpfprobe_maps *maps)
{
	const struct bpfprobe_target *target = probe->targets;
	int err;

	err = set_config(probe->object, config);
	if (err == 0)
		err = set_maps(probe->object, config, maps);
	if (err == 0)
		err = choose_programs(probe, target);
	if (err == 0 && target->kind == BPFPROBE_PASS)
		err = set_frags(probe);
	if (err == 0)
		err = bpf_object__load(probe->object);
	if (err == 0 && target->kind == BPFPROBE_PASS)
		err = name_interfaces(probe);
	if (err < 0)
		return err;
	probe->slots = bpf_object__find_map_fd_by_name(probe->object, "bpfprobe_leaf");
	return bpfprobe_probe_set_leaf(probe, bpf_program__fd(probe->leaf));
}

/* `follows`: packets are followed; those of XDP never are. */
static const void *
choose_object(const struct bpfprobe_target *target, unsigned int reads, int follows, size_t *size)
{
	if (target->kind == BPFPROBE_PASS)
		return pass_bpf__elf_bytes(size);
	if (target->argument.form == BPFPROBE_XDP)
		return copies(target->kind) ? xdpcopy_bpf__elf_bytes(size) : xdp_bpf__elf_bytes(size);
	if (copies(target->kind))
		return follows ? trackcopy_bpf__elf_bytes(size) : copy_bpf__elf_bytes(size);
	if (!(reads & BPFPROBE_READS_DIRECT))
		return follows ? tracktp_bpf__elf_bytes(size) : tp_bpf__elf_bytes(size);
	if (target->kind == BPFPROBE_TP)
		return follows ? tracktpdirect_bpf__elf_bytes(size) : tpdirect_bpf__elf_bytes(size);
	return follows ? trackfentrydirect_bpf__elf_bytes(size) : fentrydirect_bpf__elf_bytes(size);
}

/*
 * The object, with types of its own, or, where these cannot be made (a limit of files' sizes, a
 * kernel's BTF that is unlike those that there are), with the kernel's, as libbpf reads them.
 */
static int
open_object(struct bpfprobe_probe *probe, struct bpfprobe_core *core, const void *elf, size_t size)
{
	char types[BPFPROBE_CORE_PATH_MAX];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "bpfprobe", .btf_custom_path = types);

	if (bpfprobe_core_open(core, elf, types) == 0) {
		probe->object = bpf_object__open_mem(elf, size, &opts);
		if (probe->object == NULL)
			return -errno;
		if (bpfprobe_core_fill(core, probe->object) == 0)
			return 0;
		bpf_object__close(probe->object);
	}
	opts.btf_custom_path = NULL;
	probe->object = bpf_object__open_mem(elf, size, &opts);
	return probe->object != NULL ? 0 : -errno;
}

/* The object, open and loaded, or none.  0 or -errno. */
static int
open_and_load(struct bpfprobe_probe *probe, const struct bpfprobe_config *config, struct bpfprobe_maps *maps,
    struct bpfprobe_core *core)
{
	const void *elf;
	size_t size;
	int err;

	elf = choose_object(probe->targets, probe->reads, maps->tracks >= 0, &size);
	err = open_object(probe, core, elf, size);
	if (err < 0)
		return err;
	err = load(probe, config, maps);
	if (err < 0) {
		bpf_object__close(probe->object);
		probe->object = NULL;
	}
	return err;
}

int
bpfprobe_probe_load(struct bpfprobe_probe *probe, const struct bpfprobe_target *targets,
    unsigned int count, const struct bpfprobe_config *config, struct bpfprobe_maps *maps,
    struct bpfprobe_core *core, unsigned int reads)
{
	const struct traced traced = { targets, core };
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)&traced, .prog_prepare_load_fn = prepare_traced);
	int handler, err;

	memset(probe, 0, sizeof(*probe));
	probe->targets = targets;
	probe->count = count;
	probe->reads = reads;
	/* For sections that libbpf does not know.  One with a name cannot be the last to go before libbpf 1.2.2. */
	handler = libbpf_register_prog_handler(NULL, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &opts);
	if (handler < 0)
		return handler;
	err = open_and_load(probe, config, maps, core);
	libbpf_unregister_prog_handler(handler);
	if (err < 0)
		return err;
	if (maps->ctl < 0) {
		maps->ctl = bpf_object__find_map_fd_by_name(probe->object, "bpfprobe_ctl");
		maps->perf = bpf_object__find_map_fd_by_name(probe->object, "bpfprobe_rings");
	}
	if (config->remember && targets->program > 0)
		maps->calls = bpf_object__find_map_fd_by_name(probe->object, "bpfprobe_calls");
	if (maps->buffer < 0 && copies(targets->kind))
		maps->buffer = bpf_object__find_map_fd_by_name(probe->object, "bpfprobe_buffer");
	return 0;
}

/* Of the object nothing but the two maps. */
static int
load_maps(struct bpf_object *object, const struct bpfprobe_maps *maps)
{
	struct bpf_map *ctl = bpf_object__find_map_by_name(object, "bpfprobe_ctl");
	struct bpf_map *perf = bpf_object__find_map_by_name(object, "bpfprobe_rings");
	struct bpf_program *program;
	struct bpf_map *map;
	int err;

	if (ctl == NULL || perf == NULL)
		return -ENOENT;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, false);
	bpf_object__for_each_map(map, object) {
		err = map == ctl || map == perf ? 0 : bpf_map__set_autocreate(map, false);
		if (err < 0)
			return err;
	}
	err = bpf_map__set_max_entries(ctl, maps->cpus + 1);
	return err < 0 ? err : bpf_object__load(object);
}

int
bpfprobe_probe_make_maps(struct bpfprobe_maps *maps)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "bpfprobe");
	struct bpf_object *object;
	const void *elf;
	size_t size;
	int err;

	elf = pass_bpf__elf_bytes(&size);
	object = bpf_object__open_mem(elf, size, &opts);
	if (object == NULL)
		return -errno;
	err = load_maps(object, maps);
	if (err < 0) {
		bpf_object__close(object);
		return err;
	}
	maps->ctl = bpf_object__find_map_fd_by_name(object, "bpfprobe_ctl");
	maps->perf = bpf_object__find_map_fd_by_name(object, "bpfprobe_rings");
	return 0;
}

int
bpfprobe_probe_make_stacks(struct bpfprobe_maps *maps)
{
	maps->stacks = bpf_map_create(BPF_MAP_TYPE_STACK_TRACE, "bpfprobe_stacks", sizeof(__u32),
	    sizeof(__u64) * BPFPROBE_STACK_FRAMES, BPFPROBE_STACKS_MAX, NULL);
	return maps->stacks < 0 ? -errno : 0;
}

int
bpfprobe_probe_reads_variable(void)
{
	static const struct bpf_insn program[] = {
		/* A number from 0 to 7 that the verifier does not know, as offset into 8 bytes of stack. */
		INSN(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32),
		INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_0, 0, 0, 7),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_2, BPF_REG_0, 0, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_B, BPF_REG_0, BPF_REG_2, -8, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "bpfprobe_try", "GPL", program,
	    sizeof(program) / sizeof(program[0]), NULL);

	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

int
bpfprobe_probe_make_leaf(const struct bpfprobe_probe *probe,
    const struct bpfprobe_translation *translation, const struct bpfprobe_marks *marks)
{
	const struct bpfprobe_target *target = probe->targets;
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .attach_btf_id = target->btf_id,
	    .expected_attach_type = bpfprobe_attach_type(target->kind),
	    .prog_flags = bpf_program__flags(probe->leaf),
	    .attach_btf_obj_fd = (__u32)target->btf_fd);
	struct bpf_insn *program;
	size_t count;
	int fd;

	program = bpfprobe_splice(bpf_program__insns(probe->leaf), bpf_program__insn_cnt(probe->leaf),
	    translation, marks, &count);
	if (program == NULL)
		return -errno;
	fd = bpf_prog_load(bpfprobe_attach_prog_type(target->kind), "bpfprobe_leaf", "Dual BSD/GPL",
	    program, count, &opts);
	free(program);
	return fd;
}

int
bpfprobe_probe_set_leaf(const struct bpfprobe_probe *probe, int leaf)
{
	__u32 slot = 0;

	return bpf_map_update_elem(probe->slots, &slot, &leaf, BPF_ANY);
}
