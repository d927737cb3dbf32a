/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See prototype.h.  A tracepoint NAME stands in BTF as
 *   TYPEDEF btf_trace_NAME -> PTR -> FUNC_PROTO (void *__data, arguments...)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include "helper/prototype.h"

#define NESTED_MAX 8	 /* unnamed structs and unions in each other */
#define OFFSET_MAX 65535 /* of a pointer in a struct */
#define WORD 8		 /* bytes of a register */

static const struct btf_type *
type_of(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type != NULL && btf_is_mod(type))
		type = btf__type_by_id(btf, type->type);
	return type;
}

static const char *
name_of(const struct btf *btf, const struct btf_type *type)
{
	const char *name = type != NULL ? btf__name_by_offset(btf, type->name_off) : NULL;

	return name != NULL ? name : "";
}

/* What a pointer points to; NULL: it is none. */
static const struct btf_type *
target_of(const struct btf *btf, const struct btf_type *type)
{
	return type != NULL && btf_is_ptr(type) ? type_of(btf, type->type) : NULL;
}

static int
is_pointer_to(const struct btf *btf, const struct btf_type *type, const char *name)
{
	type = target_of(btf, type);
	return type != NULL && btf_is_struct(type) && strcmp(name_of(btf, type), name) == 0;
}

/* Whether it is a struct sk_buff *. */
static int
is_packet(const struct btf *btf, const struct btf_type *type)
{
	return is_pointer_to(btf, type, "sk_buff");
}

/* Whether it is a struct xdp_buff *. */
static int
is_xdp(const struct btf *btf, const struct btf_type *type)
{
	return is_pointer_to(btf, type, "xdp_buff");
}

int
bpfprobe_prototype_of(
    struct bpfprobe_prototype *prototype, const struct btf *btf, const struct btf_type *type)
{
	prototype->btf = btf;
	prototype->hidden = 0;
	if (type == NULL)
		return -1;
	if (btf_is_typedef(type)) {
		prototype->hidden = 1;
		type = target_of(btf, type_of(btf, type->type));
	} else {
		type = btf_is_func(type) ? type_of(btf, type->type) : NULL;
	}
	prototype->type = type;
	return type != NULL && btf_is_func_proto(type) && btf_vlen(type) >= prototype->hidden ? 0 : -1;
}

static unsigned int
count(const struct bpfprobe_prototype *prototype)
{
	return btf_vlen(prototype->type) - prototype->hidden;
}

/* Argument n, from 1. */
static const struct btf_type *
argument_type(const struct bpfprobe_prototype *prototype, unsigned int n)
{
	const struct btf_param *params = btf_params(prototype->type);

	return type_of(prototype->btf, params[n - 1 + prototype->hidden].type);
}

unsigned int
bpfprobe_prototype_packets(const struct bpfprobe_prototype *prototype)
{
	unsigned int i, n = 0;

	for (i = 1; i <= count(prototype); i++)
		n += is_packet(prototype->btf, argument_type(prototype, i)) ||
		    is_xdp(prototype->btf, argument_type(prototype, i));
	return n;
}

/* Writes a type as C has it, roughly. */
static void
print_type(const struct btf *btf, const struct btf_type *type, char *buf, size_t len)
{
	const char *kind = "", *stars = "";

	if (type != NULL && btf_is_ptr(type)) {
		stars = " *";
		type = type_of(btf, type->type);
		if (type != NULL && btf_is_ptr(type)) {
			stars = " **";
			type = type_of(btf, type->type);
		}
	}
	if (type == NULL || btf_is_void(type)) {
		snprintf(buf, len, "void%s", stars);
		return;
	}
	if (btf_is_composite(type) || btf_is_fwd(type))
		kind = btf_is_union(type) ? "union " : "struct ";
	else if (btf_is_any_enum(type))
		kind = "enum ";
	snprintf(buf, len, "%s%s%s", kind, btf_is_func_proto(type) ? "function" : name_of(btf, type), stars);
}

void
bpfprobe_prototype_print(const struct bpfprobe_prototype *prototype, char *buf, size_t len)
{
	size_t used = 0;
	unsigned int i;
	char type[64];

	buf[0] = '\0';
	for (i = 1; i <= count(prototype) && used < len; i++) {
		print_type(prototype->btf, argument_type(prototype, i), type, sizeof(type));
		used += (size_t)snprintf(buf + used, len - used, "%s%s", i > 1 ? ", " : "", type);
	}
}

/* What a typedef stands for. */
static const struct btf_type *
meant_by(const struct btf *btf, const struct btf_type *type)
{
	while (type != NULL && btf_is_typedef(type))
		type = type_of(btf, type->type);
	return type;
}

/* Words that argument n takes. */
static unsigned int
words_of(const struct bpfprobe_prototype *prototype, unsigned int n)
{
	const struct btf_param *params = btf_params(prototype->type) + prototype->hidden;
	__s64 size = btf__resolve_size(prototype->btf, params[n - 1].type);

	return size < 0 ? 1 : (unsigned int)((size + WORD - 1) / WORD);
}

