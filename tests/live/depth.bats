# SPDX-License-Identifier: BSD-3-Clause
# Where a packet starts, and what its link header says, from the driver to the socket: with
# what the kernel knows of a packet at each depth the same packet comes out.

load lib.bash
load merged.bash

setup_file() {
	require tcpdump tshark ip nft bpftool ping busybox
	pair_setup
	pair_ipv6
	ip -n "$NS_A" neigh add $ADDR6_B lladdr $MAC_B dev bpa0
	remember_objects
	kinds_setup
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

# send_udp: five packets to a socket, which TABLE's places see; from one CPU, else a later one may overtake.
send_udp() {
	in_a sender -C 0 -c 5 -i 1 -s mixed:1400 udp "$ADDR_B" "$PORT"
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
	need kprobe
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

# say TEXT PORT: one segment from A to B. Not at once: where it comes before B has made a socket for the
# connection, it goes another way (tcp_child_process()).
say() {
	serve "$2"
	in_a bash -c "exec 4<>/dev/tcp/$ADDR_B/$2 && sleep $(scaled 0.2 2) && echo '$1' >&4 && sleep $(scaled 0.3 2)"
	wait_for_line "$T/heard" "$1"
}

@test "TCP from the output to the socket" {
	local ns place type hardware interface
	TABLE=$TCP_WAY FILTER="tcp dst port $((PORT + 2)) and tcp[tcpflags] & tcp-push != 0"
	watch_all -c 1
	say "a line of TCP" $((PORT + 2))
	watched
	# Else the one segment, at the second place, is to tshark one that is sent again: it shows no data.
	all_fields -o tcp.analyze_sequence_numbers:FALSE sll.pkttype sll.hatype sll.ifindex frame.protocols ip.src tcp.len
	while read -r ns place type hardware interface; do
		case $interface in
		a) interface=$(foreign "$NS_A" bpa0) ;;
		b) interface=$(foreign "$NS_B" bpb0) ;;
		esac
		output=$(<"$T/${place##*/}.fields")
		echo "$place: $output"
		[[ $output == "$type	$hardware	$interface	sll:ethertype:ip:tcp:data	$ADDR_A	14" ]]
	done < <(the_places)
	same_bytes
}

@test "at a socket's queue: ICMP" {
	need kprobe
	FILTER="icmp[0] = 0" WATCHED=()
	watch queue "__sock_queue_rcv_skb:netns=$NS_A" -c 2
	in_a ping -q -c 2 -i 0.3 "$ADDR_B"
	watched
	run -0 fields queue sll.pkttype frame.protocols ip.src icmp.seq
	echo "$output"
	[[ ${lines[0]} == "0	sll:ethertype:ip:icmp:data	$ADDR_B	1" ]]
	[[ ${lines[1]} == "0	sll:ethertype:ip:icmp:data	$ADDR_B	2" ]]
}

# Where TCP hands over a segment its header is there, IP's is not; before that there is data
# only. Of UDP all headers have their place, and IP's is written but for its length.
@test "above IP: what has no headers yet says nothing of them" {
	need kprobe
	FILTER='' WATCHED=()
	watch ip_queue_xmit "ip_queue_xmit:netns=$NS_A"
	watch transmit __tcp_transmit_skb
	say "a line of TCP" $((PORT + 2))
	stop_all
	# A protocol of 0 is none, which tshark does not show.
	all_fields sll.pkttype sll.hatype sll.ifindex sll.etype
	[[ -s $T/ip_queue_xmit.fields ]]
	! grep -vxE "4	65535	0	(0x0000)?" "$T/ip_queue_xmit.fields" || false
	bytes ip_queue_xmit | tee "$T/segments"
	# The ports come first, and the line behind the header.
	grep -qE "^ .... $(printf %04x $((PORT + 2))) .*6120 6c69 6e65" "$T/segments"
	! grep -vxE "4	65535	0	(0x0000)?" "$T/transmit.fields" || false
	bytes transmit | tee "$T/segments"
	grep -qE "^ 6120 6c69 6e65" "$T/segments"

	WATCHED=()
	watch udp_send_skb "udp_send_skb:netns=$NS_A"
	in_a sender -c 1 -s 300 udp "$ADDR_B" "$PORT"
	stop_all
	run -0 fields udp_send_skb sll.pkttype sll.hatype sll.ifindex sll.etype ip.src ip.dst frame.len
	echo "$output"
	[[ $output == "4	65535	0	0x0800	$ADDR_A	$ADDR_B	348" ]]
}

