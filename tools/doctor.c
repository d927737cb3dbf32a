/* SPDX-License-Identifier: BSD-3-Clause */
/* bpfprobe doctor: the kernel, its settings, and this user's privilege. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "capture/client.h"
#include "helper/caps.h"
#include "helper/policy.h"
#include "tools/commands.h"
#include "tools/doctor.h"
#include "tools/output.h"

#define BTF_DIR "/sys/kernel/btf"
#define LOCKDOWN "/sys/kernel/security/lockdown"
#define APPARMOR "/sys/module/apparmor/parameters/enabled"
#define PROFILES "/sys/kernel/security/apparmor/profiles"
#define LOCAL_PROFILE "/etc/apparmor.d/local/usr.bin.tcpdump"
#define SYSCTL "/proc/sys/kernel/"

void
bpfprobe_doctor_say(struct bpfprobe_doctor *doctor, enum bpfprobe_finding finding,
    const char *check, const char *remedy, const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warning", "problem" };
	struct bpfprobe_output *output = doctor->output;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	doctor->problems += finding == BPFPROBE_PROBLEM;
	if (!output->json) {
		bpfprobe_output_text(output, NULL, "%-7s  %-15s  %s%s%s", words[finding], check, text,
		    remedy != NULL ? "; " : "", remedy != NULL ? remedy : "");
		return;
	}
	bpfprobe_output_open(output, NULL, '{');
	bpfprobe_output_text(output, "check", "%s", check);
	bpfprobe_output_text(output, "finding", "%s", words[finding]);
	bpfprobe_output_text(output, "text", "%s", text);
	bpfprobe_output_text(output, "remedy", "%s", remedy != NULL ? remedy : "");
	bpfprobe_output_close(output, '}');
}

int
bpfprobe_doctor_read(const char *path, char *line, size_t len)
{
	FILE *file = fopen(path, "re");
	int err = file == NULL || fgets(line, (int)len, file) == NULL ? -1 : 0;

	if (err < 0)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (file != NULL)
		fclose(file);
	return err;
}

/* A setting that is a number; -1: this kernel does not have it. */
static int
read_number(const char *path)
{
	char line[32];

	return bpfprobe_doctor_read(path, line, sizeof(line)) == 0 ? atoi(line) : -1;
}

static void
check_kernel(struct bpfprobe_doctor *doctor)
{
	int major = 0, minor = 0;
	struct utsname uts;

	if (uname(&uts) < 0 || sscanf(uts.release, "%d.%d", &major, &minor) != 2)
		return;
	if (major > 5 || (major == 5 && minor >= 10))
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "kernel", NULL, "Linux %s", uts.release);
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_PROBLEM, "kernel", "5.10 is the oldest that is supported",
		    "Linux %s", uts.release);
}

static void
check_btf(struct bpfprobe_doctor *doctor)
{
	if (access(BTF_DIR "/vmlinux", R_OK) == 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "btf", NULL, BTF_DIR "/vmlinux");
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_PROBLEM, "btf",
		    "use a kernel built with CONFIG_DEBUG_INFO_BTF, where /sys is not hidden",
		    BTF_DIR "/vmlinux: %s", strerror(errno));
}

/* How many modules are loaded, and how many of them have BTF. */
static void
count_modules(unsigned int *loaded, unsigned int *typed)
{
	FILE *file = fopen("/proc/modules", "re");
	char line[512], path[512];

	*loaded = *typed = 0;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, " \n")] = '\0';
		snprintf(path, sizeof(path), BTF_DIR "/%.200s", line);
		++*loaded;
		*typed += access(path, R_OK) == 0;
	}
	if (file != NULL)
		fclose(file);
}

static void
check_modules(struct bpfprobe_doctor *doctor)
{
	unsigned int loaded, typed;

	count_modules(&loaded, &typed);
	if (loaded == typed)
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "btf-modules", NULL, "%u modules loaded, %u with BTF",
		    loaded, typed);
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "btf-modules",
		    "in the others only kprobe/ and rawtp/ with :argN (Linux 5.11, CONFIG_DEBUG_INFO_BTF_MODULES)",
		    "%u modules loaded, %u with BTF", loaded, typed);
}

/* The file has all modes, the one in force in brackets. */
static void
check_lockdown(struct bpfprobe_doctor *doctor)
{
	char line[128];

	if (bpfprobe_doctor_read(LOCKDOWN, line, sizeof(line)) < 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "lockdown", NULL, "off, there is no " LOCKDOWN);
	else if (strstr(line, "[confidentiality]") == NULL)
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "lockdown", NULL, "%s", line);
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_PROBLEM, "lockdown",
		    "boot with lockdown=integrity, or without Secure Boot", "%s forbids BPF to read the kernel",
		    line);
}

