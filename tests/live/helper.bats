# SPDX-License-Identifier: BSD-3-Clause
# The helper process: nothing of it shows, leaks or stays.

load lib.bash

setup_file() {
	require tcpdump ip bpftool
	remember_objects
	pair_setup
	export TX=bpfprobe:tx:netns=$NS_A
}

# new_helper: process id of the helper that this test's capture has started.
new_helper() {
	local path
	path=$(new_objects process)
	[[ $path =~ ^"process /proc/"([0-9]+)/exe$ ]] || fail "not one helper: $path"
	echo "${BASH_REMATCH[1]}"
}

nothing_attached() {
	[[ -z $(new_links) ]]
}

@test "a capture has programs, links and one helper (or the tests below prove nothing)" {
	capture dump tcpdump -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap"
	new_objects prog map process
	[[ -n $(new_objects prog) && -n $(new_objects map) && -n $(new_links) ]]
	new_helper
	stop
	nothing_left
}

@test "SIGKILL of the tool leaves nothing" {
	capture dump tcpdump -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap"
	kill -KILL "$PID"
	wait_exit "$PID" || true
	nothing_left
}

@test "SIGKILL of the tool detaches, also while the helper is stopped" {
	local helper
	capture dump tcpdump -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap"
	helper=$(new_helper)
	kill -STOP "$helper"
	defer kill -CONT "$helper"
	[[ -n $(new_links) ]]
	kill -KILL "$PID"
	wait_exit "$PID" || true
	until_true 2 nothing_attached || fail "attached: $(new_links)"
	[[ -n $(new_objects process) ]]
	kill -CONT "$helper"
	nothing_left
}

@test "the end of the helper does not end the capture" {
	local helper
	capture dump tcpdump -i "$TX" -c 100 -w "$BATS_TEST_TMPDIR/a.pcap" "udp port $PORT"
	helper=$(new_helper)
	send -c 50 -i 1
	kill -KILL "$helper"
	until_true 5 process_ended "$helper"
	send -c 50 -f 50 -i 1
	wait_exit "$PID"
	counts "$T/dump.err"
	verify -e 1:0-99 "$T/a.pcap"
	[[ $CAPTURED -eq 100 && $RECEIVED -eq 100 && $DROPPED -eq 0 ]]
}

@test "an application's wait() and SIGCHLD handler see only its own child" {
	run -0 pcaploop -i "$TX" wait
	echo "$output"
	[[ $(value open_wait "$output") == 0 && $(value open_sigchld "$output") == 0 ]]
	[[ $(value child_wait "$output") == own && $(value child_sigchld "$output") == 1 ]]
	[[ $(value child_status "$output") == 0 ]]
	[[ $(value after_wait "$output") == ECHILD && $(value after_sigchld "$output") == 1 ]]
	[[ $(value close_wait "$output") == ECHILD && $(value close_sigchld "$output") == 1 ]]
	[[ $(value all_wait "$output") == ECHILD ]]
}

@test "it opens where SIGCHLD is ignored" {
	run -0 bash -c 'trap "" CHLD; exec pcaploop -i "$1" activate' bash "$TX"
	[[ $(value linktype "$output") == LINUX_SLL2 ]]
}

@test "tcpdump -C -z: the command after each file runs, the capture goes on" {
	local n=3000 dir file total=0
	dir=$(mktemp -d)
	chmod 1777 "$dir"
	defer rm -r "$dir"
	capture dump tcpdump -i "$TX" -C 1 -z gzip -w "$dir/a.pcap" -B 16384 -c $n
	send -c $n -i 1 -s 1200 -p 100
	wait_exit "$PID"
	cat "$T/dump.err"
	counts "$T/dump.err"
	[[ $CAPTURED -eq $n && $DROPPED -eq 0 ]]
	# 3,000 packets of 1,264 bytes in files of a million each: a.pcap to a.pcap3,
	# of which the last is never handed to gzip; those of the others may still run.
	for file in a.pcap a.pcap1 a.pcap2; do
		until_true 10 test -s "$dir/$file.gz" -a ! -e "$dir/$file"
	done
	gzip -d "$dir/a.pcap.gz" "$dir/a.pcap1.gz" "$dir/a.pcap2.gz"
	for file in a.pcap a.pcap1 a.pcap2 a.pcap3; do
		run -0 verify -L -e "1:0-$((n - 1))" "$dir/$file"
		total=$((total + $(value count "$output")))
	done
	[[ $total -eq $n ]]
	nothing_left
}

