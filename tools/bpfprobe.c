/* SPDX-License-Identifier: BSD-3-Clause */
/* bpfprobe(8): what can be probed here, why something cannot, and captures with all that is known. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "tools/commands.h"
#include "tools/output.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct command {
	const char *name;
	const char *arg;    /* what may follow; NULL: nothing */
	const char *option; /* or this; NULL: nothing else */
	int (*run)(struct bpfprobe_output *output, const char *arg);
} commands[] = {
	{ "list", "GLOB", BPFPROBE_LIST_REASONS, bpfprobe_command_list },
	{ "show", "DEVICE", NULL, bpfprobe_command_show },
	{ "doctor", NULL, NULL, bpfprobe_command_doctor },
};

static void
usage(FILE *file)
{
	const struct command *command;

	for (command = commands; command < commands + COUNT(commands); command++) {
		fprintf(file, "%sbpfprobe %s [--json]", command == commands ? "usage: " : "       ",
		    command->name);
		if (command->arg != NULL)
			fprintf(file, command->option != NULL ? " [%s | %s]" : " [%s]", command->arg, command->option);
		fprintf(file, "\n");
	}
	fprintf(file, "       bpfprobe capture -i DEVICE [-f FILTER] [-s SNAPLEN] [-y LINKTYPE] [-i ...]\n"
		      "                        [-w FILE] [--json] [--fields=NAME,...] [--no-verdict] [-Oq]\n"
		      "                        [-B KIB] [-c COUNT] [-a duration:SECONDS] [FILTER ...]\n"
		      "       bpfprobe capture --obj FILE [--dev IFNAME] [--map NAME] [OPTION ...] [FILTER ...]\n");
}

int
bpfprobe_bad_usage(const char *what, const char *word)
{
	bpfprobe_complain("%s \"%.60s\"; see bpfprobe --help", what, word);
	return BPFPROBE_EXIT_USAGE;
}

static const struct command *
find_command(const char *name)
{
	const struct command *command;

	for (command = commands; command < commands + COUNT(commands); command++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

static int
is_option(const struct command *command, const char *word)
{
	return command != NULL && command->option != NULL && strcmp(command->option, word) == 0;
}

/* What the words of the command line say.  0, or the exit status if that was all. */
static int
parse(int argc, char **argv, struct bpfprobe_output *output, const struct command **command,
    const char **arg)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			output->json = 1;
		} else if (argv[i][0] == '-' && !is_option(*command, argv[i])) {
			return bpfprobe_bad_usage("unknown option", argv[i]);
		} else if (*command == NULL) {
			*command = find_command(argv[i]);
			if (*command == NULL)
				return bpfprobe_bad_usage("unknown command", argv[i]);
		} else if (*arg != NULL || (*command)->arg == NULL) {
			return bpfprobe_bad_usage("unexpected argument", argv[i]);
		} else {
			*arg = argv[i];
		}
	}
	if (*command != NULL)
		return 0;
	bpfprobe_complain("a command is missing; see bpfprobe --help");
	return BPFPROBE_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	struct bpfprobe_output output = { 0, 0, 1 };
	const struct command *command = NULL;
	const char *arg = NULL;
	int status;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		usage(stdout);
		return 0;
	}
	libbpf_set_print(NULL);
	/* Its options are tcpdump's, and what it writes is no text. */
	if (argc >= 2 && strcmp(argv[1], "capture") == 0)
		return bpfprobe_command_capture(argc - 1, argv + 1);
	status = parse(argc, argv, &output, &command, &arg);
	if (status != 0)
		return status;
	status = command->run(&output, arg);
	if (fflush(stdout) != 0 || ferror(stdout))
		return bpfprobe_complain("cannot write: %s", strerror(errno));
	return status;
}
