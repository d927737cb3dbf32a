# SPDX-License-Identifier: BSD-3-Clause
# What our library costs a program that opens an ordinary interface: next to nothing, compared
# with the distribution's.  What it needs and exports is in build.bats.

load ../live/lib.bash

setup_file() {
	require strace readelf
	local theirs
	theirs=$(env -u LD_LIBRARY_PATH ldconfig -p | sed -n 's/.*libpcap\.so\.0\.8 .*=> //p' | head -n 1)
	# Each in a directory of its own, found in the same way.
	export OURS=$BATS_FILE_TMPDIR/ours THEIRS=$BATS_FILE_TMPDIR/they
	mkdir "$OURS" "$THEIRS"
	install -m 644 "$BUILD/libpcap/libpcap.so.0.8" "$OURS"
	install -m 644 "$theirs" "$THEIRS"
}

# calls LIBRARY MODE: every system call of pcaploop, without what differs each time: addresses,
# its number as a process, large numbers (sizes of files), random bytes, and what it prints.
calls() {
	LD_LIBRARY_PATH=$1 strace -f -o "$1/trace" pcaploop -i lo "$2" >/dev/null
	local pid
	read -r pid _ <"$1/trace"
	sed -E "s,^[0-9]+ +,,; s,\b$pid\b,N,g; s,$1,LIBRARY,g; s/0x[0-9a-f]+/P/g; s/getrandom\(\"[^\"]*\"/getrandom(R/
		s/[0-9]{4,}/N/g; s/ += /= /" "$1/trace" | grep -v '^write(1,'
}

same_calls() { # MODE WORD
	calls "$THEIRS" "$1" >"$BATS_TEST_TMPDIR/they"
	calls "$OURS" "$1" >"$BATS_TEST_TMPDIR/ours"
	wc -l "$BATS_TEST_TMPDIR/ours"
	[[ $(wc -l <"$BATS_TEST_TMPDIR/ours") -ge 50 ]]
	grep -q "$2" "$BATS_TEST_TMPDIR/ours"
	diff "$BATS_TEST_TMPDIR/they" "$BATS_TEST_TMPDIR/ours"
}

@test "opening lo makes the same system calls" {
	same_calls activate "socket(AF_PACKET"
}

@test "listing the interfaces makes the same system calls" {
	same_calls list "socket(AF_NETLINK\|SIOCGIFCONF\|SIOCGIFFLAGS"
}

# relocations LIBRARY PATTERN
relocations() {
	readelf -rW "$1/libpcap.so.0.8" | grep -cE "R_[A-Z0-9_]*($2)"
}

@test "relocations: a few more functions, hardly more data" {
	local all relative
	all=$(($(relocations "$OURS" '') - $(relocations "$THEIRS" '')))
	relative=$(($(relocations "$OURS" 'RELATIVE') - $(relocations "$THEIRS" 'RELATIVE')))
	echo "$all more in all, $relative of them when the library is loaded"
	((all <= 60 && relative <= 16))
}

# sections LIBRARY NAME: its size.
section() {
	readelf -SW "$1/libpcap.so.0.8" | sed 's/^ *\[ *[0-9]*\] *//' | awk -v name="$2" '$1 == name { print $5 }'
}

@test "nothing runs when the library is loaded that did not before" {
	local name
	for name in .init_array .fini_array; do
		[[ -n $(section "$OURS" $name) && $(section "$OURS" $name) == "$(section "$THEIRS" $name)" ]]
	done
}

# memory LIBRARY: in KiB, with all of each library in memory, and the heap page by page: what is
# there otherwise depends on what the kernel happens to map around a page.
memory() {
	value rss_after_kb "$(LD_LIBRARY_PATH=$1 MALLOC_TOP_PAD_=0 pcaploop -i lo locked=10)"
}

@test "memory: within 100 KiB" {
	local ours theirs
	ours=$(memory "$OURS") theirs=$(memory "$THEIRS")
	echo "ours $ours KiB, the distribution's $theirs KiB"
	[[ $theirs -gt 0 ]]
	((ours - theirs <= 100))
}
