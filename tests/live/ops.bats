# SPDX-License-Identifier: BSD-3-Clause
# What applications do with a handle besides reading it in a loop (see also api.bats), and what
# they do with files and signals.

load lib.bash

setup_file() {
	require tcpdump ip bpftool
	remember_objects
	pair_setup
	export TX=bpfprobe:tx:netns=$NS_A
	export SLACK=$(scaled 250 2500)
	# All ways to wait; in an emulated machine those that differ most.
	export METHODS="dispatch loop next_ex select poll epoll"
	! slow || METHODS="dispatch next_ex select"
}

# traffic COUNT MICROSECONDS [SIZE]: packets at that interval, in the background.
traffic() {
	local reader=$PID
	background traffic in_a sender -c "$1" -p "$2" -s "${3:-64}" udp $SINK "$PORT"
	TRAFFIC=$PID PID=$reader
}

@test "each timeout, by each way to wait: a packet comes within it" {
	local method timeout timeouts="1 250 1000"
	slow && timeouts="1 1000"
	for timeout in $timeouts; do
		for method in $METHODS; do
			looping loop -i "$TX" -t "$timeout" -l $method -c 1 -f "udp port $PORT"
			send
			ended
			[[ $(of packets) -eq 1 && $(of rc) -ge 0 ]] || fail "$method, $timeout ms"
			(($(of first_latency_ms) <= timeout + SLACK)) || fail "$method, $timeout ms"
		done
	done
}

@test "without a timeout a packet comes at once, by each way to wait" {
	local method
	for method in $METHODS; do
		looping loop -i "$TX" -t 0 -l $method -c 3 -f "udp port $PORT"
		send -c 3 -p 20000
		ended
		[[ $(of packets) -eq 3 && $(of rc) -ge 0 ]] || fail "$method"
		(($(of max_latency_ms) <= SLACK)) || fail "$method"
	done
}

@test "breakloop ends a busy loop, from a signal handler and from a thread" {
	local method by packets=10000000
	for method in $(scaled "loop dispatch next_ex" loop); do
		for by in signal thread; do
			traffic "$packets" $(scaled 50 1000)
			looping loop -i "$TX" -t 5 -l $method -k $by -K $(scaled 1000 4000)
			ended 60
			[[ $(of packets) -gt 0 && $(of packets) -lt $packets ]]
			[[ $method != loop || $(of rc) -eq -2 ]]
			(($(of break_ms) <= SLACK))
			kill "$TRAFFIC"
			wait "$TRAFFIC" || true
		done
	done
}

@test "breakloop in the callback: not one packet more, and the next loop has the rest" {
	looping loop -i "$TX" -t 100 -c 40 -f "udp port $PORT" op=callback
	send -c 40
	ended
	# Also one that was asked for before any packet.
	[[ $(of before) -eq -2 && $(of broken) -eq -2 && $(of first) -eq 20 ]]
	[[ $(of packets) -eq 40 && $(of rc) -eq -2 ]]
}

@test "setnonblock before activation holds, and can be taken back" {
	looping loop -i "$TX" -t 2000 -c 3 -f "udp port $PORT" op=nonblock
	send -c 3
	ended
	[[ $(of activate) -eq 0 && $(of nonblock) -eq 1 && $(of first) -eq 0 ]]
	(($(of first_ms) <= SLACK))
	[[ $(of reset) -eq 0 && $(of blocking) -eq 0 && $(of packets) -eq 3 ]]
}

@test "a handle can be closed in every state" {
	looping loop -i "$TX" -t 100 op=states
	traffic $(scaled 5000 20000) $(scaled 2000 5000)
	ended 60
	[[ $(of failed) -eq -6 && $(of read) -eq 5 ]] # PCAP_ERROR_RFMON_NOTSUP
	[[ $(grep -c ^state= "$T/loop.out") -eq 7 ]]
	until_true 10 no_new_programs
}

@test "activation that fails can be tried again" {
	looping loop -i "$TX" -t 100 -c 2 -f "udp port $PORT" op=retry
	send -c 2
	ended
	[[ $(of rfmon) -eq -6 && $(of files) -eq -1 && $(of activate) -eq 0 ]]
	grep -q "^files=-1 .*is the limit of open files (ulimit -n) too low?" "$T/loop.out"
	[[ $(of packets) -eq 2 ]]
}

@test "two handles in two threads: to each its own" {
	looping loop -i "$TX" -t 100 -c 100 -f "udp dst port $PORT and udp[19] & 1" op=threads
	send -c 200
	ended
	[[ $(of packets0) -eq 100 && $(of packets1) -eq 100 && $(of rc0) -ge 0 && $(of rc1) -ge 0 ]]
}

@test "a daemon that was forked after opening reads, when its parent has gone" {
	looping loop -i "$TX" -t 100 -c 50 -f "udp port $PORT" op=daemon
	ended
	send -c 50
	wait_for_line "$T/loop.out" "end" 30
	cat "$T/loop.out"
	[[ $(of packets) -eq 50 && $(of recv) -eq 50 && $(of drop) -eq 0 && $(of stats) -eq 0 ]]
	until_true 10 no_new_programs
}

