// SPDX-License-Identifier: BSD-3-Clause
/*
 * pcaploop: drives the libpcap API on one device and prints what it saw.
 *
 *	pcaploop [options] -i DEVICE [MODE]
 *
 * Modes:	run (default)  activate  open-close=N  locked=N (in memory)  wait  fork
 *		list (no -i)  swap=N,COUNT,PORT (pcaploop-swap.c)  op=NAME (pcaploop-ops.c)
 * Before:	-s SNAPLEN  -t TIMEOUT_MS  -B BYTES  -I (immediate)  -p (not
 *		promiscuous)  -N (nanoseconds)
 * After:	-n (nonblock)  -y DLT  -Q in|out  -f FILTER  -F COUNT:FILTER (set
 *		after COUNT packets)
 * Loop:	-l dispatch|loop|next_ex|select|poll|epoll  -d COUNT (per dispatch)
 *		-c COUNT (in all)  -w FILE  -z USEC (sleep at each packet)
 * End:		-K MS with -k signal|thread|deadline: pcap_breakloop() after MS from
 *		a signal handler or another thread, or just stop (fd loops, nonblock)
 *
 * Prints "ready" once the loop can start, at the end lines of key=value.
 * The exit status is 0 if the device opened and the loop ended without error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pcap.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pcaploop-modes.h"

enum end { END_NONE, END_SIGNAL, END_THREAD, END_DEADLINE };

struct seen {
	uint64_t packets, bytes, caplen_max;
	uint64_t wakeups, timeouts, zero, calls, dispatch_max;
	double first_latency_ms, max_latency_ms;
	double broken_at_ms;
	int rc;
};

static struct pcaploop_options opt = { .snaplen = -1, .timeout = 1000, .buffer = -1,
	.dispatch = -1, .method = "dispatch" };
static struct seen seen;
static enum end end_by = END_NONE;
static int end_ms;
static double started_ms;
static pcap_t *pc;
static pcap_dumper_t *dumper;
static volatile sig_atomic_t stop;

static double clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void on_end(int sig)
{
	(void)sig;
	stop = 1;
	seen.broken_at_ms = clock_ms(CLOCK_MONOTONIC);
	pcap_breakloop(pc);
}

static void *end_thread(void *arg)
{
	(void)arg;
	usleep((useconds_t)end_ms * 1000);
	on_end(0);
	return NULL;
}

/* SIGINT always ends the loop as it does in tcpdump: no SA_RESTART. */
static void arm_end(void)
{
	struct sigaction sa = { .sa_handler = on_end };
	struct itimerval it = { .it_value = { end_ms / 1000, end_ms % 1000 * 1000 } };
	sigset_t all, old;
	pthread_t thread;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	if (end_by == END_SIGNAL)
		setitimer(ITIMER_REAL, &it, NULL);
	if (end_by == END_THREAD) {
		sigfillset(&all);
		pthread_sigmask(SIG_BLOCK, &all, &old);
		if (pthread_create(&thread, NULL, end_thread, NULL) == 0)
			pthread_detach(thread);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
}

static void change_filter(void)
{
	char *colon = strchr(opt.later_filter, ':');

	if (!colon || seen.packets != strtoull(opt.later_filter, NULL, 10))
		return;
	opt.later_filter = NULL;
	if (pcaploop_set_filter(pc, colon + 1) < 0)
		exit(1);
}

static void got(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	double scale = pcap_get_tstamp_precision(pc) == PCAP_TSTAMP_PRECISION_NANO ? 1e6 : 1e3;
	double latency = clock_ms(CLOCK_REALTIME) - (double)h->ts.tv_sec * 1e3 -
			 (double)h->ts.tv_usec / scale;

	(void)user;
	if (seen.packets++ == 0)
		seen.first_latency_ms = latency;
	if (latency > seen.max_latency_ms)
		seen.max_latency_ms = latency;
	seen.bytes += h->caplen;
	if (h->caplen > seen.caplen_max)
		seen.caplen_max = h->caplen;
	if (dumper)
		pcap_dump((u_char *)dumper, h, data);
	if (opt.sleep_us > 0)
		usleep((useconds_t)opt.sleep_us);
	if (opt.later_filter)
		change_filter();
}

/* How long the fd loops may still sleep: -1 is forever. */
static int remaining_ms(void)
{
	double left = started_ms + end_ms - clock_ms(CLOCK_MONOTONIC);

	if (end_by == END_NONE)
		return -1;
	return left > 0 ? (int)left + 1 : 0;
}

static int wait_select(int fd, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	fd_set set;

	if (fd >= FD_SETSIZE) {
		fprintf(stderr, "descriptor %d is too large for select()\n", fd);
		exit(3);
	}
	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, ms < 0 ? NULL : &tv);
}

