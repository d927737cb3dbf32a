# SPDX-License-Identifier: BSD-3-Clause
# Other users of libpcap, with our library: as ever on ordinary interfaces, and on our devices
# those that know the link type.

load ../live/lib.bash

setup_file() {
	require tcpdump ip bpftool
	remember_objects
	pair_setup
	export TX=bpfprobe:tx:netns=$NS_A
	cat >"$BATS_FILE_TMPDIR/sniff.py" <<-'END'
		import sys
		from scapy.config import conf
		conf.use_pcap = True
		from scapy.sendrecv import sniff
		from scapy.layers.inet import IP, UDP
		packets = sniff(iface=sys.argv[1], filter=sys.argv[2], count=int(sys.argv[3]), timeout=20,
		                started_callback=lambda: print("started", flush=True))
		for p in packets:
		    print(p.layers()[0].__name__, p[IP].src, p[IP].dst, p[UDP].dport, len(p[UDP].payload))
	END
}

# needs COMMAND: with our library, which it loads itself.
needs() {
	require "$1"
	ldd "$(command -v "$1")" | grep -qF "$BUILD/libpcap/libpcap.so.0.8" ||
		fail "$1 does not load our library"
}

# sniffs NAMESPACE DEVICE LAYER: scapy in that namespace sees three packets.
sniffs() {
	background scapy "$1" python3 "$BATS_FILE_TMPDIR/sniff.py" "$2" "udp dst port $PORT" 3
	started "$T/scapy.out" started
	send -c 3 -s 100
	wait_exit "$PID" 30
	cat "$T/scapy.out"
	[[ $(grep -c "^$3 $ADDR_A $SINK $PORT 100$" "$T/scapy.out") -eq 3 ]]
}

@test "scapy: sniff() on an ordinary interface and on our devices" {
	require_scapy
	cd "$BATS_TEST_TMPDIR" # or python takes what is here for its modules
	sniffs in_a bpa0 Ether
	sniffs in_b bpfxdp:bpb0 Ether
	sniffs in_a "$TX" CookedLinuxV2
	sniffs in_b bpfprobe:drop CookedLinuxV2
}

@test "nmap: the same with our library and the distribution's" {
	needs nmap
	background server in_b busybox nc -l -p 7777
	until_true 10 listens 7777
	scan() {
		ip netns exec "$NS_A" "$@" nmap -n -Pn -r --reason -sS -p 7777-7779 $ADDR_B |
			sed -n 's/^\(7[0-9]*\/tcp.*\)/\1/p'
	}
	run -0 scan
	echo "$output"
	[[ ${#lines[@]} -eq 3 && ${lines[0]} == "7777/tcp open "*syn-ack* && ${lines[1]} == *closed*reset* ]]
	[[ $(scan env -u LD_LIBRARY_PATH) == "$output" ]]
}

# greps NAMESPACE DEVICE: ngrep in that namespace finds the payload of numbered packets.
greps() {
	background ngrep "$1" stdbuf -oL ngrep -l -q -n 3 -d "$2" BPN "udp and dst port $PORT"
	started "$T/ngrep.out" "filter: "
	sleep $(scaled 1.5 5) # it says so before it captures
	send -c 5 -p 1000
	wait_exit "$PID"
	cat "$T/ngrep.out"
	[[ $(grep -c "^U $ADDR_A:.* -> $SINK:$PORT" "$T/ngrep.out") -eq 3 ]]
}

@test "ngrep: on an ordinary interface and on our devices with Ethernet headers" {
	needs ngrep
	greps in_a bpa0
	greps in_b bpfxdp:bpb0
	greps in_a "$TX:proto=EN10MB" # what a driver is given begins with that header
}

@test "ngrep does not know LINUX_SLL2, and says so" {
	needs ngrep
	run timeout 10 ngrep -q -n 1 -d "$TX" BPN
	[[ $status -ne 0 && $output == *"unsupported interface type 276"* ]]
}

# fingerprints NAMESPACE DEVICE: p0f as a daemon sees a SYN; it writes its log when it ends.
fingerprints() {
	local log=$BATS_TEST_TMPDIR/p0f.log
	rm -f "$log"
	ip netns exec "$1" p0f -d -i "$2" -o "$log" "tcp dst port $((PORT + 1))" >"$BATS_TEST_TMPDIR/p0f.out" 3>&-
	P0F=$(sed -n 's/.*Daemon process created, PID \([0-9]*\).*/\1/p' "$BATS_TEST_TMPDIR/p0f.out")
	defer kill "$P0F"
	in_a timeout $(scaled 1.5 10) bash -c ": </dev/tcp/$ADDR_B/$((PORT + 1))" 2>/dev/null || true
	sleep $(scaled 1.5 5)
	kill "$P0F"
	until_true 10 process_ended "$P0F"
	has_text "$log" "mod=syn|cli=$ADDR_A/" || fail "$2: $(cat "$log" "$BATS_TEST_TMPDIR/p0f.out")"
}

@test "p0f: a daemon, on an ordinary interface and on our devices" {
	needs p0f
	fingerprints "$NS_A" bpa0
	fingerprints "$NS_B" bpfxdp:bpb0
	fingerprints "$NS_A" "$TX:proto=EN10MB"
}

@test "tcpflow: the bytes of a connection, on an ordinary interface and on ours" {
	needs tcpflow
	local device
	cd "$BATS_TEST_TMPDIR" # it leaves a report
	for device in bpa0 "$TX:proto=EN10MB"; do
		background flow in_a stdbuf -oL tcpflow -c -i "$device" "tcp dst port $((PORT + 2))"
		started "$T/flow.err" "listening on $device"
		background server in_b busybox nc -l -p $((PORT + 2))
		until_true 10 listens $((PORT + 2))
		in_a bash -c "echo hello from A >/dev/tcp/$ADDR_B/$((PORT + 2))"
		wait_for_line "$T/flow.out" "hello from A" 20
	done
}

@test "termshark: its terminal shows packets of our devices" {
	require termshark tshark script
	# It wants a terminal, and a place for its files.
	export TERM=xterm HOME=$BATS_TEST_TMPDIR
	background term script -qfec "stty rows 40 cols 120; exec termshark -i $TX -f 'udp port $PORT'" /dev/null
	defer end_children "$PID"
	background traffic in_a sender -c 3000 -p 20000 udp $SINK "$PORT"
	wait_for_line "$T/term.out" "$SINK" 30
}

end_children() { # PID: and theirs, from below
	local child
	for child in $(pgrep -P "$1"); do
		end_children "$child"
		kill "$child"
	done
}

@test "nothing is left behind" {
	nothing_left
}
