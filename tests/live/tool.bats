# SPDX-License-Identifier: BSD-3-Clause
# The command bpfprobe: what it lists, what it says of a device, and of captures that run.

load lib.bash

setup_file() {
	require tcpdump bpftool jq
	[[ -r /sys/kernel/btf/vmlinux ]] || skip "the kernel has no BTF"
	pair_setup
	# Not in the middle of a test: it adds targets.
	modprobe -q bridge || true
	remember_objects
	export LIST=$BATS_FILE_TMPDIR/list JSON=$BATS_FILE_TMPDIR/json
	bpfprobe list >"$LIST"
	bpfprobe list --json >"$JSON"
}

# types [MODULE]: of the kernel; then "own" and those of the module.
types() {
	local kernel=/sys/kernel/btf/vmlinux
	[[ -n ${1:-} ]] || echo own
	bpftool btf dump file "$kernel" format raw
	[[ -z ${1:-} ]] || echo own
	[[ -z ${1:-} ]] || bpftool -B "$kernel" btf dump file "/sys/kernel/btf/$1" format raw
}

# known: functions of which the sources know where the packet is.
known() {
	sed -n '/ known\[\] = {/,/^};/s/^\t{ "\([^"]*\)".*/\1/p' "$BATS_TEST_DIRNAME/../../helper/known.c"
}

# targets [MODULE]: independent of bpfprobe: "tp NAME" and "function NAME" for each in the kernel
# or the module with an argument of type struct sk_buff *, struct sk_buff ** or struct xdp_buff *;
# known functions; and NAME:argN.skb for those whose Nth argument points to a struct with such a
# member skb.
targets() {
	types "$@" | awk -v known="$(known | tr '\n' ' ')" '
		function id_of(    s) {
			return match($0, /[ ]type_id=[0-9]+/) ? substr($0, RSTART + 9, RLENGTH - 9) : 0
		}
		# What a pointer points to, whether or not const.
		function pointed(id) {
			id = bare(id)
			return kind[id] == "PTR" ? bare(to[id]) : -1
		}
		function bare(id) {
			while (kind[id] ~ /^(CONST|VOLATILE|RESTRICT|TYPEDEF|TYPE_TAG)$/)
				id = to[id]
			return id
		}
		function is_packet(id) {
			return kind[id] == "STRUCT" && name[id] == "sk_buff"
		}
		function holds(id, depth,    n, m, i, part, found) {
			if (kind[id] !~ /^(STRUCT|UNION)$/ || depth > 8)
				return 0
			n = split(members[id], m, "\n")
			for (i = 1; i < n && !found; i++) {
				split(m[i], part, " ")
				if (part[1] == "(anon)")
					found = holds(bare(part[2]), depth + 1)
				else if (part[1] == "skb")
					found = is_packet(pointed(part[2]))
			}
			return found
		}
		BEGIN {
			n = split(known, k, " ")
			for (i = 1; i <= n; i++)
				is_known[k[i]] = 1
		}
		$1 == "own" { own = 1 }
		match($0, /^\[[0-9]+\]/) {
			id = substr($0, 2, RLENGTH - 2)
			wanted[id] = own
			kind[id] = $2
			name[id] = substr($3, 2, length($3) - 2)
			to[id] = id_of()
			next
		}
		kind[id] == "FUNC_PROTO" { params[id] = params[id] " " id_of() }
		kind[id] ~ /^(STRUCT|UNION)$/ && /type_id=/ {
			gsub("\047", "", $1)
			members[id] = members[id] $1 " " id_of() "\n"
		}
		END {
			for (id in kind) {
				if (!wanted[id])
					continue
				if (kind[id] == "FUNC")
					print_if("function", name[id], to[id], 1)
				else if (kind[id] == "TYPEDEF" && name[id] ~ /^btf_trace_/)
					print_if("tp", substr(name[id], 11), pointed(id), 2)
			}
		}
		function print_if(what, name_of, proto, first,    n, p, i, at, deep) {
			if (name_of ~ /^(__bpf_trace_|__probestub_|__traceiter_)/)
				return
			n = split(params[proto], p, " ")
			for (i = first; i <= n; i++) {
				at = pointed(p[i])
				deep = kind[at] == "PTR"
				if (deep)
					at = pointed(at)
				if (is_packet(at) || (!deep && kind[at] == "STRUCT" && name[at] == "xdp_buff")) {
					print what, name_of
					return
				}
			}
			if (what == "function" && name_of in is_known) {
				print what, name_of
				return
			}
			for (i = first; i <= n; i++) {
				if (holds(pointed(p[i]), 1)) {
					print what, name_of ":arg" (i - first + 1) ".skb"
					return
				}
			}
		}'
}

