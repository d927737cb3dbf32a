# SPDX-License-Identifier: BSD-3-Clause
#
# Our libpcap in the place of the distribution's: the same for every program that does not ask
# for our devices.  And rules for the source tree that a tool can check.

bats_require_minimum_version 1.5.0

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
ours=$top/build/libpcap/libpcap.so.0.8
PATH=$PATH:/usr/sbin:/sbin

setup()
{
	# The environment may already select our library.
	unset LD_LIBRARY_PATH
	theirs=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | sed -n 's/.*libpcap\.so\.0\.8 .*=> //p' | head -n 1)
	[ -e "$theirs" ]
	[ -e "$ours" ]
	cd "$top"
}

# with_ours CMD...
with_ours()
{
	LD_LIBRARY_PATH=${ours%/*} BPFPROBE_HELPER=$top/build/pcap-bpfprobe-helper "$@"
}

# same CMD THEIRS OURS: the command prints the same for both libraries.
same()
{
	diff <("$1" "$theirs") <("$1" "$ours")
}

exports()
{
	nm -D --defined-only "$1" | awk '{ print $2, $3 }' | sort
}

dynamic()
{
	readelf -d "$1" | sed -n "s/.*($2).*\[\(.*\)\]/\1/p" | sort
}

soname() { dynamic "$1" SONAME; }
needed() { dynamic "$1" NEEDED; }

device_names()
{
	sed 's/^[0-9]*\.\([^ ]*\).*/\1/'
}

# The files that are ours to keep tidy.
tree_files()
{
	if [ -e .git ]; then
		git -c safe.directory="$top" ls-files --cached --others --exclude-standard
	else
		find . -type f -not -path './build*' -not -path './autom4te.cache/*' |
			sed 's,^\./,,' | grep -Ev '^(configure|aclocal\.m4|Makefile\.in)'
	fi
}

@test "the library has the distribution's soname" {
	same soname
	[ "$(soname "$ours")" = libpcap.so.0.8 ]
}

@test "the library exports the same symbols" {
	same exports
	[ -n "$(exports "$ours")" ]
}

@test "the library needs the same libraries" {
	same needed
}

@test "the static library has the module" {
	nm "${ours%/*}/libpcap.a" 2>/dev/null | grep -q ' T bpfprobe_create$'
}

@test "our global names begin with bpfprobe_" {
	cd "${ours%/*}"
	run -0 nm --defined-only --extern-only -A pcap-bpfprobe.o bpfprobe-*.o
	[ -n "$output" ]
	[ -z "$(grep -Ev '_pic\.o:| bpfprobe_[a-z0-9_]*$' <<<"$output")" ]
}

@test "tcpdump runs with the library and reports its version" {
	diff <(tcpdump --version 2>&1) <(with_ours tcpdump --version 2>&1)
	with_ours bash -c 'LD_TRACE_LOADED_OBJECTS=1 "$(command -v tcpdump)"' | grep -F "$ours"
}

@test "tcpdump -D lists the same devices in the same order, then ours" {
	diff <(tcpdump -D) <(with_ours tcpdump -D | grep -Ev '^[0-9]+\.bpf(probe|xdp|prog):')
	run -0 with_ours tcpdump -D
	first=$(device_names <<<"$output" | grep -n '^bpfprobe:' | head -n 1 | cut -d : -f 1)
	[ -n "$first" ]
	[ -z "$(device_names <<<"$output" | tail -n +"$first" | grep -v '^bpf')" ]
}

@test "tshark -D lists the same devices" {
	diff <(tshark -D 2>/dev/null | sed 's/^[0-9]*\. //') \
		<(with_ours tshark -D 2>/dev/null | sed 's/^[0-9]*\. //' | grep -v '^bpf')
}

@test "lo still captures" {
	run -0 with_ours unshare -n sh -c '
		ip link set lo up
		tcpdump -i lo -c 1 -n --immediate-mode icmp 2>"$1/err" >"$1/out" &
		tcpdump=$!
		for i in $(seq 50); do
			grep -q "listening on" "$1/err" && break
			sleep 0.1
		done
		ping -c 1 -q 127.0.0.1 >/dev/null
		for i in $(seq 50); do
			kill -0 $tcpdump 2>/dev/null || break
			sleep 0.1
		done
		kill $tcpdump 2>/dev/null
		wait $tcpdump
		cat "$1/out" "$1/err"' sh "$BATS_TEST_TMPDIR"
	[[ $output == *"127.0.0.1 > 127.0.0.1: ICMP echo request"* ]]
}

@test "the patch applies to the distribution's libpcap without fuzz" {
	mkdir "$BATS_TEST_TMPDIR/a"
	cp build/src/libpcap/pcap.c "$BATS_TEST_TMPDIR/a/"
	patch --fuzz=0 -p1 -d "$BATS_TEST_TMPDIR/a" <patches/libpcap-bpfprobe.patch
}

@test "any source tree of libpcap is taken, by a relative name too, and nothing else" {
	local tree=$BATS_TEST_TMPDIR
	cp -r build/src/libpcap "$tree/other"
	sed -i 's/"libpcap version "/"the other libpcap "/' "$tree/other/pcap-int.h"
	mkdir "$tree/build"
	cd "$tree/build"
	"$top/configure" --with-libpcap-src=../other >/dev/null
	make libpcap.stamp >/dev/null
	LD_LIBRARY_PATH=libpcap run tcpdump --version
	echo "$output"
	[[ $output == *"the other libpcap "* ]]
	! diff -rq "$top/build/src/libpcap" "$tree/other" | grep -v pcap-int.h || false
	run ! "$top/configure" --with-libpcap-src="$tree/build"
	[[ $output == *"$tree/build is not a libpcap source tree"* ]]
	run ! "$top/configure"
	[[ $output == *"--with-libpcap-src=DIR is needed"* ]]
}

@test "building again changes nothing" {
	make -q -C build all
}

@test "no file has 600 lines or more" {
	tree_files | grep -v '^patches/' | while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -lt 600 ] || echo "$file: $lines lines"
	done >"$BATS_TEST_TMPDIR/long"
	cat "$BATS_TEST_TMPDIR/long"
	[ ! -s "$BATS_TEST_TMPDIR/long" ]
}

