// SPDX-License-Identifier: BSD-3-Clause
/*
 * ktls 1.2|1.3 COUNT SIZE READ NETNS1 NETNS2 ADDR PORT: COUNT records of SIZE bytes go by kernel
 * TLS from a socket in NETNS1 to one in NETNS2 (paths of their files), which has ADDR and PORT, each
 * once the one before is read, READ bytes at a time. Record number 7 is "plain 0007 " again
 * and again. Prints
 *	received=COUNT
 * if all came as they were sent. The keys are always the same: there is no handshake.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/tls.h>

#define RECORD_MAX 16384 /* RFC 8446, 5.1 */
#define SECONDS	   60	 /* for one record */

static void die(const char *what)
{
	fprintf(stderr, "ktls: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

/* A socket of TCP there. */
static int socket_in(const char *netns)
{
	struct timeval limit = { .tv_sec = SECONDS };
	int fd = check(open(netns, O_RDONLY | O_CLOEXEC), netns);

	check(setns(fd, CLONE_NEWNET), netns);
	close(fd);
	fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
	check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), "SO_RCVTIMEO");
	return fd;
}

/* ends[0] in the first namespace is connected with ends[1] in the second. */
static void connect_ends(int *ends, char **netns, const char *addr, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int listener, on = 1;

	errno = EINVAL;
	if (inet_pton(AF_INET, addr, &to.sin_addr) != 1)
		die(addr);
	ends[0] = socket_in(netns[0]);
	listener = socket_in(netns[1]);
	check(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	check(bind(listener, (struct sockaddr *)&to, sizeof(to)), "bind");
	check(listen(listener, 1), "listen");
	check(connect(ends[0], (struct sockaddr *)&to, sizeof(to)), "connect");
	ends[1] = check(accept(listener, NULL, NULL), "accept");
	close(listener);
}

static void encrypt(int fd, int direction, uint16_t version)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = { .version = version, .cipher_type = TLS_CIPHER_AES_GCM_128 },
		.iv = "ktls iv",
		.key = "a key for tests",
		.salt = "slt",
	};

	check(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")), "TCP_ULP");
	check(setsockopt(fd, SOL_TLS, direction, &keys, sizeof(keys)), "keys");
}

static void fill(char *record, int size, int number)
{
	char text[16];
	int i, length = snprintf(text, sizeof(text), "plain %04d ", number);

	for (i = 0; i < size; i++)
		record[i] = text[i % length];
}

static void pass(const int *ends, int number, int size, int piece)
{
	static char sent[RECORD_MAX], got[RECORD_MAX];
	int have = 0, n;

	fill(sent, size, number);
	if (check((int)send(ends[0], sent, (size_t)size, 0), "send") != size)
		die("sent in part");
	while (have < size) {
		n = size - have < piece ? size - have : piece;
		n = check((int)recv(ends[1], got + have, (size_t)n, 0), "recv");
		if (n == 0)
			die("it ends early");
		have += n;
	}
	errno = EBADMSG;
	if (memcmp(sent, got, (size_t)size) != 0)
		die("other bytes were received than sent");
}

int main(int argc, char **argv)
{
	int ends[2], i, count, size, piece;
	uint16_t version;

	if (argc != 9 || (strcmp(argv[1], "1.2") != 0 && strcmp(argv[1], "1.3") != 0)) {
		fputs("usage: ktls 1.2|1.3 COUNT SIZE READ NETNS1 NETNS2 ADDR PORT\n", stderr);
		return 2;
	}
	version = strcmp(argv[1], "1.2") == 0 ? TLS_1_2_VERSION : TLS_1_3_VERSION;
	count = atoi(argv[2]);
	size = atoi(argv[3]);
	piece = atoi(argv[4]);
	errno = EINVAL;
	if (size < 1 || size > RECORD_MAX || piece < 1)
		die("SIZE, READ");
	connect_ends(ends, argv + 5, argv[7], argv[8]);
	encrypt(ends[0], TLS_TX, version);
	encrypt(ends[1], TLS_RX, version);
	for (i = 0; i < count; i++)
		pass(ends, i, size, piece);
	printf("received=%d\n", count);
	return 0;
}