@test "list: all that has a packet by the kernel's types, and the aliases, each once" {
	targets | sort -u >"$BATS_TEST_TMPDIR/expected"
	grep -v '\]$' "$LIST" | awk '$1 != "alias" { print $1, $2 }' | sort -u >"$BATS_TEST_TMPDIR/listed"
	diff "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/listed"
	(($(wc -l <"$BATS_TEST_TMPDIR/expected") > 500))
	[[ $(awk '$1 == "alias" { print $2 }' "$LIST" | tr '\n' ' ') == "any drop hwdrop rx tx verdict " ]]
	[[ -z $(sort "$LIST" | uniq -d) ]]
	grep -q '^tp  *kfree_skb  .*(struct sk_buff \*, ' "$LIST"
	grep -q '^function  *ip_rcv  .*(struct sk_buff \*, struct net_device \*, ' "$LIST"
}

@test "list: those of a module, with its name" {
	[[ -e /sys/kernel/btf/bridge ]] || skip "there is no module bridge, or it has no types"
	grep ' \[bridge\]$' "$LIST" | awk '{ print $1, $2 }' | sort -u >"$BATS_TEST_TMPDIR/listed"
	grep -qx 'function br_handle_frame' "$BATS_TEST_TMPDIR/listed"
	targets bridge | sort -u | diff - "$BATS_TEST_TMPDIR/listed"
}

@test "list: what has to be said of the argument is part of the name, which opens" {
	local name
	name=$(awk '$1 == "tp" && /:arg[0-9]+\.skb / { print $2; exit }' "$LIST")
	[[ $name == *:arg?.skb ]]
	run -0 pcaploop -i "bpfprobe:tp/$name" activate
	[[ $(of_show '.targets[0] | [.kind, .form]' "bpfprobe:$name") == '["rawtp","pointer"]' ]]
	grep -q '^function  *ip_list_rcv  .*(struct list_head \*, ' "$LIST"
}

@test "list: JSON says the same as the lines" {
	local text='.[] | [.kind, .name, if .kind == "alias" then .targets else .arguments end, .module] | @tsv'
	jq -r "$text" "$JSON" >"$BATS_TEST_TMPDIR/from-json"
	sed -E 's/^([^ ]+) +([^ ]+) +(.*[^]])$/\1\t\2\t\3\t/; s/^([^ ]+) +([^ ]+) +(.*)  \[(.*)\]$/\1\t\2\t\3\t\4/
		s/\t\((.*)\)\t/\t\1\t/' "$LIST" | diff "$BATS_TEST_TMPDIR/from-json" -
}

@test "list: a pattern for the name, or for kind/name" {
	[[ $(bpfprobe list 'ip_rcv') == "$(grep -E '^function +ip_rcv ' "$LIST")" ]]
	[[ $(bpfprobe list 'tp/net*') == "$(grep -E '^tp +net' "$LIST")" ]]
	[[ $(bpfprobe list 'tp*') == "$(awk '$2 ~ /^tp/' "$LIST")" ]]
	[[ $(bpfprobe list '*') == "$(<"$LIST")" ]]
	[[ $(bpfprobe list '*/*') == "$(<"$LIST")" ]]
	[[ $(bpfprobe list 'alias/d???') == alias*drop*tp/kfree_skb ]]
	run -1 --separate-stderr bpfprobe list 'tp/ip_rcv'
	[[ -z $output && $stderr == 'bpfprobe: no target matches "tp/ip_rcv"' ]]
	run -1 --separate-stderr bpfprobe list --json 'no such'
	[[ $(jq -c . <<<"$output") == '[]' ]]
}

