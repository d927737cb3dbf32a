# SPDX-License-Identifier: BSD-3-Clause
# An interface without an XDP program gets one of ours for the time of a capture: it shows
# packets and lets them pass, and its filters read them through the verifier's pointers.

load lib.bash

setup_file() {
	require tcpdump bpftool ip
	remember_objects
	pair_setup 9000
	export IN_B=bpfxdp:bpb0:netns=$NS_B
	# At a veth whose packets are large.
	frags_setup bpb0
	in_b ip link set dev bpb0 xdp off
}

# at NAME DEVICE [ARG...]: a capture into NAME.pcap.
at() {
	capture "$1" tcpdump -n -w "$BATS_TEST_TMPDIR/$1.pcap" -i "$2" "${@:3}"
}

# emits N FILTER DEVICE: of four packets.
emits() {
	at some "$3" "$2"
	send -c 4
	sleep $(scaled 0.3 2)
	emitted "$1"
	stop
}

xdp_of() { # NETNS NAME: what ip-link says of its program; fails if there is none
	ip -n "$1" -d -o link show dev "$2" | grep -o ' xdp[a-z]* .*prog/xdp.*'
}

no_xdp() { # NETNS NAME
	! xdp_of "$@"
}

# same_as_sent DEVICE SIZE...: in each link type; what is not asked for stays in the kernel.
same_as_sent() {
	local link device=$1 check
	shift
	# All of them where this machine is no emulated one.
	for link in $(scaled "EN10MB LINUX_SLL2 RAW PFLOG" LINUX_SLL2); do
		at sent "$device" -y $link "udp port $PORT"
		in_a sender -c 3 udp "$SINK" $((PORT + 1))
		send_numbered "$@"
		emitted "$SENT"
		stop
		check=(-l "$link" -t 0800 -a "$ADDR_A,$SINK" -p "$PORT")
		[[ $link != EN10MB ]] || check+=(-m "$MAC_A,$MAC_B")
		[[ $link != LINUX_SLL2 ]] || check+=(-m "$MAC_A" -d in -I "$(foreign "$NS_B" bpb0)")
		verify "${check[@]}" -e 0:0-$((SENT - 1)) -w "0:$END" "$T/sent.pcap"
	done
}

@test "the bytes that were sent, in all link types, filtered in the kernel" {
	same_as_sent "$IN_B" 16 1000 1472 4000 8972
}

@test "native: the same, in fragments" {
	if [[ -z $FRAGS ]]; then
		ip -n "$NS_A" link set bpa0 mtu 1500
		defer ip -n "$NS_A" link set bpa0 mtu 9000
		ip -n "$NS_B" link set bpb0 mtu 1500
		defer ip -n "$NS_B" link set bpb0 mtu 9000
		same_as_sent "$IN_B:native" 16 1000 1472
		return
	fi
	same_as_sent "$IN_B:native" 16 1000 1472 4000 8972
}

@test "which of the two it is, ip-link shows" {
	capture dump tcpdump -n -i "$IN_B" udp
	[[ $(xdp_of "$NS_B" bpb0) == " xdpgeneric "* ]]
	stop
	[[ -n $FRAGS ]] || return 0
	capture dump tcpdump -n -i "$IN_B:native" udp
	[[ $(xdp_of "$NS_B" bpb0) == " xdp "* ]]
	stop
	no_xdp "$NS_B" bpb0
}

@test "a filter that looks into fragments is decided in the kernel" {
	need_frags
	local link
	for link in EN10MB LINUX_SLL2 RAW PFLOG; do
		at frags "$IN_B:native" -s 96 -y $link \
			"udp port $PORT and udp[6008] == $(payload 6000) and udp[8007] == $(payload 7999)"
		in_a frags -c 3 -s 8000 bpa0 "$MAC_A" "$MAC_B" "$ADDR_A" "$SINK" "$PORT" 14 42 60
		in_a frags -c 3 -s 8000 bpa0 "$MAC_A" "$MAC_B" "$ADDR_A" "$SINK" $((PORT + 1)) 60
		emitted 9
		stop
		at frags "$IN_B:native" -y $link "udp[6008] == 1 + $(payload 6000) or udp[8008] == 0 or udp port 7"
		in_a frags -c 3 -s 8000 bpa0 "$MAC_A" "$MAC_B" "$ADDR_A" "$SINK" "$PORT" 14 42 60
		sleep $(scaled 0.5 3)
		emitted 0
		stop
	done
}

