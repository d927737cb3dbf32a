# SPDX-License-Identifier: BSD-3-Clause
# Readers that are slow, or do not read at all: every packet is captured or counted as dropped, the
# traffic goes on and so do other readers, and what there is room for is captured.
#
# All is sent by one CPU, and so comes into one ring, of which is known how much it holds.

load lib.bash
load ringbuf.bash

PAGES=16 # of each ring
TO=$SINK # where packets are sent to
SNAP=()  # -s 96: samples of long packets are short, too
SECOND=1 # there are BPF ring buffers beside the rings, as large as they, for short samples

setup_file() {
	require tcpdump ip nft bpftool
	remember_objects
	pair_setup 65535
	kinds_setup
	local in
	for in in in_a in_b; do
		$in nft -f - <<-END
			table inet arrived {
				chain seen {
					type filter hook prerouting priority 0
					udp dport $PORT counter drop
				}
			}
		END
	done
	# By the loopback interface, packets pass two probes in one namespace.
	export TX=bpfprobe:tx:netns=$NS_A ANY=bpfprobe:any:netns=$NS_A XDP=bpfxdp:bpb0:netns=$NS_B
	export FILTER="udp port $PORT"
}

# fit PAYLOAD [PAGES]: packets that there is room for. In a ring each takes 12 bytes of the kernel's and
# 48 of the record (bpf/record.h), Ethernet, IPv4 and UDP header, and is a multiple of 8 bytes long; one
# byte stays free. With -s 96, 96 are wanted behind the MAC header and as many as two VLAN tags have. In
# a BPF ring buffer there are 8 bytes of the kernel's, and room for 144 of the packet (bpf/ringbuf.bpf.h).
fit() {
	local packet=$((42 + $1)) size=$((${2:-$PAGES} * $(getconf PAGESIZE) - 1)) second=0
	((${#SNAP[@]} == 0 || packet < 14 + 8 + 96)) || packet=$((14 + 8 + 96))
	((SECOND == 0 || packet <= 80 || packet > 144)) || second=$((size / (8 + 48 + 144)))
	echo $((size / ((12 + 48 + packet + 7) / 8 * 8) + second))
}

# reader NAME DEVICE [tcpdump options]
reader() {
	capture "$1" tcpdump -w "$BATS_TEST_TMPDIR/$1.pcap" "${SNAP[@]}" -i "$2" "${@:3}" "$FILTER"
	until_true 10 all_ring_buffers_found
}

# sent STREAM COUNT PAYLOAD: none of them waits for a reader, and all reach the peer.
sent() {
	local reader=$PID before
	before=$(arrived)
	background sender in_a sender -C 0 -i "$1" -c "$2" -s "$3" udp "$TO" "$PORT"
	wait_exit "$PID" 30
	PID=$reader
	until_true 10 have_arrived $((before + $2)) || fail "of $2 packets $(($(arrived) - before)) have arrived"
}

have_arrived() {
	[[ $(arrived) -eq $1 ]]
}

arrived() {
	{
		in_a nft list chain inet arrived seen
		in_b nft list chain inet arrived seen
	} | awk '/ packets / { sub(/.* packets /, ""); n += $1 } END { print n }'
}

# drained: the reader has read all that there is.
drained() {
	until_true 20 read_so_many 1 || fail "not read: $COUNTERS"
}

# of_ring EVENTS COUNT STREAM: what verify expects of COUNT packets of a stream that were the first in a
# ring, each once or, where it is captured when it is sent and when it is received, twice.
of_ring() {
	if [[ $1 -eq 1 ]]; then
		echo "-e $3:0-$(($2 - 1))"
	else
		echo "-e $3:0-$((($2 + 1) / 2 - 1)):out -e $3:0-$(($2 / 2 - 1)):in"
	fi
}

# said NAME CAPTURED DROPPED: these are tcpdump's last words, and so many are in the file, where all
# that was received is captured.
said() {
	counts "$T/$1.err"
	echo "$1: captured $CAPTURED received $RECEIVED dropped $DROPPED"
	[[ $CAPTURED -eq $2 && $RECEIVED -eq $2 && $DROPPED -eq $3 ]]
	[[ $(tcpdump -n -r "$T/$1.pcap" 2>/dev/null | wc -l) -eq $2 ]]
}

# stopped DEVICE EVENTS: of each packet there are so many events.
stopped() {
	local n=$(scaled 2000 300) more=20 room=$(fit 1000)
	reader dump "$1:pages=$PAGES"
	kill -STOP "$PID"
	sent 1 "$n" 1000
	kill -CONT "$PID"
	drained
	sent 2 $more 1000
	drained
	stop
	said dump $((room + $2 * more)) $(($2 * n - room))
	verify $(of_ring "$2" "$room" 1) $(of_ring "$2" $(($2 * more)) 2) -z 1000 -n "${SNAP[1]:-262144}" "$T/dump.pcap"
}

@test "a stopped reader: all arrive, what was lost is exact, what comes then is captured" {
	stopped "$TX" 1
}

@test "a stopped reader of two probes: the same" {
	TO=127.0.0.1 stopped "$ANY" 2
}

@test "a stopped reader at XDP: the same" {
	stopped "$XDP" 1
}

second_at_xdp() {
	[[ $(uname -r) != 5.10.* ]]
}

# burst DEVICE EVENTS
burst() {
	local room=$(fit 100) n
	n=$((room / $2))
	[[ $((n * $2)) -eq $room ]]
	reader dump "$1:pages=$PAGES"
	kill -STOP "$PID"
	sent 1 $n 100
	kill -CONT "$PID"
	drained
	# Somewhere else in the ring.
	kill -STOP "$PID"
	sent 2 $((n + 1)) 100
	kill -CONT "$PID"
	drained
	# Before the next, the kernel itself writes down that some were lost.
	kill -STOP "$PID"
	sent 3 $((n - 1)) 100
	kill -CONT "$PID"
	drained
	stop
	said dump $((2 * room + $2 * (n - 1))) "$2"
	verify $(of_ring "$2" "$room" 1) $(of_ring "$2" "$room" 2) $(of_ring "$2" $((room - $2)) 3) -n "${SNAP[1]:-262144}" "$T/dump.pcap"
}

@test "a burst as long as a ring is captured whole, again and again; with one packet more that one is lost" {
	burst "$TX" 1
}

@test "a burst as long as a ring, at two probes: the same" {
	TO=127.0.0.1 burst "$ANY" 2
}

@test "a burst as long as a ring, at XDP: the same" {
	second_at_xdp || SECOND=0
	burst "$XDP" 1
}

@test "the least ring that a buffer gives holds the longest packets, also after some were lost" {
	local n
	capture dump tcpdump -B 1 -i "$TX:dev=lo" -w "$BATS_TEST_TMPDIR/dump.pcap" "$FILTER"
	kill -STOP "$PID"
	in_a sender -C 0 -i 1 -c 4 -s 65507 udp 127.0.0.1 "$PORT"
	kill -CONT "$PID"
	drained
	for n in 0 1 2 3 4; do
		in_a sender -C 0 -i 2 -f $n -c 1 -s 65507 udp 127.0.0.1 "$PORT"
		drained
	done
	stop
	# Two samples of 65,528 bytes are just under 128 KiB.
	said dump 7 2
	verify -e 1:0-1 -e 2:0-4 -l LINUX_SLL2 -n any "$T/dump.pcap"
}

lost_some() {
	[[ $(sum lost) -gt 0 ]]
}

# reads_again PAGES: what comes all the time is lost no more.
reads_again() {
	local n=$(scaled 1500 1200) pages=$1 sender numbers gaps
	reader dump "$TX:pages=$pages"
	local reader=$PID
	kill -STOP "$reader"
	background sender in_a sender -C 0 -c "$n" -s 1000 -p "$(scaled 1000 10000)" udp "$SINK" "$PORT"
	sender=$PID PID=$reader
	until_true 20 lost_some
	kill -CONT "$reader"
	! process_ended "$sender" || fail "too late: nothing comes any more"
	wait_exit "$sender" 60
	drained
	stop
	read -ra numbers <<<"$(got dump)"
	gaps=$(printf '%s\n' "${numbers[@]}" | awk 'NR > 1 && $1 != last + 1 { print last, $1 } { last = $1 }')
	echo "first ${numbers[0]}, last ${numbers[-1]}, not between: $gaps"
	[[ $(wc -l <<<"$gaps") -eq 1 && ${gaps% *} -eq $(($(fit 1000 $pages) - 1)) ]]
	[[ ${numbers[0]} -eq 0 && ${numbers[-1]} -eq $((n - 1)) ]]
	said dump ${#numbers[@]} $((n - ${#numbers[@]}))
}

@test "from when it reads again nothing is lost any more, while packets come all the time" {
	reads_again 64
}

# slow_reader DEVICE EVENTS
slow_reader() {
	local n=$(scaled 1000 300) packets
	looping loop "${SNAP[@]}" -i "$1:pages=$PAGES" -t 100 -z "$(scaled 1000 5000)" -f "$FILTER" -w "$BATS_TEST_TMPDIR/loop.pcap"
	in_a sender -C 0 -i 1 -c "$n" -s 1000 -p "$(scaled 200 2000)" udp "$TO" "$PORT"
	drained
	stop
	packets=$(of packets)
	echo "packets $packets received $(of recv) dropped $(of drop)"
	# More than a ring holds: it has read all the time.
	[[ $packets -gt $(fit 1000) && $(of recv) -eq $packets ]]
	[[ $(of drop) -gt 0 && $((packets + $(of drop))) -eq $(($2 * n)) ]]
	[[ $2 -eq 2 ]] || verify -L -e 1:0-$((n - 1)) -z 1000 -n "${SNAP[1]:-262144}" "$T/loop.pcap"
	[[ $(tcpdump -n -r "$T/loop.pcap" 2>/dev/null | wc -l) -eq $packets ]]
}

@test "a slow reader: what it has not got is counted" {
	slow_reader "$TX" 1
}

@test "a slow reader of two probes: the same" {
	TO=127.0.0.1 slow_reader "$ANY" 2
}

@test "a slow reader at XDP: the same" {
	slow_reader "$XDP" 1
}

# three DEVICE EVENTS: readers of the same, one stopped, one slow, one fast.
three() {
	local n=$(scaled 2000 300) room=$(fit 1000) stopped fast
	reader stopped "$1:pages=$PAGES"
	stopped=$PID
	reader fast "$1" -B 16384
	fast=$PID
	looping loop "${SNAP[@]}" -i "$1:pages=$PAGES" -t 100 -z 1000 -f "$FILTER"
	kill -STOP "$stopped"
	sent 1 "$n" 1000
	drained
	stop
	[[ $(of packets) -ge $room && $(of packets) -eq $(of recv) && $(($(of recv) + $(of drop))) -eq $(($2 * n)) ]]
	PID=$fast
	drained
	stop
	said fast $(($2 * n)) 0
	verify $(of_ring "$2" $(($2 * n)) 1) -z 1000 -n "${SNAP[1]:-262144}" "$T/fast.pcap"
	PID=$stopped
	kill -CONT "$PID"
	drained
	stop
	said stopped "$room" $(($2 * n - room))
	verify $(of_ring "$2" "$room" 1) -z 1000 -n "${SNAP[1]:-262144}" "$T/stopped.pcap"
}

@test "readers do not disturb each other: one stopped, one slow, one that gets everything" {
	three "$TX" 1
}

@test "readers of two probes do not disturb each other" {
	TO=127.0.0.1 three "$ANY" 2
}

@test "readers at XDP do not disturb each other" {
	need fentry # a second capture looks into the program of the first
	three "$XDP" 1
}

@test "with short samples: a stopped reader" {
	SNAP=(-s 96) PAGES=4
	stopped "$TX" 1
}

@test "with short samples: a burst as long as a ring" {
	SNAP=(-s 96) PAGES=4
	burst "$TX" 1
}

@test "with short samples: from when it reads again nothing is lost any more" {
	SNAP=(-s 96)
	reads_again 16
}

@test "with short samples: a slow reader" {
	SNAP=(-s 96) PAGES=4
	slow_reader "$TX" 1
}

@test "with short samples: readers do not disturb each other" {
	SNAP=(-s 96) PAGES=4
	three "$TX" 1
}

need_short_at_xdp() {
	second_at_xdp || skip "no BPF ring buffers at XDP before Linux 5.18"
}

@test "with short samples: a stopped reader at XDP" {
	need_short_at_xdp
	SNAP=(-s 96) PAGES=4
	stopped "$XDP" 1
}

@test "with short samples: a burst as long as a ring, at XDP" {
	need_short_at_xdp
	SNAP=(-s 96) PAGES=4
	burst "$XDP" 1
}

@test "with short samples: a slow reader at XDP" {
	need_short_at_xdp
	SNAP=(-s 96) PAGES=4
	slow_reader "$XDP" 1
}

@test "nothing is left behind" {
	nothing_left
}
