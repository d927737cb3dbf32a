/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of device names have in common; cmocka.h is to be included before. */
#ifndef BPFPROBE_TESTS_DEVICECHECK_H
#define BPFPROBE_TESTS_DEVICECHECK_H

#include <string.h>
#include "helper/device.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Fails unless the name is refused, with just this message. */
static inline void
assert_refused(const char *name, const char *want)
{
	struct bpfprobe_device device;
	char message[256] = "no message";

	if (bpfprobe_device_parse(&device, name, message, sizeof(message)) != -1)
		fail_msg("%s: accepted", name);
	if (strcmp(message, want) != 0)
		fail_msg("%s: says %s", name, message);
}

/* Parses the name into *got, which is filled with rubbish before; fails unless it is a good one. */
static inline void
assert_parsed(struct bpfprobe_device *got, const char *name)
{
	char message[256];

	memset(got, 0xff, sizeof(*got));
	if (bpfprobe_device_parse(got, name, message, sizeof(message)) != 0)
		fail_msg("%s: refused: %s", name, message);
}

/* Fails unless the options that all kinds of devices have are the same. */
static inline void
assert_options(const char *name, const struct bpfprobe_device *got, const struct bpfprobe_device *want)
{
	if (got->count != want->count || strcmp(got->dev, want->dev) != 0 ||
	    got->netns_kind != want->netns_kind || strcmp(got->netns, want->netns) != 0 ||
	    got->netns_num != want->netns_num || got->len != want->len ||
	    got->pages != want->pages || strcmp(got->proto, want->proto) != 0 || got->rets != want->rets || got->track != want->track ||
	    got->rets_not != want->rets_not || memcmp(got->ret, want->ret, sizeof(got->ret)) != 0)
		fail_msg("%s: %u targets dev \"%s\" netns %d \"%s\" %u len %u pages %u proto \"%s\"", name,
		    got->count, got->dev, got->netns_kind, got->netns, got->netns_num, got->len, got->pages,
		    got->proto);
}

#endif
