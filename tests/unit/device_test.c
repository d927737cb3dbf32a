/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser of device names: what good names mean, what exactly is said about
 * bad ones, percent-encoding, lengths up to absurd ones, and that no input gets
 * an unprintable byte or a second line into a message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "helper/device.h"
#include "helper/protocol.h"
#include "tests/unit/devicecheck.h"

static const struct {
	const char *name;
	struct bpfprobe_device device;
} good[] = {
	{ "drop", { .count = 1, .names = { { .name = "drop" } } } },
	{ "ip_rcv", { .count = 1, .names = { { .name = "ip_rcv" } } } },
	{ "a", { .count = 1, .names = { { .name = "a" } } } },
	{ "__x64_sys.isra.0-9", { .count = 1, .names = { { .name = "__x64_sys.isra.0-9" } } } },
	{ "tp/kfree_skb", { .count = 1, .names = { { .name = "kfree_skb", .kind = BPFPROBE_TP } } } },
	{ "rawtp/kfree_skb:arg1", { .count = 1, .names = { { .name = "kfree_skb", .kind = BPFPROBE_RAWTP, .arg = 1 } } } },
	{ "fentry/ip_rcv", { .count = 1, .names = { { .name = "ip_rcv", .kind = BPFPROBE_FENTRY } } } },
	{ "kprobe/ip_rcv", { .count = 1, .names = { { .name = "ip_rcv", .kind = BPFPROBE_KPROBE } } } },
	{ "kprobe/ip_rcv@0", { .count = 1, .names = { { .name = "ip_rcv", .kind = BPFPROBE_KPROBE } } } },
	{ "ip_rcv@0x1f", { .count = 1, .names = { { .name = "ip_rcv", .kind = BPFPROBE_KPROBE, .offset = 0x1f } } } },
	{ "kprobe/ip_rcv@65535:arg2", { .count = 1, .names = { { .name = "ip_rcv", .kind = BPFPROBE_KPROBE, .offset = 65535, .arg = 2 } } } },
	{ "ip_finish_output2:arg1.skb", { .count = 1, .names = { { .name = "ip_finish_output2", .arg = 1, .field = "skb" } } } },
	{ "kprobe/tcp_*:arg1", { .count = 1, .names = { { .name = "tcp_*", .kind = BPFPROBE_KPROBE, .arg = 1 } } } },
	{ "tp", { .count = 1, .names = { { .name = "tp" } } } },
	{ "drop:arg1", { .count = 1, .names = { { .name = "drop", .arg = 1 } } } },
	{ "drop:arg12", { .count = 1, .names = { { .name = "drop", .arg = 12 } } } },
	{ "drop:dev=eth0", { .count = 1, .names = { { .name = "drop" } }, .dev = "eth0" } },
	{ "drop:dev=abcdefghijklmno", { .count = 1, .names = { { .name = "drop" } }, .dev = "abcdefghijklmno" } },
	{ "drop:dev=a=b", { .count = 1, .names = { { .name = "drop" } }, .dev = "a=b" } },
	{ "drop:dev=%65%74h%30", { .count = 1, .names = { { .name = "drop" } }, .dev = "eth0" } },
	{ "drop:dev=100%25", { .count = 1, .names = { { .name = "drop" } }, .dev = "100%" } },
	{ "drop:dev=%2541", { .count = 1, .names = { { .name = "drop" } }, .dev = "%41" } },
	{ "drop:netns=blue", { .count = 1, .names = { { .name = "drop" } }, .netns_kind = BPFPROBE_NETNS_NAME, .netns = "blue" } },
	{ "drop:netns=b%3Ac%c3%A9",
	    { .count = 1, .names = { { .name = "drop" } }, .netns_kind = BPFPROBE_NETNS_NAME, .netns = "b:c\xc3\xa9" } },
	{ "drop:netns=...", { .count = 1, .names = { { .name = "drop" } }, .netns_kind = BPFPROBE_NETNS_NAME, .netns = "..." } },
	{ "drop:netns=pid", { .count = 1, .names = { { .name = "drop" } }, .netns_kind = BPFPROBE_NETNS_NAME, .netns = "pid" } },
	{ "drop:netns=pid/1", { .count = 1, .names = { { .name = "drop" } }, .netns_kind = BPFPROBE_NETNS_PID, .netns_num = 1 } },
	{ "drop:netns=pid/2147483647",
	    { .count = 1, .names = { { .name = "drop" } }, .netns_kind = BPFPROBE_NETNS_PID, .netns_num = 2147483647 } },
	{ "drop:netns=inode/4026531840",
	    { .count = 1, .names = { { .name = "drop" } }, .netns_kind = BPFPROBE_NETNS_INODE, .netns_num = 4026531840U } },
	{ "drop:netns=inode/4294967295",
	    { .count = 1, .names = { { .name = "drop" } }, .netns_kind = BPFPROBE_NETNS_INODE, .netns_num = UINT32_MAX } },
	{ "drop:len=1", { .count = 1, .names = { { .name = "drop" } }, .len = 1 } },
	{ "drop:len=262144", { .count = 1, .names = { { .name = "drop" } }, .len = 262144 } },
	{ "drop:len=0096", { .count = 1, .names = { { .name = "drop" } }, .len = 96 } },
	{ "drop:pages=1", { .count = 1, .names = { { .name = "drop" } }, .pages = 1 } },
	{ "drop:pages=2", { .count = 1, .names = { { .name = "drop" } }, .pages = 2 } },
	{ "drop:pages=3", { .count = 1, .names = { { .name = "drop" } }, .pages = 4 } },
	{ "drop:pages=1025", { .count = 1, .names = { { .name = "drop" } }, .pages = 2048 } },
	{ "drop:pages=131073", { .count = 1, .names = { { .name = "drop" } }, .pages = 262144 } },
	{ "drop:pages=262144", { .count = 1, .names = { { .name = "drop" } }, .pages = 262144 } },
	{ "drop:noselect", { .count = 1, .names = { { .name = "drop" } }, .noselect = 1 } },
	{ "drop:stacktrace", { .count = 1, .names = { { .name = "drop" } }, .stacktrace = 1 } },
	{ "drop:track", { .count = 1, .names = { { .name = "drop" } }, .track = 16384 } },
	{ "drop:track=1", { .count = 1, .names = { { .name = "drop" } }, .track = 1 } },
	{ "drop:track=65536", { .count = 1, .names = { { .name = "drop" } }, .track = 65536 } },
	{ "any:until=drop",
	    { .count = 2, .names = { { .name = "any" }, { .name = "drop", .until = 1 } }, .track = 16384 } },
	{ "any:track=7:until=tp/a",
	    { .count = 2, .names = { { .name = "any" }, { .name = "a", .kind = BPFPROBE_TP, .until = 1 } }, .track = 7 } },
	{ "a:arg1:until=b:arg2",
	    { .count = 2, .names = { { .name = "a", .arg = 1 }, { .name = "b", .arg = 2, .until = 1 } }, .track = 16384 } },
	{ "any:until=kprobe/a@4:arg2:track=9",
	    { .count = 2, .names = { { .name = "any" }, { .name = "a", .kind = BPFPROBE_KPROBE, .offset = 4, .arg = 2, .until = 1 } },
		.track = 9 } },
	{ "drop:fields=reason/comm", { .count = 1, .names = { { .name = "drop" } }, .fields = "reason/comm" } },
	{ "drop:proto=ieee802_11", { .count = 1, .names = { { .name = "drop" } }, .proto = "ieee802_11" } },
	{ "drop:proto=abcdefghijklmnopqrstuvwxyz01234",
	    { .count = 1, .names = { { .name = "drop" } }, .proto = "abcdefghijklmnopqrstuvwxyz01234" } },
	{ "tp/net_dev_queue:proto=RAW:pages=64:len=128:netns=pid/7:dev=lo:arg3",
	    { .names = { { .name = "net_dev_queue", .kind = BPFPROBE_TP, .arg = 3 } }, .count = 1, .dev = "lo",
		.netns_kind = BPFPROBE_NETNS_PID, .netns_num = 7, .len = 128, .pages = 64, .proto = "RAW" } },
	{ "drop+tp/a", { .count = 2, .names = { { .name = "drop" }, { .name = "a", .kind = BPFPROBE_TP } } } },
	{ "a:arg1+b:arg2.x+c@1:len=7",
	    { .count = 3, .len = 7, .names = { { .name = "a", .arg = 1 }, { .name = "b", .arg = 2, .field = "x" },
					  { .name = "c", .kind = BPFPROBE_KPROBE, .offset = 1 } } } },
	{ "a+b:arg2:netns=x+y", { .count = 2, .names = { { .name = "a" }, { .name = "b", .arg = 2 } },
				    .netns_kind = BPFPROBE_NETNS_NAME, .netns = "x+y" } },
	{ "fexit/a+kretprobe/b_*", { .count = 2, .names = { { .name = "a", .kind = BPFPROBE_FENTRY, .returns = 1 },
					 { .name = "b_*", .kind = BPFPROBE_KPROBE, .returns = 1 } } } },
	{ "a:ret=0", { .count = 1, .names = { { .name = "a" } }, .rets = 1, .ret = { 0 } } },
	{ "a:ret=not/-1/0x7f:len=1", { .count = 1, .names = { { .name = "a" } }, .len = 1, .rets = 2,
					 .rets_not = 1, .ret = { -1, 127 } } },
	{ "fentry/a:ret=-9223372036854775808/9223372036854775807/0xffffffffffffffff/4/5/6/7/8",
	    { .count = 1, .names = { { .name = "a", .kind = BPFPROBE_FENTRY } }, .rets = 8,
		.ret = { INT64_MIN, INT64_MAX, -1, 4, 5, 6, 7, 8 } } },
	{ "a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+b:arg9", { .count = 16, .names = { [15] = { .name = "b", .arg = 9 } } } },
};

