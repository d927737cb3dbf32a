/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The module's side of the helper, against helpers that work, fail and lie
 * (fakehelper.h): status and message of every outcome, what the helper is started
 * with, that the application notices no process, and that no descriptor is left.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/filter.h>
#include "capture/client.h"
#include "capture/spawn.h"
#include "tests/unit/fakedir.h"
#include "tests/unit/fakehelper.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void
make_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int
open_client(struct bpfprobe_client *client, const char *path, struct bpfprobe_reply *reply)
{
	struct bpfprobe_request request;

	memset(&request, 0, sizeof(request));
	strcpy(request.device, "bpfprobe:test");
	memset(reply, 0x55, sizeof(*reply));
	return bpfprobe_client_open(client, path, &request, reply);
}

/* Each descriptor must be the right one: the helper wrote its kind and number into it. */
static void
assert_fd(int fd, unsigned int kind, unsigned int number)
{
	char text[32] = "", want[32];

	snprintf(want, sizeof(want), "%u %u", kind, number);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, want);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void
assert_gone(const struct bpfprobe_client *client)
{
	assert_true(client->sock == -1 && client->ctl == -1 && client->perf == -1);
	assert_true(client->nrings + client->nprogs + client->nlinks == 0);
	assert_true(client->rings == NULL && client->progs == NULL && client->links == NULL);
	assert_true(client->labels == NULL && client->nlabels == 0);
}

static void
open_brings_descriptors(void **state)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	unsigned int before = count_fds(), i;

	(void)state;
	assert_int_equal(open_client(&client, fake_path("good"), &reply), 0);
	assert_int_equal(reply.status, BPFPROBE_OK);
	assert_true(reply.clock == 7 && reply.ring_pages == 4);
	assert_string_equal(reply.dlt, "RAW");
	assert_fd(client.ctl, BPFPROBE_FD_CTL, 0);
	assert_fd(client.perf, BPFPROBE_FD_PERF, 0);
	assert_true(client.nrings == FAKE_RINGS && client.nringbufs == FAKE_RINGS);
	for (i = 0; i < 2 * FAKE_RINGS; i++)
		assert_fd((i % 2 ? client.ringbufs : client.rings)[i / 2], i % 2 ? BPFPROBE_FD_RINGBUF : BPFPROBE_FD_RING, i / 2);
	assert_int_equal(client.nprogs + client.nlinks, 0);
	assert_int_equal(count_fds(), before + 3 + 2 * FAKE_RINGS);
	bpfprobe_client_close(&client);
	assert_gone(&client);
	assert_int_equal(count_fds(), before);
	bpfprobe_client_close(&client);
}

static void
open_brings_a_label_for_each_probe(void **state)
{
	const struct bpfprobe_label *last;
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;

	(void)state;
	assert_int_equal(open_client(&client, fake_path("good"), &reply), 0);
	assert_int_equal(client.nlabels, FAKE_PROBES);
	assert_string_equal(client.labels[0].name, "probe0");
	assert_int_equal(client.labels[1].program, 101);
	assert_int_equal(client.labels[1].targets, 2);
	last = &client.labels[FAKE_PROBES - 1];
	assert_int_equal(last->kind, BPFPROBE_LABEL_INTERFACE);
	assert_int_equal(last->place, BPFPROBE_PLACE_EXIT);
	assert_int_equal(last->actions, BPFPROBE_ACTIONS_TC);
	assert_int_equal(strlen(last->name), BPFPROBE_LABEL_MAX - 1);
	bpfprobe_client_close(&client);
	assert_gone(&client);
}

static void
many_rings_come_in_several_messages(void **state)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	unsigned int before = count_fds(), i;

	(void)state;
	assert_int_equal(open_client(&client, fake_path("many"), &reply), 0);
	assert_true(client.nrings == FAKE_MANY && client.nringbufs == FAKE_MANY);
	for (i = 0; i < FAKE_MANY; i++)
		assert_fd(client.rings[i], BPFPROBE_FD_RING, i);
	assert_fd(client.ringbufs[FAKE_MANY - 1], BPFPROBE_FD_RINGBUF, FAKE_MANY - 1);
	bpfprobe_client_close(&client);
	assert_int_equal(count_fds(), before);
}

