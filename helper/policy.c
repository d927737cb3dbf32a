/* SPDX-License-Identifier: BSD-3-Clause */
/* See policy.h and pcap-bpfprobe.conf(5).  Independent of the locale. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <linux/securebits.h>
#include "helper/policy.h"
#include "helper/protocol.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FIELD(name) offsetof(struct bpfprobe_policy, name)

/* One line of the file: a word out of two, or a number. */
static const struct key {
	const char *name;
	const char *words[2]; /* for 0 and 1; NULL: it is a number */
	__u32 min, max;
	__u32 value; /* without the file */
	size_t field;
} keys[] = {
	{ "netns", { "own", "any" }, 0, 1, 0, FIELD(any_netns) },
	{ "foreign-pids", { "no", "yes" }, 0, 1, 0, FIELD(foreign_pids) },
	{ "programs", { "no", "yes" }, 0, 1, 0, FIELD(programs) },
	{ "xdp", { "no", "yes" }, 0, 1, 0, FIELD(xdp) },
	{ "handles", { NULL, NULL }, 0, 1000, 16, FIELD(handles) },
	{ "ring-kib", { NULL, NULL }, 0, 1U << 30, 65536, FIELD(ring_kib) },
	{ "filter-instructions", { NULL, NULL }, 0, BPFPROBE_FILTER_MAX, 1024, FIELD(filter_insns) },
	{ "filter-loads", { NULL, NULL }, 0, 1000, 10, FIELD(filter_loads) },
};

static __u32 *
field_of(struct bpfprobe_policy *policy, const struct key *key)
{
	return (__u32 *)((char *)policy + key->field);
}

int
bpfprobe_policy_is_admin(void)
{
	int bits = prctl(PR_GET_SECUREBITS);

	/* The real one: what the program that called us was given for its own file is not the user's. */
	return getuid() == 0 && bits >= 0 && !(bits & SECBIT_NOROOT);
}

void
bpfprobe_policy_init(struct bpfprobe_policy *policy)
{
	size_t i;

	memset(policy, 0, sizeof(*policy));
	for (i = 0; i < COUNT(keys); i++)
		*field_of(policy, &keys[i]) = keys[i].value;
}

/* What is being read. */
struct file {
	unsigned int line;
	unsigned int seen; /* bit i: keys[i] */
	char *errbuf;
	size_t errlen;
};

static int __attribute__((format(printf, 2, 3)))
fail(const struct file *file, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(file->errbuf, file->errlen, "%u: ", file->line);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < file->errlen)
		vsnprintf(file->errbuf + n, file->errlen - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Without the blanks at both ends. */
static char *
trim(char *text)
{
	size_t n;

	while (is_blank(*text))
		text++;
	n = strlen(text);
	while (n > 0 && is_blank(text[n - 1]))
		text[--n] = '\0';
	return text;
}

static int
take_number(const struct file *file, const struct key *key, const char *text, __u32 *value)
{
	__u64 number = 0;
	const char *c;

	for (c = text; *c >= '0' && *c <= '9' && number <= key->max; c++)
		number = number * 10 + (__u64)(*c - '0');
	if (c == text || *c != '\0' || number < key->min || number > key->max)
		return fail(file, "%s = \"%.40s\": a number from %u to %u is expected", key->name, text, key->min,
		    key->max);
	*value = (__u32)number;
	return 0;
}

static int
take_value(const struct file *file, const struct key *key, const char *text, __u32 *value)
{
	if (key->words[0] == NULL)
		return take_number(file, key, text, value);
	for (*value = 0; *value < COUNT(key->words); ++*value) {
		if (strcmp(text, key->words[*value]) == 0)
			return 0;
	}
	return fail(file, "%s = \"%.40s\": %s or %s is expected", key->name, text, key->words[0], key->words[1]);
}

static int
take_line(struct bpfprobe_policy *policy, struct file *file, char *text)
{
	char *value = strchr(text, '='), *name;
	size_t i;

	if (value == NULL)
		return fail(file, "\"%.40s\": KEY = VALUE is expected, or # and a comment", text);
	*value++ = '\0';
	name = trim(text);
	for (i = 0; i < COUNT(keys) && strcmp(keys[i].name, name) != 0; i++)
		continue;
	if (i == COUNT(keys))
		return fail(file, "there is no key \"%.40s\"; see pcap-bpfprobe.conf(5)", name);
	if (file->seen & (1U << i))
		return fail(file, "%s is there twice", name);
	file->seen |= 1U << i;
	return take_value(file, &keys[i], trim(value), field_of(policy, &keys[i]));
}

int
bpfprobe_policy_parse(
    struct bpfprobe_policy *policy, const char *text, size_t size, char *errbuf, size_t errlen)
{
	struct file file = { .errbuf = errbuf, .errlen = errlen };
	const char *end;
	char line[256], *start;
	size_t n;

	for (; size > 0; text += n, size -= n) {
		end = memchr(text, '\n', size);
		n = end != NULL ? (size_t)(end - text) : size;
		file.line++;
		if (n >= sizeof(line) || memchr(text, '\0', n) != NULL)
			return fail(&file, "the line is too long, or no text");
		memcpy(line, text, n);
		line[n] = '\0';
		start = trim(line);
		if (*start != '\0' && *start != '#' && take_line(policy, &file, start) < 0)
			return -1;
		n += end != NULL;
	}
	return 0;
}

/* Root's, and nobody else may write to it (an ACL that lets one shows in the group's bits). */
static int
is_safe(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* "/", and what is in it: no link leads there.  A descriptor, or -errno: EPERM if it is not safe. */
static int
open_safe(int dir, const char *name, int flags, mode_t type)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | flags);

	if (fd < 0)
		return -errno;
	if (is_safe(fd, type))
		return fd;
	close(fd);
	return -EPERM;
}

