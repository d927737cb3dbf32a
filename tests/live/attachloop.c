/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attachloop fentry|kprobe FUNCTION COUNT MORE: attaches a probe's program to the function, whose
 * argument 1 is the packet, and detaches it, COUNT times, with the helper's own code.  Says
 * how many packets it saw, and what was held in the kernel and here before and after: at once
 * when that is no more than MORE KiB above, else the least of some time.
 *
 * The program is loaded once: whole opens of a device take ten times as long.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "bpf/config.h"
#include "bpf/record.h"
#include "helper/attach.h"
#include "helper/probe.h"

#define WARM_UP 20 /* caches of the kernel grow at first */
#define SECONDS_MAX 60

struct held {
	int fds;
	long kernel_kb; /* slabs, module space, memory of CPUs */
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "attachloop: %s: %s\n", what, strerror(-err));
	return 1;
}

static long kernel_kb(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128], key[32];
	long sum = 0, kb;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31[^:]: %ld", key, &kb) == 2 &&
		    (!strcmp(key, "SUnreclaim") || !strcmp(key, "VmallocUsed") || !strcmp(key, "Percpu")))
			sum += kb;
	}
	if (file)
		fclose(file);
	return sum;
}

/*
 * What a detached program leaves is freed a moment later, on a busy machine a longer one: as
 * soon as it is no more than `enough`.
 */
static struct held look(long enough)
{
	DIR *dir = opendir("/proc/self/fd");
	struct held held = {0, LONG_MAX};
	int seconds = 0;
	long now;

	while (dir && readdir(dir))
		held.fds++;
	if (dir)
		closedir(dir);
	do {
		sleep(2);
		now = kernel_kb();
		if (now < held.kernel_kb)
			held.kernel_kb = now;
		seconds += 2;
	} while (held.kernel_kb > enough && seconds < SECONDS_MAX);
	return held;
}

static unsigned long long seen(int map, unsigned int cpus)
{
	struct bpfprobe_counters counters;
	unsigned long long sum = 0;
	__u32 cpu;

	for (cpu = 0; cpu < cpus; cpu++) {
		if (bpf_map_lookup_elem(map, &cpu, &counters) == 0)
			sum += counters.emitted + counters.lost;
	}
	return sum;
}

static int load(struct bpfprobe_probe *probe, struct bpfprobe_target *target, struct bpfprobe_maps *maps)
{
	struct bpfprobe_config config = {.snaplen = 200, .most = 200, .reader = maps->cpus};
	struct bpfprobe_core core = BPFPROBE_NO_CORE;
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, target->name, BTF_KIND_FUNC) : -ENOENT;
	int err = id < 0 && (!btf || target->kind == BPFPROBE_FENTRY) ? id : 0;

	core.kernel = btf;
	target->btf_id = target->kind == BPFPROBE_FENTRY ? (__u32)id : 0;
	if (!err)
		err = bpfprobe_probe_load(probe, target, 1, &config, maps, &core, 0);
	bpfprobe_core_close(&core);
	btf__free(btf);
	return err;
}

/* Where the kernel attaches a program of fentry once only (before 5.13), it is another one each time. */
static int attach(const struct bpfprobe_probe *probe, struct bpfprobe_maps *maps)
{
	struct bpfprobe_target target = *probe->targets;
	struct bpfprobe_probe another;
	int link = bpfprobe_attach(&target, bpf_program__fd(probe->dispatcher)), err;

	if (link != -ENOENT)
		return link;
	err = load(&another, &target, maps);
	if (err < 0)
		return err;
	link = bpfprobe_attach(&target, bpf_program__fd(another.dispatcher));
	bpf_object__close(another.object);
	return link;
}

/* Attached until the first packet comes: 0, or -ETIMEDOUT if none does. */
static int wait_for_load(const struct bpfprobe_probe *probe, struct bpfprobe_maps *maps)
{
	int link = attach(probe, maps), tenths = 600;

	if (link < 0)
		return link;
	while (seen(maps->ctl, maps->cpus) == 0 && tenths > 0) {
		usleep(100000);
		tenths--;
	}
	close(link);
	return tenths > 0 ? 0 : -ETIMEDOUT;
}

/* 0 or -errno. */
static int loop(const struct bpfprobe_probe *probe, struct bpfprobe_maps *maps, int count)
{
	int link;

	while (count-- > 0) {
		link = attach(probe, maps);
		if (link < 0)
			return link;
		close(link);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bpfprobe_target target = {.argument = {.number = 1, .word = 1}};
	struct bpfprobe_maps maps = BPFPROBE_NO_MAPS;
	struct bpfprobe_probe probe;
	struct held before, after;
	int count, err;
	time_t start;

	if (argc != 5)
		return 2;
	target.kind = strcmp(argv[1], "kprobe") == 0 ? BPFPROBE_KPROBE : BPFPROBE_FENTRY;
	snprintf(target.name, sizeof(target.name), "%s", argv[2]);
	count = atoi(argv[3]);
	maps.cpus = (unsigned int)libbpf_num_possible_cpus();
	err = load(&probe, &target, &maps);
	if (err < 0)
		return fail("load", err);
	err = loop(&probe, &maps, WARM_UP);
	if (err == 0)
		err = wait_for_load(&probe, &maps);
	before = look(LONG_MAX);
	start = time(NULL);
	if (err == 0)
		err = loop(&probe, &maps, count);
	if (err < 0)
		return fail("attach", err);
	printf("attached=%d\nseconds=%ld\n", count, (long)(time(NULL) - start));
	after = look(before.kernel_kb + atol(argv[4]));
	printf("seen=%llu\nfds_before=%d\nfds_after=%d\n", seen(maps.ctl, maps.cpus), before.fds, after.fds);
	printf("kernel_kb_before=%ld\nkernel_kb_after=%ld\n", before.kernel_kb, after.kernel_kb);
	return 0;
}