# public_bpfprobe: the path of a copy that every user can run.
public_bpfprobe() {
	local dir
	dir=$(mktemp -d /tmp/bpfprobe.XXXXXX)
	defer rm -r "$dir"
	chmod 755 "$dir"
	cp "$BUILD/bpfprobe" "$dir/"
	chmod 755 "$dir/bpfprobe"
	echo "$dir/bpfprobe"
}

@test "list: without privilege, too" {
	setpriv --reuid 65534 --clear-groups --bounding-set -all "$(public_bpfprobe)" list \
		>"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/out" "$LIST"
}

@test "list: on a terminal there is a heading, else none" {
	[[ $(head -n 1 "$LIST") == alias* ]]
	run script -qec 'bpfprobe list ip_rcv' /dev/null
	[[ ${lines[0]} == KIND*NAME*ARGUMENTS* && ${lines[1]} == function*ip_rcv* ]]
}

# of_show FILTER DEVICE: from its JSON.
of_show() {
	bpfprobe show --json "$2" | jq -c "$1"
}

@test "show: what an alias stands for" {
	run -0 bpfprobe show bpfprobe:any
	[[ $output == *"target    tp/netif_receive_skb"*"direction in"*"target    tp/net_dev_queue"*"direction out"* ]]
	[[ ${lines[-1]} == "result      it opens: tried just now" ]]
	[[ $(of_show '[.targets[].name], .link_types, .opens, .tried' bpfprobe:any) == \
'["netif_receive_skb","net_dev_queue"]
["LINUX_SLL2","EN10MB","RAW","PFLOG"]
true
true' ]]
}

@test "show: what the options have come to" {
	local netns
	netns=$(ip netns exec "$NS_B" stat -Lc %i /proc/self/ns/net)
	[[ $(of_show '[.interface, .ifindex, .netns, .len, .pages, .link_types]' \
		"bpfprobe:rx:netns=$NS_B:dev=bpb0:len=100:pages=3:proto=IEEE802_11") == \
		"[\"bpb0\",$(ifindex "$NS_B" bpb0),$netns,100,4,[\"IEEE802_11\"]]" ]]
}

@test "show: who copies, which argument" {
	[[ $(of_show '.targets[0] | [.kind, .copied_by, .argument, .direction]' bpfprobe:tp/kfree_skb) == \
		'["tp","kernel",1,"derived"]' ]]
	[[ $(of_show '.targets[0] | [.kind, .copied_by, .argument, .form]' bpfprobe:rawtp/kfree_skb) == \
		'["rawtp","program",1,"packet"]' ]]
	run -0 bpfprobe show bpfprobe:tp/net_dev_xmit
	[[ $output == *"target    tp/net_dev_start_xmit"* ]]
}

@test "show: JSON of any bytes" {
	local name=$'bpfprobe:a\t"\\b\x1b[0m'
	[[ $(bpfprobe show --json "$name" | jq -r .device) == "$name" ]]
	run -1 bpfprobe show "$name"
	[[ ${lines[0]} == 'device      bpfprobe:a?"\b?[0m' ]]
	run -1 bpfprobe show --json $'bpfprobe:\xff\xc3'
	[[ $(jq -r .device <<<"$output") == "bpfprobe:ÿÃ" ]]
}

# same_answer DEVICE: show says what a capture gets, and whether it does.
same_answer() {
	local theirs answer
	run pcaploop -i "$1" activate
	theirs=$output
	if ((status == 0)); then
		run -0 bpfprobe show "$1"
		[[ $output == *"result      it opens: tried just now" && $(of_show .opens "$1") == true ]]
		return
	fi
	run -1 bpfprobe show "$1"
	echo "$theirs; $output"
	[[ $(of_show .opens "$1") == false ]]
	answer=$(bpfprobe show --json "$1" | jq -r .message)
	[[ -n $answer && $theirs == *"$answer"* && $output == *": $answer" ]]
}

@test "show: the answer is the one that a capture gets" {
	local device
	for device in drop tp/kfree_skb:arg2 tp/nosuch ip_rcf nosuch/ip_rcv fentry/ip_rcv kprobe/ip_rcv \
		ip_rcv rawtp/kfree_skb kprobe/ip_rcv@3 rx:dev=nosuch rx:netns=nosuch rx:len=x fentry/drop; do
		same_answer "bpfprobe:$device"
	done
	run -1 bpfprobe show eth0
	[[ $output == *'result      it does not open: device "eth0": bpfprobe:TARGET, bpfxdp:INTERFACE or bpfprog:PROGRAM is expected' ]]
}

@test "show: a function, by the kind that works here" {
	local kind
	kind=$(of_show '.targets[0].kind // "none"' bpfprobe:ip_rcv)
	case $kind in
	'"fentry"') run -0 pcaploop -i bpfprobe:fentry/ip_rcv activate ;;
	'"kprobe"')
		run ! pcaploop -i bpfprobe:fentry/ip_rcv activate
		run -0 pcaploop -i bpfprobe:kprobe/ip_rcv activate
		;;
	*)
		run ! pcaploop -i bpfprobe:ip_rcv activate
		cannot "this kernel has neither fentry nor kprobes"
		;;
	esac
	[[ $(of_show '.targets[0].arguments' bpfprobe:ip_rcv) == '"struct sk_buff *, struct net_device *, '* ]]
	if pcaploop -i bpfprobe:kprobe/ip_rcv activate >/dev/null; then
		[[ $(of_show '.targets[0] | [.kind, .instruction, .copied_by]' bpfprobe:ip_rcv@0:arg1) == \
			'["kprobe",0,"program"]' ]]
	fi
}

