/* SPDX-License-Identifier: BSD-3-Clause */
/* See options.h. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/commands.h"
#include "tools/fields.h"
#include "tools/options.h"

#define KIB_MAX 2097151	   /* 2 GiB, less one */
#define SECONDS_MAX 1e9

/* Options with long names only. */
enum { OBJECT = 256, MAP, DEV, JSON, FIELDS, NO_VERDICT };

static const struct option long_options[] = {
	{ "obj", required_argument, NULL, OBJECT },
	{ "map", required_argument, NULL, MAP },
	{ "dev", required_argument, NULL, DEV },
	{ "json", no_argument, NULL, JSON },
	{ "fields", required_argument, NULL, FIELDS },
	{ "no-verdict", no_argument, NULL, NO_VERDICT },
	{ NULL, 0, NULL, 0 },
};

/* The number that is an option's value, or the exit status. */
static int
parse_number(char option, const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 && *value >= least && *value <= most)
		return 0;
	bpfprobe_complain("option -%c \"%.60s\": a number from %llu to %llu is expected", option, text,
	    (unsigned long long)least, (unsigned long long)most);
	return BPFPROBE_EXIT_USAGE;
}

/* "duration:SECONDS", as dumpcap has it. */
static int
parse_end(struct bpfprobe_capture_options *capture, const char *text)
{
	const char *number = strchr(text, ':');
	double seconds = 0;
	char *end = NULL;

	if (strncmp(text, "duration:", 9) == 0 && isdigit((unsigned char)number[1]))
		seconds = strtod(number + 1, &end);
	if (end == NULL || *end != '\0' || seconds <= 0 || seconds > SECONDS_MAX) {
		bpfprobe_complain("option -a \"%.60s\": duration:SECONDS is expected", text);
		return BPFPROBE_EXIT_USAGE;
	}
	capture->duration = (uint64_t)(seconds * 1e9);
	return 0;
}

/* Another device; what was said before the first one holds for all. */
static int
add_source(struct bpfprobe_capture_options *capture, struct bpfprobe_source_options *defaults, const char *device)
{
	if (capture->count == BPFPROBE_SOURCES_MAX) {
		bpfprobe_complain("a capture has at most %d devices", BPFPROBE_SOURCES_MAX);
		return BPFPROBE_EXIT_USAGE;
	}
	capture->sources[capture->count] = *defaults;
	capture->sources[capture->count++].device = device;
	return 0;
}

/* What is of one device: of the last one, or of all that are to come. */
static int
parse_source_option(struct bpfprobe_source_options *source, int option, const char *text)
{
	uint64_t value;
	int err;

	switch (option) {
	case 'f':
		source->filter = text;
		return 0;
	case 'y':
		source->link_type = text;
		return 0;
	}
	err = parse_number('s', text, 0, BPFPROBE_SNAPLEN_MAX, &value);
	source->snaplen = value > 0 ? (uint32_t)value : BPFPROBE_SNAPLEN_MAX;
	return err;
}

static int
parse_option(struct bpfprobe_command_options *options, int option, const char *text)
{
	struct bpfprobe_capture_options *capture = &options->capture;
	uint64_t value;
	int err = 0;

	switch (option) {
	case OBJECT:
		options->object = text;
		break;
	case MAP:
		options->map = text;
		break;
	case DEV:
		options->dev = text;
		break;
	case JSON:
		capture->json = 1;
		break;
	case NO_VERDICT:
		capture->no_verdict = 1;
		break;
	case FIELDS:
		err = bpfprobe_fields_parse(text, &capture->fields) < 0 ? BPFPROBE_EXIT_USAGE : 0;
		break;
	case 'a':
		err = parse_end(capture, text);
		break;
	case 'w':
		capture->file = text;
		break;
	case 'O':
		capture->optimize = 0;
		break;
	case 'q':
		capture->quiet = 1;
		break;
	case 'c':
		err = parse_number('c', text, 1, UINT64_MAX, &capture->packets);
		break;
	case 'B':
		err = parse_number('B', text, 1, KIB_MAX, &value);
		capture->buffer_size = (uint32_t)value * 1024;
		break;
	}
	return err;
}

/* The words of the filter in one line. */
static int
join_words(struct bpfprobe_command_options *options, char **words)
{
	size_t size = 1;
	char **word;

	for (word = words; *word != NULL; word++)
		size += strlen(*word) + 1;
	if (word == words)
		return 0;
	options->filter = calloc(1, size);
	if (options->filter == NULL)
		return bpfprobe_complain("no memory for the filter");
	for (word = words; *word != NULL; word++) {
		strcat(options->filter, *word);
		if (word[1] != NULL)
			strcat(options->filter, " ");
	}
	return 0;
}

/* What getopt_long() does not know; `word` is the last that it has looked at. */
static int
bad_option(int option, const char *word)
{
	char name[] = { '-', (char)optopt, '\0' };
	const char *shown = optopt == 0 || optopt >= OBJECT ? word : name;

	return bpfprobe_bad_usage(option == '?' ? "unknown option" : "no value for the option", shown);
}

static int
parse_options(struct bpfprobe_command_options *options, int argc, char **argv)
{
	struct bpfprobe_capture_options *capture = &options->capture;
	struct bpfprobe_source_options defaults = { .snaplen = BPFPROBE_SNAPLEN_MAX };
	int option, err = 0;

	opterr = 0;
	while (err == 0 && (option = getopt_long(argc, argv, ":a:f:i:w:s:c:B:y:Oq", long_options, NULL)) != -1) {
		if (option == '?' || option == ':')
			return bad_option(option, argv[optind - 1]);
		if (option == 'i')
			err = add_source(capture, &defaults, optarg);
		else if (option == 'f' || option == 's' || option == 'y')
			err = parse_source_option(
			    capture->count > 0 ? &capture->sources[capture->count - 1] : &defaults, option, optarg);
		else
			err = parse_option(options, option, optarg);
	}
	/* Of an object its own, which is named when it is loaded. */
	if (err == 0 && capture->count == 0 && options->object != NULL)
		return add_source(capture, &defaults, "");
	if (err == 0 && (capture->count == 0 || options->object != NULL)) {
		bpfprobe_complain("a device is missing, or too much: capture -i DEVICE, or --obj FILE; see bpfprobe --help");
		return BPFPROBE_EXIT_USAGE;
	}
	return err;
}

int
bpfprobe_capture_parse(struct bpfprobe_command_options *options, int argc, char **argv)
{
	struct bpfprobe_capture_options *capture = &options->capture;
	unsigned int i;
	int err;

	memset(options, 0, sizeof(*options));
	capture->optimize = 1;
	err = parse_options(options, argc, argv);
	if (err == 0 && options->object == NULL && (options->map != NULL || options->dev != NULL))
		err = bpfprobe_bad_usage("without --obj there is no option", options->map != NULL ? "--map" : "--dev");
	if (err == 0)
		err = join_words(options, argv + optind);
	/* JSON in its place. */
	if (capture->file == NULL && !capture->json)
		capture->file = "-";
	if (err == 0 && capture->json && capture->file != NULL && strcmp(capture->file, "-") == 0)
		err = bpfprobe_bad_usage("standard output is for --json: name a file, not", "-w -");
	for (i = 0; i < capture->count; i++) {
		if (capture->sources[i].filter == NULL)
			capture->sources[i].filter = options->filter;
	}
	return err;
}
