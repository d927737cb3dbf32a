// SPDX-License-Identifier: BSD-3-Clause
/*
 * wire tun|ppp NAME NETNS1 NETNS2: an interface NAME in either namespace (paths of
 * their files), connected with each other: what one sends the other receives. Prints
 * "ready" and goes on until it is killed.
 *
 * "tun" are two of the driver's, "ppp" two units, each behind a pseudo terminal with
 * PPP's line discipline, without negotiation.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include <linux/if_tun.h>
#include <linux/ppp-ioctl.h>
#include <linux/tty.h>

static void die(const char *what)
{
	fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static void enter(const char *netns)
{
	int fd = check(open(netns, O_RDONLY | O_CLOEXEC), netns);

	check(setns(fd, CLONE_NEWNET), netns);
	close(fd);
}

static int open_tun(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = check(open("/dev/net/tun", O_RDWR), "/dev/net/tun");

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	check(ioctl(fd, TUNSETIFF, &ifr), "TUNSETIFF");
	return fd;
}

/* The other end of a pseudo terminal, raw, that PPP reads and writes; its channel's number. */
static int open_channel(int master)
{
	int line = N_PPP, channel, slave;
	struct termios raw;

	check(grantpt(master), "grantpt");
	check(unlockpt(master), "unlockpt");
	slave = check(open(ptsname(master), O_RDWR | O_NOCTTY), "pseudo terminal");
	check(tcgetattr(slave, &raw), "tcgetattr");
	cfmakeraw(&raw);
	check(tcsetattr(slave, TCSANOW, &raw), "tcsetattr");
	check(ioctl(slave, TIOCSETD, &line), "N_PPP");
	check(ioctl(slave, PPPIOCGCHAN, &channel), "PPPIOCGCHAN");
	return channel;
}

/* An open unit and an attached channel stay as long as this process. */
static int open_ppp(const char *name)
{
	int master = check(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt");
	int channel = open_channel(master), unit = -1;
	int ppp = check(open("/dev/ppp", O_RDWR), "/dev/ppp");
	int link = check(open("/dev/ppp", O_RDWR), "/dev/ppp");
	struct ifreq ifr = { .ifr_name = "" };
	int fd = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	check(ioctl(ppp, PPPIOCNEWUNIT, &unit), "PPPIOCNEWUNIT");
	check(ioctl(link, PPPIOCATTCHAN, &channel), "PPPIOCATTCHAN");
	check(ioctl(link, PPPIOCCONNECT, &unit), "PPPIOCCONNECT");
	snprintf(ifr.ifr_name, IFNAMSIZ, "ppp%d", unit);
	strncpy(ifr.ifr_newname, name, IFNAMSIZ - 1);
	check(ioctl(fd, SIOCSIFNAME, &ifr), name);
	close(fd);
	return master;
}

static void relay(int from, int to)
{
	char bytes[65536];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n > 0 && write(to, bytes, (size_t)n) < 0)
		/* An interface that is down refuses it, as a wire with nothing behind it. */
		fprintf(stderr, "wire: lost: %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
	int (*end)(const char *name) = NULL;
	struct pollfd fds[2];
	int i;

	if (argc == 5 && strcmp(argv[1], "tun") == 0)
		end = open_tun;
	else if (argc == 5 && strcmp(argv[1], "ppp") == 0)
		end = open_ppp;
	if (!end) {
		fputs("usage: wire tun|ppp NAME NETNS1 NETNS2\n", stderr);
		return 2;
	}
	for (i = 0; i < 2; i++) {
		enter(argv[3 + i]);
		fds[i].fd = end(argv[2]);
		fds[i].events = POLLIN;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		check(poll(fds, 2, -1), "poll");
		for (i = 0; i < 2; i++)
			if (fds[i].revents)
				relay(fds[i].fd, fds[!i].fd);
	}
}