@test "a short snapshot length, and len=" {
	local len
	at short "$IN_B" -s 64 "udp port $PORT"
	send -c 4 -s 1400
	emitted 4
	stop
	verify -l EN10MB -e 0:0-3 -z 1400 -n 64 "$T/short.pcap"
	# Beyond len= there is nothing to look at.
	for len in 86 87; do
		emits $(((len - 86) * 4)) "udp port $PORT and (udp[66] < 128 or udp[66] > 127)" "$IN_B:len=$len"
	done
}

@test "netns=, and all interfaces of a namespace" {
	local LISTENER
	listen "$ADDR_B" $((PORT + 2))
	LISTENER=$PID
	emits 4 "udp port $PORT" "bpfxdp:bpb0:netns=pid/$LISTENER"
	emits 4 "udp port $PORT" "bpfxdp:any:netns=$NS_B"
	emits 0 "udp port $PORT" "bpfxdp:bpa0:netns=$NS_A"
	capture all tcpdump -n -i "bpfxdp:any:netns=$NS_B" udp
	xdp_of "$NS_B" lo
	xdp_of "$NS_B" bpb0
	stop
	no_xdp "$NS_B" lo
	no_xdp "$NS_B" bpb0
	run -1 tcpdump -n -i "bpfxdp:bpb0:netns=$NS_A" udp
	[[ $output == *bpb0* ]]
}

@test "what it returns is PASS" {
	emits 4 "udp port $PORT" "$IN_B:action=PASS"
	emits 4 "udp port $PORT" "$IN_B:action=PASS/DROP"
	emits 0 "udp port $PORT" "$IN_B:action=DROP"
}

@test "what it shows does pass" {
	listen "$ADDR_B" $((PORT + 2))
	capture dump tcpdump -n -i "$IN_B" udp
	in_a sender -c 20 udp "$ADDR_B" $((PORT + 2))
	emitted 20
	[[ $(in_b cat /proc/net/snmp | awk '/^Udp: [0-9]/ {print $2}') -ge 20 ]]
	stop
}

@test "lo, and an interface without MAC header" {
	local link
	for link in EN10MB LINUX_SLL2 RAW PFLOG; do
		at lo "bpfxdp:lo:netns=$NS_A" -y $link "udp port $PORT"
		in_a sender -c 3 -s 30000 udp 127.0.0.1 "$PORT"
		in_a sender -c 3 udp 127.0.0.1 $((PORT + 1))
		emitted 3
		stop
		verify -l $link -t 0800 -a 127.0.0.1,127.0.0.1 -p "$PORT" -e 0:0-2 -z 30000 "$T/lo.pcap"
	done
	[[ -e /dev/net/tun ]] || modprobe tun || cannot "this kernel has no tun"
	wire_up tun
	for link in EN10MB LINUX_SLL2 RAW PFLOG; do
		at tun "bpfxdp:w0:netns=$NS_B" -y $link "udp port $PORT and udp[4:2] = 1008"
		in_a sender -c 3 -s 1000 udp 10.79.0.2 "$PORT"
		in_a sender -c 3 -s 500 udp 10.79.0.2 "$PORT"
		emitted 3
		stop
		verify -l $link -t 0800 -a 10.79.0.1,10.79.0.2 -p "$PORT" -e 0:0-2 -z 1000 "$T/tun.pcap"
	done
}

@test "hundreds of filters under traffic: none missing, none twice, none that is rejected" {
	local n=$(scaled 150000 4000) swaps=$(scaled 400 50)
	looping loop -i "$IN_B" -y LINUX_SLL2 -t 10 -B 33554432 "swap=$swaps,$n,$PORT"
	send -c "$n" -p $(scaled 60 4000)
	ended 60
	[[ $(of swaps) -ge $((swaps / 3)) && $(of packets) -ge $((n / 2)) ]]
	[[ $(of missing) -eq 0 && $(of twice) -eq 0 && $(of wrong) -eq 0 ]]
	(($(of odd0) + $(of odd1) > 0))
}

# refuses WORD...: the kernel lets nobody else have the interface.
refuses() {
	run in_b "$@"
	echo "$output"
	[[ $status -ne 0 && ($output == *"busy"* || $output == *"exist"*) ]]
}

