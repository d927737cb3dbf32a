# SPDX-License-Identifier: BSD-3-Clause
# The main job, quickly: unmodified tools see packets of other namespaces.
# Also what runs on kernels where the whole suite does not.

load lib.bash

setup_file() {
	require tcpdump ip nft bpftool
	remember_objects
	pair_setup
	pair_drops
}

# shown TEXT: tcpdump's output, without the first column.
shown() {
	wait_exit "$PID"
	cut -d' ' -f2- "$T/dump.out"
}

@test "the demo captures the SYN that nftables drops" {
	run "$BATS_TEST_DIRNAME/demo"
	echo "$output"
	[[ $status -eq 0 ]]
	[[ $output == *"> 10.66.0.2.6666: Flags [S]"* ]]
}

@test "drop: a packet that nftables drops in another namespace" {
	capture dump tcpdump -n -l -c 1 -i bpfprobe:drop "udp port $((PORT + 1))"
	in_a sender -s 100 udp $ADDR_B $((PORT + 1))
	run shown
	[[ $output =~ ^"?     In  IP $ADDR_A."[0-9]+" > $ADDR_B.$((PORT + 1)): UDP, length 100"$ ]]
}

@test "any: each packet as it leaves one namespace and as it enters the other" {
	capture dump tcpdump -n -l -c 4 -i bpfprobe:any "udp port $PORT"
	send -c 2 -p 1000
	run shown
	echo "$output"
	[[ $(grep -c "^?     Out IP $ADDR_A\..* > $SINK.$PORT: UDP, length 64$" <<<"$output") -eq 2 ]]
	[[ $(grep -c "^?     In  IP $ADDR_A\..* > $SINK.$PORT: UDP, length 64$" <<<"$output") -eq 2 ]]
}

@test "rx: only received packets" {
	capture dump tcpdump -n -l -c 3 -i bpfprobe:rx "udp port $PORT"
	send -c 3
	run shown
	echo "$output"
	[[ $(grep -c '^?     In  IP' <<<"$output") -eq 3 ]]
}

@test "tx: only sent packets" {
	capture dump tcpdump -n -l -c 3 -i bpfprobe:tx "udp port $PORT"
	send -c 3
	run shown
	echo "$output"
	[[ $(grep -c '^?     Out IP' <<<"$output") -eq 3 ]]
}

@test "a tracepoint by name, into a file, byte for byte" {
	capture dump tcpdump -c 200 -i "bpfprobe:tp/net_dev_queue:netns=$NS_A" \
		-w "$BATS_TEST_TMPDIR/a.pcap"
	send -c 200 -i 1 -s mixed:1400 -p 100
	wait_exit "$PID"
	verify -e 1:0-199 -z mixed:1400 -l LINUX_SLL2 -t 0800 -d out -m $MAC_A \
		-a $ADDR_A,$SINK -p $PORT "$T/a.pcap"
}

@test "at an interface without XDP program, whole and the first bytes" {
	local snaplen
	for snaplen in 0 96; do
		capture dump tcpdump -c 4 -s $snaplen -i "bpfxdp:bpb0:netns=$NS_B" -w "$BATS_TEST_TMPDIR/a.pcap" "udp port $PORT"
		send -c 4 -i 1 -s mixed:1000
		wait_exit "$PID"
		verify -e 1:0-3 -z mixed:1000 -n $((snaplen ? snaplen : 262144)) -o "$T/a.pcap"
	done
}

# hosts COUNT WORD: a filter of that many terms "WORD address" that matches nothing here.
hosts() {
	local i text="$2 198.51.100.0"
	for ((i = 1; i < $1; i++)); do
		text+=" or $2 198.51.$((i % 7)).$((i % 251))"
	done
	echo "$text"
}

# in_kernel FILTER...
in_kernel() {
	capture dump tcpdump -n -i "bpfprobe:tx:netns=$NS_A" "$@"
	send -c 3
	[[ $(sum passing emitted) == "0 0" ]]
	stop
}

@test "filters of 1, 40 and 400 terms run in the kernel" {
	# Of 400 that may stand in ARP, too, pcap_compile() takes minutes under emulation.
	local word=$(scaled host "ip host")
	[[ -z ${BPFPROBE_ALL:-} ]] || word=host
	in_kernel -y LINUX_SLL2 "$(hosts 1 host)"
	in_kernel -y LINUX_SLL2 "$(hosts 40 host)"
	in_kernel -y LINUX_SLL2 "$(hosts 400 "$word")"
	in_kernel -y EN10MB "$(hosts 40 host)"
	in_kernel "port $((PORT + 1)) $(printf ' or port %d' {1..39})"
}

@test "dumpcap captures" {
	require dumpcap
	capture_tool dump dumpcap -q -i "bpfprobe:tx:netns=$NS_A" -f "udp port $PORT" -c 20 \
		-w "$BATS_TEST_TMPDIR/a.pcapng"
	send -c 20 -i 1
	wait_exit "$PID"
	verify -e 1:0-19 -l LINUX_SLL2 -d out "$T/a.pcapng"
}

@test "tshark captures and dissects" {
	require tshark
	capture_tool dump tshark -n -i "bpfprobe:tx:netns=$NS_A" -f "udp port $PORT" -c 5 \
		-T fields -e ip.dst -e udp.dstport -e sll.pkttype
	send -c 5
	wait_exit "$PID" 30
	[[ $(sort -u "$T/dump.out") == "$SINK"$'\t'"$PORT"$'\t'4 ]]
}

@test "nothing is left behind" {
	nothing_left
}
