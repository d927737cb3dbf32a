/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of a probe and of a packet beside its bytes, in the words of a pcapng
 * file: names of interfaces, packet identifiers, verdicts.
 */
#ifndef BPFPROBE_ANNOTATE_H
#define BPFPROBE_ANNOTATE_H

#include <stddef.h>
#include <stdint.h>
#include <net/if.h>
#include "capture/merge.h"
#include "helper/device.h"
#include "helper/protocol.h"
#include "tools/pcapng.h"

#define BPFPROBE_NAMES_KEPT 64

/* Names of interfaces of our own network namespace, as they were not long ago: for who has no metadata. */
struct bpfprobe_ifnames {
	struct {
		uint32_t ifindex;
		uint64_t asked; /* when, ns */
		char name[IF_NAMESIZE];
	} kept[BPFPROBE_NAMES_KEPT];
};

/*
 * The name of a probe: "tp/kfree_skb", "eth0:PROGRAM@exit", "id/42:PROGRAM@entry",
 * "bpfxdp:eth0"; and what it is in words.
 */
void bpfprobe_annotate_name(
    const struct bpfprobe_label *label, const struct bpfprobe_device *device, char *buf, size_t len);
void bpfprobe_annotate_description(
    const struct bpfprobe_label *label, const char *device, char *buf, size_t len);

/*
 * Fills in direction, identifier, queue and verdict of the packet of `rec`, which came from
 * ring number `ring`; `meta` may be NULL.
 *
 * The identifier is that of the packet's way through one run of a BPF program, the same
 * at entry and exit: when, by the clock of the records, that CPU entered the program, of
 * which an exit knows how long ago it was.  Programs do not change the CPU, and a CPU
 * enters but one at a time: the number of the ring and the time together are unique.  Of
 * the time it is the lower 52 bits, the ring number is below: after 52 days it begins anew.
 * An exit whose entry was not captured has none, nor has a packet at any other place: of two
 * of them it is not known whether they are the same.
 */
void bpfprobe_annotate_packet(struct bpfprobe_pcapng_packet *packet, const struct bpfprobe_label *label,
    const struct bpfprobe_record *rec, const struct bpfprobe_meta *meta, unsigned int ring);

/*
 * The name of the interface of `rec`, in its network namespace; NULL: it has none, or it is
 * not known.  `meta` may be NULL.
 */
const char *bpfprobe_annotate_ifname(struct bpfprobe_ifnames *names, const struct bpfprobe_label *label,
    const struct bpfprobe_record *rec, const struct bpfprobe_meta *meta);

#endif
