/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wireshark's way to a capture with all that is known of packets: a program in its directory
 * of extcaps (extcap(4)), which it starts to ask what there is, and to capture.
 *
 *   --extcap-interfaces                          one: "bpfprobe"
 *   --extcap-config, --extcap-dlts               what can be chosen for it
 *   --extcap-capture-filter=FILTER               is it one?  Words on standard output: no
 *   --capture --fifo=FILE [--extcap-control-in=FILE --extcap-control-out=FILE] [--device=...]
 *
 * The devices of pcap-bpfprobe(7) cannot be interfaces of this program themselves: Wireshark
 * has these names already, from libpcap, and takes an interface by its name.  All but the
 * last is asked each time that Wireshark or tshark starts: it needs no privilege and no time.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/commands.h"
#include "tools/engine.h"
#include "tools/fields.h"
#include "tools/toolbar.h"

#define INTERFACE "bpfprobe"
#define DEVICE "bpfprobe:drop" /* unless the user chooses */
#define OF_THE_DEVICE "default"
#define KIB_MAX 2097151 /* 2 GiB, less one */

enum {
	INTERFACES = 256,
	CONFIG,
	DLTS,
	CAPTURE,
	INTERFACE_NAME,
	FILTER,
	FIFO,
	CONTROL_IN,
	CONTROL_OUT,
	OF_VERSION,
	DEVICES,
	LINK_TYPE,
	SNAPLEN,
	BUFFER,
	FIELDS,
	NO_VERDICT,
	STACKTRACE,
};

static const struct option long_options[] = {
	{ "extcap-interfaces", no_argument, NULL, INTERFACES },
	{ "extcap-config", no_argument, NULL, CONFIG },
	{ "extcap-dlts", no_argument, NULL, DLTS },
	{ "capture", no_argument, NULL, CAPTURE },
	{ "extcap-interface", required_argument, NULL, INTERFACE_NAME },
	{ "extcap-capture-filter", required_argument, NULL, FILTER },
	{ "fifo", required_argument, NULL, FIFO },
	{ "extcap-control-in", required_argument, NULL, CONTROL_IN },
	{ "extcap-control-out", required_argument, NULL, CONTROL_OUT },
	{ "extcap-version", required_argument, NULL, OF_VERSION },
	/* What config() offers. */
	{ "device", required_argument, NULL, DEVICES },
	{ "link-type", required_argument, NULL, LINK_TYPE },
	{ "snaplen", required_argument, NULL, SNAPLEN },
	{ "buffer", required_argument, NULL, BUFFER },
	{ "fields", required_argument, NULL, FIELDS },
	{ "no-verdict", no_argument, NULL, NO_VERDICT },
	{ "stacktrace", no_argument, NULL, STACKTRACE },
	{ NULL, 0, NULL, 0 },
};

/* What is asked. */
struct request {
	int what; /* one of the first; 0: nothing */
	char *devices;
	const char *filter, *fifo, *control_in, *control_out, *link_type;
	uint32_t snaplen;
	int stacktrace;
	struct bpfprobe_capture_options capture;
};

/*
 * What there is.
 */

static int
print_interfaces(void)
{
	printf("extcap {version=%s}{display=pcap-bpfprobe}\n", PACKAGE_VERSION);
	printf("interface {value=" INTERFACE "}{display=Packets inside the kernel}\n");
	bpfprobe_toolbar_print();
	return 0;
}

/* The file says it of each probe; this is that of most. */
static int
print_dlts(void)
{
	printf("dlt {number=276}{name=LINUX_SLL2}{display=Linux cooked v2}\n");
	return 0;
}

