# SPDX-License-Identifier: BSD-3-Clause
# Wireshark's extcap: what it offers, that it does not get into the way of libpcap's devices, and
# captures of tshark with it, by root and by a member of the helper's group.

load lib.bash
load pcapng.bash

GROUP=77078 USER_ID=65532
CAPS=cap_bpf,cap_perfmon,cap_net_admin,cap_sys_admin,cap_ipc_lock,cap_sys_resource,cap_sys_ptrace

setup_file() {
	require tshark dumpcap capinfos jq ip strace setpriv setcap
	remember_objects
	pair_setup
	pair_drops
	export TX=bpfprobe:tp/net_dev_queue:netns=$NS_A
	export XDP=bpfxdp:bpb0:netns=$NS_B
	export EXTCAP=$BUILD/extcap/bpfprobe
	export XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/config
	mkdir -p "$XDG_CONFIG_HOME/wireshark/extcap"
	ln -s "$EXTCAP" "$XDG_CONFIG_HOME/wireshark/extcap/"
}

# shark NAME DEVICE [ARG...]: tshark in the background, with that device of the extcap, which captures.
shark() {
	capture_tool "$1" tshark -n -l -i bpfprobe -o "extcap.bpfprobe.device:$2" "${@:3}"
}

# extcaps: processes of it that capture.
extcaps() {
	find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -lname "$EXTCAP" -printf '%P\n' 2>/dev/null | cut -d / -f 1
}

# ended_all: tshark, the extcap and dumpcap, with their files.
ended_all() {
	until_true 10 eval '[[ -z $(extcaps) ]]'
	! ls /tmp/wireshark_extcap_bpfprobe* 2>/dev/null
}

# silent NAME: tshark said nothing besides what it always says.
silent() {
	grep -vE '^Running as user| (MESSAGE|INFO)] |^Capturing on|^tshark: $|packets? captured|^ *$' "$T/$1.err" >"$T/said" || return 0
	fail "$(<"$T/said")"
}

@test "what it offers, without privilege and helper" {
	local copy
	copy=$(mktemp -d /tmp/bpfprobe.XXXXXX)
	defer rm -r "$copy"
	chmod 755 "$copy"
	cp -L "$EXTCAP" "$BUILD/libpcap/libpcap.so.0.8" "$copy"
	chmod 755 "$copy"/*
	AS=(env "LD_LIBRARY_PATH=$copy" BPFPROBE_HELPER=/nonexistent setpriv --reuid 65534 --clear-groups --bounding-set -all "$copy/bpfprobe")
	cd /
	run -0 --separate-stderr "${AS[@]}" --extcap-interfaces --extcap-version=4.0
	[[ ${lines[0]} == "extcap {version="* && ${lines[1]} == "interface {value=bpfprobe}{display="* && -z $stderr ]]
	run -0 --separate-stderr "${AS[@]}" --extcap-dlts --extcap-interface bpfprobe
	[[ $output == "dlt {number=276}{name=LINUX_SLL2}{display=Linux cooked v2}" ]]
	run -0 --separate-stderr "${AS[@]}" --extcap-config --extcap-interface=bpfprobe
	[[ $(grep -o 'call=--[a-z-]*' <<<"$output" | paste -sd ' ') == \
		"call=--device call=--link-type call=--snaplen call=--buffer call=--fields call=--stacktrace call=--no-verdict" ]]
	[[ $(sed -n 's/^value {arg=1}{value=\([^}]*\)}.*/\1/p' <<<"$output" | paste -sd ' ') == *" LINUX_SLL2 EN10MB RAW PFLOG" ]]
	run -1 "${AS[@]}" --extcap-config --extcap-interface=eth0
	[[ $output == 'bpfprobe: there is no interface "eth0" but bpfprobe' ]]
	run -1 "${AS[@]}"
	[[ $output == 'bpfprobe: this program is started by Wireshark and tshark; see bpfprobe-capture(8)' ]]
	run -1 "${AS[@]}" --capture --extcap-interface=bpfprobe
	[[ $output == 'bpfprobe: --fifo is missing: it is Wireshark that starts this program' ]]
}

@test "filters: whether it is one" {
	local filter
	for filter in tcp 'udp port 7' 'ether[0] = 1' 'vlan 5' 'inbound' 'ruleset NETFILTER_DROP' ''; do
		run -0 "$EXTCAP" --extcap-interface=bpfprobe --extcap-capture-filter="$filter"
		[[ -z $output ]]
	done
	run -0 "$EXTCAP" --extcap-interface=bpfprobe --extcap-capture-filter='tcp prot 80'
	[[ $output == *"syntax error"* ]]
}

