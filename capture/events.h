/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a reader waits on: one epoll set, which is also the descriptor that the
 * application may select() on, with
 *   - the rings: readable once per wake-up, whatever is left in them;
 *   - an eventfd: readable as long as packets are left over, and after breakloop;
 *   - a timerfd, the timeout: rings wake the reader per batch, the last batch needs it.
 */
#ifndef BPFPROBE_EVENTS_H
#define BPFPROBE_EVENTS_H

#include <stdint.h>

struct bpfprobe_events {
	int epoll_fd;
	int left_fd; /* the eventfd */
	int timer_fd;
	int left; /* packets are left over: left_fd was made readable for them */
};

enum bpfprobe_wake {
	BPFPROBE_WAKE_ERROR = -1, /* errno says why */
	BPFPROBE_WAKE_NONE,	  /* nothing has happened; only without blocking */
	BPFPROBE_WAKE_RINGS,	  /* a ring, breakloop, or a signal */
	BPFPROBE_WAKE_TIMEOUT,
};

/* Nothing open yet: close() has nothing to do. */
void bpfprobe_events_init(struct bpfprobe_events *events);

/*
 * Opens the three descriptors.  Before any other of a handle, so that the number
 * of the epoll set fits into an fd_set.  0 or -errno.
 */
int bpfprobe_events_open(struct bpfprobe_events *events);

void bpfprobe_events_close(struct bpfprobe_events *events);

/* Adds what is to end a wait as long as it is readable.  0 or -errno. */
int bpfprobe_events_watch(struct bpfprobe_events *events, int fd);

/* Adds a ring, which ends a wait once for each time that it wakes the reader. */
int bpfprobe_events_watch_ring(struct bpfprobe_events *events, int fd);

/* Takes it out again; to be called before it is closed. */
void bpfprobe_events_unwatch(struct bpfprobe_events *events, int fd);

/* Starts the timer, with a period in ns.  0 or -errno. */
int bpfprobe_events_tick(struct bpfprobe_events *events, uint64_t period);

/* Says whether packets are left over; costs a system call only when that changes. */
void bpfprobe_events_set_left(struct bpfprobe_events *events, int left);

/* Ends a wait, now or the next one.  May be called in a signal handler and from any thread. */
void bpfprobe_events_break(struct bpfprobe_events *events);

/* Waits, if `block` is set, and resets what has fired. */
enum bpfprobe_wake bpfprobe_events_wait(struct bpfprobe_events *events, int block);

#endif
