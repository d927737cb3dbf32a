/* SPDX-License-Identifier: BSD-3-Clause */
/* See action.h. */
#include <stdio.h>
#include <strings.h>
#include <string.h>
#include "helper/action.h"

#define NONE 127 /* such programs have no such action */

/* The prefix is that of the constants' names: XDP_DROP, TC_ACT_SHOT. */
static const char *const prefixes[] = { "XDP_", "TC_ACT_" };

static const struct {
	const char *names[2]; /* with the prefix, by enum bpfprobe_action_of */
	int8_t values[2];
} actions[] = {
	{ { "XDP_ABORTED", NULL }, { 0, NONE } },
	{ { "XDP_DROP", NULL }, { 1, NONE } },
	{ { "XDP_PASS", NULL }, { 2, NONE } },
	{ { "XDP_TX", NULL }, { 3, NONE } },
	{ { "XDP_REDIRECT", "TC_ACT_REDIRECT" }, { 4, 7 } },
	{ { NULL, "TC_ACT_UNSPEC" }, { NONE, -1 } },
	{ { NULL, "TC_ACT_OK" }, { NONE, 0 } },
	{ { NULL, "TC_ACT_RECLASSIFY" }, { NONE, 1 } },
	{ { NULL, "TC_ACT_SHOT" }, { NONE, 2 } },
	{ { NULL, "TC_ACT_PIPE" }, { NONE, 3 } },
	{ { NULL, "TC_ACT_STOLEN" }, { NONE, 4 } },
	{ { NULL, "TC_ACT_QUEUED" }, { NONE, 5 } },
	{ { NULL, "TC_ACT_REPEAT" }, { NONE, 6 } },
	{ { NULL, "TC_ACT_TRAP" }, { NONE, 8 } },
};

#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

int
bpfprobe_action_find(const char *name)
{
	const char *full;
	size_t i;
	int of;

	for (i = 0; i < ACTIONS; i++) {
		for (of = BPFPROBE_ACTION_XDP; of <= BPFPROBE_ACTION_TC; of++) {
			full = actions[i].names[of];
			if (full != NULL && (strcasecmp(name, full) == 0 ||
						strcasecmp(name, full + strlen(prefixes[of])) == 0))
				return (int)i;
		}
	}
	return -1;
}

int
bpfprobe_action_value(int action, enum bpfprobe_action_of of, int64_t *value)
{
	*value = actions[action].values[of];
	return actions[action].names[of] != NULL ? 0 : -1;
}

const char *
bpfprobe_action_name(enum bpfprobe_action_of of, int64_t value)
{
	size_t i;

	for (i = 0; i < ACTIONS; i++) {
		if (actions[i].names[of] != NULL && actions[i].values[of] == value)
			return actions[i].names[of];
	}
	return NULL;
}

void
bpfprobe_action_list_of(enum bpfprobe_action_of of, char *buf, size_t len)
{
	size_t i, used = 0;

	buf[0] = '\0';
	for (i = 0; i < ACTIONS && used < len; i++) {
		if (actions[i].names[of] != NULL)
			used += (size_t)snprintf(buf + used, len - used, "%s%s", used > 0 ? ", " : "",
			    actions[i].names[of] + strlen(prefixes[of]));
	}
}

void
bpfprobe_action_list(char *buf, size_t len)
{
	size_t n;

	bpfprobe_action_list_of(BPFPROBE_ACTION_XDP, buf, len);
	n = strlen(buf);
	n += (size_t)snprintf(buf + n, len - n, ", or of tc ");
	if (n < len)
		bpfprobe_action_list_of(BPFPROBE_ACTION_TC, buf + n, len - n);
}
