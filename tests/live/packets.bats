# SPDX-License-Identifier: BSD-3-Clause
# What is captured is what was sent: bytes, lengths, headers, times, numbers.

load lib.bash

setup_file() {
	require tcpdump ip nft tc bpftool
	remember_objects
	pair_setup 65535
	pair_ipv6
	in_a nft -f - <<-END
		table inet t {
			chain output {
				type filter hook output priority 0
				udp dport $((PORT + 2)) drop
			}
		}
	END
	pair_drops
}

# dump COUNT DEVICE [tcpdump options]: captures so many packets into $T/a.pcap.
dump() {
	capture dump tcpdump -c "$1" -i "$2" -w "$BATS_TEST_TMPDIR/a.pcap" -B 65536 "${@:3}"
}

# dumped OPTION...: waits for them and checks them; more did not come (where the
# device is all namespaces', others' packets count too until the filter sees them).
dumped() {
	until_true 20 process_ended "$PID" || stop || true
	counts "$T/dump.err"
	echo "captured $CAPTURED received $RECEIVED dropped $DROPPED"
	verify "$@" "$T/a.pcap"
	[[ $DROPPED -eq 0 ]]
	[[ $RECEIVED -eq $CAPTURED || $(<"$T/dump.err") != *netns=* ]]
}

@test "the checker finds what is wrong (or the tests below prove nothing)" {
	dump 20 "bpfprobe:tx:netns=$NS_A"
	send -c 20 -i 1 -s 200
	dumped -e 1:0-19
	run -1 verify -e 1:0-20 "$T/a.pcap"
	[[ $(value missing "$output") -eq 1 ]]
	run -1 verify -e 1:1-19 "$T/a.pcap"
	[[ $(value unexpected "$output") -eq 1 ]]
	local bad
	for bad in "-z 201" "-d in" "-t 86dd" "-m $MAC_B" "-a $ADDR_A,$ADDR_B" "-v 5" "-n 96" \
		"-p $((PORT + 1))" "-I 1" "-l RAW"; do
		run -1 verify -e 1:0-19 $bad "$T/a.pcap"
	done
	run -1 verify -e 1:0-19 -w $((START + 3600000000000)):$((END + 3600000000000)) "$T/a.pcap"

	cp "$T/a.pcap" "$T/twice.pcap"
	tail -c +25 "$T/a.pcap" >>"$T/twice.pcap"
	run -1 verify -e 1:0-19 -o "$T/twice.pcap"
	[[ $(value duplicate "$output") -eq 20 && $(value inversions "$output") -eq 1 ]]

	printf '\0' | dd of="$T/a.pcap" bs=1 seek=$(($(stat -c %s "$T/a.pcap") - 1)) conv=notrunc
	run -1 verify -e 1:0-19 "$T/a.pcap"
	[[ $(value corrupt "$output") -eq 1 && $output == *"number 19: payload byte 199 of 200 is wrong"* ]]
}

@test "all sizes up to 60,000 bytes, sent and received" {
	local n=$(scaled 1000 300)
	dump $((2 * n)) bpfprobe:any "udp port $PORT"
	send -c $n -i 1 -s mixed:60000 -p 200
	dumped -e 1:0-$((n - 1)):out -e 1:0-$((n - 1)):in -z mixed:60000 -l LINUX_SLL2 -t 0800 \
		-m $MAC_A -a $ADDR_A,$SINK -p $PORT
}

@test "EN10MB: the real MAC header" {
	dump 100 "bpfprobe:tx:netns=$NS_A" -y EN10MB
	send -c 100 -i 1 -s mixed:60000 -p 200
	dumped -e 1:0-99 -z mixed:60000 -l EN10MB -m $MAC_A,$MAC_B -a $ADDR_A,$SINK
}

