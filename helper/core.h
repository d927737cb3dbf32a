/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's types that an object names, for libbpf, which fits the object's programs to
 * them (CO-RE).  From the kernel's whole BTF, some 5 MB, libbpf would do that too; but it would
 * read that for each object, from a file that gives a page at a time, and go through it for
 * each type.  And the kernel's functions that programs call, for the same reason.
 */
#ifndef BPFPROBE_CORE_H
#define BPFPROBE_CORE_H

#define BPFPROBE_CORE_PATH_MAX 32
#define BPFPROBE_CORE_FUNCTIONS 2

struct bpf_object;
struct bpf_program;
struct btf;

struct bpfprobe_core {
	const struct btf *kernel; /* the caller's */
	int file;		  /* in memory, with the types; -1: there is none yet */
	const void *elf;	  /* the object whose types they are, of static storage */
	int filled;		  /* they are there */
	int functions[BPFPROBE_CORE_FUNCTIONS]; /* their numbers in BTF; 0: not looked for */
};

/* One that has no file yet. */
#define BPFPROBE_NO_CORE                                                                           \
	(struct bpfprobe_core)                                                                     \
	{                                                                                          \
		.file = -1                                                                         \
	}

/*
 * Where the types of the object `elf` will be, for bpf_object_open_opts.btf_custom_path, which
 * libbpf wants before it has opened the object.  0 or -errno.
 */
int bpfprobe_core_open(struct bpfprobe_core *core, const void *elf, char path[static BPFPROBE_CORE_PATH_MAX]);

/*
 * Puts there what the open object names: structs, unions and enums, of whatever flavor, with all
 * that is within them; what they point to is left out, libbpf does not look at it.  Nothing to
 * do for an object that had them before.  0 or -errno.
 *
 * The programs must therefore ask for nothing else: no type of a module, no typedef by its own
 * name (bpf_core_type_exists()), and no number of a type (bpf_core_type_id_kernel()), which would
 * be the copy's.
 */
int bpfprobe_core_fill(struct bpfprobe_core *core, const struct bpf_object *object);

/*
 * Puts the kernel's functions into the program, which libbpf is about to load
 * (prog_prepare_load_fn), in place of calls of BPFPROBE_CALL_... (bpf/view.h).  0, or -errno:
 * ENOENT, the kernel has not one of them.
 */
int bpfprobe_core_link(struct bpfprobe_core *core, struct bpf_program *program);

void bpfprobe_core_close(struct bpfprobe_core *core);

#endif
