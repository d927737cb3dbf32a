/* SPDX-License-Identifier: BSD-3-Clause */
/* See core.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "bpf/view.h"
#include "helper/core.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* 6.3, where vm.memfd_noexec can ask for it */
#endif

struct copy {
	const struct btf *from;
	struct btf *to;
	int *ids;    /* which type of `to` one of `from` has become; 0: none yet */
	int pointer; /* the type of `to` that stands for all pointers */
};

static const struct {
	__s32 number;
	const char *name;
} functions[] = {
	{ BPFPROBE_CALL_RDONLY_CAST, "bpf_rdonly_cast" },
	{ BPFPROBE_CALL_DYNPTR_FROM_SKB, "bpf_dynptr_from_skb" },
};

_Static_assert(sizeof(functions) / sizeof(functions[0]) == BPFPROBE_CORE_FUNCTIONS, "as in the header");

struct names {
	const char **name; /* in order */
	size_t count;
};

void
bpfprobe_core_close(struct bpfprobe_core *core)
{
	if (core->file >= 0)
		close(core->file);
	core->file = -1;
	core->filled = 0;
}

int
bpfprobe_core_open(struct bpfprobe_core *core, const void *elf, char path[static BPFPROBE_CORE_PATH_MAX])
{
	if (core->elf != elf || !core->filled)
		bpfprobe_core_close(core);
	core->elf = elf;
	if (core->file < 0)
		core->file = memfd_create("bpfprobe_core", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (core->file < 0 && errno == EINVAL)
		core->file = memfd_create("bpfprobe_core", MFD_CLOEXEC);
	if (core->file < 0)
		return -errno;
	snprintf(path, BPFPROBE_CORE_PATH_MAX, "/proc/self/fd/%d", core->file);
	return 0;
}

static int copy_type(struct copy *copy, __u32 id);

/* Struct or union: what is within it first, since members are added to the last type only. */
static int
copy_record(struct copy *copy, const struct btf_type *type)
{
	const char *name = btf__name_by_offset(copy->from, type->name_off);
	const struct btf_member *member = btf_members(type);
	int id, within, err = 0;
	__u32 i;

	for (i = 0; i < btf_vlen(type); i++) {
		within = copy_type(copy, member[i].type);
		if (within < 0)
			return within;
	}
	id = btf_is_union(type) ? btf__add_union(copy->to, name, type->size) :
				  btf__add_struct(copy->to, name, type->size);
	for (i = 0; i < btf_vlen(type) && id > 0 && err == 0; i++)
		err = btf__add_field(copy->to, btf__name_by_offset(copy->from, member[i].name_off),
		    copy_type(copy, member[i].type), btf_member_bit_offset(type, i),
		    btf_member_bitfield_size(type, i));
	return err < 0 ? err : id;
}

static int
copy_array(struct copy *copy, const struct btf_array *array)
{
	int index = copy_type(copy, array->index_type);
	int element = index < 0 ? index : copy_type(copy, array->type);

	return element < 0 ? element : btf__add_array(copy->to, index, element, array->nelems);
}

static int
copy_anew(struct copy *copy, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(copy->from, id);

	if (btf_is_composite(type))
		return copy_record(copy, type);
	if (btf_is_array(type))
		return copy_array(copy, btf_array(type));
	/* What refers to no other type. */
	if (btf_is_int(type) || btf_is_float(type) || btf_is_any_enum(type) || btf_is_fwd(type))
		return btf__add_type(copy->to, copy->from, type);
	return -EINVAL;
}

/* Its number in `to`, or -errno.  Without typedef and const, which libbpf passes over. */
static int
copy_type(struct copy *copy, __u32 id)
{
	int resolved = btf__resolve_type(copy->from, id);

	if (resolved < 0)
		return resolved;
	if (btf_is_ptr(btf__type_by_id(copy->from, (__u32)resolved)))
		return copy->pointer;
	if (copy->ids[resolved] == 0)
		copy->ids[resolved] = copy_anew(copy, (__u32)resolved);
	return copy->ids[resolved];
}

/* Of a type's name, without the flavor, from "___" on, which libbpf does not look at. */
static size_t
length_of(const char *name)
{
	const char *flavor = strstr(name, "___");

	return flavor != NULL && flavor > name ? (size_t)(flavor - name) : strlen(name);
}

static int
compare(const void *a, const void *b)
{
	const char *one = *(const char *const *)a, *other = *(const char *const *)b;
	size_t length = length_of(one), others = length_of(other);
	int order = strncmp(one, other, length < others ? length : others);

	return order != 0 ? order : (length > others) - (length < others);
}

/* The name of a type that programs can refer to, else NULL. */
static const char *
name_of(const struct btf *btf, const struct btf_type *type)
{
	if (type->name_off == 0 || (!btf_is_composite(type) && !btf_is_any_enum(type)))
		return NULL;
	return btf__name_by_offset(btf, type->name_off);
}

static int
list_names(struct names *names, const struct btf *btf)
{
	__u32 i, n = btf__type_cnt(btf);
	const char *name;

	names->name = calloc(n, sizeof(*names->name));
	if (names->name == NULL)
		return -ENOMEM;
	for (i = 1; i < n; i++) {
		name = name_of(btf, btf__type_by_id(btf, i));
		if (name != NULL)
			names->name[names->count++] = name;
	}
	qsort(names->name, names->count, sizeof(*names->name), compare);
	return 0;
}

/* All that have one of the names: libbpf looks at each. */
static int
copy_named(struct copy *copy, const struct names *names)
{
	__u32 i, n = btf__type_cnt(copy->from);
	const char *name;
	int id = 0;

	for (i = 1; i < n && id >= 0; i++) {
		name = name_of(copy->from, btf__type_by_id(copy->from, i));
		if (name != NULL && bsearch(&name, names->name, names->count, sizeof(name), compare) != NULL)
			id = copy_type(copy, i);
	}
	return id < 0 ? id : 0;
}

static int
copy_all(struct copy *copy, const struct btf *named)
{
	struct names names = { NULL, 0 };
	int err;

	copy->to = btf__new_empty();
	copy->ids = calloc(btf__type_cnt(copy->from), sizeof(*copy->ids));
	if (copy->to == NULL || copy->ids == NULL)
		return -ENOMEM;
	copy->pointer = btf__add_ptr(copy->to, 0);
	if (copy->pointer < 0)
		return copy->pointer;
	err = list_names(&names, named);
	if (err == 0)
		err = copy_named(copy, &names);
	free(names.name);
	return err;
}

static int
store(int file, const struct btf *btf)
{
	__u32 size, done = 0;
	const char *data = btf__raw_data(btf, &size);
	ssize_t n;

	if (data == NULL)
		return -ENOMEM;
	while (done < size) {
		n = write(file, data + done, size - done);
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		done += (__u32)n;
	}
	return 0;
}

int
bpfprobe_core_fill(struct bpfprobe_core *core, const struct bpf_object *object)
{
	struct copy copy = { .from = core->kernel };
	int err;

	if (core->filled)
		return 0;
	err = copy_all(&copy, bpf_object__btf(object));
	if (err == 0)
		err = store(core->file, copy.to);
	core->filled = err == 0;
	btf__free(copy.to);
	free(copy.ids);
	return err;
}

/* Calls one of the functions, if it is one's number that the instruction calls.  0 or -errno. */
static int
link_call(struct bpfprobe_core *core, struct bpf_insn *insn)
{
	size_t i = 0;

	while (i < BPFPROBE_CORE_FUNCTIONS && functions[i].number != insn->imm)
		i++;
	if (i == BPFPROBE_CORE_FUNCTIONS)
		return 0;
	if (core->functions[i] == 0)
		core->functions[i] = btf__find_by_name_kind(core->kernel, functions[i].name, BTF_KIND_FUNC);
	insn->src_reg = BPF_PSEUDO_KFUNC_CALL;
	insn->imm = core->functions[i];
	return core->functions[i] < 0 ? core->functions[i] : 0;
}

int
bpfprobe_core_link(struct bpfprobe_core *core, struct bpf_program *program)
{
	size_t count = bpf_program__insn_cnt(program), i;
	struct bpf_insn *insns = calloc(count, sizeof(*insns));
	int err = 0;

	if (insns == NULL)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(program), count * sizeof(*insns));
	for (i = 0; i < count && err == 0; i++) {
		if (insns[i].code == (BPF_JMP | BPF_CALL) && insns[i].src_reg == 0)
			err = link_call(core, &insns[i]);
	}
	if (err == 0)
		err = bpf_program__set_insns(program, insns, count);
	free(insns);
	return err;
}