static int wait_poll(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms);
}

static int wait_epoll(int fd, int ms)
{
	static int ep = -1;
	struct epoll_event ev = { .events = EPOLLIN };

	if (ep < 0) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
			return -1;
	}
	return epoll_wait(ep, &ev, 1, ms);
}

static int dispatch_some(void)
{
	int64_t left = (int64_t)opt.count - (int64_t)seen.packets;
	int cnt = opt.dispatch, rc;

	if (opt.count > 0 && (cnt <= 0 || left < cnt))
		cnt = (int)left;
	rc = pcap_dispatch(pc, cnt, got, NULL);
	seen.calls++;
	if (rc == 0)
		seen.zero++;
	if (rc > 0 && (uint64_t)rc > seen.dispatch_max)
		seen.dispatch_max = (uint64_t)rc;
	return rc;
}

static bool finished(void)
{
	if (stop || (opt.count > 0 && seen.packets >= (uint64_t)opt.count))
		return true;
	return end_by == END_DEADLINE && remaining_ms() == 0;
}

static int loop_dispatch(void)
{
	int rc = 0;

	while (!finished() && (rc = dispatch_some()) >= 0)
		;
	return rc;
}

static int loop_next_ex(void)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	int rc = 0;

	while (!finished() && (rc = pcap_next_ex(pc, &h, &data)) >= 0) {
		seen.calls++;
		if (rc == 0)
			seen.zero++;
		else
			got(NULL, h, data);
	}
	return rc;
}

static int loop_fd(int (*wait_fd)(int fd, int ms))
{
	int fd = pcap_get_selectable_fd(pc), rc = 0;

	if (fd < 0) {
		fputs("no selectable fd\n", stderr);
		return -1;
	}
	while (!finished()) {
		int n = wait_fd(fd, remaining_ms());

		if (n < 0 && errno != EINTR)
			return -1;
		if (n == 0)
			seen.timeouts++;
		if (n <= 0)
			continue;
		seen.wakeups++;
		rc = dispatch_some();
		if (rc < 0)
			break;
	}
	return rc;
}

static int run_loop(void)
{
	if (strcmp(opt.method, "dispatch") == 0)
		return loop_dispatch();
	if (strcmp(opt.method, "loop") == 0)
		return pcap_loop(pc, opt.count > 0 ? opt.count : -1, got, NULL);
	if (strcmp(opt.method, "next_ex") == 0)
		return loop_next_ex();
	if (strcmp(opt.method, "select") == 0)
		return loop_fd(wait_select);
	if (strcmp(opt.method, "poll") == 0)
		return loop_fd(wait_poll);
	if (strcmp(opt.method, "epoll") == 0)
		return loop_fd(wait_epoll);
	fprintf(stderr, "no such loop: %s\n", opt.method);
	return -1;
}

