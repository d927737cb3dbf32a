# SPDX-License-Identifier: BSD-3-Clause
# bpfprobe capture: the packets that tcpdump gets, in files that tcpdump and Wireshark read, with
# what is known of each beside its bytes; and an end in order, whatever ends it.

load lib.bash
load pcapng.bash

setup_file() {
	require tcpdump tshark capinfos bpftool ip
	remember_objects
	pair_setup
	kinds_setup
	export TX=bpfprobe:tp/net_dev_queue:netns=$NS_A
	export XDP=bpfxdp:bpb0:netns=$NS_B
}

has_packets() { # NAME COUNT
	[[ $(tcpdump -n -r "$BATS_TEST_TMPDIR/$1.pcap" 2>/dev/null | wc -l) -eq $2 ]]
}

# same_packets NAME OTHER: all that tcpdump shows, but the time.
same_packets() {
	local one
	for one; do
		tcpdump -n -t -e -xx -r "$BATS_TEST_TMPDIR/$one.pcap" >"$T/$one.txt" 2>/dev/null
	done
	[[ -s $T/$1.txt ]]
	cmp "$T/$1.txt" "$T/$2.txt"
}

@test "a tracepoint: the packets that tcpdump gets, in every link type" {
	local link first
	for link in LINUX_SLL2 EN10MB RAW PFLOG; do
		capture other tcpdump -n -U -w "$BATS_TEST_TMPDIR/other.pcap" -i "$TX" -y $link "udp port $PORT"
		first=$PID
		into ours "$TX" -y $link udp port "$PORT"
		send -c 100 -i 1 -s mixed:1400
		in_a sender -c 10 udp "$SINK" $((PORT + 1))
		until_true 10 all_read
		run -0 sum emitted filtered
		[[ $output == "100 0" ]]
		until_true 10 has_packets other 100
		stop
		stop "$first"
		said ours
		[[ $CAPTURED -eq 100 && $RECEIVED -eq 100 && $DROPPED -eq 0 ]]
		readable ours 100
		same_packets ours other
		verify -l $link -e 1:0-99 -z mixed:1400 -o -w "$START:$END" "$T/ours.pcap"
	done
	[[ $INFO == *"Capture application: bpfprobe "* && $INFO == *"Capture oper-sys:    Linux $(uname -r)"* ]]
	[[ $INFO == *"Time precision = nanoseconds (9)"* && $INFO == *"Filter string = udp port $PORT"* ]]
}

@test "XDP: the packets that the interface receives" {
	capture other in_b tcpdump -n -U -s 2000 --immediate-mode -w "$BATS_TEST_TMPDIR/other.pcap" -i bpb0 "udp port $PORT"
	local first=$PID
	into ours "$XDP" "udp port $PORT"
	send -c 100 -i 1 -s mixed:1400
	until_true 10 has_packets other 100
	stop
	stop "$first"
	readable ours 100
	same_packets ours other
}

@test "XDP: interface, verdict, direction, identifier, comment" {
	into ours "$XDP" "udp port $PORT"
	send -c 20
	stop
	readable ours 20
	[[ $(only frame.interface_name ours) == bpfxdp:bpb0 ]]
	[[ $(only frame.interface_description ours) == "XDP at 1 interface; $XDP" ]]
	[[ $(only frame.verdict.ebpf_xdp ours) == 2 ]]
	[[ $(only frame.packet_flags_direction ours) == 0x*1 ]]
	[[ $(comments ours) == "probe=bpfxdp:bpb0 action=XDP_PASS $(where_is "$NS_B" bpb0)" ]]
	[[ $(only frame.packet_id ours | wc -l) -eq 20 ]]
}

@test "a tracepoint: interface, direction and comment; no verdict, no identifier" {
	into ours "$TX" "udp port $PORT"
	send -c 5
	stop
	[[ $(only frame.interface_name ours) == tp/net_dev_queue ]]
	[[ $(only frame.packet_flags_direction ours) == 0x*2 ]]
	[[ -z $(only frame.verdict ours) && -z $(only frame.packet_id ours) ]]
	[[ $(comments ours) == "probe=tp/net_dev_queue $(where_is "$NS_A" bpa0)" ]]
}