/* As above. */
static int
open_file(void)
{
	int root = open_safe(AT_FDCWD, "/", O_DIRECTORY, S_IFDIR), dir, fd;

	if (root < 0)
		return root;
	dir = open_safe(root, BPFPROBE_POLICY_DIR, O_DIRECTORY, S_IFDIR);
	close(root);
	if (dir < 0)
		return dir;
	fd = open_safe(dir, BPFPROBE_POLICY_FILE, 0, S_IFREG);
	close(dir);
	return fd;
}

/* Reads all of it.  Returns how many bytes, or -errno. */
static ssize_t
read_file(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t more;

	do {
		more = read(fd, text + n, size - n);
		if (more > 0)
			n += (size_t)more;
	} while ((more > 0 && n < size) || (more < 0 && errno == EINTR));
	if (more < 0)
		return -errno;
	return n == size ? -EFBIG : (ssize_t)n;
}

int
bpfprobe_policy_load(struct bpfprobe_policy *policy, struct bpfprobe_reply *reply)
{
	static char text[BPFPROBE_POLICY_SIZE_MAX + 1];
	char why[200];
	ssize_t n;
	int fd;

	bpfprobe_policy_init(policy);
	policy->admin = (__u32)bpfprobe_policy_is_admin();
	if (policy->admin)
		return 0;
	fd = open_file();
	if (fd == -ENOENT)
		return 0;
	if (fd == -EPERM || fd == -ELOOP)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
		    BPFPROBE_POLICY_PATH " or a directory of it is no plain file of root's that nobody else can write to");
	n = fd < 0 ? fd : read_file(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
		    "cannot read " BPFPROBE_POLICY_PATH ", which says what users may do: %s", strerror((int)-n));
	if (bpfprobe_policy_parse(policy, text, (size_t)n, why, sizeof(why)) < 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM, BPFPROBE_POLICY_PATH ":%s", why);
	return 0;
}

/* All that is refused is said in the same way. */
static int
refuse(struct bpfprobe_reply *reply, const char *what, const char *key)
{
	return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
	    "only root may %s, as long as " BPFPROBE_POLICY_PATH " does not say %s", what, key);
}

int
bpfprobe_policy_check_device(
    const struct bpfprobe_policy *policy, const struct bpfprobe_device *device, struct bpfprobe_reply *reply)
{
	if (policy->admin)
		return 0;
	if (device->stacktrace)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM, "only root may see stacks: they are addresses of the kernel");
	if (device->track > 0)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
		    "only root may follow packets: all memory that the kernel gives back is looked at");
	if (device->type == BPFPROBE_DEVICE_PROBE)
		return 0;
	if (device->type == BPFPROBE_DEVICE_PROG && !policy->programs)
		return refuse(reply, "look into BPF programs", "programs = yes");
	if (device->type == BPFPROBE_DEVICE_XDP && !policy->programs && !policy->xdp)
		return refuse(reply, "capture at XDP", "xdp = yes");
	/* What another program writes has no mark of the namespace that it comes from. */
	if (device->map[0] != '\0' && !policy->any_netns)
		return refuse(reply, "read what BPF programs write", "netns = any");
	return 0;
}

int
bpfprobe_policy_confine(
    const struct bpfprobe_policy *policy, struct bpfprobe_where *where, struct bpfprobe_reply *reply)
{
	if (policy->admin || policy->any_netns)
		return 0;
	if (where->netns == 0)
		where->netns = where->home;
	if (where->netns == where->home)
		return 0;
	return refuse(reply, "capture in another network namespace", "netns = any");
}

int
bpfprobe_policy_check_targets(const struct bpfprobe_policy *policy,
    const struct bpfprobe_target *targets, unsigned int count, struct bpfprobe_reply *reply)
{
	unsigned int i;

	for (i = 0; i < count && !policy->admin; i++) {
		if (targets[i].program > 0 && !policy->programs)
			return refuse(reply, "look into BPF programs", "programs = yes");
		if (targets[i].kind == BPFPROBE_PASS && !policy->xdp)
			return refuse(reply, "put an XDP program to an interface", "xdp = yes");
	}
	return 0;
}

int
bpfprobe_policy_check_rings(const struct bpfprobe_policy *policy, __u64 kib, struct bpfprobe_reply *reply)
{
	if (policy->admin || kib <= policy->ring_kib)
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
	    "the rings of all CPUs would be %llu KiB, and %s allows %u (ring-kib); try a smaller buffer (-B, pages=)",
	    (unsigned long long)kib, BPFPROBE_POLICY_PATH, policy->ring_kib);
}

static __s64
now_ms(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__s64)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Takes one of those that there are of a second, which come back evenly.  1, or 0: there is none. */
static int
take_load(__u32 per_second)
{
	static __s64 spent; /* until when, in ms, those that were taken are not back */
	__s64 now = now_ms(), one = per_second > 0 ? 1000 / per_second : 0;

	if (spent < now)
		spent = now;
	if (per_second == 0 || spent + one > now + 1000)
		return 0;
	spent += one;
	return 1;
}

int
bpfprobe_policy_check_filter(
    const struct bpfprobe_policy *policy, __u32 insns, struct bpfprobe_reply *reply)
{
	if (policy->admin)
		return 0;
	if (insns > policy->filter_insns)
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM,
		    "the filter has %u instructions, and %s allows %u (filter-instructions)", insns,
		    BPFPROBE_POLICY_PATH, policy->filter_insns);
	if (!take_load(policy->filter_loads))
		return bpfprobe_fail(reply, BPFPROBE_NO_PERM, "more filters in a second than %s allows: %u (filter-loads)",
		    BPFPROBE_POLICY_PATH, policy->filter_loads);
	return 0;
}
