# SPDX-License-Identifier: BSD-3-Clause
# Kernel functions as probes: by fentry, by kprobe, and what is said where neither works.

load lib.bash

setup_file() {
	require tcpdump bpftool jq
	pair_setup
	pair_drops
	remember_objects
	kinds_setup
}

# at COUNT NAME DEVICE [ARG...]: a capture that ends with so many packets, in NAME.pcap.
at() {
	capture "$2" tcpdump -n -c "$1" "${@:4}" -w "$BATS_TEST_TMPDIR/$2.pcap" -i "bpfprobe:$3" "$FILTER"
}

@test "a function by name: by fentry" {
	need fentry
	FILTER="udp port $PORT"
	at 5 fn ip_rcv:netns="$NS_B" -y RAW
	[[ $(programs) == tracing ]]
	local first=$PID
	at 5 tp tp/netif_receive_skb:netns="$NS_B" -y RAW
	send -c 5 -s 1000
	wait_exit "$PID"
	wait_exit "$first"
	same_captures fn tp
	[[ $(grep -c 'length 1000' "$BATS_TEST_TMPDIR/fn.txt") -eq 5 ]]
}

@test "by kprobe the same packets as by fentry, filtered in the kernel" {
	local size
	need fentry
	need kprobe
	FILTER="udp port $PORT"
	at 9 fentry fentry/ip_rcv:netns="$NS_B"
	local first=$PID
	at 9 kprobe kprobe/ip_rcv:netns="$NS_B"
	[[ $(programs | tr '\n' ' ') == "kprobe tracing " ]]
	for size in 16 300 1472; do
		send -c 3 -s $size
		in_a sender -c 3 udp "$SINK" $((PORT + 2))
	done
	wait_exit "$PID"
	wait_exit "$first"
	same_captures fentry kprobe
	counts "$BATS_TEST_TMPDIR/kprobe.err"
	((RECEIVED == 9 && DROPPED == 0))
}

@test "where fentry cannot be, a kprobe is taken: struct sk_buff **" {
	need kprobe
	FILTER="udp port $PORT"
	at 5 core __netif_receive_skb_core:netns="$NS_B"
	[[ $(programs) == kprobe ]]
	send -c 5 -s 500
	wait_exit "$PID"
	[[ $(bytes_of core | grep -c 'length 500') -eq 5 ]]
	# The same without knowledge: what the argument points at begins with the pointer.
	at 2 offset __netif_receive_skb_core:arg1.0:netns="$NS_B"
	send -c 2 -s 500
	wait_exit "$PID"
	[[ $(bytes_of offset | grep -c 'length 500') -eq 2 ]]
}

@test "functions at all depths: device, network, transport, drop" {
	local fn
	need kprobe
	for fn in __dev_queue_xmit ip_output ip_rcv udp_rcv; do
		FILTER="udp port $((PORT + 1))"
		at 2 deep "$fn:netns=$([[ $fn == *_rcv ]] && echo "$NS_B" || echo "$NS_A")"
		in_a sender -c 2 -s 600 udp "$ADDR_B" $((PORT + 1))
		if [[ $fn == udp_rcv ]]; then
			# pair_drops takes them before.
			in_b nft flush ruleset
			in_a sender -c 2 -s 600 udp "$ADDR_B" $((PORT + 1))
			pair_drops
		fi
		wait_exit "$PID" || fail "$fn"
		bytes_of deep
		[[ $(grep -c 'length 600' "$BATS_TEST_TMPDIR/deep.txt") -eq 2 ]]
	done
}

@test "a function of a module" {
	need kprobe
	FILTER="udp port $PORT"
	if [[ -e /sys/kernel/btf/veth ]]; then
		at 3 module veth_xmit:netns="$NS_A"
	else
		run -1 pcaploop -i bpfprobe:veth_xmit activate
		echo "$output"
		[[ $output == *'function "veth_xmit" is there, but BTF does not have its arguments'* ]]
		at 3 module veth_xmit:arg1:netns="$NS_A"
	fi
	send -c 3 -s 700
	wait_exit "$PID"
	[[ $(bytes_of module | grep -c 'length 700') -eq 3 ]]
}

