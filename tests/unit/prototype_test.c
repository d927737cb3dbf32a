/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the packet is among the arguments of functions and tracepoints, from types made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include "helper/prototype.h"

#define END 0

static struct btf *btf;

/* Types that arguments may have. */
static int number, pair, triple, nothing, int128, skb, skb_ptr, const_skb_ptr, skb_ptr_ptr, void_ptr, device_ptr,
    holder_ptr, list_ptr, xdp_ptr, xdp_ptr_ptr;

/* Both of the helper: the one that is called here only keeps the text. */
int
bpfprobe_fail(struct bpfprobe_reply *reply, enum bpfprobe_status status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reply->message, sizeof(reply->message), fmt, args);
	va_end(args);
	reply->status = status;
	return -1;
}

/* Structs of 12, 17 and 0 bytes, behind a typedef and a const. */
static void
add_values(void)
{
	pair = btf__add_struct(btf, "pair", 12);
	btf__add_field(btf, "a", number, 0, 0);
	btf__add_field(btf, "b", number, 32, 0);
	btf__add_field(btf, "c", number, 64, 0);
	pair = btf__add_typedef(btf, "pair_t", btf__add_const(btf, pair));
	triple = btf__add_struct(btf, "triple", 17);
	nothing = btf__add_struct(btf, "nothing", 0);
	int128 = btf__add_int(btf, "__int128", 16, BTF_INT_SIGNED);
}

/*
 * struct holder { int n; const struct sk_buff *skb; int bits : 3; struct sk_buff whole;
 *                 union { struct { void *x; struct sk_buff *deep; }; }; };
 */
static int
add_holder(void)
{
	int in, un, holder;

	in = btf__add_struct(btf, "", 16);
	btf__add_field(btf, "x", void_ptr, 0, 0);
	btf__add_field(btf, "deep", skb_ptr, 64, 0);
	un = btf__add_union(btf, "", 16);
	btf__add_field(btf, "", in, 0, 0);
	holder = btf__add_struct(btf, "holder", 64);
	btf__add_field(btf, "n", number, 0, 0);
	btf__add_field(btf, "skb", const_skb_ptr, 64, 0);
	btf__add_field(btf, "bits", number, 32, 3);
	btf__add_field(btf, "whole", skb, 128, 0);
	btf__add_field(btf, "", un, 192, 0);
	return holder;
}

static int
set_up(void **state)
{
	(void)state;
	btf = btf__new_empty();
	assert_non_null(btf);
	number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	add_values();
	void_ptr = btf__add_ptr(btf, 0);
	skb = btf__add_struct(btf, "sk_buff", 8);
	skb_ptr = btf__add_ptr(btf, skb);
	const_skb_ptr = btf__add_ptr(btf, btf__add_const(btf, skb));
	skb_ptr_ptr = btf__add_ptr(btf, skb_ptr);
	device_ptr = btf__add_ptr(btf, btf__add_fwd(btf, "net_device", BTF_FWD_STRUCT));
	holder_ptr = btf__add_ptr(btf, btf__add_typedef(btf, "holder_t", add_holder()));
	list_ptr = btf__add_ptr(btf, btf__add_struct(btf, "list_head", 16));
	xdp_ptr = btf__add_ptr(btf, btf__add_struct(btf, "xdp_buff", 56));
	xdp_ptr_ptr = btf__add_ptr(btf, xdp_ptr);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	btf__free(btf);
	return 0;
}

/* A function type with these arguments, up to END; its number. */
static int
add_proto(int hidden, const int *args)
{
	int proto = btf__add_func_proto(btf, number);

	if (hidden)
		btf__add_func_param(btf, "__data", void_ptr);
	for (; *args != END; args++)
		btf__add_func_param(btf, "a", *args);
	return proto;
}

static void
function(struct bpfprobe_prototype *prototype, const int *args)
{
	int id = btf__add_func(btf, "f", BTF_FUNC_STATIC, add_proto(0, args));

	assert_int_equal(bpfprobe_prototype_of(prototype, btf, btf__type_by_id(btf, (__u32)id)), 0);
}

static void
tracepoint(struct bpfprobe_prototype *prototype, const int *args)
{
	int id = btf__add_typedef(btf, "btf_trace_f", btf__add_ptr(btf, add_proto(1, args)));

	assert_int_equal(bpfprobe_prototype_of(prototype, btf, btf__type_by_id(btf, (__u32)id)), 0);
}

