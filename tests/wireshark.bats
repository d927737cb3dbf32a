# SPDX-License-Identifier: BSD-3-Clause
# At home in Wireshark: starting it attaches nothing and costs nothing, and its window lists,
# captures and shows.  Not for emulated machines: a desktop is slow there, and the same.

load live/lib.bash
load gui/gui.bash

# A real Wireshark runs in a namespace of its own, which has nothing but lo.
setup_file() {
	require dumpcap tshark strace bpftool ip
	remember_objects
	pair_setup
	pair_drops
	export NS_W=bp$$w
	ip netns add "$NS_W"
	defer ip netns del "$NS_W"
	ip -n "$NS_W" link set lo up
	trace_setup
	desktop_setup wireshark
}

in_w() {
	ip netns exec "$NS_W" "$@"
}

# --- what helpers do: one file for each, with its system calls

# The tools start this instead of the helper.
trace_setup() {
	export TRACES=$BATS_FILE_TMPDIR/traces TRACED=$BATS_FILE_TMPDIR/traced
	mkdir "$TRACES"
	cat >"$TRACED" <<-END
		#!/bin/sh
		exec $(command -v strace) -qq -e trace=bpf,ioctl -o $TRACES/\$\$ $TEST_HELPER "\$@"
	END
	chmod 755 "$TRACED"
}

# From here on, in this test.
trace() {
	rm -f "$TRACES"/*
	export BPFPROBE_HELPER=$TRACED
}

helpers() {
	find "$TRACES" -type f | wc -l
}

helpers_are() {
	[[ $(helpers) -eq $1 ]]
}

loads() {
	grep -rhc 'BPF_PROG_LOAD.* = [0-9]' "$TRACES" | awk '{ n += $1 } END { print n + 0 }'
}

attachments() {
	grep -rhE 'BPF_RAW_TRACEPOINT_OPEN|BPF_LINK_CREATE|PERF_EVENT_IOC_SET_BPF' "$TRACES" | wc -l
}

# held KEY: descriptors in the namespace that are of this kind: link_type or prog_type, which
# tells what is attached, or only loaded, right now, and by nobody else on this machine.
held() {
	local pid
	for pid in $(ip netns pids "$NS_W"); do
		grep -hs "^$1:" "/proc/$pid/fdinfo/"*
	done | wc -l
}

attached() {
	[[ $(held link_type) -gt 0 ]]
}

detached() {
	[[ $(held link_type) -eq 0 ]]
}

loaded() {
	[[ $(held prog_type) -gt 0 ]]
}

# nothing_attached HELPERS: so many devices were opened, but nothing was attached, now or ever.
nothing_attached() {
	echo "$(helpers) helpers, $(attachments) attachments, $(held link_type) now"
	[[ $(helpers) -eq $1 && $(attachments) -eq 0 ]]
	detached
}

# our_devices: as the list has them.
our_devices() {
	in_w dumpcap -D | sed -n 's/^[0-9]*\. \(bpf\(probe\|xdp\|prog\):[^ ]*\).*/\1/p'
}

# --- what it costs

# milliseconds CMD...: how long it took.
milliseconds() {
	local from=${EPOCHREALTIME/./}
	"$@" >/dev/null 2>&1
	echo $(((${EPOCHREALTIME/./} - from) / 1000))
}

# The middle one of the numbers of a file.
median() {
	sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# theirs CMD...: with the distribution's library.
theirs() {
	LD_LIBRARY_PATH='' "$@"
}

# compare NAME ROUNDS A B: prints how long these commands take, and their ratio.  What else runs
# here slows both, since they take turns; how much no test can know, so that none judges it.
compare() {
	local round a=$BATS_TEST_TMPDIR/a b=$BATS_TEST_TMPDIR/b
	: >"$a" >"$b"
	for ((round = 0; round < $2; round++)); do
		milliseconds $3 >>"$a"
		milliseconds $4 >>"$b"
	done
	awk -v name="$1" -v a="$(median "$a")" -v b="$(median "$b")" 'BEGIN {
		printf "# %s: %d ms, %d ms, ratio %.2f\n", name, a, b, b / a }' >&3
}

# --- the questions of the start page, one by one

@test "dumpcap -D, dumpcap -D -M and tshark -D start no helper" {
	local list
	trace
	for list in "dumpcap -D" "dumpcap -D -M" "tshark -D"; do
		run -0 in_w $list
		[[ $output == *bpfprobe:drop* && $output == *bpfprobe:tx* ]]
	done
	compare "dumpcap -D, theirs and ours" 11 "theirs in_w dumpcap -D" "in_w dumpcap -D"
	compare "tshark -D, theirs and ours" 5 "theirs in_w tshark -D" "in_w tshark -D"
	nothing_attached 0
}

