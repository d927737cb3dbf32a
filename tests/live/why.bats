# SPDX-License-Identifier: BSD-3-Clause
# Packets that die, each in another way: why, where, on which interface, in which direction, and
# by which process, as the kernel that runs knows it. One without drop reasons (before 5.17) tells
# where; so does one that has no reason for it yet.

load lib.bash

setup_file() {
	require jq nft tc ip
	pair_setup
	pair_drops
	# B forwards: to ROUTED, to which there is a way, and to NOWHERE, to which there is none.
	export ROUTED=10.77.8.1 NOWHERE=10.77.9.1
	ip -n "$NS_A" route add 10.77.8.0/23 via $ADDR_B
	ip -n "$NS_B" route add 10.77.8.0/24 via $ADDR_A
	in_b sysctl -qw net.ipv4.ip_forward=1
	# B's answers are none of what a test looks for.
	in_b nft 'table ip answers { chain output { type filter hook output priority 0; ip protocol { icmp, tcp } drop; }; }'
	REASONS=$(bpfprobe list --reasons 2>&1) || [[ $REASONS == *"no drop reasons"* ]]
	export REASONS
	IN_A=$(inode "$NS_A") IN_B=$(inode "$NS_B")
	export IN_A IN_B
}

inode() {
	stat -L -c %i "/run/netns/$1"
}

# dying FILTER: captures what dies of it.
dying() {
	capture dying bpfprobe capture --json -i bpfprobe:drop "$1"
}

deaths() {
	wc -l <"$T/dying.out"
}

dead() { # COUNT
	[[ $(deaths) -ge $1 ]]
}

