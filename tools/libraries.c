/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bpfprobe doctor: which libpcap a program loads is asked of the dynamic loader, which
 * lists what it would load.  The program itself is not run.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "helper/device.h"
#include "tools/doctor.h"

#define LIBRARY "libpcap.so"
#define PATH_LEN 512
#define VERSION_LEN 64
#define POLICY "LC_ALL=C apt-cache policy libpcap0.8 2>/dev/null"
#define BUILT_FROM BPFPROBE_LIBRARY_DIR "/built-from"

static const char *const programs[] = { "tcpdump", "dumpcap", "tshark", "wireshark" };

/* Our own loader, which is that of the other programs too: PT_INTERP. */
static int
find_loader(struct dl_phdr_info *info, size_t size, void *loader)
{
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*(const char **)loader = (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	}
	return 1; /* the first object is the program itself */
}

/* Where in PATH a shell would find it.  0, or -1. */
static int
find_program(const char *name, char path[PATH_LEN])
{
	const char *dir = getenv("PATH");
	int n;

	while (dir != NULL && *dir != '\0') {
		n = (int)strcspn(dir, ":");
		if (snprintf(path, PATH_LEN, "%.*s/%s", n, dir, name) < PATH_LEN && access(path, X_OK) == 0)
			return 0;
		dir += n + (dir[n] == ':');
	}
	return -1;
}

/* Whether who runs it gets privilege from the file: the loader then heeds no LD_LIBRARY_PATH. */
static int
gives_privilege(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID)) != 0)
		return 1;
	return getxattr(path, "security.capability", NULL, 0) > 0;
}

/* Starts the loader, whose output can be read from the descriptor; -1. */
static int
start_loader(const char *program, int secure, pid_t *pid)
{
	const char *loader = NULL;
	int ends[2], null;

	dl_iterate_phdr(find_loader, &loader);
	if (loader == NULL || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	*pid = fork();
	if (*pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(ends[1], 1);
		dup2(null, 2);
		if (secure)
			unsetenv("LD_LIBRARY_PATH");
		execl(loader, loader, "--list", program, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (*pid < 0)
		close(ends[0]);
	return *pid < 0 ? -1 : ends[0];
}

/* "\tlibpcap.so.0.8 => PATH (ADDRESS)": copies PATH. */
static void
take_library(const char *line, char library[PATH_LEN])
{
	const char *arrow = strstr(line, " => "), *end = strstr(line, " (0x");

	if (strncmp(line, "\t" LIBRARY, strlen("\t" LIBRARY)) != 0 || arrow == NULL)
		return;
	arrow += 4;
	snprintf(library, PATH_LEN, "%.*s", end != NULL && end > arrow ? (int)(end - arrow) : 0, arrow);
}

/* The libpcap that it loads, "" if none.  0, or -1: the loader does not know what this is. */
static int
find_library(const char *program, int secure, char library[PATH_LEN])
{
	char line[PATH_LEN + 128];
	int fd, status = -1;
	FILE *file;
	pid_t pid;

	library[0] = '\0';
	fd = start_loader(program, secure, &pid);
	file = fd >= 0 ? fdopen(fd, "r") : NULL;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		take_library(line, library);
	if (file != NULL)
		fclose(file);
	if (fd >= 0)
		waitpid(pid, &status, 0);
	return status == 0 ? 0 : -1;
}

/* Whether our module is in a library: it has the names of its devices. */
static int
has_module(const char *library)
{
	int fd = open(library, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;
	int found;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return 0;
	found = memmem(map, (size_t)st.st_size, BPFPROBE_PREFIX, strlen(BPFPROBE_PREFIX)) != NULL;
	munmap(map, (size_t)st.st_size);
	return found;
}

static void
check_program(struct bpfprobe_doctor *doctor, const char *name)
{
	char path[PATH_LEN], library[PATH_LEN];
	const char *note = "", *remedy = "run it with LD_LIBRARY_PATH, the directory of a libpcap that has it";
	int privileged;

	if (find_program(name, path) < 0) {
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, name, NULL, "not in PATH");
		return;
	}
	privileged = gives_privilege(path);
	if (privileged && getuid() != 0)
		remedy = "run it as root, or as a copy without file capabilities";
	if (privileged)
		note = "; for users but root it ignores LD_LIBRARY_PATH: the file gives privileges";
	if (find_library(path, privileged && getuid() != 0, library) < 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, name, NULL, "%s is nothing that the loader knows", path);
	else if (library[0] == '\0')
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, name, NULL, "%s loads no libpcap itself", path);
	else if (has_module(library))
		bpfprobe_doctor_say(
		    doctor, BPFPROBE_FINE, name, NULL, "%s loads %s, with the module%s", path, library, note);
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_PROBLEM, name, remedy, "%s loads %s, without the module%s",
		    path, library, note);
}

/* A number that Debian adds when it compiles the same source again. */
static void
cut_rebuild(char *version)
{
	char *end = strrchr(version, '+');

	if (end != NULL && end[1] == 'b' && end[2] != '\0' && strspn(end + 2, "0123456789") == strlen(end + 2))
		*end = '\0';
}

/* The version of the distribution's package that is installed, and that which could be; "" without apt. */
static void
read_policy(char installed[VERSION_LEN], char candidate[VERSION_LEN])
{
	FILE *file = popen(POLICY, "re");
	char line[256];

	installed[0] = candidate[0] = '\0';
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		sscanf(line, " Installed: %63s", installed);
		sscanf(line, " Candidate: %63s", candidate);
	}
	if (file != NULL)
		pclose(file);
	cut_rebuild(installed);
	cut_rebuild(candidate);
}

/* An installed library of ours is to be as new as the one in whose place it is. */
static void
check_version(struct bpfprobe_doctor *doctor)
{
	static const char *const remedy = "build and install the packages anew, or a libpcap0.8 with the module";
	char ours[VERSION_LEN], installed[VERSION_LEN], candidate[VERSION_LEN];

	if (bpfprobe_doctor_read(BUILT_FROM, ours, sizeof(ours)) < 0)
		return;
	read_policy(installed, candidate);
	if (installed[0] == '\0')
		return;
	if (strcmp(installed, ours) != 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "libpcap0.8", remedy,
		    "it is %s, the library with the module was built from %s", installed, ours);
	else if (strcmp(candidate, ours) != 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "libpcap0.8", remedy,
		    "it is kept at %s, which the library with the module was built from; there is %s", ours, candidate);
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "libpcap0.8", NULL,
		    "it is %s, which the library with the module was built from", ours);
}

void
bpfprobe_doctor_libraries(struct bpfprobe_doctor *doctor)
{
	size_t i;

	check_version(doctor);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		check_program(doctor, programs[i]);
}