static void report(void)
{
	double now = clock_ms(CLOCK_MONOTONIC);
	struct pcap_stat ps = { 0 };
	int stats_rc = pcap_stats(pc, &ps);

	printf("rc=%d\npackets=%ju\nbytes=%ju\ncaplen_max=%ju\n", seen.rc, (uintmax_t)seen.packets,
	    (uintmax_t)seen.bytes, (uintmax_t)seen.caplen_max);
	printf("wakeups=%ju\ntimeouts=%ju\ncalls=%ju\nzero=%ju\ndispatch_max=%ju\n",
	    (uintmax_t)seen.wakeups, (uintmax_t)seen.timeouts, (uintmax_t)seen.calls,
	    (uintmax_t)seen.zero, (uintmax_t)seen.dispatch_max);
	printf("elapsed_ms=%.0f\nfirst_latency_ms=%.0f\nmax_latency_ms=%.0f\n", now - started_ms,
	    seen.first_latency_ms, seen.max_latency_ms);
	if (seen.broken_at_ms > 0)
		printf("break_ms=%.0f\n", now - seen.broken_at_ms);
	printf("stats_rc=%d\nrecv=%u\ndrop=%u\nifdrop=%u\n", stats_rc, ps.ps_recv, ps.ps_drop,
	    ps.ps_ifdrop);
	if (seen.rc == PCAP_ERROR)
		printf("error=%s\n", pcap_geterr(pc));
}

static int mode_run(void)
{
	pc = pcaploop_open(&opt);
	if (!pc)
		return 1;
	if (opt.write_file && !(dumper = pcap_dump_open(pc, opt.write_file))) {
		fprintf(stderr, "%s\n", pcap_geterr(pc));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	started_ms = clock_ms(CLOCK_MONOTONIC);
	arm_end();
	seen.rc = run_loop();
	report();
	if (dumper)
		pcap_dump_close(dumper);
	pcap_close(pc);
	return seen.rc == PCAP_ERROR;
}

static void parse_end(const char *text)
{
	if (strcmp(text, "signal") == 0)
		end_by = END_SIGNAL;
	else if (strcmp(text, "thread") == 0)
		end_by = END_THREAD;
	else if (strcmp(text, "deadline") == 0)
		end_by = END_DEADLINE;
	else
		exit(2);
}

static void parse_option(int o)
{
	switch (o) {
	case 'i':
		opt.device = optarg;
		break;
	case 's':
		opt.snaplen = atoi(optarg);
		break;
	case 't':
		opt.timeout = atoi(optarg);
		break;
	case 'B':
		opt.buffer = atoi(optarg);
		break;
	case 'I':
		opt.immediate = true;
		break;
	case 'p':
		opt.plain = true;
		break;
	case 'N':
		opt.nano = true;
		break;
	case 'n':
		opt.nonblock = true;
		break;
	case 'y':
		opt.dlt = optarg;
		break;
	case 'Q':
		opt.direction = optarg;
		break;
	case 'f':
		opt.filter = optarg;
		break;
	case 'F':
		opt.later_filter = optarg;
		break;
	case 'l':
		opt.method = optarg;
		break;
	case 'd':
		opt.dispatch = atoi(optarg);
		break;
	case 'c':
		opt.count = atoi(optarg);
		break;
	case 'w':
		opt.write_file = optarg;
		break;
	case 'z':
		opt.sleep_us = atoi(optarg);
		break;
	case 'k':
		parse_end(optarg);
		break;
	case 'K':
		end_ms = opt.pause_ms = atoi(optarg);
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const char *mode = "run";
	int o;

	while ((o = getopt(argc, argv, "i:s:t:B:IpNny:Q:f:F:l:d:c:w:z:k:K:")) != -1)
		parse_option(o);
	if (optind < argc)
		mode = argv[optind];
	if (!opt.device && strcmp(mode, "list") != 0) {
		fputs("usage: pcaploop [options] -i DEVICE [MODE]\n", stderr);
		return 2;
	}
	if (strcmp(mode, "run") == 0)
		return mode_run();
	return pcaploop_mode(&opt, mode);
}
