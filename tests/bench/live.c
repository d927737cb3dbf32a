// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <linux/bpf.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/bench/live.h"
#include "tests/bench/live.skel.h"

#define BATCH 64
#define LIVE_FRAMES (1U << 1) /* BPF_F_TEST_XDP_LIVE_FRAMES, which the headers may lack */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t live_flood(int ifindex, const void *frame, uint32_t size, uint32_t count, const char **why)
{
	struct live_bpf *live = live_bpf__open();
	struct xdp_md md = {.data_end = size};
	uint64_t start;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = size, .ctx_in = &md,
	    .ctx_size_in = sizeof(md), .repeat = (int)count, .flags = LIVE_FRAMES,
	    .batch_size = BATCH);

	*why = "its program";
	if (!live)
		return 0;
	live->rodata->ifindex = ifindex;
	if (live_bpf__load(live) < 0)
		return 0;
	*why = "BPF_PROG_TEST_RUN";
	start = now_ns();
	if (bpf_prog_test_run_opts(bpf_program__fd(live->progs.send_live), &opts) < 0)
		return 0;
	start = now_ns() - start;
	*why = "not all were sent";
	errno = EIO;
	return live->bss->number == count ? start : 0;
}
