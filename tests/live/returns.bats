# SPDX-License-Identifier: BSD-3-Clause
# What functions return: packets of calls that returned this or that (ret=), told at the exit.

load lib.bash

setup_file() {
	require tcpdump bpftool
	pair_setup
	pair_drops
	remember_objects
	kinds_setup
}

# What B lets in, and what it drops: to two ports, so many of each, one after the other.
both() { # COUNT SIZE
	local i
	for ((i = 0; i < $1; i++)); do
		in_a sender -c 1 -s "$2" udp "$ADDR_B" "$PORT" >/dev/null
		in_a sender -c 1 -s "$2" udp "$ADDR_B" $((PORT + 1)) >/dev/null
	done
}

# ports NAME: how many packets of NAME.pcap went to each port.
ports() {
	tcpdump -n -r "$BATS_TEST_TMPDIR/$1.pcap" 2>/dev/null |
		sed -n "s/.* > $ADDR_B\\.\\([0-9]*\\): UDP.*/\\1/p" | sort -n | uniq -c | awk '{ print $2 - port ":" $1 }' "port=$PORT"
}

# at NAME DEVICE: into NAME.pcap.
at() {
	capture "$1" tcpdump -n -U -w "$BATS_TEST_TMPDIR/$1.pcap" -i "bpfprobe:$2" "udp and dst host $ADDR_B"
}

# verdicts KIND: the hook function of B's input chain returns 1 for what goes on, and an error for what does not.
verdicts() {
	local dropped accepted
	at dropped "$1/nf_hook_slow:netns=$NS_B:ret=-1"
	dropped=$PID
	at accepted "$1/nf_hook_slow:ret=not/-1:netns=$NS_B"
	accepted=$PID
	both 5 700
	until_true 30 file_size_is "$T/dropped.pcap" 3500
	until_true 30 file_size_is "$T/accepted.pcap" 3500
	stop "$dropped"
	stop "$accepted"
	[[ $(ports dropped) == "1:5" && $(ports accepted) == "0:5" ]]
	counts "$T/dropped.err"
	((CAPTURED == 5 && RECEIVED == 5 && DROPPED == 0))
}

@test "by fexit: the packets that a hook has dropped, and those that it has let pass" {
	need fentry
	verdicts fexit
}

@test "by kretprobe the same" {
	need kprobe
	verdicts kretprobe
}

@test "a function by name with ret=: at its exit, and bpfprobe show says how" {
	need kprobe
	run -0 bpfprobe show bpfprobe:nf_hook_slow:ret=-1
	if [[ -n $FENTRY ]]; then
		[[ $output == *"target    fexit/nf_hook_slow"* ]]
	fi
	at name "nf_hook_slow:ret=-1/-2:netns=$NS_B"
	both 3 900
	until_true 30 file_size_is "$T/name.pcap" 2700
	stop
	[[ $(ports name) == "1:3" ]]
}

@test "without ret= every packet, byte for byte what the entry has" {
	local kind entry
	need fentry
	need kprobe
	for kind in fentry fexit kretprobe; do
		at $kind "$kind/nf_hook_slow:netns=$NS_B"
		eval "local $kind=$PID"
	done
	both 4 1400
	for kind in fentry fexit kretprobe; do
		until_true 30 file_size_is "$T/$kind.pcap" $((8 * 1400))
		stop "${!kind}"
		tcpdump -n -t -xx -r "$T/$kind.pcap" 2>/dev/null >"$T/$kind.txt"
	done
	[[ $(grep -c 'length 1400' "$T/fentry.txt") -eq 8 ]]
	cmp "$T/fentry.txt" "$T/fexit.txt"
	cmp "$T/fentry.txt" "$T/kretprobe.txt"
}

@test "a pattern: functions that return different things, each with its exit" {
	need kprobe
	run -0 bpfprobe show 'bpfprobe:kretprobe/ip_rc*'
	echo "$output"
	[[ $(grep -c 'target    kretprobe/ip_rcv' <<<"$output") -ge 2 ]]
	at pattern "kretprobe/ip_rc*:netns=$NS_B:ret=not/1234"
	both 2 800
	until_true 30 file_size_is "$T/pattern.pcap" $((2 * 4 * 800))
	stop
	cat "$T/pattern.err"
	[[ $(ports pattern) == *"0:"*"1:"* ]]
	counts "$T/pattern.err"
	((CAPTURED >= 8 && DROPPED == 0))
}

@test "a pointer is 1, and none is 0: no address leaves the kernel" {
	local all
	need kprobe
	# It gives back the packet, or NULL where it is not to be taken.
	run -0 bpfprobe show bpfprobe:kretprobe/ip_rcv_core
	at all "kretprobe/ip_rcv_core:netns=$NS_B"
	all=$PID
	at good "kretprobe/ip_rcv_core:netns=$NS_B:ret=1"
	both 2 500
	until_true 30 file_size_is "$T/good.pcap" 2000
	until_true 30 file_size_is "$T/all.pcap" 2000
	stop "$all"
	stop
	[[ $(ports good) == $'0:2\n1:2' && $(ports all) == $'0:2\n1:2' ]]
}

@test "many calls: each packet finds what its function returned" {
	need fentry
	at many "fexit/nf_hook_slow:ret=1:netns=$NS_B:pages=4096"
	in_a sender -c 3000 -s 100 udp "$ADDR_B" "$PORT" >/dev/null
	in_a sender -c 1000 -s 100 udp "$ADDR_B" $((PORT + 1)) >/dev/null
	# A packet is 148 bytes with its headers, a record of the file 16 more, its header 24.
	until_true 60 file_size_is "$T/many.pcap" $((24 + 3000 * 164))
	# Also those that are not wanted: until then they count as received.
	until_true 60 all_read
	run -0 bpfprobe show
	[[ $output =~ "unpaired "+"0 " ]]
	stop
	cat "$T/many.err"
	counts "$T/many.err"
	((CAPTURED == 3000 && RECEIVED == 3000 && DROPPED == 0))
}

@test "nothing of a closed capture is left" {
	nothing_left
}

@test "what returns nothing is refused" {
	run -1 pcaploop -i bpfprobe:drop:ret=0 activate
	[[ $output == *'"drop" stands for tracepoints, which return nothing: leave out ret='* ]]
	run -1 pcaploop -i bpfprobe:tp/kfree_skb:ret=0 activate
	[[ $output == *'tracepoint "kfree_skb" returns nothing: leave out ret='* ]]
	run -1 pcaploop -i bpfprobe:fexit/kfree_skb_partial activate
	[[ $output == *'function "kfree_skb_partial" returns no number; its packets can be had by fentry/ or kprobe/'* ]]
	run -1 pcaploop -i bpfprobe:kretprobe/ip_list_rcv:arg1 activate
	[[ $output == *'function "ip_list_rcv" returns no number'* ]]
	run -1 pcaploop -i bpfprobe:fexit/nix_nix_nix activate
	[[ $output == *'no function "nix_nix_nix"'* ]]
}
