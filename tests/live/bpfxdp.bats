# SPDX-License-Identifier: BSD-3-Clause
# XDP programs that are at an interface already: packets as they come and as they leave.
# actions.bpf.c says what becomes of the numbered packets: of 8, numbers 1 and 6 are dropped,
# 2 is sent back, 3 aborted; 4 and 6 get another TTL, 5 a VLAN tag.

load lib.bash

setup_file() {
	require tcpdump tshark clang bpftool xdp-loader xdpdump
	pair_setup
	export OBJECT=$BATS_FILE_TMPDIR/actions.o
	compile "$TOP/tests/live/actions.bpf.c" "$OBJECT"
	kinds_setup # a BPF program is entered and left as a function is
	remember_objects
	frags_setup bpb0
	in_b ip link set dev bpb0 xdp off
}

setup() {
	need fentry
}

# program xdpdrv|xdpgeneric [SECTION]
program() {
	in_b ip link set dev bpb0 "$1" obj "$OBJECT" sec "${2:-xdp}"
	defer in_b ip link set dev bpb0 "$1" off
}

no_program() {
	in_b ip link set dev bpb0 xdp off
	in_b ip link set dev bpb0 xdpgeneric off
}

# at NAME OPTIONS [ARG...]: a capture of that interface into NAME.pcap, in B.
at() {
	capture "$1" in_b tcpdump -w "$BATS_TEST_TMPDIR/$1.pcap" -i "bpfxdp:bpb0$2" "${@:3}"
}

