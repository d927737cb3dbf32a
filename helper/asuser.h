/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A path that the caller has named is opened with the caller's rights: those of the real
 * user and group, and without capabilities.
 */
#ifndef BPFPROBE_ASUSER_H
#define BPFPROBE_ASUSER_H

#include <sys/capability.h>

struct bpfprobe_asuser {
	cap_t caps; /* to go back to */
};

/*
 * From here to bpfprobe_asuser_end() files are opened so; of what is effective but CAP_BPF
 * stays, without which some kernels open no pin.  0 or -errno.
 */
int bpfprobe_asuser_begin(struct bpfprobe_asuser *asuser);

/* Ends the process rather than go on with half of the rights.  Keeps errno. */
void bpfprobe_asuser_end(struct bpfprobe_asuser *asuser);

#endif
