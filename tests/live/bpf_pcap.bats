# SPDX-License-Identifier: BSD-3-Clause
# include/bpf_pcap.h: programs that write packets by themselves, those of examples/.

load lib.bash

setup_file() {
	require cc clang make pkg-config tcpdump bpftool
	pair_setup 3000
	pair_drops
	remember_objects
	local name
	for name in tc xdp drop config; do
		compile "$TOP/examples/$name.bpf.c" "$BATS_FILE_TMPDIR/$name.o"
	done
}

# reading NAME COUNT LINKTYPE [IFNAME]: pcapread of that example, in B, into NAME.pcap.
reading() {
	background "$1" in_b pcapread "$BATS_FILE_TMPDIR/$1.o" "$2" "$BATS_TEST_TMPDIR/$1.pcap" "${@:3}"
	started "$T/$1.out" ready
}

@test "the header compiles alone, in C11, and with every instruction set" {
	local cpu
	echo '#include "bpf_pcap.h"' >"$BATS_TEST_TMPDIR/alone.c"
	for cpu in v1 v2 v3; do
		compile "$BATS_TEST_TMPDIR/alone.c" "$BATS_TEST_TMPDIR/alone.o" -mcpu=$cpu -std=gnu11
		compile "$TOP/examples/drop.bpf.c" "$BATS_TEST_TMPDIR/drop.o" -mcpu=$cpu
	done
	# What a program in user space needs of it.
	echo 'int main(void) { return sizeof(struct bpf_pcap_hdr) != 32; }' >>"$BATS_TEST_TMPDIR/alone.c"
	cc -Wall -Wextra -Werror -I"$TOP/include" -o "$BATS_TEST_TMPDIR/alone" "$BATS_TEST_TMPDIR/alone.c"
	"$BATS_TEST_TMPDIR/alone"
}

@test "pkg-config finds the installed header" {
	local root=$BATS_TEST_TMPDIR/root flags
	make -s -C "$BUILD" DESTDIR="$root" install-includeHEADERS install-pkgconfigDATA
	flags=$(PKG_CONFIG_PATH=$root/usr/lib/pkgconfig:$root/usr/lib/$(cc -print-multiarch)/pkgconfig \
		PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 pkg-config --cflags bpf_pcap)
	echo "$flags"
	cp "$TOP/examples/drop.bpf.c" "$BATS_TEST_TMPDIR"
	TOP=/nonexistent
	# shellcheck disable=SC2086 # they are words
	compile "$BATS_TEST_TMPDIR/drop.bpf.c" "$BATS_TEST_TMPDIR/drop.o" $flags
	run ! compile "$BATS_TEST_TMPDIR/drop.bpf.c" "$BATS_TEST_TMPDIR/drop.o"
}

@test "tc: so many bytes of each packet, with its true length" {
	reading tc 20 EN10MB bpb0
	send -c 20 -i 1 -s mixed:2900
	wait_exit "$PID"
	run -0 verify -e 1:0-19 -z mixed:2900 -l EN10MB -n 1514 "$T/tc.pcap"
	run -0 cat "$T/tc.out"
	echo "$output"
	[[ $output == *"got=20 lost=0 bad=0"* && $output == *"protocol=1"* ]]
	# The id that the program has chosen: the interface.
	[[ $output == *"last_id=$(ifindex "$NS_B" bpb0) "* ]]
	in_b tc qdisc del dev bpb0 clsact
}

@test "XDP: whole packets" {
	reading xdp 20 EN10MB bpb0
	send -c 20 -i 1 -s mixed:2900
	wait_exit "$PID"
	run -0 verify -e 1:0-19 -z mixed:2900 -l EN10MB "$T/xdp.pcap"
	run -0 cat "$T/xdp.out"
	[[ $output == *"got=20 lost=0 bad=0"* && $output == *"protocol=1"* ]]
}

@test "XDP: packets in fragments, whole" {
	in_b xdpback -f native bpb0 2>/dev/null || skip "XDP packets have no fragments before Linux 5.18"
	in_b ip link set dev bpb0 xdp off
	sed 's/SEC("xdp")/SEC("xdp.frags")/' "$TOP/examples/xdp.bpf.c" >"$BATS_TEST_TMPDIR/frags.bpf.c"
	compile "$BATS_TEST_TMPDIR/frags.bpf.c" "$BATS_FILE_TMPDIR/frags.o"
	ip -n "$NS_A" link set bpa0 mtu 9000
	ip -n "$NS_B" link set bpb0 mtu 9000
	reading frags 20 EN10MB bpb0
	send -c 20 -i 1 -s 8900
	wait_exit "$PID"
	ip -n "$NS_A" link set bpa0 mtu 3000
	ip -n "$NS_B" link set bpb0 mtu 3000
	run -0 verify -e 1:0-19 -z 8900 -l EN10MB "$T/frags.pcap"
	run -0 cat "$T/frags.out"
	[[ $output == *"got=20 lost=0 bad=0"* ]]
}

@test "a tracepoint: what is dropped, from the IP header on" {
	reading drop 10 RAW
	in_a sender -c 10 -s 700 udp "$ADDR_B" $((PORT + 1)) >/dev/null
	wait_exit "$PID"
	run -0 cat "$T/drop.out"
	echo "$output"
	[[ $output == *"bad=0"* && $output == *"protocol=12"* ]]
	run -0 tcpdump -n -r "$T/drop.pcap"
	echo "$output"
	[[ $(grep -c "IP $ADDR_A.* > $ADDR_B.*UDP, length 700" <<<"$output") -ge 8 ]]
}

@test "errors: what the program gets back" {
	cat >"$BATS_TEST_TMPDIR/codes.bpf.c" <<-'END'
		#include "bpf_pcap.h"
		struct {
			__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
			__type(key, int);
			__type(value, int);
		} pcap_map SEC(".maps");
		SEC("tc")
		int flags(struct __sk_buff *skb)
		{
			return bpf_pcap(skb, 0, &pcap_map, BPF_PCAP_TYPE_ETH, 1ULL << 48) + 100;
		}
		SEC("tc")
		int protocol(struct __sk_buff *skb)
		{
			return bpf_pcap(skb, 0, &pcap_map, -2, 0) + 100;
		}
		SEC("tc")
		int nobody(struct __sk_buff *skb)
		{
			return bpf_pcap(skb, 0, &pcap_map, BPF_PCAP_TYPE_UNSET, BPF_F_PCAP_ID_MASK) + 100;
		}
		char _license[] SEC("license") = "Dual BSD/GPL";
	END
	compile "$BATS_TEST_TMPDIR/codes.bpf.c" "$BATS_TEST_TMPDIR/codes.o"
	mkdir "$BATS_TEST_TMPDIR/fs"
	mount -t bpf none "$BATS_TEST_TMPDIR/fs"
	defer umount "$BATS_TEST_TMPDIR/fs"
	bpftool prog loadall "$BATS_TEST_TMPDIR/codes.o" "$BATS_TEST_TMPDIR/fs/p"
	head -c 64 /dev/zero >"$BATS_TEST_TMPDIR/packet"
	local name
	for name in flags:78 protocol:78 nobody:98; do
		run -0 bpftool prog run pinned "$BATS_TEST_TMPDIR/fs/p/${name%:*}" data_in "$BATS_TEST_TMPDIR/packet"
		echo "$name: $output"
		[[ $output == *"Return value: ${name#*:},"* ]]
	done
}

@test "nothing is left behind" {
	nothing_left
}
