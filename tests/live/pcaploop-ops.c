// SPDX-License-Identifier: BSD-3-Clause
/*
 * pcaploop's modes "op=NAME": what applications do with a handle besides reading it in a loop.
 * -c says how many packets are expected, -K a time in ms.  "ready" says that they may come.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "pcaploop-modes.h"

#define LIMIT_S 30 /* no test takes as long */

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void count(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	(void)h, (void)data;
	++*(unsigned int *)user;
}

/* Until `want` packets have come, or an error; returns the last result. */
static int read_some(pcap_t *pc, unsigned int want, unsigned int *packets)
{
	double end = now_ms() + LIMIT_S * 1e3;
	int rc = 0;

	while (rc >= 0 && *packets < want && now_ms() < end)
		rc = pcap_dispatch(pc, (int)(want - *packets), count, (u_char *)packets);
	return rc;
}

/* Prints what read_some() came to, and closes. */
static int result(pcap_t *pc, int rc, unsigned int packets)
{
	printf("packets=%u\nrc=%d\n", packets, rc);
	if (rc == PCAP_ERROR)
		printf("error=%s\n", pcap_geterr(pc));
	pcap_close(pc);
	return rc == PCAP_ERROR;
}

/* Closes a handle in every state that it can have; packets come all the time. */
static int op_states(const struct pcaploop_options *opt)
{
	struct pcaploop_options late = *opt;
	char err[PCAP_ERRBUF_SIZE];
	unsigned int packets = 0;
	pcap_t *pc;

	ready();
	pc = pcap_create(opt->device, err);
	pcap_close(pc);
	puts("state=created");

	pc = pcap_create(opt->device, err);
	pcap_set_rfmon(pc, 1);
	printf("failed=%d\n", pcap_activate(pc));
	pcap_close(pc);
	puts("state=failed");

	late.plain = true;
	late.timeout = 0;
	late.filter = NULL;
	pc = pcaploop_open(&late);
	pcap_close(pc);
	puts("state=not attached");

	pc = pcaploop_open(opt);
	pcap_close(pc);
	puts("state=attached");

	pc = pcaploop_open(opt);
	pcap_breakloop(pc);
	pcap_close(pc);
	puts("state=broken");

	pc = pcaploop_open(opt);
	usleep(100000); /* packets are in the rings */
	pcap_close(pc);
	puts("state=unread");

	pc = pcaploop_open(opt);
	while (packets < 5 && pcap_dispatch(pc, 1, count, (u_char *)&packets) >= 0)
		;
	pcap_close(pc);
	printf("read=%u\nstate=reading\n", packets);
	return 0;
}

/* An activation that fails leaves a handle that can be activated. */
static int op_retry(const struct pcaploop_options *opt)
{
	struct rlimit files, few = { 12, 12 };
	char err[PCAP_ERRBUF_SIZE];
	unsigned int packets = 0;
	pcap_t *pc = pcap_create(opt->device, err);
	int rc;

	pcap_set_timeout(pc, opt->timeout);
	pcap_set_rfmon(pc, 1);
	printf("rfmon=%d\n", pcap_activate(pc));
	pcap_set_rfmon(pc, 0);
	getrlimit(RLIMIT_NOFILE, &files);
	few.rlim_max = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	rc = pcap_activate(pc);
	setrlimit(RLIMIT_NOFILE, &files);
	printf("files=%d %s\n", rc, pcap_geterr(pc));
	rc = pcap_activate(pc);
	printf("activate=%d %s\nlinktypes=%d\n", rc, rc < 0 ? pcap_geterr(pc) : "",
	    pcap_datalink(pc));
	if (rc == 0 && opt->filter)
		rc = pcaploop_set_filter(pc, opt->filter);
	ready();
	if (rc >= 0)
		rc = read_some(pc, (unsigned int)opt->count, &packets);
	return result(pc, rc, packets);
}

