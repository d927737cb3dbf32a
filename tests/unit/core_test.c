/* SPDX-License-Identifier: BSD-3-Clause */
/* What an object of ours names in a kernel's types, which are made here, and calls of the kernel's functions. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <linux/types.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "bpf/config.h"
#include "bpf/view.h"
#include "helper/core.h"
#include "bpf/pass.skel.h"
#include "bpf/tpdirect.skel.h"

struct kernel {
	struct btf *btf;
	int number, byte, function;
};

/* `result` is that of an addition, which has to succeed. */
static int
added(int result)
{
	assert_true(result >= 0);
	return result;
}

/* A struct of that name and size with a member of each form, and what stands around it. */
static void
add_packet(struct kernel *kernel, const char *name, unsigned int size)
{
	struct btf *btf = kernel->btf;
	int list = added(btf__add_array(btf, kernel->number, kernel->byte, 48));
	int within = added(btf__add_union(btf, NULL, 4));
	int pointer, constant;

	added(btf__add_field(btf, "mark", kernel->number, 0, 0));
	added(btf__add_field(btf, "reserved", kernel->number, 0, 0));
	constant = added(btf__add_const(btf, kernel->number));
	pointer = added(btf__add_ptr(btf, added(btf__add_struct(btf, "far_away", 1024))));
	added(btf__add_struct(btf, name, size));
	added(btf__add_field(btf, "next", pointer, 0, 0));
	added(btf__add_field(btf, "len", constant, 64, 0));
	added(btf__add_field(btf, "pkt_type", kernel->byte, 96, 3));
	added(btf__add_field(btf, "cloned", kernel->byte, 99, 1));
	added(btf__add_field(btf, "cb", list, 128, 0));
	added(btf__add_field(btf, NULL, within, 512, 0));
}

static void
make_kernel(struct kernel *kernel)
{
	kernel->btf = btf__new_empty();
	assert_non_null(kernel->btf);
	kernel->number = added(btf__add_int(kernel->btf, "unsigned int", 4, 0));
	kernel->byte = added(btf__add_int(kernel->btf, "unsigned char", 1, 0));
	added(btf__add_struct(kernel->btf, "unrelated", 8));
	added(btf__add_field(kernel->btf, "len", kernel->number, 0, 0));
	added(btf__add_enum(kernel->btf, "bpf_func_id", 4));
	added(btf__add_enum_value(kernel->btf, "BPF_FUNC_unspec", 0));
	add_packet(kernel, "sk_buff", 232);
	kernel->function = added(btf__add_func(kernel->btf, "bpf_rdonly_cast", BTF_FUNC_STATIC,
	    added(btf__add_func_proto(kernel->btf, 0))));
}

/* What a test works on: a kernel, and what is copied of it for an object. */
struct fixture {
	struct kernel kernel;
	struct bpfprobe_core core;
	char path[BPFPROBE_CORE_PATH_MAX];
	struct bpf_object *object;
};

static void
open_object(struct fixture *fixture, const void *elf, size_t size)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "bpfprobe", .btf_custom_path = fixture->path);

	bpf_object__close(fixture->object);
	assert_int_equal(bpfprobe_core_open(&fixture->core, elf, fixture->path), 0);
	fixture->object = bpf_object__open_mem(elf, size, &opts);
	assert_non_null(fixture->object);
	assert_int_equal(bpfprobe_core_fill(&fixture->core, fixture->object), 0);
}

static void
open_direct(struct fixture *fixture)
{
	size_t size;
	const void *elf = tpdirect_bpf__elf_bytes(&size);

	open_object(fixture, elf, size);
}

static void
begin(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	make_kernel(&fixture->kernel);
	fixture->core = BPFPROBE_NO_CORE;
	fixture->core.kernel = fixture->kernel.btf;
}

static void
end(struct fixture *fixture)
{
	bpf_object__close(fixture->object);
	bpfprobe_core_close(&fixture->core);
	btf__free(fixture->kernel.btf);
}

/* The copies, as libbpf reads them; the caller's. */
static struct btf *
copied(const struct fixture *fixture)
{
	struct btf *btf = btf__parse(fixture->path, NULL);

	assert_non_null(btf);
	return btf;
}

