# SPDX-License-Identifier: BSD-3-Clause
# Loaded BPF programs of other types: tc, cgroup, socket filter.  actions.bpf.c says what
# becomes of the numbered packets: of 8, numbers 1 and 6 are shot; 4 and 6 get another TTL.

load lib.bash

setup_file() {
	require tcpdump tshark clang bpftool tc
	pair_setup
	export OBJECT=$BATS_FILE_TMPDIR/actions.o
	compile "$TOP/tests/live/actions.bpf.c" "$OBJECT"
	kinds_setup # a BPF program is entered and left as a function is
	remember_objects
}

setup() {
	need fentry
}

# tc_program ingress|egress: sets ID.
tc_program() {
	in_b tc qdisc add dev bpb0 clsact
	defer in_b tc qdisc del dev bpb0 clsact
	in_b tc filter add dev bpb0 "$1" bpf da obj "$OBJECT" sec tc
	ID=$(bpftool prog | awk '/ name actions_of_tc/ { print $1 + 0 }')
}

# at NAME DEVICE [ARG...]: into NAME.pcap.
at() {
	capture "$1" tcpdump -w "$BATS_TEST_TMPDIR/$1.pcap" -i "bpfprog:$2" "${@:3}"
}

@test "tc: entry and exit, the bytes that were sent" {
	tc_program ingress
	at in "id/$ID:entry" "udp port $PORT"
	send -c 16 -s mixed:1400
	emitted 16
	stop
	verify -l LINUX_SLL2 -t 0800 -m "$MAC_A" -d in -I "$(foreign "$NS_B" bpb0)" -e 0:0-15 -z mixed:1400 -w "0:$END" "$T/in.pcap"
	at out "id/$ID:exit" -y EN10MB "udp port $PORT"
	send -c 16 -s mixed:1400
	emitted 16
	stop
	verify -l EN10MB -t 0800 -m "$MAC_A,$MAC_B" -e 0:0-15 -z mixed:1400 "$T/out.pcap"
	[[ $(fields out ip.ttl | tr '\n' ' ') == "64 64 64 64 7 64 7 64 64 64 64 64 7 64 7 64 " ]]
}

@test "tc: what it says of a packet, by name and by number" {
	tc_program ingress
	at one "name/actions_of_tc:exit:action=SHOT" "udp port $PORT"
	send -c 16
	emitted 4
	stop
	[[ $(got one) == "1 6 9 14 " ]]
	at one "id/$ID:exit:action=TC_ACT_UNSPEC/PIPE" "udp port $PORT"
	send -c 16
	emitted 4
	stop
	[[ $(got one) == "2 3 10 11 " ]]
	at one "id/$ID:exit:ret=not/0/-1/3" "udp port $PORT"
	send -c 16
	emitted 4
	stop
	[[ $(got one) == "1 6 9 14 " ]]
	at one "id/$ID:entry:ret=2" "udp port $PORT"
	send -c 16
	until_true 20 all_read
	stop
	[[ $(got one) == "1 6 9 14 " && $(fields one ip.ttl | sort -u) == 64 ]]
}

@test "tc: large packets in fragments, on their way out" {
	tc_program egress

	ip -n "$NS_B" neigh add "$SINK" lladdr "$MAC_A" dev bpb0
	at large "id/$ID:entry" -y EN10MB "udp port $PORT"
	in_b sender -c 4 -s 1400 udp "$SINK" "$PORT"
	emitted 4
	stop
	verify -l EN10MB -m "$MAC_B,$MAC_A" -e 0:0-3 -z 1400 "$T/large.pcap"
	serve "$PORT"
	at large "id/$ID:entry:len=200" "tcp port $PORT"
	head -c 300000 /dev/zero | in_a busybox nc -w 2 "$ADDR_B" "$PORT" >/dev/null
	# The answers are small, but there are some.
	until_true 10 eval '[[ $(sum emitted) -gt 3 && $(sum lost) -eq 0 ]]'
	stop
}

