/* SPDX-License-Identifier: BSD-3-Clause */
/* See track.h. */
#include <errno.h>
#include <unistd.h>
#include <linux/types.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bpf/track.h"
#include "helper/track.h"
#include "bpf/copied.skel.h"
#include "bpf/track.skel.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Where packets end, and memory is given back; the program for it. */
static const struct {
	const char *tracepoint, *program;
} ends[] = {
	{ "kfree_skb", "bpfprobe_ended" },
	{ "consume_skb", "bpfprobe_ended" },
	{ "kmem_cache_free", "bpfprobe_freed" },
	{ "kfree", "bpfprobe_freed" },
};

/* Functions that copy; which of them there are, and can be probed, is found by trying.  The exit first. */
static const struct {
	const char *function, *program;
} copies[] = {
	{ "skb_clone", "skb_clone_copied" },
	{ "skb_copy", "skb_copy_copied" },
	{ "__pskb_copy_fclone", "__pskb_copy_fclone_copied" },
	{ "skb_copy_expand", "skb_copy_expand_copied" },
	{ "skb_segment", "skb_segment_copied" },
	{ "pskb_expand_head", "pskb_expand_head_copied" },
	{ "pskb_expand_head", "pskb_expand_head_begins" },
};

_Static_assert(COUNT(ends) + COUNT(copies) == BPFPROBE_TRACK_LINKS, "as in the header");

int
bpfprobe_track_make(struct bpfprobe_maps *maps, unsigned int packets)
{
	maps->tracks = bpf_map_create(BPF_MAP_TYPE_HASH, "bpfprobe_tracks", sizeof(__u64),
	    sizeof(struct bpfprobe_tracked), BPFPROBE_TRACK_ENTRIES * packets, NULL);
	return maps->tracks < 0 ? -errno : 0;
}

static int
share_map(struct bpf_object *object, const char *name, int fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	/* Of an object that never counts it is not there. */
	return map != NULL ? bpf_map__reuse_fd(map, fd) : 0;
}

/* The object with the handle's maps, not loaded; NULL with errno. */
static struct bpf_object *
open_object(const void *elf, size_t size, const struct bpfprobe_maps *maps)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "bpfprobe");
	struct bpf_object *object = bpf_object__open_mem(elf, size, &opts);
	int err;

	if (object == NULL)
		return NULL;
	err = share_map(object, "bpfprobe_tracks", maps->tracks);
	if (err == 0)
		err = share_map(object, "bpfprobe_ctl", maps->ctl);
	if (err == 0)
		return object;
	bpf_object__close(object);
	errno = -err;
	return NULL;
}

/* Adds a link, or what went wrong: 0 or -errno. */
static int
add(int fd, int *links, unsigned int *count)
{
	if (fd < 0)
		return -errno;
	links[(*count)++] = fd;
	return 0;
}

static int
attach_ends(struct bpf_object *object, int *links, unsigned int *count)
{
	const struct bpf_program *program;
	int err = bpf_object__load(object);
	size_t i;

	for (i = 0; i < COUNT(ends) && err == 0; i++) {
		program = bpf_object__find_program_by_name(object, ends[i].program);
		err = program == NULL ? -ENOENT :
		    add(bpf_raw_tracepoint_open(ends[i].tracepoint, bpf_program__fd(program)), links, count);
	}
	return err;
}

/* Of the object's programs only the one for this function is loaded, which may be refused. */
static void
attach_copy(struct bpf_object *object, size_t i, int *links, unsigned int *count)
{
	struct bpf_program *program, *chosen = bpf_object__find_program_by_name(object, copies[i].program);

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, program == chosen);
	if (chosen != NULL && bpf_program__set_attach_target(chosen, 0, copies[i].function) == 0 && bpf_object__load(object) == 0)
		(void)add(bpf_raw_tracepoint_open(NULL, bpf_program__fd(chosen)), links, count);
}

int
bpfprobe_track_attach(const struct bpfprobe_maps *maps, int *links, unsigned int *count)
{
	const unsigned int before = *count;
	struct bpf_object *object;
	const void *elf;
	size_t size, i;
	int err;

	elf = track_bpf__elf_bytes(&size);
	object = open_object(elf, size, maps);
	if (object == NULL)
		return -errno;
	err = attach_ends(object, links, count);
	/* What is attached keeps its program. */
	bpf_object__close(object);
	while (err < 0 && *count > before)
		close(links[--*count]);
	elf = copied_bpf__elf_bytes(&size);
	for (i = 0; i < COUNT(copies) && err == 0; i++) {
		object = open_object(elf, size, maps);
		if (object == NULL)
			continue;
		attach_copy(object, i, links, count);
		bpf_object__close(object);
	}
	return err;
}
