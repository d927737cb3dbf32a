# SPDX-License-Identifier: BSD-3-Clause
# Link type PFLOG: why, where, in which direction, and by whom packets are dropped or passed on.

load lib.bash
load member.bash
load pcapng.bash

setup_file() {
	require tcpdump tshark ip nft bpftool setpriv setcap unshare nsenter
	pair_setup
	pair_drops
	# What A sends to the third port does not leave it.
	in_a nft "table inet t { chain output { type filter hook output priority 0; udp dport $((PORT + 2)) drop; }; }"
	remember_objects
	reasons_setup
}

# reasons_setup: REASONS, if this kernel has drop reasons, else the functions that drop packets.
reasons_setup() {
	export REASONS='' NETFILTER=nf_hook_slow CLOSED=udp4_lib_rcv NUMBER_OF_NETFILTER=0 NUMBER_OF_CLOSED=0
	bpfprobe list --reasons >"$BATS_FILE_TMPDIR/reasons" 2>/dev/null || return 0
	REASONS=1 NETFILTER=NETFILTER_DROP CLOSED=NO_SOCKET
	NUMBER_OF_NETFILTER=$(number_of $NETFILTER) NUMBER_OF_CLOSED=$(number_of $CLOSED)
}

number_of() { # RULESET
	awk -v name="$1" '$2 == name { print $1 }' "$BATS_FILE_TMPDIR/reasons"
}

# pflog NAME DEVICE [tcpdump options and filter]: a capture with that header, as text.
pflog() {
	capture "$1" tcpdump -enl -y PFLOG -i "$2" "${@:3}"
}

# sent_udp PORT: one packet from A to B; what is dropped at once is an error for its sender.
sent_udp() {
	in_a sender -c 1 udp "$ADDR_B" "$1" &>/dev/null || :
}

# text NAME: of its first packet, what stands in front of the addresses.
text() {
	sed -n '1s/^[0-9:.]* \(.*\): [0-9a-f:.]* > .*/\1/p' "$T/$1.out"
}

# function_that_drops: the one that is told the reason.
function_that_drops() {
	local function
	for function in sk_skb_reason_drop kfree_skb_reason; do
		! pcaploop -i "bpfprobe:kprobe/$function" activate >/dev/null 2>&1 || break
	done
	echo "$function"
}

@test "functions of a pattern: none is told another's drop reason" {
	local function
	[[ -n $REASONS ]] || skip "this kernel has no drop reasons (5.17)"
	kinds_setup
	need kprobe
	function=$(function_that_drops)
	# It has the reason where the other has an address.
	pflog pattern "bpfprobe:kprobe/${function%?}?+kprobe/nf_hook_slo?:netns=$NS_B" "udp dst port $((PORT + 1))"
	sent_udp $((PORT + 1))
	until_true 10 has_text "$T/pattern.out" "rule "
	stop
	cat "$T/pattern.out"
	[[ $(wc -l <"$T/pattern.out") -ge 1 ]]
	! grep UNKNOWN "$T/pattern.out"
}

@test "all devices offer it" {
	local device
	for device in bpfprobe:drop bpfprobe:tx+rx bpfxdp:lo; do
		run -0 tcpdump -L -i "$device"
		echo "$output"
		[[ $output == *"PFLOG (OpenBSD pflog file)"* ]]
	done
	run -0 bpfprobe show bpfprobe:drop
	[[ $output == *"PFLOG"* ]]
}

@test "a packet that nftables drops: why, where, in which direction" {
	pflog dump bpfprobe:drop -c 1 "udp port $((PORT + 1))"
	sent_udp $((PORT + 1))
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule $NUMBER_OF_NETFILTER.$NETFILTER.0/0(match): block in on bpb0" ]]
	pflog dump bpfprobe:drop -c 1 "udp port $((PORT + 2))"
	sent_udp $((PORT + 2))
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule $NUMBER_OF_NETFILTER.$NETFILTER.0/0(match): block out on bpa0" ]]
}

@test "a port where nobody listens" {
	pflog dump bpfprobe:drop -c 1 "udp port $((PORT + 3)) and host $ADDR_B"
	sent_udp $((PORT + 3))
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule $NUMBER_OF_CLOSED.$CLOSED.0/0(match): block in on bpb0" ]]
}