static const struct {
	const char *name, *message;
} bad[] = {
	/* target */
	{ "bpfprobe:", "target \"\": the name is missing" },
	{ "bpfprobe::dev=lo", "target \"\": the name is missing" },
	{ "bpfprobe:tp/", "target \"tp/\": the name is missing" },
	{ "bpfprobe:tp/skb/kfree_skb",
	    "target \"tp/skb/kfree_skb\": a name has letters, digits, _ . - * ? only" },
	{ "bpfprobe:tp/ip_rcv@4", "target \"tp/ip_rcv@4\": only a kprobe has an @OFFSET" },
	{ "bpfprobe:fentry/ip_rcv@4", "target \"fentry/ip_rcv@4\": only a kprobe has an @OFFSET" },
	{ "bpfprobe:ip_rcv@", "target \"ip_rcv@\": behind @ a number from 0 to 65535 is expected" },
	{ "bpfprobe:ip_rcv@-1", "target \"ip_rcv@-1\": behind @ a number from 0 to 65535 is expected" },
	{ "bpfprobe:ip_rcv@65536", "target \"ip_rcv@65536\": behind @ a number from 0 to 65535 is expected" },
	{ "bpfprobe:ip_rcv@18446744073709551616",
	    "target \"ip_rcv@18446744073709551616\": behind @ a number from 0 to 65535 is expected" },
	{ "bpfprobe:ip_rcv@1x", "target \"ip_rcv@1x\": behind @ a number from 0 to 65535 is expected" },
	{ "bpfprobe:ip_rcv@1@1", "target \"ip_rcv@1@1\": behind @ a number from 0 to 65535 is expected" },
	{ "bpfprobe:ip_*@1", "target \"ip_*@1\": a pattern has no @OFFSET" },
	{ "bpfprobe:kprobe/@1", "target \"kprobe/@1\": the name is missing" },
	{ "bpfprobe:ip rcv", "target \"ip rcv\": a name has letters, digits, _ . - * ? only" },
	{ "bpfprobe:dr%6fp", "target \"dr%6fp\": a name has letters, digits, _ . - * ? only" },
	{ "bpfprobe:dev=lo", "target \"dev=lo\": a name has letters, digits, _ . - * ? only" },
	{ "bpfprobe:a\nb\x1b[1m", "target \"a?b?[1m\": a name has letters, digits, _ . - * ? only" },
	{ "bpfprobe:drop+", "target \"\": the name is missing" },
	{ "bpfprobe:+drop", "target \"\": the name is missing" },
	{ "bpfprobe:a+tp/:arg1", "target \"tp/\": the name is missing" },
	{ "bpfprobe:a:arg1+b c", "target \"b c\": a name has letters, digits, _ . - * ? only" },
	{ "bpfprobe:a:arg1+", "target \"\": the name is missing" },
	{ "bpfprobe:a:arg1+b:arg1:arg2", "option \"argN\" is given twice" },
	{ "bpfprobe:a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+b", "target \"b\": a device has at most 16 targets" },
#define KIND ": unknown kind, there are tp/, rawtp/, fentry/, fexit/, kprobe/, kretprobe/ and a name alone"
	{ "bpfprobe:kprobes/x", "target \"kprobes/x\"" KIND },
	{ "bpfprobe:/x", "target \"/x\"" KIND },
	{ "bpfprobe:t/x", "target \"t/x\"" KIND },
	{ "bpfprobe:tpx/x",
	    "target \"tpx/x\"" KIND },
	{ "bpfprobe:TP/x", "target \"TP/x\"" KIND },
	/* prefix */
	{ "", "device \"\": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected" },
	{ "eth0", "device \"eth0\": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected" },
	{ "bpfprobe", "device \"bpfprobe\": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected" },
	{ " bpfprobe:drop", "device \" bpfprobe:drop\": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected" },
	{ "Bpfprobe:drop", "device \"Bpfprobe:drop\": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected" },
	/* options */
#define KNOWN " (known: argN, dev=, netns=, len=, pages=, proto=, fields=, stacktrace, noselect, track, track=, until=, ret=, pid=, comm=, uid=, sk=, mark=, queue=)"
	{ "bpfprobe:drop:", "unknown option \"\"" KNOWN },
	{ "bpfprobe:drop::len=1", "unknown option \"\"" KNOWN },
	{ "bpfprobe:drop:foo=1", "unknown option \"foo=1\"" KNOWN },
	{ "bpfprobe:drop:dev", "unknown option \"dev\"" KNOWN },
	{ "bpfprobe:drop:Dev=lo", "unknown option \"Dev=lo\"" KNOWN },
	{ "bpfprobe:drop:devx=lo", "unknown option \"devx=lo\"" KNOWN },
	{ "bpfprobe:drop:=lo", "unknown option \"=lo\"" KNOWN },
	{ "bpfprobe:drop:arg", "unknown option \"arg\"" KNOWN },
	{ "bpfprobe:drop:arg=1", "unknown option \"arg=1\"" KNOWN },
	{ "bpfprobe:drop:arg-1", "unknown option \"arg-1\"" KNOWN },
	{ "bpfprobe:drop:argN", "unknown option \"argN\"" KNOWN },
	{ "bpfprobe:drop:arg1:arg1", "option \"argN\" is given twice" },
	{ "bpfprobe:drop:arg1:arg2", "option \"argN\" is given twice" },
	{ "bpfprobe:drop:dev=lo:len=1:dev=eth0", "option \"dev=\" is given twice" },
	{ "bpfprobe:drop:netns=a:netns=pid/1", "option \"netns=\" is given twice" },
	{ "bpfprobe:drop:len=1:len=1", "option \"len=\" is given twice" },
	{ "bpfprobe:drop:pages=1:pages=2", "option \"pages=\" is given twice" },
	{ "bpfprobe:drop:proto=RAW:proto=RAW", "option \"proto=\" is given twice" },
	/* values */
	{ "bpfprobe:drop:arg0", "\"arg0\": a number from 1 to 12 is expected" },
	{ "bpfprobe:drop:arg13", "\"arg13\": a number from 1 to 12 is expected" },
	{ "bpfprobe:drop:arg4294967297", "\"arg4294967297\": a number from 1 to 12 is expected" },
	{ "bpfprobe:drop:arg1.", "\"arg1.\": behind the dot the name of a field is expected" },
	{ "bpfprobe:drop:arg1.a.b", "\"arg1.a.b\": behind the dot the name of a field is expected" },
	{ "bpfprobe:drop:arg1.a b", "\"arg1.a b\": behind the dot the name of a field is expected" },
	{ "bpfprobe:drop:arg13.a", "\"arg13.a\": a number from 1 to 12 is expected" },
	{ "bpfprobe:drop:dev=", "dev=\"\": the name of an interface (1 to 15 bytes) is expected" },
	{ "bpfprobe:drop:dev=abcdefghijklmnop",
	    "dev=\"abcdefghijklmnop\": the name of an interface (1 to 15 bytes) is expected" },
	{ "bpfprobe:drop:dev=a/b", "dev=\"a/b\": the name of an interface (1 to 15 bytes) is expected" },
	{ "bpfprobe:drop:dev=a%2fb", "dev=\"a%2fb\": the name of an interface (1 to 15 bytes) is expected" },
	{ "bpfprobe:drop:dev=a%0Ab", "dev=\"a%0Ab\": control bytes are not allowed" },
	{ "bpfprobe:drop:netns=", "netns=\"\": a name, pid/N or inode/N is expected" },
	{ "bpfprobe:drop:netns=.", "netns=\".\": a name, pid/N or inode/N is expected" },
	{ "bpfprobe:drop:netns=..", "netns=\"..\": a name, pid/N or inode/N is expected" },
	{ "bpfprobe:drop:netns=%2E.", "netns=\"%2E.\": a name, pid/N or inode/N is expected" },
	{ "bpfprobe:drop:netns=../../etc", "netns=\"../../etc\": a name, pid/N or inode/N is expected" },
	{ "bpfprobe:drop:netns=a%2Fb", "netns=\"a%2Fb\": a name, pid/N or inode/N is expected" },
	{ "bpfprobe:drop:netns=/a", "netns=\"/a\": a name, pid/N or inode/N is expected" },
	{ "bpfprobe:drop:netns=pids/1", "netns=\"pids/1\": a name, pid/N or inode/N is expected" },
	{ "bpfprobe:drop:netns=pid/", "netns=\"pid/\": a number from 1 to 2147483647 is expected" },
	{ "bpfprobe:drop:netns=pid/0", "netns=\"pid/0\": a number from 1 to 2147483647 is expected" },
	{ "bpfprobe:drop:netns=pid/-1", "netns=\"pid/-1\": a number from 1 to 2147483647 is expected" },
	{ "bpfprobe:drop:netns=pid/2147483648",
	    "netns=\"pid/2147483648\": a number from 1 to 2147483647 is expected" },
	{ "bpfprobe:drop:netns=inode/0x1",
	    "netns=\"inode/0x1\": a number from 1 to 4294967295 is expected" },
	{ "bpfprobe:drop:netns=inode/4294967296",
	    "netns=\"inode/4294967296\": a number from 1 to 4294967295 is expected" },
	{ "bpfprobe:drop:len=0", "len=\"0\": a number from 1 to 262144 is expected" },
	{ "bpfprobe:drop:len=", "len=\"\": a number from 1 to 262144 is expected" },
	{ "bpfprobe:drop:len=262145", "len=\"262145\": a number from 1 to 262144 is expected" },
	{ "bpfprobe:drop:pages=x", "pages=\"x\": a number from 1 to 262144 is expected" },
	{ "bpfprobe:drop:pages= 1", "pages=\" 1\": a number from 1 to 262144 is expected" },
	{ "bpfprobe:drop:pages=+1", "pages=\"+1\": a number from 1 to 262144 is expected" },
	{ "bpfprobe:drop:pages=18446744073709551617",
	    "pages=\"18446744073709551617\": a number from 1 to 262144 is expected" },
#define PROTO ": the name of a link type (1 to 31 letters, digits, _ . -) is expected"
	{ "bpfprobe:drop:track=0", "track=\"0\": a number from 1 to 65536 is expected" },
	{ "bpfprobe:drop:track=65537", "track=\"65537\": a number from 1 to 65536 is expected" },
	{ "bpfprobe:drop:track=", "track=\"\": a number from 1 to 65536 is expected" },
	{ "bpfprobe:drop:track:track", "option \"track\" is given twice" },
	{ "bpfprobe:drop:until=", "target \"\": the name is missing" },
	{ "bpfprobe:drop:until=a+b", "target \"a+b\": a name has letters, digits, _ . - * ? only" },
	{ "bpfprobe:drop:until=a:until=b", "option \"until=\" is given twice" },
	/* ret= */
#define RET ": numbers with / in between are expected, or not/ and numbers"
	{ "bpfprobe:a:ret=", "ret=\"\"" RET },
	{ "bpfprobe:a:ret=x", "ret=\"x\"" RET },
	{ "bpfprobe:a:ret=1x", "ret=\"1x\"" RET },
	{ "bpfprobe:a:ret=--1", "ret=\"--1\"" RET },
	{ "bpfprobe:a:ret=1//2", "ret=\"1//2\"" RET },
	{ "bpfprobe:a:ret=not/", "ret=\"not/\"" RET },
	{ "bpfprobe:a:ret=not", "ret=\"not\"" RET },
	{ "bpfprobe:a:ret=18446744073709551616", "ret=\"18446744073709551616\"" RET },
	{ "bpfprobe:a:ret=-9223372036854775809", "ret=\"-9223372036854775809\"" RET },
	{ "bpfprobe:a:ret=1/2/3/4/5/6/7/8/9", "ret=\"1/2/3/4/5/6/7/8/9\": at most 8 values are possible" },
	{ "bpfprobe:tp/a:ret=1", "tracepoint \"a\" returns nothing: leave out ret=" },
	{ "bpfprobe:b+rawtp/a:ret=1", "tracepoint \"a\" returns nothing: leave out ret=" },
	{ "bpfprobe:a@4:ret=1", "kprobe \"a\": with ret= it has no @OFFSET" },
	{ "bpfprobe:kretprobe/a@4", "target \"kretprobe/a@4\": only a kprobe has an @OFFSET" },
	{ "bpfprobe:drop:proto=", "proto=\"\"" PROTO },
	{ "bpfprobe:drop:fields=", "fields=\"\": names of fields with / in between are expected" },
	{ "bpfprobe:drop:fields=a,b", "fields=\"a,b\": names of fields with / in between are expected" },
	{ "bpfprobe:drop:proto=a b", "proto=\"a b\"" PROTO },
	{ "bpfprobe:drop:proto=%0a", "proto=\"%0a\": control bytes are not allowed" },
	{ "bpfprobe:drop:proto=abcdefghijklmnopqrstuvwxyz012345",
	    "proto=\"abcdefghijklmnopqrstuvwxyz012345\"" PROTO },
	/* percent-encoding */
	{ "bpfprobe:drop:dev=%00", "dev=\"%00\": control bytes are not allowed" },
	{ "bpfprobe:drop:dev=a%00b", "dev=\"a%00b\": control bytes are not allowed" },
	{ "bpfprobe:drop:dev=%", "dev=\"%\": % must be followed by two hexadecimal digits" },
	{ "bpfprobe:drop:dev=a%4", "dev=\"a%4\": % must be followed by two hexadecimal digits" },
	{ "bpfprobe:drop:dev=a%4:len=1", "dev=\"a%4\": % must be followed by two hexadecimal digits" },
	{ "bpfprobe:drop:dev=%g0", "dev=\"%g0\": % must be followed by two hexadecimal digits" },
	{ "bpfprobe:drop:dev=%0g", "dev=\"%0g\": % must be followed by two hexadecimal digits" },
	{ "bpfprobe:drop:dev=%%41", "dev=\"%%41\": % must be followed by two hexadecimal digits" },
	{ "bpfprobe:drop:len=%-1", "len=\"%-1\": % must be followed by two hexadecimal digits" },
};