struct reader {
	const struct pcaploop_options *opt;
	char filter[100];
	pthread_t thread;
	pthread_barrier_t *start;
	unsigned int packets;
	int rc;
};

static void *read_in_thread(void *arg)
{
	struct reader *reader = arg;
	struct pcaploop_options opt = *reader->opt;
	pcap_t *pc;

	opt.filter = reader->filter;
	pc = pcaploop_open(&opt);
	pthread_barrier_wait(reader->start);
	reader->rc = pc ? read_some(pc, (unsigned int)opt.count, &reader->packets) : -1;
	if (pc)
		pcap_close(pc);
	return NULL;
}

/* Two handles in two threads, opened at the same time: packets for which the filter has the value 0 and 1. */
static int op_threads(const struct pcaploop_options *opt)
{
	struct reader readers[2] = { 0 };
	pthread_barrier_t start;
	unsigned int i;

	pthread_barrier_init(&start, NULL, 3);
	for (i = 0; i < 2; i++) {
		readers[i].opt = opt;
		readers[i].start = &start;
		snprintf(readers[i].filter, sizeof(readers[i].filter), "%s = %u", opt->filter, i);
		if (pthread_create(&readers[i].thread, NULL, read_in_thread, &readers[i]) != 0)
			return 1;
	}
	pthread_barrier_wait(&start);
	ready();
	for (i = 0; i < 2; i++) {
		pthread_join(readers[i].thread, NULL);
		printf("packets%u=%u\nrc%u=%d\n", i, readers[i].packets, i, readers[i].rc);
	}
	return readers[0].rc < 0 || readers[1].rc < 0;
}

/* As p0f and arpwatch do: the reader is a child, and who opened the device is gone. */
static int op_daemon(const struct pcaploop_options *opt)
{
	pcap_t *pc = pcaploop_open(opt);
	struct pcap_stat ps = { 0 };
	unsigned int packets = 0;
	int rc;

	if (!pc)
		return 1;
	ready(); /* before the parent ends, which the test waits for */
	if (daemon(1, 1) < 0)
		return 1;
	alarm(LIMIT_S);
	rc = read_some(pc, (unsigned int)opt->count, &packets);
	printf("stats=%d\n", pcap_stats(pc, &ps));
	printf("recv=%u\ndrop=%u\n", ps.ps_recv, ps.ps_drop);
	rc = result(pc, rc, packets);
	puts("end");
	return rc;
}

static pcap_t *asked;
static volatile sig_atomic_t asked_times, asked_errors;
static struct pcap_stat asked_last;

/* The numbers never fall. */
static void ask_stats(int sig)
{
	struct pcap_stat ps = { 0 };

	(void)sig;
	if (pcap_stats(asked, &ps) < 0 || ps.ps_recv < asked_last.ps_recv || ps.ps_drop < asked_last.ps_drop)
		asked_errors++;
	asked_last = ps;
	asked_times++;
}

/* pcap_stats() in the handler of a signal that comes all the time. */
static int op_stats(const struct pcaploop_options *opt)
{
	struct timeval pause = { 0, opt->pause_ms * 1000 };
	struct itimerval often = { pause, pause }, never = { 0 };
	struct sigaction sa = { .sa_handler = ask_stats };
	unsigned int packets = 0;
	int rc;

	asked = pcaploop_open(opt);
	if (!asked)
		return 1;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	ready();
	rc = read_some(asked, (unsigned int)opt->count, &packets);
	setitimer(ITIMER_REAL, &never, NULL);
	ask_stats(0);
	printf("asked=%d\nasked_errors=%d\nrecv=%u\ndrop=%u\n", (int)asked_times, (int)asked_errors,
	    asked_last.ps_recv, asked_last.ps_drop);
	return result(asked, rc, packets);
}

/* Every packet has this link type's header, or "wrong" counts it. */
struct linked {
	int dlt;
	unsigned int packets, wrong;
};