@test "show: a module's function" {
	[[ -e /sys/kernel/btf/bridge ]] || skip "there is no module bridge, or it has no types"
	bpfprobe show bpfprobe:br_handle_frame
	[[ $(of_show '.targets[0] | [.name, .module]' bpfprobe:br_handle_frame) == '["br_handle_frame","bridge"]' ]]
}

# untyped MODULE: its functions of which BTF knows nothing.
untyped() {
	{
		bpftool btf dump file /sys/kernel/btf/vmlinux
		[[ ! -e /sys/kernel/btf/$1 ]] || bpftool -B /sys/kernel/btf/vmlinux btf dump file "/sys/kernel/btf/$1"
	} | awk -F "'" '/ FUNC / { print $2 }' | sort -u >"$BATS_TEST_TMPDIR/typed"
	awk -v m="[$1]" '$2 ~ /^[tT]$/ && $4 == m && $3 !~ /^__pfx_|\./ { print $3 }' /proc/kallsyms | sort -u |
		comm -23 - "$BATS_TEST_TMPDIR/typed"
}

@test "show: a module's function of which BTF knows nothing" {
	local name
	pcaploop -i bpfprobe:kprobe/ip_rcv activate >/dev/null 2>&1 || cannot "this kernel has no kprobes"
	for name in $(untyped veth); do
		[[ $(of_show .opens "bpfprobe:$name:arg1") == true ]] || continue
		run -0 bpfprobe show "bpfprobe:$name:arg1"
		echo "$output"
		[[ $output == *"target    kprobe/$name"*"module    veth"*"arguments not in BTF"* ]]
		[[ $(of_show '.targets[0] | [.name, .module]' "bpfprobe:$name:arg1") == "[\"$name\",\"veth\"]" ]]
		return
	done
	skip "BTF knows all functions of the module veth"
}

