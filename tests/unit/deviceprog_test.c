/* SPDX-License-Identifier: BSD-3-Clause */
/* The parser of device names: XDP interfaces, BPF programs and their actions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "helper/action.h"
#include "helper/device.h"
#include "helper/protocol.h"
#include "tests/unit/devicecheck.h"

#define BOTH (BPFPROBE_AT_ENTRY | BPFPROBE_AT_EXIT)

/* XDP interfaces and BPF programs, by their whole names. */
static const struct {
	const char *name;
	struct bpfprobe_device device;
	const char *actions[4];
} programs[] = {
	{ "bpfxdp:eth0", { .type = BPFPROBE_DEVICE_XDP, .dev = "eth0" }, { NULL } },
	{ "bpfxdp:any", { .type = BPFPROBE_DEVICE_XDP }, { NULL } },
	{ "bpfxdp:a%3db:native", { .type = BPFPROBE_DEVICE_XDP, .dev = "a=b", .native = 1 }, { NULL } },
	{ "eth0%xdp", { .type = BPFPROBE_DEVICE_XDP, .dev = "eth0" }, { NULL } },
	{ "any%xdp", { .type = BPFPROBE_DEVICE_XDP }, { NULL } },
	{ "bpfxdp:lo:exit:netstack:netns=blue:len=64:pages=8:proto=RAW",
	    { .type = BPFPROBE_DEVICE_XDP, .dev = "lo", .places = BPFPROBE_AT_EXIT, .netstack = 1,
		.netns_kind = BPFPROBE_NETNS_NAME, .netns = "blue", .len = 64, .pages = 8, .proto = "RAW" }, { NULL } },
	{ "bpfxdp:lo:entry:exit", { .type = BPFPROBE_DEVICE_XDP, .dev = "lo", .places = BOTH }, { NULL } },
	{ "bpfxdp:lo:action=DROP/xdp_tx", { .type = BPFPROBE_DEVICE_XDP, .dev = "lo" }, { "DROP", "TX" } },
	{ "bpfprog:id/42", { .type = BPFPROBE_DEVICE_PROG, .program = "42", .program_id = 42 }, { NULL } },
	{ "bpfprog:name/x%3Ay:dev=eth0:ret=not/0",
	    { .type = BPFPROBE_DEVICE_PROG, .by = BPFPROBE_BY_NAME, .program = "x:y", .dev = "eth0", .rets = 1,
		.rets_not = 1 }, { NULL } },
	{ "bpfprog:tag/0123456789abcdef:entry:action=TC_ACT_SHOT/redirect",
	    { .type = BPFPROBE_DEVICE_PROG, .by = BPFPROBE_BY_TAG, .program = "0123456789abcdef",
		.places = BPFPROBE_AT_ENTRY }, { "SHOT", "REDIRECT" } },
	{ "bpfprog:pin//sys/fs/bpf/a%20b:map=m.x:config=c_1",
	    { .type = BPFPROBE_DEVICE_PROG, .by = BPFPROBE_BY_PIN, .program = "/sys/fs/bpf/a b", .map = "m.x",
		.config = "c_1" }, { NULL } },
};