static void
assert_name(const char *device, const struct bpfprobe_name *got, const struct bpfprobe_name *want)
{
	if (strcmp(got->name, want->name) != 0 || got->kind != want->kind ||
	    got->offset != want->offset || got->arg != want->arg || got->returns != want->returns || got->until != want->until || strcmp(got->field, want->field) != 0)
		fail_msg("%s: \"%s\" kind %d offset %u arg %u field \"%s\"", device, got->name, got->kind,
		    got->offset, got->arg, got->field);
}

static void
assert_device(const char *name, const struct bpfprobe_device *got, const struct bpfprobe_device *want)
{
	unsigned int i;

	assert_options(name, got, want);
	for (i = 0; i < got->count; i++) {
		/* Of the many, only the last one is of interest. */
		if (want->names[i].name[0] != '\0')
			assert_name(name, &got->names[i], &want->names[i]);
	}
}

static void
good_names(void **state)
{
	struct bpfprobe_device device;
	char name[512];
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(good); i++) {
		snprintf(name, sizeof(name), "bpfprobe:%s", good[i].name);
		assert_parsed(&device, name);
		assert_device(name, &device, &good[i].device);
	}
}

static void
bad_names(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(bad); i++)
		assert_refused(bad[i].name, bad[i].message);
}

/* A name of `front`, `n` times `fill`, `back`; to be freed. */
static char *
long_name(const char *front, size_t n, const char *fill, const char *back)
{
	size_t size = strlen(front) + n * strlen(fill) + strlen(back) + 1;
	char *name = malloc(size);

	assert_non_null(name);
	strcpy(name, front);
	while (n-- > 0)
		strcat(name, fill);
	strcat(name, back);
	return name;
}