int
bpfprobe_prototype_returns(
    const struct bpfprobe_prototype *prototype, struct bpfprobe_returns *returns)
{
	const struct btf *btf = prototype->btf;
	const struct btf_type *type = meant_by(btf, type_of(btf, prototype->type->type));
	__s64 size = btf__resolve_size(btf, prototype->type->type);
	unsigned int i;

	memset(returns, 0, sizeof(*returns));
	for (i = 1; i <= count(prototype); i++)
		returns->slots += words_of(prototype, i);
	if (type == NULL || !(btf_is_ptr(type) || btf_is_int(type) || btf_is_any_enum(type)) || size > WORD)
		return -1;
	returns->bits = (__u32)size * 8;
	returns->is_pointer = btf_is_ptr(type);
	returns->is_signed = btf_is_any_enum(type) || (btf_is_int(type) && btf_int_encoding(type) & BTF_INT_SIGNED);
	return 0;
}

/* Fails: `what` and `why`, and the arguments that there are. */
static int
refuse(const struct bpfprobe_prototype *prototype, const char *what, const char *why,
    struct bpfprobe_reply *reply)
{
	char args[120];

	bpfprobe_prototype_print(prototype, args, sizeof(args));
	return bpfprobe_fail(reply, BPFPROBE_NO_DEVICE, "%s %s: it has (%s)", what, why, args);
}

/* The only argument of the kind that `is` tells; 0: none, -1: several. */
static int
only(const struct bpfprobe_prototype *prototype,
    int (*is)(const struct btf *btf, const struct btf_type *type))
{
	unsigned int i;
	int found = 0;

	for (i = 1; i <= count(prototype); i++) {
		if (!is(prototype->btf, argument_type(prototype, i)))
			continue;
		if (found > 0)
			return -1;
		found = (int)i;
	}
	return found;
}

/* Whether it is a struct sk_buff **. */
static int
is_place_of_packet(const struct btf *btf, const struct btf_type *type)
{
	return is_packet(btf, target_of(btf, type));
}

static int
is_list(const struct btf *btf, const struct btf_type *type)
{
	return is_pointer_to(btf, type, "list_head");
}

int
bpfprobe_prototype_has_packet(const struct bpfprobe_prototype *prototype)
{
	return bpfprobe_prototype_packets(prototype) > 0 || only(prototype, is_place_of_packet) != 0;
}

/* The member `field`, also of unnamed members; its offset is added to *bits. NULL: there is none. */
static const struct btf_type *
find_member(const struct btf *btf, const struct btf_type *type, const char *field, int depth, __u32 *bits)
{
	const struct btf_member *member;
	const struct btf_type *of;
	const char *name;
	unsigned int i;

	type = meant_by(btf, type);
	if (type == NULL || !btf_is_composite(type) || depth == 0)
		return NULL;
	for (i = 0, member = btf_members(type); i < btf_vlen(type); i++, member++) {
		name = btf__name_by_offset(btf, member->name_off);
		of = type_of(btf, member->type);
		if (name != NULL && name[0] == '\0')
			of = find_member(btf, of, field, depth - 1, bits);
		else if (name == NULL || strcmp(name, field) != 0)
			of = NULL;
		if (of != NULL) {
			*bits += btf_member_bit_offset(type, i);
			return of;
		}
	}
	return NULL;
}

unsigned int
bpfprobe_prototype_holder(const struct bpfprobe_prototype *prototype)
{
	const struct btf_type *type;
	unsigned int i;
	__u32 bits;

	for (i = 1; i <= count(prototype); i++) {
		type = target_of(prototype->btf, argument_type(prototype, i));
		bits = 0;
		type = find_member(prototype->btf, type, "skb", NESTED_MAX, &bits);
		if (is_packet(prototype->btf, type))
			return i;
	}
	return 0;
}

/* The pointer to the packet in the struct that the argument points to. */
static int
find_field(const struct bpfprobe_prototype *prototype, const struct bpfprobe_name *name,
    const char *what, struct bpfprobe_argument *argument, struct bpfprobe_reply *reply)
{
	const struct btf_type *type =
	    target_of(prototype->btf, argument_type(prototype, argument->number));
	char why[BPFPROBE_FIELD_MAX + 64];
	__u32 bits = 0;

	type = find_member(prototype->btf, type, name->field, NESTED_MAX, &bits);
	if (type == NULL || !is_packet(prototype->btf, type) || bits % 8 != 0) {
		snprintf(why, sizeof(why), "has no struct sk_buff * \"%s\" behind arg%u", name->field,
		    argument->number);
		return refuse(prototype, what, why, reply);
	}
	argument->form = BPFPROBE_BEHIND;
	argument->offset = bits / 8;
	return 0;
}

/* A field may be written as the number of bytes in front of it. */
static int
is_offset(const char *field)
{
	return field[0] >= '0' && field[0] <= '9';
}

