# SPDX-License-Identifier: BSD-3-Clause
# Where a packet starts, and what its link header says, from the driver to the socket: with
# what the kernel knows of a packet at each depth the same packet comes out.

load lib.bash

setup_file() {
	require tcpdump tshark ip nft bpftool ping busybox
	pair_setup
	pair_ipv6
	remember_objects
	find_kprobe
}

# the_places: of TABLE, below, or those of them that this kernel can probe.
the_places() {
	if [[ -n $KPROBE ]]; then
		echo "$TABLE"
	else
		[[ -z ${BPFPROBE_VM:-} ]] || fail "no kprobe"
		grep ' tp/' <<<"$TABLE"
	fi
}

# watch_all [tcpdump options]: at each place of TABLE, a line of namespace, target and what a
# test wants to know of it.
watch_all() {
	local ns place rest
	WATCHED=()
	while read -r ns place rest; do
		case $ns in
		a) watch "${place##*/}" "$place:netns=$NS_A" "$@" ;;
		b) watch "${place##*/}" "$place:netns=$NS_B" "$@" ;;
		any) watch "${place##*/}" "$place" "$@" ;;
		esac
	done < <(the_places)
	[[ ${#WATCHED[@]} -gt 0 ]]
}

# A place's line: namespace, target, direction, MAC header, interface.
UDP_WAY='a ip_output out made 0
a ip_finish_output2 out made a
a __dev_queue_xmit out mac a
a tp/net_dev_queue out mac a
a tp/net_dev_start_xmit out mac a
a dev_hard_start_xmit out mac a
b tp/netif_rx in mac b
b tp/netif_receive_skb in mac b
b __netif_receive_skb_core in mac b
b ip_rcv in mac b
b ip_local_deliver in mac b
b udp_rcv in mac b
b udp_queue_rcv_skb in mac b
b __udp_enqueue_schedule_skb in mac b'

NO_MAC=00:00:00:00:00:00

udp_of_five() { # verify's options
	verify -z mixed:1400 -t 0800 -a "$ADDR_A,$ADDR_B" -p "$PORT" "$@"
}

# send_udp: five packets to a socket, which TABLE's places see.
send_udp() {
	in_a sender -c 5 -i 1 -s mixed:1400 udp "$ADDR_B" "$PORT"
}

@test "UDP from the output to the socket: SLL2 says where it is" {
	local ns place direction mac interface
	TABLE=$UDP_WAY FILTER="udp port $PORT"
	listen "$ADDR_B" "$PORT"
	watch_all -c 5
	send_udp
	watched
	while read -r ns place direction mac interface; do
		echo "$place:"
		case $mac in mac) mac=$MAC_A ;; *) mac=$NO_MAC ;; esac
		case $interface in
		a) interface=$(foreign "$NS_A" bpa0) ;;
		b) interface=$(foreign "$NS_B" bpb0) ;;
		esac
		udp_of_five -e 1:0-4 -l LINUX_SLL2 -d "$direction" -m "$mac" -I "$interface" \
			"$T/${place##*/}.pcap"
	done < <(the_places)
	same_bytes
}

# all_places: of TABLE, joined.
all_places() {
	the_places | awk '{ printf "%s%s", (NR > 1 ? "+" : ""), $2 }'
}

# seen FILE TIMES [verify options]: each of the five so often, and whole.
seen() {
	run verify -z mixed:1400 -t 0800 -a "$ADDR_A,$ADDR_B" -p "$PORT" "${@:3}" -e 1:0-4 "$1"
	echo "$1: $output"
	[[ $(value count "$output") -eq $((5 * $2)) && $(value missing "$output") -eq 0 ]]
	[[ $(value corrupt "$output") -eq 0 && $(value unexpected "$output") -eq 0 ]]
}