@test "nobody takes its place while it is there" {
	local program id
	capture dump tcpdump -l -n -i "$IN_B" "udp port $PORT"
	program=$(bpftool prog show | awk '/ xdp .*name bpfprobe_pass/ {id = $1} END {sub(":", "", id); print id}')
	refuses bpftool net attach xdpgeneric id "$program" dev bpb0
	refuses bpftool net attach xdpgeneric id "$program" dev bpb0 overwrite
	refuses xdpback generic bpb0
	refuses xdpback native bpb0
	run in_b ip link set dev bpb0 xdpgeneric off
	echo "$output"
	[[ $status -ne 0 ]]
	send -c 2
	emitted 2
	stop
	in_b xdpback generic bpb0
	in_b ip link set dev bpb0 xdpgeneric off
}

@test "SIGKILL of the tool detaches it, also while the helper is stopped" {
	local helper
	capture dump tcpdump -n -i "$IN_B" udp
	kill -KILL "$PID"
	until_true 10 no_xdp "$NS_B" bpb0
	capture dump tcpdump -n -i "$IN_B" udp
	helper=$(new_objects process)
	[[ $helper =~ ^process\ /proc/([0-9]+)/exe$ ]] || fail "no helper: $helper"
	helper=${BASH_REMATCH[1]}
	kill -STOP "$helper"
	defer kill -CONT "$helper"
	xdp_of "$NS_B" bpb0
	kill -KILL "$PID"
	until_true 10 no_xdp "$NS_B" bpb0
	kill -CONT "$helper"
}

# ends TEXT: the capture has, by itself, with one line.
ends() {
	local status=0
	wait_exit "$PID" || status=$?
	cat "$T/dump.err"
	[[ $status -ne 0 && $(grep -c "$1" "$T/dump.err") -eq 1 ]]
}

@test "the interface is renamed or disappears: the capture says so and ends" {
	ip -n "$NS_B" link add bpd0 type veth peer name bpd1
	defer ip -n "$NS_B" link del bpd0
	ip -n "$NS_B" link set bpd1 up
	capture dump tcpdump -n -i "bpfxdp:bpd0:netns=$NS_B" udp
	ip -n "$NS_B" link set bpd0 down
	ip -n "$NS_B" link set bpd0 name bpe0
	ends 'interface "bpd0" is now called "bpe0"'
	no_xdp "$NS_B" bpe0
	capture dump tcpdump -n -i "bpfxdp:bpe0:netns=$NS_B" udp
	ip -n "$NS_B" link del bpe0
	ends 'interface "bpe0" has disappeared'
}

# A descriptor of ours would keep it, and its interfaces from coming home.
@test "the network namespace is deleted: the capture ends, and lets go of it" {
	ip netns add "${NS_A}x"
	defer ip netns del "${NS_A}x"
	ip -n "$NS_A" link add bpx0 type veth peer name bpx1 netns "${NS_A}x"
	capture dump tcpdump -n -i "bpfxdp:bpx1:netns=${NS_A}x" udp
	ip netns del "${NS_A}x"
	ends "network namespace /run/netns/${NS_A}x has disappeared"
	until_true 10 eval '! ip -n "$NS_A" link show bpx0'
}

@test "what came before the end is delivered before it is told" {
	ip -n "$NS_B" link add bpd0 type veth peer name bpd1
	defer ip -n "$NS_B" link del bpd0
	ip -n "$NS_B" link set bpd0 up
	ip -n "$NS_B" link set bpd1 up
	# The timeout is longer than the helper takes to notice.
	looping loop -i "bpfxdp:bpd0:netns=$NS_B" -t 30000 -l dispatch -f "udp port $PORT"
	in_b frags -c 30 -s 100 bpd1 "$MAC_A" "$MAC_B" "$ADDR_A" "$SINK" "$PORT" 60
	until_true 10 eval '[[ $(sum emitted) -ge 30 ]]'
	ip -n "$NS_B" link del bpd0
	ended 30 || :
	[[ $(of packets) -eq 30 ]]
	[[ $(<"$T/loop.out")$(<"$T/loop.err") == *'interface "bpd0" has disappeared'* ]]
}

@test "nothing is left behind" {
	no_xdp "$NS_B" bpb0
	nothing_left
}
