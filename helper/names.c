/* SPDX-License-Identifier: BSD-3-Clause */
/* See names.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "helper/action.h"
#include "helper/names.h"
#include "helper/reasons.h"
#include "helper/types.h"

static void
put(struct bpfprobe_name16 *name, const char *text)
{
	char brief[BPFPROBE_NAME_LEN + 1] = "";

	bpfprobe_reasons_shorten(text, brief);
	memset(name, 0, sizeof(*name));
	memcpy(name, brief, strlen(brief));
}

static int
put_reasons(struct bpfprobe_name16 *names, struct bpfprobe_reply *reply)
{
	struct bpfprobe_reasons reasons;
	struct bpfprobe_types types;
	__u32 at;
	size_t i;
	int err;

	if (bpfprobe_types_open(&types, reply) < 0)
		return -1;
	err = bpfprobe_reasons_read(&reasons, &types);
	bpfprobe_types_close(&types);
	for (i = 0; i < reasons.count; i++) {
		at = bpfprobe_name_of_reason(reasons.items[i].number);
		if (at != BPFPROBE_NAMES_UNKNOWN)
			put(&names[at], reasons.items[i].brief);
	}
	free(reasons.items);
	return err < 0 ? bpfprobe_fail_errno(reply, -err, "cannot list the drop reasons") : 0;
}

static void
put_actions(struct bpfprobe_name16 *names, enum bpfprobe_action_of of, unsigned int first)
{
	const char *name;
	int value;

	for (value = -1; value < BPFPROBE_NAMES_ACTIONS; value++) {
		name = bpfprobe_action_name(of, value);
		if (name != NULL)
			put(&names[bpfprobe_name_of_action(first, (__u32)value)], name);
	}
}

/* Whether one of them is given drop reasons. */
static int
put_probes(struct bpfprobe_name16 *names, const struct bpfprobe_session *session)
{
	struct bpfprobe_label label;
	unsigned int i, n = session->progmap.wanted ? 1 : session->count;
	const char *name;
	int reasons = 0;

	for (i = 0; i < n; i++) {
		bpfprobe_session_label(session, i, &label);
		name = strrchr(label.name, '/');
		put(&names[BPFPROBE_NAMES_PROBE + i], name != NULL ? name + 1 : label.name);
		reasons |= label.reasons;
	}
	return reasons;
}

static int
make_names(
    struct bpfprobe_name16 names[BPFPROBE_NAMES_COUNT], const struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	unsigned int i;

	for (i = 0; i < BPFPROBE_NAMES_COUNT; i++)
		put(&names[i], "UNKNOWN");
	put_actions(names, BPFPROBE_ACTION_XDP, BPFPROBE_NAMES_XDP);
	put_actions(names, BPFPROBE_ACTION_TC, BPFPROBE_NAMES_TC);
	/* To read the kernel's types takes a tenth of a second. */
	return put_probes(names, session) ? put_reasons(names, reply) : 0;
}

/*
 * Not with BPF_F_RDONLY_PROG: of a closed array with that flag the verifier takes the first
 * element for a constant, and refuses what has more than one (array_map_direct_value_addr()).
 */
int
bpfprobe_names_create(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bpfprobe_names", sizeof(__u32),
	    sizeof(struct bpfprobe_name16), BPFPROBE_NAMES_COUNT, &opts);

	return fd < 0 ? -errno : fd;
}

static int
write_names(int map, const struct bpfprobe_name16 *names)
{
	__u32 keys[BPFPROBE_NAMES_COUNT], count = BPFPROBE_NAMES_COUNT, i;
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	for (i = 0; i < count; i++)
		keys[i] = i;
	return bpf_map_update_batch(map, keys, names, &count, &opts) < 0 ? -errno : 0;
}

int
bpfprobe_names_fill(struct bpfprobe_session *session, struct bpfprobe_reply *reply)
{
	struct bpfprobe_name16 names[BPFPROBE_NAMES_COUNT];
	int err;

	if (session->named)
		return 0;
	if (make_names(names, session, reply) < 0)
		return -1;
	err = write_names(session->maps.names, names);
	if (err == 0 && bpf_map_freeze(session->maps.names) < 0)
		err = -errno;
	if (err < 0)
		return bpfprobe_fail_errno(reply, -err, "cannot fill in the table of names");
	session->named = 1;
	return 0;
}
