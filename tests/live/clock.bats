# SPDX-License-Identifier: BSD-3-Clause
# The wall clock is set while a capture runs: nothing is lost or held back, and
# each packet has the time of the clock that it was sent by.

load lib.bash

setup_file() {
	require tcpdump ip
	remember_objects
	pair_setup
}

setup() {
	[[ -n ${BPFPROBE_VM:-} ]] || skip "sets the wall clock: in virtual machines only"
}

# step OFFSET: sets the wall clock by so much.
step() {
	date -s "$1" >/dev/null
	# Kernels without CLOCK_TAI in BPF: the offset is measured anew once a second.
	sleep 1.2
}

@test "the wall clock is set forward and back" {
	local i
	declare -a from to
	capture dump tcpdump -l -c 30 -i "bpfprobe:tx:netns=$NS_A" -w "$BATS_TEST_TMPDIR/all.pcap" -U
	for i in 1 2 3; do
		send -c 10 -i $i -s 64
		from[i]=$((START - 1000000)) to[i]=$((END + 1000000))
		# Delivered before the next step: record header, SLL2, IP and UDP, payload of 64.
		until_true 10 file_size_is "$T/all.pcap" $((24 + i * 10 * (16 + 20 + 28 + 64))) || fail "nothing came"
		case $i in
		1) step "+1 hour" ;;
		2) step "-2 hours" ;;
		esac
	done
	date -s "+1 hour" >/dev/null
	wait_exit "$PID"
	counts "$T/dump.err"
	[[ $CAPTURED -eq 30 && $DROPPED -eq 0 ]]
	for i in 1 2 3; do
		tcpdump -r "$T/all.pcap" -w "$T/$i.pcap" "udp[12:4] = $i" 2>/dev/null
		verify -e $i:0-9 -w "${from[i]}:${to[i]}" "$T/$i.pcap"
	done
}

@test "nothing is left behind after that" {
	nothing_left
}