/* A ring that was taken over belongs to someone else. */
static void
close_leaves_rings_that_were_taken_over(void **state)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	int ring;

	(void)state;
	assert_int_equal(open_client(&client, fake_path("good"), &reply), 0);
	ring = client.rings[2];
	client.rings[2] = -1;
	bpfprobe_client_close(&client);
	assert_fd(ring, BPFPROBE_FD_RING, 2);
	close(ring);
}

static void
attach_brings_programs_and_links(void **state)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	unsigned int before = count_fds(), i;

	(void)state;
	assert_int_equal(open_client(&client, fake_path("good"), &reply), 0);
	assert_int_equal(bpfprobe_client_attach(&client, &reply), 0);
	assert_int_equal(client.nprogs, FAKE_PROBES);
	assert_int_equal(client.nlinks, FAKE_LINKS);
	for (i = 0; i < FAKE_PROBES; i++) {
		assert_fd(client.progs[i], BPFPROBE_FD_PROG, i);
		assert_fd(client.slots[i], BPFPROBE_FD_SLOTS, i);
	}
	for (i = 0; i < FAKE_LINKS; i++)
		assert_fd(client.links[i], BPFPROBE_FD_LINK, i);
	bpfprobe_client_close(&client);
	assert_int_equal(count_fds(), before);
}

/* Outcomes of open(); %s is the path of the helper. */
#define ENDED "the capture helper has ended"
#define LOST_FDS \
	"the capture helper's descriptors did not arrive: is the limit of open files (ulimit -n) too low?"
#define SENSELESS "the capture helper's answer makes no sense"
#define VERSIONS(n) \
	"the capture helper %s has protocol version " n ", this libpcap has 9: install both from one package"

static const struct {
	const char *mode;
	enum bpfprobe_status status;
	const char *message;
} failures[] = {
	{ "no-device", BPFPROBE_NO_DEVICE, "no such thing" },
	{ "version", BPFPROBE_ERROR, VERSIONS("99") },
	{ "size", BPFPROBE_ERROR, "%s is not the capture helper of this libpcap" },
	{ "large", BPFPROBE_ERROR, "%s is not the capture helper of this libpcap" },
	{ "short", BPFPROBE_ERROR, "%s is not the capture helper of this libpcap" },
	{ "garbage", BPFPROBE_ERROR, "%s is not the capture helper of this libpcap" },
	{ "dies", BPFPROBE_ERROR, "the capture helper %s ended without an answer" },
	{ "dies-later", BPFPROBE_ERROR, "the capture helper %s ended without an answer" },
	{ "rings0", BPFPROBE_ERROR, SENSELESS },
	{ "rings5000", BPFPROBE_ERROR, SENSELESS },
	{ "ringbufs1", BPFPROBE_ERROR, SENSELESS }, { "ringbufs2G", BPFPROBE_ERROR, SENSELESS }, { "pages0", BPFPROBE_ERROR, SENSELESS },
	{ "pages3", BPFPROBE_ERROR, SENSELESS },
	{ "cpus0", BPFPROBE_ERROR, SENSELESS },
	{ "cpus5000", BPFPROBE_ERROR, SENSELESS },
	{ "probes0", BPFPROBE_ERROR, SENSELESS },
	{ "probes65", BPFPROBE_ERROR, SENSELESS },
	{ "labelless", BPFPROBE_ERROR, ENDED },
	{ "label-few", BPFPROBE_ERROR, SENSELESS },
	{ "label-short", BPFPROBE_ERROR, SENSELESS },
	{ "label-large", BPFPROBE_ERROR, SENSELESS },
	{ "label-magic", BPFPROBE_ERROR, SENSELESS },
	{ "label-kind", BPFPROBE_ERROR, SENSELESS },
	{ "label-place", BPFPROBE_ERROR, SENSELESS },
	{ "label-actions", BPFPROBE_ERROR, SENSELESS },
	{ "label-targets", BPFPROBE_ERROR, SENSELESS },
	{ "label-nameless", BPFPROBE_ERROR, SENSELESS },
	{ "label-endless", BPFPROBE_ERROR, SENSELESS },
	{ "foreign-probes", BPFPROBE_ERROR, SENSELESS },
	{ "fdless", BPFPROBE_ERROR, ENDED },
	{ "kind", BPFPROBE_ERROR, LOST_FDS },
	{ "surplus", BPFPROBE_ERROR, LOST_FDS },
	{ "count", BPFPROBE_ERROR, LOST_FDS },
	{ "none", BPFPROBE_ERROR, LOST_FDS },
	{ "few", BPFPROBE_ERROR, ENDED },
	{ "excess", BPFPROBE_ERROR, LOST_FDS },
};