# died COUNT REASON FUNCTION DIRECTION NETNS DEV COMM: all of them, and no other; the reason if
# the kernel knows it, the function as a regular expression, to which the compiler may add
# (.constprop.0).
died() {
	local reason=$2 lines
	[[ $REASONS =~ [[:space:]]"$reason"[[:space:]] ]] || reason='(-|NOT_SPECIFIED)'
	until_true 10 dead "$1" || fail "$(deaths) packets: $(<"$T/dying.err")"
	stop
	lines=$(jq -r '[.reason // "-", (.location // "-" | sub("\\+.*"; "")), .direction, .netns, .dev // "-", .comm] |
		join(" ")' "$T/dying.out" | sort | uniq -c)
	[[ $lines =~ ^\ *"$1 "$reason\ ($3)(\.[a-z0-9.]+)?" $4 $5 $6 $7"$ ]] || fail "$lines"
}

@test "a rule of nftables, for what comes in" {
	dying "udp port $((PORT + 1))"
	in_a sender -c 3 udp $ADDR_B $((PORT + 1))
	died 3 NETFILTER_DROP 'nft_do_chain|nf_hook_slow' in "$IN_B" bpb0 sender
}

@test "a rule of nftables, for what goes out" {
	in_a nft "table ip out { chain output { type filter hook output priority 0; udp dport $((PORT + 2)) drop; }; }"
	dying "udp port $((PORT + 2))"
	in_a sender -c 1 udp $ADDR_B $((PORT + 2))
	# No interface has it yet: that of its route.
	died 1 NETFILTER_DROP 'nft_do_chain|nf_hook_slow' out "$IN_A" bpa0 sender
}

@test "a socket that is full" {
	listen $ADDR_B "$PORT"
	kill -STOP "$PID"
	in_a sender -c 1000 -s 1400 udp $ADDR_B "$PORT"
	dying "udp port $PORT"
	in_a sender -c 5 -s 1400 udp $ADDR_B "$PORT"
	died 5 SOCKET_RCVBUFF '__udp_queue_rcv_skb|udp_queue_rcv_one_skb' in "$IN_B" bpb0 sender
}

@test "a port that is closed" {
	dying "udp port $PORT"
	in_a sender -c 2 udp $ADDR_B "$PORT"
	died 2 NO_SOCKET '__udp4_lib_rcv|udp_rcv' in "$IN_B" bpb0 sender
	dying "tcp dst port $PORT"
	# Gone before the SYN is sent again.
	in_a python3 -c "import socket; s = socket.socket(); s.setblocking(False); s.connect_ex(('$ADDR_B', $PORT))"
	died 1 NO_SOCKET 'tcp_v4_rcv' in "$IN_B" bpb0 python3
}

@test "a checksum that is wrong" {
	require_scapy
	local frame="Ether(src='$MAC_A', dst='$MAC_B')" addrs="src='$ADDR_A', dst='$ADDR_B'"
	dying "udp port $PORT and udp[6:2] = 1"
	in_a python3 -c "from scapy.all import *
sendp($frame/IP($addrs)/UDP(sport=9, dport=$PORT, chksum=1)/b'one', iface='bpa0', verbose=0)"
	died 1 UDP_CSUM '__udp4_lib_rcv|udp_rcv' in "$IN_B" bpb0 python3
	dying "udp port $PORT and ip[10:2] = 1"
	in_a python3 -c "from scapy.all import *
sendp($frame/IP($addrs, chksum=1)/UDP(sport=9, dport=$PORT)/b'one', iface='bpa0', verbose=0)"
	died 1 IP_CSUM 'ip_rcv_core' in "$IN_B" bpb0 python3
}

@test "a TTL that is exceeded" {
	dying "udp port $PORT"
	in_a python3 -c "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
s.sendto(b'one', ('$ROUTED', $PORT))"
	died 1 IP_INHDR 'ip_forward' in "$IN_B" bpb0 python3
}

@test "no route" {
	dying "udp port $PORT"
	in_a sender -c 1 udp $NOWHERE "$PORT"
	died 1 IP_INNOROUTES 'ip_error' in "$IN_B" bpb0 sender
}

@test "an address that came by the wrong interface: rp_filter" {
	in_b sysctl -qw net.ipv4.conf.{all,bpb0}.rp_filter=1
	defer in_b sysctl -qw net.ipv4.conf.{all,bpb0}.rp_filter=0
	dying "udp port $PORT"
	in_a sender -c 2 raw bpa0 $MAC_A $MAC_B $NOWHERE $ADDR_B "$PORT"
	died 2 IP_RPFILTER 'ip_rcv_finish_core' in "$IN_B" bpb0 sender
}

@test "a queue that is full: qdisc" {
	# It sends one packet, and then one every 160 s.
	tc -n "$NS_A" qdisc add dev bpa0 root tbf rate 8bit burst 1600 limit 1600
	defer tc -n "$NS_A" qdisc del dev bpa0 root
	dying "udp port $PORT and src host $ADDR_A and greater 1000"
	in_a sender -c 5 -s 1000 udp $SINK "$PORT"
	# What dies in a list of packets is told by what frees the list, where no other function does it.
	died 3 QDISC_DROP '__dev_queue_xmit|__tcf_kfree_skb_list|kfree_skb_list|kfree_skb_list_reason' out "$IN_A" bpa0 sender
}

@test "a program of tc" {
	compile "$TOP/tests/live/actions.bpf.c" "$BATS_TEST_TMPDIR/actions.o"
	tc -n "$NS_B" qdisc add dev bpb0 clsact
	defer tc -n "$NS_B" qdisc del dev bpb0 clsact
	in_b tc filter add dev bpb0 ingress bpf da obj "$BATS_TEST_TMPDIR/actions.o" sec tc
	dying "udp port $PORT"
	in_a sender -f 1 -c 1 udp $ADDR_B "$PORT"
	died 1 TC_INGRESS '__netif_receive_skb_core|sch_handle_ingress' in "$IN_B" bpb0 sender
}

@test "a program of XDP" {
	compile "$TOP/tests/live/actions.bpf.c" "$BATS_TEST_TMPDIR/actions.o" -DONE
	in_b ip link set dev bpb0 xdpgeneric obj "$BATS_TEST_TMPDIR/actions.o" sec xdp
	defer in_b ip link set dev bpb0 xdpgeneric off
	dying "udp port $PORT"
	in_a sender -f 1 -c 1 udp $ADDR_B "$PORT"
	died 1 NOT_SPECIFIED 'do_xdp_generic|netif_receive_generic_xdp' in "$IN_B" bpb0 sender
}
