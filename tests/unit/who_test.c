/* SPDX-License-Identifier: BSD-3-Clause */
/* The parser of device names: whose packets are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "helper/device.h"
#include "helper/protocol.h"
#include "tests/unit/devicecheck.h"

#define VALUES(...)                                                                                \
	{                                                                                          \
		.count = sizeof((__u64[]){ __VA_ARGS__ }) / sizeof(__u64), .value = { __VA_ARGS__ }  \
	}

static const struct {
	const char *name;
	struct bpfprobe_who who;
} good[] = {
	{ "bpfprobe:drop", { .any = 0 } },
	{ "bpfprobe:drop:pid=1", { .any = 1, .pid = VALUES(1) } },
	{ "bpfprobe:a+b:pid=2147483647/0x10/007", { .any = 1, .pid = VALUES(2147483647, 16, 7) } },
	{ "bpfprog:id/1:uid=0/4294967294", { .any = 1, .uid = VALUES(0, 4294967294) } },
	{ "bpfprobe:tx:sk=1/2/3/4/5/6/7/0xffffffffffffffff",
	    { .any = 1, .cookie = VALUES(1, 2, 3, 4, 5, 6, 7, UINT64_MAX) } },
	{ "bpfxdp:eth0:queue=0", { .any = 1, .queue = VALUES(0) } },
	{ "bpfprobe:tx:queue=65534/0xA", { .any = 1, .queue = VALUES(65534, 10) } },
	{ "bpfprobe:tx:mark=0", { .any = 1, .marked = 1, .mark = 0, .mask = UINT32_MAX } },
	{ "bpfprobe:tx:mark=0x10/0xF0", { .any = 1, .marked = 1, .mark = 0x10, .mask = 0xf0 } },
	{ "bpfprobe:tx:mark=4294967295/4294967295",
	    { .any = 1, .marked = 1, .mark = UINT32_MAX, .mask = UINT32_MAX } },
	{ "bpfprobe:tx:uid=33:pid=7:mark=1:queue=2:sk=3",
	    { .any = 1, .uid = VALUES(33), .pid = VALUES(7), .marked = 1, .mark = 1, .mask = UINT32_MAX,
		.queue = VALUES(2), .cookie = VALUES(3) } },
};

/* Names of threads, in the form in which the kernel has them. */
static const struct {
	const char *name;
	char comm[BPFPROBE_WHO_MAX][BPFPROBE_COMM_MAX];
	unsigned int count;
} names[] = {
	{ "bpfprobe:tx:comm=curl", { "curl" }, 1 },
	{ "bpfprobe:tx:comm=abcdefghijklmno/b", { "abcdefghijklmno", "b" }, 2 },
	{ "bpfprobe:tx:comm=kworker%2F0%3a1/ksoftirqd%2f0", { "kworker/0:1", "ksoftirqd/0" }, 2 },
	{ "bpfprog:name/x:comm=Web%20Content/%c3%a9", { "Web Content", "\xc3\xa9" }, 2 },
	{ "bpfprobe:tx:comm=1/2/3/4/5/6/7/8", { "1", "2", "3", "4", "5", "6", "7", "8" }, 8 },
};

