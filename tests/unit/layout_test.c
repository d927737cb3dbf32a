/* SPDX-License-Identifier: BSD-3-Clause */
/* The comparison of a program's struct bpf_pcap_hdr with ours, over types made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include "helper/layout.h"

/* A type of each size that members have, and a few others. */
struct types {
	struct btf *btf;
	int u8, s32, u32, u64, data, pair;
};

/* The members of a struct as it is to be made; type by its place in struct types. */
struct field {
	const char *name;
	size_t type;
	unsigned int bit, bits; /* bits > 0: a bit field */
};

#define T(NAME) offsetof(struct types, NAME)
#define MEMBERS 7

static const struct field right[MEMBERS] = {
	{ "magic", T(u32), 0, 0 },
	{ "protocol", T(s32), 32, 0 },
	{ "flags", T(u64), 64, 0 },
	{ "ktime_ns", T(u64), 128, 0 },
	{ "tot_len", T(u32), 192, 0 },
	{ "cap_len", T(u32), 224, 0 },
	{ "data", T(data), 256, 0 },
};

static void
make_types(struct types *types)
{
	int n;

	types->btf = btf__new_empty();
	assert_non_null(types->btf);
	types->u8 = btf__add_int(types->btf, "unsigned char", 1, 0);
	types->s32 = btf__add_int(types->btf, "int", 4, BTF_INT_SIGNED);
	n = btf__add_int(types->btf, "unsigned int", 4, 0);
	types->u32 = btf__add_typedef(types->btf, "__u32", n);
	n = btf__add_int(types->btf, "unsigned long long", 8, 0);
	types->u64 = btf__add_typedef(types->btf, "__u64", n);
	types->data = btf__add_array(types->btf, n, types->u8, 0);
	types->pair = btf__add_array(types->btf, n, types->u32, 2);
	assert_true(types->u8 > 0 && types->u64 > 0 && types->data > 0 && types->pair > 0);
}

static int
type_of(const struct types *types, const struct field *field)
{
	int id;

	memcpy(&id, (const char *)types + field->type, sizeof(id));
	return id;
}

static int
add_struct(const struct types *types, const char *name, const struct field *fields, unsigned int count)
{
	int id = btf__add_struct(types->btf, name, 32);
	unsigned int i;

	assert_true(id > 0);
	for (i = 0; i < count; i++)
		assert_int_equal(
		    btf__add_field(types->btf, fields[i].name, type_of(types, &fields[i]), fields[i].bit, fields[i].bits), 0);
	return id;
}

static void
the_right_one_fits(void **state)
{
	struct types types;
	char why[160] = "";
	int id;

	(void)state;
	make_types(&types);
	assert_int_equal(bpfprobe_layout_find(types.btf), 0);
	id = add_struct(&types, BPFPROBE_LAYOUT_STRUCT, right, MEMBERS);
	assert_int_equal(bpfprobe_layout_find(types.btf), id);
	assert_int_equal(bpfprobe_layout_check(types.btf, (__u32)id, why, sizeof(why)), 0);
	/* Also as a typedef of it. */
	id = btf__add_typedef(types.btf, "pcap_hdr", id);
	assert_int_equal(bpfprobe_layout_check(types.btf, (__u32)id, why, sizeof(why)), 0);
	btf__free(types.btf);
}

/* The right one but for member `at`, or with `count` members. */
static void
assert_differs(unsigned int at, struct field field, unsigned int count, const char *expected)
{
	struct field fields[MEMBERS + 1];
	struct types types;
	char why[160] = "";
	int id;

	memcpy(fields, right, sizeof(right));
	fields[at] = field;
	make_types(&types);
	id = add_struct(&types, BPFPROBE_LAYOUT_STRUCT, fields, count);
	assert_int_equal(bpfprobe_layout_check(types.btf, (__u32)id, why, sizeof(why)), -1);
	assert_string_equal(why, expected);
	btf__free(types.btf);
}

static void
each_difference_is_found(void **state)
{
	(void)state;
	assert_differs(0, (struct field){ "magick", T(u32), 0, 0 }, MEMBERS,
	    "its member 1 is \"magick\", not \"magic\"");
	assert_differs(4, (struct field){ "tot_len", T(u32), 224, 0 }, MEMBERS, "its \"tot_len\" is at byte 28, not 24");
	assert_differs(4, (struct field){ "tot_len", T(u64), 192, 0 }, MEMBERS, "its \"tot_len\" is not of 4 bytes");
	assert_differs(5, (struct field){ "cap_len", T(u32), 224, 31 }, MEMBERS, "its \"cap_len\" is not of 4 bytes");
	assert_differs(2, (struct field){ "flags", T(pair), 64, 0 }, MEMBERS - 1, "it has no \"data\"");
	assert_differs(6, (struct field){ "data", T(u8), 256, 0 }, MEMBERS, "its \"data\" is not of 0 bytes");
	assert_differs(7, (struct field){ "more", T(u8), 256, 0 }, MEMBERS + 1, "it has \"more\" besides");
	assert_differs(0, right[0], 0, "it has no \"magic\"");
}

static void
other_types_do_not_fit(void **state)
{
	struct types types;
	char why[160];
	__u32 others[5];
	unsigned int i;

	(void)state;
	make_types(&types);
	others[0] = (__u32)add_struct(&types, "another", right, MEMBERS);
	others[1] = (__u32)types.u32;
	others[2] = (__u32)types.data;
	others[3] = 0;
	others[4] = 10000;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		why[0] = '\0';
		assert_int_equal(bpfprobe_layout_check(types.btf, others[i], why, sizeof(why)), -1);
		assert_string_equal(why, "it is of another type");
	}
	btf__free(types.btf);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_one_fits),
		cmocka_unit_test(each_difference_is_found),
		cmocka_unit_test(other_types_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
