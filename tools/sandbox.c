/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bpfprobe doctor: what this process is confined by, and with it each helper that a program
 * starts here.  The libraries of a sandbox tell nothing; the kernel does.
 */
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <linux/securebits.h>
#include "capture/client.h"
#include "helper/caps.h"
#include "tools/doctor.h"
#include "tools/output.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CONTEXT "/proc/self/attr/current"

static int
warn(struct bpfprobe_doctor *doctor, const char *text, const char *remedy)
{
	bpfprobe_doctor_say(doctor, BPFPROBE_WARNING, "sandbox", remedy, "%s", text);
	return 1;
}

static int
check_bounds(struct bpfprobe_doctor *doctor)
{
	static const struct {
		cap_value_t cap;
		const char *name;
	} needed[] = { { CAP_BPF, "CAP_BPF" }, { CAP_PERFMON, "CAP_PERFMON" }, { CAP_SYS_ADMIN, "CAP_SYS_ADMIN" } };
	char text[160] = "the capability bounding set lacks";
	size_t i, missing = 0;

	for (i = 0; i < COUNT(needed); i++) {
		if (cap_get_bound(needed[i].cap) != 0)
			continue;
		missing++;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", needed[i].name);
	}
	if (missing == 0)
		return 0;
	return warn(doctor, text, "systemd: CapabilityBoundingSet= with all three; containers: --cap-add");
}

/* Unconfined domains have the word in their names, with AppArmor as with SELinux. */
static int
check_context(struct bpfprobe_doctor *doctor)
{
	char context[128], text[200];

	if (bpfprobe_doctor_read(CONTEXT, context, sizeof(context)) < 0 || context[0] == '\0' ||
	    strstr(context, "unconfined") != NULL)
		return 0;
	snprintf(text, sizeof(text), "a security module confines this process: %s", context);
	return warn(doctor, text, "see its log (ausearch -m avc, journalctl -k), or capture from an unconfined shell");
}

static int
check_surroundings(struct bpfprobe_doctor *doctor)
{
	int bits = prctl(PR_GET_SECUREBITS), found = 0;
	struct statvfs fs;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		found += warn(doctor, "no_new_privs is set: the helper's file gives no capabilities",
		    "systemd: NoNewPrivileges=no and what implies it, or AmbientCapabilities=, see pcap-bpfprobe-permissions(7)");
	if (bits >= 0 && (bits & SECBIT_NOROOT) != 0)
		found += warn(doctor, "SECBIT_NOROOT is set: root is a user like others",
		    "capture outside of what sets it, or as a member of the helper's group");
	if (bpfprobe_caps_in_user_namespace())
		found += warn(doctor, "this is a user namespace, whose capabilities do not count for BPF",
		    "capture outside of it (netns=pid/N shows the packets of what runs in it)");
	if (statvfs(bpfprobe_client_helper(), &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0)
		found += warn(doctor, "the helper's file system is mounted nosuid: its file gives no capabilities",
		    "mount -o remount,suid, or install it elsewhere");
	return found;
}

void
bpfprobe_doctor_sandbox(struct bpfprobe_doctor *doctor)
{
	int found = check_surroundings(doctor);

	found += check_bounds(doctor);
	found += check_context(doctor);
	if (found == 0)
		bpfprobe_doctor_say(doctor, BPFPROBE_FINE, "sandbox", NULL, "none that the kernel tells of");
}