static void
expect(const struct bpfprobe_prototype *prototype, unsigned int arg, const char *field, unsigned int want,
    enum bpfprobe_form form, __u32 offset)
{
	struct bpfprobe_argument argument;
	struct bpfprobe_reply reply = { .message = "" };
	struct bpfprobe_name name = { .arg = arg };

	snprintf(name.field, sizeof(name.field), "%s", field);
	if (bpfprobe_prototype_argument(prototype, &name, "function \"f\"", &argument, &reply) < 0)
		fail_msg("arg%u.%s: %s", arg, field, reply.message);
	assert_int_equal(argument.number, want);
	assert_int_equal(argument.form, form);
	assert_int_equal(argument.offset, offset);
}

static void
expect_refused(
    const struct bpfprobe_prototype *prototype, unsigned int arg, const char *field, const char *why)
{
	struct bpfprobe_argument argument;
	struct bpfprobe_reply reply = { .message = "" };
	struct bpfprobe_name name = { .arg = arg };

	snprintf(name.field, sizeof(name.field), "%s", field);
	assert_int_equal(
	    bpfprobe_prototype_argument(prototype, &name, "function \"f\"", &argument, &reply), -1);
	assert_string_equal(reply.message, why);
	assert_int_equal(reply.status, BPFPROBE_NO_DEVICE);
}

static void
the_only_packet_is_found(void **state)
{
	struct bpfprobe_prototype prototype;

	(void)state;
	function(&prototype, (int[]){ skb_ptr, END });
	expect(&prototype, 0, "", 1, BPFPROBE_PACKET, 0);
	assert_int_equal(bpfprobe_prototype_packets(&prototype), 1);
	function(&prototype, (int[]){ number, device_ptr, const_skb_ptr, void_ptr, END });
	expect(&prototype, 0, "", 3, BPFPROBE_PACKET, 0);
	tracepoint(&prototype, (int[]){ number, skb_ptr, END });
	expect(&prototype, 0, "", 2, BPFPROBE_PACKET, 0);
	/* A pointer to the place of one only if there is no other. */
	function(&prototype, (int[]){ number, skb_ptr_ptr, END });
	expect(&prototype, 0, "", 2, BPFPROBE_BEHIND, 0);
	assert_int_equal(bpfprobe_prototype_packets(&prototype), 0);
	function(&prototype, (int[]){ skb_ptr_ptr, skb_ptr, END });
	expect(&prototype, 0, "", 2, BPFPROBE_PACKET, 0);
}

static void
none_or_several_are_refused(void **state)
{
	struct bpfprobe_prototype prototype;

	(void)state;
	function(&prototype, (int[]){ END });
	expect_refused(&prototype, 0, "", "function \"f\" has no struct sk_buff * or struct xdp_buff * argument: it has ()");
	tracepoint(&prototype, (int[]){ END });
	expect_refused(&prototype, 0, "", "function \"f\" has no struct sk_buff * or struct xdp_buff * argument: it has ()");
	function(&prototype, (int[]){ skb, device_ptr, void_ptr, number, END });
	expect_refused(&prototype, 0, "",
	    "function \"f\" has no struct sk_buff * or struct xdp_buff * argument: it has (struct sk_buff, struct net_device *, "
	    "void *, int)");
	function(&prototype, (int[]){ skb_ptr, const_skb_ptr, skb_ptr_ptr, END });
	expect_refused(&prototype, 0, "",
	    "function \"f\" has several packets, say which with argN: it has (struct sk_buff *, "
	    "struct sk_buff *, struct sk_buff **)");
	expect(&prototype, 1, "", 1, BPFPROBE_PACKET, 0);
	expect(&prototype, 2, "", 2, BPFPROBE_PACKET, 0);
	expect(&prototype, 3, "", 3, BPFPROBE_BEHIND, 0);
	expect_refused(&prototype, 4, "",
	    "function \"f\" has no arg4: it has (struct sk_buff *, struct sk_buff *, struct sk_buff **)");
	function(&prototype, (int[]){ skb_ptr_ptr, number, skb_ptr_ptr, END });
	expect_refused(&prototype, 0, "",
	    "function \"f\" has several packets, say which with argN: it has (struct sk_buff **, int, "
	    "struct sk_buff **)");
	expect_refused(&prototype, 2, "",
	    "function \"f\" has no struct sk_buff * or struct xdp_buff * as arg2: it has (struct sk_buff **, int, "
	    "struct sk_buff **)");
}

