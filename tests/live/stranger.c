/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A member of the group who means no good: talks to the helper as the module does, and then
 * does what a module would not, with what it was given and to whom it was given from.
 *
 *   stranger grab DEVICE      what the descriptors let be done
 *   stranger keep DEVICE N    opens N times, kills each helper and keeps the rings only
 *   stranger send DEVICE      a request with descriptors in it
 *   stranger lend DEVICE PATH     hands what it has to one who listens there
 *   stranger borrow PATH          and that one keeps it, as watch does
 *   stranger full DEVICE      many requests, and reads no answer
 *   stranger close DEVICE     a request, and is gone before the answer
 *   stranger name DEVICE      ptrace, /proc and core files of the helper
 *   stranger filter DEVICE N  sets the same filter N times
 *   stranger symbol DEVICE ADDRESS    asks what is there in the kernel
 *   stranger watch DEVICE     wants every packet, whole and unfiltered, until its input ends;
 *                             then how many bytes were written into the rings, and what was counted
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include "bpf/record.h"
#include "capture/client.h"
#include "capture/spawn.h"

#define DLT_LINUX_SLL2 276

static struct bpfprobe_client client;
static struct bpfprobe_reply reply;

static void
say(const char *what, long result)
{
	printf("%s=%s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
}

static int
open_device(const char *device)
{
	struct bpfprobe_request request;

	memset(&request, 0, sizeof(request));
	request.snaplen = 262144;
	snprintf(request.device, sizeof(request.device), "%s", device);
	return bpfprobe_client_open(&client, bpfprobe_client_helper(), &request, &reply);
}

static void
open_or_end(const char *device)
{
	if (open_device(device) == 0 && bpfprobe_client_attach(&client, &reply) == 0)
		return;
	printf("refused=%s\n", reply.message);
	exit(1);
}

static long
bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static long
change_map(int command, int map, int value)
{
	union bpf_attr attr;
	__u32 key = 0;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (__u32)map;
	attr.key = (__u64)(unsigned long)&key;
	if (command != BPF_MAP_DELETE_ELEM)
		attr.value = (__u64)(unsigned long)&value;
	return bpf(command, &attr);
}

/* Runs it with an argument of our own; only a raw tracepoint's takes one. */
static long
run_program(int program)
{
	__u64 context[2] = { 0, 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (__u32)program;
	attr.test.ctx_in = (__u64)(unsigned long)context;
	attr.test.ctx_size_in = sizeof(context);
	return bpf(BPF_PROG_TEST_RUN, &attr);
}

static long
attach_program(int program, const char *tracepoint)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.name = (__u64)(unsigned long)tracepoint;
	attr.raw_tracepoint.prog_fd = (__u32)program;
	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

static void
grab(const char *device)
{
	char text[1024];
	ssize_t n;

	open_or_end(device);
	say("perf_update", change_map(BPF_MAP_UPDATE_ELEM, client.perf, client.rings[0]));
	say("perf_delete", change_map(BPF_MAP_DELETE_ELEM, client.perf, 0));
	say("slots_update", change_map(BPF_MAP_UPDATE_ELEM, client.slots[0], client.progs[0]));
	say("slots_delete", change_map(BPF_MAP_DELETE_ELEM, client.slots[0], 0));
	say("run", run_program(client.progs[0]));
	say("attach_typed", attach_program(client.progs[0], NULL));
	say("attach_elsewhere", attach_program(client.progs[0], "sys_enter"));
	say("ring_program", ioctl(client.rings[0], PERF_EVENT_IOC_SET_BPF, client.progs[0]));
	n = pread(client.progs[0], text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	printf("lines=%s\n", strstr(text, "prog_type:") != NULL ? "ok" : "none");
}

/* The other end of our socket; not the process that made it, as SO_PEERCRED has it. */
static pid_t
helper(void)
{
	const char *path = getenv("STRANGER_HELPER");
	char link[300], target[256];
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	pid_t found = -1;
	ssize_t n;
	int fd;

	while (proc != NULL && path != NULL && (entry = readdir(proc)) != NULL) {
		snprintf(link, sizeof(link), "/proc/%s/comm", entry->d_name);
		fd = atoi(entry->d_name) > 0 ? open(link, O_RDONLY) : -1;
		if (fd < 0)
			continue;
		memset(target, 0, sizeof(target));
		n = read(fd, target, sizeof(target) - 1);
		if (n > 0 && strncmp(target, path, strlen(path)) == 0)
			found = atoi(entry->d_name);
		close(fd);
	}
	closedir(proc);
	return found;
}

static void
keep(const char *device, int count)
{
	int i, opened = 0, *rings;

	for (i = 0; i < count; i++) {
		if (open_device(device) < 0) {
			printf("refused=%s\n", reply.message);
			break;
		}
		opened++;
		/* All that would show: what is left is one descriptor, or a mapping. */
		rings = client.rings;
		if (i % 2)
			mmap(NULL, (size_t)(reply.ring_pages + 1) * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rings[0], 0);
		rings[0] = dup(rings[0]);
		if (i % 2)
			close(rings[0]);
		client.rings = NULL;
		client.nrings = 0;
		bpfprobe_client_close(&client);
		for (int ring = 1; ring < (int)reply.rings; ring++)
			close(rings[ring]);
	}
	printf("opened=%d\n", opened);
	fflush(stdout);
	poll(NULL, 0, 300);
}

static void
send_descriptors(const char *device)
{
	struct bpfprobe_request request;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr msg;
	struct cmsghdr *cmsg;
	int fds[2] = { 0, 1 };
	char byte;

	open_or_end(device);
	memset(&request, 0, sizeof(request));
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	request.magic = BPFPROBE_MAGIC;
	request.version = BPFPROBE_VERSION;
	request.type = BPFPROBE_FILTER;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	say("sent", sendmsg(client.sock, &msg, MSG_NOSIGNAL));
	printf("answer=%zd\n", recv(client.sock, &byte, 1, 0));
}

/* Until no more fit in; then waits for the helper to lose its patience. */
static void
fill(const char *device)
{
	struct {
		struct bpfprobe_request request;
		struct sock_filter accept;
	} message;
	struct pollfd pollfd;
	int sent = 0;

	open_or_end(device);
	memset(&message, 0, sizeof(message));
	message.request.magic = BPFPROBE_MAGIC;
	message.request.version = BPFPROBE_VERSION;
	message.request.type = BPFPROBE_FILTER;
	message.request.dlt = DLT_LINUX_SLL2;
	message.request.count = 1;
	message.accept.code = BPF_RET | BPF_K;
	pollfd.fd = client.sock;
	pollfd.events = POLLOUT;
	while (sent < 100000 && poll(&pollfd, 1, 1000) > 0 && !(pollfd.revents & POLLHUP)) {
		if (send(client.sock, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		sent++;
	}
	pollfd.events = 0;
	printf("sent=%d\nended=%d\n", sent, poll(&pollfd, 1, 30000));
}

static void
close_early(const char *device)
{
	struct bpfprobe_request request;
	int sv[2];

	memset(&request, 0, sizeof(request));
	request.magic = BPFPROBE_MAGIC;
	request.version = BPFPROBE_VERSION;
	request.type = BPFPROBE_OPEN;
	request.snaplen = 262144;
	snprintf(request.device, sizeof(request.device), "%s", device);
	say("socket", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv));
	say("spawn", bpfprobe_spawn(bpfprobe_client_helper(), sv[1]));
	say("send", send(sv[0], &request, sizeof(request), MSG_NOSIGNAL));
}

static void
look_into(const char *device)
{
	char path[64];
	pid_t pid;

	open_or_end(device);
	pid = helper();
	printf("found=%d\n", pid > 0);
	say("ptrace", ptrace(PTRACE_SEIZE, pid, 0, 0));
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	say("mem", open(path, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	say("fd", open(path, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	say("root", open(path, O_RDONLY));
	say("getfd", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), 3, 0));
	say("kill", kill(pid, SIGABRT));
}

static void
set_filters(const char *device, int count)
{
	const struct sock_filter accept = { BPF_RET | BPF_K, 0, 0, 262144 };
	char refused[sizeof(reply.message)] = "";
	int i, set = 0;

	open_or_end(device);
	for (i = 0; i < count; i++) {
		if (bpfprobe_client_filter(&client, &accept, 1, DLT_LINUX_SLL2, &reply) == 0)
			set++;
		else
			snprintf(refused, sizeof(refused), "%s", reply.message);
	}
	printf("set=%d\nrefused=%s\n", set, refused);
}

static void
ask_symbol(const char *device, const char *address)
{
	open_or_end(device);
	(void)bpfprobe_client_symbol(&client, strtoull(address, NULL, 16), &reply);
	printf("symbol=%s\n", reply.message);
}

#define RINGS_MAX 4096

static struct perf_event_mmap_page *mapped[RINGS_MAX];

/* A ring is there, and written into, as long as somebody has it mapped. */
static void
map_rings(const int *rings, unsigned int count, __u32 pages)
{
	size_t size = (pages + 1) * (size_t)sysconf(_SC_PAGESIZE);
	unsigned int i;

	for (i = 0; i < count && i < RINGS_MAX; i++) {
		mapped[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, rings[i], 0);
		if (mapped[i] == MAP_FAILED) {
			perror("mmap");
			exit(1);
		}
	}
}

/* How many bytes of records came. */
static unsigned long long
written(void)
{
	unsigned long long bytes = 0;
	unsigned int i;

	for (i = 0; i < RINGS_MAX && mapped[i] != NULL; i++)
		bytes += __atomic_load_n(&mapped[i]->data_head, __ATOMIC_ACQUIRE);
	return bytes;
}

static void
wait_for_end(void)
{
	char text[16];

	printf("ready\n");
	fflush(stdout);
	while (read(0, text, sizeof(text)) > 0)
		continue;
}

static int
meet(const char *path, int (*how)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || how(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

#define LENT_MAX 200 /* descriptors of a message */

union lent {
	struct cmsghdr align;
	char space[CMSG_SPACE(LENT_MAX * sizeof(int))];
};

static void
lend(const char *device, const char *path)
{
	struct bpfprobe_reply opened;
	struct iovec iov = { &opened, sizeof(opened) };
	union lent control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	int fds[LENT_MAX], sock;
	unsigned int n, i;
	struct cmsghdr *cmsg;

	if (open_device(device) < 0)
		exit(1);
	opened = reply;
	if (bpfprobe_client_attach(&client, &reply) < 0)
		exit(1);
	n = client.nrings;
	memcpy(fds, client.rings, n * sizeof(int));
	fds[n++] = client.perf;
	for (i = 0; i < client.nlinks; i++)
		fds[n++] = client.links[i];
	for (i = 0; i < client.nslots; i++)
		fds[n++] = client.slots[i];
	memset(&control, 0, sizeof(control));
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	sock = meet(path, connect);
	say("lent", sendmsg(sock, &msg, 0));
	(void)recv(sock, fds, 1, 0);
}

static void
borrow(const char *path)
{
	struct bpfprobe_reply opened;
	struct iovec iov = { &opened, sizeof(opened) };
	union lent control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	int sock = meet(path, bind), peer;

	listen(sock, 1);
	printf("listens\n");
	fflush(stdout);
	peer = accept(sock, NULL, NULL);
	if (recvmsg(peer, &msg, 0) != sizeof(opened) || CMSG_FIRSTHDR(&msg) == NULL)
		exit(1);
	map_rings((int *)(void *)CMSG_DATA(CMSG_FIRSTHDR(&msg)), opened.rings, opened.ring_pages);
	close(peer);
	wait_for_end();
	printf("bytes=%llu\n", written());
}

/* What the reader of the rings can say to the programs; see bpf/record.h. */
static struct bpfprobe_counters *
want_all(void)
{
	size_t size = (reply.cpus + 1) * sizeof(struct bpfprobe_counters);
	struct bpfprobe_counters *ctl = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, client.ctl, 0);

	if (ctl == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	ctl[reply.cpus].passing = 1;
	ctl[reply.cpus].reach = ~0ULL;
	return ctl;
}

static void
watch(const char *device)
{
	unsigned long long lost = 0, null = 0;
	struct bpfprobe_reply opened;
	struct bpfprobe_counters *ctl;
	unsigned int i;

	if (open_device(device) < 0) {
		printf("refused=%s\n", reply.message);
		exit(1);
	}
	opened = reply;
	ctl = want_all();
	if (bpfprobe_client_attach(&client, &reply) < 0) {
		printf("refused=%s\n", reply.message);
		exit(1);
	}
	map_rings(client.rings, client.nrings, opened.ring_pages);
	wait_for_end();
	for (i = 0; i < opened.cpus; i++) {
		lost += ctl[i].lost;
		null += ctl[i].null;
	}
	printf("bytes=%llu\nlost=%llu\nnull=%llu\n", written(), lost, null);
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "grab") == 0)
		grab(argv[2]);
	else if (strcmp(argv[1], "watch") == 0)
		watch(argv[2]);
	else if (strcmp(argv[1], "send") == 0)
		send_descriptors(argv[2]);
	else if (strcmp(argv[1], "borrow") == 0)
		borrow(argv[2]);
	else if (argc > 3 && strcmp(argv[1], "lend") == 0)
		lend(argv[2], argv[3]);
	else if (strcmp(argv[1], "full") == 0)
		fill(argv[2]);
	else if (strcmp(argv[1], "close") == 0)
		close_early(argv[2]);
	else if (strcmp(argv[1], "name") == 0)
		look_into(argv[2]);
	else if (argc > 3 && strcmp(argv[1], "keep") == 0)
		keep(argv[2], atoi(argv[3]));
	else if (argc > 3 && strcmp(argv[1], "filter") == 0)
		set_filters(argv[2], atoi(argv[3]));
	else if (argc > 3 && strcmp(argv[1], "symbol") == 0)
		ask_symbol(argv[2], argv[3]);
	else
		return 2;
	return 0;
}