static void check_link(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	struct linked *linked = (struct linked *)user;
	unsigned int at = linked->dlt == DLT_EN10MB ? 12 : 0;

	linked->packets++;
	if (h->caplen < 34 || data[at] != 8 || data[at + 1] != 0)
		linked->wrong++;
}

/* The link type is chosen when a filter is set already, one that holds for each; then another. */
static int op_relink(const struct pcaploop_options *opt)
{
	static const int dlts[] = { DLT_LINUX_SLL2, DLT_EN10MB };
	struct linked linked = { 0 };
	pcap_t *pc = pcaploop_open(opt);
	double end = now_ms() + LIMIT_S * 1e3;
	unsigned int i;
	int rc = 0;

	if (!pc)
		return 1;
	ready();
	for (i = 0; i < 4 && rc >= 0; i++) {
		linked.dlt = dlts[i % 2];
		if (pcap_set_datalink(pc, linked.dlt) < 0 || pcap_datalink(pc) != linked.dlt)
			linked.wrong++;
		if (i >= 2)
			rc = pcaploop_set_filter(pc, "udp");
		linked.packets = 0;
		while (rc >= 0 && linked.packets < (unsigned int)opt->count && now_ms() < end)
			rc = pcap_dispatch(pc, opt->count, check_link, (u_char *)&linked);
		printf("packets%u=%u\nwrong%u=%u\n", i, linked.packets, i, linked.wrong);
	}
	return result(pc, rc, linked.packets);
}

/* PFLOG's header says of each packet that it is blocked, and by which rule. */
static void check_blocked(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	struct linked *linked = (struct linked *)user;

	linked->packets++;
	if (h->caplen < 61 || data[2] != 1 || data[20] == 0 || memcmp(data + 36, "\0\0\0", 4) == 0)
		linked->wrong++;
}

/* Until the program has given so many packets to the ring, of which none is read. */
static void wait_until_queued(pcap_t *pc, unsigned int count)
{
	double end = now_ms() + LIMIT_S * 1e3;
	struct pcap_stat ps = { 0 };

	while (pcap_stats(pc, &ps) == 0 && ps.ps_recv < count && now_ms() < end)
		usleep(1000);
}

/* Two packets are queued already when the link type is chosen. */
static int op_late(const struct pcaploop_options *opt)
{
	struct linked linked = { .dlt = DLT_PFLOG };
	pcap_t *pc = pcaploop_open(opt);
	double end = now_ms() + LIMIT_S * 1e3;
	struct pcap_stat ps = { 0 };
	int rc = 0;

	if (!pc)
		return 1;
	ready();
	wait_until_queued(pc, 2);
	if (pcap_set_datalink(pc, linked.dlt) < 0)
		rc = -1;
	puts("late");
	fflush(stdout);
	while (rc >= 0 && linked.packets < (unsigned int)opt->count && now_ms() < end)
		rc = pcap_dispatch(pc, -1, check_blocked, (u_char *)&linked);
	pcap_stats(pc, &ps);
	printf("wrong=%u\nrecv=%u\ndrop=%u\n", linked.wrong, ps.ps_recv, ps.ps_drop);
	return result(pc, rc, linked.packets);
}

/* The first filter is set when all packets are queued already. */
static int op_queued(const struct pcaploop_options *opt)
{
	struct pcaploop_options without = *opt;
	unsigned int packets = 0;
	pcap_t *pc;
	int rc;

	without.filter = NULL;
	pc = pcaploop_open(&without);
	if (!pc)
		return 1;
	ready();
	wait_until_queued(pc, (unsigned int)opt->count);
	rc = pcaploop_set_filter(pc, opt->filter);
	if (rc >= 0)
		rc = read_some(pc, (unsigned int)opt->count, &packets);
	return result(pc, rc, packets);
}

