# SPDX-License-Identifier: BSD-3-Clause
# The libpcap API on our devices, driven by pcaploop.

load lib.bash

setup_file() {
	require tcpdump ip bpftool
	remember_objects
	pair_setup 65535
	export TX=bpfprobe:tx:netns=$NS_A
	# How late something may be that should come at once.
	export SLACK=$(scaled 250 2500)
}

# held CMD...: runs it while the pcaploop in the background is stopped.
held() {
	kill -STOP "$PID"
	"$@"
	kill -CONT "$PID"
}

@test "what a new handle says of itself" {
	run -0 pcaploop -i "$TX" activate
	echo "$output"
	[[ $(value linktype "$output") == LINUX_SLL2 ]]
	[[ $(value snapshot "$output") -eq 262144 ]]
	[[ $(value fd "$output") -ge 0 && $(value fd "$output") -lt 1024 ]]
	[[ $(value nonblock "$output") -eq 0 && $(value precision "$output") -eq 0 ]]
	run -0 pcaploop -i "$TX" -N -n -s 100 activate
	[[ $(value precision "$output") -eq 1 && $(value nonblock "$output") -eq 1 ]]
	[[ $(value snapshot "$output") -eq 100 ]]
}

@test "set_datalink takes the four link types and no other" {
	local dlt
	for dlt in LINUX_SLL2 EN10MB RAW PFLOG; do
		run -0 pcaploop -i "$TX" -y $dlt activate
		[[ $(value linktype "$output") == $dlt ]]
	done
	run -1 pcaploop -i "$TX" -y PPP activate
	[[ $output == "set_datalink=-1 PPP is not one of the DLTs supported by this device" ]]
}

@test "one packet on an idle link comes within the timeout, by every way to wait" {
	local method
	# With that snaplen rings of another kind wake the reader.
	for method in dispatch loop next_ex select poll epoll "select -s 96" "epoll -s 96"; do
		looping loop -i "$TX" -t 300 -l $method -c 1
		send
		ended
		[[ $(of packets) -eq 1 && $(of rc) -ge 0 ]]
		(($(of first_latency_ms) <= 300 + SLACK))
	done
}

@test "immediate mode does not wait for the timeout" {
	local method
	for method in dispatch select epoll "select -s 96"; do
		looping loop -i "$TX" -t 10000 -I -l $method -c 5
		send -c 5 -p 20000
		ended
		[[ $(of packets) -eq 5 ]]
		(($(of max_latency_ms) <= SLACK))
	done
}

@test "the selectable fd stays readable while a packet is undelivered" {
	local method
	for method in select poll epoll "epoll -s 96"; do
		looping loop -i "$TX" -t 100 -l $method -d 1 -c 300
		held send -c 300
		ended
		[[ $(of packets) -eq 300 && $(of dispatch_max) -eq 1 ]]
		(($(of wakeups) >= 300 && $(of zero) <= 30))
	done
}

@test "an idle fd does not wake a select loop without need" {
	looping loop -i "$TX" -t 100 -l select -k deadline -K 1000
	ended
	[[ $(of packets) -eq 0 && $(of rc) -eq 0 ]]
	(($(of wakeups) <= 15))
}

@test "without a timeout, a read in a select loop does not block for nothing" {
	local method ms=$(scaled 1500 8000) # time enough to start the sender
	for method in select poll epoll; do
		looping loop -i "$TX" -t 0 -l $method -k deadline -K "$ms" -Q in
		send -c 20 -p 5000
		ended
		[[ $(of packets) -eq 0 && $(of rc) -eq 0 ]]
		(($(of elapsed_ms) <= ms + SLACK && $(of wakeups) >= 1 && $(of wakeups) <= 25))
	done
	# Nor for the next packet, when the last one has been read, whatever kind of ring it was in.
	local snaplen
	for snaplen in 65535 96; do
		looping loop -i "$TX" -t 0 -s $snaplen -l select -k deadline -K "$ms"
		send
		ended
		[[ $(of packets) -le 1 && $(of elapsed_ms) -le $((ms + SLACK)) ]]
	done
	# Not attached until it is read (-p), so that the descriptor has to call.
	local wakeups
	for wakeups in 0 1; do
		looping loop -i "$TX" -t 0 -l select -k deadline -K 500 $([[ $wakeups -eq 0 ]] || echo -p)
		ended
		[[ $(of packets) -eq 0 && $(of rc) -eq 0 && $(of wakeups) -eq $wakeups ]]
		(($(of elapsed_ms) <= 500 + SLACK))
	done
	looping loop -i "$TX" -t 0 -p -l select -c 5
	until_true 20 eval '[[ -n $(new_links) ]]' # "ready" comes before the first read
	send -c 5 -i 1
	ended
	[[ $(of packets) -eq 5 ]]
}

