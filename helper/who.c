/* SPDX-License-Identifier: BSD-3-Clause */
/* See who.h.  Independent of the locale. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/protocol.h"
#include "helper/who.h"

#define PID_MAX 2147483647
#define UID_MAX 4294967294U /* the one behind it is no user */
#define QUEUE_MAX 65534	    /* the kernel has 16 bits, in which it adds 1 */

_Static_assert(BPFPROBE_WHO_MAX == 8 && BPFPROBE_COMM_MAX == 16, "as the messages say");

/* Decimal digits, or 0x and hexadecimal ones.  0 or -1. */
static int
to_number(const char *text, uint64_t min, uint64_t max, __u64 *number)
{
	int hexadecimal = text[0] == '0' && text[1] == 'x';
	const char *digits = hexadecimal ? text + 2 : text;
	char *end;

	if (*digits == '\0' || digits[strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789")] != '\0')
		return -1;
	errno = 0;
	*number = strtoull(digits, &end, hexadecimal ? 16 : 10);
	return errno == 0 && *number >= min && *number <= max ? 0 : -1;
}

/* N, or several with slashes in between. */
static int
take_values(struct bpfprobe_parser *parser, const char *value, uint64_t min, uint64_t max,
    struct bpfprobe_values *values)
{
	char copy[BPFPROBE_DEVICE_MAX], why[100], *rest = copy, *text;

	strcpy(copy, value);
	while ((text = strsep(&rest, "/")) != NULL) {
		if (values->count == BPFPROBE_WHO_MAX)
			return bpfprobe_parser_refuse(parser, "at most 8 values are possible");
		if (to_number(text, min, max, &values->value[values->count++]) == 0)
			continue;
		snprintf(why, sizeof(why), "numbers from %llu to %llu are expected, with / in between",
		    (unsigned long long)min, (unsigned long long)max);
		return bpfprobe_parser_refuse(parser, why);
	}
	parser->device->who.any = 1;
	return 0;
}

int
bpfprobe_who_parse_pid(struct bpfprobe_parser *parser, const char *value)
{
	return take_values(parser, value, 1, PID_MAX, &parser->device->who.pid);
}

int
bpfprobe_who_parse_uid(struct bpfprobe_parser *parser, const char *value)
{
	return take_values(parser, value, 0, UID_MAX, &parser->device->who.uid);
}

int
bpfprobe_who_parse_sk(struct bpfprobe_parser *parser, const char *value)
{
	return take_values(parser, value, 1, UINT64_MAX, &parser->device->who.cookie);
}

int
bpfprobe_who_parse_queue(struct bpfprobe_parser *parser, const char *value)
{
	return take_values(parser, value, 0, QUEUE_MAX, &parser->device->who.queue);
}

/* As it was written: an encoded slash is one of the name's. */
int
bpfprobe_who_parse_comm(struct bpfprobe_parser *parser, const char *value)
{
	struct bpfprobe_who *who = &parser->device->who;
	char copy[BPFPROBE_DEVICE_MAX], *rest = copy, *text;
	const char *why;
	size_t n;

	(void)value;
	strcpy(copy, parser->raw);
	while ((text = strsep(&rest, "/")) != NULL) {
		if (who->comms == BPFPROBE_WHO_MAX)
			return bpfprobe_parser_refuse(parser, "at most 8 values are possible");
		if (bpfprobe_parser_decode(text, &why) < 0)
			return bpfprobe_parser_refuse(parser, why);
		n = strlen(text);
		if (n == 0 || n >= BPFPROBE_COMM_MAX)
			return bpfprobe_parser_refuse(parser,
			    "names of 1 to 15 bytes are expected, with / in between; the kernel cuts off what is longer");
		memcpy(who->comm[who->comms++], text, n);
	}
	who->any = 1;
	return 0;
}

/* N, or N/MASK as iptables has it. */
int
bpfprobe_who_parse_mark(struct bpfprobe_parser *parser, const char *value)
{
	struct bpfprobe_who *who = &parser->device->who;
	char copy[BPFPROBE_DEVICE_MAX], *rest = copy;
	__u64 mark, mask = UINT32_MAX;

	strcpy(copy, value);
	if (to_number(strsep(&rest, "/"), 0, UINT32_MAX, &mark) < 0 ||
	    (rest != NULL && to_number(rest, 0, UINT32_MAX, &mask) < 0))
		return bpfprobe_parser_refuse(parser, "a number is expected, or number/mask, of 32 bits");
	if (mark & ~mask)
		return bpfprobe_parser_refuse(parser, "no packet has it: the number has bits that the mask leaves out");
	who->mark = (__u32)mark;
	who->mask = (__u32)mask;
	who->marked = 1;
	who->any = 1;
	return 0;
}