@test "tshark has it beside libpcap's devices, which stay what they are" {
	T=$BATS_TEST_TMPDIR
	tshark -D >"$T/with" 2>/dev/null
	grep -q ' bpfprobe (Packets inside the kernel)$' "$T/with"
	XDG_CONFIG_HOME=$BATS_TEST_TMPDIR tshark -D >"$T/without" 2>/dev/null
	diff <(sed 's/^[0-9]*\. //' "$T/without" | sort) <(sed 's/^[0-9]*\. //; /^bpfprobe (/d' "$T/with" | sort)
	# By libpcap: its interface has the device's name.
	capture_tool dump tshark -n -i bpfprobe:tx -f "udp port $PORT" -c 1 -w "$BATS_TEST_TMPDIR/dump.pcap"
	[[ -z $(extcaps) ]]
	send -c 1
	wait_exit "$PID"
	[[ $(only frame.interface_name dump) == bpfprobe:tx ]]
}

@test "tshark starts no slower for it" {
	local n=0 from=${EPOCHREALTIME/./}
	strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=execve,bpf,perf_event_open "$EXTCAP" --extcap-interfaces >/dev/null
	[[ $(wc -l <"$BATS_TEST_TMPDIR/trace") -eq 1 ]]
	for n in {1..20}; do
		"$EXTCAP" --extcap-config --extcap-interface=bpfprobe >/dev/null
	done
	n=$(((${EPOCHREALTIME/./} - from) / 20))
	echo "$n us each"
	((n < $(scaled 50000 1000000)))
}

@test "live: each packet as it comes, with comment and direction, filtered in the kernel" {
	local n
	shark live "bpfprobe:drop:netns=$NS_B" -f "udp port $((PORT + 1))" -c 3 -T fields -e udp.dstport \
		-e frame.packet_flags_direction -e frame.interface_name -e frame.comment
	for n in 1 2 3; do
		in_a sender -c 1 udp "$ADDR_B" $((PORT + 1))
		in_a sender -c 5 udp "$ADDR_B" "$PORT"
		until_true 10 eval "[[ \$(wc -l <'$T/live.out') -eq $n ]]"
	done
	wait_exit "$PID"
	silent live
	[[ $(cut -f 1-3 "$T/live.out" | sort -u | tr '\t' ' ') == "$((PORT + 1)) 0x00000001 tp/kfree_skb" ]]
	[[ $(grep -c "probe=tp/kfree_skb .* dev=bpb0 netns=inode/" "$T/live.out") -eq 3 ]]
	ended_all
}