@test "nonblock: dispatch returns 0 at once, and packets when there are some" {
	looping loop -i "$TX" -n -l dispatch -k deadline -K 300
	ended
	[[ $(of packets) -eq 0 && $(of rc) -eq 0 ]]
	(($(of zero) >= 100))

	looping loop -i "$TX" -n -l dispatch -c 20
	send -c 20 -i 1
	ended
	[[ $(of packets) -eq 20 ]]
}

@test "dispatch and next_ex return 0 when the timeout ends without packets" {
	local method
	for method in dispatch next_ex; do
		looping loop -i "$TX" -t 100 -l $method -k deadline -K 450
		ended
		[[ $(of packets) -eq 0 && $(of rc) -eq 0 ]]
		(($(of zero) >= 1 && $(of zero) <= 7 && $(of elapsed_ms) <= 550 + SLACK))
	done
}

@test "breakloop ends a blocked loop, from a signal handler and from a thread" {
	local method by
	for method in dispatch loop next_ex; do
		for by in signal thread; do
			looping loop -i "$TX" -t 0 -l $method -k $by -K 100
			ended
			[[ $(of rc) -eq -2 && $(of packets) -eq 0 ]]
			(($(of break_ms) <= SLACK))
		done
	done
}

@test "dispatch never delivers more than it was asked for" {
	looping loop -i "$TX" -t 100 -l dispatch -d 7 -c 200
	held send -c 200
	ended
	[[ $(of packets) -eq 200 && $(of dispatch_max) -eq 7 ]]
}

@test "snaplen limits what is delivered, in every link type" {
	local dlt
	for dlt in LINUX_SLL2 EN10MB RAW PFLOG; do
		looping loop -i "$TX" -t 100 -s 61 -y $dlt -c 10
		send -c 10 -s 1000
		ended
		[[ $(of caplen_max) -eq 61 && $(of bytes) -eq 610 ]]
	done
}

# filtered COUNT DEVICE FILTER [pcaploop options]: of 5 packets to PORT, COUNT
# pass; a packet to the port after it, which always passes, shows the end.
filtered() {
	local count=$1 end=$((PORT + 1)) last
	looping loop -i "$2" -t 100 "${@:4}" -c $((count + 1)) -w "$BATS_TEST_TMPDIR/f.pcap" \
		-f "(udp dst port $PORT and ($3)) or udp dst port $end"
	send -c 5 -i 1 -s "${SIZE:-64}"
	in_a sender udp $SINK $end
	ended >/dev/null
	run -0 tcpdump -n -r "$T/f.pcap" --count "udp dst port $PORT"
	[[ ${lines[-1]} == "$count packet"* ]] || fail "\"$3\" ${*:4}: $output"
	run -0 tcpdump -n -r "$T/f.pcap" --count "udp dst port $end"
	[[ ${lines[-1]} == "1 packet"* ]] || fail "\"$3\" ${*:4}: end: $output"
	[[ $(of recv) -eq $((count + 1)) || $2 == *any* ]] || fail "\"$3\": $(of recv) received"
}

@test "filters that look at bytes, in every link type" {
	local dlt
	for dlt in LINUX_SLL2 EN10MB RAW PFLOG; do
		filtered 5 "$TX" "ip and host $ADDR_A and udp[8:4] == 0x42504e31" -y $dlt
		filtered 3 "$TX" "udp[16:4] >= 2" -y $dlt
		filtered 0 "$TX" "ip6 or tcp" -y $dlt
	done
}

@test "filters on length: len counts, not what is captured" {
	SIZE=1000
	filtered 5 "$TX" "len == $((20 + 28 + 1000))" -s 100
	filtered 5 "$TX" "len == $((14 + 28 + 1000))" -y EN10MB -s 100
	filtered 5 "$TX" "greater 1028 and less 1028" -y RAW -s 100
	filtered 0 "$TX" "greater 1029" -y RAW -s 100
}

@test "inbound and outbound, in link types that show it and that do not" {
	local dlt
	for dlt in LINUX_SLL2 EN10MB RAW PFLOG; do
		filtered 5 "$TX" outbound -y $dlt
		filtered 0 "$TX" inbound -y $dlt
	done
	filtered 5 bpfprobe:any inbound
	filtered 5 bpfprobe:any outbound
	filtered 5 bpfprobe:any "inbound and udp" -y EN10MB
}

