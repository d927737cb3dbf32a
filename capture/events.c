/* SPDX-License-Identifier: BSD-3-Clause */
/* See events.h. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "capture/events.h"

#define NS_PER_SEC 1000000000ULL
#define BATCH 8

void
bpfprobe_events_init(struct bpfprobe_events *events)
{
	events->epoll_fd = events->left_fd = events->timer_fd = -1;
	events->left = 0;
}

static int
add(struct bpfprobe_events *events, int fd, uint32_t what)
{
	struct epoll_event event;

	memset(&event, 0, sizeof(event));
	event.events = what;
	event.data.fd = fd;
	return epoll_ctl(events->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int
bpfprobe_events_watch(struct bpfprobe_events *events, int fd)
{
	return add(events, fd, EPOLLIN);
}

int
bpfprobe_events_watch_ring(struct bpfprobe_events *events, int fd)
{
	return add(events, fd, EPOLLIN | EPOLLET);
}

void
bpfprobe_events_unwatch(struct bpfprobe_events *events, int fd)
{
	(void)epoll_ctl(events->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int
bpfprobe_events_open(struct bpfprobe_events *events)
{
	int err;

	events->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	events->left_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	events->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (events->epoll_fd < 0 || events->left_fd < 0 || events->timer_fd < 0)
		return -errno;
	err = bpfprobe_events_watch(events, events->left_fd);
	return err < 0 ? err : bpfprobe_events_watch(events, events->timer_fd);
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
bpfprobe_events_close(struct bpfprobe_events *events)
{
	close_fd(events->timer_fd);
	close_fd(events->left_fd);
	close_fd(events->epoll_fd);
	bpfprobe_events_init(events);
}

int
bpfprobe_events_tick(struct bpfprobe_events *events, uint64_t period)
{
	struct itimerspec its;

	its.it_interval.tv_sec = (time_t)(period / NS_PER_SEC);
	its.it_interval.tv_nsec = (long)(period % NS_PER_SEC);
	its.it_value = its.it_interval;
	return timerfd_settime(events->timer_fd, 0, &its, NULL) < 0 ? -errno : 0;
}

/* The results of these two say nothing: the descriptors never block, and hold a number. */
static void
raise_fd(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void
reset_fd(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

void
bpfprobe_events_set_left(struct bpfprobe_events *events, int left)
{
	if (events->left == left)
		return;
	events->left = left;
	if (left)
		raise_fd(events->left_fd);
	else
		reset_fd(events->left_fd);
}

void
bpfprobe_events_break(struct bpfprobe_events *events)
{
	int saved = errno;

	raise_fd(events->left_fd);
	errno = saved;
}

enum bpfprobe_wake
bpfprobe_events_wait(struct bpfprobe_events *events, int block)
{
	enum bpfprobe_wake wake = BPFPROBE_WAKE_NONE;
	struct epoll_event fired[BATCH];
	int i, n;

	n = epoll_wait(events->epoll_fd, fired, BATCH, block ? -1 : 0);
	if (n < 0)
		return errno == EINTR ? BPFPROBE_WAKE_RINGS : BPFPROBE_WAKE_ERROR;
	for (i = 0; i < n; i++) {
		if (fired[i].data.fd == events->timer_fd) {
			reset_fd(events->timer_fd);
			wake = BPFPROBE_WAKE_TIMEOUT;
			continue;
		}
		if (fired[i].data.fd == events->left_fd)
			reset_fd(events->left_fd);
		if (wake == BPFPROBE_WAKE_NONE)
			wake = BPFPROBE_WAKE_RINGS;
	}
	return wake;
}
