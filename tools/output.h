/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands print: lines of text, "key value", or the same as JSON.
 *
 *   open '{'               {
 *     text "device" ...      "device": "bpfprobe:drop",      device      bpfprobe:drop
 *     open "targets" '['     "targets": [
 *       open '{'               {
 *         text "kind" ...        "kind": "tp"                  kind      tp
 *   close ...               ] } }
 */
#ifndef BPFPROBE_OUTPUT_H
#define BPFPROBE_OUTPUT_H

#include <stdint.h>

struct bpfprobe_output {
	int json;
	unsigned int depth; /* brackets that are open */
	int first;	    /* nothing is in the innermost one yet */
};

/*
 * A bracket, '{' or '[', and its end, '}' or ']'.  `key` is NULL in an array and at the
 * outermost.  As text they only indent: what is in the second bracket, and deeper.
 */
void bpfprobe_output_open(struct bpfprobe_output *output, const char *key, char bracket);
void bpfprobe_output_close(struct bpfprobe_output *output, char bracket);

/* One value; without a key, a line of its own or an element.  Bytes of it that are not printable ASCII are escaped, as those of Latin-1. */
void bpfprobe_output_text(struct bpfprobe_output *output, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A number, and as text what it means. */
void bpfprobe_output_number(
    struct bpfprobe_output *output, const char *key, uint64_t value, const char *meaning);

/* True or false; as text, "yes" or "no". */
void bpfprobe_output_bool(struct bpfprobe_output *output, const char *key, int value);

#endif
