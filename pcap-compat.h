/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One spelling for what libpcap's releases name differently.  1.10.5 renamed
 * its internal functions to pcapint_*; there is no version macro, so the build
 * looks for the new names in pcap-int.h and defines BPFPROBE_PCAPINT.
 */
#ifndef PCAP_COMPAT_H
#define PCAP_COMPAT_H

#include <config.h>
#include "pcap-int.h"

#ifndef BPFPROBE_PCAPINT
#define pcapint_add_dev add_dev
#define pcapint_breakloop_common pcap_breakloop_common
#define pcapint_cleanup_live_common pcap_cleanup_live_common
#endif

#endif
