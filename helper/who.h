/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options that say whose packets are asked for.  Pure: no system call.  Each takes its
 * value, with what option.h says of a parser; 0, or -1 with the message.
 */
#ifndef BPFPROBE_WHO_H
#define BPFPROBE_WHO_H

#include "helper/option.h"

int bpfprobe_who_parse_pid(struct bpfprobe_parser *parser, const char *value);
int bpfprobe_who_parse_comm(struct bpfprobe_parser *parser, const char *value);
int bpfprobe_who_parse_uid(struct bpfprobe_parser *parser, const char *value);
int bpfprobe_who_parse_sk(struct bpfprobe_parser *parser, const char *value);
int bpfprobe_who_parse_mark(struct bpfprobe_parser *parser, const char *value);
int bpfprobe_who_parse_queue(struct bpfprobe_parser *parser, const char *value);

#endif