@test "many opens and closes leave no process, file or memory" {
	local n=$(scaled 1000 50)
	run -0 pcaploop -i "$TX" open-close=$n
	echo "$output"
	[[ $(value opened "$output") -eq $n ]]
	[[ $(value fds_after "$output") -eq $(value fds_before "$output") ]]
	[[ $(value wait "$output") == ECHILD ]]
	(($(value vm_after_kb "$output") <= $(value vm_before_kb "$output") + 256))
	[[ $(value rss_before_kb "$output") -gt 0 ]]
	(($(value rss_after_kb "$output") <= $(value rss_before_kb "$output") + 256))
	nothing_left
}

@test "opening that fails leaves none either" {
	local i
	run -0 pcaploop -i "$TX" open-close=1
	for i in 1 2 3; do
		run -1 pcaploop -i bpfprobe:tp/no_such_tracepoint activate
		run -1 pcaploop -i "$TX:dev=nope0" activate
	done
	nothing_left
}

# fake_helper: a script in the helper's place that writes down what it was given.
fake_helper() {
	cat >"$BATS_TEST_TMPDIR/fake" <<-END
		#!/bin/sh
		exec >"$BATS_TEST_TMPDIR/seen"
		ls -l /proc/\$\$/fd
		echo "cwd \$(readlink /proc/\$\$/cwd)"
		grep -E 'Umask|SigBlk|SigIgn|PPid' /proc/self/status
		tr '\0' '\n' </proc/\$\$/environ | sed 's/^/environ /'
		tr '\0' ' ' </proc/\$\$/cmdline | sed 's/^/cmdline /'
	END
	chmod 755 "$BATS_TEST_TMPDIR/fake"
}

# reads_types_once DEVICE: the helper reads hardly more than the kernel's types, and not even those where
# the file can be mapped (6.16).
reads_types_once() {
	local bytes most=$(stat -c %s /sys/kernel/btf/vmlinux)
	! printf '%s\n' 6.16 "$(uname -r)" | sort -VC || most=$((most / 2))
	capture dump tcpdump -i "$1" -w "$BATS_TEST_TMPDIR/a.pcap"
	bytes=$(awk '$1 == "rchar:" {print $2}' "/proc/$(new_helper)/io")
	echo "$1: $(new_links | wc -l) places, $bytes bytes read, up to $most and a half"
	((bytes > 0 && bytes < most + most / 2))
	stop
}

@test "the kernel's types are read once at most, however many probes there are" {
	reads_types_once 'bpfprobe:tp/net*'
	reads_types_once "bpfxdp:bpa0:netns=$NS_A"
	reads_types_once bpfprobe:rawtp/net_dev_queue:arg1
}

@test "it opens where files may not be long" {
	run -0 prlimit --fsize=1024 pcaploop -i "$TX" activate
	[[ $(value linktype "$output") == LINUX_SLL2 ]]
}

@test "only the socket reaches the helper, and none of the tool's surroundings" {
	fake_helper
	cd "$BATS_TEST_TMPDIR"
	run -1 env BPFPROBE_HELPER="$BATS_TEST_TMPDIR/fake" SECRET=1 LD_PRELOAD= bash -c '
		umask 077
		trap "" INT PIPE USR1 TERM
		exec 5<fake 6>/dev/null 7<>extra 200</dev/zero
		exec pcaploop -i bpfprobe:tx activate'
	echo "$output"
	cat seen
	# The script has itself open (10) and writes to "seen" (1).
	run -0 awk '/ -> / && $NF !~ /\/(fake|seen)$/ {print $(NF - 2), $NF}' seen
	[[ $(grep -c ' socket:' <<<"$output") -eq 1 ]]
	[[ $(grep -v ' socket:' <<<"$output" | sort) == $'0 /dev/null\n2 /dev/null' ]]
	grep -qx "cwd /" seen
	grep -qx $'Umask:\t0077' seen
	grep -qx $'SigBlk:\t0000000000000000' seen
	[[ $(awk '/SigIgn/ {print $2}' seen) == 0000000000000000 ]]
	! grep -q 'environ .*\(SECRET\|LD_\|BPFPROBE\|BATS\)' seen
}

@test "a helper that answers nothing is an error in one line" {
	fake_helper
	run -1 env BPFPROBE_HELPER="$BATS_TEST_TMPDIR/fake" pcaploop -i bpfprobe:tx activate
	echo "$output"
	[[ ${#lines[@]} -eq 2 && ${lines[1]} == "errbuf="*"$BATS_TEST_TMPDIR/fake"* ]]
}

@test "nothing is left behind" {
	nothing_left
}