static void
assert_fails(const char *path, enum bpfprobe_status status, const char *message)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	unsigned int before = count_fds();

	if (open_client(&client, path, &reply) != -1)
		fail_msg("%s: open succeeded", path);
	if (reply.status != status || strcmp(reply.message, message) != 0)
		fail_msg("%s: status %u, \"%.256s\"", path, reply.status, reply.message);
	assert_gone(&client);
	if (count_fds() != before)
		fail_msg("%s: %u descriptors, %u before", path, count_fds(), before);
}

/* A message of the table with the path put in. */
static const char *
with_path(const char *message, const char *path)
{
	static char out[512];
	const char *at = strstr(message, "%s");

	if (at == NULL)
		return message;
	snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - message), message, path, at + 2);
	return out;
}

/* Several times, since some of it depends on who is faster. */
static void
failures_are_told_and_leave_nothing(void **state)
{
	const char *path;
	size_t i;
	int round;

	(void)state;
	for (i = 0; i < ROWS(failures); i++) {
		path = fake_path(failures[i].mode);
		for (round = 0; round < 5; round++)
			assert_fails(path, failures[i].status, with_path(failures[i].message, path));
	}
}

static void
message_without_end_is_ended(void **state)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;

	(void)state;
	assert_int_equal(open_client(&client, fake_path("unterminated"), &reply), -1);
	assert_int_equal(strlen(reply.message), sizeof(reply.message) - 1);
	assert_int_equal(strlen(reply.dlt), sizeof(reply.dlt) - 1);
}

/* The child that failed to exec says why, and is gone before it reads the request: a race. */
static void
missing_helper(void **state)
{
	const char *path = fake_dir_path("nothing");
	char message[256];
	int round;

	(void)state;
	snprintf(message, sizeof(message), "cannot run the capture helper %s: No such file or directory; "
		"is pcap-bpfprobe installed completely?", path);
	for (round = 0; round < 200; round++)
		assert_fails(path, BPFPROBE_ERROR, message);
}

static void
helper_that_may_not_be_run(void **state)
{
	const char *path = fake_dir_path("data"), *why = geteuid() != 0 ?
		"you may have to be a member of its group" : "its mode, noexec, or a security module such as SELinux forbids it to root";
	char message[256];

	(void)state;
	make_file(path, "#!/bin/sh\n", 0644);
	snprintf(message, sizeof(message), "cannot run the capture helper %s: Permission denied; %s", path, why);
	assert_fails(path, BPFPROBE_NO_PERM, message);
}

static void
helper_that_is_no_program(void **state)
{
	const char *path = fake_dir_path("text");
	char message[256];

	(void)state;
	make_file(path, "hello\n", 0755);
	snprintf(message, sizeof(message), "cannot run the capture helper %s: Exec format error; "
		"is pcap-bpfprobe installed completely?", path);
	assert_fails(path, BPFPROBE_ERROR, message);
}

static const struct {
	const char *mode;
	enum bpfprobe_status status;
	const char *message;
} attach_failures[] = {
	{ "attach-fails", BPFPROBE_NO_PERM, "not allowed" },
	{ "attach-probes0", BPFPROBE_ERROR, SENSELESS },
	{ "attach-probes65", BPFPROBE_ERROR, SENSELESS },
	{ "attach-links0", BPFPROBE_ERROR, SENSELESS },
	{ "attach-links129", BPFPROBE_ERROR, SENSELESS },
	{ "attach-few", BPFPROBE_ERROR, ENDED },
	{ "dies-attach", BPFPROBE_ERROR, NULL },
};

