/* SPDX-License-Identifier: BSD-3-Clause */
/* See track.h. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <linux/types.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "bpf/track.h"
#include "helper/track.h"
#include "bpf/copied.skel.h"
#include "bpf/track.skel.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SWEPT 1024 /* entries at once: more than any bucket has */

/* Where memory is given back, and, behind AHEAD, where packets end. */
static const char *const ends[] = { "kmem_cache_free", "kfree", "kfree_skb", "consume_skb" };

#define AHEAD 2 /* of them, where no probe can be */

/* Functions that copy; which of them there are, and can be probed, is found by trying.  The exit first. */
static const struct {
	const char *function, *program;
} copies[] = {
	{ "skb_clone", "skb_clone_copied" },
	{ "skb_copy", "skb_copy_copied" },
	{ "__pskb_copy_fclone", "__pskb_copy_fclone_copied" },
	{ "skb_copy_expand", "skb_copy_expand_copied" },
	{ "skb_copy_header", "skb_copy_header_copied" },
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

	return map != NULL ? bpf_map__reuse_fd(map, fd) : -ENOENT;
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
attach_ends(const struct bpf_object *object, size_t from, size_t to, int *links, unsigned int *count)
{
	const struct bpf_program *program;
	char name[64];
	int err = 0;

	for (; from < to && err == 0; from++) {
		snprintf(name, sizeof(name), "at_%s", ends[from]);
		program = bpf_object__find_program_by_name(object, name);
		err = program == NULL ? -ENOENT :
		    add(bpf_raw_tracepoint_open(ends[from], bpf_program__fd(program)), links, count);
	}
	return err;
}

/* Not that functions cannot be probed. */
static int
is_shortage(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

static int
load_copies(struct bpf_object *object)
{
	struct bpf_program *program;
	size_t i;

	for (i = 0; i < COUNT(copies); i++) {
		program = bpf_object__find_program_by_name(object, copies[i].program);
		if (bpf_program__set_attach_target(program, 0, copies[i].function) < 0)
			bpf_program__set_autoload(program, false);
	}
	return bpf_object__load(object);
}

/* 0, also if no function can be probed, or -errno. */
static int
attach_copies(const struct bpfprobe_maps *maps, int *links, unsigned int *count)
{
	struct bpf_object *object;
	const void *elf;
	size_t size, i;
	int err, fd;

	elf = copied_bpf__elf_bytes(&size);
	object = open_object(elf, size, maps);
	if (object == NULL)
		return -errno;
	err = load_copies(object);
	for (i = 0; i < COUNT(copies) && err == 0; i++) {
		fd = bpf_program__fd(bpf_object__find_program_by_name(object, copies[i].program));
		if (fd >= 0 && is_shortage(add(bpf_raw_tracepoint_open(NULL, fd), links, count)))
			err = -errno;
	}
	/* What is attached keeps its program. */
	bpf_object__close(object);
	return is_shortage(err) ? err : 0;
}

int
bpfprobe_track_begin(struct bpfprobe_track *track, const struct bpfprobe_maps *maps, int *links, unsigned int *count)
{
	const void *elf;
	size_t size;
	int err;

	elf = track_bpf__elf_bytes(&size);
	track->object = open_object(elf, size, maps);
	if (track->object == NULL)
		return -errno;
	err = bpf_object__load(track->object);
	if (err == 0)
		err = attach_ends(track->object, 0, AHEAD, links, count);
	return err == 0 ? attach_copies(maps, links, count) : err;
}

int
bpfprobe_track_finish(struct bpfprobe_track *track, int *links, unsigned int *count)
{
	return attach_ends(track->object, AHEAD, COUNT(ends), links, count);
}

void
bpfprobe_track_free(struct bpfprobe_track *track)
{
	bpf_object__close(track->object);
	track->object = NULL;
}

static __u64
monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000ULL + (__u64)now.tv_nsec;
}

void
bpfprobe_track_sweep(int tracks)
{
	static struct bpfprobe_tracked values[SWEPT];
	static __u64 keys[SWEPT];
	__u32 now = BPFPROBE_TRACK_CLOCK(monotonic()), place, count, i;
	void *from = NULL;
	int err;

	do {
		count = SWEPT;
		err = bpf_map_lookup_batch(tracks, from, &place, keys, values, &count, NULL);
		if (err < 0 && errno != ENOENT)
			return;
		/* Nobody makes use of them any more, nor will soon. */
		for (i = 0; i < count; i++) {
			if (now - values[i].seen > 2 * BPFPROBE_TRACK_AGE && (__s32)(now - values[i].seen) > 0)
				bpf_map_delete_elem(tracks, &keys[i]);
		}
		from = &place;
	} while (err == 0);
}
