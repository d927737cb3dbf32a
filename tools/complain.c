/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes wrong, in one line on standard error: see commands.h. */
#include <stdarg.h>
#include <stdio.h>
#include "tools/commands.h"

int
bpfprobe_complain(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bpfprobe: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	return 1;
}