@test "dumpcap -L on every device attaches nothing" {
	local device count=0
	trace
	while read -r device; do
		run -0 in_w dumpcap -i "$device" -L
		[[ $output == *LINUX_SLL2* && $output == *EN10MB* ]]
		count=$((count + 1))
	done < <(our_devices)
	[[ $count -ge 4 && $(loads) -ge $count ]]
	nothing_attached $count
	export BPFPROBE_HELPER=$TEST_HELPER
	compare "dumpcap -L, lo and bpfprobe:tx" 11 "in_w dumpcap -i lo -L" "in_w dumpcap -i bpfprobe:tx -L"
}

@test "dumpcap -S, statistics of all devices, attaches nothing, and leaves nothing when it is ended" {
	local count
	count=$(our_devices | wc -l)
	trace
	background statistics ip netns exec "$NS_W" dumpcap -S
	until_true 30 helpers_are "$count"
	# Open and loaded, so that there would be something to attach.
	loaded
	nothing_attached "$count"
	in_a sender -c 20 udp "$SINK" "$PORT"
	sleep 2 # it asks for numbers each second
	nothing_attached "$count"
	stop
	grep -Eq '^bpfprobe:tx +0 +0 *$' "$T/statistics.out"
	until_true 10 nobody_in "$NS_W"
}

@test "a capture attaches: what the other tests look for would be found" {
	trace
	capture_tool dump ip netns exec "$NS_W" dumpcap -q -i bpfprobe:tx -c 1 -f "udp port $PORT" \
		-w "$BATS_TEST_TMPDIR/a.pcapng"
	attached
	[[ $(helpers) -eq 1 && $(attachments) -ge 1 ]]
	send
	wait_exit "$PID"
}

# --- the window

# quit: by the keyboard; nothing of it is left in its namespace or among its files.
quit() {
	press ctrl+q
	wait_exit "$WIRESHARK" 30
	until_true 10 nobody_in "$NS_W"
	find "$T/tmp" -type f | tee "$T/files"
	[[ ! -s $T/files ]]
}

# enter LABEL TEXT: into the line of a dialog that has this label in front of it.
enter() {
	local x y
	read -r x y < <("$GUI/screen" where label "$1")
	xdotool mousemove $((x + 200)) "$y" click --repeat 3 --delay 60 1 type "$2"
}

# temporary_file: where Wireshark, that is dumpcap, keeps what it captures.
temporary_file() {
	find "$T/tmp" -name '*.pcapng'
}

@test "Wireshark: the start page lists our devices, and attaches nothing" {
	local device count
	need_desktop
	count=$(our_devices | wc -l)
	trace
	EXTCAP=$BUILD/extcap/bpfprobe wireshark_at "$NS_W"
	appears "table cell" "Loopback: lo"
	while read -r device; do
		appears "table cell" "$device"
	done < <(our_devices)
	# Each is asked for its link types, and then for its statistics.
	until_true 60 helpers_are $((2 * count))
	loaded
	in_a sender -c 20 udp "$SINK" "$PORT"
	sleep 2
	nothing_attached $((2 * count))
	[[ $count -ge 4 && $(loads) -ge $((2 * count)) ]]
	quit
}

@test "Wireshark with the distribution's library does not list them" {
	need_desktop
	trace
	unset LD_LIBRARY_PATH
	wireshark_at "$NS_W"
	appears "table cell" "Loopback: lo"
	sleep 2
	[[ $("$GUI/screen" list "table cell") != *bpfprobe* ]]
	nothing_attached 0
	quit
}

@test "Wireshark captures what it is told on the start page, shows it, saves it, and ends" {
	need_desktop
	wireshark_at "$NS_W"
	appears "table cell" bpfprobe:drop
	click "table cell" bpfprobe:drop # the filter is that of what is selected
	click text "Capture filter entry"
	write "udp port $((PORT + 1))"
	click "table cell" bpfprobe:drop 2
	appears frame "Capturing from bpfprobe:drop (udp port $((PORT + 1)))"
	started "$T/wireshark.err" "File: "
	attached
	in_a sender -c 10 -i 1 udp "$ADDR_B" $((PORT + 1))
	appears "table cell" "$ADDR_B"
	picture "$T/capture.png"
	[[ -z ${SCREENSHOT:-} ]] || cp "$T/capture.png" "$SCREENSHOT"
	click "push button" Stop
	until_true 30 detached
	press ctrl+s
	appears dialog "Wireshark · Save Capture File As"
	xdotool type "$T/saved.pcapng" # the dialog has the keyboard
	xdotool key Return
	until_true 30 test -s "$T/saved.pcapng"
	appears frame saved.pcapng
	verify -e 1:0-9:in -l LINUX_SLL2 "$T/saved.pcapng"
	quit
}

@test "wireshark -k -i: names that are not listed, two at once" {
	need_desktop
	wireshark_at "$NS_W" -k -i bpfprobe:tp/net_dev_queue:netns="$NS_A" -f "udp dst port $PORT" \
		-i bpfprobe:rx:netns="$NS_B":dev=bpb0 -f "udp dst port $PORT"
	started "$T/wireshark.err" "File: "
	send -c 25 -i 1
	appears "table cell" "$SINK"
	click "push button" Stop
	until_true 30 detached
	verify -e 1:0-24:out -e 1:0-24:in -l LINUX_SLL2 "$(temporary_file)"
	quit
}