@test "only the module itself includes pcap-int.h" {
	tree_files | grep '\.[ch]$' | xargs grep -l '# *include *[<"]pcap-int\.h' >"$BATS_TEST_TMPDIR/users"
	cat "$BATS_TEST_TMPDIR/users"
	[ -z "$(grep -Evx 'pcap-(bpfprobe\.c|compat\.h)' "$BATS_TEST_TMPDIR/users")" ]
}

@test "white space is clean" {
	tree_files | grep -v '^patches/' | xargs grep -nIP '[ \t]+$|^ +\t|\r$' >"$BATS_TEST_TMPDIR/spaces" || :
	cat "$BATS_TEST_TMPDIR/spaces"
	[ ! -s "$BATS_TEST_TMPDIR/spaces" ]
}

# With `set -e` a line `! command` fails only where it is the last of its function.
@test "no test asks in vain that something fails" {
	find "$top/tests" -name '*.bats' -o -name '*.bash' | while read -r file; do
		awk -v file="$file" '
			asked && NF > 0 { if ($1 != "}") print file ": " line; asked = 0 }
			/^[ \t]+! / && !/\|\|/ { asked = 1; line = $0 }' "$file"
	done >"$BATS_TEST_TMPDIR/vain"
	cat "$BATS_TEST_TMPDIR/vain"
	[ ! -s "$BATS_TEST_TMPDIR/vain" ]
}

@test "shell scripts pass shellcheck" {
	tree_files | while read -r file; do
		! head -n 1 "$file" | grep -aEq '^#!.*[ /](ba)?sh( |$)|^# shellcheck shell=' || echo "$file"
	done >"$BATS_TEST_TMPDIR/scripts"
	[ -s "$BATS_TEST_TMPDIR/scripts" ]
	xargs shellcheck <"$BATS_TEST_TMPDIR/scripts"
}

@test "manual pages pass mandoc's checks" {
	tree_files | grep -E '^man/.*\.[1-9]$' >"$BATS_TEST_TMPDIR/pages" || return 0
	xargs mandoc -T lint -W warning <"$BATS_TEST_TMPDIR/pages"
}

@test "tally: adds streams and shows failures with their diagnostics" {
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' 1..3 'ok 1 - a' 'not ok 2 - b' '# 1 != 2' 'not ok 3 # SKIP c' \
		'# suite ended with status 1' >one.tap
	printf '%s\n' 1..2 'ok 1 x' 'ok 2 y # skip no kernel' '# suite ended with status 0' >two.tap
	run -1 "$top/tests/tally" one.tap two.tap
	[[ $output == *"FAILED one: b"*"# 1 != 2"* ]]
	[[ $output == *"two: y: no kernel"* ]]
	[ "${lines[-1]}" = "2 passed, 1 failed, 2 skipped" ]
}

@test "tally: a stream that is cut short is a failure" {
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' 1..3 'ok 1 a' '# suite ended with status 0' >plan.tap
	printf '%s\n' 'ok 1 a' '# suite ended with status 0' >noplan.tap
	printf '%s\n' 1..1 'ok 1 a' >noend.tap
	printf '%s\n' 1..1 'ok 1 a' '# suite ended with status 139' >crash.tap
	for file in plan noplan noend crash; do
		run -1 "$top/tests/tally" "$file.tap"
		[ "${lines[-1]}" = "1 passed, 1 failed, 0 skipped" ]
	done
}

@test "tally: nothing passed is no success" {
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' 1..1 'ok 1 a # skip b' '# suite ended with status 0' >none.tap
	run -1 "$top/tests/tally" none.tap
	[ "${lines[-1]}" = "0 passed, 0 failed, 1 skipped" ]
}