# What it says is acknowledged, but the acknowledgement does not arrive: it comes again.
@test "data that TCP drops, when they do not point to their device any more" {
	[[ $(bpfprobe list tp/kfree_skb) == *"struct sock *"* ]] || skip "the tracepoint has no socket before Linux 6.11"
	pflog dump bpfprobe:drop -c 1 "tcp dst port $PORT and on bpb0"
	serve "$PORT"
	in_b nft "table inet s { chain output { type filter hook output priority 0
		tcp sport $PORT tcp flags & (syn | fin | rst) == 0 drop; }; }"
	defer in_b nft delete table inet s
	in_a bash -c "exec 3<>/dev/tcp/$ADDR_B/$PORT && echo again >&3 && sleep $(scaled 1.5 4)"
	until_true 10 test -s "$T/dump.out"
	cat "$T/dump.out"
	[[ $(text dump) == "rule $(number_of TCP_OLD_DATA).TCP_OLD_DATA.0/0(match): block in on bpb0" ]]
}

# passes COUNT FILTER: so many of two packets that are dropped in B are let pass.
passes() {
	pflog dump "bpfprobe:drop:netns=$NS_B" "udp and host $ADDR_B and ($2)"
	sent_udp $((PORT + 1))
	sent_udp $((PORT + 3))
	until_true 10 all_read
	read -r EMITTED FILTERED <<<"$(sum emitted filtered)"
	stop
	echo "$2: $EMITTED records, $FILTERED filtered in user space"
	cat "$T/dump.out"
	[[ $(grep -c "^[0-9]" "$T/dump.out") -eq $1 ]]
}

@test "filters that ask for what is in the header run in the kernel" {
	local filter n
	while IFS=: read -r n filter; do
		[[ -n $n ]] || continue
		passes "$n" "$filter"
		# The name of a function is not known there.
		[[ -z $REASONS && $filter == *ruleset* ]] || [[ $EMITTED -eq $n && $FILTERED -eq 0 ]]
	done <<-END
		2:action block
		0:action pass
		1:ruleset $NETFILTER
		1:ruleset $CLOSED
		1:not ruleset $NETFILTER and dst port $((PORT + 3))
		2:on bpb0
		0:on bpa0 or outbound
		2:inbound and action block and reason match
		1:srnr 0 and dst port $((PORT + 1))
		$([[ -z $REASONS ]] || echo "1:rnr $NUMBER_OF_NETFILTER")
	END
}

@test "IPv6 too, also for filters" {
	pair_ipv6
	ip -n "$NS_A" neigh add $ADDR6_B lladdr $MAC_B dev bpa0
	pflog dump bpfprobe:drop -c 1 "ip6 and udp port $((PORT + 1))"
	in_a sender -c 1 udp "$ADDR6_B" $((PORT + 1)) >/dev/null
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule $NUMBER_OF_NETFILTER.$NETFILTER.0/0(match): block in on bpb0" ]]
	[[ $(<"$T/dump.out") == *" $ADDR6_A."*" > $ADDR6_B.$((PORT + 1)): UDP"* ]]
}

@test "elsewhere the ruleset is the probe, and its number the rule's" {
	pflog dump bpfprobe:tx+rx -c 2 "udp port $((PORT + 3)) and host $ADDR_B"
	sent_udp $((PORT + 3))
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule 0.net_dev_queue.0/0(match): pass out on bpa0" ]]
	# Of the second no longer one than its 15 characters.
	[[ $(<"$T/dump.out") == *"rule 1.netif_recei_skb.1/0(match): pass in on bpb0: "* ]]
	pflog dump bpfprobe:tx+rx -c 1 "srnr 1 and udp port $((PORT + 3)) and ruleset netif"
	sent_udp $((PORT + 3))
	wait_exit $PID
	[[ $(<"$T/dump.out") == *"rule 1.netif_recei_skb.1/0(match): pass in on bpb0: "* ]]
}

@test "our own XDP program: its action, and the interface" {
	pflog dump "bpfxdp:bpb0:netns=$NS_B" -c 1 "on bpb0 and ruleset XDP_PASS and udp"
	sent_udp $((PORT + 3))
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule 2.XDP_PASS.0/0(match): pass in on bpb0" ]]
}