# comment_of_drop: of the first packet that was dropped, as it is in the file.
comment_of_drop() {
	tshark -nr "$(temporary_file)" -Y 'frame.interface_name == "tp/kfree_skb"' -T fields -e frame.comment 2>/dev/null | head -n 1
}

@test "Wireshark: the extcap is listed, asks for its options, captures, and shows what is known" {
	local name="Packets inside the kernel: bpfprobe"
	need_desktop
	EXTCAP=$BUILD/extcap/bpfprobe wireshark_at "$NS_W" \
		-o 'gui.column.format:"No.","%m","Destination","%d","Comment","%Cus:frame.comment:0:R"'
	appears "table cell" "$name"
	click "table cell" "$name" # the filter is that of what is selected
	click text "Capture filter entry"
	write "udp port $((PORT + 1))"
	click "table cell" "$name" 2
	appears label "Snapshot length"
	enter Device "bpfprobe:drop:netns=$NS_B bpfxdp:bpb0:netns=$NS_B"
	enter "Snapshot length" 90
	click "push button" Start
	appears frame "Capturing from $name (udp port $((PORT + 1)))"
	started "$T/wireshark.err" "File: "
	attached
	in_a sender -c 10 -i 1 udp "$ADDR_B" $((PORT + 1))
	appears "table cell" "$ADDR_B"
	appears "table cell" "$(comment_of_drop)"
	picture "$T/capture.png"
	[[ -z ${SCREENSHOT_EXTCAP:-} ]] || cp "$T/capture.png" "$SCREENSHOT_EXTCAP"
	click "push button" Stop
	until_true 30 detached
	press ctrl+s
	appears dialog "Wireshark · Save Capture File As"
	xdotool type "$T/saved.pcapng" # the dialog has the keyboard
	xdotool key Return
	appears frame saved.pcapng
	tshark -nr "$T/saved.pcapng" -T fields -e frame.interface_name -e frame.encap_type -e frame.cap_len \
		-e frame.verdict.ebpf_xdp 2>"$T/warnings" | sort | uniq -c | tr -s ' \t' ' ' >"$T/packets"
	! grep -v '^Running as user' "$T/warnings" || false
	[[ $(<"$T/packets") == "\
 10 bpfxdp:bpb0 1 90 2
 10 tp/kfree_skb 210 90 " ]]
	quit
}

@test "Wireshark: the capture filter is changed in the toolbar while packets come" {
	need_desktop
	TOOLBAR=pcap-bpfprobe EXTCAP=$BUILD/extcap/bpfprobe wireshark_at "$NS_W" -k -i bpfprobe -f "udp port $PORT" \
		-o "extcap.bpfprobe.device:bpfprobe:tx:netns=$NS_A"
	appears frame "Capturing from Packets inside the kernel: bpfprobe (udp port $PORT)"
	started "$T/wireshark.err" "File: "
	appears label "Capture filter"
	send -c 2
	appears label "Packets: 2 · Displayed: 2 (100.0%) · Comments: 2"
	enter "Capture filter" "udp port $((PORT + 1))"
	xdotool key Return
	appears label "The capture filter was changed."
	send -c 2
	in_a sender -c 3 udp "$SINK" $((PORT + 1))
	appears label "Packets: 5 · Displayed: 5 (100.0%) · Comments: 5"
	enter "Capture filter" "udp prot 7"
	xdotool key Return
	appears label 'filter "udp prot 7": can'"'"'t parse filter expression: syntax error'
	click "push button" OK
	click "push button" Stop
	until_true 30 detached
	# The next capture has its own filter.
	press ctrl+w
	appears "table cell" "Packets inside the kernel: bpfprobe"
	click "table cell" "Packets inside the kernel: bpfprobe"
	click text "Capture filter entry"
	press ctrl+a
	write "udp port $((PORT + 2))"
	click "table cell" "Packets inside the kernel: bpfprobe" 2
	appears frame "Capturing from Packets inside the kernel: bpfprobe (udp port $((PORT + 2)))"
	attached
	in_a sender -c 5 udp "$SINK" $((PORT + 1))
	in_a sender -c 4 udp "$SINK" $((PORT + 2))
	appears label "Packets: 4 · Displayed: 4 (100.0%) · Comments: 4"
	click "push button" Stop
	until_true 30 detached
	quit
}

@test "Wireshark: a device of the extcap that cannot be opened: it says why" {
	need_desktop
	EXTCAP=$BUILD/extcap/bpfprobe wireshark_at "$NS_W" -k -i bpfprobe -o extcap.bpfprobe.device:bpfprobe:dorp
	appears label 'Error by extcap pipe: bpfprobe: no function or tracepoint "dorp"; did you mean drop?'
	click "push button" OK
	quit
}

@test "nothing is left behind" {
	nothing_left
}
