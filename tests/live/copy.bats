# SPDX-License-Identifier: BSD-3-Clause
# Programs that have to copy a packet themselves: the same bytes as where the kernel does.

load lib.bash

setup_file() {
	require tcpdump
	pair_setup 65000
	pair_drops
	remember_objects
}

# both COUNT TARGET ARG [OPTION...]: two captures of one tracepoint, by BTF and by address.
both() {
	COUNT=$1
	capture type tcpdump -n -c "$1" "${@:4}" -B 16384 -w "$BATS_TEST_TMPDIR/type.pcap" \
		-i "bpfprobe:tp/$2:netns=$NS_X" "$FILTER"
	BY_TYPE=$PID
	capture copy tcpdump -n -c "$1" "${@:4}" -B 16384 -w "$BATS_TEST_TMPDIR/copy.pcap" \
		-i "bpfprobe:rawtp/$2:arg$3:netns=$NS_X" "$FILTER"
}

# Only there a program learns where the kernel maps the pages of fragments.
need_pages() {
	[[ -r /proc/kcore ]] || skip "this kernel has no /proc/kcore: fragments are out of reach"
}

# The same packets in both.
same() {
	wait_exit "$PID"
	wait_exit "$BY_TYPE"
	counts "$BATS_TEST_TMPDIR/copy.err"
	((CAPTURED == COUNT && DROPPED == 0))
	same_captures type copy
}

@test "linear packets of all sizes, sent and received" {
	local size link
	NS_X=$NS_A FILTER="udp port $PORT"
	for link in LINUX_SLL2 EN10MB RAW PFLOG; do
		both 24 net_dev_queue 1 -y $link
		for size in 16 60 61 255 256 512 1000 1472; do send -c 3 -s $size; done
		same
	done
	NS_X=$NS_B
	both 9 netif_receive_skb 1
	for size in 16 61 1472; do send -c 3 -s $size; done
	same
}

@test "fragments that begin at every boundary of headers" {
	need_pages
	NS_X=$NS_A FILTER="udp port $PORT"
	both 18 net_dev_queue 1
	in_a frags -c 2 -s 8000 bpa0 $MAC_A $MAC_B $ADDR_A $SINK $PORT 14 24 34 36 42 60
	in_a frags -c 2 -s 60000 bpa0 $MAC_A $MAC_B $ADDR_A $SINK $PORT 14 42 60
	same
}

# Put together of more pieces than fit into one packet's fragments.
@test "a list of packets behind the first: what was put together of IP fragments" {
	ip -n "$NS_A" link set bpa0 mtu 1500
	NS_X=$NS_B FILTER="udp port $((PORT + 1)) and ip[6:2] & 0x1fff == 0 and len > 10000"
	both 6 kfree_skb 1
	in_a sender -c 3 -s 20000 udp $ADDR_B $((PORT + 1))
	in_a sender -c 3 -s 60000 udp $ADDR_B $((PORT + 1))
	ip -n "$NS_A" link set bpa0 mtu 65000
	same
}

@test "two such probes at once: each packet once at each" {
	local n=20 kind first
	for kind in tp rawtp; do
		capture $kind tcpdump -n -B 16384 -c $((2 * n)) -w "$BATS_TEST_TMPDIR/$kind.pcap" \
			-i "bpfprobe:$kind/net_dev_queue:arg1+$kind/netif_receive_skb:arg1" "udp port $PORT"
		first=${first:-$PID}
	done
	send -c $n -s 1000
	wait_exit "$PID"
	wait_exit "$first"
	counts "$BATS_TEST_TMPDIR/rawtp.err"
	((RECEIVED == 2 * n && DROPPED == 0))
	same_captures tp rawtp
	[[ $(grep -c ' In .*length 1000' "$BATS_TEST_TMPDIR/rawtp.txt") -eq $n ]]
	[[ $(grep -c ' Out .*length 1000' "$BATS_TEST_TMPDIR/rawtp.txt") -eq $n ]]
}

@test "a short snapshot length" {
	need_pages
	NS_X=$NS_A FILTER="udp port $PORT"
	both 7 net_dev_queue 1 -s 70
	in_a frags -c 2 -s 8000 bpa0 $MAC_A $MAC_B $ADDR_A $SINK $PORT 24 60
	send -c 3 -s 1000
	same
}

# At a number behind the greatest error's there may be a packet.
@test "no packet, or an error in its place, is not taken for one" {
	run -0 nopacket 0 -1 -12 -4095
	[[ $output == "null=4 packets=0" ]]
	run -0 nopacket -4096
	[[ $output == "null=0 packets=1" ]]
}

# With each way of a packet behind each of another's (it was 241,028 on 6.18, 457,296 on 6.1), a capture
# at a function began after 6 s on an emulated machine.
@test "the kernel's verifier has soon followed all ways of a packet" {
	local helper most
	capture begun tcpdump -w "$BATS_TEST_TMPDIR/begun.pcap" -i bpfprobe:rawtp/net_dev_queue:arg1
	helper=$(new_objects process | sed 's/.*proc.\([0-9]*\).*/\1/')
	most=$(awk '$1 == "verified_insns:" && $2 > most {most = $2} END {print most + 0}' \
		"/proc/$helper/fdinfo/"*)
	stop
	echo "$most instructions"
	((most > 1000 && most < 100000))
}

@test "nothing is left behind" {
	nothing_left
}
