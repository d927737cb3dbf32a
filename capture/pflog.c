/* SPDX-License-Identifier: BSD-3-Clause */
/* See pflog.h. */
#include "capture/pflog.h"

/*
 * The ruleset: where the kernel says from where it drops packets but not why, the function
 * from which it does.
 */
static const struct bpfprobe_name16 *
find_ruleset(struct bpfprobe_names *names, struct bpfprobe_client *client, const struct bpfprobe_record *rec,
    const struct bpfprobe_meta *meta, __u32 index)
{
	const struct bpfprobe_name16 *name = bpfprobe_names_get(names, index), *located;
	uint64_t address = meta != NULL ? bpfprobe_whole(meta->location) : 0;

	if (address == 0 || rec->probe >= client->nlabels || client->labels[rec->probe].reasons)
		return name;
	located = bpfprobe_names_locate(names, client, address);
	return located->words[0] != 0 ? located : name;
}

u_int
bpfprobe_pflog_make(u_char *end, const struct bpfprobe_item *item, struct bpfprobe_names *names,
    struct bpfprobe_client *client)
{
	const struct bpfprobe_record *rec = item->rec;
	struct bpfprobe_pflog *hdr = (struct bpfprobe_pflog *)(end - BPFPROBE_PFLOG_HLEN);
	const struct bpfprobe_meta *meta = item->meta;
	struct bpfprobe_seen unseen = { .uid = BPFPROBE_UNTOLD, .pid = BPFPROBE_UNTOLD };
	const struct bpfprobe_seen *seen = meta != NULL ? &meta->seen : &unseen;
	__u32 skip;

	unseen.name = (__u16)(BPFPROBE_NAMES_PROBE + rec->probe);
	bpfprobe_pflog_begin(hdr, bpfprobe_pflog_af(rec, item->packet, &skip));
	bpfprobe_pflog_finish(hdr, rec, seen, find_ruleset(names, client, rec, meta, seen->name));
	return skip;
}
