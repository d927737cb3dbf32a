// SPDX-License-Identifier: BSD-3-Clause
/*
 * stopwatch: how long a program takes to say something.
 *
 *	stopwatch [-i] CMD [ARG...]
 *
 * Starts it and prints "listening_ms=A first_ms=B end_ms=C": since then, until "listening on"
 * was on its standard error, until the first byte was on its standard output, and until it
 * ended; "-" for what never came. -i: interrupts it (SIGINT) as soon as it listens. A program that
 * fails, or takes more than 30 s, makes it fail.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 30000.0

enum { OUT, ERR, END, NFDS };

static struct timespec began;
static char said[4096]; /* on its standard error */
static size_t length;
static pid_t child;

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "stopwatch: %s: %s\n", what, detail);
	exit(2);
}

static double passed_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - began.tv_sec) * 1e3 +
	       (double)(now.tv_nsec - began.tv_nsec) / 1e6;
}

/* Returns the pipe's reading end; the other is `end` of the child. */
static void redirect(int pipes[2], int end)
{
	dup2(pipes[1], end);
	close(pipes[0]);
	close(pipes[1]);
}

static void begin(char **argv, struct pollfd fds[NFDS])
{
	int out[2], err[2], i;

	if (pipe(out) < 0 || pipe(err) < 0)
		die("pipe", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &began);
	child = fork();
	if (child == 0) {
		redirect(out, STDOUT_FILENO);
		redirect(err, STDERR_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	fds[OUT].fd = out[0];
	fds[ERR].fd = err[0];
	fds[END].fd = child < 0 ? -1 : (int)syscall(SYS_pidfd_open, child, 0);
	if (fds[END].fd < 0)
		die("starting it", strerror(errno));
	for (i = 0; i < NFDS; i++)
		fds[i].events = POLLIN;
}

/* Returns whether there was something; at the end nothing is to be waited for any more. */
static int get(struct pollfd *fd, char *to, size_t room)
{
	ssize_t n = read(fd->fd, to, room);

	if (n <= 0)
		fd->fd = -1;
	return n > 0;
}

static int listens(struct pollfd *err)
{
	if (length < sizeof(said) - 1 && get(err, said + length, sizeof(said) - 1 - length))
		length += strlen(said + length);
	else
		err->fd = -1;
	return strstr(said, "listening on") != NULL;
}

static void wait_for_end(void)
{
	int status;

	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("it failed", said);
}

static void print(const char *name, double ms)
{
	if (ms < 0)
		printf("%s_ms=- ", name);
	else
		printf("%s_ms=%.2f ", name, ms);
}

static void watch(struct pollfd fds[NFDS], int interrupts, double ms[NFDS])
{
	static char text[65536];

	while (ms[END] < 0) {
		if (poll(fds, NFDS, 1000) < 0)
			die("poll", strerror(errno));
		if (passed_ms() > LIMIT_MS) {
			kill(child, SIGKILL);
			die("it took too long", said);
		}
		if (fds[OUT].revents && get(&fds[OUT], text, sizeof(text)) && ms[OUT] < 0)
			ms[OUT] = passed_ms();
		if (fds[ERR].revents && listens(&fds[ERR]) && ms[ERR] < 0) {
			ms[ERR] = passed_ms();
			if (interrupts)
				kill(child, SIGINT);
		}
		if (fds[END].revents)
			ms[END] = passed_ms();
	}
}

int main(int argc, char **argv)
{
	double ms[NFDS] = {-1, -1, -1};
	struct pollfd fds[NFDS];
	int interrupts = argc > 1 && strcmp(argv[1], "-i") == 0;

	if (argc - interrupts < 2)
		die("usage", "stopwatch [-i] CMD [ARG...]");
	signal(SIGINT, SIG_DFL); /* a shell has what it starts in the background ignore it */
	begin(argv + 1 + interrupts, fds);
	watch(fds, interrupts, ms);
	wait_for_end();
	print("listening", ms[ERR]);
	print("first", ms[OUT]);
	print("end", ms[END]);
	puts("");
	return 0;
}