/* A function that returns `type`: its size, or 0 for no number. */
static void
expect_returns(int type, const int *args, __u32 bits, __u32 is_signed, __u32 slots)
{
	int proto = btf__add_func_proto(btf, type), id;
	struct bpfprobe_prototype prototype;
	struct bpfprobe_returns returns;

	for (; *args != END; args++)
		btf__add_func_param(btf, "a", *args);
	id = btf__add_func(btf, "f", BTF_FUNC_STATIC, proto);
	assert_int_equal(bpfprobe_prototype_of(&prototype, btf, btf__type_by_id(btf, (__u32)id)), 0);
	assert_int_equal(bpfprobe_prototype_returns(&prototype, &returns), bits > 0 ? 0 : -1);
	assert_int_equal(returns.bits, bits);
	assert_int_equal(returns.is_signed, is_signed);
	assert_int_equal(returns.is_pointer, type == skb_ptr);
	assert_int_equal(returns.slots, slots);
}

static void
what_is_returned_has_a_size_and_a_sign(void **state)
{
	(void)state;
	expect_returns(number, (int[]){ skb_ptr, END }, 32, 1, 1);
	expect_returns(btf__add_int(btf, "bool", 1, BTF_INT_BOOL), (int[]){ END }, 8, 0, 0);
	expect_returns(btf__add_int(btf, "u16", 2, 0), (int[]){ number, number, END }, 16, 0, 2);
	expect_returns(btf__add_typedef(btf, "ssize_t", btf__add_int(btf, "long", 8, BTF_INT_SIGNED)),
	    (int[]){ skb_ptr, END }, 64, 1, 1);
	expect_returns(skb_ptr, (int[]){ skb_ptr, END }, 64, 0, 1);
	expect_returns(btf__add_enum(btf, "verdict", 4), (int[]){ skb_ptr, END }, 32, 1, 1);
	expect_returns(0, (int[]){ skb_ptr, END }, 0, 0, 1);
	/* By value, and in front of the value in the context: two words. */
	expect_returns(number, (int[]){ pair, skb_ptr, END }, 32, 1, 3);
	expect_returns(pair, (int[]){ skb_ptr, END }, 0, 0, 1);
	expect_returns(int128, (int[]){ int128, END }, 0, 0, 2);
}

static void
a_field_leads_to_the_packet(void **state)
{
	static const char *const none[] = { "n", "whole", "x", "deeper", "sk_buff" };
	struct bpfprobe_prototype prototype;
	char why[160];
	size_t i;

	(void)state;
	function(&prototype, (int[]){ skb_ptr, holder_ptr, END });
	expect(&prototype, 2, "skb", 2, BPFPROBE_BEHIND, 8);
	expect(&prototype, 2, "deep", 2, BPFPROBE_BEHIND, 32);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		snprintf(why, sizeof(why),
		    "function \"f\" has no struct sk_buff * \"%s\" behind arg2: it has (struct sk_buff *, "
		    "holder_t *)", none[i]);
		expect_refused(&prototype, 2, none[i], why);
	}
	expect_refused(&prototype, 1, "skb",
	    "function \"f\" has no struct sk_buff * \"skb\" behind arg1: it has (struct sk_buff *, holder_t *)");
	function(&prototype, (int[]){ number, void_ptr, END });
	expect_refused(&prototype, 1, "skb",
	    "function \"f\" has no struct sk_buff * \"skb\" behind arg1: it has (int, void *)");
	expect_refused(&prototype, 2, "skb",
	    "function \"f\" has no struct sk_buff * \"skb\" behind arg2: it has (int, void *)");
}

static void
a_list_has_to_be_asked_for(void **state)
{
	struct bpfprobe_prototype prototype;

	(void)state;
	function(&prototype, (int[]){ number, list_ptr, END });
	expect_refused(&prototype, 0, "",
	    "function \"f\" has no struct sk_buff * or struct xdp_buff * argument: it has (int, struct list_head *)");
	expect(&prototype, 2, "", 2, BPFPROBE_LIST, 0);
	function(&prototype, (int[]){ list_ptr, skb_ptr, END });
	expect(&prototype, 0, "", 2, BPFPROBE_PACKET, 0);
}