@test "a packet in a struct: argN.FIELD" {
	need kprobe
	[[ -e /sys/kernel/btf/nf_tables ]] || skip "the kernel has no BTF of modules"
	FILTER="udp port $((PORT + 1))"
	at 2 field nft_do_chain:arg1.skb
	in_a sender -c 2 -s 800 udp "$ADDR_B" $((PORT + 1))
	wait_exit "$PID"
	[[ $(bytes_of field | grep -c 'length 800') -eq 2 ]]
	run -1 pcaploop -i bpfprobe:nft_do_chain:arg1.nix activate
	echo "$output"
	[[ $output == *'function "nft_do_chain" has no struct sk_buff * "nix" behind arg1: it has (struct nft_pktinfo *, void *)'* ]]
}

# in_lists COUNT BATCH
in_lists() {
	in_b xdplist "$1" "$2" bpb0 "$ADDR_A" "$SINK" "$PORT"
}

@test "functions that are given lists of packets: each of a list, the rest of a long one counted" {
	need kprobe
	grep -q ' bpf_test_run_xdp_live$' /proc/kallsyms || skip "this kernel cannot make lists of packets (5.18)"
	FILTER="udp port $PORT"
	at 48 lists netif_receive_skb_list_internal:netns="$NS_B"
	[[ $(programs) == kprobe ]]
	in_lists 48 16
	wait_exit "$PID"
	[[ $(bytes_of lists | grep -c 'length 64') -eq 48 ]]
	capture long tcpdump -n -w "$BATS_TEST_TMPDIR/long.pcap" -i "bpfprobe:ip_list_rcv:arg1:netns=$NS_B" "$FILTER"
	in_lists 64 64
	stop
	counts "$T/long.err"
	((RECEIVED == 32 && DROPPED == 32))
	run -1 pcaploop -i bpfprobe:fentry/ip_list_rcv activate
	echo "$output"
	[[ $output == *'can be had by kprobe/ only'* ]]
}

@test "a list of packets where BTF knows nothing of the function" {
	local name=netif_receive_skb_list_internal device btf=$BATS_TEST_TMPDIR/btf hidden
	need kprobe
	grep -q ' bpf_test_run_xdp_live$' /proc/kallsyms || skip "this kernel cannot make lists of packets (5.18)"
	# Its name is another one there.
	sed "s/\x00$name\x00/\x00${name%?}X\x00/" /sys/kernel/btf/vmlinux >"$btf"
	! cmp "$btf" /sys/kernel/btf/vmlinux || false
	hidden=(unshare --mount sh -c "mount --bind $btf /sys/kernel/btf/vmlinux && exec \"\$@\"" sh)
	device=bpfprobe:$name:netns=$NS_B
	run -0 "${hidden[@]}" bpfprobe show "$device"
	echo "$output"
	[[ $output == *"arguments not in BTF"*"packet    each of the list, argument 1"* ]]
	FILTER="udp port $PORT"
	capture hidden "${hidden[@]}" tcpdump -n -c 32 -w "$BATS_TEST_TMPDIR/hidden.pcap" -i "$device" "$FILTER"
	in_lists 32 16
	wait_exit "$PID"
	[[ $(bytes_of hidden | grep -c 'length 64') -eq 32 ]]
}

@test "a pattern: all functions of which it is true" {
	need kprobe
	FILTER="udp port $((PORT + 1))"
	in_b nft flush ruleset
	capture pattern tcpdump -n -l -i "bpfprobe:kprobe/udp_*:netns=$NS_B" "$FILTER"
	[[ $(programs) == kprobe ]]
	in_a sender -c 1 -s 600 udp "$ADDR_B" $((PORT + 1))
	until_true 20 has_text "$T/pattern.out" "length 600"
	sleep 1
	stop
	pair_drops
	# At several of them, and only there.
	[[ $(grep -c 'length 600' "$T/pattern.out") -ge 2 ]]
	run -1 pcaploop -i 'bpfprobe:kprobe/nix*nix' activate
	echo "$output"
	[[ $output == *'"nix*nix" is true of no function that has a packet'* ]]
	run -1 pcaploop -i 'bpfprobe:kprobe/*' activate
	echo "$output"
	[[ $output == *'"*" is true of more than 1024 places in the kernel'* ]]
}

# at_once: whether one attachment is at all functions of a pattern.
at_once() {
	FILTER=icmp
	capture many tcpdump -n -i 'bpfprobe:kprobe/udp_*' icmp >/dev/null
	local id n
	id=$(new_objects prog | awk '/ name bpfprobe_kprobe$/ { print $2 + 0; exit }')
	n=$(bpftool link show | grep -cw "prog $id") || :
	stop >/dev/null
	if ((n == 1)); then echo yes; else echo no; fi
}