static int
count_of(const struct btf *btf, const char *name)
{
	__u32 i, n = btf__type_cnt(btf);
	int count = 0;

	for (i = 1; i < n; i++)
		count += strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, i)->name_off), name) == 0;
	return count;
}

static const struct btf_member *
member_of(const struct btf *btf, const struct btf_type *type, unsigned int i, const char *name, unsigned int bit,
    unsigned int bits)
{
	const struct btf_member *member = btf_members(type) + i;

	assert_string_equal(btf__name_by_offset(btf, member->name_off), name);
	assert_int_equal(btf_member_bit_offset(type, i), bit);
	assert_int_equal(btf_member_bitfield_size(type, i), bits);
	return member;
}

static void
check_packet(const struct btf *btf)
{
	const struct btf_type *packet, *type;
	int id = btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT);

	assert_true(id > 0);
	packet = btf__type_by_id(btf, (__u32)id);
	assert_int_equal(packet->size, 232);
	assert_int_equal(btf_vlen(packet), 6);
	type = btf__type_by_id(btf, member_of(btf, packet, 0, "next", 0, 0)->type);
	assert_true(btf_is_ptr(type) && type->type == 0);
	type = btf__type_by_id(btf, member_of(btf, packet, 1, "len", 64, 0)->type);
	assert_true(btf_is_int(type) && type->size == 4);
	type = btf__type_by_id(btf, member_of(btf, packet, 2, "pkt_type", 96, 3)->type);
	assert_true(btf_is_int(type) && type->size == 1);
	member_of(btf, packet, 3, "cloned", 99, 1);
	type = btf__type_by_id(btf, member_of(btf, packet, 4, "cb", 128, 0)->type);
	assert_true(btf_is_array(type) && btf_array(type)->nelems == 48);
	assert_int_equal(btf__type_by_id(btf, btf_array(type)->type)->size, 1);
	type = btf__type_by_id(btf, member_of(btf, packet, 5, "", 512, 0)->type);
	assert_true(btf_is_union(type) && type->size == 4 && btf_vlen(type) == 2);
	member_of(btf, type, 0, "mark", 0, 0);
	member_of(btf, type, 1, "reserved", 0, 0);
}

static void
what_an_object_names_is_copied(void **state)
{
	struct fixture fixture;
	struct btf *btf;

	(void)state;
	begin(&fixture);
	open_direct(&fixture);
	btf = copied(&fixture);
	check_packet(btf);
	assert_int_equal(count_of(btf, "unrelated") + count_of(btf, "far_away"), 0);
	btf__free(btf);
	end(&fixture);
}

/* As where two source files have seen a struct differently: libbpf compares them, whatever the flavor. */
static void
all_of_one_name_are_copied(void **state)
{
	struct fixture fixture;
	struct btf *btf;

	(void)state;
	begin(&fixture);
	add_packet(&fixture.kernel, "sk_buff", 240);
	add_packet(&fixture.kernel, "sk_buff___other", 248);
	add_packet(&fixture.kernel, "sk_buff_head", 256);
	open_direct(&fixture);
	btf = copied(&fixture);
	check_packet(btf);
	assert_int_equal(count_of(btf, "sk_buff"), 2);
	assert_int_equal(count_of(btf, "sk_buff___other"), 1);
	assert_int_equal(count_of(btf, "sk_buff_head"), 0);
	btf__free(btf);
	end(&fixture);
}

static void
they_are_made_once_for_each_object(void **state)
{
	struct stat first, second, other;
	struct fixture fixture;
	const void *elf;
	struct btf *btf;
	size_t size;

	(void)state;
	begin(&fixture);
	open_direct(&fixture);
	assert_int_equal(stat(fixture.path, &first), 0);
	open_direct(&fixture);
	assert_int_equal(stat(fixture.path, &second), 0);
	assert_true(first.st_ino == second.st_ino && first.st_size == second.st_size);
	elf = pass_bpf__elf_bytes(&size);
	open_object(&fixture, elf, size);
	assert_int_equal(stat(fixture.path, &other), 0);
	assert_true(other.st_ino != first.st_ino);
	btf = copied(&fixture);
	assert_true(btf__find_by_name_kind(btf, "bpf_func_id", BTF_KIND_ENUM) > 0);
	btf__free(btf);
	end(&fixture);
	assert_int_equal(stat(fixture.path, &other), -1);
}