static void
an_xdp_packet_is_one_too(void **state)
{
	struct bpfprobe_prototype prototype;

	(void)state;
	function(&prototype, (int[]){ device_ptr, xdp_ptr, void_ptr, END });
	expect(&prototype, 0, "", 2, BPFPROBE_XDP, 0);
	expect(&prototype, 2, "", 2, BPFPROBE_XDP, 0);
	assert_int_equal(bpfprobe_prototype_packets(&prototype), 1);
	assert_true(bpfprobe_prototype_has_packet(&prototype));
	expect_refused(&prototype, 1, "",
	    "function \"f\" has no struct sk_buff * or struct xdp_buff * as arg1: it has (struct net_device *, "
	    "struct xdp_buff *, void *)");
	/* An sk_buff, or its place, comes first, wherever it stands. */
	function(&prototype, (int[]){ xdp_ptr, skb_ptr, END });
	expect(&prototype, 0, "", 2, BPFPROBE_PACKET, 0);
	expect(&prototype, 1, "", 1, BPFPROBE_XDP, 0);
	function(&prototype, (int[]){ xdp_ptr, skb_ptr_ptr, END });
	expect(&prototype, 0, "", 2, BPFPROBE_BEHIND, 0);
	function(&prototype, (int[]){ xdp_ptr, xdp_ptr, END });
	expect_refused(&prototype, 0, "",
	    "function \"f\" has several packets, say which with argN: it has (struct xdp_buff *, "
	    "struct xdp_buff *)");
	expect(&prototype, 2, "", 2, BPFPROBE_XDP, 0);
	/* What is to be filled with packets has none yet. */
	function(&prototype, (int[]){ xdp_ptr_ptr, number, END });
	expect_refused(&prototype, 0, "",
	    "function \"f\" has no struct sk_buff * or struct xdp_buff * argument: it has (struct xdp_buff **, int)");
	assert_false(bpfprobe_prototype_has_packet(&prototype));
}

static void
an_offset_needs_no_types(void **state)
{
	static const char *const bad[] = { "skb", "8x", "65536", "4294967296", "99999999999999999999", "0x8" };
	struct bpfprobe_name name = { .arg = 3, .field = "65535" };
	struct bpfprobe_argument argument;
	struct bpfprobe_prototype prototype;
	size_t i;

	(void)state;
	function(&prototype, (int[]){ number, void_ptr, END });
	expect(&prototype, 2, "24", 2, BPFPROBE_BEHIND, 24);
	expect(&prototype, 2, "0", 2, BPFPROBE_BEHIND, 0);
	assert_int_equal(bpfprobe_prototype_untyped(&name, &argument), 0);
	assert_true(argument.number == 3 && argument.form == BPFPROBE_BEHIND && argument.offset == 65535);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(name.field, bad[i]);
		assert_int_equal(bpfprobe_prototype_untyped(&name, &argument), -1);
	}
	name.field[0] = '\0';
	assert_int_equal(bpfprobe_prototype_untyped(&name, &argument), 0);
	assert_true(argument.number == 3 && argument.form == BPFPROBE_PACKET);
	name.list = 1;
	assert_int_equal(bpfprobe_prototype_untyped(&name, &argument), 0);
	assert_true(argument.number == 3 && argument.form == BPFPROBE_LIST);
	name.arg = 0;
	assert_int_equal(bpfprobe_prototype_untyped(&name, &argument), -1);
}

/* Asks for arg `n`, or with 0 for the only packet: at which word it begins. */
static unsigned int
word_of(const int *args, unsigned int n)
{
	struct bpfprobe_reply reply = { .message = "" };
	struct bpfprobe_name name = { .arg = n };
	struct bpfprobe_prototype prototype;
	struct bpfprobe_argument argument;

	function(&prototype, args);
	if (bpfprobe_prototype_argument(&prototype, &name, "function \"f\"", &argument, &reply) < 0)
		fail_msg("%s", reply.message);
	return argument.word;
}

