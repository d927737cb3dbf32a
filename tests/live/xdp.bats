# SPDX-License-Identifier: BSD-3-Clause
# Functions that are given an XDP packet, a struct xdp_buff: by fentry, where the kernel
# copies it, and by kprobe.

load lib.bash

setup_file() {
	require tcpdump bpftool jq
	remember_objects
	pair_setup
	kinds_setup xdp_do_redirect
	frags_setup bpb0
	if [[ -n $FRAGS ]]; then
		ip -n "$NS_A" link set bpa0 mtu 9000
		ip -n "$NS_B" link set bpb0 mtu 9000
	else
		in_b xdpback native bpb0
	fi
}

# at NAME TARGET [ARG...]: a capture into NAME.pcap, in B.
at() {
	capture "$1" tcpdump -n -w "$BATS_TEST_TMPDIR/$1.pcap" -i "bpfprobe:$2:netns=$NS_B" "${@:3}"
}

# same_as_sent KIND: in each link type, large packets among them; what is not asked for stays in the kernel.
same_as_sent() {
	local link sizes=(16 1000 1472) check
	[[ -z $FRAGS ]] || sizes+=(4000 8972)
	for link in EN10MB LINUX_SLL2 RAW; do
		at sent "$1/xdp_do_redirect" -y $link "udp port $PORT"
		[[ $(programs) == "$2" ]]
		in_a sender -c 3 udp "$SINK" $((PORT + 1))
		send_numbered "${sizes[@]}"
		emitted "$SENT"
		stop
		check=(-l "$link" -t 0800 -a "$ADDR_A,$SINK" -p "$PORT")
		[[ $link != EN10MB ]] || check+=(-m "$MAC_A,$MAC_B")
		[[ $link != LINUX_SLL2 ]] || check+=(-m "$MAC_A" -d in -I $((0x40000000 + $(ifindex "$NS_B" bpb0))))
		verify "${check[@]}" -e 0:0-$((SENT - 1)) -w "0:$END" "$T/sent.pcap"
	done
}

@test "by fentry: the bytes that were sent, in all link types, filtered in the kernel" {
	need fentry
	same_as_sent fentry tracing
}

@test "by kprobe: the same" {
	need kprobe
	same_as_sent kprobe kprobe
}

@test "a short snapshot length, and len=" {
	local kind len
	for kind in fentry kprobe; do
		need $kind
		at short $kind/xdp_do_redirect -y EN10MB -s 64 "udp port $PORT"
		send -c 4 -s 1400
		emitted 4
		stop
		verify -l EN10MB -e 0:0-3 -z 1400 -n 64 "$T/short.pcap"
		# Beyond len= there is nothing to look at.
		for len in 86 87; do
			at short $kind/xdp_do_redirect:len=$len "udp port $PORT and (udp[66] < 128 or udp[66] > 127)"
			send -c 4 -s 1400
			sleep 1
			emitted $(((len - 86) * 4))
			stop
		done
	done
}

@test "a filter that looks into fragments is decided in the kernel" {
	local kind
	need_frags
	for kind in fentry kprobe; do
		need $kind
		at frags $kind/xdp_do_redirect -s 96 \
			"udp port $PORT and udp[6008] == $(payload 6000) and udp[8007] == $(payload 7999)"
		in_a frags -c 3 -s 8000 bpa0 "$MAC_A" "$MAC_B" "$ADDR_A" "$SINK" "$PORT" 14 42 60
		in_a frags -c 3 -s 8000 bpa0 "$MAC_A" "$MAC_B" "$ADDR_A" "$SINK" $((PORT + 1)) 60
		emitted 9
		stop
		at frags $kind/xdp_do_redirect "udp[6008] == 1 + $(payload 6000) or udp[8008] == 0 or udp port 7"
		in_a frags -c 3 -s 8000 bpa0 "$MAC_A" "$MAC_B" "$ADDR_A" "$SINK" "$PORT" 14 42 60
		sleep 1
		emitted 0
		stop
	done
}

# sees N OPTIONS: so many of four packets.
sees() {
	capture where tcpdump -n -i "bpfprobe:xdp_do_redirect:$2" "udp port $PORT"
	send -c 4
	sleep 1
	emitted "$1"
	stop
}

@test "dev= and netns=" {
	need fentry
	sees 4 "netns=$NS_B:dev=bpb0"
	sees 0 "netns=$NS_B:dev=lo"
	sees 0 "netns=$NS_A"
	sees 4 "netns=inode/$(stat -L -c %i "/run/netns/$NS_B")"
}