@test "EN10MB: received packets have it too" {
	dump 100 "bpfprobe:rx:netns=$NS_B" -y EN10MB
	send -c 100 -i 1 -s mixed:60000 -p 200
	dumped -e 1:0-99 -z mixed:60000 -l EN10MB -m $MAC_A,$MAC_B -a $ADDR_A,$SINK
}

@test "EN10MB: a made MAC header where there is none" {
	dump 10 bpfprobe:drop -y EN10MB "udp port $((PORT + 2))"
	in_a sender -C 0 -c 10 -i 1 -s mixed:1400 udp $ADDR_B $((PORT + 2))
	dumped -e 1:0-9 -l EN10MB -m 00:00:00:00:00:00,00:00:00:00:00:00 -t 0800 \
		-a $ADDR_A,$ADDR_B
}

@test "RAW: IP only, IPv4 and IPv6" {
	dump 200 bpfprobe:any -y RAW "udp port $PORT"
	in_a sender -c 50 -i 1 -s mixed:60000 -p 200 raw bpa0 $MAC_A $MAC_B $ADDR_A $SINK $PORT
	in_a sender -c 50 -i 2 -s mixed:60000 -p 200 udp $SINK6 $PORT
	wait_exit "$PID"
	tcpdump -r "$T/a.pcap" -w "$T/4.pcap" ip 2>/dev/null
	tcpdump -r "$T/a.pcap" -w "$T/6.pcap" ip6 2>/dev/null
	# Out and In look the same here: every number twice.
	run verify -e 1:0-49 -l RAW -a $ADDR_A,$SINK "$T/4.pcap"
	[[ $(value count "$output") -eq 100 && $(value duplicate "$output") -eq 50 ]]
	[[ $(value missing "$output") -eq 0 && $(value corrupt "$output") -eq 0 ]]
	run verify -e 2:0-49 -l RAW -a $ADDR6_A,$SINK6 "$T/6.pcap"
	[[ $(value count "$output") -eq 100 && $(value duplicate "$output") -eq 50 ]]
	[[ $(value missing "$output") -eq 0 && $(value corrupt "$output") -eq 0 ]]
}

@test "IPv6 in SLL2 and PFLOG" {
	local dlt
	for dlt in LINUX_SLL2 PFLOG; do
		dump 100 bpfprobe:any -y $dlt "udp port $PORT"
		in_a sender -C 0 -c 50 -i 1 -s mixed:60000 -p 200 udp $SINK6 $PORT
		dumped -e 1:0-49:in -e 1:0-49:out -l $dlt -t 86dd -a $ADDR6_A,$SINK6
	done
}

@test "dropped packets are whole" {
	local dlt
	for dlt in LINUX_SLL2 PFLOG; do
		dump 100 bpfprobe:drop -y $dlt "udp portrange $((PORT + 1))-$((PORT + 2))"
		in_a sender -C 0 -c 50 -i 1 -s mixed:60000 -p 200 udp $ADDR_B $((PORT + 1))
		in_a sender -C 0 -c 50 -i 2 -s mixed:60000 -p 200 udp $ADDR_B $((PORT + 2))
		dumped -e 1:0-49:in -e 2:0-49:out -l $dlt -t 0800 -a $ADDR_A,$ADDR_B
	done
}

@test "snaplen counts the link header, len stays true" {
	local dlt
	for dlt in LINUX_SLL2 EN10MB RAW PFLOG; do
		dump 50 "bpfprobe:tx:netns=$NS_A" -s 128 -y $dlt
		send -c 50 -i 1 -s mixed:60000
		dumped -e 1:0-49 -z mixed:60000 -l $dlt -n 128
	done
}

@test "a packet beyond the size of a perf record keeps its true length" {
	dump 5 "bpfprobe:tx:netns=$NS_A:dev=lo" "udp port $PORT"
	in_a sender -c 5 -i 1 -s 65507 udp 127.0.0.1 $PORT
	wait_exit "$PID"
	run verify -e 1:0-4 -l LINUX_SLL2 -n any "$T/a.pcap"
	echo "$output"
	[[ $status -eq 0 && $(value max_len "$output") -eq $((20 + 65535)) ]]
	[[ $(value max_caplen "$output") -gt 65000 ]]
}

