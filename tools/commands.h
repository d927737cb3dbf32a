/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of bpfprobe(8), and what they share. */
#ifndef BPFPROBE_COMMANDS_H
#define BPFPROBE_COMMANDS_H

struct bpfprobe_output;
struct bpfprobe_reply;

/*
 * Each prints what it has to say to *output, or why it cannot to standard error.
 * `arg` is NULL if there is none.  Returns the exit status, 0 or 1.
 */
#define BPFPROBE_LIST_REASONS "--reasons" /* the drop reasons instead of targets */
int bpfprobe_command_list(struct bpfprobe_output *output, const char *glob);
int bpfprobe_command_show(struct bpfprobe_output *output, const char *device);
int bpfprobe_command_doctor(struct bpfprobe_output *output, const char *none);

/* Writes packets to a file or standard output; argv[0] is "capture".  Returns the exit status. */
int bpfprobe_command_capture(int argc, char **argv);

/* The counters of the captures that are running: what show does without a device. */
int bpfprobe_command_running(struct bpfprobe_output *output);

/*
 * Opens the device with the helper as libpcap does, and closes it again.  Nothing is read,
 * but for a moment the probe is there.  0, or -1; *reply has the outcome.
 */
int bpfprobe_try(const char *device, struct bpfprobe_reply *reply);

#define BPFPROBE_EXIT_USAGE 2

/* "bpfprobe: WHAT "WORD"; see ..." to standard error.  Returns BPFPROBE_EXIT_USAGE. */
int bpfprobe_bad_usage(const char *what, const char *word);

/* "bpfprobe: MESSAGE" to standard error.  Returns 1. */
int bpfprobe_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