# takes OPTIONS NUMBER...: these of 16 packets, decided in the kernel.
takes() {
	at takes "$1" "udp port $PORT"
	send -c 16
	sleep 0.5
	emitted $(($# - 1))
	stop
	run got takes
	echo "$1: $output"
	[[ $output == "${*:2}${2:+ }" ]]
}

@test "entry: as they came; exit: as they left; in the driver and generic" {
	local mode in
	for mode in xdpdrv xdpgeneric; do
		program $mode
		at in :entry "udp port $PORT"
		in=$PID
		at out :exit "udp port $PORT or vlan"
		send -c 16 -s mixed:1400
		emitted 16
		stop
		PID=$in
		emitted 16
		stop
		verify -l EN10MB -t 0800 -m "$MAC_A,$MAC_B" -e 0:0-15 -z mixed:1400 -w "0:$END" "$T/in.pcap"
		fields out ip.ttl vlan.id | tr '\t\n' ',;' | tee "$T/changed"
		[[ $(<"$T/changed") == "64,;64,;64,;64,;7,;64,5;7,;64,;64,;64,;64,;64,;7,;64,5;7,;64,;" ]]
		run tcpdump -nvr "$T/out.pcap"
		[[ $output != *"bad cksum"* && $output != *truncated* ]]
		no_program
	done
}

@test "action=: packets of which the program says so, at its exit or its entry" {
	program xdpdrv
	takes :exit:action=DROP 1 6 9 14
	takes :exit:action=TX/ABORTED 2 3 10 11
	takes :exit:action=xdp_pass 0 4 7 8 12 15 # not 5, 13: behind a tag there is no UDP
	takes :exit:action=REDIRECT
}

@test "action= at the entry: by what comes out, of the packet as it came" {
	program xdpdrv
	at in :entry:action=PASS "udp port $PORT"
	send -c 16
	until_true 20 all_read
	stop
	[[ $(got in) == "0 4 5 7 8 12 13 15 " ]]
	[[ $(fields in ip.ttl | sort -u) == 64 ]]
	counts "$T/in.err"
	[[ $CAPTURED -eq 8 && $DROPPED -eq 0 ]]
}

@test "both ends: as it came, as it left, in order" {
	program xdpdrv
	at both "" "udp port $PORT"
	send -c 16
	emitted 30
	stop
	[[ $(got both) == "0 0 1 1 2 2 3 3 4 4 5 6 6 7 7 8 8 9 9 10 10 11 11 12 12 13 14 14 15 15 " ]]
	at both :action=DROP "udp port $PORT"
	send -c 16
	until_true 20 all_read
	stop
	[[ $(got both) == "1 1 6 6 9 9 14 14 " ]]
	[[ $(fields both ip.ttl | tr '\n' ' ') == "64 64 64 7 64 64 64 7 " ]]
	counts "$T/both.err"
	[[ $CAPTURED -eq 8 && $DROPPED -eq 0 ]]
}

@test "packets in fragments, whole, and filtered in there" {
	need_frags
	ip -n "$NS_A" link set bpa0 mtu 9000
	ip -n "$NS_B" link set bpb0 mtu 9000
	program xdpdrv xdp.frags
	defer ip -n "$NS_B" link set bpb0 mtu 1500
	defer ip -n "$NS_A" link set bpa0 mtu 1500
	at frags :entry "udp port $PORT"
	send -c 5 -s 8900
	emitted 5
	stop
	verify -l EN10MB -e 0:0-4 -z 8900 "$T/frags.pcap"
	at frags :exit "udp port $PORT and udp[8004:4] != udp[8000:4]"
	send -c 5 -s 8900
	until_true 20 all_read
	emitted 5
	stop
	verify -l EN10MB -e 0:0-4 -z 8900 "$T/frags.pcap"
}

@test "link types, snapshot length, len=" {
	program xdpdrv
	at types :entry -y LINUX_SLL2 -s 100 "udp port $PORT and inbound"
	send -c 8 -s 900
	emitted 8
	stop
	verify -l LINUX_SLL2 -t 0800 -m "$MAC_A" -d in -I "$(ifindex "$NS_B" bpb0)" -e 0:0-7 -z 900 -n 100 "$T/types.pcap"
	at types :entry:len=60 -y RAW "udp port $PORT"
	send -c 8 -s 900
	emitted 8
	stop
	verify -l RAW -e 0:0-7 -z 900 -n any "$T/types.pcap"
	[[ $(fields types frame.cap_len | sort -u) == 60 ]]
}

@test "netns=, any, and eth0%xdp" {
	program xdpgeneric
	capture one tcpdump -w "$BATS_TEST_TMPDIR/one.pcap" -i "bpfxdp:bpb0:netns=$NS_B:entry" "udp port $PORT"
	send -c 8
	emitted 8
	stop
	capture one in_b tcpdump -w "$BATS_TEST_TMPDIR/one.pcap" -i bpb0%xdp "udp port $PORT"
	send -c 8
	emitted 15
	stop
	# lo, which has no program, gets one of ours meanwhile.
	capture one tcpdump -w "$BATS_TEST_TMPDIR/one.pcap" -i "bpfxdp:any:netns=$NS_B:entry" "udp port $PORT"
	[[ $(in_b ip link show lo) == *bpfprobe_pass* ]]
	send -c 8
	in_b sender -c 2 udp "$ADDR_B" "$PORT"
	emitted 10
	stop
	[[ $(in_b ip link show lo) != *xdp* ]]
}

@test "the same program elsewhere is not seen" {
	local bpf=$BATS_TEST_TMPDIR/bpf
	mkdir "$bpf"
	mount -t bpf bpf "$bpf"
	defer umount "$bpf"
	compile "$TOP/tests/live/actions.bpf.c" "$BATS_TEST_TMPDIR/one.o" -DONE
	bpftool prog load "$BATS_TEST_TMPDIR/one.o" "$bpf/program"
	ip -n "$NS_B" link set dev bpb0 xdpdrv pinned "$bpf/program"
	defer ip -n "$NS_B" link set dev bpb0 xdpdrv off
	ip -n "$NS_B" link set dev lo xdpgeneric pinned "$bpf/program"
	defer ip -n "$NS_B" link set dev lo xdpgeneric off
	capture one tcpdump -i "bpfxdp:bpb0:netns=$NS_B" "udp port $PORT"
	in_b sender -c 2 udp "$ADDR_B" "$PORT"
	send -c 2
	emitted 4
	stop
	capture one tcpdump -i "bpfxdp:any:netns=$NS_B" "udp port $PORT"
	in_b sender -c 2 udp "$ADDR_B" "$PORT"
	send -c 2
	emitted 8
	stop
}

@test "with what the network stack is given" {
	local mode tag
	for mode in xdpdrv xdpgeneric; do
		program $mode
		at stack :exit:netstack "udp port $PORT or vlan"
		send -c 8
		emitted 12
		stop
		fields stack ip.ttl vlan.id | tr '\t\n' ',;' | tee "$T/stack"
		# 0 twice, 1, 2, 3, 4 twice, 5 twice, 6, 7 twice.  A program of the generic kind puts a
		# tag into the bytes of a packet that the stack takes for untagged (no second 5).
		[[ $mode == xdpdrv ]] && tag=5 || tag=''
		[[ $(<"$T/stack") == "64,;64,;64,;64,;64,;7,;7,;64,5;64,$tag;7,;64,;64,;" ]]
		no_program
	done
}

# The last capture ends by itself, as with an error.
ends() {
	local status=0
	wait_exit "$PID" 20 || status=$?
	[[ $status -eq 1 ]]
}

@test "a program that takes its place, and an interface that goes, end the capture" {
	program xdpdrv
	at gone "" udp
	in_b ip link set dev bpb0 xdpdrv off
	in_b xdpback native bpb0
	ends
	grep "the XDP program of interface \"bpb0\" is another one now" "$T/gone.err"
	no_program
	in_b ip link add bpdummy type dummy
	in_b ip link set dev bpdummy xdpgeneric obj "$OBJECT" sec xdp
	capture gone in_b tcpdump -i bpfxdp:bpdummy
	in_b ip link set bpdummy name bprenamed
	ends
	grep 'interface "bpdummy" is now called "bprenamed"' "$T/gone.err"
	capture gone in_b tcpdump -i bpfxdp:bprenamed
	in_b ip link del bprenamed
	ends
	grep 'interface "bprenamed" has disappeared' "$T/gone.err"
}

@test "a second capture where there is no program but that of the first" {
	at first "" "udp port $PORT"
	local first=$PID
	at second "" "udp port $PORT"
	send -c 4
	emitted 4
	local second=$PID
	PID=$first
	emitted 4
	stop
	PID=$second
	ends
	verify -l EN10MB -e 0:0-3 "$T/first.pcap"
	verify -l EN10MB -e 0:0-3 "$T/second.pcap"
	[[ $(in_b ip link show bpb0) != *xdp* ]]
}

# libxdp's dispatcher calls several programs, in the order of their priority. Since Linux 6.13 (81f6d0530ba0)
# these may not change a packet's size where the dispatcher itself does not, as that of libxdp 1.3.
@test "every program of a libxdp dispatcher" {
	[[ $(uname -r) != 5.10.* ]] || skip "before Linux 5.13 the kernel does not tell which these are"
	compile "$TOP/tests/live/actions.bpf.c" "$BATS_TEST_TMPDIR/first.o" -DONE -DSAME_SIZE
	compile "$TOP/tests/live/actions.bpf.c" "$BATS_TEST_TMPDIR/second.o" -DONE -DSAME_SIZE \
		-Dactions_of_xdp_program=second
	# What keeps the programs there is a file system that ip-netns would hide.
	export LIBXDP_BPFFS=$BATS_TEST_TMPDIR/bpf
	mkdir "$LIBXDP_BPFFS"
	mount -t bpf bpf "$LIBXDP_BPFFS"
	defer umount "$LIBXDP_BPFFS"
	in_b sh -ec "xdp-loader load -m native -s xdp bpb0 $BATS_TEST_TMPDIR/first.o
		xdp-loader load -m native -s xdp bpb0 $BATS_TEST_TMPDIR/second.o" >"$BATS_TEST_TMPDIR/loader" 2>&1 ||
		fail "xdp-loader does not load two programs: $(tail -n 1 "$BATS_TEST_TMPDIR/loader")"
	defer in_b ip link set dev bpb0 xdp off
	at two :entry "udp port $PORT"
	send -c 8
	# The first lets 0, 4, 5 and 7 pass.
	emitted 12
	stop
	[[ $(got two) == "0 0 1 2 3 4 4 5 5 6 7 7 " ]]
	in_b ip link set dev bpb0 xdp off
}

# Length, payload and verdict (of exits: XDP's are type 2) of each packet.
verdicts() {
	tshark -nr "$T/$1" -Y "udp or vlan" -T fields -e frame.len -e udp.payload -e frame.verdict.ebpf_xdp 2>/dev/null
}

@test "xdpdump sees the same packets, with the same actions" {
	local ours
	program xdpdrv
	background ours in_b bpfprobe capture -i bpfxdp:bpb0 -w "$BATS_TEST_TMPDIR/ours.pcapng" udp or vlan
	started "$BATS_TEST_TMPDIR/ours.err" "istening on"
	ours=$PID
	background theirs in_b xdpdump -i bpb0 --rx-capture entry,exit -w "$BATS_TEST_TMPDIR/theirs.pcapng"
	started "$BATS_TEST_TMPDIR/theirs.err" "istening on"
	send -c 16 -s mixed:1400
	sleep "$(scaled 1 5)"
	stop
	PID=$ours
	emitted 32
	stop
	verdicts ours.pcapng >"$T/ours.txt"
	verdicts theirs.pcapng >"$T/theirs.txt"
	cat "$T/ours.txt"
	cmp "$T/ours.txt" "$T/theirs.txt"
	[[ $(wc -l <"$T/ours.txt") -eq 32 ]]
	[[ $(cut -f 3 "$T/ours.txt" | grep . | tr '\n' ' ') == "2 1 3 0 2 2 1 2 2 1 3 0 2 2 1 2 " ]]
	# Entry and exit have one number, and no two packets the same.
	tshark -nr "$T/ours.pcapng" -T fields -e frame.packet_id 2>/dev/null | sort | uniq -c | awk '{ print $1 }' | sort -u >"$T/ids"
	[[ $(<"$T/ids") == 2 ]]
}

@test "programs that cannot be seen are told" {
	in_b xdpback native bpb0
	defer in_b ip link set dev bpb0 xdp off
	run in_b tcpdump -i bpfxdp:bpb0
	[[ $status -eq 1 && $output == *'"xdpback" has no BTF, without which nothing can be attached to it; compile it with -g'* ]]
	in_b ip link set dev bpb0 xdp off
}

@test "nothing is left behind" {
	nothing_left
}