@test "by tag and by pin; dev= and netns=" {
	local tag bpf=$BATS_TEST_TMPDIR/bpf
	tc_program ingress
	tag=$(bpftool prog show id "$ID" | sed -n 's/.* tag \([0-9a-f]*\) .*/\1/p')
	mkdir "$bpf"
	mount -t bpf bpf "$bpf"
	defer umount "$bpf"
	bpftool prog pin id "$ID" "$bpf/my program"
	at one "tag/$tag:entry" "udp port $PORT"
	send -c 4
	emitted 4
	stop
	at one "pin/${bpf//:/%3a}/my%20program:entry:dev=bpb0:netns=$NS_B" "udp port $PORT"
	send -c 4
	emitted 4
	stop
	at one "id/$ID:netns=$NS_A" "udp port $PORT"
	send -c 4
	sleep 1
	emitted 0
	stop
	rm "$bpf/my program"
}

@test "a packet without its MAC header: cgroup_skb" {
	local cgroup=/sys/fs/cgroup
	[[ -e $cgroup/cgroup.procs ]] || cgroup=/sys/fs/cgroup/unified
	[[ -e $cgroup/cgroup.procs ]] || { cgroup=$BATS_TEST_TMPDIR/cgroup && mkdir "$cgroup" && mount -t cgroup2 none "$cgroup" && defer umount "$cgroup"; }
	cat >"$BATS_TEST_TMPDIR/cg.bpf.c" <<-END
		#include <linux/bpf.h>
		#include <bpf/bpf_helpers.h>
		SEC("cgroup_skb/egress") int all_of_cgroup(struct __sk_buff *skb) { return skb->len > 0; }
		char _license[] SEC("license") = "GPL";
	END
	compile "$BATS_TEST_TMPDIR/cg.bpf.c" "$BATS_TEST_TMPDIR/cg.o"
	local bpf=$BATS_TEST_TMPDIR/bpf
	mkdir "$bpf"
	mount -t bpf bpf "$bpf"
	defer umount "$bpf"
	bpftool prog load "$BATS_TEST_TMPDIR/cg.o" "$bpf/p"
	bpftool cgroup attach "$cgroup" egress pinned "$bpf/p"
	defer bpftool cgroup detach "$cgroup" egress pinned "$bpf/p"
	at one "name/all_of_cgroup:exit:ret=1:netns=$NS_A" "udp port $PORT"
	send -c 4
	emitted 4
	stop
	verify -l LINUX_SLL2 -t 0800 -e 0:0-3 -d out "$T/one.pcap"
	at one "name/all_of_cgroup:exit:netns=$NS_A" -y RAW "udp port $PORT"
	send -c 4 -s 900
	emitted 4
	stop
	verify -l RAW -e 0:0-3 -z 900 "$T/one.pcap"
	run tcpdump -i bpfprog:name/all_of_cgroup:action=OK
	[[ $output == *"actions of programs of this type have no names; ret= takes numbers"* ]]
	bpftool cgroup detach "$cgroup" egress pinned "$bpf/p"
}

@test "what is no such program is told" {
	run tcpdump -i bpfprog:id/4294967295
	[[ $output == *"there is no BPF program with number 4294967295; see bpftool prog list"* ]]
	run tcpdump -i bpfprog:name/nosuchprogram
	[[ $output == *'no BPF program with name "nosuchprogram"; see bpftool prog list'* ]]
	run tcpdump -i bpfprog:pin//proc/self/stat
	[[ $output == *'pin "/proc/self/stat": '*'; a program pinned in a bpf file system is expected'* ]]
	# Of another type: one of our own.
	capture other tcpdump -i bpfprobe:rx
	local id
	id=$(bpftool prog | awk '/ name bpfprobe_dispat/ { print $1 + 0; exit }')
	run tcpdump -i "bpfprog:id/$id"
	[[ $output == *"BPF program $id \"bpfprobe_dispat\" is no program that is given packets, its type is tracing"* ]]
	stop
	tc_program ingress
	run tcpdump -i "bpfprog:id/$ID:action=DROP"
	[[ $output == *"action=: BPF program $ID \"actions_of_tc\" can say REDIRECT, UNSPEC, OK, RECLASSIFY, SHOT, PIPE, STOLEN, QUEUED, REPEAT, TRAP only"* ]]
	public_copy
	run setpriv --reuid=65534 --regid=65534 --clear-groups "${AS[@]}" pcaploop -i "bpfprog:id/$ID" activate
	echo "$output"
	[[ $output == *"only root may look into BPF programs"* ]]
}

@test "nothing is left behind" {
	nothing_left
}