# A place's line: namespace and target. All see segments before they are cut up.
LARGE_WAY='a ip_output
a kprobe/__dev_queue_xmit
a tp/net_dev_queue
b tp/netif_receive_skb
b ip_rcv
b kprobe/tcp_v4_rcv'

# Not by their length: the last one may have any.
WITH_DATA="tcp dst port $((PORT + 2)) and ip[2:2] - ((ip[0] & 15) << 2) - ((tcp[12] & 240) >> 2) != 0"

# transfer BYTES PORT [ADDR]: from A to B, in one connection; the content is in $T/sent.
transfer() {
	numbers "$1" >"$BATS_TEST_TMPDIR/sent"
	serve "$2"
	in_a bash -c "cat '$T/sent' >/dev/tcp/${3:-$ADDR_B}/$2"
	until_true 20 cmp -s "$T/sent" "$T/heard" || fail "the transfer itself has failed"
}

numbers() { # BYTES
	seq 1000000000 1000099999 | head -c "$1"
}

# check_segments NAME: all those of a transfer, of which some are larger than the MTU.
check_segments() {
	# The link header has 20 bytes.
	awk -v name="$1" -v all="$(stat -c %s "$T/sent")" '
		$1 != $2 + 20 { print name ": len " $1 " of " $2 + 20; exit wrong = 1 }
		$2 > 1500 { large++ }
		$4 + $5 > end { end = $4 + $5 }
		END {
			print name ": " NR " packets, " large + 0 " large, to byte " end - 1
			exit wrong || !large || end - 1 != all
		}' "$T/$1.fields"
}

# content NAME: what the segments carry, put together by TCP's numbers; what is sent again counts once.
content() {
	sort -t $'\t' -n -k 5,5 "$T/$1.fields" | awk -F '\t' '
		BEGIN { end = 1 }
		$5 > end { exit 1 }
		$5 + length($6) / 2 > end { print toupper(substr($6, 2 * (end - $5) + 1)); end = $5 + length($6) / 2 }' |
		basenc --base16 -d -i
}

large_segments() { # [tcpdump options]
	TABLE=$LARGE_WAY FILTER=$WITH_DATA
	watch_all "$@"
	transfer 150000 $((PORT + 2))
	stop_all
	all_fields frame.len ip.len frame.cap_len tcp.len tcp.seq tcp.payload
}

@test "segments that are still to be cut up: whole, and as long as they are" {
	local ns place
	large_segments
	while read -r ns place; do
		check_segments "${place##*/}"
		awk '$1 != $3 { exit 1 }' "$T/${place##*/}.fields" || fail "$place: not whole"
		content "${place##*/}" | cmp "$T/sent" -
	done < <(the_places)
}

@test "segments that are still to be cut up: the snapshot length takes no length from them" {
	local ns place
	large_segments -s 200
	while read -r ns place; do
		check_segments "${place##*/}"
		awk '$3 != ($1 < 200 ? $1 : 200) { exit 1 }' "$T/${place##*/}.fields" || fail "$place"
	done < <(the_places)
}

# through_vxlan: A and B see each other as 10.78.0.1 and .2 through tunnels on a wire whose
# packets nobody else has (else they are not joined). B's collects for 0.1 s what comes in.
through_vxlan() {
	wire_up tun
	tunnel_ends vx0 1400 10.79.0.1 10.79.0.2 type vxlan id 7 dstport $((PORT + 3))
	in_b sh -c 'echo 100000000 >/sys/class/net/vx0/gro_flush_timeout'
}

# A place's line: namespace, target, whether it has more than one segment there.
JOINED_WAY='b tp/napi_gro_receive_entry single
b napi_gro_receive single
b dev_gro_receive single
b tp/netif_receive_skb joined
b ip_local_deliver joined
b kprobe/tcp_v4_rcv joined'