@test "pcap_stats() in a signal handler while packets are read" {
	local n=$(scaled 20000 2000)
	looping loop -i "$TX" -t 100 -B 8000000 -c "$n" -K $(scaled 1 20) -f "udp port $PORT" op=stats
	send -c "$n" -p 20
	ended 60
	[[ $(of packets) -eq $n && $(of recv) -eq $n && $(of drop) -eq 0 ]]
	[[ $(of asked) -gt 5 && $(of asked_errors) -eq 0 ]]
}

@test "set_datalink after a filter, and again, while packets come" {
	looping loop -i "$TX" -t 50 -c 20 -f "greater 1" op=relink
	traffic $(scaled 2000 1000) 2000
	ended 60
	local i
	for i in 0 1 2 3; do
		[[ $(of packets$i) -ge 20 && $(of wrong$i) -eq 0 ]] || fail "link type $i"
	done
}

@test "the first filter looks at what waits already, behind the snapshot length" {
	looping loop -i "$TX" -t 100 -s 64 -c 5 -f "udp port $PORT and udp[150] = udp[150]" \
		op=queued
	send -c 5 -s 200
	ended
	[[ $(of packets) -eq 5 ]]
}

@test "next_ex: the bytes stay until the next call, while the ring overflows" {
	local dlt
	for dlt in LINUX_SLL2 RAW; do # with a header of ours, and as it is in the ring
		looping loop -i "$TX" -t 100 -y $dlt -B 65536 -c 6 -K 100 -f "udp port $PORT" op=lifetime
		traffic 2000 200 1400
		ended
		[[ $(of packets) -eq 6 && $(of changed) -eq 0 && $(of drop) -gt 0 ]]
	done
}

# crowded OPTION...: pcaploop with all descriptors below 1024 in use.
crowded() {
	# shellcheck disable=SC2016 # for the other shell
	background loop bash -c 'ulimit -n 4096
		for ((i = 3; i < 1030; i++)); do eval "exec $i</dev/null"; done
		exec pcaploop "$@"' bash -i "$TX" -t 100 -c 5 -f "udp port $PORT" "$@"
}

@test "descriptors above 1023: poll, epoll and no wait at all do; select is told" {
	local method
	for method in poll epoll dispatch; do
		crowded -l $method
		started "$T/loop.out" ready
		send -c 5
		ended
		[[ $(of fd) -ge 1024 && $(of packets) -eq 5 ]]
	done
	crowded -l select
	local status=0
	ended || status=$?
	[[ $status -eq 3 ]]
	has_text "$T/loop.err" "too large for select()"
}

# --- files and signals

# rotated COUNT FILE...: so many packets are in them, each once and in order.
rotated() {
	local file total=0 count
	for file in "${@:2}"; do
		run -0 verify -L -e "1:0-$(($1 - 1))" "$file"
		count=$(value count "$output")
		echo "${file##*/}: $count"
		total=$((total + count))
	done
	[[ $total -eq $1 ]]
}

@test "tcpdump -C: a new file after so many bytes" {
	# -C counts 1,000,000 bytes; as root, or the user tcpdump could not write here.
	capture dump tcpdump -Z root -C 1 -c 3000 -B 16384 -i "$TX" -w "$BATS_TEST_TMPDIR/c" "udp port $PORT"
	send -c 3000 -i 1 -s 1400 -p 20
	wait_exit "$PID" 60
	[[ $(ls "$T"/c* | wc -l) -ge 4 ]]
	rotated 3000 "$T"/c*
}

@test "tcpdump -G and -z: a new file every second, the old one is compressed" {
	capture dump tcpdump -Z root -G 1 -z gzip -i "$TX" -w "$BATS_TEST_TMPDIR/g-%s" "udp port $PORT"
	send -c 300 -i 1 -p 10000
	until_true 10 eval "[[ -n \$(ls $T/g-*.gz) ]]"
	sleep 1.2 # the last of them is closed when a packet comes in another second
	in_a sender -f 300 -i 1 udp $SINK "$PORT"
	until_true 10 all_read
	stop
	[[ $(<"$T/dump.err") == *"301 packets captured"* ]]
	# gzip is tcpdump's child, which may be at work still.
	until_true 10 eval "[[ \$(ls $T/g-* | grep -cv gz) -eq 1 ]]"
	ls "$T"/g-*
	[[ $(ls "$T"/g-*.gz | wc -l) -ge 3 ]]
	gunzip "$T"/g-*.gz
	rotated 301 "$T"/g-*
}

@test "tcpdump -w: SIGUSR1 again and again, while packets come" {
	capture dump tcpdump -Z root -i "$TX" -w "$BATS_TEST_TMPDIR/u" "udp port $PORT"
	local i
	for i in 1 2 3 4 5; do
		send -c 20 -f $((20 * (i - 1))) -i 1
		until_true 10 all_read
		kill -USR1 "$PID"
		wait_for_line "$T/dump.err" "$((20 * i)) packets received by filter, 0 packets dropped"
	done
	stop
	verify -e 1:0-99 "$T/u"
}

@test "nothing is left behind" {
	nothing_left
}
