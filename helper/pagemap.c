/* SPDX-License-Identifier: BSD-3-Clause */
/* See pagemap.h. */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>
#include "helper/pagemap.h"

/* What kcore says of a range that is not at one physical address. */
#define NOWHERE ((Elf64_Addr)-1)

/*
 * Whether `pages` is the array for the memory of `memory`, and if so, where the
 * arrays of all memory begin; 0: it is not.  Both its ends are those of a page.
 */
static __u64
begin_of_pages(const Elf64_Phdr *memory, const Elf64_Phdr *pages, const struct bpfprobe_pagemap *map)
{
	__u64 bytes = memory->p_memsz / map->page_size * map->page_struct;
	__u64 offset = memory->p_paddr / map->page_size * map->page_struct;

	if (memory->p_type != PT_LOAD || memory->p_paddr == NOWHERE ||
	    pages->p_type != PT_LOAD || pages->p_paddr != NOWHERE)
		return 0;
	if (pages->p_memsz + map->page_size < bytes || pages->p_memsz > bytes + 2 * (__u64)map->page_size)
		return 0;
	return pages->p_vaddr - offset / map->page_size * map->page_size;
}

/* Takes what two neighbours say; -1: it contradicts the others. */
static int
take(struct bpfprobe_pagemap *map, const Elf64_Phdr *memory, const Elf64_Phdr *pages)
{
	__u64 begin = begin_of_pages(memory, pages, map);
	__u64 base = memory->p_vaddr - memory->p_paddr;

	if (begin == 0)
		return 0;
	if (map->pages != 0 && (map->pages != begin || map->memory != base))
		return -1;
	map->pages = begin;
	map->memory = base;
	return 0;
}

static int
read_ranges(struct bpfprobe_pagemap *map, FILE *file)
{
	Elf64_Phdr last, next;
	Elf64_Ehdr header;
	unsigned int i;

	memset(&last, 0, sizeof(last));
	if (fread(&header, sizeof(header), 1, file) != 1 ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_phentsize != sizeof(next) || fseek(file, (long)header.e_phoff, SEEK_SET) < 0)
		return -1;
	for (i = 0; i < header.e_phnum; i++) {
		if (fread(&next, sizeof(next), 1, file) != 1 || take(map, &last, &next) < 0)
			return -1;
		last = next;
	}
	return map->pages != 0 ? 0 : -1;
}

void
bpfprobe_pagemap_read(struct bpfprobe_pagemap *map, const char *path,
    unsigned int page_struct, unsigned int page_size)
{
	FILE *file = fopen(path, "r");

	memset(map, 0, sizeof(*map));
	map->page_struct = page_struct;
	map->page_size = page_size;
	if (file == NULL || page_struct == 0 || read_ranges(map, file) < 0)
		memset(map, 0, sizeof(*map));
	if (file != NULL)
		fclose(file);
}
