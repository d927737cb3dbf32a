/* SPDX-License-Identifier: BSD-3-Clause */
/* See layout.h. */
#include <stdio.h>
#include <string.h>
#include <bpf/btf.h>
#include "helper/layout.h"
#include "include/bpf_pcap.h"

#define MEMBER(NAME)                                                                               \
	{                                                                                          \
		#NAME, offsetof(struct bpf_pcap_hdr, NAME), sizeof(((struct bpf_pcap_hdr *)NULL)->NAME)    \
	}

static const struct {
	const char *name;
	size_t offset, size;
} members[] = {
	MEMBER(magic),
	MEMBER(protocol),
	MEMBER(flags),
	MEMBER(ktime_ns),
	MEMBER(tot_len),
	MEMBER(cap_len),
	{ "data", sizeof(struct bpf_pcap_hdr), 0 },
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

__u32
bpfprobe_layout_find(const struct btf *btf)
{
	__s32 id = btf__find_by_name_kind(btf, BPFPROBE_LAYOUT_STRUCT, BTF_KIND_STRUCT);

	return id > 0 ? (__u32)id : 0;
}

static const char *
name_of(const struct btf *btf, __u32 offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name != NULL ? name : "";
}

static int
check_member(const struct btf *btf, const struct btf_type *type, unsigned int i, char *why, size_t len)
{
	const struct btf_member *member = &btf_members(type)[i];
	__u32 at = btf_member_bit_offset(type, i);
	long long size = btf__resolve_size(btf, member->type);

	if (strcmp(name_of(btf, member->name_off), members[i].name) != 0)
		snprintf(why, len, "its member %u is \"%.64s\", not \"%s\"", i + 1, name_of(btf, member->name_off),
		    members[i].name);
	else if (at != members[i].offset * 8)
		snprintf(why, len, "its \"%s\" is at byte %u, not %zu", members[i].name, at / 8, members[i].offset);
	else if (size != (long long)members[i].size || btf_member_bitfield_size(type, i) != 0)
		snprintf(why, len, "its \"%s\" is not of %zu bytes", members[i].name, members[i].size);
	else
		return 0;
	return -1;
}

/* What a typedef or a qualifier stands for; the number of such in a row is bounded by libbpf. */
static const struct btf_type *
resolve(const struct btf *btf, __u32 id)
{
	__s32 resolved = btf__resolve_type(btf, id);

	return resolved > 0 ? btf__type_by_id(btf, (__u32)resolved) : NULL;
}

int
bpfprobe_layout_check(const struct btf *btf, __u32 id, char *why, size_t len)
{
	const struct btf_type *type = resolve(btf, id);
	unsigned int i, count;

	if (type == NULL || !btf_is_struct(type) || strcmp(name_of(btf, type->name_off), BPFPROBE_LAYOUT_STRUCT) != 0) {
		snprintf(why, len, "it is of another type");
		return -1;
	}
	count = btf_vlen(type);
	for (i = 0; i < count && i < MEMBERS; i++) {
		if (check_member(btf, type, i, why, len) < 0)
			return -1;
	}
	if (count == MEMBERS)
		return 0;
	if (count < MEMBERS)
		snprintf(why, len, "it has no \"%s\"", members[count].name);
	else
		snprintf(why, len, "it has \"%.64s\" besides",
		    name_of(btf, btf_members(type)[MEMBERS].name_off));
	return -1;
}