@test "UDP from the output to the socket: EN10MB has the MAC header, or makes one" {
	local made places
	TABLE=$UDP_WAY FILTER="udp port $PORT" WATCHED=()
	made=$(the_places | grep -c made) || :
	places=$(the_places | wc -l)
	listen "$ADDR_B" "$PORT"
	watch all "$(all_places)" -c $((5 * places)) -y EN10MB
	send_udp
	watched
	tcpdump -r "$T/all.pcap" -w "$T/made.pcap" "ether src $NO_MAC" 2>/dev/null
	tcpdump -r "$T/all.pcap" -w "$T/mac.pcap" "not ether src $NO_MAC" 2>/dev/null
	[[ $made -eq 0 ]] || seen "$T/made.pcap" "$made" -m $NO_MAC,$NO_MAC
	seen "$T/mac.pcap" $((places - made)) -m $MAC_A,$MAC_B
}

@test "UDP from the output to the socket: RAW, the same bytes everywhere" {
	local places
	TABLE=$UDP_WAY FILTER="udp port $PORT" WATCHED=()
	places=$(the_places | wc -l)
	listen "$ADDR_B" "$PORT"
	watch all "$(all_places)" -c $((5 * places)) -y RAW
	send_udp
	watched
	seen "$T/all.pcap" "$places" -l RAW
	# Five packets, each so often.
	[[ $(bytes all | sort | uniq -c | awk '{ print $1 }' | uniq -c | xargs) == "5 $places" ]]
}

# Later packets find the header of the first and go by.
@test "at the neighbour's, where the MAC header is to be made" {
	need_functions
	FILTER="udp port $PORT" WATCHED=()
	watch neigh "neigh_resolve_output+neigh_connected_output:netns=$NS_A" -c 1
	ip -n "$NS_A" neigh del "$ADDR_B" dev bpa0
	ip -n "$NS_A" neigh add "$ADDR_B" lladdr $MAC_B dev bpa0
	in_a sender -c 1 -i 1 udp "$ADDR_B" "$PORT"
	watched
	verify -e 1:0-0 -l LINUX_SLL2 -d out -m $NO_MAC -I "$(foreign "$NS_A" bpa0)" "$T/neigh.pcap"
}

# A place's line: namespace, target, packet type, hardware type, interface.
TCP_WAY='a ip_output 4 65535 0
a ip_finish_output2 4 1 a
a __dev_queue_xmit 4 1 a
a tp/net_dev_queue 4 1 a
b tp/netif_receive_skb 0 1 b
b ip_rcv 0 1 b
b tcp_v4_rcv 0 1 b
b tcp_v4_do_rcv 0 65535 b
b tcp_rcv_established 0 65535 b
any tp/skb_copy_datagram_iovec 0 65535 b'

# say TEXT PORT: one segment from A to B.
say() {
	serve "$2"
	in_a bash -c "exec 4<>/dev/tcp/$ADDR_B/$2 && echo '$1' >&4 && sleep $(scaled 0.3 2)"
	wait_for_line "$T/heard" "$1"
}

@test "TCP from the output to the socket" {
	local ns place type hardware interface
	TABLE=$TCP_WAY FILTER="tcp dst port $((PORT + 2)) and tcp[tcpflags] & tcp-push != 0"
	watch_all -c 1
	say "a line of TCP" $((PORT + 2))
	watched
	while read -r ns place type hardware interface; do
		case $interface in
		a) interface=$(foreign "$NS_A" bpa0) ;;
		b) interface=$(foreign "$NS_B" bpb0) ;;
		esac
		run -0 fields "${place##*/}" sll.pkttype sll.hatype sll.ifindex frame.protocols ip.src tcp.len
		echo "$place: $output"
		[[ $output == "$type	$hardware	$interface	sll:ethertype:ip:tcp:data	$ADDR_A	14" ]]
	done < <(the_places)
	same_bytes
}

@test "at a socket's queue: ICMP" {
	need_functions
	FILTER="icmp[0] = 0" WATCHED=()
	watch queue "__sock_queue_rcv_skb:netns=$NS_A" -c 2
	in_a ping -q -c 2 -i 0.3 "$ADDR_B"
	watched
	run -0 fields queue sll.pkttype frame.protocols ip.src icmp.seq
	echo "$output"
	[[ ${lines[0]} == "0	sll:ethertype:ip:icmp:data	$ADDR_B	1" ]]
	[[ ${lines[1]} == "0	sll:ethertype:ip:icmp:data	$ADDR_B	2" ]]
}

@test "nothing is left behind" {
	nothing_left
}
