/* SPDX-License-Identifier: BSD-3-Clause */
/* See options.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/commands.h"
#include "tools/options.h"

#define SNAPLEN_MAX 262144 /* as in libpcap */
#define KIB_MAX 2097151	   /* 2 GiB, less one */

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

int
bpfprobe_capture_parse(struct bpfprobe_capture_options *options, int argc, char **argv)
{
	char name[] = "-?";
	int option, err;

	memset(options, 0, sizeof(*options));
	options->snaplen = SNAPLEN_MAX;
	options->optimize = 1;
	opterr = 0;
	while ((option = getopt(argc, argv, ":i:w:s:c:B:y:Oq")) != -1) {
		name[1] = (char)optopt;
		if (option == '?')
			return bpfprobe_bad_usage("unknown option", optopt == '-' ? argv[optind] : name);
		if (option == ':')
			return bpfprobe_bad_usage("no value for the option", name);
		err = parse_option(options, option, optarg);
		if (err != 0)
			return err;
	}
	if (options->device == NULL) {
		bpfprobe_complain("a device is missing: capture -i DEVICE; see bpfprobe --help");
		return BPFPROBE_EXIT_USAGE;
	}
	return join_words(options, argv + optind);
}