@test "ifindex selects an interface as SLL2 shows it" {
	local index
	index=$(ifindex "$NS_A" bpa0)
	filtered 5 "$TX" "ifindex $((0x40000000 + index))"
	filtered 0 "$TX" "ifindex $index"
}

@test "ether host selects on EN10MB" {
	filtered 5 "$TX" "ether src $MAC_A and ether dst $MAC_B" -y EN10MB
	filtered 0 "$TX" "ether src $MAC_B" -y EN10MB
}

@test "a filter looks at the whole packet, whatever the snaplen; not beyond len=" {
	local dlt
	for dlt in LINUX_SLL2 EN10MB RAW PFLOG; do
		SIZE=1000
		filtered 5 "$TX" "udp[900] == udp[900]" -s 128 -y $dlt
		filtered 0 "$TX" "udp[1100] == udp[1100]" -y $dlt
		SIZE=900
		filtered 0 "$TX" "udp[950] == udp[950]" -s 128 -y $dlt
	done
	SIZE=1000
	filtered 0 "$TX:len=500" "udp[900] == udp[900]"
}

@test "setdirection" {
	looping loop -i bpfprobe:any -t 100 -Q in -f "udp port $PORT" -c 5 -w "$BATS_TEST_TMPDIR/f.pcap"
	send -c 5 -i 1
	ended
	verify -e 1:0-4 -d in "$T/f.pcap"
	looping loop -i bpfprobe:any -t 100 -Q out -f "udp port $PORT" -c 5 -w "$BATS_TEST_TMPDIR/f.pcap"
	send -c 5 -i 1
	ended
	verify -e 1:0-4 -d out "$T/f.pcap"
}

@test "a filter set later holds for what is already in the ring" {
	looping loop -i "$TX" -t 100 -f "udp dst portrange $PORT-$((PORT + 1))" -F "10:udp dst port $((PORT + 1))" -c 20 \
		-d 10 -w "$BATS_TEST_TMPDIR/f.pcap"
	kill -STOP "$PID"
	send -c 20 -i 1
	in_a sender -c 10 -i 2 udp $SINK $((PORT + 1))
	kill -CONT "$PID"
	ended
	verify -e 1:0-9 -e 2:0-9 "$T/f.pcap"
}

@test "stats: received are the accepted ones, nothing dropped" {
	looping loop -i "$TX" -t 100 -f "udp[16:4] >= 70" -c 30
	send -c 100
	ended
	[[ $(of recv) -eq 30 && $(of drop) -eq 0 && $(of stats_rc) -eq 0 ]]
}

@test "the buffer size decides how much fits" {
	looping loop -i "$TX" -t 100 -B 8000000 -c 1000
	held send -c 1000 -s 1400
	ended
	[[ $(of packets) -eq 1000 && $(of drop) -eq 0 ]]
}

@test "a forked child can read or gets an error, the parent goes on" {
	local snaplen
	for snaplen in 65535 96; do
		run -0 timeout 20 pcaploop -s $snaplen -i "$TX" fork
		echo "$output"
		[[ $(value child_status "$output") -eq 0 ]]
		[[ $(value child_rc "$output") -ge 0 || -n $(value child_error "$output") ]]
		[[ $(value parent_rc "$output") -eq 0 ]]
	done
}

@test "the device list: a handful of ours, behind all others" {
	run -0 pcaploop list
	echo "$output"
	[[ ${lines[0]} == "rc=0 " && $output == *"device=bpfprobe:drop "* ]]
	local ours
	ours=$(grep -c '^device=bpfprobe:' <<<"$output")
	((ours >= 1 && ours <= 10))
	[[ $(grep '^device=' <<<"$output" | tail -n "$ours" | grep -c '^device=bpfprobe:') -eq $ours ]]
	[[ $(value wait "$output") == ECHILD ]]
}

@test "the device list with no other interface up, and with few files allowed" {
	run -0 unshare -n "$BUILD/tests/live/pcaploop" list
	echo "$output"
	[[ ${lines[0]} == "rc=0 " && ${lines[1]} != *bpfprobe* ]]
	run -0 bash -c 'ulimit -n 16; exec pcaploop list'
	[[ $output == *"device=bpfprobe:drop "* ]]
}

@test "nothing is left behind" {
	nothing_left
}