@test "several probes: an interface of the file for each" {
	into ours "bpfprobe:any:netns=$NS_B" "udp port $PORT"
	local probes
	send -c 10
	stop
	readable ours 10
	probes=$(bpfprobe show --json "bpfprobe:any" | grep -c '"kind"')
	[[ $INFO == *"Number of interfaces in file: $probes"* ]]
	[[ $(grep -c "Number of stat entries = 1" <<<"$INFO") -eq $probes ]]
	[[ $(only frame.interface_name ours) == tp/netif_receive_skb ]]
	[[ $(grep "Number of packets =" <<<"$INFO" | awk '{ n += $NF } END { print n }') -eq 10 ]]
}

@test "-c: no more than so many" {
	into ours "$TX" -c 5 "udp port $PORT"
	send -c 20
	wait_exit "$PID"
	said ours
	[[ $CAPTURED -eq 5 && $RECEIVED -ge 5 && $DROPPED -eq 0 ]]
	readable ours 5
	verify -e 0:0-4 "$T/ours.pcap"
}

@test "-s: so many bytes of each, with its true length" {
	into ours "$TX" -s 100 "udp port $PORT"
	send -c 5 -s 1000
	stop
	readable ours 5
	[[ $(only frame.cap_len ours) == 100 && $(only frame.len ours) == 1048 ]]
	[[ $INFO == *"Capture length = 100"* ]]
	verify -e 0:0-4 -z 1000 -n 100 "$T/ours.pcap"
	# 0 is all of it.
	into ours "$TX" -s 0 "udp port $PORT"
	send -c 5 -s 1000
	stop
	[[ $(only frame.cap_len ours) == 1048 ]]
}