/* What pcap_next_ex() gave holds until the next call, whatever comes in between. */
static int op_lifetime(const struct pcaploop_options *opt)
{
	unsigned int packets = 0, changed = 0;
	double end = now_ms() + LIMIT_S * 1e3;
	pcap_t *pc = pcaploop_open(opt);
	struct pcap_pkthdr *h, header;
	struct pcap_stat ps = { 0 };
	static u_char copy[65536];
	const u_char *data;
	int rc = 0;

	if (!pc)
		return 1;
	ready();
	while (rc >= 0 && packets < (unsigned int)opt->count && now_ms() < end) {
		rc = pcap_next_ex(pc, &h, &data);
		if (rc != 1)
			continue;
		header = *h;
		memcpy(copy, data, header.caplen);
		usleep((useconds_t)opt->pause_ms * 1000);
		if (memcmp(&header, h, sizeof(header)) != 0 || memcmp(copy, data, header.caplen) != 0)
			changed++;
		packets++;
	}
	pcap_stats(pc, &ps);
	printf("changed=%u\ndrop=%u\n", changed, ps.ps_drop);
	return result(pc, rc, packets);
}

/* Set before pcap_activate(), which has to take it over. */
static int op_nonblock(const struct pcaploop_options *opt)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	unsigned int packets = 0;
	pcap_t *pc = pcap_create(opt->device, err);
	double began;
	int rc;

	pcap_set_timeout(pc, opt->timeout);
	printf("set=%d\n", pcap_setnonblock(pc, 1, err));
	rc = pcap_activate(pc);
	printf("activate=%d\nnonblock=%d\n", rc, pcap_getnonblock(pc, err));
	if (rc == 0 && opt->filter)
		rc = pcaploop_set_filter(pc, opt->filter);
	began = now_ms();
	if (rc == 0)
		rc = pcap_dispatch(pc, -1, count, (u_char *)&packets);
	printf("first=%d\nfirst_ms=%.0f\n", rc, now_ms() - began);
	printf("reset=%d\n", pcap_setnonblock(pc, 0, err));
	printf("blocking=%d\n", pcap_getnonblock(pc, err));
	ready();
	if (rc >= 0)
		rc = read_some(pc, (unsigned int)opt->count, &packets);
	return result(pc, rc, packets);
}

struct breaking {
	pcap_t *pc;
	unsigned int packets, at;
};

static void break_at(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	struct breaking *breaking = (struct breaking *)user;

	(void)h, (void)data;
	if (++breaking->packets == breaking->at)
		pcap_breakloop(breaking->pc);
}

/* Broken by the callback, in the middle of what is there: no packet more, and none is lost. */
static int op_callback(const struct pcaploop_options *opt)
{
	struct breaking breaking = { .at = (unsigned int)opt->count / 2 };
	int rc;

	breaking.pc = pcaploop_open(opt);
	if (!breaking.pc)
		return 1;
	pcap_breakloop(breaking.pc);
	printf("before=%d\n", pcap_loop(breaking.pc, -1, break_at, (u_char *)&breaking));
	ready();
	alarm(LIMIT_S);
	rc = pcap_loop(breaking.pc, -1, break_at, (u_char *)&breaking);
	printf("broken=%d\nfirst=%u\n", rc, breaking.packets);
	breaking.at = (unsigned int)opt->count;
	rc = pcap_loop(breaking.pc, -1, break_at, (u_char *)&breaking);
	return result(breaking.pc, rc, breaking.packets);
}

int pcaploop_op(const struct pcaploop_options *opt, const char *name)
{
	static const struct {
		const char *name;
		int (*run)(const struct pcaploop_options *opt);
	} ops[] = {
		{ "states", op_states },
		{ "retry", op_retry },
		{ "threads", op_threads },
		{ "daemon", op_daemon },
		{ "stats", op_stats },
		{ "relink", op_relink },
		{ "late", op_late },
		{ "queued", op_queued },
		{ "lifetime", op_lifetime },
		{ "nonblock", op_nonblock },
		{ "callback", op_callback },
	};
	unsigned int i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(name, ops[i].name) == 0)
			return ops[i].run(opt);
	}
	fprintf(stderr, "no such op: %s\n", name);
	return 2;
}