@test "segments that are joined at reception: single before, one packet behind" {
	local ns place kind
	through_vxlan
	TABLE=$JOINED_WAY FILTER=$WITH_DATA
	# The one became the other in Linux 6.15.
	grep -q ' napi_gro_receive$' /proc/kallsyms || TABLE=${TABLE/b napi_gro_receive /b gro_receive_skb }
	watch_all -y EN10MB
	transfer 100000 $((PORT + 2)) 10.78.0.2
	stop_all
	all_fields frame.len ip.len frame.cap_len eth.src tcp.seq tcp.payload
	while read -r ns place kind; do
		place=${place##*/}
		awk -v kind="$kind" -v place="$place" '
			$1 != $2 + 14 || $1 != $3 || $4 != "02:00:00:00:78:01" { print place ": " $0; exit 1 }
			$2 > 1400 { large++ }
			END { print place ": " NR " packets, " large + 0 " large"; exit (kind == "joined") != (large > 0) }' "$T/$place.fields"
		content "$place" | cmp "$T/sent" -
	done < <(the_places)
}

# A place's line: namespace, target.
IPV6_WAY='a kprobe/ip6_output
a kprobe/ip6_finish_output2
a tp/net_dev_queue
b tp/netif_receive_skb
b kprobe/ipv6_rcv
b kprobe/ip6_input
b kprobe/udpv6_rcv'

@test "IPv6 with a hop-by-hop header, at all depths" {
	local ns place
	TABLE=$IPV6_WAY FILTER="ip6[6] = 0 and ip6[40] = 17"
	listen $ADDR6_B "$PORT"
	watch_all -c 2
	in_a sender -C 0 -x -c 2 -s 300 udp $ADDR6_B "$PORT"
	watched
	all_fields sll.ltype sll.etype frame.len frame.protocols ipv6.nxt udp.length
	while read -r ns place; do
		mapfile -t lines <"$T/${place##*/}.fields"
		echo "$place: ${lines[*]}"
		[[ ${#lines[@]} -eq 2 && ${lines[0]} == "${lines[1]}" ]]
		[[ ${lines[0]} == *"	0x86dd	376	sll:ethertype:ipv6:ipv6.hopopts:udp:data	0	308" ]]
	done < <(the_places)
	same_bytes
}

# A place's line: namespace, target, whether the packet is in pieces.
FRAGMENTS_WAY='a kprobe/ip_output whole
a tp/net_dev_queue pieces
b tp/netif_receive_skb pieces
b ip_rcv pieces
b udp_rcv whole
b kprobe/udp_queue_rcv_skb whole'

# in_pieces VERSION NAME: two packets, each in three, which tshark puts together.
in_pieces() {
	local field=ip.frag_offset
	[[ $1 == 4 ]] || field=ipv6.fraghdr.offset
	run -0 fields "$2" "$field" udp.length
	echo "$2: $output"
	[[ ${#lines[@]} -eq 6 && $(grep -c '	3008$' <<<"$output") -eq 2 ]]
	[[ $(cut -f 1 <<<"$output" | sort -n | uniq -c | awk '{ print $1 }' | xargs) == "2 2 2" ]]
}

# fragments VERSION FROM TO
fragments() {
	local ns place what
	listen "$3" "$PORT"
	watch_all
	# Two CPUs may take turns: the second is to find the first one gone.
	in_a sender -c 2 -i 1 -p "$(scaled 20000 200000)" -s 3000 udp "$3" "$PORT"
	stop_all
	while read -r ns place what; do
		place=${place##*/}
		if [[ $what == pieces ]]; then
			in_pieces "$1" "$place"
		else
			echo "$place:"
			verify -e 1:0-1 -z 3000 -a "$2,$3" -p "$PORT" "$T/$place.pcap"
		fi
	done < <(the_places)
}

@test "fragments of IPv4, and the packet that they were and become" {
	TABLE=$FRAGMENTS_WAY FILTER="ip proto 17"
	fragments 4 $ADDR_A $ADDR_B
}

@test "fragments of IPv6, and the packet that they were and become" {
	TABLE=${FRAGMENTS_WAY//ip_/ip6_} FILTER="ip6[6] = 17 or ip6[6] = 44"
	TABLE=${TABLE//ip6_rcv/ipv6_rcv}
	TABLE=${TABLE//udp_/udpv6_}
	TABLE=${TABLE//udpv6_queue_rcv_skb/udpv6_queue_rcv_one_skb}
	fragments 6 $ADDR6_A $ADDR6_B
}

@test "nothing is left behind" {
	nothing_left
}