ring_bytes() {
	local range n=0
	while read -r range; do
		n=$((n + 0x${range#*-} - 0x${range%-*}))
	done < <(awk '/perf_event/ { print $1 }' "/proc/$PID/maps")
	echo "$n"
}

@test "-B: so much for the rings, up to twice; none is less than 128 KiB" {
	local page cpus kib bytes most
	page=$(getconf PAGESIZE)
	cpus=$(getconf _NPROCESSORS_ONLN)
	for kib in 1 8192; do
		into ours "$TX" -B $kib
		# Each has a page more, in which it says where it is.
		bytes=$(($(ring_bytes) - cpus * page))
		echo "-B $kib: $bytes of $cpus rings"
		most=$((2 * kib > 128 * cpus ? 2 * kib : 128 * cpus))
		((bytes >= kib * 1024 && bytes >= cpus * 128 * 1024 && bytes <= most * 1024))
		stop
	done
}

@test "-q: not a word" {
	background ours bpfprobe capture -q -i "$TX" -w "$BATS_TEST_TMPDIR/ours.pcap" -c 3 "udp port $PORT"
	until_true 20 eval '[[ -n $(sum delivered) && -n $(new_links) ]]'
	send -c 3
	wait_exit "$PID"
	[[ ! -s $T/ours.err ]]
	readable ours 3
}

@test "a signal: all that came before it is in the file" {
	local signal
	for signal in INT TERM HUP; do
		into ours "$TX" "udp port $PORT"
		send -c 500
		kill -$signal "$PID"
		wait_exit "$PID"
		said ours
		[[ $CAPTURED -eq 500 && $RECEIVED -eq 500 && $DROPPED -eq 0 ]]
		readable ours 500
		[[ $INFO == *"Number of stat entries = 1"* ]]
	done
}

# Counted twice: what is in no file was lost by nobody.
@test "lost packets are counted, in the file too" {
	into ours "$TX:pages=1" "udp port $PORT"
	kill -STOP "$PID"
	send -c 200 -s 1000
	kill -CONT "$PID"
	stop
	said ours
	echo "captured=$CAPTURED received=$RECEIVED dropped=$DROPPED"
	((DROPPED > 0 && RECEIVED == CAPTURED && CAPTURED + DROPPED == 200))
	readable ours "$CAPTURED"
}

@test "a full disk: the file ends with its last whole packet" {
	local full=$BATS_TEST_TMPDIR/full lines n
	mkdir "$full"
	mount -t tmpfs -o size=64k none "$full"
	defer umount "$full"
	capture ours bpfprobe capture -w "$full/x" -i "$TX" "udp port $PORT"
	send -c 200 -i 1 -s 1000
	local status=0
	wait_exit "$PID" || status=$?
	[[ $status -eq 1 ]]
	mapfile -t lines <"$T/ours.err"
	printf '%s\n' "${lines[@]}"
	[[ ${#lines[@]} -eq 3 && ${lines[1]} == "bpfprobe: cannot write \"$full/x\": No space left on device" ]]
	[[ ${lines[2]} =~ ^([0-9]+)" packets captured, " ]]
	n=${BASH_REMATCH[1]}
	((n > 30 && n < 100))
	cp "$full/x" "$T/ours.pcap"
	readable ours "$n"
	verify -e 1:0-$((n - 1)) -z 1000 "$T/ours.pcap"
}

@test "live, into a pipe that is closed at the end" {
	background ours bash -c 'set -o pipefail
		bpfprobe capture -i "$1" -w - "udp port $2" 2>"$3" | tshark -l -n -r - -c 3 2>/dev/null' \
		bash "$TX" "$PORT" "$BATS_TEST_TMPDIR/tool.err"
	started "$T/tool.err" "istening on"
	# One after the other: none waits for the next.
	for n in 1 2 3; do
		send -c 1
		until_true 10 eval "[[ \$(wc -l <'$T/ours.out') -ge $n ]]"
	done
	# No packet tells it that nobody reads any more.
	wait_exit "$PID" 10
	[[ $(sed 1d "$T/tool.err") == "3 packets captured, 3 received by filter, 0 dropped by kernel" ]]
}

@test "standard output is the default; any libpcap does" {
	env -u LD_LIBRARY_PATH bpfprobe capture -i "$TX" -c 1 "udp port $PORT" >"$BATS_TEST_TMPDIR/ours.pcap" 2>"$BATS_TEST_TMPDIR/ours.err" 3>&- &
	PID=$! T=$BATS_TEST_TMPDIR
	started "$T/ours.err" "istening on"
	send -c 1
	wait_exit "$PID"
	readable ours 1
}

@test "a filter that the kernel does not take: the same packets" {
	local many=$(printf 'port %d or ' {1..150} | sed "s/ or $//")
	into ours "$TX" -O "udp port $PORT or $many"
	[[ $(sum passing) -eq 1 ]]
	send -c 5
	in_a sender -c 50 udp "$SINK" $((PORT + 1))
	until_true 10 eval '[[ $(sum filtered) -eq 55 ]]'
	stop
	said ours
	[[ $CAPTURED -eq 5 && $RECEIVED -eq 5 && $DROPPED -eq 0 ]]
	readable ours 5
}

@test "an interface that goes: said, and the file is whole" {
	ip -n "$NS_B" link add bpx0 type veth peer name bpx1
	ip -n "$NS_B" link set bpx0 up
	into ours "bpfxdp:bpx0:netns=$NS_B"
	ip -n "$NS_B" link del bpx0
	local status=0
	wait_exit "$PID" || status=$?
	cat "$T/ours.err"
	[[ $status -eq 1 && $(<"$T/ours.err") == *'bpfprobe: interface "bpx0" has disappeared'* ]]
	readable ours 0
	[[ $INFO == *"Number of stat entries = 1"* ]]
}

# refused STATUS TEXT ARG...: one line, and the file that was there is still there.
refused() {
	echo old >"$BATS_TEST_TMPDIR/old"
	run -"$1" bpfprobe capture "${@:3}" -w "$BATS_TEST_TMPDIR/old"
	echo "$output"
	[[ ${#lines[@]} -eq 1 && $output == "bpfprobe: "*"$2"* && $(<"$BATS_TEST_TMPDIR/old") == old ]]
}

@test "what is wrong is said in one line" {
	refused 2 'a device is missing, or too much: capture -i DEVICE, or --obj FILE; see bpfprobe --help'
	refused 2 'unknown option "-x"; see bpfprobe --help' -i "$TX" -x
	refused 2 'unknown option "--long"; see bpfprobe --help' -i "$TX" --long
	run -2 bpfprobe capture -i "$TX" -w
	[[ $output == 'bpfprobe: no value for the option "-w"; see bpfprobe --help' ]]
	refused 2 'option -c "0": a number from 1 to' -i "$TX" -c 0
	refused 2 'option -c "-1"' -i "$TX" -c -1
	refused 2 'option -s "99999999": a number from 0 to 262144 is expected' -i "$TX" -s 99999999
	refused 2 'option -s "1k"' -i "$TX" -s 1k
	refused 2 'option -B ""' -i "$TX" -B ''
	refused 1 'bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected' -i bpb0
	refused 1 '"dorp"' -i bpfprobe:dorp
	refused 1 'the device name has 309 characters, 255 are possible' -i "bpfprobe:$(printf 'x%.0s' {1..300})"
	refused 1 'filter "no such": ' -i "$TX" no such
	refused 1 'link type "PFLUG": this device has LINUX_SLL2, EN10MB, RAW and PFLOG' -i "$TX" -y PFLUG
	refused 1 'link type "RAW": this device has IEEE802_11' -i "$TX:proto=IEEE802_11" -y RAW
	refused 1 'proto="NOSUCH": no such link type' -i "$TX:proto=NOSUCH"
	run -1 bpfprobe capture -i "$TX" -w "$BATS_TEST_TMPDIR/none/x"
	[[ $output == "bpfprobe: cannot write \"$BATS_TEST_TMPDIR/none/x\": No such file or directory" ]]
	BPFPROBE_HELPER=/nonexistent refused 1 'cannot run the capture helper /nonexistent' -i "$TX"
}

@test "no packets to a terminal" {
	require script
	run script -qec "bpfprobe capture -i $TX" /dev/null
	echo "$output"
	[[ $output == *"bpfprobe: packets cannot go to a terminal: name a file with -w, or use a pipe"* ]]
}

# drops PORT: an XDP program in B that drops what comes to the port, and lets the rest pass.
drops() {
	cat >"$BATS_TEST_TMPDIR/drop.bpf.c" <<-END
		#include <linux/bpf.h>
		#include <bpf/bpf_helpers.h>
		#include <bpf/bpf_endian.h>
		SEC("xdp") int drop_port(struct xdp_md *xdp)
		{
			unsigned short *port = (void *)(long)xdp->data + 36;
			if ((void *)(port + 1) > (void *)(long)xdp->data_end)
				return XDP_PASS;
			return *port == bpf_htons($1) ? XDP_DROP : XDP_PASS;
		}
		char _license[] SEC("license") = "Dual BSD/GPL";
	END
	clang -target bpf -O2 -g -I"/usr/include/$(cc -print-multiarch)" \
		-c "$BATS_TEST_TMPDIR/drop.bpf.c" -o "$BATS_TEST_TMPDIR/drop.o"
	in_b ip link set dev bpb0 xdp object "$BATS_TEST_TMPDIR/drop.o" section xdp
	defer in_b ip link set dev bpb0 xdp off
}

@test "entry and exit of a program: one identifier, and what it said" {
	need fentry
	require clang cc
	drops $((PORT + 1))
	into ours "$XDP" "udp portrange $PORT-$((PORT + 1))"
	in_a sender -c 3 udp "$SINK" "$PORT"
	in_a sender -c 4 udp "$SINK" $((PORT + 1))
	stop
	said ours
	[[ $CAPTURED -eq 14 && $DROPPED -eq 0 ]]
	readable ours 14
	fields ours frame.packet_id frame.interface_name udp.dstport frame.verdict.ebpf_xdp frame.comment | tee "$T/fields"
	# Each identifier twice: at an entry and an exit with the same port.
	[[ $(cut -f 1 "$T/fields" | sort | uniq -c | awk '{ print $1 }' | sort -u) == 2 ]]
	[[ $(cut -f 1,3 "$T/fields" | sort -u | wc -l) -eq 7 ]]
	[[ $(cut -f 2- "$T/fields" | sed 's/probe=[^ ]* //; s/ *ifindex=.*//; s/elapsed=[1-9][0-9]*ns/T/' | sort | uniq -c |
		sed 's/^ *//; s/'$'\t''/ /g; s/ *$//') == "\
3 bpb0:drop_port@entry $PORT
4 bpb0:drop_port@entry $((PORT + 1))
3 bpb0:drop_port@exit $PORT 2 action=XDP_PASS T
4 bpb0:drop_port@exit $((PORT + 1)) 1 action=XDP_DROP T" ]]
}

@test "what a function returned" {
	need fentry
	into ours "bpfprobe:fexit/nf_hook_slow:netns=$NS_A" "udp port $PORT"
	in_a nft 'table ip capture { chain output { type filter hook output priority 0; }; }'
	defer in_a nft delete table ip capture
	send -c 3
	until_true 10 eval '[[ $(sum delivered) -ge 3 ]]'
	stop
	[[ $(only frame.interface_name ours) == fexit/nf_hook_slow ]]
	[[ $(comments ours) == *" ret=1 "* ]]
}

@test "nothing is left behind" {
	nothing_left
}
