// SPDX-License-Identifier: BSD-3-Clause
/* See sockprog.h. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/config.h"
#include "bpf/linkhdr.h"
#include "helper/probe.h"
#include "helper/splice.h"
#include "tests/bench/sockprog.h"
#include "tests/diff/verdict.h"
#include "tests/diff/verdict.skel.h"
#include "tests/diff/verdictdirect.skel.h"

static int set_config(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	struct bpfprobe_config config;

	memset(&config, 0, sizeof(config));
	config.snaplen = 262144;
	config.most = UINT32_MAX / 2;
	return map ? bpf_map__set_initial_value(map, &config, sizeof(config)) : -1;
}

static int load_object(struct sockprog *sp)
{
	const void *elf;
	size_t size;

	elf = sp->reads & BPFPROBE_READS_DIRECT ? verdictdirect_bpf__elf_bytes(&size) :
						  verdict_bpf__elf_bytes(&size);
	sp->object = bpf_object__open_mem(elf, size, NULL);
	if (!sp->object)
		return -1;
	sp->program = bpf_object__find_program_by_name(sp->object, "verdict");
	if (sp->program && set_config(sp->object) == 0 &&
	    bpf_program__set_type(sp->program, BPF_PROG_TYPE_SOCKET_FILTER) == 0 &&
	    bpf_object__load(sp->object) == 0)
		return 0;
	bpf_object__close(sp->object);
	sp->object = NULL;
	return -1;
}

int sockprog_open(struct sockprog *sp)
{
	int map;

	libbpf_set_print(NULL); /* a way to read that the kernel does not have is no error */
	sp->reads = BPFPROBE_READS_DIRECT | BPFPROBE_READS_VARIABLE;
	if (load_object(sp) < 0) {
		sp->reads = bpfprobe_probe_reads_variable() ? BPFPROBE_READS_VARIABLE : 0;
		if (load_object(sp) < 0)
			return -1;
	}
	map = bpf_object__find_map_fd_by_name(sp->object, "bpfprobe_verdict");
	sp->verdict = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	return sp->verdict == MAP_FAILED ? -1 : 0;
}

const char *sockprog_reads(const struct sockprog *sp)
{
	return sp->reads & BPFPROBE_READS_DIRECT ? "direct" : sp->reads ? "variable" : "constant";
}

static int translate(const struct sockprog *sp, const void *filter, unsigned int count, int dlt,
    struct bpfprobe_translation *translation, char *why)
{
	unsigned int min, max;

	bpfprobe_link_bounds(dlt, &min, &max);
	return bpfprobe_translate(translation, filter, count, sp->reads, min, max, why, 256);
}

unsigned int sockprog_translated(
    const struct sockprog *sp, const void *filter, unsigned int count, int dlt, char *why)
{
	struct bpfprobe_translation translation;

	if (translate(sp, filter, count, dlt, &translation, why) < 0)
		return 0;
	free(translation.insns);
	return translation.count;
}

/* .constant stays as it is: a program that knows its verdict from the start makes no view. */
static void make_constant(struct bpfprobe_translation *translation)
{
	static const struct bpf_insn reject[] = {
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	    {.code = BPF_JMP | BPF_EXIT},
	};

	memcpy(translation->insns, reject, sizeof(reject));
	translation->count = 2;
}

int sockprog_load(const struct sockprog *sp, const void *filter, unsigned int count, int dlt,
    int constant, char *why)
{
	struct bpfprobe_marks marks = {1, (unsigned int)dlt, 0};
	struct bpfprobe_translation translation;
	struct bpf_insn *program;
	size_t n;
	int fd = -1;

	if (translate(sp, filter, count, dlt, &translation, why) < 0)
		return -1;
	if (constant)
		make_constant(&translation);
	program = bpfprobe_splice(bpf_program__insns(sp->program),
	    bpf_program__insn_cnt(sp->program), &translation, &marks, &n);
	free(translation.insns);
	if (program)
		fd = bpf_prog_load(
		    BPF_PROG_TYPE_SOCKET_FILTER, "verdict", "Dual BSD/GPL", program, n, NULL);
	if (fd < 0)
		snprintf(why, 256, "the kernel refuses the program: %s", strerror(errno));
	free(program);
	return fd;
}