@test "an XDP program that drops, and one of tc" {
	kinds_setup
	need fentry
	compile "$TOP/tests/live/actions.bpf.c" "$BATS_TEST_TMPDIR/actions.o"
	in_b ip link set dev bpb0 xdpdrv obj "$BATS_TEST_TMPDIR/actions.o" sec xdp
	defer in_b ip link set dev bpb0 xdpdrv off
	pflog dump "bpfxdp:bpb0:netns=$NS_B:exit" -c 1 "action block and udp port $PORT and inbound"
	send -c 8
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule 1.XDP_DROP.0/0(match): block in on bpb0" ]]
	in_b ip link set dev bpb0 xdpdrv off
	in_b tc qdisc add dev bpb0 clsact
	defer in_b tc qdisc del dev bpb0 clsact
	in_b tc filter add dev bpb0 ingress bpf da obj "$BATS_TEST_TMPDIR/actions.o" sec tc
	pflog dump "bpfprog:name/actions_of_tc:exit" -c 1 "action block and udp port $PORT"
	send -c 8
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule 2.TC_ACT_SHOT.0/0(match): block in on bpb0" ]]
}

@test "what is not IP is there with its MAC header, of the address family 0" {
	capture dump tcpdump -y PFLOG -i bpfprobe:tx -c 1 -w "$BATS_TEST_TMPDIR/arp.pcap" \
		"link[1] = 0 and on bpa0 and link[76:2] = 0x0806"
	in_a sender -c 1 udp 10.77.0.77 "$PORT" >/dev/null
	wait_exit $PID
	run -0 tcpdump -enr "$BATS_TEST_TMPDIR/arp.pcap"
	echo "$output"
	[[ $output == *"rule 0.net_dev_queue.0/0(match): pass out on bpa0: "* && $output == *"0x0000:  ffff ffff ffff 0200 0000 770a 0806 0001"* ]]
}

@test "tshark and tcpdump read the same, of whom it is, too" {
	capture dump tcpdump -y PFLOG -i bpfprobe:drop:uid=4711:comm=sender -c 1 -w "$BATS_TEST_TMPDIR/dump.pcap" "udp port $((PORT + 2))"
	sent_udp $((PORT + 2))
	in_a setpriv --reuid=4711 --clear-groups bash -c 'echo $$; exec "$@"' bash \
		sender -c 1 udp "$ADDR_B" $((PORT + 2)) >"$T/sender" 2>&1 || :
	wait_exit $PID
	run fields dump pflog.length pflog.af pflog.action pflog.reason pflog.ifname pflog.ruleset pflog.rulenr \
		pflog.subrulenr pflog.uid pflog.pid pflog.rule_pid pflog.dir ip.dst
	echo "$output"
	[[ $output == "61	2	1	0	bpa0	$NETFILTER	$NUMBER_OF_NETFILTER	0	4711	$(head -n 1 "$T/sender")	0	2	$ADDR_B" ]]
	# Above the device layer it has no interface's number yet. The namespace's is one with a sign.
	[[ $(($(fields dump pflog.rule_uid) & 0xffffffff)) -eq $(stat -L -c %i "/run/netns/$NS_A") ]]
}

@test "at a raw tracepoint, and by kprobe and fentry" {
	local kind
	pflog dump bpfprobe:rawtp/kfree_skb -c 1 "udp port $((PORT + 2)) and on bpa0 and action block"
	sent_udp $((PORT + 2))
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule $NUMBER_OF_NETFILTER.$NETFILTER.0/0(match): block out on bpa0" ]]
	kinds_setup
	for kind in fentry kprobe; do
		need $kind
		pflog dump "bpfprobe:$kind/ip_rcv:netns=$NS_B" -c 1 "on bpb0 and ruleset ip_rcv and udp port $((PORT + 3))"
		sent_udp $((PORT + 3))
		wait_exit $PID
		cat "$T/dump.out"
		[[ $(text dump) == "rule 0.ip_rcv.0/0(match): pass in on bpb0" ]]
	done
}

