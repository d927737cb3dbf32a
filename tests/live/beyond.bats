# SPDX-License-Identifier: BSD-3-Clause
# What is no packet of a network but lies in the same buffers, messages of netlink and of vsock;
# and packets that hardware drops.

load lib.bash

setup_file() {
	require tcpdump tshark ip
	pair_setup
	kinds_setup
}

# asked NAME TARGET TYPE: the first message of that type, which is RTM_GETLINK (18) or RTM_NEWLINK (16), when A's
# interfaces are asked for. The filter: the family is NETLINK_ROUTE, and the message's type.
asked() {
	capture "$1" tcpdump -c 1 -w "$BATS_TEST_TMPDIR/$1.pcap" -i "bpfprobe:$2:netns=$NS_A:proto=NETLINK" \
		"link[14:2] = 0 and link[20] = $3"
	ip -n "$NS_A" link show bpa0 >/dev/null
	wait_exit "$PID"
	tshark -n -r "$T/$1.pcap" -V >"$T/$1.text" 2>/dev/null
	grep -F 'Link-layer address type: Netlink (824)' "$T/$1.text"
	grep -F 'Family: Route (0x0000)' "$T/$1.text"
	grep "Message type: .* ($3)$" "$T/$1.text"
}

@test "netlink: what a program asks of the kernel, and the answer" {
	need kprobe
	asked question netlink_rcv_skb 18
	asked answer __netlink_sendskb 16
}

@test "netlink: what nlmon copies, with the same header" {
	ip -n "$NS_A" link add nlm type nlmon 2>"$BATS_TEST_TMPDIR/try" || cannot "no nlmon: $(<"$BATS_TEST_TMPDIR/try")"
	defer ip -n "$NS_A" link del nlm
	ip -n "$NS_A" link set nlm up
	capture ours tcpdump -w "$BATS_TEST_TMPDIR/ours.pcap" -i "bpfprobe:tx:netns=$NS_A:dev=nlm:proto=NETLINK"
	local theirs ours=$PID
	capture theirs in_a tcpdump -U --immediate-mode -w "$BATS_TEST_TMPDIR/theirs.pcap" -i nlm
	theirs=$PID
	in_a ip link set bpa0 mtu 1400
	in_a ip link set bpa0 mtu 1500
	PID=$ours
	until_true 10 all_read
	until_true 10 file_size_is "$T/theirs.pcap" 1000
	stop "$theirs"
	stop
	# Ours saw a little more at the begin and at the end.
	bytes_of ours >/dev/null
	bytes_of theirs >/dev/null
	[[ $(wc -l <"$T/theirs.txt") -ge 4 && -z $(comm -13 "$T/ours.txt" "$T/theirs.txt") ]]
}

# It has metadata, which come with a filter that lets all pass.
@test "netlink: bpfprobe capture opens it, with all that is known of packets" {
	capture json bpfprobe capture --json -i "bpfprobe:tx:netns=$NS_A:proto=NETLINK"
	send -c 1
	until_true 10 file_size_is "$T/json.out" 10
	stop
	[[ $(<"$T/json.out") == *'"probe":"tp/net_dev_queue"'*'"comm":"sender"'* ]]
}

@test "vsock: what vsockmon gives a header" {
	modprobe -qa vsockmon vsock_loopback || :
	ip link add vsm type vsockmon 2>"$BATS_TEST_TMPDIR/try" || cannot "no vsockmon: $(<"$BATS_TEST_TMPDIR/try")"
	defer ip link del vsm
	ip link set vsm up
	capture ours tcpdump -c 2 -w "$BATS_TEST_TMPDIR/ours.pcap" -i bpfprobe:tx:dev=vsm:proto=VSOCK
	python3 -c "import socket
s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
s.bind((socket.VMADDR_CID_ANY, 5555))
s.listen()
socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).connect((1, 5555))"
	wait_exit "$PID"
	tcpdump -n -t -r "$T/ours.pcap" >"$T/ours.text" 2>/dev/null
	grep -cE '^VIRTIO 1\.[0-9]+ > 1\.5555 CONNECT, ' "$T/ours.text"
	grep -cE '^VIRTIO 1\.5555 > 1\.[0-9]+ CONNECT, ' "$T/ours.text"
}

# Whether packets come depends on hardware; what drivers call is there.
@test "hwdrop: where drivers say what hardware drops" {
	run bpfprobe show bpfprobe:hwdrop
	echo "$output"
	if grep -q ' __tracepoint_devlink_trap_report$' /proc/kallsyms; then
		[[ $output == *" tp/devlink_trap_report"* && $output == *"direction in"* && $output == *"it opens"* ]]
	else
		[[ $output == *'no tracepoint "devlink_trap_report"'* ]]
	fi
}