@test "a VLAN tag among the bytes" {
	dump 40 bpfprobe:any -y EN10MB "vlan 5"
	in_a sender -c 20 -i 1 -s mixed:60000 -v 5 raw bpa0 $MAC_A $MAC_B $ADDR_A $SINK $PORT
	wait_exit "$PID"
	run verify -e 1:0-19 -l EN10MB -v 5 -m $MAC_A,$MAC_B -t 0800 "$T/a.pcap"
	[[ $(value count "$output") -eq 40 && $(value corrupt "$output") -eq 0 ]]
}

# tagged_by_tc [OUTER]: what A sends gets the tag 2:0:5 into the skb's metadata, or that of the
# given TCI, and 2:0:5 into the packet.
tagged_by_tc() {
	local fs=$BATS_TEST_TMPDIR/bpffs
	mkdir "$fs"
	mount -t bpf none "$fs"
	defer umount "$fs"
	vlantag $((2 << 13 | 5)) "$@" "$fs/tag"
	tc -n "$NS_A" qdisc add dev bpa0 clsact
	defer tc -n "$NS_A" qdisc del dev bpa0 clsact
	tc -n "$NS_A" filter add dev bpa0 egress bpf da object-pinned "$fs/tag"
}

@test "a VLAN tag beside the packet is put back, sent and received" {
	tagged_by_tc
	local device
	for device in "tx:netns=$NS_A" "rx:netns=$NS_B"; do
		dump 20 "bpfprobe:$device" -y EN10MB "vlan 5"
		send -c 20 -i 1 -s mixed:60000
		dumped -e 1:0-19 -z mixed:60000 -l EN10MB -v $((2 << 13 | 5)) -m $MAC_A,$MAC_B -t 0800
	done
}

@test "two VLAN tags, the outer one beside the packet: both, in their order" {
	tagged_by_tc $((3 << 13 | 7))
	local device tags="802.1Q-QinQ (0x88a8), length 350: vlan 7, p 3, ethertype 802.1Q (0x8100), vlan 5, p 2, ethertype IPv4"
	for device in "tx:netns=$NS_A" "rx:netns=$NS_B"; do
		dump 10 "bpfprobe:$device" -y EN10MB "vlan 7 and vlan 5 and udp port $PORT"
		send -c 10 -s 300
		wait_exit "$PID"
		run -0 tcpdump -n -e -r "$T/a.pcap"
		echo "$output"
		[[ $(grep -cF "ethertype $tags" <<<"$output") -eq 10 ]]
		# The same without the metadata: the inner tag is a part of the bytes.
		dump 10 "bpfprobe:$device" -y RAW -s 100 "udp port $PORT"
		send -c 10 -s 300
		wait_exit "$PID"
		[[ $(tcpdump -n -r "$T/a.pcap" 2>/dev/null | grep -c "UDP, length 300") -eq 10 ]]
		# A file's header, and for each packet one and all 100 bytes.
		[[ $(stat -c %s "$T/a.pcap") -eq $((24 + 10 * (16 + 100))) ]]
	done
}

@test "a tag that is put back keeps snaplen and lengths right" {
	tagged_by_tc
	dump 20 "bpfprobe:tx:netns=$NS_A" -y EN10MB -s 70
	send -c 20 -i 1 -s mixed:60000
	dumped -e 1:0-19 -z mixed:60000 -l EN10MB -v $((2 << 13 | 5)) -n 70
}

@test "SLL2 and RAW show no tag that is beside the packet" {
	tagged_by_tc
	local dlt
	for dlt in LINUX_SLL2 RAW; do
		dump 20 "bpfprobe:tx:netns=$NS_A" -y $dlt
		send -c 20 -i 1 -s mixed:60000
		dumped -e 1:0-19 -z mixed:60000 -l $dlt -t 0800
	done
}

