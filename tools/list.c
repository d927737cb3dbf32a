/* SPDX-License-Identifier: BSD-3-Clause */
/* bpfprobe list.  Only files of /sys/kernel/btf are read, so that no privilege is needed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "helper/reasons.h"
#include "helper/types.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/targets.h"

#define NAME_WIDTH 36

static void
print_line(const struct bpfprobe_listed *target)
{
	int paren = target->kind != BPFPROBE_LISTED_ALIAS;

	printf("%-8s  %-*s  %s%s%s", bpfprobe_listed_kind(target->kind), NAME_WIDTH, target->name,
	    paren ? "(" : "", target->prototype, paren ? ")" : "");
	if (target->module[0] != '\0')
		printf("  [%s]", target->module);
	putchar('\n');
}

static void
print_object(struct bpfprobe_output *output, const struct bpfprobe_listed *target)
{
	bpfprobe_output_open(output, NULL, '{');
	bpfprobe_output_text(output, "kind", "%s", bpfprobe_listed_kind(target->kind));
	bpfprobe_output_text(output, "name", "%s", target->name);
	if (target->kind == BPFPROBE_LISTED_ALIAS)
		bpfprobe_output_text(output, "targets", "%s", target->prototype);
	else
		bpfprobe_output_text(output, "arguments", "%s", target->prototype);
	bpfprobe_output_text(output, "module", "%s", target->module);
	bpfprobe_output_close(output, '}');
}

static int
list_reasons(struct bpfprobe_output *output, const struct bpfprobe_reasons *reasons)
{
	const struct bpfprobe_reason *reason;

	if (output->json)
		bpfprobe_output_open(output, NULL, '[');
	else if (isatty(STDOUT_FILENO))
		printf("%6s  %-15s  %s\n", "NUMBER", "RULESET", "NAME");
	for (reason = reasons->items; reason < reasons->items + reasons->count; reason++) {
		if (!output->json) {
			printf("%6u  %-15s  %s\n", reason->number, reason->brief, reason->name);
			continue;
		}
		bpfprobe_output_open(output, NULL, '{');
		bpfprobe_output_number(output, "number", reason->number, NULL);
		bpfprobe_output_text(output, "ruleset", "%s", reason->brief);
		bpfprobe_output_text(output, "name", "%s", reason->name);
		bpfprobe_output_close(output, '}');
	}
	if (output->json)
		bpfprobe_output_close(output, ']');
	return reasons->count > 0 ? 0 : bpfprobe_complain("this kernel gives no drop reasons (before Linux 5.17)");
}

/* bpfprobe list --reasons. */
static int
print_reasons(struct bpfprobe_output *output)
{
	struct bpfprobe_reasons reasons;
	struct bpfprobe_types types;
	struct bpfprobe_reply reply;
	int err;

	if (bpfprobe_types_open(&types, &reply) < 0)
		return bpfprobe_complain("%s", reply.message);
	err = bpfprobe_reasons_read(&reasons, &types);
	bpfprobe_types_close(&types);
	err = err < 0 ? bpfprobe_complain("cannot list the drop reasons: %s", strerror(-err)) : list_reasons(output, &reasons);
	free(reasons.items);
	return err;
}

int
bpfprobe_command_list(struct bpfprobe_output *output, const char *glob)
{
	struct bpfprobe_list list;
	struct bpfprobe_reply reply;
	size_t i;

	if (glob != NULL && strcmp(glob, BPFPROBE_LIST_REASONS) == 0)
		return print_reasons(output);
	if (bpfprobe_list_read(&list, glob, &reply) < 0)
		return bpfprobe_complain("%s", reply.message);
	if (output->json)
		bpfprobe_output_open(output, NULL, '[');
	else if (isatty(STDOUT_FILENO))
		printf("%-8s  %-*s  %s\n", "KIND", NAME_WIDTH, "NAME", "(ARGUMENTS)  [MODULE]");
	for (i = 0; i < list.count; i++) {
		if (output->json)
			print_object(output, &list.items[i]);
		else
			print_line(&list.items[i]);
	}
	if (output->json)
		bpfprobe_output_close(output, ']');
	i = list.count;
	bpfprobe_list_free(&list);
	return i > 0 ? 0 : bpfprobe_complain("no target matches \"%.80s\"", glob != NULL ? glob : "*");
}
