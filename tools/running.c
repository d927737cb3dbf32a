/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bpfprobe show without a device: the counters of the captures that are running.  They
 * stand in the control map of each (bpf/record.h), one set per CPU and a last one of
 * the reader.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/types.h>
#include "bpf/record.h"
#include "tools/commands.h"
#include "tools/output.h"

#define CONTROL_MAP "bpfprobe_ctl"
#define HELPER "pcap-bpfprobe-h" /* as the kernel cuts its name off */

/* Who holds a map: the process that captures. */
struct holder {
	long pid; /* 0: none was found */
	char name[64];
};

/* Adds up one set.  The CPUs' and the reader's have no counter in common. */
static void
add_set(struct bpfprobe_counters *sum, const struct bpfprobe_counters *set)
{
	sum->emitted += set->emitted;
	sum->lost += set->lost;
	sum->untracked += set->untracked;
	sum->null += set->null;
	sum->delivered += set->delivered;
	sum->rejected += set->rejected;
	sum->filtered += set->filtered;
	sum->late += set->late;
	sum->broken += set->broken;
	sum->unpaired += set->unpaired;
	sum->expired += set->expired;
	sum->overrun += set->overrun;
	sum->passing += set->passing;
}

/* 0 or -errno. */
static int
read_counters(int fd, __u32 count, struct bpfprobe_counters *sum)
{
	struct bpfprobe_counters set;
	__u32 i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < count; i++) {
		if (bpf_map_lookup_elem(fd, &i, &set) < 0)
			return -errno;
		add_set(sum, &set);
	}
	return 0;
}

/* Whether this file in /proc/PID/fdinfo is of a descriptor of the map. */
static int
is_of_map(const char *path, __u32 map)
{
	FILE *file = fopen(path, "re");
	char line[128];
	__u32 id = 0;

	while (file != NULL && id == 0 && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "map_id:", 7) == 0)
			id = (__u32)strtoul(line + 7, NULL, 10);
	}
	if (file != NULL)
		fclose(file);
	return id == map;
}

static int
holds(const char *pid, __u32 map)
{
	char path[600];
	struct dirent *entry;
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%s", pid, entry->d_name);
		found = is_of_map(path, map);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

static void
read_name(const char *pid, char *name, size_t len)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (file == NULL || fgets(name, (int)len, file) == NULL)
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (file != NULL)
		fclose(file);
}

/* The helper holds the map too, but is not who captures. */
static void
find_holder(__u32 map, struct holder *holder)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	memset(holder, 0, sizeof(*holder));
	while (dir != NULL && holder->pid == 0 && (entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		read_name(entry->d_name, holder->name, sizeof(holder->name));
		if (strcmp(holder->name, HELPER) != 0 && holds(entry->d_name, map))
			holder->pid = strtol(entry->d_name, NULL, 10);
	}
	if (dir != NULL)
		closedir(dir);
	if (holder->pid == 0)
		holder->name[0] = '\0';
}

static void
print_counters(struct bpfprobe_output *output, const struct bpfprobe_counters *sum)
{
	bpfprobe_output_number(output, "emitted", sum->emitted, "records written to the rings");
	bpfprobe_output_number(output, "lost", sum->lost, "packets for which a ring had no space");
	bpfprobe_output_number(output, "null", sum->null, "hits without a packet, nothing lost");
	bpfprobe_output_number(output, "delivered", sum->delivered, "packets handed to the program");
	bpfprobe_output_number(
	    output, "rejected", sum->rejected, "records that filter, direction or link type kept from it");
	bpfprobe_output_number(
	    output, "filtered", sum->filtered, "records that the filter in user space decided");
	bpfprobe_output_number(output, "late", sum->late, "packets delivered behind younger ones");
	bpfprobe_output_number(output, "broken", sum->broken, "records that made no sense, lost");
	bpfprobe_output_number(
	    output, "unpaired", sum->unpaired, "packets of which it is not known what the function returned");
	bpfprobe_output_number(
	    output, "untracked", sum->untracked, "records of packets that could not be followed, since there were too many");
	bpfprobe_output_number(
	    output, "expired", sum->expired, "records of packets that did not come to the target of until=");
	bpfprobe_output_number(
	    output, "overrun", sum->overrun, "records that could not wait for that, since there were too many, lost");
	if (output->json)
		bpfprobe_output_bool(output, "filter_in_kernel", sum->passing == 0);
	else
		bpfprobe_output_text(output, "filter", "%s",
		    sum->passing == 0 ? "in the kernel" : "in user space: the kernel did not take it");
}

static void
print_capture(struct bpfprobe_output *output, __u32 map, const struct bpfprobe_counters *sum)
{
	struct holder holder;

	find_holder(map, &holder);
	bpfprobe_output_open(output, NULL, '{');
	if (output->json) {
		bpfprobe_output_number(output, "map", map, "");
		bpfprobe_output_number(output, "pid", (uint64_t)holder.pid, "");
		bpfprobe_output_text(output, "program", "%s", holder.name);
	} else {
		bpfprobe_output_text(output, "capture", "of %s, process %ld, map %u",
		    holder.pid > 0 ? holder.name : "?", holder.pid, map);
	}
	print_counters(output, sum);
	bpfprobe_output_close(output, '}');
}

/* Prints one map if it is one of ours.  Returns whether it is. */
static int
visit(struct bpfprobe_output *output, __u32 id)
{
	struct bpf_map_info info;
	struct bpfprobe_counters sum;
	__u32 len = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id), ours;

	/* It may be gone by now. */
	if (fd < 0)
		return 0;
	memset(&info, 0, sizeof(info));
	ours = bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && strcmp(info.name, CONTROL_MAP) == 0 &&
	    info.type == BPF_MAP_TYPE_ARRAY && info.value_size == sizeof(sum) &&
	    read_counters(fd, info.max_entries, &sum) == 0;
	close(fd);
	if (ours)
		print_capture(output, id, &sum);
	return ours;
}

int
bpfprobe_command_running(struct bpfprobe_output *output)
{
	unsigned int count = 0;
	__u32 id = 0;
	int err;

	if (output->json)
		bpfprobe_output_open(output, NULL, '[');
	while (bpf_map_get_next_id(id, &id) == 0)
		count += (unsigned int)visit(output, id);
	err = errno;
	if (output->json)
		bpfprobe_output_close(output, ']');
	if (err != ENOENT)
		return bpfprobe_complain("cannot list the running captures: %s; root can", strerror(err));
	if (count == 0 && !output->json)
		bpfprobe_output_text(output, NULL, "no capture is running");
	return 0;
}