# links: of the programs that are loaded now, by kind: kprobe_multi or perf_event.
links() {
	new_links | awk '{ print $2 }' | sort | uniq -c | awk '{ print $2 "=" $1 }'
}

# Where tracefs is not mounted nothing says that two of these, *_forward_finish, cannot be traced.
@test "a pattern with a function that refuses: all others at once" {
	local untraced=(unshare --mount sh -c 'umount /sys/kernel/tracing && exec "$@"' sh) all
	need kprobe
	[[ $(at_once) == yes ]] || skip "this kernel probes them one by one (CONFIG_FPROBE)"
	all=$("${untraced[@]}" bpfprobe show --json 'bpfprobe:kprobe/ip*_finish*')
	jq -c '[.targets[].name], .left_out' <<<"$all"
	jq -e '[.targets[].name] | contains(["ip6_forward_finish", "ip_finish_output"])' <<<"$all"
	((0 < $(jq .left_out <<<"$all") && $(jq .left_out <<<"$all") < $(jq '.targets | length' <<<"$all")))
	run -0 "${untraced[@]}" bpfprobe show 'bpfprobe:kprobe/ip*_finish*'
	[[ $output == *$'\n'"left out    $(jq .left_out <<<"$all")  of the pattern's targets refuse a probe"* ]]
	FILTER="udp port $PORT"
	capture rest "${untraced[@]}" tcpdump -n -c 3 -w "$BATS_TEST_TMPDIR/rest.pcap" \
		-i "bpfprobe:kprobe/ip*_finish*:netns=$NS_A" "$FILTER"
	new_links
	[[ $(links) == *kprobe_multi=* && $(links) != *perf_event* ]]
	send -c 3 -s 900
	wait_exit "$PID"
	[[ $(bytes_of rest | grep -c 'length 900') -eq 3 ]]
}

