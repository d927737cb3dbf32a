/* SPDX-License-Identifier: BSD-3-Clause */
/* See annotate.h. */
#include <stdio.h>
#include <string.h>
#include <linux/if_packet.h>
#include "tools/annotate.h"

/* How long the name of an interface is believed, ns of the records' clock. */
#define NAME_LIFE 1000000000ULL
/* Bits of an identifier that are the ring's: BPFPROBE_CPUS_MAX rings. */
#define RING_BITS 12

_Static_assert(1 << RING_BITS == BPFPROBE_CPUS_MAX, "every ring has an identifier of its own");

void
bpfprobe_annotate_name(
    const struct bpfprobe_label *label, const struct bpfprobe_device *device, char *buf, size_t len)
{
	const char *end = label->place == BPFPROBE_PLACE_EXIT ? "exit" : "entry";

	if (label->kind == BPFPROBE_LABEL_MAP)
		snprintf(buf, len, "bpfprog:id/%u:map=%s", label->program, label->name);
	else if (label->kind == BPFPROBE_LABEL_INTERFACE)
		snprintf(buf, len, "bpfxdp:%s", label->targets > 1 ? "any" : label->name);
	else if (label->kind == BPFPROBE_LABEL_PROGRAM && device->type == BPFPROBE_DEVICE_XDP && device->dev[0])
		snprintf(buf, len, "%s:%s@%s", device->dev, label->name, end);
	else if (label->kind == BPFPROBE_LABEL_PROGRAM)
		snprintf(buf, len, "id/%u:%s@%s", label->program, label->name, end);
	else if (label->targets > 1)
		snprintf(buf, len, "%s+%u", label->name, label->targets - 1);
	else
		snprintf(buf, len, "%s", label->name);
}

void
bpfprobe_annotate_description(
    const struct bpfprobe_label *label, const char *device, char *buf, size_t len)
{
	const char *plural = label->targets > 1 ? "s" : "";

	switch (label->kind) {
	case BPFPROBE_LABEL_PROGRAM:
		snprintf(buf, len, "%s of BPF program %u; %s",
		    label->place == BPFPROBE_PLACE_EXIT ? "exit" : "entry", label->program, device);
		break;
	case BPFPROBE_LABEL_INTERFACE:
		snprintf(buf, len, "XDP at %u interface%s; %s", label->targets, plural, device);
		break;
	case BPFPROBE_LABEL_MAP:
		snprintf(buf, len, "written by BPF program %u; %s", label->program, device);
		break;
	default:
		snprintf(buf, len, "%u place%s of the kernel; %s", label->targets, plural, device);
	}
}

/* Whether what the program returned is in the record. */
static int
has_action(const struct bpfprobe_label *label)
{
	return label->place == BPFPROBE_PLACE_EXIT || label->kind == BPFPROBE_LABEL_INTERFACE;
}

void
bpfprobe_annotate_packet(struct bpfprobe_pcapng_packet *packet, const struct bpfprobe_label *label,
    const struct bpfprobe_record *rec, const struct bpfprobe_meta *meta, unsigned int ring)
{
	packet->direction =
	    rec->pkttype == PACKET_OUTGOING ? BPFPROBE_PCAPNG_OUTBOUND : BPFPROBE_PCAPNG_INBOUND;
	packet->has_id = label->kind != BPFPROBE_LABEL_KERNEL && label->kind != BPFPROBE_LABEL_MAP &&
	    (label->place != BPFPROBE_PLACE_EXIT || rec->elapsed > 0);
	packet->id = (bpfprobe_record_time(rec) - rec->elapsed) << RING_BITS | ring;
	if (meta != NULL && bpfprobe_whole(meta->id) != 0) {
		packet->has_id = 1;
		packet->id = bpfprobe_whole(meta->id);
	}
	packet->has_queue = meta != NULL && meta->queue > 0;
	packet->queue = packet->has_queue ? meta->queue - 1 : 0;
	packet->verdict_of = BPFPROBE_PCAPNG_NO_VERDICT;
	if (has_action(label) && label->actions == BPFPROBE_ACTIONS_XDP)
		packet->verdict_of = BPFPROBE_PCAPNG_XDP;
	else if (has_action(label) && label->actions == BPFPROBE_ACTIONS_TC)
		packet->verdict_of = BPFPROBE_PCAPNG_TC;
	packet->verdict = (int32_t)rec->action;
}

/* What it is called in our own network namespace. */
static const char *
own_name(struct bpfprobe_ifnames *names, const struct bpfprobe_record *rec)
{
	const uint64_t now = bpfprobe_record_time(rec);
	unsigned int i = rec->ifindex % BPFPROBE_NAMES_KEPT;

	if (rec->foreign || rec->ifindex == 0)
		return NULL;
	if (names->kept[i].ifindex != rec->ifindex || now - names->kept[i].asked > NAME_LIFE) {
		names->kept[i].ifindex = rec->ifindex;
		names->kept[i].asked = now;
		if (if_indextoname(rec->ifindex, names->kept[i].name) == NULL)
			names->kept[i].name[0] = '\0';
	}
	return names->kept[i].name[0] != '\0' ? names->kept[i].name : NULL;
}

const char *
bpfprobe_annotate_ifname(struct bpfprobe_ifnames *names, const struct bpfprobe_label *label,
    const struct bpfprobe_record *rec, const struct bpfprobe_meta *meta)
{
	if (meta != NULL && meta->seen.ifname[0] != 0)
		return (const char *)meta->seen.ifname;
	if (label->kind == BPFPROBE_LABEL_INTERFACE && label->targets == 1)
		return label->name;
	return own_name(names, rec);
}