# twins: an interface 700 in either namespace, each with another name.
twins() {
	ip -n "$NS_A" link add right0 index 700 type veth peer name right1
	defer ip -n "$NS_A" link del right0
	ip -n "$NS_B" link add wrong0 index 700 type veth peer name wrong1
	defer ip -n "$NS_B" link del wrong0
	ip -n "$NS_A" link set right0 up
	ip -n "$NS_A" link set right1 up
	ip -n "$NS_B" link set wrong0 up
	ip -n "$NS_B" link set wrong1 up
}

@test "an interface of another namespace never gets a local name" {
	twins
	capture dump in_b tcpdump -n -l -c 1 -i bpfprobe:tx "udp port $PORT"
	in_a sender raw right0 $MAC_A $MAC_B $ADDR_A $SINK $PORT
	wait_exit "$PID"
	[[ $(<"$T/dump.out") =~ ^[0-9:.]+" ?     Out IP $ADDR_A.$PORT > $SINK.$PORT: UDP, length 64"$ ]]

	capture dump in_b tcpdump -n -l -c 1 -i bpfprobe:tx "udp port $PORT"
	in_b sender raw wrong0 $MAC_A $MAC_B $ADDR_A $SINK $PORT
	wait_exit "$PID"
	[[ $(<"$T/dump.out") == *" wrong0 Out IP "* ]]
}

@test "interface numbers: own as they are, foreign ones raised by 0x40000000" {
	twins
	capture dump in_b tcpdump -c 6 -i bpfprobe:tx -w "$BATS_TEST_TMPDIR/a.pcap" "udp port $PORT"
	in_a sender -i 1 -c 3 raw right0 $MAC_A $MAC_B $ADDR_A $SINK $PORT
	in_b sender -i 2 -c 3 raw wrong0 $MAC_A $MAC_B $ADDR_A $SINK $PORT
	wait_exit "$PID"
	tcpdump -r "$T/a.pcap" -w "$T/foreign.pcap" "ifindex $((0x40000000 + 700))" 2>/dev/null
	tcpdump -r "$T/a.pcap" -w "$T/own.pcap" "ifindex 700" 2>/dev/null
	verify -e 1:0-2 -I $((0x40000000 + 700)) "$T/foreign.pcap"
	verify -e 2:0-2 -I 700 "$T/own.pcap"
}

@test "dev= means one interface of one namespace" {
	twins
	local b="raw wrong0 $MAC_A $MAC_B $ADDR_A $SINK $PORT"
	dump 5 "bpfprobe:tx:netns=$NS_A:dev=right0"
	in_b sender -i 2 -c 5 $b
	send -i 3 -c 5
	in_a sender -i 1 -c 5 raw right0 $MAC_A $MAC_B $ADDR_A $SINK $PORT
	dumped -e 1:0-4 -I $((0x40000000 + 700))

	capture dump in_b tcpdump -c 5 -i "bpfprobe:tx:dev=wrong0" -w "$BATS_TEST_TMPDIR/a.pcap"
	in_a sender -i 1 -c 5 raw right0 $MAC_A $MAC_B $ADDR_A $SINK $PORT
	in_b sender -i 2 -c 5 $b
	dumped -e 2:0-4 -I 700
}

@test "netns= by name, by process and by inode" {
	local inode by
	background sleeper in_a sleep 1000
	inode=$(in_a stat -Lc %i /proc/self/ns/net)
	for by in "$NS_A" "pid/$PID" "inode/$inode"; do
		dump 5 "bpfprobe:any:netns=$by"
		send -c 5 -i 1
		dumped -e 1:0-4:out
	done
}

