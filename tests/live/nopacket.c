/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nopacket NUMBER...: runs a probe's program as if each number stood where the packet
 * should, and prints how often it took that for none, and how often for one.
 *
 * No function of the kernel can be made to do so, but the kernel's test run of a raw
 * tracepoint's program takes any argument (Linux 5.10).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bpf/config.h"
#include "bpf/copy.skel.h"
#include "bpf/record.h"

static int fail(const char *what, int err)
{
	fprintf(stderr, "nopacket: %s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

/* The object with this program of it loaded; NULL with errno. */
static struct bpf_object *load(const char *name, unsigned int cpus)
{
	size_t size;
	const void *elf = copy_bpf__elf_bytes(&size);
	struct bpfprobe_config config = {.snaplen = 100, .most = 100, .reader = cpus};
	struct bpf_object *object = bpf_object__open_mem(elf, size, NULL);
	struct bpf_program *program, *chosen;

	if (!object)
		return NULL;
	chosen = bpf_object__find_program_by_name(object, name);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, program == chosen);
	bpf_map__set_initial_value(
	    bpf_object__find_map_by_name(object, ".rodata"), &config, sizeof(config));
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "bpfprobe_ctl"), cpus + 1);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "bpfprobe_buffer"), cpus);
	return bpf_object__load(object) < 0 ? NULL : object;
}

static int print_counters(int map, unsigned int cpus)
{
	unsigned long long null = 0, packets = 0;
	struct bpfprobe_counters counters;
	__u32 cpu;

	for (cpu = 0; cpu < cpus; cpu++) {
		if (bpf_map_lookup_elem(map, &cpu, &counters) < 0)
			return fail("the counters", errno);
		null += counters.null;
		packets += counters.emitted + counters.lost;
	}
	printf("null=%llu packets=%llu\n", null, packets);
	return 0;
}

int main(int argc, char **argv)
{
	static const char name[] = "bpfprobe_raw1";
	int cpus = libbpf_num_possible_cpus(), program, i;
	unsigned long long context[12] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = context, .ctx_size_in = sizeof(context));
	struct bpf_object *object;

	if (cpus <= 0)
		return fail("CPUs", cpus);
	object = load(name, (unsigned int)cpus);
	if (!object)
		return fail("load", errno);
	program = bpf_program__fd(bpf_object__find_program_by_name(object, name));
	for (i = 1; i < argc; i++) {
		context[0] = strtoull(argv[i], NULL, 0);
		if (bpf_prog_test_run_opts(program, &run) < 0)
			return fail("run", errno);
	}
	return print_counters(bpf_object__find_map_fd_by_name(object, "bpfprobe_ctl"), (unsigned int)cpus);
}
