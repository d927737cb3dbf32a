# SPDX-License-Identifier: BSD-3-Clause
# bpfprobe capture from several devices at once: one file, link types mixed, in one order of
# time; what is known of each packet, as comments and as lines of JSON; and how it ends.

load lib.bash
load pcapng.bash

setup_file() {
	require tcpdump tshark capinfos mergecap jq ip
	remember_objects
	pair_setup
	kinds_setup
	export TX=bpfprobe:tp/net_dev_queue:netns=$NS_A
	export RX=bpfprobe:tp/netif_receive_skb:netns=$NS_B
	export XDP=bpfxdp:bpb0:netns=$NS_B
}

# all_said NAME: the last line, behind one for each device.
all_said() {
	[[ $(tail -n 1 "$T/$1.err") =~ ^([0-9]+)' packets captured, '([0-9]+)' received by filter, '([0-9]+)' dropped by kernel'$ ]]
	CAPTURED=${BASH_REMATCH[1]} RECEIVED=${BASH_REMATCH[2]} DROPPED=${BASH_REMATCH[3]}
}

# mixed NAME COUNT: as readable, but not by tcpdump, which takes one link type only.
mixed() {
	local file=$BATS_TEST_TMPDIR/$1.pcap n
	capinfos "$file" >"$T/info" 2>"$T/info.err"
	INFO=$(<"$T/info")
	[[ ! -s $T/info.err && $INFO =~ "Number of packets: "+"$2"$'\n' ]] || fail "$(cat "$T"/info*)"
	n=$(tshark -n -r "$file" 2>"$T/tshark.err" | wc -l)
	! grep -v "^Running as user" "$T/tshark.err" || false
	[[ $n -eq $2 ]] || fail "tshark: $n packets"
}

# merged NAME COUNT: with itself by mergecap, which then has so many packets.
merged() {
	mergecap -w "$T/merged.pcapng" "$T/$1.pcap" "$T/$1.pcap" >"$T/merge.err" 2>&1
	[[ ! -s $T/merge.err ]]
	capinfos -TMrc "$T/merged.pcapng" | tee "$T/merged"
	[[ $(<"$T/merged") == *$'\t'"$2" ]]
}

