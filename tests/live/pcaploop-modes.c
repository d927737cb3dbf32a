// SPDX-License-Identifier: BSD-3-Clause
/*
 * The modes of pcaploop other than its packet loop: what opening a device
 * leaves behind, and what an application with children of its own sees.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pcaploop-modes.h"

static const char *status_name(int status)
{
	switch (status) {
	case 0:
		return "ok";
	case PCAP_ERROR:
		return "PCAP_ERROR";
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return "PCAP_ERROR_NO_SUCH_DEVICE";
	case PCAP_ERROR_PERM_DENIED:
		return "PCAP_ERROR_PERM_DENIED";
	case PCAP_ERROR_RFMON_NOTSUP:
		return "PCAP_ERROR_RFMON_NOTSUP";
	default:
		return status > 0 ? "warning" : "other";
	}
}

static int set_options(pcap_t *pc, const struct pcaploop_options *opt)
{
	int rc = pcap_set_timeout(pc, opt->timeout);

	if (opt->snaplen >= 0)
		rc |= pcap_set_snaplen(pc, opt->snaplen);
	if (opt->buffer >= 0)
		rc |= pcap_set_buffer_size(pc, opt->buffer);
	if (opt->immediate)
		rc |= pcap_set_immediate_mode(pc, 1);
	if (opt->nano)
		rc |= pcap_set_tstamp_precision(pc, PCAP_TSTAMP_PRECISION_NANO);
	rc |= pcap_set_promisc(pc, !opt->plain);
	return rc;
}

int pcaploop_set_filter(pcap_t *pc, const char *text)
{
	struct bpf_program code;
	int rc = pcap_compile(pc, &code, text, 1, PCAP_NETMASK_UNKNOWN);

	if (rc == 0) {
		rc = pcap_setfilter(pc, &code);
		pcap_freecode(&code);
	}
	if (rc < 0)
		printf("setfilter=%d %s\n", rc, pcap_geterr(pc));
	return rc;
}

/* The calls that come after pcap_activate(); false if one failed. */
static bool set_more(pcap_t *pc, const struct pcaploop_options *opt)
{
	pcap_direction_t dir = PCAP_D_INOUT;
	char err[PCAP_ERRBUF_SIZE];

	if (opt->dlt && pcap_set_datalink(pc, pcap_datalink_name_to_val(opt->dlt)) < 0) {
		printf("set_datalink=-1 %s\n", pcap_geterr(pc));
		return false;
	}
	if (opt->direction)
		dir = strcmp(opt->direction, "in") == 0 ? PCAP_D_IN : PCAP_D_OUT;
	if (opt->direction && pcap_setdirection(pc, dir) < 0) {
		printf("setdirection=-1 %s\n", pcap_geterr(pc));
		return false;
	}
	if (opt->filter && pcaploop_set_filter(pc, opt->filter) < 0)
		return false;
	if (opt->nonblock && pcap_setnonblock(pc, 1, err) < 0) {
		printf("setnonblock=-1 %s\n", err);
		return false;
	}
	return true;
}

static pcap_t *open_quietly(const struct pcaploop_options *opt, int *status)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pc = pcap_create(opt->device, err);

	*status = PCAP_ERROR;
	if (!pc) {
		printf("create=NULL %s\n", err);
		return NULL;
	}
	if (set_options(pc, opt) != 0) {
		puts("set=failed");
		pcap_close(pc);
		return NULL;
	}
	*status = pcap_activate(pc);
	if (*status >= 0)
		return pc;
	printf("activate=%d %s\nerrbuf=%s\n", *status, status_name(*status), pcap_geterr(pc));
	pcap_close(pc);
	return NULL;
}

pcap_t *pcaploop_open(const struct pcaploop_options *opt)
{
	int status;
	pcap_t *pc = open_quietly(opt, &status);

	if (!pc)
		return NULL;
	if (!set_more(pc, opt)) {
		pcap_close(pc);
		return NULL;
	}
	printf("activate=%d %s\nlinktype=%s\nsnapshot=%d\nfd=%d\nnonblock=%d\nprecision=%d\n",
	    status, status_name(status), pcap_datalink_val_to_name(pcap_datalink(pc)),
	    pcap_snapshot(pc), pcap_get_selectable_fd(pc), pcap_getnonblock(pc, NULL),
	    pcap_get_tstamp_precision(pc));
	return pc;
}

static int mode_activate(const struct pcaploop_options *opt)
{
	pcap_t *pc = pcaploop_open(opt);

	if (pc)
		pcap_close(pc);
	return !pc;
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 3; /* ".", ".." and the directory itself */
}

static long memory_kb(const char *path, const char *key)
{
	FILE *f = fopen(path, "re");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) == 0)
			kb = atol(line + strlen(key));
	}
	if (f)
		fclose(f);
	return kb;
}

/* Counted page by page: in /proc/self/status what a CPU has not added yet may lack (since 6.2). */
static long rss_kb(void)
{
	return memory_kb("/proc/self/smaps_rollup", "Rss:");
}

static long vm_kb(void)
{
	return memory_kb("/proc/self/status", "VmSize:");
}