#define X60 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
longest_target(void **state)
{
	struct bpfprobe_device device;
	char message[256], *name;

	(void)state;
	name = long_name("bpfprobe:tp/", 127, "x", "");
	assert_int_equal(bpfprobe_device_parse(&device, name, message, sizeof(message)), 0);
	assert_int_equal(strlen(device.names[0].name), 127);
	free(name);
	name = long_name("bpfprobe:", 128, "x", "");
	assert_refused(name, "target \"" X60 "...\": the name is longer than 127 bytes");
	free(name);
}

static void
longest_device(void **state)
{
	struct bpfprobe_device device;
	char message[256], *name;

	(void)state;
	name = long_name("bpfprobe:drop:netns=", 255 - 20, "x", "");
	assert_int_equal(strlen(name), 255);
	assert_int_equal(bpfprobe_device_parse(&device, name, message, sizeof(message)), 0);
	assert_int_equal(strlen(device.netns), 255 - 20);
	free(name);
	name = long_name("bpfprobe:drop:netns=", 256 - 20, "x", "");
	assert_refused(name, "device \"bpfprobe:drop:netns=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\": "
			     "the device name is longer than 255 bytes");
	free(name);
}

static void
absurd_lengths(void **state)
{
	static const char *const front[] = { "bpfprobe:", "bpfprobe:drop:dev=", "bpfprobe:drop:arg", "" };
	static const char *const fill[] = { "x", "9", ":", "%41", "tp/", "\n", "a+" };
	struct bpfprobe_device device;
	char message[256], *name;
	size_t i, j;

	(void)state;
	for (i = 0; i < ROWS(front); i++) {
		for (j = 0; j < ROWS(fill); j++) {
			name = long_name(front[i], 10000, fill[j], "");
			assert_int_equal(bpfprobe_device_parse(&device, name, message, sizeof(message)), -1);
			assert_true(strlen(message) < 150);
			assert_non_null(strstr(message, i < 3 ? "longer than 255 bytes" : "is expected"));
			free(name);
		}
	}
}

