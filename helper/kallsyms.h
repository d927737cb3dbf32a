/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's symbols, for functions of which BTF knows nothing. */
#ifndef BPFPROBE_KALLSYMS_H
#define BPFPROBE_KALLSYMS_H

#include <stddef.h>

/*
 * Looks for the function `name`, or for what the compiler has made of it: `name` and a
 * suffix, such as .constprop.0 or .isra.0.  Writes the symbol.  Returns how many there
 * are, exact ones first, or -errno.
 */
int bpfprobe_kallsyms_find(const char *name, char *symbol, size_t len);

/* Writes the name of the module that has this function, or "": none, or the kernel itself. */
void bpfprobe_kallsyms_module(const char *symbol, char *module, size_t len);

/* Calls visit for the symbol of each function, as often as it is there.  0 or -errno. */
int bpfprobe_kallsyms_each(void (*visit)(const char *symbol, void *context), void *context);

/* The same for each function that ftrace can trace; -errno also where tracefs is not mounted. */
int bpfprobe_kallsyms_traceable(void (*visit)(const char *symbol, void *context), void *context);

#endif