@test "show: without privilege it says that it could not be tried" {
	local copy
	copy=$(public_bpfprobe)
	cp "$BPFPROBE_HELPER" "${copy%/*}/helper"
	AS=(env "BPFPROBE_HELPER=${copy%/*}/helper" setpriv --reuid 65534 --clear-groups --bounding-set -all "$copy")
	cd /
	run -1 "${AS[@]}" show bpfprobe:ip_rcv
	echo "$output"
	[[ $output == *"target    ip_rcv"*"kind      fentry or kprobe"*"arguments struct sk_buff *, "* ]]
	[[ ${lines[-1]} == "result      it could not be tried: "*"CAP_BPF CAP_PERFMON missing: "* ]]
	[[ $("${AS[@]}" show --json bpfprobe:drop | jq -c '[.tried, .opens, .targets[0].name]') == \
		'[false,false,"kfree_skb"]' ]]
	run -1 "${AS[@]}" show
	[[ $output == "bpfprobe: cannot list the running captures: Operation not permitted; root can" ]]
}

# counter KEY: of the capture in PID.
counter() {
	bpfprobe show --json | jq -c --argjson pid "$PID" ".[] | select(.pid == \$pid) | .$1"
}

@test "show: the counters of a capture that runs" {
	local other
	capture one tcpdump -n -U -w "$BATS_TEST_TMPDIR/one.pcap" -i bpfprobe:rx:netns="$NS_B" "udp port $PORT"
	other=$PID
	[[ $(counter emitted) == 0 && $(counter program) == '"tcpdump"' ]]
	capture two tcpdump -n -U -w "$BATS_TEST_TMPDIR/two.pcap" -i bpfprobe:tx:netns="$NS_A"
	in_a sender -c 7 udp "$SINK" "$PORT"
	in_a sender -c 4 udp "$SINK" $((PORT + 2))
	until_true 20 eval '[[ $(counter delivered) == 11 ]]'
	[[ $(counter emitted) == 11 && $(counter lost) == 0 && $(counter filter_in_kernel) == true ]]
	PID=$other
	until_true 20 eval '[[ $(counter delivered) == 7 ]]'
	[[ $(counter emitted) == 7 && $(counter rejected) == 0 && $(counter filtered) == 0 ]]
	run -0 bpfprobe show
	[[ $output == *"capture     of tcpdump, process $PID, map "*"filter      in the kernel"* ]]
	grep -qx 'delivered   7  packets handed to the program' <<<"$output"
	stop
	[[ -z $(counter emitted) ]]
}

@test "show: a filter that user space has to run" {
	local many
	# More instructions than the helper takes. -O: libpcap's optimizer would take a minute.
	many=$(printf ' or port %d' {1..150})
	capture long tcpdump -O -n -i bpfprobe:tx:netns="$NS_A" "port 7$many"
	in_a sender -c 5 udp "$SINK" "$PORT"
	until_true 20 eval '[[ $(counter rejected) == 5 ]]'
	[[ $(counter filter_in_kernel) == false && $(counter filtered) == 5 && $(counter delivered) == 0 ]]
	run -0 bpfprobe show
	[[ $output == *"filter      in user space: the kernel did not take it"* ]]
}

# finding CHECK [PROGRAM]: of doctor, or of PROGRAM doctor.
finding() {
	local check=$1
	shift
	"${@:-bpfprobe}" doctor --json | jq -r --arg check "$check" '.[] | select(.check == $check) | .finding'
}

@test "doctor: kernel and helper" {
	local check
	bpfprobe doctor || true
	for check in kernel btf tracepoints user helper capture perf_event; do
		[[ $(finding $check) == ok ]]
	done
	BPFPROBE_HELPER=/nonexistent/helper run -1 bpfprobe doctor
	[[ $output == *"problem  helper           /nonexistent/helper: No such file or directory; install "* ]]
	[[ $output == *"problem  capture          cannot run the capture helper /nonexistent/helper: "* ]]
}

@test "doctor: fentry and kprobes as a capture finds them" {
	local kind
	for kind in fentry kprobe; do
		if pcaploop -i "bpfprobe:$kind/ip_rcv" activate >/dev/null 2>&1; then
			[[ $(finding ${kind/%kprobe/kprobes}) == ok ]]
		else
			[[ $(finding ${kind/%kprobe/kprobes}) == warning ]]
		fi
	done
	nothing_left
}