@test "the drop reason of a function" {
	local function
	[[ -n $REASONS ]] || skip "this kernel has no drop reasons (5.17)"
	kinds_setup
	need kprobe
	function=$(function_that_drops)
	pflog dump "bpfprobe:kprobe/$function" -c 1 "udp port $((PORT + 2)) and ruleset $NETFILTER"
	sent_udp $((PORT + 2))
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule $NUMBER_OF_NETFILTER.$NETFILTER.0/0(match): block out on bpa0" ]]
}

@test "only what a function returned" {
	kinds_setup
	need fentry
	pflog dump "bpfprobe:fexit/nf_hook_slow:ret=-1:netns=$NS_B" -c 1 "udp and on bpb0"
	sent_udp $((PORT + 3))
	sent_udp $((PORT + 1))
	wait_exit $PID
	cat "$T/dump.out"
	[[ $(text dump) == "rule 0.nf_hook_slow.0/0(match): pass in on bpb0" && $(<"$T/dump.out") == *".$((PORT + 1)): UDP"* ]]
}

@test "bpfprobe capture: beside another link type, in one file, and with fields" {
	into dump "bpfprobe:drop:netns=$NS_B:fields=dev/comm" -y PFLOG -f "udp port $((PORT + 1)) and action block" \
		-i "bpfprobe:rx:netns=$NS_B:fields=dev" -y RAW -f "udp port $((PORT + 1))"
	sent_udp $((PORT + 1))
	stop
	run -0 fields dump frame.interface_name pflog.ruleset pflog.ifname pflog.dir frame.comment ip.dst
	echo "$output"
	[[ ${#lines[@]} -eq 2 && ${lines[0]} == $'tp/netif_receive_skb\t\t\t\tdev=bpb0\t'"$ADDR_B" ]]
	[[ ${lines[1]} == $'tp/kfree_skb\t'"$NETFILTER"$'\tbpb0\t1\tdev=bpb0 comm='*$'\t'"$ADDR_B" ]]
	! grep -v '^Running as user' <(tshark -r "$T/dump.pcap" 2>&1 >/dev/null)
}

# of_member DEVICE PORT COMMAND...: user, process, interface and ruleset of what the command sends, to a member.
of_member() {
	member "$NS_A"
	capture dump "${WHO[@]}" tcpdump -U -y PFLOG -i "$1" -c 1 -w - "udp port $2 and outbound"
	"${@:3}" &>/dev/null || :
	wait_exit $PID
	cp "$T/dump.out" "$T/dump.pcap"
	run -0 fields dump pflog.uid pflog.pid pflog.ifname pflog.ruleset
	echo "$output"
}

@test "chosen when packets are there already: of those that nothing is known of, none is shown" {
	looping loop -i "bpfprobe:drop:netns=$NS_B" -t 50 -c 5 op=late
	sent_udp $((PORT + 1))
	sent_udp $((PORT + 1))
	wait_for_line "$T/loop.out" late 30
	in_a sender -c 5 udp $ADDR_B $((PORT + 1))
	ended 60
	[[ $(of packets) -eq 5 && $(of wrong) -eq 0 && $(of recv) -eq 5 && $(of drop) -eq 0 ]]
}

@test "users who are not root: no addresses, and no processes but their own" {
	local ruleset=$NETFILTER
	member_setup
	of_member bpfprobe:tx $((PORT + 3)) in_a sender -c 1 udp "$ADDR_B" $((PORT + 3))
	[[ $output == $'-1\t-1\tbpa0\tnet_dev_queue' ]]
	of_member bpfprobe:tx $((PORT + 3)) in_a "${AS_MEMBER[@]}" sender -c 1 udp "$ADDR_B" $((PORT + 3))
	[[ $output =~ ^$USER_ID$'\t'[0-9]+$'\t'bpa0$'\t'net_dev_queue$ ]]
	# Where it is dropped only root is told, even where that is all there is.
	[[ -n $REASONS ]] || ruleset=kfree_skb
	of_member bpfprobe:drop $((PORT + 2)) in_a sender -c 1 udp "$ADDR_B" $((PORT + 2))
	[[ $output == $'-1\t-1\tbpa0\t'"$ruleset" ]]
	# Nor is the function of any address.
	run "${WHO[@]}" stranger symbol bpfprobe:tx ffffffff81000000
	echo "$output"
	[[ $output == "symbol=only root may know what is where in the kernel" ]]
}

@test "nothing is left behind" {
	nothing_left
}
