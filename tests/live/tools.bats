# SPDX-License-Identifier: BSD-3-Clause
# The unmodified tcpdump, dumpcap and tshark, with real traffic.

load lib.bash

setup_file() {
	require tcpdump ip bpftool
	remember_objects
	pair_setup
	export TX=bpfprobe:tx:netns=$NS_A
}

# printed COUNT: tcpdump has ended by itself after so many lines.
printed() {
	wait_exit "$PID"
	cat "$T/dump.out" "$T/dump.err"
	[[ $(wc -l <"$T/dump.out") -eq $1 ]]
}

file_has_lines() { # FILE COUNT
	[[ $(wc -l <"$1") -ge $2 ]]
}

@test "tcpdump -D lists our devices" {
	run -0 tcpdump -D
	[[ $output == *".bpfprobe:drop "* && $output == *".bpfprobe:any "* ]]
}

@test "tcpdump -L lists the link types, the default first" {
	run -0 tcpdump -i "$TX" -L
	echo "$output"
	[[ ${lines[0]} == "Data link types for $TX "* ]]
	[[ ${lines[1]} == *LINUX_SLL2* && $output == *EN10MB* && $output == *"  RAW "* ]]
}

@test "tcpdump -i takes the number of the list" {
	local number
	number=$(tcpdump -D | sed -n 's/^\([0-9]*\)\.bpfprobe:tx .*/\1/p')
	capture dump tcpdump -n -l -c 1 -i "$number" "udp port $PORT"
	send
	printed 1
}

@test "tcpdump -e prints interface number, address and ethertype" {
	local index
	capture dump tcpdump -n -e -l -c 1 -i "$TX" "udp port $PORT"
	send
	printed 1
	index=$((0x40000000 + $(ifindex "$NS_A" bpa0)))
	[[ $(<"$T/dump.out") == *" ?     Out ifindex $index $MAC_A ethertype IPv4 (0x0800), length 112: $ADDR_A."*" > $SINK.$PORT: UDP, length 64" ]]
}

@test "tcpdump -e -y EN10MB prints both addresses" {
	capture dump tcpdump -n -e -l -c 1 -y EN10MB -i "$TX" "udp port $PORT"
	send
	printed 1
	[[ $(<"$T/dump.out") == *" $MAC_A > $MAC_B, ethertype IPv4 (0x0800), length 106: "* ]]
}

@test "tcpdump -i in the namespace itself prints the interface's name" {
	capture dump in_a tcpdump -n -l -c 1 -i bpfprobe:tx "udp port $PORT"
	send
	printed 1
	[[ $(<"$T/dump.out") == *" bpa0  Out IP $ADDR_A."* ]]
}

@test "tcpdump --time-stamp-precision=nano prints nine digits" {
	capture dump tcpdump -n -l -c 1 --time-stamp-precision=nano -i "$TX" "udp port $PORT"
	send
	printed 1
	[[ $(<"$T/dump.out") =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}" " ]]
}

@test "tcpdump --immediate-mode prints a packet when it comes" {
	capture dump tcpdump -n -l --immediate-mode -i "$TX" "udp port $PORT"
	send
	wait_for_line "$T/dump.out" "UDP, length 64"
	stop
	counts "$T/dump.err"
	[[ $CAPTURED -eq 1 && $RECEIVED -eq 1 && $DROPPED -eq 0 ]]
}