/* Every byte but control bytes and slash arrives as it was encoded, in both cases of the digits. */
static void
every_byte_can_be_encoded(void **state)
{
	struct bpfprobe_device device;
	char name[64], message[256];
	int byte, refused;

	(void)state;
	for (byte = 1; byte < 256; byte++) {
		refused = byte < 0x20 || byte == 0x7f || byte == '/';
		snprintf(name, sizeof(name), byte % 2 ? "bpfprobe:x:netns=a%%%02xz" : "bpfprobe:x:netns=a%%%02Xz",
		    (unsigned int)byte);
		assert_int_equal(
		    bpfprobe_device_parse(&device, name, message, sizeof(message)), refused ? -1 : 0);
		if (refused)
			continue;
		assert_int_equal((unsigned char)device.netns[1], byte);
		assert_string_equal(device.netns + 2, "z");
	}
}

static void
assert_printable(const char *name, const char *message)
{
	const char *at;

	assert_true(*message != '\0');
	for (at = message; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			fail_msg("%s: byte %#x in the message", name, (unsigned int)(unsigned char)*at);
}

static void
messages_are_printable(void **state)
{
	static const char *const front[] = { "", "bpfprobe:x", "bpfprobe:x:", "bpfprobe:x:dev=/",
		"bpfprobe:x:len=", "bpfprobe:x:proto=" };
	struct bpfprobe_device device;
	char name[64], message[256];
	size_t i;
	int byte;

	(void)state;
	for (i = 0; i < ROWS(front); i++) {
		for (byte = 1; byte < 256; byte++) {
			snprintf(name, sizeof(name), "%s%c", front[i], byte);
			message[0] = '\0';
			if (bpfprobe_device_parse(&device, name, message, sizeof(message)) < 0)
				assert_printable(name, message);
		}
	}
}

static void
message_fits_its_buffer(void **state)
{
	struct bpfprobe_device device;
	const char *full = "unknown option \"foo=1\"" KNOWN;
	char message[128];
	size_t n;

	(void)state;
	for (n = 0; n < 100; n++) {
		memset(message, '#', sizeof(message));
		assert_int_equal(bpfprobe_device_parse(&device, "bpfprobe:x:foo=1", message, n), -1);
		assert_int_equal(message[n], '#');
		if (n > 0)
			assert_int_equal(strlen(message), n <= strlen(full) ? n - 1 : strlen(full));
	}
}

/* Names of random pieces: no crash, every refusal explained, every acceptance well-formed. */
static void
random_names(void **state)
{
	static const char *const pieces[] = { "bpfprobe:", "tp/", "drop", ":", "=", "%", "41", "%4", "%00",
		"dev=", "netns=", "pid/", "inode/", "len=", "pages=", "proto=", "arg", "1", "12", "99999999999",
		"/", "+", ".", "..", "\x01", "\xff", " ", "x", "pid=", "comm=", "uid=", "sk=", "mark=", "queue=" };
	struct bpfprobe_device device;
	char name[1024], message[256];
	unsigned int round, n, i, accepted = 0;

	(void)state;
	srand(4711);
	for (round = 0; round < 200000; round++) {
		strcpy(name, rand() % 8 ? "bpfprobe:drop" : "");
		for (n = (unsigned int)rand() % 12; n > 0; n--)
			strcat(name, pieces[(size_t)rand() % ROWS(pieces)]);
		message[0] = '\0';
		if (bpfprobe_device_parse(&device, name, message, sizeof(message)) < 0) {
			assert_printable(name, message);
			continue;
		}
		accepted++;
		assert_string_equal(message, "");
		for (i = 0; i < device.count; i++)
			assert_true(strlen(device.names[i].name) > 0 && device.names[i].arg <= 12);
		assert_true((device.pages & (device.pages - 1)) == 0);
		assert_null(strchr(device.netns, '/'));
	}
	assert_true(accepted > 1000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names),
		cmocka_unit_test(bad_names),
		cmocka_unit_test(longest_target),
		cmocka_unit_test(longest_device),
		cmocka_unit_test(absurd_lengths),
		cmocka_unit_test(every_byte_can_be_encoded),
		cmocka_unit_test(messages_are_printable),
		cmocka_unit_test(message_fits_its_buffer),
		cmocka_unit_test(random_names),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