@test "as they are, with proto=" {
	need fentry
	at asis xdp_do_redirect:proto=EN10MB "udp port $PORT"
	send -c 2 -s 900
	emitted 2
	stop
	verify -l EN10MB -e 0:0-1 -z 900 -m "$MAC_A,$MAC_B" "$T/asis.pcap"
}

# all_emitted N PROCESS...: as emitted, of each of these captures, which end then.
all_emitted() {
	for PID in "${@:2}"; do
		emitted "$1"
		stop
	done
}

@test "a function of a module" {
	need fentry
	[[ -e /sys/kernel/btf/veth ]] || skip "the kernel has no BTF of modules"
	in_b ip link set dev bpb0 xdp off
	defer in_b ip link set dev bpb0 xdp off
	in_b xdpback -f -t native bpb0
	at fentry fentry/veth_xdp_tx -y EN10MB "udp port $PORT"
	local first=$PID
	at kprobe kprobe/veth_xdp_tx -y EN10MB "udp port $PORT"
	send -c 3 -s 700
	all_emitted 3 "$first" "$PID"
	verify -e 0:0-2 -z 700 "$T/fentry.pcap"
	verify -e 0:0-2 -z 700 "$T/kprobe.pcap"
}

# What the test before has taken away.
back_again() {
	in_b ip link set dev bpb0 xdp off
	in_b ip link set dev bpb0 xdpgeneric off
	in_b xdpback ${FRAGS:+-f} "$1" bpb0
}

@test "of an sk_buff and an xdp_buff the sk_buff is taken; argN chooses" {
	need fentry
	need kprobe
	ip -n "$NS_A" link set bpa0 mtu 1500
	back_again generic
	at skb xdp_do_generic_redirect -y EN10MB "udp port $PORT"
	local first=$PID second
	at fentry fentry/xdp_do_generic_redirect:arg3 -y EN10MB "udp port $PORT"
	second=$PID
	at kprobe kprobe/xdp_do_generic_redirect:arg3 -y EN10MB "udp port $PORT"
	send -c 3 -s 800
	all_emitted 3 "$first" "$second" "$PID"
	verify -e 0:0-2 -z 800 "$T/skb.pcap"
	same_captures skb fentry
	same_captures skb kprobe
	[[ $(bpfprobe show --json bpfprobe:xdp_do_generic_redirect | jq -c '.targets[0] | [.argument, .form]') == \
		'[2,"packet"]' ]]
	[[ $(bpfprobe show --json bpfprobe:xdp_do_generic_redirect:arg3 |
		jq -c '.targets[0] | [.argument, .form, .copied_by]') == '[3,"xdp","kernel"]' ]]
}

@test "an xdp_buff that is not made yet: no program of the kernel's copies it" {
	local name
	need kprobe
	back_again generic
	name=bpf_prog_run_generic_xdp
	grep -q " $name$" /proc/kallsyms || name=netif_receive_generic_xdp
	run -1 pcaploop -i "bpfprobe:fentry/$name:arg2" activate
	echo "$output"
	[[ $output == *"the packet of function \"$name\" can be had by kprobe/ only"* ]]
	at early "$name:arg2"
	[[ $(programs) == kprobe ]]
	send -c 20 -s 500
	stop
	# What is found there, if anything, is chance; each time it was a packet, lost or none.
	counts "$T/early.err"
	((RECEIVED + DROPPED <= 20))
}

@test "a pattern has both" {
	need kprobe
	back_again native
	capture both tcpdump -n -l -i "bpfprobe:kprobe/xdp_do_*redirect:netns=$NS_B" "udp port $PORT"
	[[ $(programs) == kprobe ]]
	send -c 2 -s 600
	until_true 20 eval '[[ $(grep -c "length 600" "$T/both.out") -eq 2 ]]'
	emitted 2
	stop
}

@test "show says what it is" {
	need fentry
	[[ $(bpfprobe show --json bpfprobe:xdp_do_redirect |
		jq -c '.targets[0] | [.kind, .argument, .form, .direction, .copied_by]') == \
		'["fentry",2,"xdp","in","kernel"]' ]]
	run -0 bpfprobe show bpfprobe:kprobe/xdp_do_redirect
	[[ $output == *"packet    argument 2, of XDP"*"copied by program"* ]]
}

@test "nothing is left behind" {
	nothing_left
}
