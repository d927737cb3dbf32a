# SPDX-License-Identifier: BSD-3-Clause
# The alias "verdict": what becomes of each packet, in one capture.

load lib.bash
load pcapng.bash

setup_file() {
	require tcpdump tshark ip nft bpftool
	remember_objects
	pair_setup
	pair_drops
	kinds_setup
}

# ends PORT: at which probes packets for it are, how often, and the interfaces' names.
ends() {
	fields ours udp.dstport frame.interface_name frame.comment | sed -n "s/^$1\\t//p" |
		sed 's/\t.*\(dev=[^ ]*\).*/ \1/; s/\t.*//' | sort | uniq -c | sed 's/^ *//'
}

@test "sent and dropped: each packet at its ends, and nowhere else" {
	into ours bpfprobe:verdict "udp portrange $PORT-$((PORT + 2))"
	in_a sender -c 10 -s 100 udp $ADDR_B $((PORT + 1))
	in_a sender -c 5 -s 100 udp $SINK $((PORT + 2))
	until_true 10 read_so_many 30
	stop
	said ours
	[[ $DROPPED -eq 0 ]]
	[[ $(ends $((PORT + 1))) == "10 tp/kfree_skb dev=bpb0"$'\n'"10 tp/net_dev_start_xmit dev=bpa0" ]]
	[[ $(ends $((PORT + 2))) == "5 tp/kfree_skb"*$'\n'"5 tp/net_dev_start_xmit dev=bpa0" ]]
}

# lengths: of the IP packets, at which probe, how often.
lengths() {
	fields ours ip.len frame.interface_name | sort -n | uniq -c | sed 's/^ *//; s/\t/ /'
}

@test "UDP: what a socket is given, small and large" {
	need fentry
	local given
	listen $ADDR_B "$PORT"
	# Which name it has here depends on the kernel: fentry/ or kprobe/.
	into ours bpfprobe:verdict "udp port $PORT"
	in_a sender -c 20 -s 100 -p 1000 udp $ADDR_B "$PORT"
	# Fragments, of which only the first one has ports; put together again.
	in_a sender -f 20 -c 5 -s 4000 -p 1000 udp $ADDR_B "$PORT"
	# In several pieces, all the way: they are at the tracepoint, too.
	in_b sender -f 25 -c 5 -s 30000 -p 1000 udp $ADDR_B "$PORT"
	until_true 10 read_so_many 65
	stop
	said ours
	[[ $DROPPED -eq 0 ]]
	lengths
	given=$(lengths | sed 's| [^ ]*/__udp_enqueue_schedule_skb.*| given|')
	[[ $given == \
"20 128 given
20 128 tp/net_dev_start_xmit
5 1500 tp/net_dev_start_xmit
5 4028 given
5 30028 given
5 30028 tp/net_dev_start_xmit
5 30028 tp/skb_copy_datagram_iovec" ]]
}

@test "TCP: what a program reads" {
	serve "$PORT"
	capture dump tcpdump -n -l -c 1 -e -y PFLOG -i bpfprobe:verdict "tcp dst port $PORT and ip[2:2] > 1000 and inbound"
	head -c 2000 /dev/zero | in_a busybox nc -w 5 $ADDR_B "$PORT"
	wait_exit "$PID"
	cat "$T/dump.out"
	[[ $(<"$T/dump.out") == *": pass in on "*": $ADDR_A."*" > $ADDR_B.$PORT: Flags "* ]]
}

@test "forwarded: sent by the interface that it leaves by" {
	in_b sysctl -qw net.ipv4.ip_forward=1
	ip -n "$NS_B" link add d0 type veth peer name d1
	defer ip -n "$NS_B" link del d0
	ip -n "$NS_B" addr add 10.76.0.1/24 dev d0
	ip -n "$NS_B" link set d0 up
	ip -n "$NS_B" link set d1 up
	ip -n "$NS_B" neigh add 10.76.0.2 lladdr 02:00:00:00:76:02 dev d0
	ip -n "$NS_A" route add 10.76.0.0/24 via $ADDR_B
	capture dump tcpdump -n -e -l -c 2 -i "bpfprobe:verdict:netns=$NS_B" "udp port $PORT and outbound"
	in_a sender -c 2 -s 100 udp 10.76.0.2 "$PORT"
	wait_exit "$PID"
	cat "$T/dump.out"
	[[ $(grep -c "Out ifindex $(foreign "$NS_B" d0) .*: $ADDR_A.* > 10.76.0.2.$PORT: UDP" "$T/dump.out") -eq 2 ]]
}
