# SPDX-License-Identifier: BSD-3-Clause
# What goes wrong is said in one line, with the right error code, and leaves
# nothing behind.

load lib.bash

setup_file() {
	require tcpdump ip bpftool setpriv capsh unshare
	remember_objects
	pair_setup
}

# says TEXT...: each text is in $output.
says() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || fail "\"$text\" is not in: $output"
	done
}

# refused CODE DEVICE TEXT...: pcaploop shows the code and one line of message,
# tcpdump prints both in its own way and ends with 1.
refused() {
	local code=$1 device=$2 message
	run -1 "${AS[@]}" pcaploop -i "$device" activate
	echo "$output"
	[[ ${#lines[@]} -eq 2 && ${lines[0]} == "activate="*" $code" ]]
	message=${lines[1]#errbuf=}
	says "${@:3}"
	((${#message} > 10 && ${#message} < 256))

	run -1 "${AS[@]}" tcpdump -n -c 1 -i "$device"
	echo "$output"
	if [[ $code == PCAP_ERROR ]]; then
		[[ $output == "tcpdump: $message" ]]
	else
		[[ ${#lines[@]} -eq 2 && ${lines[0]} == "tcpdump: "* && ${lines[1]} == "($message)" ]]
	fi
}

NO_DEVICE=PCAP_ERROR_NO_SUCH_DEVICE
NO_PERM=PCAP_ERROR_PERM_DENIED

@test "unknown tracepoint: the message knows near ones" {
	refused $NO_DEVICE bpfprobe:tp/kfre_skb '"kfre_skb"' "kfree_skb"
	refused $NO_DEVICE bpfprobe:tp/net_dev_que '"net_dev_que"' "net_dev_queue"
	refused $NO_DEVICE bpfprobe:tp/xyzzy '"xyzzy"'
}

@test "an alias with the kind of a tracepoint" {
	refused $NO_DEVICE bpfprobe:tp/drop 'no tracepoint "drop"' bpfprobe:drop
}

@test "unknown target" {
	refused $NO_DEVICE bpfprobe:dorp '"dorp"' "drop"
	refused $NO_DEVICE bpfprobe: ""
	refused $NO_DEVICE bpfprobe:tp/ "tp/"
	refused $NO_DEVICE bpfprobe:nokind/kfree_skb "nokind/"
}

@test "a tracepoint without a packet" {
	refused $NO_DEVICE bpfprobe:tp/sched_switch '"sched_switch"' "sk_buff"
}

@test "an argument that is no packet, or that there is not" {
	refused $NO_DEVICE bpfprobe:tp/kfree_skb:arg2 "arg"
	refused $NO_DEVICE bpfprobe:tp/kfree_skb:arg12 "arg"
	refused $NO_DEVICE bpfprobe:tp/kfree_skb:arg99 "arg"
}

@test "unknown options, and values that make no sense" {
	refused $NO_DEVICE bpfprobe:drop:foo=1 '"foo=1"'
	refused $NO_DEVICE bpfprobe:drop: ""
	refused $NO_DEVICE bpfprobe:drop:len=0 "len=" '"0"'
	refused $NO_DEVICE bpfprobe:drop:len=-5 '"-5"'
	refused $NO_DEVICE bpfprobe:drop:len=1x '"1x"'
	refused $NO_DEVICE bpfprobe:drop:len=99999999999999999999 "len="
	refused $NO_DEVICE bpfprobe:drop:pages=x '"x"'
	refused $NO_DEVICE bpfprobe:drop:pages=4000000000 '"4000000000"'
	refused $NO_DEVICE bpfprobe:drop:len=10:len=20 "len=" "twice"
	refused $NO_DEVICE bpfprobe:drop:dev=%zz "%"
}

@test "an unknown link type" {
	refused $NO_DEVICE bpfprobe:drop:proto=NOSUCH '"NOSUCH"'
}

@test "an interface that does not exist" {
	refused $NO_DEVICE bpfprobe:drop:dev=nope0 '"nope0"'
	refused $NO_DEVICE "bpfprobe:drop:netns=$NS_A:dev=bpb0" '"bpb0"'
	refused $NO_DEVICE bpfprobe:drop:dev=nameof16bytesxxx '"nameof16bytesxxx"'
}

@test "a network namespace that does not exist" {
	refused $NO_DEVICE bpfprobe:drop:netns=nope '"nope"'
	refused $NO_DEVICE bpfprobe:drop:netns=../nope '"../nope"'
	refused $NO_DEVICE bpfprobe:drop:netns=pid/2147483646 "2147483646"
	refused $NO_DEVICE bpfprobe:drop:netns=inode/x "inode/x"
}

@test "a name of 10,000 characters" {
	local name
	name=bpfprobe:$(printf 'x%.0s' {1..10000})
	run -1 pcaploop -i "$name" activate
	[[ ${#lines[@]} -eq 2 && ${lines[0]} == *" PCAP_ERROR" && ${#lines[1]} -lt 256 ]]
	says "10009 characters"
	run -1 tcpdump -i "$name"
	[[ $output == "tcpdump: the device name has 10009 characters, 255 are possible" ]]
}

@test "bytes that no terminal should get" {
	run -1 pcaploop -i $'bpfprobe:a\tb\e[31m\xff' activate
	echo "$output"
	[[ ${#lines[@]} -eq 2 && ${lines[1]} != *[[:cntrl:]]* && ${lines[1]} != *$'\xff'* ]]
}

@test "a user without privilege" {
	public_copy
	AS=(setpriv --reuid=65534 --regid=65534 --clear-groups "${AS[@]}")
	refused $NO_PERM bpfprobe:drop "CAP_"
}

@test "dumpcap under NO_NEW_PRIVS, without the capabilities itself" {
	require dumpcap
	run ! setpriv --no-new-privs dumpcap -q -i bpfprobe:drop -c 1 -w "$BATS_TEST_TMPDIR/a.pcapng"
	echo "$output"
	says "bpfprobe:drop" "no_new_privs"
}

@test "a bounding set without the capabilities" {
	AS=(capsh --drop=cap_bpf,cap_perfmon,cap_sys_admin -- -c 'exec "$@"' bash)
	refused $NO_PERM bpfprobe:drop "CAP_BPF"
	AS=(capsh --drop=cap_perfmon,cap_sys_admin -- -c 'exec "$@"' bash)
	refused $NO_PERM bpfprobe:drop "CAP_PERFMON"
}

@test "a kernel without BTF" {
	AS=(unshare -m bash -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' bash)
	refused PCAP_ERROR bpfprobe:drop "BTF"
}

@test "the helper is missing, or is no program" {
	AS=(env BPFPROBE_HELPER=/nonexistent/helper)
	refused PCAP_ERROR bpfprobe:drop "/nonexistent/helper"
	AS=(env BPFPROBE_HELPER=/etc/passwd)
	refused $NO_PERM bpfprobe:drop "/etc/passwd"
}

@test "a helper of another version: both are said" {
	local ours
	ours=$(awk '$2 == "BPFPROBE_VERSION" { print $3 }' "$BATS_TEST_DIRNAME/../../helper/protocol.h")
	[[ -n $ours ]]
	# A reply: magic, version 99, the rest zero, of the size of ours.
	cat >"$BATS_TEST_TMPDIR/other" <<-'END'
		#!/bin/sh
		{ printf '\160\146\160\142\143\0\0\0'; head -c 328 /dev/zero; } |
			dd bs=336 iflag=fullblock >&3
	END
	chmod 755 "$BATS_TEST_TMPDIR/other"
	AS=(env "BPFPROBE_HELPER=$BATS_TEST_TMPDIR/other")
	refused PCAP_ERROR bpfprobe:drop "version 99" "libpcap has $ours:"
}

@test "a helper that talks nonsense" {
	printf '#!/bin/sh\necho nonsense >&3\n' >"$BATS_TEST_TMPDIR/other"
	chmod 755 "$BATS_TEST_TMPDIR/other"
	AS=(env "BPFPROBE_HELPER=$BATS_TEST_TMPDIR/other")
	refused PCAP_ERROR bpfprobe:drop "$BATS_TEST_TMPDIR/other"
}

@test "too little address space for the rings" {
	AS=(bash -c 'ulimit -v 200000; exec "$@"' bash)
	refused PCAP_ERROR bpfprobe:drop:pages=32768 "ring"
}

@test "too few open files" {
	AS=(bash -c 'ulimit -n 6; exec "$@"' bash)
	refused PCAP_ERROR bpfprobe:drop "open files"
}

@test "nothing is left behind" {
	nothing_left
}
