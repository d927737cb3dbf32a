/* SPDX-License-Identifier: BSD-3-Clause */
/* Where pages are mapped, from program headers as those of /proc/kcore. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/types.h>
#include "helper/pagemap.h"

#define NOWHERE ((Elf64_Addr)-1)
#define RANGE(vaddr, paddr, size) { .p_type = PT_LOAD, .p_vaddr = (vaddr), .p_paddr = (paddr), .p_memsz = (size) }
#define NOTE { .p_type = PT_NOTE }
/* As in a machine with 2 GiB under 6.12, with addresses that its kernel had chosen. */
#define MEMORY 0xff3dae0b00000000ULL
#define PAGES 0xffb50fd700000000ULL
#define TEXT RANGE(0xffffffffb6000000, 0x6c800000, 0x2c30000)
#define VMALLOC RANGE(0xff5f131700000000, NOWHERE, 0x31ffffffffffff)
#define MODULES RANGE(0xffffffffc0000000, NOWHERE, 0x3f000000)
#define LOW RANGE(MEMORY + 0x1000, 0x1000, 0x9e000)
#define LOW_PAGES RANGE(PAGES, NOWHERE, 0x3000)
#define HIGH RANGE(MEMORY + 0x100000, 0x100000, 0x7fee0000)
#define HIGH_PAGES RANGE(PAGES + 0x4000, NOWHERE, 0x1ffc000)

static const struct {
	const char *what;
	int found;
	Elf64_Phdr ranges[8];
} cases[] = {
	{ "a kernel's", 1, { NOTE, TEXT, VMALLOC, MODULES, LOW, LOW_PAGES, HIGH, HIGH_PAGES } },
	{ "in another order", 1, { HIGH, HIGH_PAGES, MODULES, VMALLOC, TEXT, NOTE, LOW, LOW_PAGES } },
	{ "without arrays", 0, { NOTE, TEXT, VMALLOC, MODULES, LOW, HIGH } },
	{ "only the array", 0, { LOW_PAGES, HIGH_PAGES, MODULES } },
	{ "of another size", 0, { HIGH, RANGE(PAGES + 0x4000, NOWHERE, 0xffc000) } },
	{ "arrays that contradict each other", 0, { LOW, LOW_PAGES, HIGH, RANGE(PAGES + 0x8000, NOWHERE, 0x1ffc000) } },
	{ "memory that does", 0, { LOW, LOW_PAGES, RANGE(MEMORY + 0x300000, 0x100000, 0x7fee0000), HIGH_PAGES } },
	{ "nothing", 0, { { 0 } } },
};

/* Writes a file with the ranges, `size` bytes of it; its name is in `path` then. */
static void
write_file(char *path, const Elf64_Phdr *ranges, size_t size)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr ranges[8];
	} file;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	memset(&file, 0, sizeof(file));
	memcpy(file.header.e_ident, ELFMAG, SELFMAG);
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	file.header.e_phoff = offsetof(__typeof__(file), ranges);
	file.header.e_phentsize = sizeof(Elf64_Phdr);
	file.header.e_phnum = 8;
	memcpy(file.ranges, ranges, sizeof(file.ranges));
	if (size > sizeof(file))
		size = sizeof(file);
	assert_int_equal(write(fd, &file, size), size);
	close(fd);
}

static void
read_it(struct bpfprobe_pagemap *map, const Elf64_Phdr *ranges, size_t size)
{
	char path[] = "/tmp/pagemap.XXXXXX";

	memset(map, 0x55, sizeof(*map));
	write_file(path, ranges, size);
	bpfprobe_pagemap_read(map, path, 64, 4096);
	unlink(path);
}

static void
ranges_have_to_fit(void **state)
{
	struct bpfprobe_pagemap map;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_it(&map, cases[i].ranges, SIZE_MAX);
		if ((map.pages != 0) != cases[i].found)
			fail_msg("%s: found %d", cases[i].what, map.pages != 0);
		assert_true(map.pages == (cases[i].found ? PAGES : 0));
		assert_true(map.memory == (cases[i].found ? MEMORY : 0));
		assert_int_equal(map.page_struct, cases[i].found ? 64 : 0);
		assert_int_equal(map.page_size, cases[i].found ? 4096 : 0);
	}
}

static void
half_a_file_is_none(void **state)
{
	struct bpfprobe_pagemap map;
	size_t size;

	(void)state;
	for (size = 0; size < 400; size += 7) {
		read_it(&map, cases[0].ranges, size);
		assert_true(map.pages == 0 && map.memory == 0);
	}
	bpfprobe_pagemap_read(&map, "/nonexistent/kcore", 64, 4096);
	assert_true(map.pages == 0);
	read_it(&map, cases[0].ranges, SIZE_MAX);
	assert_true(map.pages != 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_have_to_fit),
		cmocka_unit_test(half_a_file_is_none),
	};

	return cmocka_run_group_tests_name("pagemap", tests, NULL, NULL);
}