static void
a_struct_by_value_is_in_two_words(void **state)
{
	struct bpfprobe_name name = { .arg = 2, .field = "8" };
	struct bpfprobe_argument argument;
	struct bpfprobe_prototype prototype;

	(void)state;
	assert_int_equal(word_of((int[]){ skb_ptr, pair, END }, 0), 1);
	assert_int_equal(word_of((int[]){ number, skb_ptr, END }, 0), 2);
	assert_int_equal(word_of((int[]){ pair, skb_ptr, END }, 0), 3);
	assert_int_equal(word_of((int[]){ pair, nothing, int128, number, skb_ptr, END }, 0), 6);
	assert_int_equal(word_of((int[]){ skb_ptr, pair, skb_ptr, END }, 3), 4);
	assert_int_equal(word_of((int[]){ pair, holder_ptr, list_ptr, END }, 3), 4);
	function(&prototype, (int[]){ pair, holder_ptr, END });
	expect(&prototype, 2, "skb", 2, BPFPROBE_BEHIND, 8);
	expect(&prototype, 2, "8", 2, BPFPROBE_BEHIND, 8);
	/* Without types the user counts registers. */
	assert_int_equal(bpfprobe_prototype_untyped(&name, &argument), 0);
	assert_int_equal(argument.word, 2);
	/* On the stack, where the next ones may be, too. */
	function(&prototype, (int[]){ skb_ptr, triple, skb_ptr, END });
	expect(&prototype, 1, "", 1, BPFPROBE_PACKET, 0);
	expect_refused(&prototype, 3, "",
	    "function \"f\" has a large struct in front of arg3: it has (struct sk_buff *, struct triple, "
	    "struct sk_buff *)");
}

static unsigned int
reason_of(const int *args)
{
	struct bpfprobe_prototype prototype;

	function(&prototype, args);
	return bpfprobe_prototype_reason(&prototype);
}

static void
a_drop_reason_is_known_by_its_type(void **state)
{
	int reason = btf__add_enum(btf, "skb_drop_reason", 4), other = btf__add_enum(btf, "skb_drop_reason_subsys", 4);

	struct bpfprobe_prototype prototype;

	(void)state;
	assert_int_equal(reason_of((int[]){ skb_ptr, void_ptr, reason, END }), 3);
	assert_int_equal(reason_of((int[]){ skb_ptr, btf__add_const(btf, reason), END }), 2);
	assert_int_equal(reason_of((int[]){ pair, reason, skb_ptr, END }), 3);
	assert_int_equal(reason_of((int[]){ skb_ptr, other, number, END }), 0);
	/* Which of two it is, nobody knows; and where it points to, who is asked for it. */
	assert_int_equal(reason_of((int[]){ reason, skb_ptr, reason, END }), 0);
	assert_int_equal(reason_of((int[]){ skb_ptr, btf__add_ptr(btf, reason), END }), 0);
	/* The socket is found in the same way. */
	function(&prototype, (int[]){ skb_ptr, void_ptr, reason, btf__add_ptr(btf, btf__add_struct(btf, "sock", 8)), END });
	assert_int_equal(bpfprobe_prototype_socket(&prototype), 4);
	assert_int_equal(bpfprobe_prototype_reason(&prototype), 3);
	/* Beyond what is passed in registers. */
	assert_int_equal(reason_of((int[]){ pair, pair, skb_ptr, reason, END }), 6);
	assert_int_equal(reason_of((int[]){ pair, pair, skb_ptr, number, reason, END }), 0);
}

static void
other_types_are_no_prototypes(void **state)
{
	struct bpfprobe_prototype prototype;
	const int ids[] = { number, skb, skb_ptr, holder_ptr, btf__add_typedef(btf, "t", number),
		btf__add_typedef(btf, "u", skb_ptr), 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_int_equal(
		    bpfprobe_prototype_of(&prototype, btf, btf__type_by_id(btf, (__u32)ids[i])), -1);
	assert_int_equal(bpfprobe_prototype_of(&prototype, btf, NULL), -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_only_packet_is_found),
		cmocka_unit_test(none_or_several_are_refused),
		cmocka_unit_test(what_is_returned_has_a_size_and_a_sign),
		cmocka_unit_test(a_field_leads_to_the_packet),
		cmocka_unit_test(a_list_has_to_be_asked_for),
		cmocka_unit_test(an_xdp_packet_is_one_too),
		cmocka_unit_test(an_offset_needs_no_types),
		cmocka_unit_test(a_struct_by_value_is_in_two_words),
		cmocka_unit_test(a_drop_reason_is_known_by_its_type),
		cmocka_unit_test(other_types_are_no_prototypes),
	};

	return cmocka_run_group_tests_name("prototype", tests, set_up, tear_down);
}