int
bpfprobe_prototype_untyped(const struct bpfprobe_name *name, struct bpfprobe_argument *argument)
{
	unsigned long offset;
	char *end;

	memset(argument, 0, sizeof(*argument));
	argument->number = argument->word = name->arg;
	argument->form = name->list ? BPFPROBE_LIST : BPFPROBE_PACKET;
	if (name->arg == 0 || name->field[0] == '\0')
		return name->arg == 0 ? -1 : 0;
	offset = strtoul(name->field, &end, 10);
	argument->form = BPFPROBE_BEHIND;
	argument->offset = (__u32)offset;
	return is_offset(name->field) && *end == '\0' && offset <= OFFSET_MAX ? 0 : -1;
}

/* Without argN: what can only be the packet. */
static int
choose(const struct bpfprobe_prototype *prototype, const char *what,
    struct bpfprobe_argument *argument, struct bpfprobe_reply *reply)
{
	int n = only(prototype, is_packet);

	if (n == 0) {
		n = only(prototype, is_place_of_packet);
		argument->form = BPFPROBE_BEHIND;
	}
	if (n == 0) {
		n = only(prototype, is_xdp);
		argument->form = BPFPROBE_XDP;
	}
	if (n == 0)
		return refuse(prototype, what, "has no struct sk_buff * or struct xdp_buff * argument", reply);
	if (n < 0)
		return refuse(prototype, what, "has several packets, say which with argN", reply);
	argument->number = (unsigned int)n;
	return 0;
}

/* What an argument is that the user has chosen. 0, or -1: no packet. */
static int
form_of(const struct btf *btf, const struct btf_type *type, enum bpfprobe_form *form)
{
	if (is_packet(btf, type))
		*form = BPFPROBE_PACKET;
	else if (is_place_of_packet(btf, type))
		*form = BPFPROBE_BEHIND;
	else if (is_xdp(btf, type))
		*form = BPFPROBE_XDP;
	else if (is_list(btf, type))
		*form = BPFPROBE_LIST;
	else
		return -1;
	return 0;
}

/* Which argument it is, and in what form. */
static int
find_argument(const struct bpfprobe_prototype *prototype, const struct bpfprobe_name *name,
    const char *what, struct bpfprobe_argument *argument, struct bpfprobe_reply *reply)
{
	const struct btf_type *type;
	char why[64];

	memset(argument, 0, sizeof(*argument));
	if (name->arg == 0)
		return choose(prototype, what, argument, reply);
	argument->number = name->arg;
	snprintf(why, sizeof(why), "has no arg%u", name->arg);
	if (name->arg > count(prototype))
		return refuse(prototype, what, why, reply);
	if (is_offset(name->field) && bpfprobe_prototype_untyped(name, argument) == 0)
		return 0;
	if (name->field[0] != '\0')
		return find_field(prototype, name, what, argument, reply);
	type = argument_type(prototype, name->arg);
	if (form_of(prototype->btf, type, &argument->form) == 0)
		return 0;
	snprintf(why, sizeof(why), "has no struct sk_buff * or struct xdp_buff * as arg%u", name->arg);
	return refuse(prototype, what, why, reply);
}

/*
 * A struct of up to two words, as an argument, is in as many registers, and programs get it
 * so too (since Linux 6.1: commit 720e6a435194).  A larger one is on the stack, and what
 * follows it at a place that depends on the machine.
 */
static int
find_word(const struct bpfprobe_prototype *prototype, const char *what,
    struct bpfprobe_argument *argument, struct bpfprobe_reply *reply)
{
	unsigned int i, words;
	char why[64];

	argument->word = 1;
	for (i = 1; i < argument->number; i++) {
		words = words_of(prototype, i);
		snprintf(why, sizeof(why), "has a large struct in front of arg%u", argument->number);
		if (words > 2)
			return refuse(prototype, what, why, reply);
		argument->word += words;
	}
	return 0;
}

static int
is_reason(const struct btf *btf, const struct btf_type *type)
{
	return type != NULL && btf_is_any_enum(type) && strcmp(name_of(btf, type), "skb_drop_reason") == 0;
}

static int
is_socket(const struct btf *btf, const struct btf_type *type)
{
	return is_pointer_to(btf, type, "sock");
}

/* The word at which argument n begins; 0: it is none, or out of reach. */
static unsigned int
word_of(const struct bpfprobe_prototype *prototype, int n)
{
	unsigned int word = 1;
	int i;

	for (i = 1; i < n; i++)
		word += words_of(prototype, (unsigned int)i);
	return n > 0 && word <= BPFPROBE_WORD_MAX ? word : 0;
}

unsigned int
bpfprobe_prototype_reason(const struct bpfprobe_prototype *prototype)
{
	return word_of(prototype, only(prototype, is_reason));
}

unsigned int
bpfprobe_prototype_socket(const struct bpfprobe_prototype *prototype)
{
	return word_of(prototype, only(prototype, is_socket));
}

int
bpfprobe_prototype_argument(const struct bpfprobe_prototype *prototype,
    const struct bpfprobe_name *name, const char *what, struct bpfprobe_argument *argument,
    struct bpfprobe_reply *reply)
{
	if (find_argument(prototype, name, what, argument, reply) < 0)
		return -1;
	return find_word(prototype, what, argument, reply);
}
