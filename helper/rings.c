/* SPDX-License-Identifier: BSD-3-Clause */
/* See rings.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/perf_event.h>
#include <bpf/libbpf.h>
#include "helper/rings.h"

#define DEFAULT_BUFFER (2U << 20) /* as a PF_PACKET handle of libpcap has it */
#define RING_MIN (128U << 10)
#define FORMAT_LOST (1U << 4) /* PERF_FORMAT_LOST, which the headers of older systems lack */

static uint64_t
round_up_power(uint64_t value)
{
	uint64_t power = 1;

	while (power < value)
		power <<= 1;
	return power;
}

unsigned int
bpfprobe_rings_pages(uint32_t pages, uint32_t size, unsigned int cpus, unsigned int page_size)
{
	uint64_t bytes;

	if (pages > 0)
		return pages;
	if (size == 0)
		size = DEFAULT_BUFFER;
	bytes = round_up_power(size);
	while (bytes > RING_MIN && bytes * cpus > 2 * (uint64_t)size)
		bytes /= 2;
	if (bytes < RING_MIN)
		bytes = RING_MIN;
	return bytes > page_size ? (unsigned int)(bytes / page_size) : 1;
}

/* The part-th part of `pages`, or a greater one, if that has less than `min` bytes. */
static unsigned int
part_of(unsigned int pages, unsigned int part, unsigned int page_size, uint32_t min)
{
	while (part > 1 && (uint64_t)(pages / part) * page_size < min)
		part /= 2;
	return pages / part;
}

unsigned int
bpfprobe_rings_share(
    uint32_t asked, unsigned int *pages, unsigned int page_size, enum bpfprobe_ringbufs_use use)
{
	unsigned int whole = *pages, most = use == BPFPROBE_RINGBUFS_MOST;

	if (asked > 0)
		return whole;
	if (use != BPFPROBE_RINGBUFS_SOME)
		*pages = part_of(whole, most ? 8 : 2, page_size, RING_MIN);
	if (most && (uint64_t)whole * page_size <= BPFPROBE_RINGBUF_MAX)
		return whole;
	return part_of(whole, 2, page_size, 1);
}

/* The module reads the rings; libbpf insists on a callback. */
static enum bpf_perf_event_ret
never_called(void *ctx, int cpu, struct perf_event_header *event)
{
	(void)ctx;
	(void)cpu;
	(void)event;
	return LIBBPF_PERF_EVENT_ERROR;
}

static void
say_how_much(struct bpfprobe_reply *reply, int err, unsigned int pages)
{
	char what[96];
	unsigned long kib = pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;

	snprintf(what, sizeof(what), "cannot make rings of %lu KiB per CPU", kib);
	/* The kernel's answer to too much locked memory is EPERM. */
	if (err == ENOMEM || err == EPERM)
		bpfprobe_fail(reply, err == EPERM ? BPFPROBE_NO_PERM : BPFPROBE_ERROR,
		    "%s: %s; try a smaller buffer (-B, pages=), or CAP_IPC_LOCK is missing", what, strerror(err));
	else
		bpfprobe_fail_errno(reply, err, what);
}

int
bpfprobe_rings_make(struct bpfprobe_rings *rings, int map, unsigned int pages, int immediate,
    struct bpfprobe_reply *reply)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_BPF_OUTPUT;
	attr.sample_type = PERF_SAMPLE_RAW;
	attr.sample_period = 1;
	if (immediate) {
		attr.wakeup_events = 1;
	} else {
		attr.watermark = 1;
		attr.wakeup_watermark = (__u32)(pages * (uint64_t)sysconf(_SC_PAGESIZE) / 4);
	}
	/* A reader whom nobody else tells asks the kernel what was lost (6.0). */
	attr.read_format = FORMAT_LOST;
	rings->buffer = perf_buffer__new_raw(map, pages, &attr, never_called, NULL, NULL);
	if (rings->buffer == NULL && errno == EINVAL) {
		attr.read_format = 0;
		rings->buffer = perf_buffer__new_raw(map, pages, &attr, never_called, NULL, NULL);
	}
	if (rings->buffer == NULL) {
		say_how_much(reply, errno, pages);
		return -1;
	}
	rings->pages = pages;
	rings->count = (unsigned int)perf_buffer__buffer_cnt(rings->buffer);
	return 0;
}

int
bpfprobe_rings_fd(const struct bpfprobe_rings *rings, unsigned int i)
{
	return perf_buffer__buffer_fd(rings->buffer, i);
}
