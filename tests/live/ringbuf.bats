# SPDX-License-Identifier: BSD-3-Clause
# Short samples, of whole packets or the begin of longer ones, have a way of their own into user space,
# BPF ring buffers (bpf/ringbuf.bpf.h), as long as all of their bytes lie in the linear part of the
# packet: nobody may see it but by the time that it takes.

load lib.bash
load ringbuf.bash

setup_file() {
	require tcpdump bpftool
	kinds_setup
	pair_setup 65000
	pair_drops
	remember_objects
}

# Around what samples have room for, 80, 144 and 280 bytes from the MAC header on; the
# last but one lies in fragments, but for its headers.
SIZES=(16 37 38 39 60 101 102 103 227 230 237 238 239 256 1472 30000 64)

# cut DEVICE [OPTION...]: the first 256 bytes of packets of all sizes.
cut() {
	local n=$((2 * ${#SIZES[@]}))
	capture cut tcpdump -c $n -s 256 -i "$1" -w "$BATS_TEST_TMPDIR/cut.pcap" "${@:2}" "udp port $PORT"
	ring_buffers "${RING_BUFFERS-$(getconf _NPROCESSORS_ONLN)}"
	send_numbered "${SIZES[@]}"
	wait_exit "$PID"
	counts "$T/cut.err"
	((CAPTURED == n && DROPPED == 0))
	verify -e "0:0-$((n - 1))" -n 256 -o "$T/cut.pcap"
}

@test "the first bytes of packets of all sizes, with each link type" {
	local link
	for link in LINUX_SLL2 EN10MB RAW PFLOG; do
		echo "$link"
		cut "bpfprobe:tx:netns=$NS_A" -y $link
	done
	cut "bpfprobe:tp/net_dev_queue:netns=$NS_A:track"
}

@test "the same where a program has nothing but the packet's address, and at XDP" {
	# No fragments, which not every program can reach, and none that XDP does not take.
	SIZES=(16 37 38 39 60 101 102 103 227 230 237 238 239 256 512 64)
	cut "bpfprobe:rawtp/net_dev_queue:arg1:netns=$NS_A"
	[[ $(uname -r) != 5.10.* ]] || RING_BUFFERS=0 # the XDP program could not copy
	cut "bpfxdp:bpb0:netns=$NS_B"
	cut "bpfxdp:bpb0:netns=$NS_B" -y PFLOG
}

# bytes_at DEVICE: sets BYTES, of one of them, which are mapped once, but for a page.
bytes_at() {
	capture room tcpdump -s 96 -i "$1" -w "$BATS_TEST_TMPDIR/room.pcap"
	ring_buffers "$(getconf _NPROCESSORS_ONLN)"
	BYTES=$(bpftool -j map list | jq 'map(select(.type == "ringbuf" and .name == "bpfprobe_ring").max_entries)[0]')
	awk -v most=$(($(getconf _NPROCESSORS_ONLN) * (BYTES + 8 * $(getconf PAGESIZE)) / 1024)) '
		/^[0-9a-f]+-/ { map = /anon_inode:bpf-map/ } $1 == "Size:" && map { n += $2 }
		END { print n, "KiB are mapped"; exit !n || n > most }' "/proc/$PID/smaps"
	stop
}

@test "at XDP, where nearly all goes through them, they are as large as rings are without them" {
	[[ $(uname -r) != 5.10.* ]] || skip "no BPF ring buffers at XDP before Linux 5.18"
	bytes_at "bpfprobe:tx:netns=$NS_A"
	local elsewhere=$BYTES
	bytes_at "bpfxdp:bpb0:netns=$NS_B"
	[[ $BYTES -eq $((2 * elsewhere)) ]]
}

# A page holds 30 short samples, and 11 perf samples of 256 bytes of payload: neither had room for both.
@test "both ways at once: each has its own room" {
	capture both tcpdump -s 256 -i "bpfprobe:tx:netns=$NS_A:pages=1" -w "$BATS_TEST_TMPDIR/both.pcap" "udp port $PORT"
	ring_buffers "$(getconf _NPROCESSORS_ONLN)"
	kill -STOP "$PID"
	send -c 28 -i 1 -s 32
	send -c 11 -i 2 -s 30000
	kill -CONT "$PID"
	until_true 10 read_so_many 39
	stop
	counts "$T/both.err"
	echo "captured $CAPTURED received $RECEIVED dropped $DROPPED"
	((CAPTURED == 39 && DROPPED == 0))
	verify -e 1:0-27 -e 2:0-10 -n 256 -o "$T/both.pcap"
}

# overflow [OPTION...]: a page of either kind holds 30.
overflow() {
	capture full tcpdump -i "bpfprobe:tx:netns=$NS_A:pages=1" "$@" -w "$BATS_TEST_TMPDIR/full.pcap" "udp port $PORT"
	ring_buffers "$(getconf _NPROCESSORS_ONLN)"
	kill -STOP "$PID"
	send -c 100 -i 1 -s 32
	kill -CONT "$PID"
	until_true 10 read_so_many 60
	send -c 30 -i 2 -s 32
	until_true 10 read_so_many 90
	stop
	counts "$T/full.err"
	echo "captured $CAPTURED received $RECEIVED dropped $DROPPED"
	((CAPTURED == 90 && RECEIVED == 90 && DROPPED == 40))
	verify -e 1:0-59 -e 2:0-29 -o "$T/full.pcap"
}

@test "a full one: what finds no room goes the other way, the rest is counted" {
	overflow -s 96
	overflow
}

@test "whole packets of all sizes: in their order, whichever way each goes" {
	local n=$((2 * ${#SIZES[@]}))
	capture whole tcpdump -c $n -i "bpfprobe:tx:netns=$NS_A" -w "$BATS_TEST_TMPDIR/whole.pcap" "udp port $PORT"
	ring_buffers "$(getconf _NPROCESSORS_ONLN)"
	send_numbered "${SIZES[@]}"
	wait_exit "$PID"
	counts "$T/whole.err"
	((CAPTURED == n && DROPPED == 0))
	verify -e "0:0-$((n - 1))" -o "$T/whole.pcap"
}

# Of 256 bytes, which may be asked for until somebody reads, 12 fit here and 11 there, of what is wanted 20 and 22:
# tcpdump sets a filter before it reads.
@test "without a filter no more is taken than is wanted, once the first packet is read" {
	looping loop -i "bpfprobe:tx:netns=$NS_A:pages=1" -s 96
	ring_buffers "$(getconf _NPROCESSORS_ONLN)"
	send -c 1 -i 2 -s 32
	until_true 10 read_so_many 1
	kill -STOP "$PID"
	send -c 100 -i 1 -s 300
	kill -CONT "$PID"
	until_true 10 read_so_many 36 || fail "read: $COUNTERS"
	stop
}

# Two that come one after the other, without anything behind them that would wake the reader.
@test "each packet comes within the timeout" {
	capture dump tcpdump -U -s 96 -i "bpfprobe:tx:netns=$NS_A" -w "$BATS_TEST_TMPDIR/a.pcap"
	send -c 1 -i 1
	until_true 5 read_so_many 1
	send -c 1 -f 1 -i 1
	until_true 5 read_so_many 2
	stop
	verify -e 1:0-1 -n 96 "$T/a.pcap"
}

# Half a millisecond is held back, as many packets as a quarter of these pages takes: the reader must
# be woken for what comes, not for what is there, or hardly any packet more is read before the timeout.
@test "the reader is woken while it holds packets back" {
	[[ $(nproc) -ge 2 ]] || skip "needs two CPUs"
	local n=20000
	looping loop -i "bpfprobe:tx:netns=$NS_A:pages=16" -s 96 -t 60000 -f "udp port $PORT" -c $((n / 10))
	ring_buffers "$(getconf _NPROCESSORS_ONLN)"
	taskset -cp 1 "$PID"
	chrt --fifo -p 1 "$PID"
	send -c $n -i 1 -s 32
	until_true 10 process_ended "$PID" || fail "read $(sum delivered) of $n, lost $(sum lost)"
}

most_delivered() {
	(($(sum delivered) >= 90))
}

# The 98th record, of 336 bytes, is the one with which a quarter of these pages is full; behind it
# are 160 bytes of the next, more than the short ones have.
@test "the reader is woken by the one that fills a quarter, not by the next" {
	looping loop -i "bpfprobe:tx:netns=$NS_A:pages=32" -s 256 -t 60000 -f "udp port $PORT"
	ring_buffers "$(getconf _NPROCESSORS_ONLN)"
	# Long enough after the 90th for it not to be held back any more.
	send -c 90 -i 1 -s 300
	send -c 8 -f 90 -i 1 -s 300
	send -c 5 -i 2 -s 32
	until_true 10 most_delivered || fail "read $(sum delivered)"
	stop
}

@test "there are none where records wait for others" {
	need fentry
	capture dump tcpdump -s 96 -i "bpfprobe:fexit/ip_rcv:netns=$NS_A" -w "$BATS_TEST_TMPDIR/a.pcap"
	ring_buffers 0
	stop
}

@test "metadata: of the right CPU" {
	[[ $(nproc) -ge 2 ]] || skip "needs two CPUs"
	capture json bpfprobe capture --json -s 96 -c 2 -i "bpfprobe:tx:netns=$NS_A" "udp port $PORT"
	ring_buffers "$(getconf _NPROCESSORS_ONLN)"
	send -c 1 -i 1 -C 1
	send -c 1 -i 1
	wait_exit "$PID"
	run -0 jq -c '[.cpu, .caplen]' "$T/json.out"
	[[ ${lines[0]} == "[1,"* && ${lines[1]} == "[0,"* ]]
}

@test "nothing is left behind" {
	nothing_left
}