static const struct {
	const char *name, *message;
} bad[] = {
#define PID ": numbers from 1 to 2147483647 are expected, with / in between"
	{ "bpfprobe:tx:pid=", "pid=\"\"" PID },
	{ "bpfprobe:tx:pid=0", "pid=\"0\"" PID },
	{ "bpfprobe:tx:pid=-1", "pid=\"-1\"" PID },
	{ "bpfprobe:tx:pid= 1", "pid=\" 1\"" PID },
	{ "bpfprobe:tx:pid=1/", "pid=\"1/\"" PID },
	{ "bpfprobe:tx:pid=/1", "pid=\"/1\"" PID },
	{ "bpfprobe:tx:pid=2147483648", "pid=\"2147483648\"" PID },
	{ "bpfprobe:tx:pid=18446744073709551617", "pid=\"18446744073709551617\"" PID },
	{ "bpfprobe:tx:pid=sshd", "pid=\"sshd\"" PID },
	{ "bpfprobe:tx:pid=0x", "pid=\"0x\"" PID },
	{ "bpfprobe:tx:pid=0x0x1", "pid=\"0x0x1\"" PID },
	{ "bpfprobe:tx:pid=ff", "pid=\"ff\"" PID },
	{ "bpfprobe:tx:pid=1/2/3/4/5/6/7/8/9", "pid=\"1/2/3/4/5/6/7/8/9\": at most 8 values are possible" },
	{ "bpfprobe:tx:pid=1:pid=2", "option \"pid=\" is given twice" },
	{ "bpfprobe:tx:uid=4294967295",
	    "uid=\"4294967295\": numbers from 0 to 4294967294 are expected, with / in between" },
	{ "bpfprobe:tx:uid=root", "uid=\"root\": numbers from 0 to 4294967294 are expected, with / in between" },
	{ "bpfprobe:tx:sk=0", "sk=\"0\": numbers from 1 to 18446744073709551615 are expected, with / in between" },
	{ "bpfprobe:tx:sk=0x10000000000000000",
	    "sk=\"0x10000000000000000\": numbers from 1 to 18446744073709551615 are expected, with / in between" },
	{ "bpfxdp:lo:queue=65535", "queue=\"65535\": numbers from 0 to 65534 are expected, with / in between" },
#define MARK ": a number is expected, or number/mask, of 32 bits"
	{ "bpfprobe:tx:mark=", "mark=\"\"" MARK },
	{ "bpfprobe:tx:mark=1/", "mark=\"1/\"" MARK },
	{ "bpfprobe:tx:mark=/1", "mark=\"/1\"" MARK },
	{ "bpfprobe:tx:mark=1/1/1", "mark=\"1/1/1\"" MARK },
	{ "bpfprobe:tx:mark=1&1", "mark=\"1&1\"" MARK },
	{ "bpfprobe:tx:mark=4294967296", "mark=\"4294967296\"" MARK },
	{ "bpfprobe:tx:mark=3/2", "mark=\"3/2\": no packet has it: the number has bits that the mask leaves out" },
#define COMM ": names of 1 to 15 bytes are expected, with / in between; the kernel cuts off what is longer"
	{ "bpfprobe:tx:comm=", "comm=\"\"" COMM },
	{ "bpfprobe:tx:comm=a//b", "comm=\"a//b\"" COMM },
	{ "bpfprobe:tx:comm=abcdefghijklmnop", "comm=\"abcdefghijklmnop\"" COMM },
	{ "bpfprobe:tx:comm=a%0ab", "comm=\"a%0ab\": control bytes are not allowed" },
	{ "bpfprobe:tx:comm=a%2/2fb", "comm=\"a%2/2fb\": % must be followed by two hexadecimal digits" },
	{ "bpfprobe:tx:comm=1/2/3/4/5/6/7/8/9", "comm=\"1/2/3/4/5/6/7/8/9\": at most 8 values are possible" },
#define XDP_KNOWN " (known: netns=, len=, pages=, proto=, fields=, stacktrace, noselect, queue=, action=, entry, exit, netstack, native)"
	{ "bpfxdp:lo:pid=1", "unknown option \"pid=1\"" XDP_KNOWN },
	{ "bpfxdp:lo:sk=1", "unknown option \"sk=1\"" XDP_KNOWN },
	{ "bpfprog:id/1:map=m:uid=1",
	    "device \"bpfprog:id/1:map=m:uid=1\": with map= there are but len=, pages=, proto=, fields= and config=" },
};

static void
good_values(void **state)
{
	struct bpfprobe_device got;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(good); i++) {
		assert_parsed(&got, good[i].name);
		if (memcmp(&got.who, &good[i].who, sizeof(got.who)) != 0)
			fail_msg("%s: other values", good[i].name);
	}
}

static void
good_comms(void **state)
{
	struct bpfprobe_device got;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(names); i++) {
		assert_parsed(&got, names[i].name);
		assert_int_equal(got.who.any, 1);
		assert_int_equal(got.who.comms, names[i].count);
		assert_memory_equal(got.who.comm, names[i].comm, sizeof(got.who.comm));
	}
}

static void
bad_values(void **state)
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
		cmocka_unit_test(good_values),
		cmocka_unit_test(good_comms),
		cmocka_unit_test(bad_values),
	};

	return cmocka_run_group_tests_name("who", tests, NULL, NULL);
}
