/* SPDX-License-Identifier: BSD-3-Clause */
/* What bpfprobe doctor finds: one line for each thing that it looks at. */
#ifndef BPFPROBE_DOCTOR_H
#define BPFPROBE_DOCTOR_H

#include <stddef.h>

struct bpfprobe_output;

enum bpfprobe_finding {
	BPFPROBE_FINE,	  /* "ok" */
	BPFPROBE_WARNING, /* something is possible in a limited way, or could not be looked at */
	BPFPROBE_PROBLEM, /* captures fail */
};

struct bpfprobe_doctor {
	struct bpfprobe_output *output;
	unsigned int problems;
};

/* Prints a finding; `remedy` is NULL if there is nothing to be done. */
void bpfprobe_doctor_say(struct bpfprobe_doctor *doctor, enum bpfprobe_finding finding,
    const char *check, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The first line of a file, without its end.  0, or -1. */
int bpfprobe_doctor_read(const char *path, char *line, size_t len);

/* Looks at the libpcap that each program which captures loads. */
void bpfprobe_doctor_libraries(struct bpfprobe_doctor *doctor);

/* Looks at what takes privilege from every program that is started from here. */
void bpfprobe_doctor_sandbox(struct bpfprobe_doctor *doctor);

/* Looks at what the kernel lets be attached, by trying. */
void bpfprobe_doctor_probes(struct bpfprobe_doctor *doctor);

#endif