static void
attach_failures_are_told(void **state)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	unsigned int before = count_fds();
	const char *mode;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(attach_failures); i++) {
		mode = attach_failures[i].mode;
		assert_int_equal(open_client(&client, fake_path(mode), &reply), 0);
		memset(&reply, 0x55, sizeof(reply));
		if (bpfprobe_client_attach(&client, &reply) != -1)
			fail_msg("%s: attach succeeded", mode);
		if (reply.status != attach_failures[i].status)
			fail_msg("%s: status %u", mode, reply.status);
		if (attach_failures[i].message != NULL)
			assert_string_equal(reply.message, attach_failures[i].message);
		else
			assert_non_null(strstr(reply.message, "ended without an answer"));
		bpfprobe_client_close(&client);
		assert_gone(&client);
		assert_int_equal(count_fds(), before);
	}
}

/* Whatever the application has set for itself, the helper starts from the same place. */
static void
helper_starts_clean(void **state)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	sigset_t set, old;
	mode_t mask;
	int extra[2];

	(void)state;
	assert_int_equal(pipe(extra), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGPIPE, SIG_IGN);
	setenv("LD_BPFPROBE", "1", 1);
	mask = umask(0);
	assert_int_equal(open_client(&client, fake_path("report"), &reply), -1);
	umask(mask);
	unsetenv("LD_BPFPROBE");
	signal(SIGPIPE, SIG_DFL);
	/* What the application had is as it was. */
	sigprocmask(SIG_SETMASK, &old, &set);
	assert_true(sigismember(&set, SIGUSR1) && sigismember(&set, SIGTERM));
	assert_false(sigismember(&set, SIGINT));
	close(extra[0]);
	close(extra[1]);
	assert_string_equal(reply.message,
	    "fds 0 1 2 3; env 0; cwd /; blocked 0000000000000000; ignored 0000000000000000; "
	    "umask 077; session own");
}

static volatile sig_atomic_t signals;

static void
count_signal(int sig)
{
	(void)sig;
	signals++;
}

/* The state letter of a process, or 0: there is none. */
static char
process_state(unsigned int pid)
{
	char name[64], state = 0;
	FILE *stat;

	snprintf(name, sizeof(name), "/proc/%u/stat", pid);
	stat = fopen(name, "r");
	if (stat == NULL)
		return 0;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(stat);
	return state;
}

static void
filter_goes_to_the_helper_whole(void **state)
{
	static struct sock_filter filter[BPFPROBE_FILTER_MAX + 1];
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	unsigned int n;

	(void)state;
	filter[0].k = 5000;
	assert_int_equal(open_client(&client, fake_path("filter"), &reply), 0);
	assert_int_equal(bpfprobe_client_attach(&client, &reply), 0);
	for (n = 0; n <= BPFPROBE_FILTER_MAX + 1; n += n > 2 && n < 4095 ? 1364 : 1) {
		if (n >= 2 && n <= BPFPROBE_FILTER_MAX) {
			assert_int_equal(bpfprobe_client_filter(&client, filter, n, 276, &reply), 0);
			assert_int_equal(reply.generation, 5000 + 276 + n);
		} else { /* refused, and nothing lost */
			assert_int_equal(bpfprobe_client_filter(&client, filter, n, 276, &reply), -1);
		}
	}
	bpfprobe_client_close(&client);
}

/* An answer that is none: the helper is given up, the descriptors stay. */
/* Nor is it believed twice. */
static void
the_end_is_told_before_an_answer(void **state)
{
	struct sock_filter filter[2] = { { 0, 0, 0, 0 }, { 0, 0, 0, 0 } };
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;

	(void)state;
	assert_int_equal(open_client(&client, fake_path("filter-unasked"), &reply), 0);
	assert_int_equal(bpfprobe_client_attach(&client, &reply), 0);
	assert_null(bpfprobe_client_ended(&client));
	assert_int_equal(bpfprobe_client_filter(&client, filter, 2, 1, &reply), 0);
	assert_int_equal(strlen(bpfprobe_client_ended(&client)), sizeof(reply.message) - 1);
	assert_int_equal(bpfprobe_client_filter(&client, filter, 2, 1, &reply), -1);
	assert_int_equal(client.sock, -1);
	bpfprobe_client_close(&client);
}