static int
print_config(void)
{
	const char *name;
	size_t i;

	printf("arg {number=0}{call=--device}{display=Device}{type=string}{default=" DEVICE "}{required=true}"
	       "{tooltip=Such as bpfprobe:drop+rx+tx; several with blanks in between. See pcap-bpfprobe(7)}\n");
	printf("arg {number=1}{call=--link-type}{display=Link type}{type=selector}"
	       "{tooltip=What packets begin with}\n");
	printf("value {arg=1}{value=" OF_THE_DEVICE "}{display=That of the device}{default=true}\n");
	for (i = 0; i < BPFPROBE_LINK_TYPES; i++) {
		name = pcap_datalink_val_to_name((int)bpfprobe_link_types[i]);
		printf("value {arg=1}{value=%s}{display=%s}\n", name, name);
	}
	printf("arg {number=2}{call=--snaplen}{display=Snapshot length}{type=unsigned}{range=0,%d}{default=0}"
	       "{tooltip=Bytes of each packet; 0: all}\n", BPFPROBE_SNAPLEN_MAX);
	printf("arg {number=3}{call=--buffer}{display=Buffer, KiB}{type=unsigned}{range=0,%d}{default=0}"
	       "{tooltip=Memory for packets on their way; 0: 2048}\n", KIB_MAX);
	printf("arg {number=4}{call=--fields}{display=Fields}{type=string}"
	       "{tooltip=What comments have, with commas in between; none: all that is known. See bpfprobe-capture(8)}\n");
	printf("arg {number=5}{call=--stacktrace}{display=Stacks of the kernel}{type=boolflag}{default=false}"
	       "{tooltip=By which functions a packet came here; for root only}\n");
	printf("arg {number=6}{call=--no-verdict}{display=No verdicts}{type=boolflag}{default=false}"
	       "{tooltip=For files that Wireshark 4.0 is to change: it writes verdicts wrongly}\n");
	return 0;
}

/* For which device it is nobody says here: of some link type it has to be a filter. */
static int
check_filter(const char *filter)
{
	char errbuf[PCAP_ERRBUF_SIZE] = "";
	struct bpf_program program;
	pcap_t *dead;
	int i, err = -1;

	for (i = 0; err < 0 && i < BPFPROBE_LINK_TYPES; i++) {
		dead = pcap_open_dead((int)bpfprobe_link_types[i], BPFPROBE_SNAPLEN_MAX);
		if (dead == NULL)
			break;
		err = pcap_compile(dead, &program, filter, 1, PCAP_NETMASK_UNKNOWN);
		if (err == 0)
			pcap_freecode(&program);
		else if (i == 0)
			snprintf(errbuf, sizeof(errbuf), "%s", pcap_geterr(dead));
		pcap_close(dead);
	}
	if (err < 0)
		printf("%s\n", errbuf);
	return 0;
}

/*
 * The capture.
 */

/* A device with the option, which may be there already; NULL: it would be too long. */
static const char *
add_stacktrace(const char *device)
{
	static char names[BPFPROBE_SOURCES_MAX][BPFPROBE_DEVICE_MAX];
	static unsigned int used;
	int n;

	if (strstr(device, ":stacktrace") != NULL)
		return device;
	n = snprintf(names[used], sizeof(names[used]), "%s:stacktrace", device);
	return n < (int)sizeof(names[used]) ? names[used++] : NULL;
}

/* The devices stand in one text, between blanks, which no device's name has. */
static int
add_sources(struct request *request)
{
	struct bpfprobe_capture_options *capture = &request->capture;
	char *rest = request->devices, *device;
	struct bpfprobe_source_options *source;

	while ((device = strsep(&rest, " ")) != NULL) {
		if (device[0] == '\0')
			continue;
		if (capture->count == BPFPROBE_SOURCES_MAX)
			return bpfprobe_complain("a capture has at most %d devices", BPFPROBE_SOURCES_MAX);
		source = &capture->sources[capture->count++];
		source->device = request->stacktrace ? add_stacktrace(device) : device;
		if (source->device == NULL)
			return bpfprobe_complain("the device name is too long for stacktrace");
		source->link_type = request->link_type;
		source->filter = request->filter != NULL && request->filter[0] != '\0' ? request->filter : NULL;
		source->snaplen = request->snaplen > 0 ? request->snaplen : BPFPROBE_SNAPLEN_MAX;
	}
	return capture->count > 0 ? 0 : bpfprobe_complain("a device is missing");
}