@test "several devices, each with its link type: one file, in the order of time" {
	into ours "$TX" -y RAW -i "$XDP" -i "$RX" "udp port $PORT"
	[[ $(grep -c '^bpfprobe: listening on ' "$T/ours.err") -eq 3 ]]
	send -c 50 -i 1
	stop
	all_said ours
	[[ $CAPTURED -eq 150 && $RECEIVED -eq 150 && $DROPPED -eq 0 ]]
	mixed ours 150
	[[ $INFO == *"Number of interfaces in file: 3"* ]]
	fields ours frame.interface_id frame.interface_name frame.encap_type frame.time_epoch >"$T/fields"
	[[ $(cut -f 1-3 "$T/fields" | sort | uniq -c | tr -s ' \t' ' ') == "\
 50 0 tp/net_dev_queue 7
 50 1 bpfxdp:bpb0 1
 50 2 tp/netif_receive_skb 210" ]]
	merged ours 300 || {
		# That of Wireshark 4.0 writes verdicts as queues.
		[[ $(tshark -r "$T/merged.pcapng" 2>&1) == *"queue option length 9 is not 4"* ]]
		echo "# this mergecap cannot write verdicts" >&3
	}
	# A packet is sent, received, and comes to generic XDP then.
	[[ $(cut -f 1 "$T/fields" | paste -sd ' ' | sed 's/0 2 1 */x/g') == "$(printf 'x%.0s' {1..50})" ]]
	cut -f 4 "$T/fields" | sort -cn
}

@test "without verdicts, for programs that cannot write them" {
	into ours "$XDP" --no-verdict -i "$TX" "udp port $PORT"
	send -c 5
	stop
	mixed ours 10
	[[ -z $(only frame.verdict ours) && $(only frame.comment ours) == *action=XDP_PASS* ]]
	merged ours 20
}

@test "a filter and a snapshot length for one device, or for all that follow" {
	into ours "$TX" -f "udp port $PORT" -s 60 -i "$TX" udp port $((PORT + 1))
	in_a sender -c 3 udp "$SINK" "$PORT"
	in_a sender -c 4 udp "$SINK" $((PORT + 1))
	stop
	[[ $(fields ours frame.interface_id udp.dstport | sort | uniq -c | tr -s ' \t' ' ') == "\
 3 0 $PORT
 4 1 $((PORT + 1))" ]]
	capinfos "$T/ours.pcap" >"$T/info"
	[[ $(grep "Capture length" "$T/info" | tr -s ' ') == *"= 60"*"= 262144" ]]
	[[ $(grep "Filter string" "$T/info") == *"= udp port $PORT"*"= udp port $((PORT + 1))" ]]
	capture ours bpfprobe capture -s 50 -f "udp port $PORT" -i "$TX" -i "$TX" -w "$T/ours.pcap"
	send -c 2
	stop
	[[ $(fields ours frame.interface_id frame.cap_len | sort | tr '\t\n' '  ') == "0 50 0 50 1 50 1 50 " ]]
}

@test "lost packets stand at the packet behind them" {
	into ours "$TX:pages=1" "udp port $PORT"
	kill -STOP "$PID"
	send -c 200 -s 1000
	kill -CONT "$PID"
	until_true 10 all_read
	send -c 1
	stop
	all_said ours
	readable ours "$CAPTURED"
	((DROPPED > 0 && CAPTURED + DROPPED == 201))
	[[ $(fields ours frame.drop_count | awk '{ n += $1 } END { print n }') -eq $DROPPED ]]
}

@test "JSON: a line for each packet, as it comes" {
	capture ours bpfprobe capture --json -i "$TX" -y EN10MB "udp port $PORT"
	for n in 1 2 3; do
		send -c 1 -s 100
		until_true 10 eval "[[ \$(wc -l <'$T/ours.out') -eq $n ]]"
	done
	stop
	said ours
	[[ $CAPTURED -eq 3 ]]
	jq -c 'del(.time)' "$T/ours.out" >"$T/lines"
	[[ $(sort -u "$T/lines") == "{\"device\":\"$TX\",\"probe\":\"tp/net_dev_queue\",\"direction\":\"out\",\"len\":142,\"caplen\":142,\
\"ifindex\":$(ifindex "$NS_A" bpa0),\"dev\":\"bpa0\",\"netns\":$(stat -L -c %i "/run/netns/$NS_A"),\"queue\":0,\"cpu\":"* ]]
	# It sends in its own context.
	[[ $(jq -c '[.comm, .uid, .pid == .tid]' "$T/lines" | sort -u) == '["sender",0,true]' ]]
	# Nine decimals, which jq would round off.
	grep -oE '"time":[0-9]+\.[0-9]{9},' "$T/ours.out" | tr -dc '0-9\n' >"$T/times"
	[[ $(wc -l <"$T/times") -eq 3 ]]
	sort -cn "$T/times"
	((($(tail -n 1 "$T/times") - START) / 1000000000 == 0))
}

@test "JSON and a file at once: the same packets, the fields that were chosen" {
	capture ours bpfprobe capture --json --fields=time,ifindex/action,packet -w "$BATS_TEST_TMPDIR/ours.pcap" \
		-i "$XDP" "udp port $PORT"
	send -c 20
	stop
	readable ours 20
	[[ $(jq -r '[.time, .packet] | length' "$T/ours.out" | sort -u) == 2 ]]
	[[ $(jq -c 'keys_unsorted' "$T/ours.out" | sort -u) == '["time","packet","action","ifindex"]' ]]
	diff <(jq -r .packet "$T/ours.out") <(fields ours frame.packet_id)
	diff <(grep -oE '"time":[0-9.]+' "$T/ours.out" | cut -d : -f 2) <(fields ours frame.time_epoch)
	[[ $(fields ours frame.comment | sed 's/^time=[0-9.]* packet=[0-9]* //' | sort -u) == \
		"action=XDP_PASS ifindex=$(ifindex "$NS_B" bpb0)" ]]
}

@test "a drop: why, where, and who" {
	local reason
	pair_drops
	into ours "bpfprobe:drop:netns=$NS_B" "udp port $((PORT + 1))"
	in_a sender -c 5 udp "$ADDR_B" $((PORT + 1))
	stop
	readable ours 5
	only frame.comment ours | tee "$T/comments"
	reason=$(grep -o ' reason=[A-Z_]* ' "$T/comments" | sort -u)
	if bpfprobe list --reasons >/dev/null; then
		[[ $reason == " reason=NETFILTER_DROP " ]]
	else
		[[ -z $reason ]]
	fi
	# Behind the call of nf_hook_slow() or of what is called by it, in the core or nf_tables.
	[[ $(grep -cE " location=(nf_|nft_|kfree_skb)[a-z_]+\+0x[0-9a-f]+ " "$T/comments") -eq $(wc -l <"$T/comments") ]]
	[[ $(grep -c " cpu=[0-9]* pid=[0-9]* comm=" "$T/comments") -eq $(wc -l <"$T/comments") ]]
}

@test "stacks: by which functions a packet came here" {
	into ours "bpfprobe:drop+tx:netns=$NS_B:stacktrace" -i "$TX:stacktrace:fields=stack" "udp port $((PORT + 1))"
	pair_drops
	in_a sender -c 3 udp "$ADDR_B" $((PORT + 1))
	stop
	readable ours 6
	fields ours frame.interface_name frame.comment | sed 's/\t.*stack=/\t/' >"$T/stacks"
	sed 's/,/\n\t/g' "$T/stacks"
	# From the tracepoint on, down to the system call by which it was sent, or to an interrupt.
	[[ $(grep -cE $'^tp/kfree_skb\t(sk_skb_reason_drop|kfree_skb[a-z_]*)\+0x[0-9a-f]+,' "$T/stacks") -eq 3 ]]
	[[ $(grep -cE $'^tp/kfree_skb\t.*,(ip_local_deliver|__netif_receive_skb)[a-z_]*\+0x' "$T/stacks") -eq 3 ]]
	[[ $(grep -cE $'^tp/net_dev_queue\t__dev_queue_xmit\+0x[^,]*,(ip|neigh).*,udp_sendmsg\+0x.*,entry_SYSCALL' "$T/stacks") -eq 3 ]]
	! grep -E '[\t,](bpf_|__bpf|__traceiter|0x)' "$T/stacks"
}

@test "stacks: as JSON, and of who does not ask for them none" {
	capture ours bpfprobe capture --json -i "$TX:stacktrace" -i "$TX" "udp port $PORT"
	send -c 2
	stop
	[[ $(jq -c '[.device, (.stack | type)]' "$T/ours.out" | sort -u) == "\
[\"$TX\",\"null\"]
[\"$TX:stacktrace\",\"array\"]" ]]
	# Who cannot write them captures all the same.
	run -0 pcaploop -i "$TX:stacktrace" activate
}

@test "mark and queue" {
	in_a nft "table ip marks { chain output { type filter hook output priority 0; udp dport $PORT meta mark set 0x1234; }; }"
	defer in_a nft delete table ip marks
	into ours "$TX" -i "$XDP" "udp port $PORT"
	send -c 5
	stop
	fields ours frame.interface_name frame.interface_queue frame.comment | tee "$T/fields"
	[[ $(sed 's/probe=.* \(mark=\)/\1/; s/probe=.*//' "$T/fields" | sort | uniq -c | tr -s ' \t' ' ' | sed 's/ $//') == "\
 5 bpfxdp:bpb0 0
 5 tp/net_dev_queue 0 mark=0x1234" ]]
}

@test "the fields of one device" {
	into ours "$TX:fields=direction/ifindex" -i "$XDP" --fields=action "udp port $PORT"
	send -c 3
	stop
	[[ $(fields ours frame.interface_id frame.comment | sort -u | tr '\t' ' ') == "\
0 direction=out ifindex=$(ifindex "$NS_A" bpa0)
1 action=XDP_PASS" ]]
	run -1 bpfprobe capture -i "$TX:fields=nosuch" -w "$BATS_TEST_TMPDIR/none"
	[[ $output == 'bpfprobe: unknown field "nosuch"; there are '* && ! -e $BATS_TEST_TMPDIR/none ]]
	# Who cannot write them captures all the same.
	run -0 pcaploop -i "$TX:fields=reason/comm" activate
}

@test "nobody asks for metadata that is in no field" {
	into ours "$TX" --fields=probe,ifindex
	send -c 3
	stop
	[[ $(fields ours frame.comment frame.interface_queue | sort -u | tr '\t' ' ') == \
		"probe=tp/net_dev_queue ifindex=$(ifindex "$NS_A" bpa0) " ]]
}

@test "JSON into a pipe that is closed: an end in order" {
	background ours bash -c 'bpfprobe capture --json -i "$1" "udp port $2" 2>"$3" | head -n 2
		echo "status ${PIPESTATUS[0]}"' bash "$TX" "$PORT" "$BATS_TEST_TMPDIR/tool.err"
	started "$T/tool.err" "istening on"
	send -c 2
	wait_exit "$PID" 10
	[[ $(tail -n 1 "$T/ours.out") == "status 0" && $(wc -l <"$T/ours.out") -eq 3 ]]
	[[ $(sed 1d "$T/tool.err") == "2 packets captured, 2 received by filter, 0 dropped by kernel" ]]
}

@test "JSON that nothing takes: said once" {
	background ours bash -c 'exec bpfprobe capture --json -i "$1" "udp port $2" >/dev/full' bash "$TX" "$PORT"
	started "$T/ours.err" "istening on"
	send -c 2
	local status=0
	wait_exit "$PID" 10 || status=$?
	[[ $status -eq 1 && $(sed -n 2p "$T/ours.err") == "bpfprobe: cannot write: No space left on device" ]]
	[[ $(wc -l <"$T/ours.err") -eq 3 ]]
}

@test "-a duration: so long" {
	local from=${EPOCHREALTIME/./}
	run -0 --separate-stderr bpfprobe capture -i "$TX" -a duration:1.5 -w "$BATS_TEST_TMPDIR/ours.pcap"
	from=$(((${EPOCHREALTIME/./} - from) / 1000))
	echo "$from ms"
	((from >= 1500 && from < $(scaled 4000 60000)))
}

@test "on a terminal: how it gets on, in one line that is gone at the end" {
	background ours script -qefc "exec bpfprobe capture -i $TX -w $BATS_TEST_TMPDIR/ours.pcap -c 11 udp port $PORT" \
		"$BATS_TEST_TMPDIR/screen"
	started "$T/screen" "istening on"
	send -c 10 -s 100
	wait_for_line "$T/screen" "10 packets, 1480 bytes, 0 lost"
	send -c 1
	wait_exit "$PID"
	# The last thing that is done to it is to write over it.
	[[ $(<"$T/screen") =~ $'\r'[0-9]+" packets, "[0-9]+" bytes, 0 lost"$'\r'?" "+$'\r'"11 packets captured, " ]]
	background ours script -qefc "exec bpfprobe capture -q -i $TX -w $BATS_TEST_TMPDIR/ours.pcap -c 1 udp port $PORT" \
		"$BATS_TEST_TMPDIR/screen"
	until_true 20 eval '[[ -n $(new_links) ]]'
	sleep 1.5
	send -c 1
	wait_exit "$PID"
	[[ $(<"$T/screen") != *packets* ]]
}

@test "an end by one device is the end of all, and the file is whole" {
	ip -n "$NS_B" link add bpx0 type veth peer name bpx1
	ip -n "$NS_B" link set bpx0 up
	into ours "$TX" -i "bpfxdp:bpx0:netns=$NS_B" "udp port $PORT"
	send -c 5
	ip -n "$NS_B" link del bpx0
	local status=0
	wait_exit "$PID" || status=$?
	[[ $status -eq 1 && $(<"$T/ours.err") == *'bpfprobe: interface "bpx0" has disappeared'* ]]
	mixed ours 5
	[[ $(grep -c "Number of stat entries = 1" <<<"$INFO") -eq 2 ]]
}

@test "a full disk: the file ends with a whole packet, whatever device it is of" {
	local full=$BATS_TEST_TMPDIR/full status=0
	mkdir "$full"
	mount -t tmpfs -o size=64k none "$full"
	defer umount "$full"
	capture ours bpfprobe capture -w "$full/x" -i "$TX" -i "$XDP" "udp port $PORT"
	send -c 200 -i 1 -s 1000
	wait_exit "$PID" || status=$?
	[[ $status -eq 1 && $(<"$T/ours.err") == *"bpfprobe: cannot write \"$full/x\": No space left on device"* ]]
	all_said ours
	cp "$full/x" "$T/ours.pcap"
	((CAPTURED > 30 && CAPTURED < 100))
	mixed ours "$CAPTURED"
}

@test "what is wrong is said in one line" {
	local words
	run -2 bpfprobe capture -i "$TX" -a duration:x
	[[ $output == 'bpfprobe: option -a "duration:x": duration:SECONDS is expected' ]]
	for words in duration:0 duration: 5 duration:1s packets:3 duration:-1 duration:nan; do
		run -2 bpfprobe capture -i "$TX" -a "$words"
		[[ $output == *'duration:SECONDS is expected' ]]
	done
	run -2 bpfprobe capture -i "$TX" --fields=time,nosuch
	[[ $output == 'bpfprobe: unknown field "nosuch"; there are time, device, '* ]]
	run -2 bpfprobe capture -i "$TX" --json -w -
	[[ $output == 'bpfprobe: standard output is for --json: name a file, not "-w -"; see bpfprobe --help' ]]
	words=$(printf -- '-i x%.0s ' {1..17})
	# shellcheck disable=SC2086 # words
	run -2 bpfprobe capture $words
	[[ $output == 'bpfprobe: a capture has at most 16 devices' ]]
	run -1 bpfprobe capture -i "$TX" -i bpfprobe:dorp -w "$BATS_TEST_TMPDIR/none"
	[[ $output == *'"dorp"'* && ! -e $BATS_TEST_TMPDIR/none ]]
}

@test "nothing is left behind" {
	nothing_left
}