static void
filter_without_an_answer(void **state)
{
	struct sock_filter filter[2] = { { 0, 0, 0, 0 }, { 0, 0, 0, 0 } };
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;

	(void)state;
	assert_int_equal(open_client(&client, fake_path("filter-short"), &reply), 0);
	assert_int_equal(bpfprobe_client_attach(&client, &reply), 0);
	assert_int_equal(bpfprobe_client_filter(&client, filter, 2, 1, &reply), -1);
	assert_int_equal(client.sock, -1);
	assert_fd(client.slots[0], BPFPROBE_FD_SLOTS, 0);
	bpfprobe_client_close(&client);
}

/* No SIGCHLD, no child to wait for; and the helper goes when the module has closed its end. */
static void
application_notices_no_process(void **state)
{
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	char helper_state;
	int i;

	(void)state;
	signals = 0;
	signal(SIGCHLD, count_signal);
	assert_int_equal(open_client(&client, fake_path("good"), &reply), 0);
	assert_int_not_equal(process_state(reply.detail), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(bpfprobe_client_attach(&client, &reply), 0);
	bpfprobe_client_close(&client);
	for (i = 0; i < 1000; i++) {
		helper_state = process_state(reply.detail);
		if (helper_state == 0 || helper_state == 'Z')
			break;
		usleep(10000);
	}
	assert_true(helper_state == 0 || helper_state == 'Z');
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(signals, 0);
}

/* An application with a timer: system calls are interrupted all the time. */
static void
signals_of_the_application_do_not_disturb(void **state)
{
	struct itimerval fast = { { 0, 3000 }, { 0, 3000 } }, off = { { 0, 0 }, { 0, 0 } };
	struct sigaction action, old;
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	int opened;

	(void)state;
	memset(&action, 0, sizeof(action));
	action.sa_handler = count_signal; /* without SA_RESTART */
	sigaction(SIGALRM, &action, &old);
	signals = 0;
	setitimer(ITIMER_REAL, &fast, NULL);
	opened = open_client(&client, fake_path("slow"), &reply);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	if (opened < 0)
		fail_msg("%s", reply.message);
	assert_true(signals > 10);
	bpfprobe_client_close(&client);
}

/* An application without standard input, output and error: the numbers are free for others. */
static void
closed_standard_descriptors(void **state)
{
	const char *good = fake_path("good"), *report = fake_path("report");
	struct bpfprobe_client client;
	struct bpfprobe_reply reply;
	int status;
	pid_t pid;

	(void)state;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(0);
		close(1);
		close(2);
		if (open_client(&client, good, &reply) != 0)
			_exit(1);
		bpfprobe_client_close(&client);
		if (open_client(&client, report, &reply) != -1 ||
		    strncmp(reply.message, "fds 0 1 2 3;", 12) != 0)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_brings_descriptors),
		cmocka_unit_test(open_brings_a_label_for_each_probe),
		cmocka_unit_test(many_rings_come_in_several_messages),
		cmocka_unit_test(close_leaves_rings_that_were_taken_over),
		cmocka_unit_test(attach_brings_programs_and_links),
		cmocka_unit_test(failures_are_told_and_leave_nothing),
		cmocka_unit_test(message_without_end_is_ended),
		cmocka_unit_test(missing_helper),
		cmocka_unit_test(helper_that_may_not_be_run),
		cmocka_unit_test(helper_that_is_no_program),
		cmocka_unit_test(attach_failures_are_told),
		cmocka_unit_test(filter_goes_to_the_helper_whole),
		cmocka_unit_test(filter_without_an_answer),
		cmocka_unit_test(the_end_is_told_before_an_answer),
		cmocka_unit_test(helper_starts_clean),
		cmocka_unit_test(application_notices_no_process),
		cmocka_unit_test(signals_of_the_application_do_not_disturb),
		cmocka_unit_test(closed_standard_descriptors),
	};
	const char *name = basename(argv[0]);

	(void)argc;
	if (strncmp(name, FAKE_HELPER, strlen(FAKE_HELPER)) == 0)
		fake_helper(name + strlen(FAKE_HELPER));
	return cmocka_run_group_tests_name("client", tests, fake_dir_make, fake_dir_remove);
}
