/* SPDX-License-Identifier: BSD-3-Clause */
/* See types.h.  Modules have BTF of their own since 5.11 (commit 36e68442d1af). */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include "helper/types.h"

#define BTF_DIR "/sys/kernel/btf"

/*
 * The file gives no more than a page at a time to who reads it, as libbpf does before 1.6.  It
 * can be mapped since 6.16 ("btf: Allow mmap of vmlinux btf").  NULL: not here.
 */
static struct btf *
map_kernel(void)
{
	int fd = open(BTF_DIR "/vmlinux", O_RDONLY | O_CLOEXEC);
	struct btf *btf = NULL;
	struct stat st;
	void *data;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
		if (data != MAP_FAILED) {
			btf = btf__new(data, (__u32)st.st_size);
			munmap(data, (size_t)st.st_size);
		}
	}
	close(fd);
	return btf;
}

int
bpfprobe_types_open(struct bpfprobe_types *types, struct bpfprobe_reply *reply)
{
	*types = BPFPROBE_NO_TYPES;
	types->kernel = map_kernel();
	if (types->kernel == NULL)
		types->kernel = btf__load_vmlinux_btf();
	if (types->kernel != NULL)
		return 0;
	return bpfprobe_fail(reply, BPFPROBE_ERROR,
	    "this kernel has no BTF: %s; it must be built with CONFIG_DEBUG_INFO_BTF, see /sys/kernel/btf",
	    strerror(errno));
}

static void
drop_module(struct bpfprobe_types *types)
{
	btf__free(types->module);
	if (types->module_fd >= 0)
		close(types->module_fd);
	types->module = NULL;
	types->module_fd = -1;
}

/* Whether the BTF with this number is a module's; -1 if not, else its descriptor. */
static int
open_module(__u32 id)
{
	struct bpf_btf_info info;
	__u32 len = sizeof(info);
	char name[64];
	int fd = bpf_btf_get_fd_by_id(id);

	if (fd < 0)
		return -1;
	memset(&info, 0, sizeof(info));
	info.name = (__u64)(unsigned long)name;
	info.name_len = sizeof(name);
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.kernel_btf && strcmp(name, "vmlinux") != 0)
		return fd;
	close(fd);
	return -1;
}

/* The next module's BTF, after number *id.  0: there are no more. */
static int
next_module(struct bpfprobe_types *types, __u32 *id)
{
	drop_module(types);
	while (bpf_btf_get_next_id(*id, id) == 0) {
		types->module_fd = open_module(*id);
		if (types->module_fd < 0)
			continue;
		types->module = btf__load_from_kernel_by_id_split(*id, types->kernel);
		if (types->module != NULL)
			return 1;
		drop_module(types);
	}
	return 0;
}

static int
find_in(struct btf *btf, int module_fd, const char *name, __u32 kind, struct bpfprobe_type *type)
{
	int id = btf__find_by_name_kind(btf, name, kind);

	if (id <= 0)
		return 0;
	type->btf = btf;
	type->type = btf__type_by_id(btf, (__u32)id);
	type->id = (__u32)id;
	type->module_fd = module_fd;
	return 1;
}

int
bpfprobe_types_find(
    struct bpfprobe_types *types, const char *name, __u32 kind, struct bpfprobe_type *type)
{
	__u32 id = 0;

	if (find_in(types->kernel, 0, name, kind, type))
		return 1;
	while (next_module(types, &id)) {
		if (find_in(types->module, types->module_fd, name, kind, type))
			return 1;
	}
	return 0;
}

/* Those that `btf` has of its own: a module's BTF goes on where the kernel's ends. */
static void
walk(struct btf *btf, __u32 first, int module_fd,
    void (*visit)(const struct bpfprobe_type *type, const char *name, void *context), void *context)
{
	__u32 id, n = btf__type_cnt(btf);
	struct bpfprobe_type type;
	const char *name;

	for (id = first; id < n; id++) {
		type.type = btf__type_by_id(btf, id);
		if (!btf_is_func(type.type) && !btf_is_typedef(type.type))
			continue;
		name = btf__name_by_offset(btf, type.type->name_off);
		if (name == NULL)
			continue;
		type.btf = btf;
		type.id = id;
		type.module_fd = module_fd;
		visit(&type, name, context);
	}
}

void
bpfprobe_types_walk(struct bpfprobe_types *types,
    void (*visit)(const struct bpfprobe_type *type, const char *name, void *context), void *context)
{
	__u32 id = 0;

	walk(types->kernel, 1, 0, visit, context);
	while (next_module(types, &id))
		walk(types->module, btf__type_cnt(types->kernel), types->module_fd, visit, context);
}

/* Whether the file has `word` in it, or cannot be looked at. */
static int
has_word(const char *path, const char *word)
{
	static char buf[65536];
	size_t keep = strlen(word) - 1, used = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), found = fd < 0;
	ssize_t n;

	while (!found && (n = read(fd, buf + used, sizeof(buf) - used)) > 0) {
		used += (size_t)n;
		found = memmem(buf, used, word, keep + 1) != NULL;
		if (used > keep)
			memmove(buf, buf + used - keep, keep);
		used = used > keep ? keep : used;
	}
	if (fd >= 0)
		close(fd);
	return found;
}

void
bpfprobe_types_each(const struct bpfprobe_types *types, const char *word,
    void (*each)(void *ctx, const char *module, const struct btf *btf, __u32 first), void *ctx)
{
	DIR *dir = opendir(BTF_DIR);
	char path[sizeof(BTF_DIR) + 256];
	struct dirent *entry;
	struct btf *btf;

	each(ctx, NULL, types->kernel, 1);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "vmlinux") == 0)
			continue;
		snprintf(path, sizeof(path), BTF_DIR "/%s", entry->d_name);
		if (word != NULL && !has_word(path, word))
			continue;
		btf = btf__parse_raw_split(path, types->kernel);
		if (btf == NULL)
			continue;
		each(ctx, entry->d_name, btf, btf__type_cnt(types->kernel));
		btf__free(btf);
	}
	if (dir != NULL)
		closedir(dir);
}

int
bpfprobe_types_has_tai(const struct btf *btf)
{
	static const char helper[] = "BPF_FUNC_ktime_get_tai_ns";
	int id = btf__find_by_name_kind(btf, "bpf_func_id", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;
	unsigned int i;

	for (i = 0; type != NULL && i < btf_vlen(type); i++) {
		if (strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), helper) == 0)
			return 1;
	}
	return 0;
}

void
bpfprobe_types_close(struct bpfprobe_types *types)
{
	drop_module(types);
	btf__free(types->kernel);
	types->kernel = NULL;
}