@test "where the packet may be freed already no program of the kernel's copies it" {
	local freed=() name
	need fentry
	need kprobe
	for name in kfree_skbmem napi_skb_cache_put skb_free_head skb_kfree_head; do
		[[ $(opens "kprobe/$name") == no ]] || freed+=("$name")
	done
	[[ ${#freed[@]} -gt 0 ]]
	for name in "${freed[@]}"; do
		run -1 pcaploop -i "bpfprobe:fentry/$name" activate
		echo "$output"
		[[ $output == *"the packet of function \"$name\" can be had by kprobe/ only"* ]]
	done
	FILTER="less 0"
	at 1 freed "${freed[0]}+fentry/${freed[0]%?}*:netns=$NS_B"
	[[ $(programs) == kprobe ]]
	send -c 20
	stop
}

@test "a pattern by fentry" {
	need fentry
	FILTER="udp port $PORT"
	at 2 many 'fentry/ip_rcv*:netns='"$NS_B"
	send -c 2 -s 400
	wait_exit "$PID"
	[[ $(bytes_of many | grep -c 'length 400') -eq 2 ]]
}

# as_nobody: AS runs a command as another user, with all that the helper needs.
as_nobody() {
	public_copy
	local caps=+bpf,+perfmon,+sys_admin,+sys_rawio,+ipc_lock,+sys_resource,+net_admin
	AS=(setpriv --reuid=65534 --regid=65534 --clear-groups "--inh-caps=$caps" "--ambient-caps=$caps" "${AS[@]}")
}

@test "who is not root cannot say that there is a packet where no type says so" {
	local device
	need kprobe
	as_nobody
	run "${AS[@]}" pcaploop -i bpfprobe:kprobe/udp_rcv activate
	echo "$output"
	[[ $status -eq 0 ]]
	for device in udp_rcv:arg1.0 udp_rcv@9 ip_list_rcv:arg2.8 __netif_receive_skb_core:arg1.0; do
		run -1 "${AS[@]}" pcaploop -i "bpfprobe:$device" activate
		echo "$device: $output"
		[[ $output == *"only root may say where the packet of function"* ]]
	done
	run "${AS[@]}" pcaploop -i bpfprobe:netif_receive_skb_list_internal activate
	[[ $status -eq 0 ]]
}

@test "a place within a function" {
	need kprobe
	FILTER="udp port $PORT"
	at 2 offset ip_rcv@0:netns="$NS_B"
	[[ $(programs) == kprobe ]]
	send -c 2
	wait_exit "$PID"
	run -1 pcaploop -i bpfprobe:ip_rcv@1 activate
	echo "$output"
	[[ $output == *'cannot probe function "ip_rcv": no kprobe there'* ]]
}

@test "the end of the tool is the end of the kprobe, also while the helper is stopped" {
	local helper
	need kprobe
	FILTER="udp port $PORT"
	at 5 killed kprobe/ip_rcv
	! no_programs_run || false
	helper=$(new_objects process | sed 's/.*proc.\([0-9]*\).*/\1/')
	kill -STOP "$helper"
	kill -KILL "$PID"
	until_true 10 process_ended "$PID"
	until_true 10 no_programs_run
	kill -CONT "$helper"
	until_true 10 process_ended "$helper"
}

# opens DEVICE: "yes" or "no"
opens() {
	if pcaploop -i "bpfprobe:$1" activate >/dev/null 2>&1; then echo yes; else echo no; fi
}

# said FILE: of this kernel, by the table in README.md or the manual, one "yes" or "no" per line;
# nothing if the table has no column for it.
said() {
	local kernel
	kernel=$(uname -r | cut -d . -f 1,2)
	case $1 in
	*.md) sed -n 's/^|\(.*\)|$/\1/p' "$1" | grep -v '^-' ;;
	*) sed -n '/^\.Sh KERNEL/,/^\.El/s/^\.It //p' "$1" | sed 's/ Ta /|/g' ;;
	esac | awk -F '|' -v k="$kernel" '
		{ gsub(" ", "") }
		NR == 1 { for (i = 2; i <= NF; i++) if ($i "" == k "") column = i }
		NR > 1 && column { print $column }'
}

# An XDP program at an interface in B.
program_opens() {
	compile "$TOP/tests/live/actions.bpf.c" "$BATS_TEST_TMPDIR/actions.o"
	ip -n "$NS_B" link add bpd0 type dummy
	in_b ip link set dev bpd0 xdpgeneric obj "$BATS_TEST_TMPDIR/actions.o" sec xdp
	if in_b pcaploop -i bpfxdp:bpd0 activate >/dev/null 2>&1; then echo yes; else echo no; fi
	ip -n "$NS_B" link del bpd0
}

@test "README and manual say what this kernel can" {
	local top=${BATS_TEST_DIRNAME}/../.. file
	need kprobe
	[[ -n $(said "$top/README.md") ]] || skip "README has no column for this kernel"
	{
		opens tp/net_dev_queue
		opens fentry/ip_rcv
		opens kprobe/ip_rcv
		opens veth_xmit
		at_once
		program_opens
		bpfprobe list --reasons 2>/dev/null | grep -q . && echo yes || echo no
	} >"$BATS_TEST_TMPDIR/found"
	for file in README.md man/pcap-bpfprobe.7; do
		said "$top/$file" | paste - "$BATS_TEST_TMPDIR/found"
		said "$top/$file" | cmp - "$BATS_TEST_TMPDIR/found"
	done
}

@test "attached and detached again and again under load" {
	local n=$(scaled 1000 12) target
	need fentry
	need kprobe
	background load in_a sender -c 10000000 -p 300 udp "$SINK" $((PORT + 2))
	for target in fentry/ip_rcv kprobe/ip_rcv tp/netif_receive_skb; do
		run -0 pcaploop -i "bpfprobe:$target:netns=$NS_B" open-close=$n
		echo "$target: $output"
		[[ $(value opened "$output") -eq $n ]]
		[[ $(value fds_after "$output") -eq $(value fds_before "$output") ]]
		[[ $(value rss_before_kb "$output") -gt 0 ]]
		(($(value rss_after_kb "$output") <= $(value rss_before_kb "$output") + (n < 26 ? 16 * (n - 10) : 256)))
		! process_ended "$PID" || false
	done
	kill -KILL "$PID"
	nothing_left
}

# Attached only: whole opens, as above, would take an hour in a virtual machine. A page that each
# leaves would be four times what is allowed; 0.1 MB come and go by themselves.
@test "attachments under load leave nothing in the kernel (a thousand with check --all)" {
	local n=40 kind out pids=() more
	[[ -z ${BPFPROBE_ALL:-} ]] || n=1000
	more=$((n + 100))
	need fentry
	need kprobe
	background load in_a sender -c 10000000 -p 300 udp "$SINK" $((PORT + 2))
	for kind in fentry kprobe; do
		attachloop $kind ip_rcv $n $more >"$T/$kind.out" 2>&1 3>&- &
		pids+=($!)
		defer kill -KILL $!
	done
	wait "${pids[@]}" || :
	for kind in fentry kprobe; do
		out=$(<"$T/$kind.out")
		echo "$kind: $out"
		[[ $(value attached "$out") -eq $n ]]
		(($(value fds_after "$out") == $(value fds_before "$out")))
		(($(value kernel_kb_after "$out") <= $(value kernel_kb_before "$out") + more))
	done
	! process_ended "$PID" || false
	kill -KILL "$PID"
	run bpftool link show
	[[ $output != *perf_event* && $output != *tracing* ]]
	nothing_left
}

# No event of ours is left to run anything.
no_programs_run() {
	[[ -z $(bpftool perf show 2>/dev/null | grep -w kprobe; bpftool link show | grep -w perf_event) ]]
}

# Packets that a timer sends arrive also while the CPU, at large ones, is in another kprobe. The
# program that captures has given up its privileges when it asks.
@test "what a kprobe misses counts as dropped" {
	local target n=400 big
	need kprobe
	printf '%s\n' 6.7 "$(uname -r)" | sort -VC || skip "this kernel does not tell (6.7)"
	modprobe sch_netem
	pair_ipv6
	tc -n "$NS_A" qdisc add dev bpa0 root netem delay 1500us
	defer tc -n "$NS_A" qdisc del dev bpa0 root
	ip -n "$NS_A" link set lo up mtu 65000
	capture big tcpdump -n -Z root -w /dev/null -i "bpfprobe:kprobe/ip_output:netns=$NS_A" "greater 50000"
	big=$PID
	background load in_a sender -C 0 -c 1000000 -s 60000 udp 127.0.0.1 "$PORT"
	for target in kprobe/ipv6_rcv 'kprobe/ipv6_*rcv'; do
		capture missed tcpdump -n -Z nobody -B 16384 -w "$BATS_TEST_TMPDIR/missed.pcap" -i "bpfprobe:$target"
		in_a sender -C 0 -c $n -p 3000 udp "$SINK6" "$PORT"
		sleep 1
		kill -INT "$PID"
		wait_exit "$PID"
		counts "$T/missed.err"
		echo "$target: $RECEIVED received, $DROPPED dropped"
		((DROPPED > 0 && RECEIVED + DROPPED == n))
	done
	stop "$big"
}

@test "names that are not there, or not one" {
	run -1 pcaploop -i bpfprobe:ip_rvc activate
	echo "$output"
	[[ $output == *'no function or tracepoint "ip_rvc"; did you mean ip_rcv'* ]]
	run -1 pcaploop -i bpfprobe:kprobe/kfre_skb activate
	echo "$output"
	[[ $output == *'no function "kfre_skb"; did you mean '*kfree_skb* ]]
	run -1 pcaploop -i bpfprobe:fentry/net_dev_queue activate
	echo "$output"
	[[ $output == *'no function "net_dev_queue"'* ]]
	run -1 pcaploop -i bpfprobe:skb_copy_header activate
	echo "$output"
	[[ $output == *'function "skb_copy_header" has several packets, say which with argN: it has (struct sk_buff *, struct sk_buff *)'* ]]
	run -1 pcaploop -i bpfprobe:tcp_v4_rcv:arg2 activate
	echo "$output"
	[[ $output == *'function "tcp_v4_rcv" has no arg2: it has (struct sk_buff *)'* ]]
	run -1 pcaploop -i bpfprobe:schedule activate
	echo "$output"
	[[ $output == *'function "schedule" has no struct sk_buff * or struct xdp_buff * argument: it has ()'* ]]
}

@test "of several functions with one name none is taken" {
	local n name
	read -r n name < <(awk '$2 ~ /^[tTwW]$/ && $3 !~ /\./ { print $3 }' /proc/kallsyms | sort | uniq -cd)
	[[ -n $name ]] || skip "the kernel has no two functions of one name"
	run -1 pcaploop -i "bpfprobe:kprobe/$name:arg1.0" activate
	echo "$n $name: $output"
	[[ $output == *"there are $n of function \"$name\", and a kprobe cannot tell them apart"* ]]
}

@test "nothing is left behind" {
	nothing_left
}
