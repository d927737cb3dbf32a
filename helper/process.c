/* SPDX-License-Identifier: BSD-3-Clause */
/* See process.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "helper/asuser.h"
#include "helper/process.h"

#define PID_NAMESPACE_OF_ALL 0xeffffffcU /* inode (PROC_PID_INIT_INO of the kernel) */

/* One process: all of it through one descriptor, since its number may be another's a moment later. */
struct process {
	__u64 number; /* that /proc has */
	__u64 inner;  /* in its own pid namespace */
	__u64 pidns;  /* inode of that */
	__u64 nsfs;   /* and the device that it is on */
};

/* The last number of a line like "NStgid:\t4711\t12". */
static __u64
last_number(const char *line)
{
	const char *tab = strrchr(line, '\t');

	return tab != NULL ? strtoull(tab, NULL, 10) : 0;
}

int
bpfprobe_process_read(FILE *status, __u64 *number, __u64 *inner)
{
	size_t room = 0;
	char *line = NULL;

	*number = *inner = 0;
	while (getline(&line, &room, status) > 0) {
		if (strncmp(line, "Tgid:", 5) == 0)
			*number = last_number(line);
		if (strncmp(line, "NStgid:", 7) == 0)
			*inner = last_number(line);
	}
	free(line);
	return *number > 0 && *inner > 0 ? 0 : -1;
}

static int
read_status(int dir, struct process *process)
{
	int fd = openat(dir, "status", O_RDONLY | O_CLOEXEC), err;
	FILE *file;

	if (fd < 0)
		return -errno;
	file = fdopen(fd, "r");
	if (file == NULL) {
		close(fd);
		return -ENOMEM;
	}
	err = bpfprobe_process_read(file, &process->number, &process->inner);
	fclose(file);
	return err < 0 ? -ESRCH : 0;
}

/* To open it takes the right to look into the process. */
static int
read_pidns(int dir, struct process *process)
{
	int fd = openat(dir, "ns/pid", O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	close(fd);
	process->pidns = st.st_ino;
	process->nsfs = st.st_dev;
	return err;
}

static int
look_at(__u64 number, struct process *process)
{
	char path[40];
	int dir, err;

	snprintf(path, sizeof(path), "/proc/%llu", (unsigned long long)number);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	err = read_pidns(dir, process);
	if (err == 0)
		err = read_status(dir, process);
	close(dir);
	return err;
}

/* As the caller, unless all may be looked at. */
static int
find(__u64 number, int trusted, struct process *process)
{
	struct bpfprobe_asuser asuser;
	int err;

	if (trusted)
		return look_at(number, process);
	err = bpfprobe_asuser_begin(&asuser);
	if (err < 0)
		return err;
	err = look_at(number, process);
	bpfprobe_asuser_end(&asuser);
	return err;
}

static int
resolve(struct bpfprobe_who *who, unsigned int i, int trusted, struct bpfprobe_reply *reply)
{
	unsigned long long number = who->pid.value[i];
	struct process process;
	int err = find(number, trusted, &process);

	if (err == -EPERM || err == -EACCES)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM, "pid=\"%llu\": %s", number, strerror(-err));
	if (err == -ENOENT || err == -ESRCH)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "pid=\"%llu\": there is no such process", number);
	if (err < 0)
		return bpfprobe_fail_errno(reply, -err, "cannot look at the process of pid=");
	if (process.number != number)
		return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "pid=\"%llu\" is a thread; its process has number %llu",
		    number, (unsigned long long)process.number);
	who->pid.value[i] = process.inner;
	who->pidns[i] = process.pidns == PID_NAMESPACE_OF_ALL ? 0 : process.pidns;
	who->nsfs = process.nsfs;
	return 0;
}

int
bpfprobe_process_resolve(struct bpfprobe_who *who, int trusted, struct bpfprobe_reply *reply)
{
	unsigned int i;

	who->own = !trusted && (who->pid.count > 0 || who->comms > 0);
	who->owner = getuid();
	for (i = 0; i < who->pid.count; i++) {
		if (resolve(who, i, trusted, reply) < 0)
			return -1;
	}
	return 0;
}
