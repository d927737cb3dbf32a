# SPDX-License-Identifier: BSD-3-Clause
# The filter runs in the kernel: in every tool, after every drop of privileges,
# swapped while packets come, and with the same packets as in user space.

load lib.bash

setup_file() {
	require tcpdump dumpcap tshark ip bpftool
	remember_objects
	pair_setup 65535
	export TX=bpfprobe:tx:netns=$NS_A
}

# in_kernel: of the packets that the filter rejects no record was written.
in_kernel() {
	local emitted filtered rejected
	emitted=$(sum emitted) filtered=$(sum filtered) rejected=$(sum rejected)
	echo "emitted=$emitted filtered=$filtered rejected=$rejected"
	[[ $emitted -eq ${1:-0} && $filtered -eq 0 && $rejected -eq 0 ]]
}

@test "tcpdump: what the filter rejects never leaves the kernel" {
	local link
	for link in LINUX_SLL2 EN10MB RAW; do
		capture dump tcpdump -l -n -y $link -i "$TX" "udp port $((PORT + 1)) or tcp port 80"
		send -c 50
		in_a sender -c 3 udp $SINK $((PORT + 1))
		until_true 10 has_text "$T/dump.out" "$((PORT + 1)): UDP"
		in_kernel 3
		stop
		counts "$T/dump.err"
		[[ $CAPTURED -eq 3 && $RECEIVED -eq 3 && $DROPPED -eq 0 ]]
	done
}

@test "after the drop to another user, and into a file" {
	local user
	for user in tcpdump root; do
		capture dump tcpdump -Z $user -n -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap" tcp
		send -c 50
		in_kernel
		stop
	done
}

@test "dumpcap and tshark, which have no capability when they set it" {
	capture_tool dump dumpcap -q -i "$TX" -f tcp -w "$BATS_TEST_TMPDIR/a.pcapng"
	send -c 50
	in_kernel
	stop
	capture_tool dump tshark -n -i "$TX" -f "udp port $((PORT + 1))" -c 1
	PID=$(pgrep -P "$PID" dumpcap)
	send -c 50
	in_kernel
	in_a sender udp $SINK $((PORT + 1))
	until_true 20 process_ended "$PID"
}

@test "several probes in one handle" {
	capture dump tcpdump -l -n -i bpfprobe:any "udp port $((PORT + 1))"
	send -c 50
	in_kernel
	in_a sender udp $SINK $((PORT + 1))
	until_true 10 has_text "$T/dump.out" "$((PORT + 1)): UDP"
	stop
}

@test "filters that look at what stands beside the bytes" {
	local link
	for link in LINUX_SLL2 EN10MB RAW; do
		capture dump tcpdump -n -y $link -i "$TX" "inbound or (outbound and less 40)"
		send -c 50
		in_kernel
		stop
	done
}

# frags_of N: packets whose linear part ends at every boundary of headers, and within them.
frags_of() {
	in_a frags -c 3 -s "$1" bpa0 $MAC_A $MAC_B $ADDR_A $SINK $PORT 14 24 34 36 42 60
}

# payload N: the value of its byte N.
payload() {
	echo $(((31 * $1 + $1 / 256) % 256))
}

@test "headers and payload in fragments: decided in the kernel" {
	local link
	for link in LINUX_SLL2 EN10MB RAW; do
		capture dump tcpdump -n -y $link -i "$TX" -s 96 "udp port $PORT and udp[3008] == $(payload 3000)"
		frags_of 8000
		in_a frags -s 60000 bpa0 $MAC_A $MAC_B $ADDR_A $SINK $((PORT + 1)) 14
		in_kernel 18
		stop
		# In the first fragment, in the second one, and nowhere.
		capture dump tcpdump -n -y $link -i "$TX" -s 96 "udp[5008] == $(payload 5000) and udp[2:2] == $PORT and
			udp[39008] == $(payload 39000) and udp[59007] == $(payload 58999) and not tcp[1000] == 0"
		frags_of 59000
		in_kernel 18
		stop
		capture dump tcpdump -n -y $link -i "$TX" "udp[3008] == 1 + $(payload 3000) or udp[8008] == 0 or udp port 7"
		frags_of 8000
		in_kernel 0
		stop
	done
}

@test "thousands of filters under traffic: none missing, none twice, none that is rejected" {
	local n=$(scaled 400000 4000) swaps=$(scaled 3000 50)
	looping loop -i "$TX" -t 10 -B 33554432 "swap=$swaps,$n,$PORT"
	send -c "$n" -p $(scaled 60 4000)
	ended 60
	[[ $(of swaps) -ge $((swaps / 3)) && $(of packets) -ge $((n / 2)) ]]
	[[ $(of missing) -eq 0 && $(of twice) -eq 0 && $(of wrong) -eq 0 ]]
	[[ $(of odd0) -gt 0 && $(of odd1) -gt 0 ]]
}

# The filter set after the first packet finds no helper any more.
@test "when the helper is gone: the same packets, by user space, and counted" {
	local odd="udp port $PORT and udp[19] & 1 = 1" helper
	looping loop -i "$TX" -t 50 -f "udp port $PORT" -F "1:$odd" -c 26 -w "$BATS_TEST_TMPDIR/user.pcap"
	helper=$(new_objects process)
	[[ $helper =~ ^process\ /proc/([0-9]+)/exe$ ]] || fail "no helper: $helper"
	kill -KILL "${BASH_REMATCH[1]}"
	send -c 1
	sleep $(scaled 0.5 3)
	(($(sum passing) == 1))
	local loop=$PID
	capture dump tcpdump -c 25 -n -i "$TX" -w "$BATS_TEST_TMPDIR/kernel.pcap" "$odd"
	send -c 50
	until_true 20 process_ended "$loop"
	until_true 20 process_ended "$PID"
	[[ $(of packets) -eq 26 && $(of rc) -ge 0 ]]
	tcpdump -txnr "$T/kernel.pcap" 2>/dev/null >"$T/kernel.txt"
	tcpdump -txnr "$T/user.pcap" 2>/dev/null | tail -n +$(($(grep -c . "$T/kernel.txt") / 25 + 1)) >"$T/user.txt"
	[[ $(grep -c UDP "$T/kernel.txt") -eq 25 ]]
	cmp "$T/kernel.txt" "$T/user.txt"
}