@test "several devices, link types mixed, into a file: complete and without a warning" {
	shark two "$TX $XDP" -f "udp port $PORT" -w "$BATS_TEST_TMPDIR/two.pcap"
	[[ $(extcaps | wc -l) -eq 1 ]]
	send -c 100
	until_true 20 eval '[[ $(tshark -n -r "$T/two.pcap" 2>/dev/null | wc -l) -eq 200 ]]'
	stop
	silent two
	[[ $(fields two frame.interface_name frame.encap_type frame.verdict.ebpf_xdp | sort | uniq -c | tr -s ' \t' ' ') == \
" 100 bpfxdp:bpb0 1 2
 100 tp/net_dev_queue 210 " ]]
	tshark -n -r "$T/two.pcap" 2>"$T/warnings" >/dev/null
	! grep -v '^Running as user' "$T/warnings" || false
	capinfos "$T/two.pcap" >/dev/null
	ended_all
}

@test "options: link type, snapshot length, buffer, fields, verdicts" {
	shark dump "$XDP" -o extcap.bpfprobe.snaplen:100 -o extcap.bpfprobe.buffer:256 \
		-o extcap.bpfprobe.fields:action,len -o extcap.bpfprobe.noverdict:true -f "udp port $PORT" -c 2 -w "$BATS_TEST_TMPDIR/dump.pcap"
	send -c 2 -s 1000
	wait_exit "$PID"
	[[ $(fields dump frame.cap_len frame.comment frame.verdict | sort -u | tr '\t' ' ') == "100 len=1042 action=XDP_PASS " ]]
	shark dump "$TX" -o extcap.bpfprobe.linktype:RAW -f "udp port $PORT" -c 2 -w "$BATS_TEST_TMPDIR/dump.pcap"
	send -c 2
	wait_exit "$PID"
	[[ $(only frame.encap_type dump) == 7 ]]
	shark dump "$TX" -o extcap.bpfprobe.linktype:PFLOG -f "udp port $PORT and on bpa0" -c 2 -w "$BATS_TEST_TMPDIR/dump.pcap"
	send -c 2
	wait_exit "$PID"
	[[ $(fields dump pflog.ifname pflog.ruleset | sort -u) == $'bpa0\tnet_dev_queue' ]]
}

@test "files in turn: each of them is whole" {
	local file n=0
	capture_tool turn tshark -n -i bpfprobe -o "extcap.bpfprobe.device:$TX $XDP" -f "udp port $PORT" \
		-b packets:4 -a files:3 -w "$BATS_TEST_TMPDIR/turn.pcapng"
	send -c 20
	wait_exit "$PID"
	for file in "$T"/turn_*.pcapng; do
		[[ $(capinfos -TMrc "$file") == *$'\t'4 ]]
		tshark -n -r "$file" 2>"$T/warnings" >/dev/null
		! grep -v '^Running as user' "$T/warnings" || false
		n=$((n + 1))
	done
	[[ $n -eq 3 ]]
	ended_all
}

@test "with an interface of libpcap's in one capture" {
	capture_tool both ip netns exec "$NS_A" tshark -n -i bpfprobe -f "udp port $PORT" -i bpa0 -f "udp port $PORT" \
		-o "extcap.bpfprobe.device:bpfprobe:tp/net_dev_queue:dev=bpa0" -w "$BATS_TEST_TMPDIR/both.pcap" -c 40
	send -c 20
	wait_exit "$PID"
	[[ $(fields both frame.interface_name | sort | uniq -c | tr -s ' ') == "\
 20 bpa0
 20 tp/net_dev_queue" ]]
}

@test "a device that cannot be opened: tshark says why, and ends" {
	local device text
	while IFS='|' read -r device text; do
		background dump tshark -n -i bpfprobe -o "extcap.bpfprobe.device:$device" -c 1
		wait_exit "$PID" 20 || :
		cat "$T/dump.err"
		[[ $(<"$T/dump.err") == *"bpfprobe: $text"* ]]
		ended_all
	done <<-END
		bpfprobe:dorp|no function or tracepoint "dorp"
		eth0|device "eth0": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected
		bpfprobe:drop bpfprobe:rx:dev=nosuch|dev="nosuch": no such interface
	END
	background dump tshark -n -i bpfprobe -f 'tcp prot 80' -c 1
	wait_exit "$PID" 20 || :
	[[ $(<"$T/dump.err") == *'bpfprobe: filter "tcp prot 80": '*'syntax error'* ]]
}

# message CONTROL COMMAND TEXT: as Wireshark's toolbar sends it.
message() {
	printf 'T%b%b%b%b%b%s' "$(printf '\\x%02x' $(((${#3} + 2) >> 16)) $(((${#3} + 2) >> 8 & 255)) $(((${#3} + 2) & 255)) "$1" "$2")" '' '' '' '' "$3"
}

@test "the toolbar: the filter is shown, and changed while packets come" {
	local in=$BATS_TEST_TMPDIR/in out=$BATS_TEST_TMPDIR/out fifo=$BATS_TEST_TMPDIR/fifo
	mkfifo "$in" "$out" "$fifo"
	grep -q '^control {number=0}{type=string}{display=Capture filter}' < <("$EXTCAP" --extcap-interfaces)
	background extcap "$EXTCAP" --capture --extcap-interface=bpfprobe --device="$TX" --fifo="$fifo" \
		--extcap-capture-filter="udp port $PORT" --extcap-control-in="$in" --extcap-control-out="$out"
	local extcap=$PID
	background said cat "$out"
	background file cat "$fifo"
	exec {TO}>"$in"
	# Wireshark begins with this: nothing of it is a filter.
	message 255 0 '' >&$TO
	started "$T/said.out" "udp port $PORT"
	[[ $(<"$T/said.out") == "$(message 0 1 "udp port $PORT" | tr -d '\0')" ]]
	send -c 2
	in_a sender -c 4 udp "$SINK" $((PORT + 1))
	until_true 10 file_has 2
	# In two parts, and two at once, of which the last one stays.
	message 0 1 "udp port 7" >"$T/first"
	message 0 1 "udp port $((PORT + 1))" >>"$T/first"
	head -c 9 "$T/first" >&$TO
	sleep 0.3
	tail -c +10 "$T/first" >&$TO
	until_true 10 eval '[[ $(grep -ao "The capture filter was changed" "$T/said.out" | wc -l) -eq 2 ]]'
	send -c 2
	in_a sender -c 4 udp "$SINK" $((PORT + 1))
	until_true 10 file_has 6
	message 0 1 "udp prot 7" >&$TO
	started "$T/said.out" 'filter "udp prot 7": '
	in_a sender -c 1 udp "$SINK" $((PORT + 1))
	until_true 10 file_has 7
	# Who closes it, or speaks another language, has no say, which is no end.
	printf 'hello, world' >&$TO
	exec {TO}>&-
	in_a sender -c 1 udp "$SINK" $((PORT + 1))
	until_true 10 file_has 8
	PID=$extcap
	stop
	cp "$T/file.out" "$T/toolbar.pcap"
	readable toolbar 8
}

file_has() { # COUNT
	[[ $(tcpdump -n -r "$T/file.out" 2>/dev/null | wc -l) -eq $1 ]]
}

@test "Ctrl-C, and a tshark that is killed: nothing is left" {
	shark one "$TX" -f "udp port $PORT"
	send -c 3
	until_true 10 eval '[[ $(wc -l <"$T/one.out") -eq 3 ]]'
	stop
	ended_all
	until_true 10 no_new_programs
	shark two "$TX"
	kill -KILL "$PID" $(pgrep -P "$PID")
	until_true 10 eval '[[ -z $(extcaps) ]]'
	rm -f /tmp/wireshark_extcap_bpfprobe*
	until_true 10 no_new_programs
}

@test "a member of the group: the extcap has no privilege, and captures in the own namespace" {
	local dir
	dir=$(mktemp -d /tmp/bpfprobe.XXXXXX)
	defer rm -r "$dir"
	mkdir -p "$dir/config/wireshark/extcap" "$dir/tmp"
	cp -L "$BUILD/libpcap/libpcap.so.0.8" "$BPFPROBE_HELPER" "$dir"
	cp "$EXTCAP" "$dir/config/wireshark/extcap"
	# libpcap heeds no variable that names a file with capabilities.
	printf '#!/bin/sh\nexec "%s"\n' "$dir/helper" >"$dir/run-helper"
	chmod -R a+rX "$dir"
	chmod 755 "$dir/run-helper" "$dir/config/wireshark/extcap/bpfprobe"
	chmod 1777 "$dir/tmp"
	chown "root:$GROUP" "$dir/helper"
	chmod 750 "$dir/helper"
	setcap $CAPS=p "$dir/helper" || cannot "the file system takes no capabilities"
	AS=(ip netns exec "$NS_B" setpriv --reuid=$USER_ID --regid=$USER_ID)
	SHARK=(env "LD_LIBRARY_PATH=$dir" "BPFPROBE_HELPER=$dir/run-helper" "XDG_CONFIG_HOME=$dir/config" "TMPDIR=$dir/tmp"
		tshark -n -l -i bpfprobe -o extcap.bpfprobe.device:bpfprobe:drop -f "udp port $((PORT + 1))" -c 2
		-T fields -e udp.dstport -e frame.comment)
	cd /
	capture_tool member "${AS[@]}" --groups=$GROUP "${SHARK[@]}"
	EXTCAP=$dir/config/wireshark/extcap/bpfprobe
	grep -qx $'CapPrm:\t0000000000000000' "/proc/$(extcaps)/status"
	in_a sender -c 2 udp "$ADDR_B" $((PORT + 1))
	wait_exit "$PID"
	cat "$T/member.out"
	[[ $(cut -f 1 "$T/member.out" | sort -u) == $((PORT + 1)) ]]
	# No address of the kernel, and no process of others: root sends here.
	[[ $(<"$T/member.out") == *"dev=bpb0"* && $(<"$T/member.out") != *location=* && $(<"$T/member.out") != *comm=* ]]
	# Stacks are addresses of the kernel.
	background stacks "${AS[@]}" --groups=$GROUP "${SHARK[@]/bpfprobe:drop/bpfprobe:drop:stacktrace}"
	wait_exit "$PID" 20 || :
	[[ $(<"$T/stacks.err") == *"bpfprobe: only root may see stacks"* ]]
	# Who is no member is told so.
	background other "${AS[@]}" --clear-groups "${SHARK[@]}"
	wait_exit "$PID" 20 || :
	cat "$T/other.err"
	[[ $(<"$T/other.err") == *"Error by extcap pipe: bpfprobe: "* ]]
}

@test "nothing is left behind" {
	nothing_left
}