/* "ECHILD", "0" (alive) or the pid: also sees children without a signal. */
static const char *wait_text(int flags)
{
	static char text[32];
	pid_t pid = waitpid(-1, NULL, WNOHANG | flags);

	if (pid < 0)
		return errno == ECHILD ? "ECHILD" : strerror(errno);
	snprintf(text, sizeof(text), "%d", pid);
	return text;
}

static int mode_open_close(const struct pcaploop_options *opt, int n)
{
	long rss = 0, vm = 0;
	int fds = count_fds(), status, i;

	for (i = 0; i < n; i++) {
		pcap_t *pc = open_quietly(opt, &status);

		if (!pc)
			return 1;
		pcap_close(pc);
		if (i == 9) {
			rss = rss_kb();
			vm = vm_kb();
		}
	}
	printf("opened=%d\nfds_before=%d\nfds_after=%d\n", n, fds, count_fds());
	printf("rss_before_kb=%ld\nrss_after_kb=%ld\n", rss, rss_kb());
	printf("vm_before_kb=%ld\nvm_after_kb=%ld\n", vm, vm_kb());
	printf("wait=%s\n", wait_text(__WALL));
	return 0;
}

/*
 * The same with all there is in memory: else it is luck which pages of a library the kernel
 * maps beside the one that was asked for.
 */
static int mode_locked(const struct pcaploop_options *opt, int n)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
		perror("mlockall");
		return 1;
	}
	return mode_open_close(opt, n);
}

static volatile sig_atomic_t sigchld;

static void on_sigchld(int sig)
{
	(void)sig;
	sigchld++;
}

static void print_children(const char *when)
{
	printf("%s_wait=%s\n", when, wait_text(0));
	printf("%s_sigchld=%d\n", when, (int)sigchld);
}

/*
 * An application with one child: neither its wait() nor its handler may ever
 * show another process, from before the device is opened until after close.
 */
static int mode_wait(const struct pcaploop_options *opt)
{
	struct sigaction sa = { .sa_handler = on_sigchld };
	int pipe_fds[2], status;
	char byte;
	pid_t child;
	pcap_t *pc;

	sigaction(SIGCHLD, &sa, NULL);
	if (pipe(pipe_fds) < 0 || (child = fork()) < 0)
		return 1;
	if (child == 0) {
		close(pipe_fds[1]);
		_exit(read(pipe_fds[0], &byte, 1) != 0);
	}
	close(pipe_fds[0]);
	pc = open_quietly(opt, &status);
	if (!pc)
		return 1;
	print_children("open");
	close(pipe_fds[1]);
	status = -1;
	printf("child_wait=%s\n", waitpid(-1, &status, 0) == child ? "own" : "foreign");
	printf("child_sigchld=%d\nchild_status=%d\n", (int)sigchld, status);
	print_children("after");
	pcap_close(pc);
	print_children("close");
	printf("all_wait=%s\n", wait_text(__WALL));
	return 0;
}

static void nothing(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	(void)user, (void)h, (void)data;
}

/* The mappings of the rings are not inherited by fork(): no SIGSEGV in the child. */
static int mode_fork(const struct pcaploop_options *opt)
{
	int status;
	pcap_t *pc = open_quietly(opt, &status);
	char err[PCAP_ERRBUF_SIZE];
	pid_t child;

	if (!pc || pcap_setnonblock(pc, 1, err) < 0)
		return 1;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		int rc = pcap_dispatch(pc, -1, nothing, NULL);

		printf("child_rc=%d\nchild_error=%s\n", rc, rc == -1 ? pcap_geterr(pc) : "");
		fflush(stdout);
		pcap_close(pc);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	printf("child_status=%d\n", status);
	status = pcap_dispatch(pc, -1, nothing, NULL);
	printf("parent_rc=%d\n", status < 0 ? status : 0);
	pcap_close(pc);
	return 0;
}

/* The device list: one line per device, the default one is the first. */
static int mode_list(void)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_if_t *all = NULL, *d;
	int rc = pcap_findalldevs(&all, err);

	printf("rc=%d %s\n", rc, err);
	for (d = all; d; d = d->next)
		printf("device=%s flags=0x%x (%s)\n", d->name, d->flags,
		    d->description ? d->description : "");
	if (all)
		pcap_freealldevs(all);
	printf("fds_after=%d\nwait=%s\n", count_fds(), wait_text(__WALL));
	return rc != 0;
}

int pcaploop_mode(const struct pcaploop_options *opt, const char *mode)
{
	int n;

	if (strcmp(mode, "activate") == 0)
		return mode_activate(opt);
	if (strcmp(mode, "wait") == 0)
		return mode_wait(opt);
	if (strcmp(mode, "fork") == 0)
		return mode_fork(opt);
	if (strcmp(mode, "list") == 0)
		return mode_list();
	if (sscanf(mode, "open-close=%d", &n) == 1)
		return mode_open_close(opt, n);
	if (sscanf(mode, "locked=%d", &n) == 1)
		return mode_locked(opt, n);
	if (strncmp(mode, "swap=", 5) == 0)
		return pcaploop_swap(opt, mode + 5);
	if (strncmp(mode, "op=", 3) == 0)
		return pcaploop_op(opt, mode + 3);
	fprintf(stderr, "no such mode: %s\n", mode);
	return 2;
}