@test "tcpdump runs as user tcpdump while it captures" {
	local uid
	uid=$(awk -F: '$1 == "tcpdump" { print $3 }' "${BPFPROBE_ROOT:-}/etc/passwd")
	[[ -n $uid ]] || skip "there is no user tcpdump"
	capture dump tcpdump -n -l -c 3 -i "$TX" "udp port $PORT"
	[[ $(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$PID/status") == "$uid $uid $uid $uid" ]]
	send -c 3
	printed 3
}

@test "tcpdump: SIGINT gives the right final counts" {
	local n=500 size=$((24 + 500 * (16 + 20 + 28 + 64)))
	capture dump tcpdump -U -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap" "udp dst port $PORT"
	send -c $n -i 1
	in_a sender -c 50 udp $SINK $((PORT + 1))
	until_true 10 file_size_is "$T/a.pcap" $size
	stop
	counts "$T/dump.err"
	echo "captured $CAPTURED received $RECEIVED dropped $DROPPED"
	[[ $CAPTURED -eq $n && $RECEIVED -eq $n && $DROPPED -eq 0 ]]
	verify -e 1:0-$((n - 1)) "$T/a.pcap"
}

@test "tcpdump: SIGUSR1 prints counts and the capture goes on" {
	capture dump tcpdump -n -l --immediate-mode -c 6 -i "$TX" "udp port $PORT"
	send -c 3
	wait_for_line "$T/dump.out" "UDP, length 64"
	until_true 10 printed_lines 3
	kill -USR1 "$PID"
	wait_for_line "$T/dump.err" "3 packets captured, 3 packets received by filter, 0 packets dropped"
	send -c 3
	printed 6
}

printed_lines() {
	[[ $(wc -l <"$T/dump.out") -eq $1 ]]
}

@test "tcpdump -v -w counts along, woken every second" {
	capture dump tcpdump -v -c 2 -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap" "udp port $PORT"
	send -i 1
	wait_for_line "$T/dump.err" "Got 1"
	send -i 1 -f 1
	wait_exit "$PID"
	verify -e 1:0-1 "$T/a.pcap"
}

@test "tcpdump -I: there is no monitor mode" {
	run -1 tcpdump -I -i "$TX"
	echo "$output"
	[[ $output == "tcpdump: $TX: That device doesn't support monitor mode"* ]]
}

@test "dumpcap -L lists the link types" {
	require dumpcap
	run -0 dumpcap -i "$TX" -L
	echo "$output"
	[[ $output == *"LINUX_SLL2"* && $output == *"EN10MB"* && $output == *"RAW"* ]]
}

@test "dumpcap: file, filter and final counts" {
	require dumpcap
	capture_tool dump dumpcap -q -i "$TX" -f "udp dst port $PORT" -w "$BATS_TEST_TMPDIR/a.pcapng" -c 300
	in_a sender -c 20 udp $SINK $((PORT + 1))
	send -c 300 -i 1 -s mixed:1400
	wait_exit "$PID"
	cat "$T/dump.err"
	verify -e 1:0-299 -z mixed:1400 -l LINUX_SLL2 "$T/a.pcapng"
	[[ $(<"$T/dump.err") == *"Packets received/dropped on interface '$TX': 300/0 "* ]]
}

@test "the counters of a running capture are in its control map" {
	capture dump tcpdump -n -l -i "$TX" "udp dst port $PORT"
	in_a sender -c 20 udp $SINK $((PORT + 1))
	send -c 50
	until_true 10 file_has_lines "$T/dump.out" 50
	sleep 0.3 # written when the rings are looked at again: after the timeout, 100 ms
	[[ $(sum emitted lost delivered rejected late) == "50 0 50 0 0" ]]
	stop
}

@test "dumpcap: one packet on an idle link comes within its timeout" {
	require dumpcap
	local device
	for device in "$TX" "$TX:noselect"; do
		capture_tool dump dumpcap -q -i "$device" -c 1 -w "$BATS_TEST_TMPDIR/a.pcapng"
		send -i 1
		until_true 2 process_ended "$PID"
		verify -e 1:0-0 "$T/a.pcapng"
	done
}

# selects DEVICE: how often dumpcap waits for packets, of which there are 300 at once.
selects() {
	capture_tool dump strace -f -e trace=select,pselect6 -o "$BATS_TEST_TMPDIR/calls" \
		dumpcap -q -i "$1" -f "udp dst port $PORT" -w "$BATS_TEST_TMPDIR/a.pcapng" -c 300
	send -c 300 -i 1
	wait_exit "$PID"
	verify -e 1:0-299 "$T/a.pcapng"
	grep -c "select" "$T/calls" || :
}

@test "noselect: dumpcap does not wait for each packet" {
	require dumpcap strace
	run -0 pcaploop -i "$TX:noselect" activate
	[[ $(value fd "$output") -eq -1 ]]
	run -0 selects "$TX:noselect"
	((${lines[-1]} < 30))
	run -0 selects "$TX"
	((${lines[-1]} >= 300))
}

@test "dumpcap: SIGINT on an idle link" {
	require dumpcap
	local device
	for device in "$TX" "$TX:noselect"; do
		capture_tool dump dumpcap -q -i "$device" -f "udp dst port $PORT" -w "$BATS_TEST_TMPDIR/a.pcapng"
		stop
		cat "$T/dump.err"
		[[ $(<"$T/dump.err") == *"Packets received/dropped on interface '$device': 0/0 "* ]]
	done
}

@test "dumpcap with two devices at once" {
	require dumpcap
	capture_tool dump dumpcap -q -i "$TX" -f "udp port $PORT" -i "bpfprobe:rx:netns=$NS_B" \
		-f "udp port $PORT" -w "$BATS_TEST_TMPDIR/a.pcapng" -c 100
	send -c 50 -i 1 -p 1000
	wait_exit "$PID"
	cat "$T/dump.err"
	# One thread for each device: their packets are in the file as they come.
	verify -e 1:0-49:out -e 1:0-49:in "$T/a.pcapng"
}

@test "dumpcap -b: ring files" {
	require dumpcap
	local file total=0 count
	capture_tool dump dumpcap -q -i "$TX" -f "udp port $PORT" -b packets:50 -b files:10 \
		-w "$BATS_TEST_TMPDIR/ring.pcapng" -c 200
	send -c 200 -i 1
	wait_exit "$PID"
	for file in "$T"/ring_*; do
		count=$(value count "$(verify -L -e 1:0-199 "$file")")
		echo "${file##*/}: $count"
		total=$((total + count))
	done
	[[ $total -eq 200 && $(ls "$T"/ring_* | wc -l) -ge 4 ]]
}

@test "dumpcap -S: statistics of all devices, ours answer 0" {
	require dumpcap
	# It never ends by itself, and writes what it has when it is ended.
	run -124 timeout -s INT $(scaled 2 15) dumpcap -S
	echo "$output"
	grep -Eq '^bpfprobe:drop +0 +0 *$' <<<"$output"
	grep -Eq '^bpfprobe:tx +0 +0 *$' <<<"$output"
}

@test "tshark -D lists our devices" {
	require tshark
	run -0 tshark -D
	[[ $output == *". bpfprobe:drop"* ]]
}

@test "tshark prints packets of another namespace as they come" {
	require tshark
	capture_tool dump tshark -n -l -i bpfprobe:any -f "udp port $PORT" -c 4
	send -c 2 -p 1000
	wait_exit "$PID" 30
	cat "$T/dump.out"
	[[ $(grep -c "$ADDR_A → $SINK *UDP" "$T/dump.out") -eq 4 ]]
}

@test "nothing is left behind" {
	nothing_left
}