static const struct {
	const char *name, *message;
} bad[] = {
#define INTERFACE ": the name of an interface (1 to 15 bytes) or any is expected"
#define PROGRAM ": id/N, name/NAME, tag/TAG or pin/PATH is expected"
#define XDP_KNOWN " (known: netns=, len=, pages=, proto=, fields=, stacktrace, noselect, queue=, action=, entry, exit, netstack, native)"
	{ "bpfxdp:", "interface \"\"" INTERFACE },
	{ "%xdp", "device \"%xdp\": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected" },
	{ "a/b%xdp", "interface \"a/b\"" INTERFACE },
	{ "bpfxdp:abcdefghijklmnop", "interface \"abcdefghijklmnop\"" INTERFACE },
	{ "bpfxdp:..", "interface \"..\"" INTERFACE },
	{ "bpfxdp:a%0ab", "device \"a%0ab\": control bytes are not allowed" },
	{ "bpfxdp:a%g", "device \"a%g\": % must be followed by two hexadecimal digits" },
	{ "bpfxdp:lo:dev=lo", "unknown option \"dev=lo\"" XDP_KNOWN },
	{ "bpfxdp:lo:exitx", "unknown option \"exitx\"" XDP_KNOWN },
	{ "bpfxdp:lo:exit=1", "unknown option \"exit=1\"" XDP_KNOWN },
	{ "bpfxdp:lo:arg1", "unknown option \"arg1\"" XDP_KNOWN },
	{ "bpfxdp:lo:exit:exit", "option \"exit\" is given twice" },
#define ACTIONS ": expected are, with / in between, ABORTED, DROP, PASS, TX, REDIRECT, or of tc REDIRECT, UNSPEC, OK, " \
	"RECLASSIFY, SHOT, PIPE, STOLEN, QUEUED, REPEAT, TRAP"
	{ "bpfxdp:lo:action=", "action=\"\"" ACTIONS },
	{ "bpfxdp:lo:action=DROP/", "action=\"DROP/\"" ACTIONS },
	{ "bpfxdp:lo:action=DROPS", "action=\"DROPS\"" ACTIONS },
	{ "bpfprog:", "program \"\"" PROGRAM },
	{ "bpfprog:42", "program \"42\"" PROGRAM },
	{ "bpfprog:id/", "program \"id/\": a number from 1 on is expected" },
	{ "bpfprog:id/0", "program \"id/0\": a number from 1 on is expected" },
	{ "bpfprog:id/4294967296", "program \"id/4294967296\": a number from 1 on is expected" },
	{ "bpfprog:name/", "program \"name/\": the name is missing" },
	{ "bpfprog:tag/0123", "program \"tag/0123\": 16 hexadecimal digits are expected" },
	{ "bpfprog:tag/0123456789abcdeG", "program \"tag/0123456789abcdeG\": 16 hexadecimal digits are expected" },
	{ "bpfprog:id/1:config=c", "device \"bpfprog:id/1:config=c\": config= needs map=" },
	{ "bpfprog:id/1:action=DROP:ret=1",
	    "device \"bpfprog:id/1:action=DROP:ret=1\": either action= or ret= is possible" },
	{ "bpfprog:id/1:map=m:exit",
	    "device \"bpfprog:id/1:map=m:exit\": with map= there are but len=, pages=, proto=, fields= and config=" },
	{ "bpfprog:id/1:map=m:stacktrace",
	    "device \"bpfprog:id/1:map=m:stacktrace\": with map= there are but len=, pages=, proto=, fields= and config=" },
	{ "bpfprog:id/1:map=a/b", "map=\"a/b\": the name of a map (1 to 63 letters, digits, _ .) is expected" },
	{ "bpfprog:id/1:map=m:config=", "config=\"\": the name of a map (1 to 63 letters, digits, _ .) is expected" },
};

static unsigned int
mask_of(const char *const names[4])
{
	unsigned int i, mask = 0;

	for (i = 0; i < 4 && names[i] != NULL; i++)
		mask |= 1U << bpfprobe_action_find(names[i]);
	return mask;
}

static void
good_programs(void **state)
{
	const struct bpfprobe_device *want;
	struct bpfprobe_device got;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(programs); i++) {
		want = &programs[i].device;
		assert_parsed(&got, programs[i].name);
		assert_options(programs[i].name, &got, want);
		if (got.type != want->type || got.places != want->places || got.netstack != want->netstack ||
		    got.native != want->native || got.by != want->by || got.program_id != want->program_id ||
		    strcmp(got.program, want->program) != 0 || strcmp(got.map, want->map) != 0 ||
		    strcmp(got.config, want->config) != 0 || got.actions != mask_of(programs[i].actions))
			fail_msg("%s: type %d places %u program %d \"%s\" actions %x", programs[i].name, got.type,
			    got.places, got.by, got.program, got.actions);
	}
}

/* By linux/bpf.h and linux/pkt_cls.h. */
static void
action_values(void **state)
{
	int64_t value;

	(void)state;
	assert_int_equal(bpfprobe_action_value(bpfprobe_action_find("ABORTED"), BPFPROBE_ACTION_XDP, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(bpfprobe_action_value(bpfprobe_action_find("REDIRECT"), BPFPROBE_ACTION_XDP, &value), 0);
	assert_int_equal(value, 4);
	assert_int_equal(bpfprobe_action_value(bpfprobe_action_find("REDIRECT"), BPFPROBE_ACTION_TC, &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(bpfprobe_action_value(bpfprobe_action_find("unspec"), BPFPROBE_ACTION_TC, &value), 0);
	assert_int_equal(value, -1);
	assert_int_equal(bpfprobe_action_value(bpfprobe_action_find("SHOT"), BPFPROBE_ACTION_XDP, &value), -1);
	assert_string_equal(bpfprobe_action_name(BPFPROBE_ACTION_XDP, 1), "XDP_DROP");
	assert_string_equal(bpfprobe_action_name(BPFPROBE_ACTION_TC, 2), "TC_ACT_SHOT");
	assert_null(bpfprobe_action_name(BPFPROBE_ACTION_XDP, 5));
	assert_null(bpfprobe_action_name(BPFPROBE_ACTION_TC, 9));
}

static void
bad_programs(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(bad); i++)
		assert_refused(bad[i].name, bad[i].message);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_programs),
		cmocka_unit_test(bad_programs),
		cmocka_unit_test(action_values),
	};

	return cmocka_run_group_tests_name("deviceprog", tests, NULL, NULL);
}
