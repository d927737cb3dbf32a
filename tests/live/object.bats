# SPDX-License-Identifier: BSD-3-Clause
# bpfprobe capture --obj: programs of the user's own, loaded and attached for the time of a capture.

load lib.bash

setup_file() {
	require clang tcpdump tshark bpftool ip
	pair_setup
	pair_drops
	remember_objects
	local name
	for name in tc xdp drop; do
		compile "$TOP/examples/$name.bpf.c" "$BATS_FILE_TMPDIR/$name.o"
	done
}

# loaded NAME COUNT [ARG...]: a capture of that example in B into NAME.pcap, which ends by itself.
loaded() {
	capture "$1" in_b bpfprobe capture --obj "$BATS_FILE_TMPDIR/$1.o" -c "$2" -w "$BATS_TEST_TMPDIR/$1.pcap" "${@:3}"
}

gone() {
	[[ $(bpftool prog show) != *" name capture "* ]]
}

@test "XDP: its packets, and nothing of it is left" {
	loaded xdp 10 --dev bpb0 "udp port $PORT"
	send -c 10 -i 1 -s mixed:1400
	wait_exit "$PID"
	verify -l EN10MB -m "$MAC_A,$MAC_B" -e 1:0-9 -z mixed:1400 -w "0:$END" "$T/xdp.pcap"
	[[ $(fields xdp frame.interface_name | sort -u) == bpfprog:id/*:map=pcap_map ]]
	until_true 10 gone
	[[ $(in_b ip link show bpb0) != *xdp* ]]
}

@test "a tracepoint: the packets that a rule drops, with the number that the program has chosen" {
	loaded drop 4 "udp port $((PORT + 1))"
	in_a sender -c 4 -i 2 udp "$ADDR_B" $((PORT + 1))
	wait_exit "$PID"
	[[ $(tcpdump -nr "$T/drop.pcap" 2>/dev/null | grep -c "$((PORT + 1))") -eq 4 ]]
	[[ $(fields drop frame.comment) == *id=* ]]
	until_true 10 gone
}

@test "tc, by a link" {
	if ! loaded tc 5 --dev bpb0 "udp port $PORT"; then
		[[ $(<"$BATS_TEST_TMPDIR/tc.err") == *"before Linux 6.6 tc programs have no link"* ]]
		skip "tc programs have no link before Linux 6.6"
	fi
	send -c 5 -i 3 -s 900
	wait_exit "$PID"
	verify -l EN10MB -e 3:0-4 -z 900 "$T/tc.pcap"
	until_true 10 gone
}

@test "killed, it leaves nothing" {
	loaded xdp 10 --dev bpb0
	kill -KILL "$PID"
	wait "$PID" || :
	until_true 10 gone
	until_true 10 eval '[[ $(in_b ip link show bpb0) != *xdp* ]]'
}

@test "what cannot be loaded is told" {
	local output object=$BATS_FILE_TMPDIR/xdp.o
	run -1 in_b bpfprobe capture --obj "$object" -w /dev/null
	[[ $output == *'program "capture" needs an interface: --dev NAME' ]]
	run -1 in_b bpfprobe capture --obj "$object" --dev nosuch -w /dev/null
	[[ $output == *'--dev "nosuch": no such interface' ]]
	run -1 bpfprobe capture --obj "$object" --map nosuch -w /dev/null
	[[ $output == *'has no perf event array nosuch' ]]
	run -1 bpfprobe capture --obj /dev/null -w /dev/null
	[[ $output == *'cannot open "/dev/null" as a BPF object: '* ]]
	run -2 bpfprobe capture --obj "$object" -i bpfprobe:drop -w /dev/null
	[[ $output == *"a device is missing, or too much"* ]]
	run -2 bpfprobe capture -i bpfprobe:drop --dev bpb0 -w /dev/null
	[[ $output == *'without --obj there is no option "--dev"'* ]]
	printf 'SEC("xdp") int bad(struct xdp_md *x) { return *(int *)(long)x->data; }\n' |
		cat "$TOP/examples/xdp.bpf.c" - >"$BATS_TEST_TMPDIR/bad.bpf.c"
	compile "$BATS_TEST_TMPDIR/bad.bpf.c" "$BATS_TEST_TMPDIR/bad.o"
	run -1 bpfprobe capture --obj "$BATS_TEST_TMPDIR/bad.o" -w /dev/null
	[[ $output == *'the kernel refuses "'*'": '* ]]
	until_true 10 gone
}

@test "nobody but root loads anything" {
	public_copy
	cp "$BUILD/bpfprobe" "$BATS_FILE_TMPDIR/xdp.o" "$PUBLIC"
	run setpriv --reuid=65534 --regid=65534 --clear-groups "${AS[@]}" "$PUBLIC/bpfprobe" capture --obj "$PUBLIC/xdp.o" -w /dev/null
	[[ $output == *"only root may load"*"what is in it runs in the kernel"* ]]
}

@test "nothing is left behind" {
	nothing_left
}
