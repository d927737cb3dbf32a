# SPDX-License-Identifier: BSD-3-Clause
# libpcap's own test programs, from the source that our library is built of, on our devices.

load ../live/lib.bash

setup_file() {
	require cc tcpdump ip bpftool
	remember_objects
	pair_setup
	export TX=bpfprobe:tx:netns=$NS_A PROGS=$BATS_FILE_TMPDIR
	local file name
	for file in "$BUILD"/libpcap/testprogs/*test*.c; do
		name=${file##*/} name=${name%.c}
		cp "$file" "$PROGS"
		case $name in
		reactivatetest) sed -i 's/"lo0"/DEVICE/' "$PROGS/$name.c" ;; # has no options
		threadsignaltest) sed -i 's/sleep_secs(60)/sleep_secs(1)/' "$PROGS/$name.c" ;;
		esac
		cc -w -DHAVE_CONFIG_H -DDEVICE="\"$TX\"" -I"$BUILD/libpcap" -I"$BUILD/libpcap/testprogs" \
			-o "$PROGS/$name" "$PROGS/$name.c" "$BUILD/libpcap/libpcap.so" -lpthread ||
			fail "$name does not compile"
	done
}

# listening PROGRAM ARG...: in the background, returns when it captures.
listening() {
	background prog stdbuf -oL "$PROGS/$1" "${@:2}"
	started "$T/prog.out" "Listening on $TX"
}

# finish: by a signal that it does not catch (SIGINT is ignored in the background, unless caught).
finish() {
	kill "$PID"
	wait_exit "$PID" || [[ $? -eq 143 ]]
}

# The numbers of packets that it printed, as result of dispatch and as counted by the callback.
seen() {
	sed -n 's/^\([0-9]*\) packets seen, \([0-9]*\) packets counted .*/\1 \2/p' "$T/prog.out" |
		awk '$1 != $2 { wrong = 1 } { n += $1 } END { print wrong ? "differ" : n + 0 }'
}

has_seen() {
	[[ $(seen) == "$1" ]]
}

# sees COUNT: it does, of packets that are sent now, and not one more.
sees() {
	send -c "$1"
	until_true 5 has_seen "$1" || fail "$(seen) seen: $(tail -n 5 "$T/prog.out" "$T/prog.err")"
}

@test "findalldevstest: our devices are in the list" {
	run -0 "$PROGS/findalldevstest"
	[[ $output == *bpfprobe:drop* && $output == *bpfprobe:tx* ]]
	run -0 "$PROGS/findalldevstest-perf"
}

@test "opentest: each way to open" {
	run -0 "$PROGS/opentest" -i "$TX"
	[[ $output == "$TX opened successfully" ]]
	run -0 "$PROGS/opentest" -i "$TX" -a -p -s 100 -B 512
	[[ $output == "$TX opened successfully" ]]
	run -1 "$PROGS/opentest" -i "$TX" -I
	[[ $output == *"$TX: That device doesn't support monitor mode"* ]]
	run -1 "$PROGS/opentest" -i bpfprobe:nosuch -a
	[[ $output == *"No such device exists"*"no function or tracepoint"* ]]
}

@test "activatetest" {
	[[ -e $PROGS/activatetest ]] || skip "libpcap $(<"$BUILD/libpcap/VERSION") has no activatetest"
	run "$PROGS/activatetest" -i "$TX"
	echo "$output"
	[[ $status -eq 0 ]]
}

@test "can_set_rfmon_test: there is no monitor mode" {
	run -0 "$PROGS/can_set_rfmon_test" "$TX"
	[[ $output == "$TX: Monitor mode cannot be set" ]]
}

@test "reactivatetest: an active handle is not activated again" {
	run -0 "$PROGS/reactivatetest"
	[[ -z $output ]]
}

sent_and_ended() {
	send
	process_ended "$PID"
}

@test "nonblocktest: passes, but that ours needs no descriptor to block again" {
	background prog "$PROGS/nonblocktest" -i "$TX"
	local status=0
	until_true 20 sent_and_ended || true # it says nothing when it is ready
	wait_exit "$PID" || status=$?
	cat "$T/prog.err"
	# Its last step expects of setnonblock() that it needs one, as packet sockets do.
	[[ $status -eq 1 && $(tail -n 1 "$T/prog.err") == "nonblocktest: pcap_setnonblock succeeded even though file table is full" ]]
}

@test "filtertest: compiles for each of our link types" {
	local dlt
	for dlt in LINUX_SLL2 EN10MB RAW; do
		run -0 "$PROGS/filtertest" $dlt "ip and udp port 53"
		[[ $output == "(000) "*"(001) "*"ret "* ]]
	done
}

@test "capturetest: with and without timeout, immediate, nonblock" {
	local options
	for options in "-t 1000" "-t 1" "-t 0" "-m" "-n -t 100"; do
		# shellcheck disable=SC2086 # words
		listening capturetest -i "$TX" $options "udp port $PORT"
		sees 20
		wait_for_line "$T/prog.out" "20 ps_recv, 0 ps_drop, 0 ps_ifdrop" 5
		finish
	done
}

@test "capturetest: SIGINT that is caught does not disturb, or breaks the loop" {
	listening capturetest -i "$TX" -s -t 500 "udp port $PORT"
	kill -INT "$PID"
	sees 10
	finish
	local options
	for options in "-s -b" "-s -b -r"; do
		# shellcheck disable=SC2086 # words
		listening capturetest -i "$TX" $options -t 0 "udp port $PORT"
		kill -INT "$PID"
		wait_exit "$PID"
		[[ $(<"$T/prog.out") == *"Broken out of loop from SIGINT handler"* ]]
	done
}

@test "selpolltest: select, poll and dispatch, with timeout, nonblocking" {
	local options
	for options in "" -s -p "-s -n" "-p -n" "-s -t" "-p -t" "-s -t -n"; do
		# shellcheck disable=SC2086 # words
		listening selpolltest -q -i "$TX" $options "udp port $PORT"
		sees 20
		finish
	done
}

@test "threadsignaltest: breakloop wakes the other thread, with a signal and without" {
	local option
	for option in "" -n; do
		# shellcheck disable=SC2086 # a word
		listening threadsignaltest $option -i "$TX" "udp port $PORT"
		wait_exit "$PID" 10
		cat "$T/prog.out"
		[[ $(<"$T/prog.out") == *"Doing pcap_breakloop()"*"Loop got broken"* ]]
	done
}

@test "writecaptest: writes what was sent, in each link type" {
	run -0 "$PROGS/writecaptest" -L -i "$TX"
	[[ $output == *LINUX_SLL2*EN10MB*RAW*PFLOG* ]]
	run -0 "$PROGS/writecaptest" -D
	[[ $output == *.bpfprobe:drop* ]]
	local dlt
	for dlt in LINUX_SLL2 EN10MB RAW; do
		listening writecaptest -i "$TX" -y $dlt -w "$BATS_TEST_TMPDIR/a.pcap" "udp port $PORT"
		send -c 50 -i 1 -s mixed:1400
		until_true 10 all_read
		stop
		[[ $(<"$T/prog.out") == *"link-type $dlt"*"Broken out of loop from SIGINT handler"* ]]
		verify -e 1:0-49 -z mixed:1400 -l $dlt "$T/a.pcap"
	done
}

@test "nothing is left behind" {
	nothing_left
}