static int
capture(struct request *request)
{
	static struct bpfprobe_toolbar toolbar;
	struct bpfprobe_controls controls;
	int fd, status;

	if (request->fifo == NULL)
		return bpfprobe_complain("--fifo is missing: it is Wireshark that starts this program");
	/* Wireshark waits for it. */
	bpfprobe_toolbar_open(&toolbar, request->control_in, request->control_out, request->filter);
	controls = bpfprobe_toolbar_controls(&toolbar);
	/*
	 * Before anything can fail: whoever opens it to read, and before that nobody has opened it
	 * to write, would never hear of the end.
	 */
	fd = open(request->fifo, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return bpfprobe_complain("cannot write \"%.200s\": %s", request->fifo, strerror(errno));
	request->capture.controls = &controls;
	request->capture.file = request->fifo;
	status = add_sources(request);
	if (status == 0)
		status = bpfprobe_engine_run(&request->capture);
	bpfprobe_toolbar_close(&toolbar);
	close(fd);
	return status;
}

/* The number that is an option's value; 0, or 1 after one line on standard error. */
static int
parse_number(const char *name, const char *text, uint32_t most, uint32_t *value)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > most)
		return bpfprobe_complain("option %s \"%.60s\": a number from 0 to %u is expected", name, text, most);
	*value = (uint32_t)number;
	return 0;
}

/* As parse_number(). */
static int
parse_option(struct request *request, int option, char *text)
{
	int err = 0;

	switch (option) {
	case INTERFACES:
	case CONFIG:
	case DLTS:
	case CAPTURE:
		request->what = option;
		break;
	case INTERFACE_NAME:
		if (strcmp(text, INTERFACE) != 0)
			err = bpfprobe_complain("there is no interface \"%.60s\" but " INTERFACE, text);
		break;
	case FILTER:
		request->filter = text;
		if (request->what == 0)
			request->what = FILTER;
		break;
	case FIFO:
		request->fifo = text;
		break;
	case CONTROL_IN:
		request->control_in = text;
		break;
	case CONTROL_OUT:
		request->control_out = text;
		break;
	case DEVICES:
		request->devices = text;
		break;
	case LINK_TYPE:
		request->link_type = strcmp(text, OF_THE_DEVICE) != 0 ? text : NULL;
		break;
	case SNAPLEN:
		err = parse_number("--snaplen", text, BPFPROBE_SNAPLEN_MAX, &request->snaplen);
		break;
	case BUFFER:
		err = parse_number("--buffer", text, KIB_MAX, &request->capture.buffer_size);
		request->capture.buffer_size *= 1024;
		break;
	case FIELDS:
		err = text[0] != '\0' && bpfprobe_fields_parse(text, &request->capture.fields) < 0;
		break;
	case STACKTRACE:
		request->stacktrace = 1;
		break;
	case NO_VERDICT:
		request->capture.no_verdict = 1;
		break;
	}
	return err;
}

/* What is not known may be of a Wireshark that is newer, and is passed over. */
static int
parse(struct request *request, int argc, char **argv)
{
	int option, err = 0;

	opterr = 0;
	while (err == 0 && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		err = parse_option(request, option, optarg);
	return err;
}

int
main(int argc, char **argv)
{
	char devices[] = DEVICE;
	struct request request = { .devices = devices, .capture = { .optimize = 1, .quiet = 1 } };
	int status = parse(&request, argc, argv);

	if (status != 0)
		return status;
	switch (request.what) {
	case INTERFACES:
		return print_interfaces();
	case CONFIG:
		return print_config();
	case DLTS:
		return print_dlts();
	case CAPTURE:
		return capture(&request);
	case FILTER:
		return check_filter(request.filter);
	}
	return bpfprobe_complain("this program is started by Wireshark and tshark; see bpfprobe-capture(8)");
}
