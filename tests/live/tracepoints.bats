# SPDX-License-Identifier: BSD-3-Clause
# Every tracepoint of the running kernel that has a packet loads and attaches.

load lib.bash

setup_file() {
	require bpftool
	[[ -r /sys/kernel/btf/vmlinux ]] || skip "the kernel has no BTF"
	pair_setup
	remember_objects
	export LIST=$BATS_FILE_TMPDIR/list
	tracepoints | sort >"$LIST"
}

# Independent of the helper: names of the btf_trace_* typedefs, each a pointer to
# a function type whose first parameter is the context, one name per line for
# those with a parameter of type struct sk_buff *.
tracepoints() {
	bpftool btf dump file /sys/kernel/btf/vmlinux format raw | awk '
		function field(name,    s) {
			if (!match($0, name "=[0-9]+"))
				return 0
			s = substr($0, RSTART, RLENGTH)
			return substr(s, length(name) + 2)
		}
		match($0, /^\[[0-9]+\]/) {
			id = substr($0, 2, RLENGTH - 2)
			kind = $2
			if (kind == "STRUCT" && $3 == "\047sk_buff\047")
				skb[id] = 1
			else if (kind == "PTR" || kind == "CONST")
				target[id] = field("type_id")
			else if (kind == "TYPEDEF" && $3 ~ /^\047btf_trace_/) {
				name = substr($3, 12, length($3) - 12)
				if (name != "")
					typedef[name] = field("type_id")
			}
			next
		}
		kind == "FUNC_PROTO" && /type_id=/ {
			params[id] = params[id] " " field("type_id")
		}
		END {
			for (name in typedef) {
				n = split(params[target[typedef[name]]], p, " ")
				for (i = 2; i <= n; i++) {
					# struct sk_buff *, whether or not const
					to = target[p[i]]
					if (to in target && !(to in skb))
						to = target[to]
					if (to in skb) {
						print name
						break
					}
				}
			}
		}'
}

@test "the kernel has the tracepoints that the aliases need" {
	cat "$LIST"
	grep -qx kfree_skb "$LIST"
	grep -qx net_dev_queue "$LIST"
	grep -qx netif_receive_skb "$LIST"
	(($(wc -l <"$LIST") >= 10))
}

@test "each of them loads and attaches" {
	local name failed=()
	while read -r name; do
		run pcaploop -i "bpfprobe:tp/$name" activate
		[[ $status -eq 0 ]] && continue
		failed+=("$name")
		echo "$name: $output"
	done <"$LIST"
	[[ ${#failed[@]} -eq 0 ]] || fail "${#failed[@]} of $(wc -l <"$LIST") failed: ${failed[*]}"
}

# Since Linux 7.3 a module has a struct sk_buff of its own, which the kernel does not copy.
@test "a module's tracepoint, by its name and by a pattern" {
	local name
	modprobe -q tipc || cannot "this kernel has no TIPC"
	[[ -e /sys/kernel/btf/tipc ]] || skip "the kernel has no BTF of modules"
	for name in dump '?ump'; do
		run -0 pcaploop -i "bpfprobe:tp/tipc_skb_$name" activate
	done
}

@test "a tracepoint whose packet is not the only argument: argN chooses" {
	run -0 pcaploop -i "bpfprobe:tp/kfree_skb:arg1" activate
	run -1 pcaploop -i "bpfprobe:tp/kfree_skb:arg2" activate
	echo "$output"
	[[ ${#lines[@]} -eq 2 && $output == *kfree_skb* ]]
}

# times TARGETS: how often the one packet is seen there, in PLACES.
times() {
	local end=$PORT
	capture dump tcpdump -n -l -i "bpfprobe:$1" "udp port $end"
	in_a sender -c 1 udp "$SINK" "$end"
	# The last one to be seen comes when all others have been.
	until_true 20 has_text "$T/dump.out" "$end: UDP"
	sleep 1
	stop
	PLACES=$(grep -c "$end: UDP" "$T/dump.out")
	echo "$1: $PLACES"; cat "$T/dump.out"
}

@test "several targets in one device: a packet once at each, in the order of time" {
	times tp/net_dev_queue
	[[ $PLACES -eq 1 ]]
	times tx+rx
	[[ $PLACES -eq 2 && $(head -n 1 "$T/dump.out") == *Out* && $(sed -n 2p "$T/dump.out") == *In* ]]
	# What is named twice is there once.
	times any+tx+tp/netif_receive_skb:arg1+rawtp/net_dev_start_xmit:arg1
	[[ $PLACES -eq 3 ]]
}

# Their programs believe the packet where others look first (known.c, devices).
@test "where every packet is said to have a device, the tracepoint itself has read its name" {
	local name n=0
	[[ -d /sys/kernel/tracing/events/net ]] || cannot "there is no tracefs"
	for name in $(sed -n '/const devices\[\] = {/,/};/s/^\t"\(.*\)",$/\1/p' "$TOP/helper/known.c"); do
		[[ -d /sys/kernel/tracing/events/net/$name ]] || continue
		grep -q '__data_loc char\[\] \(dev_\)\?name;' "/sys/kernel/tracing/events/net/$name/format" || fail "$name"
		n=$((n + 1))
	done
	((n >= 7))
}

# The driver may have freed the packet by then: a program that outputs it at
# net_dev_xmit crashes the kernel (seen on 6.1 with slub_debug=P and a dummy device).
@test "net_dev_xmit is captured before the driver has the packet" {
	capture dump tcpdump -i bpfprobe:tp/net_dev_xmit -w "$BATS_TEST_TMPDIR/a.pcap"
	run -0 bpftool -j link show
	echo "$output"
	[[ $output == *'"tp_name":"net_dev_start_xmit"'* && $output != *'"net_dev_xmit"'* ]]
	stop
	# Nor does a pattern lead there.
	capture dump tcpdump -i 'bpfprobe:tp/net_dev_*' -w "$BATS_TEST_TMPDIR/a.pcap"
	run -0 bpftool -j link show
	echo "$output"
	[[ $output == *'"tp_name":"net_dev_start_xmit"'* && $output == *'"tp_name":"net_dev_queue"'* ]]
	[[ $output != *'"net_dev_xmit"'* ]]
	stop
}

@test "nothing is left behind" {
	nothing_left
}
