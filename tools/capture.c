/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bpfprobe capture: packets of devices into a pcapng file, with what no link type has room
 * for, or as lines of JSON; of the user's own BPF programs, too.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/commands.h"
#include "tools/engine.h"
#include "tools/object.h"
#include "tools/options.h"

/* With --obj. */
struct own_programs {
	struct bpfprobe_object object;
	const char *dev;
};

/* When there is somebody who reads what they write. */
static int
attach(void *context)
{
	struct own_programs *own = context;

	return bpfprobe_object_attach(&own->object, own->dev);
}

/* Their device is one with map=. */
static int
load(struct own_programs *own, struct bpfprobe_command_options *options)
{
	own->dev = options->dev;
	if (bpfprobe_object_load(&own->object, options->object, options->map) != 0)
		return -1;
	options->capture.sources[0].device = own->object.device;
	options->capture.attached = attach;
	options->capture.context = own;
	return 0;
}

static int
writes_to_terminal(const struct bpfprobe_capture_options *capture)
{
	return capture->file != NULL && strcmp(capture->file, "-") == 0 && isatty(STDOUT_FILENO);
}

int
bpfprobe_command_capture(int argc, char **argv)
{
	static struct own_programs own;
	struct bpfprobe_command_options options;
	int status = bpfprobe_capture_parse(&options, argc, argv);

	if (status == 0 && writes_to_terminal(&options.capture))
		status = bpfprobe_complain("packets cannot go to a terminal: name a file with -w, or use a pipe");
	if (status == 0 && options.object != NULL && load(&own, &options) != 0)
		status = 1;
	if (status == 0)
		status = bpfprobe_engine_run(&options.capture);
	bpfprobe_object_close(&own.object);
	free(options.filter);
	return status;
}