static void
check_settings(struct bpfprobe_doctor *doctor)
{
	int paranoid = read_number(SYSCTL "perf_event_paranoid");
	int unprivileged = read_number(SYSCTL "unprivileged_bpf_disabled");
	int stats = read_number(SYSCTL "bpf_stats_enabled");

	if (paranoid > 2 && geteuid() != 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "perf_event",
		    "give the helper's file CAP_SYS_ADMIN too, or sysctl kernel.perf_event_paranoid=2",
		    "perf_event_paranoid is %d: CAP_PERFMON is not enough", paranoid);
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "perf_event", NULL, "perf_event_paranoid is %d",
		    paranoid);
	bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "bpf", NULL,
	    "unprivileged_bpf_disabled is %d, which does not matter to the helper", unprivileged);
	if (stats > 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "bpf_stats", "sysctl kernel.bpf_stats_enabled=0",
		    "each run of a BPF program is measured, which takes time itself");
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "bpf_stats", NULL, "off");
}

/* The capabilities of this process, which are those that a helper would start with. */
static void
check_user(struct bpfprobe_doctor *doctor)
{
	char missing[160];

	if (bpfprobe_caps_missing(missing, sizeof(missing)) == 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "user", NULL, "user %u has the capabilities",
		    (unsigned int)geteuid());
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "user", NULL, "%s", missing);
}

/* Capabilities of the helper's file, and whether a capture with it works. */
static void
check_helper(struct bpfprobe_doctor *doctor)
{
	const char *path = bpfprobe_client_helper();
	struct bpfprobe_reply reply;
	cap_t caps = cap_get_file(path);
	char *text = caps != NULL ? cap_to_text(caps, NULL) : NULL;

	if (access(path, X_OK) < 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_PROBLEM, "helper",
		    "install pcap-bpfprobe, become a member of its group, or set BPFPROBE_HELPER", "%s: %s", path,
		    strerror(errno));
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "helper", NULL, "%s, file capabilities: %s", path,
		    text != NULL ? text : "none");
	cap_free(text);
	cap_free(caps);
	memset(&reply, 0, sizeof(reply));
	if (bpfprobe_try("bpfprobe:drop", &reply) == 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "capture", NULL, "bpfprobe:drop opens");
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_PROBLEM, "capture", "see pcap-bpfprobe-errors(7)", "%s",
		    reply.message);
}

/* What pcap-bpfprobe.conf lets this user capture. */
static void
check_policy(struct bpfprobe_doctor *doctor)
{
	struct bpfprobe_policy policy;
	struct bpfprobe_reply reply;

	memset(&reply, 0, sizeof(reply));
	if (bpfprobe_policy_load(&policy, &reply) < 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_PROBLEM, "permissions", "see pcap-bpfprobe.conf(5)", "%s", reply.message);
	else if (policy.admin)
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "permissions", NULL, "root may capture everything");
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "permissions", NULL,
		    "packets of %s, BPF programs: %s, XDP: %s, %u devices at once",
		    policy.any_netns ? "all namespaces" : "the own namespace", policy.programs ? "yes" : "no", policy.xdp ? "yes" : "no",
		    policy.handles);
}

/* Whether a line of the file has both words. */
static int
has_line(const char *path, const char *one, const char *other)
{
	FILE *file = fopen(path, "re");
	char line[512];
	int found = 0;

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
		found = line[0] != '#' && strstr(line, one) != NULL && strstr(line, other) != NULL;
	if (file != NULL)
		fclose(file);
	return found;
}

/* tcpdump's profile may neither read a library elsewhere nor start the helper. */
static void
check_apparmor(struct bpfprobe_doctor *doctor)
{
	const char *helper = bpfprobe_client_helper();
	char line[16], remedy[256];

	snprintf(remedy, sizeof(remedy), "put the line \"%.120s Ux,\" into " LOCAL_PROFILE " and reload it",
	    helper);
	if (bpfprobe_doctor_read(APPARMOR, line, sizeof(line)) < 0 || line[0] != 'Y')
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "apparmor", NULL, "off");
	else if (access(PROFILES, R_OK) < 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "apparmor", "ask again as root",
		    "on, and its profiles cannot be read");
	else if (!has_line(PROFILES, "tcpdump", "(enforce)"))
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "apparmor", NULL, "on, tcpdump is not confined");
	else if (has_line(LOCAL_PROFILE, helper, "Ux"))
		bpfprobe_doctor_say(
		    doctor, BPFPROBE_FINE, "apparmor", NULL, "on, tcpdump's profile has the helper");
	else
		bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "apparmor", remedy,
		    "on, and its profile confines tcpdump");
}

int
bpfprobe_command_doctor(struct bpfprobe_output *output, const char *none)
{
	struct bpfprobe_doctor doctor = { output, 0 };

	(void)none;
	if (output->json)
		bpfprobe_output_open(output, NULL, '[');
	check_kernel(&doctor);
	check_btf(&doctor);
	check_modules(&doctor);
	bpfprobe_doctor_probes(&doctor);
	check_lockdown(&doctor);
	check_settings(&doctor);
	check_user(&doctor);
	bpfprobe_doctor_sandbox(&doctor);
	check_policy(&doctor);
	check_helper(&doctor);
	check_apparmor(&doctor);
	bpfprobe_doctor_libraries(&doctor);
	if (output->json)
		bpfprobe_output_close(output, ']');
	return doctor.problems == 0 ? 0 : 1;
}
