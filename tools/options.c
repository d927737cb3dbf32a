/* SPDX-License-Identifier: BSD-3-Clause */
/* See options.h. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/commands.h"
#include "tools/options.h"

#define SNAPLEN_MAX 262144 /* as in libpcap */
#define KIB_MAX 2097151	   /* 2 GiB, less one */

/* Options with long names only. */
enum { OBJECT = 256, MAP, DEV };

static const struct option long_options[] = {
	{ "obj", required_argument, NULL, OBJECT },
	{ "map", required_argument, NULL, MAP },
	{ "dev", required_argument, NULL, DEV },
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

static int
parse_option(struct bpfprobe_capture_options *options, int option, const char *text)
{
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
	case 'i':
		options->device = text;
		break;
	case 'w':
		options->file = strcmp(text, "-") == 0 ? NULL : text;
		break;
	case 'y':
		options->link_type = text;
		break;
	case 'O':
		options->optimize = 0;
		break;
	case 'q':
		options->quiet = 1;
		break;
	case 'c':
		err = parse_number('c', text, 1, UINT64_MAX, &options->count);
		break;
	case 's':
		err = parse_number('s', text, 0, SNAPLEN_MAX, &value);
		options->snaplen = value > 0 ? (uint32_t)value : SNAPLEN_MAX;
		break;
	case 'B':
		err = parse_number('B', text, 1, KIB_MAX, &value);
		options->buffer_size = (uint32_t)value * 1024;
		break;
	}
	return err;
}

/* The words of the filter in one line. */
static int
join_words(struct bpfprobe_capture_options *options, char **words)
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

int
bpfprobe_capture_parse(struct bpfprobe_capture_options *options, int argc, char **argv)
{
	int option, err;

	memset(options, 0, sizeof(*options));
	options->snaplen = SNAPLEN_MAX;
	options->optimize = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":i:w:s:c:B:y:Oq", long_options, NULL)) != -1) {
		if (option == '?' || option == ':')
			return bad_option(option, argv[optind - 1]);
		err = parse_option(options, option, optarg);
		if (err != 0)
			return err;
	}
	if ((options->device == NULL) == (options->object == NULL)) {
		bpfprobe_complain("a device is missing, or too much: capture -i DEVICE, or --obj FILE; see bpfprobe --help");
		return BPFPROBE_EXIT_USAGE;
	}
	if (options->object == NULL && (options->map != NULL || options->dev != NULL))
		return bpfprobe_bad_usage("without --obj there is no option", options->map != NULL ? "--map" : "--dev");
	return join_words(options, argv + optind);
}