@test "doctor: the libpcap that tcpdump loads, with the module and without" {
	run bpfprobe doctor
	[[ $output == *"ok       tcpdump          "*" loads $(realpath "$BUILD/libpcap")/libpcap.so.0.8, with the module"* ]]
	[[ $(finding tcpdump) == ok ]]
	[[ $(finding tcpdump env -u LD_LIBRARY_PATH bpfprobe) == problem ]]
	run -1 env -u LD_LIBRARY_PATH bpfprobe doctor
	[[ $output == *"problem  tcpdump          "*"/libpcap.so.0.8, without the module; run it with LD_LIBRARY_PATH"* ]]
}

@test "doctor: nothing wrong is status 0" {
	PATH=$BATS_TEST_TMPDIR run -0 "$BUILD/bpfprobe" doctor
	[[ $output == *"ok       tcpdump          not in PATH"* && $output != *problem* ]]
}

@test "doctor: a program that gains privileges ignores LD_LIBRARY_PATH" {
	local dir
	dir=$(mktemp -d /tmp/bpfprobe.XXXXXX)
	defer rm -r "$dir"
	cp "$(command -v tcpdump)" "$dir/dumpcap"
	cp "$BUILD/bpfprobe" "$dir/"
	cp -L "$BUILD/libpcap/libpcap.so.0.8" "$dir/"
	chmod 755 "$dir" "$dir"/*
	AS=(env "LD_LIBRARY_PATH=$dir" "PATH=$dir" /usr/bin/setpriv --reuid 65534 --clear-groups "$dir/bpfprobe")
	cd /
	[[ $(finding dumpcap "${AS[@]}") == ok ]]
	chmod u+s "$dir/dumpcap"
	[[ $(finding dumpcap "${AS[@]}") == problem ]]
	run "${AS[@]}" doctor
	[[ $output == *"without the module; for users but root it ignores LD_LIBRARY_PATH: "* ]]
}

@test "doctor: what is no program" {
	echo '#!/bin/sh' >"$BATS_TEST_TMPDIR/tshark"
	chmod 755 "$BATS_TEST_TMPDIR/tshark"
	PATH=$BATS_TEST_TMPDIR:$PATH run bpfprobe doctor
	[[ $output == *"warning  tshark           $BATS_TEST_TMPDIR/tshark is nothing that the loader knows"* ]]
}

@test "list --reasons: each with a name of its own, of 15 characters at most" {
	run bpfprobe list --reasons
	if [[ $status -ne 0 ]]; then
		[[ $output == "bpfprobe: this kernel gives no drop reasons (before Linux 5.17)" ]]
		! bpftool btf dump file /sys/kernel/btf/vmlinux | grep -q "'skb_drop_reason'" || false
		return
	fi
	grep -qE '^ +[0-9]+ +NO_SOCKET +SKB_DROP_REASON_NO_SOCKET$' <<<"$output"
	[[ -z $(awk '{ print $2 }' <<<"$output" | sort | uniq -d) ]]
	[[ -z $(awk 'length($2) > 15' <<<"$output") ]]
	run -0 bpfprobe list --reasons --json
	[[ $(jq -c '.[] | select(.number == 0)' <<<"$output") == '{"number":0,'* ]]
}

@test "a wrong command line is one line, and status 2" {
	local words
	for words in '' nosuch 'list a b' 'doctor a' 'show --nosuch' '--json'; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr bpfprobe $words
		[[ -z $output && ${#stderr_lines[@]} -eq 1 && $stderr == "bpfprobe: "*"; see bpfprobe --help" ]]
	done
	run -0 --separate-stderr bpfprobe --help
	[[ $output == "usage: bpfprobe list [--json] [GLOB | --reasons]"* && -z $stderr ]]
	run -1 bash -c 'bpfprobe list >/dev/full'
	[[ $output == "bpfprobe: cannot write: No space left on device" ]]
}

@test "nothing is left behind" {
	nothing_left
}