# A ring can only be read, so that a header cannot be put in front of a packet there.
@test "packets that need no header are handed over in the ring, others are copied" {
	local type
	for type in EN10MB RAW LINUX_SLL2 PFLOG; do
		background inplace inplace "bpfprobe:tx:netns=$NS_A" $type 20
		started "$T/inplace.out" ready
		send -c 20 -i 1 -s 500
		wait_exit "$PID"
		cat "$T/inplace.out"
		case $type in
		LINUX_SLL2 | PFLOG) grep -x "in_ring=0 copied=20" "$T/inplace.out" ;;
		*) grep -x "in_ring=20 copied=0" "$T/inplace.out" ;;
		esac
	done
}

@test "time stamps lie within the time of sending, in micro- and nanoseconds" {
	local precision
	for precision in micro nano; do
		dump 200 "bpfprobe:tx:netns=$NS_A" --time-stamp-precision=$precision
		send -c 200 -i 1 -p 1000
		# Two clocks are read one after the other: allow 100 µs.
		dumped -e 1:0-199 -w $((START - 100000)):$((END + 100000)) -o
		run verify "$T/a.pcap"
		if [[ $precision == nano ]]; then
			(($(value first_ns "$output") % 1000 || $(value last_ns "$output") % 1000))
		else
			((!($(value first_ns "$output") % 1000) && !($(value last_ns "$output") % 1000)))
		fi
	done
}

# from_two_cpus SIZE [tcpdump option...] [-- verify option...]: many packets of both at once.
from_two_cpus() {
	[[ $(nproc) -ge 2 ]] || skip "needs two CPUs"
	local n=$(scaled 50000 2500) pace=$(scaled 10 500) size=$1 options=() one late
	shift
	while [[ $# -gt 0 && $1 != -- ]]; do
		options+=("$1")
		shift
	done
	capture dump tcpdump -l -i "bpfprobe:tx:netns=$NS_A" -w "$BATS_TEST_TMPDIR/a.pcap" -B 131072 "${options[@]}"
	[[ -z ${RING_BUFFERS:-} || $(bpftool map list | grep -c 'ringbuf .*name bpfprobe_ring ') -gt 1 ]]
	in_a sender -c $n -i 1 -C 0 -p $pace -s "$size" udp $SINK $PORT 3>&- &
	one=$!
	in_a sender -c $n -i 2 -C 1 -p $pace -s "$size" udp $SINK $PORT
	wait $one
	until_true 20 read_so_many $((2 * n))
	sleep 0.2 # the count of late ones is written with the next look at the rings
	late=$(sum late)
	stop
	counts "$T/dump.err"
	[[ $CAPTURED -eq $((2 * n)) && $RECEIVED -eq $((2 * n)) && $DROPPED -eq 0 ]]
	run -0 verify -e 1:0-$((n - 1)) -e 2:0-$((n - 1)) -z "$size" "${@:2}" "$T/a.pcap"
	echo "$output late=$late"
	# Merged by time; a record that came too late is delivered all the same, and counted.
	(($(value inversions "$output") <= late && late <= n / 50))
}

@test "many packets from two CPUs: complete, in order, none dropped" {
	from_two_cpus mixed:9000
}

@test "many packets from two CPUs, the short ones in BPF ring buffers" {
	RING_BUFFERS=yes from_two_cpus mixed:30000 -s 256 -- -n 256
}

@test "proto=: the bytes from skb->data on as a link type of one's choice" {
	dump 20 "bpfprobe:tp/net_dev_queue:netns=$NS_A:proto=EN10MB"
	send -c 20 -i 1 -s mixed:60000
	dumped -e 1:0-19 -z mixed:60000 -l EN10MB -m $MAC_A,$MAC_B
}

@test "len=: so many bytes of each packet, len stays true" {
	dump 20 "bpfprobe:tx:netns=$NS_A:len=100"
	send -c 20 -i 1 -s mixed:60000
	dumped -e 1:0-19 -z mixed:60000 -l LINUX_SLL2 -n 120
}

@test "nothing is left behind" {
	nothing_left
}