static void
what_fails_is_made_anew(void **state)
{
	struct rlimit limit, low;
	struct fixture fixture;
	struct btf *btf;

	(void)state;
	begin(&fixture);
	open_direct(&fixture);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	low = limit;
	low.rlim_cur = 100;
	bpfprobe_core_close(&fixture.core);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_int_equal(bpfprobe_core_open(&fixture.core, fixture.core.elf, fixture.path), 0);
	assert_int_equal(bpfprobe_core_fill(&fixture.core, fixture.object), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(bpfprobe_core_open(&fixture.core, fixture.core.elf, fixture.path), 0);
	assert_int_equal(bpfprobe_core_fill(&fixture.core, fixture.object), 0);
	btf = copied(&fixture);
	check_packet(btf);
	btf__free(btf);
	end(&fixture);
}

/* How many calls of the number, from where `src_reg` says, the program has. */
static int
calls_of(const struct bpf_program *program, unsigned int src_reg, __s32 number)
{
	const struct bpf_insn *insns = bpf_program__insns(program);
	size_t i, n = bpf_program__insn_cnt(program);
	int count = 0;

	for (i = 0; i < n; i++)
		count += insns[i].code == (BPF_JMP | BPF_CALL) && insns[i].src_reg == src_reg && insns[i].imm == number;
	return count;
}

static void
calls_become_the_kernels(void **state)
{
	struct bpf_program *program;
	struct fixture fixture;
	int n;

	(void)state;
	begin(&fixture);
	open_direct(&fixture);
	program = bpf_object__find_program_by_name(fixture.object, "bpfprobe_arg1");
	n = calls_of(program, 0, BPFPROBE_CALL_RDONLY_CAST);
	assert_true(n > 0);
	assert_int_equal(bpfprobe_core_link(&fixture.core, program), 0);
	assert_int_equal(calls_of(program, 0, BPFPROBE_CALL_RDONLY_CAST), 0);
	assert_int_equal(calls_of(program, BPF_PSEUDO_KFUNC_CALL, fixture.kernel.function), n);
	end(&fixture);
}

static void
nothing_else_becomes_a_call(void **state)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = BPFPROBE_CALL_RDONLY_CAST },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = BPFPROBE_CALL_RDONLY_CAST },
		{ .code = BPF_JMP | BPF_CALL, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_program *program;
	struct fixture fixture;

	(void)state;
	begin(&fixture);
	open_direct(&fixture);
	program = bpf_object__find_program_by_name(fixture.object, "bpfprobe_arg1");
	assert_int_equal(bpf_program__set_insns(program, insns, sizeof(insns) / sizeof(insns[0])), 0);
	assert_int_equal(bpfprobe_core_link(&fixture.core, program), 0);
	assert_memory_equal(bpf_program__insns(program), insns, sizeof(insns));
	end(&fixture);
}

static void
a_kernel_without_the_function(void **state)
{
	struct btf *without = btf__new_empty();
	struct bpf_program *program;
	struct fixture fixture;
	int n;

	(void)state;
	begin(&fixture);
	open_direct(&fixture);
	program = bpf_object__find_program_by_name(fixture.object, "bpfprobe_arg1");
	n = calls_of(program, 0, BPFPROBE_CALL_RDONLY_CAST);
	fixture.core.kernel = without;
	assert_int_equal(bpfprobe_core_link(&fixture.core, program), -ENOENT);
	assert_int_equal(calls_of(program, 0, BPFPROBE_CALL_RDONLY_CAST), n);
	btf__free(without);
	end(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_object_names_is_copied),
		cmocka_unit_test(all_of_one_name_are_copied),
		cmocka_unit_test(they_are_made_once_for_each_object),
		cmocka_unit_test(what_fails_is_made_anew),
		cmocka_unit_test(calls_become_the_kernels),
		cmocka_unit_test(nothing_else_becomes_a_call),
		cmocka_unit_test(a_kernel_without_the_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
