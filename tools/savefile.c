/* SPDX-License-Identifier: BSD-3-Clause */
/* See savefile.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "tools/annotate.h"
#include "tools/commands.h"
#include "tools/savefile.h"

void
bpfprobe_savefile_init(struct bpfprobe_savefile *file)
{
	memset(file, 0, sizeof(*file));
	file->fd = -1;
}

int
bpfprobe_savefile_fail(const struct bpfprobe_savefile *file, int err)
{
	if (err == -EPIPE)
		return err;
	if (strcmp(file->name, "-") == 0)
		return -bpfprobe_complain("cannot write: %s", strerror(-err));
	return -bpfprobe_complain("cannot write \"%.200s\": %s", file->name, strerror(-err));
}

int
bpfprobe_savefile_open(struct bpfprobe_savefile *file, const char *name)
{
	file->name = name;
	file->fd = STDOUT_FILENO;
	if (strcmp(name, "-") != 0)
		file->fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (file->fd < 0)
		return bpfprobe_savefile_fail(file, -errno);
	if (bpfprobe_pcapng_open(&file->out, file->fd) < 0)
		return -bpfprobe_complain("no memory for packets");
	return 0;
}

int
bpfprobe_savefile_flush(struct bpfprobe_savefile *file)
{
	return file->fd >= 0 ? bpfprobe_pcapng_flush(&file->out) : 0;
}

static void
put_interface(struct bpfprobe_savefile *file, const struct bpfprobe_source *source, unsigned int i)
{
	const struct bpfprobe_source_options *options = &source->options;
	char description[BPFPROBE_DEVICE_MAX + 64];
	const struct bpfprobe_pcapng_interface interface = { source->linktype, options->snaplen,
		source->probes[i].name, description, options->filter };

	bpfprobe_annotate_description(
	    &source->handle.client.labels[i], options->device, description, sizeof(description));
	bpfprobe_pcapng_interface(&file->out, &interface);
}

void
bpfprobe_savefile_begin(
    struct bpfprobe_savefile *file, const struct bpfprobe_source *sources, unsigned int count)
{
	struct utsname uts;
	char os[sizeof(uts)];
	unsigned int i, j;

	if (file->fd < 0)
		return;
	memset(&uts, 0, sizeof(uts));
	uname(&uts);
	snprintf(os, sizeof(os), "%s %s", uts.sysname, uts.release);
	bpfprobe_pcapng_section(&file->out, "bpfprobe " PACKAGE_VERSION, os);
	for (i = 0; i < count; i++) {
		for (j = 0; j < sources[i].handle.client.nlabels; j++)
			put_interface(file, &sources[i], j);
	}
}

/* The kernel counts for all probes of a device together: that stands at the first. */
void
bpfprobe_savefile_statistics(struct bpfprobe_savefile *file,
    const struct bpfprobe_source *source, uint64_t received, uint64_t dropped)
{
	const unsigned int n = source->handle.client.nlabels;
	struct bpfprobe_pcapng_statistics statistics;
	char comment[64] = "";
	unsigned int i;

	if (file->fd < 0)
		return;
	if (n > 1)
		snprintf(comment, sizeof(comment), "received and dropped: all %u interfaces together", n);
	memset(&statistics, 0, sizeof(statistics));
	statistics.start = source->start;
	statistics.end = bpfprobe_source_wall_clock();
	statistics.received = received;
	statistics.dropped = dropped;
	for (i = 0; i < n; i++) {
		statistics.interface = source->first + i;
		statistics.has_counts = i == 0;
		statistics.comment = i == 0 ? comment : "";
		statistics.delivered = source->probes[i].delivered;
		bpfprobe_pcapng_statistics(&file->out, &statistics);
	}
}

int
bpfprobe_savefile_close(struct bpfprobe_savefile *file)
{
	int fd = file->fd;

	if (fd < 0)
		return 0;
	bpfprobe_pcapng_close(&file->out);
	file->fd = -1;
	return close(fd) == 0 ? 0 : bpfprobe_savefile_fail(file, -errno);
}
