# SPDX-License-Identifier: BSD-3-Clause
# One patch and one module for libpcap of every release of Debian, built by configure and by
# CMake; and another release's programs.  BPFPROBE_LIBPCAPS names the source trees of more versions.

load ../live/lib.bash

setup_file() {
	require tcpdump ip bpftool cmake
	export VERSIONS=$BUILD/versions
	mkdir -p "$VERSIONS"
	remember_objects
	pair_setup
}

# source_of SUITE: its tree, in TREE; what the archive has no more is skipped.
source_of() {
	local log=$VERSIONS/$1.log
	TREE=$VERSIONS/$1/libpcap
	"$TOP/scripts/libpcap-source" -s "$1" "$VERSIONS/$1" >"$log" 2>&1 && return
	# Nothing else, such as a network that fails: Debian 12's is always there.
	if [[ $1 != bookworm ]] && grep -q '404  *Not Found' "$log"; then
		skip "the archive does not have the source of libpcap in $1: $(grep -m 1 -B 1 '404  *Not Found' "$log" | xargs)"
	fi
	fail "$(tail -n 5 "$log")"
}

# builds TREE NAME: NAME-configure and NAME-cmake; what is there is used again.
builds() {
	local how out
	for how in configure cmake; do
		out=$VERSIONS/$2-$how
		# A warning of last time must not get lost.
		! has_warning "$out.log" || rm -rf "$out"
		"$TOP/scripts/libpcap-build" $([[ $how != cmake ]] || echo --cmake) "$1" "$out" \
			"$BUILD/pcap-bpfprobe-helper" >"$out.log" 2>&1 || fail "$(tail -n 20 "$out.log")"
		! has_warning "$out.log" || fail "$(grep -A 3 bpfprobe.*warning: "$out.log")"
	done
}

has_warning() {
	[[ -e $1 ]] && grep -q 'bpfprobe.*warning:' "$1"
}

exports() {
	nm -D --defined-only "$1/libpcap.so.0.8" | awk '{ print $3 }' | sort
}

# dynamic LIBRARY TAG
dynamic() {
	readelf -d "$1/libpcap.so.0.8" | sed -n "s/.*($2).*\[\(.*\)\]/\1/p" | sort
}

# same_interface TREE NAME: exports, needs and soname; the exports are those of Debian's list.
same_interface() {
	local a=$VERSIONS/$2-configure b=$VERSIONS/$2-cmake list how
	diff <(exports "$a") <(exports "$b")
	diff <(dynamic "$a" NEEDED) <(dynamic "$b" NEEDED)
	for list in "$1"/debian/libpcap0.8*.symbols; do
		[[ ! -e $list ]] || diff <(sed -n 's/^ \((arch=.*)\)\{0,1\}\(.*\)@.*/\2/p' "$list" | sort) <(exports "$a")
	done
	for how in configure cmake; do
		[[ $(dynamic "$VERSIONS/$2-$how" SONAME) == libpcap.so.0.8 ]]
		nm "$VERSIONS/$2-$how/libpcap.a" 2>/dev/null | grep -q ' T bpfprobe_create$'
	done
}

# captures_on DEVICE: a packet of A's own loopback interface.
captures_on() {
	capture lo in_a tcpdump -n -l -c 1 --immediate-mode -i "$1" "udp dst port $PORT"
	in_a sender udp 127.0.0.1 "$PORT"
	wait_exit "$PID"
	grep -q "127.0.0.1\..* > 127.0.0.1.$PORT: UDP, length 64" "$T/lo.out"
}

# works LIBRARY VERSION: the distribution's tcpdump, with it.
works() {
	export LD_LIBRARY_PATH=$1
	run -0 tcpdump --version
	[[ $output == *"libpcap version $2"* ]]
	run -0 tcpdump -D
	[[ $output == *.bpfprobe:drop* && $output == *.lo* && $output == *.any* ]]
	captures_on lo
	captures_on any
	# Dropped where B receives it: "inbound" is not in the bytes of an Ethernet frame.
	capture dump tcpdump -c 1 -y EN10MB -i bpfprobe:drop -w "$BATS_TEST_TMPDIR/a.pcap" \
		"inbound and udp port $PORT and host $SINK"
	send -i 1 -s 500
	wait_exit "$PID"
	verify -e 1:0-0 -z 500 -l EN10MB "$T/a.pcap"
	capture dump tcpdump -c 20 -i "bpfprobe:tx:netns=$NS_A" -w "$BATS_TEST_TMPDIR/a.pcap" "udp port $PORT"
	send -c 20 -i 1
	wait_exit "$PID"
	verify -e 1:0-19 -l LINUX_SLL2 "$T/a.pcap"
}

# check TREE NAME
check() {
	local how
	builds "$1" "$2"
	same_interface "$1" "$2"
	for how in configure cmake; do
		works "$VERSIONS/$2-$how" "$(<"$1/VERSION")"
	done
}

@test "libpcap of Debian 11" {
	source_of bullseye
	check "$TREE" bullseye
}

@test "libpcap of Debian 12" {
	source_of bookworm
	check "$TREE" bookworm
}

@test "libpcap of Debian 13" {
	source_of trixie
	check "$TREE" trixie
}

@test "libpcap of Debian's unstable release" {
	source_of sid
	check "$TREE" sid
}

@test "libpcap of other sources" {
	[[ -n ${BPFPROBE_LIBPCAPS:-} ]] || skip "BPFPROBE_LIBPCAPS names none"
	local tree
	for tree in $BPFPROBE_LIBPCAPS; do
		echo "$tree"
		check "$tree" "other-${tree##*/}"
	done
}

# programs_of SUITE: IN_RELEASE are the words that run a command with them; their versions are told.
programs_of() {
	local root=$VERSIONS/$1-root name words=()
	"$TOP/tests/package/root" make "$root" "$1" tcpdump tshark libbpf1 >"$root.log" 2>&1 3>&- ||
		fail "$(tail -n 20 "$root.log")"
	dpkg-query --admindir="$root/base/var/lib/dpkg" -W tcpdump tshark
	# Not those of this test, which would be taken for their own.
	for name in TEST_HELPER "${!BATS_@}"; do
		words+=(-u "$name")
	done
	IN_RELEASE=(env "${words[@]}" "$TOP/tests/host/root" "$root/base" "$VERSIONS/$1-configure")
}

# pass FILE...: all tests there do, and none is skipped.
pass() {
	local status=0
	(cd "$TOP" && "${IN_RELEASE[@]}" bats --tap -T "$@" >"$BATS_TEST_TMPDIR/tap" 3>&-) || status=$?
	cat "$BATS_TEST_TMPDIR/tap"
	[[ $status -eq 0 ]]
	grep -q '^ok ' "$BATS_TEST_TMPDIR/tap"
	run ! grep '# skip' "$BATS_TEST_TMPDIR/tap"
}

@test "programs of Debian 13: tests of tcpdump, dumpcap and tshark" {
	require debootstrap
	source_of trixie
	builds "$TREE" trixie
	programs_of trixie
	pass tests/live/smoke.bats
	pass tests/live/tools.bats
}

@test "libpcap-build: --cmake of something else is refused" {
	run -1 "$TOP/scripts/libpcap-build" --cmake "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/out"
	[[ $output == *"$BATS_TEST_TMPDIR is not a libpcap source tree"* ]]
}

@test "nothing is left behind" {
	nothing_left
}
