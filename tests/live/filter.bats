# SPDX-License-Identifier: BSD-3-Clause
# The filter runs in the kernel: in every tool, after every drop of privileges,
# swapped while packets come, and with the same packets as in user space.

load lib.bash

setup_file() {
	require tcpdump dumpcap tshark ip bpftool
	remember_objects
	pair_setup 65535
	export TX=bpfprobe:tx:netns=$NS_A
}

# in_kernel: of the packets that the filter rejects no record was written.
in_kernel() {
	local counters
	counters=$(sum emitted filtered rejected)
	echo "emitted, filtered, rejected: $counters"
	[[ $counters == "${1:-0} 0 0" ]]
}

@test "tcpdump: what the filter rejects never leaves the kernel" {
	local link
	for link in LINUX_SLL2 EN10MB RAW PFLOG; do
		capture dump tcpdump -l -n -y $link -i "$TX" "udp port $((PORT + 1)) or tcp port 80"
		send -c 50
		in_a sender -c 3 udp $SINK $((PORT + 1))
		until_true 10 has_text "$T/dump.out" "$((PORT + 1)): UDP"
		in_kernel 3
		until_true 10 all_read "$PID"
		stop
		counts "$T/dump.err"
		[[ $CAPTURED -eq 3 && $RECEIVED -eq 3 && $DROPPED -eq 0 ]]
	done
}

@test "after the drop to another user, and into a file" {
	local user
	for user in tcpdump root; do
		capture dump tcpdump -Z $user -n -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap" tcp
		send -c 50
		in_kernel
		stop
	done
}

@test "dumpcap and tshark, which have no capability when they set it" {
	capture_tool dump dumpcap -q -i "$TX" -f tcp -w "$BATS_TEST_TMPDIR/a.pcapng"
	send -c 50
	in_kernel
	stop
	capture_tool dump tshark -n -i "$TX" -f "udp port $((PORT + 1))" -c 1
	PID=$(pgrep -P "$PID" dumpcap)
	send -c 50
	in_kernel
	in_a sender udp $SINK $((PORT + 1))
	until_true 20 process_ended "$PID"
}

@test "several probes in one handle" {
	capture dump tcpdump -l -n -i bpfprobe:any "udp port $((PORT + 1))"
	send -c 50
	in_kernel
	in_a sender udp $SINK $((PORT + 1))
	until_true 10 has_text "$T/dump.out" "$((PORT + 1)): UDP"
	stop
}

@test "filters that look at what stands beside the bytes" {
	local link
	for link in LINUX_SLL2 EN10MB RAW PFLOG; do
		capture dump tcpdump -n -y $link -i "$TX" "inbound or (outbound and less 40)"
		send -c 50
		in_kernel
		stop
	done
}

# leaf_size [FILTER]: bytes of the program that the kernel keeps of the filter's, or, if there is none,
# of the first one's, in SIZE: of the last that was loaded, but for the one that calls it.
leaf_size() {
	local id
	capture dump tcpdump -n -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap" "$@"
	id=$(new_objects prog | awk '!/ name bpfprobe_dispatch$/ && $2 + 0 > id { id = $2 + 0 } END { print id }')
	[[ $(bpftool prog show id "$id") =~ xlated\ ([0-9]+)B ]]
	SIZE=${BASH_REMATCH[1]}
	echo "\"$*\": $SIZE bytes"
	stop
}

# What it does not need is not even in the program: no view is made.
@test "without a filter no work is done for one" {
	local some
	leaf_size "less 1"
	some=$SIZE
	leaf_size ""
	((SIZE < some * 9 / 10))
}

# frags_of N: packets whose linear part ends at every boundary of headers, and within them.
frags_of() {
	in_a frags -c 3 -s "$1" bpa0 $MAC_A $MAC_B $ADDR_A $SINK $PORT 14 24 34 36 42 60
}

@test "headers and payload in fragments: decided in the kernel" {
	local link
	for link in LINUX_SLL2 EN10MB RAW PFLOG; do
		capture dump tcpdump -n -y $link -i "$TX" -s 96 "udp port $PORT and udp[3008] == $(payload 3000)"
		frags_of 8000
		in_a frags -s 60000 bpa0 $MAC_A $MAC_B $ADDR_A $SINK $((PORT + 1)) 14
		in_kernel 18
		stop
		# In the first fragment, in the second one, and nowhere.
		capture dump tcpdump -n -y $link -i "$TX" -s 96 "udp[5008] == $(payload 5000) and udp[2:2] == $PORT and
			udp[39008] == $(payload 39000) and udp[59007] == $(payload 58999) and not tcp[1000] == 0"
		frags_of 59000
		in_kernel 18
		stop
		capture dump tcpdump -n -y $link -i "$TX" "udp[3008] == 1 + $(payload 3000) or udp[8008] == 0 or udp port 7"
		frags_of 8000
		in_kernel 0
		stop
	done
}

@test "thousands of filters under traffic: none missing, none twice, none that is rejected" {
	local n=$(scaled 400000 4000) swaps=$(scaled 3000 50)
	looping loop -i "$TX" -t 10 -B 33554432 "swap=$swaps,$n,$PORT"
	send -c "$n" -p $(scaled 60 4000)
	ended 60
	[[ $(of swaps) -ge $((swaps / 3)) && $(of packets) -ge $((n / 2)) ]]
	[[ $(of missing) -eq 0 && $(of twice) -eq 0 && $(of wrong) -eq 0 ]]
	# Of what one filter wants and the other does not, only what is read before the next swap.
	(($(of odd0) + $(of odd1) > 0))
	slow || [[ $(of odd0) -gt 0 && $(of odd1) -gt 0 ]]
}

# passes_all PID: whether nothing is filtered in the kernel in that capture.
passes_all() {
	(($(PID=$1 sum passing) == 1))
}

# end_helper: of the only capture; the filter that it sets after that stays in user space.
end_helper() {
	local helper
	helper=$(new_objects process)
	[[ $helper =~ ^process\ /proc/([0-9]+)/exe$ ]] || fail "no helper: $helper"
	kill -KILL "${BASH_REMATCH[1]}"
}

# packets_of FILE: without times, and without the one that had the filter set.
packets_of() {
	tcpdump -txnr "$1" "not udp port $((PORT + 2))" 2>/dev/null
}

# twice LINK EXPRESSION: what comes is captured by both, one of them without the kernel.
twice() {
	local kernel user n
	looping loop -i "$TX" -y "$1" -t 50 -f "udp port $((PORT + 2))" -F "1:$2" -w "$BATS_TEST_TMPDIR/user.pcap"
	user=$PID
	end_helper
	in_a sender -c 1 udp $SINK $((PORT + 2))
	until_true 10 passes_all "$user"
	capture dump tcpdump -n -i "$TX" -y "$1" -w "$BATS_TEST_TMPDIR/kernel.pcap" "$2"
	kernel=$PID
	send -c 100 -s mixed:1400
	in_a sender -c 50 -s mixed:1400 udp $SINK $((PORT + 1))
	frags_of 9000
	until_true 10 has_filtered "$user" 168
	[[ $(PID=$kernel sum filtered) -eq 0 ]]
	until_true 10 all_read "$kernel"
	stop "$kernel"
	stop "$user"
	packets_of "$T/kernel.pcap" >"$T/kernel.txt"
	packets_of "$T/user.pcap" >"$T/user.txt"
	n=$(grep -c UDP "$T/kernel.txt")
	echo "$1, $2: $n packets"
	((n >= 18 && n < 168))
	cmp "$T/kernel.txt" "$T/user.txt"
}

all_read() { # PID
	PID=$1 read_so_many 0
}

has_filtered() { # PID COUNT
	(($(PID=$1 sum filtered) >= $2))
}

@test "captured twice, by the kernel and, when the helper is gone, by user space: the same" {
	local link
	for link in $(scaled "LINUX_SLL2 EN10MB RAW PFLOG" LINUX_SLL2); do
		twice $link "udp port $PORT and (udp[19] & 1 = 1 or udp[4:2] > 8000)"
	done
	twice LINUX_SLL2 "outbound and greater 700 and not port $((PORT + 1))"
	twice EN10MB "ether src $MAC_A and (ip[2:2] > 500 or udp[100] = 7)"
	slow || twice RAW "len > 300 and ip[8] > 10 and udp[299] != 0"
}

# or_terms COUNT: none of them holds for a packet.
or_terms() {
	local i text=
	for ((i = 1; i <= $1; i++)); do
		text+=" or ip dst host 10.1.$((i / 200)).$((i % 200 + 1))"
	done
	echo "${text# or }"
}

@test "filters of 1, 40 and 400 terms run in the kernel" {
	local terms link
	for terms in 1 40 400; do
		for link in LINUX_SLL2 EN10MB RAW PFLOG; do
			capture dump tcpdump -n -y $link -i "$TX" "$(or_terms $terms) or udp port $((PORT + 1))"
			send -c 50
			in_a sender -c 3 udp $SINK $((PORT + 1))
			in_kernel 3
			stop
		done
	done
}

# leaves FILTER...: how many programs are loaded for it, beside the first ones.
leaves() {
	capture dump tcpdump -i "$TX" -w "$BATS_TEST_TMPDIR/a.pcap" "$@"
	new_objects prog | grep -c ' name bpfprobe_leaf$'
	stop
}

@test "what lets all packets pass is no filter: nothing is loaded for it" {
	run -0 leaves tcp
	[[ $output -eq 1 ]]
	run leaves
	[[ $output -eq 0 ]]
}

@test "a filter that the kernel does not take: the same packets, and no error" {
	local many=$(printf 'port %d or ' {1..150} | sed "s/ or $//")
	# -O: libpcap's optimizer would take a minute.
	capture dump tcpdump -O -l -n -i "$TX" "udp port $PORT or $many"
	passes_all "$PID"
	send -c 5
	in_a sender -c 50 udp $SINK $((PORT + 1))
	until_true 10 has_filtered "$PID" 55
	stop
	counts "$T/dump.err"
	[[ $CAPTURED -eq 5 && $RECEIVED -eq 5 && $DROPPED -eq 0 ]]
	! slow || skip "and one that its verifier gives up: takes minutes in an emulated machine"
	local nested=$(printf 'ip[ip[%d]] > udp[0] or ' {1..300} | sed "s/ or $//")
	capture dump tcpdump -O -l -n -i "$TX" "udp port $PORT and ($nested or udp[2:2] = $PORT)"
	passes_all "$PID"
	send -c 5 -s 1000 # a load beyond the packet would reject it
	until_true 10 has_filtered "$PID" 5
	stop
	counts "$T/dump.err"
	[[ $CAPTURED -eq 5 && $DROPPED -eq 0 ]]
}

# A tmpfs in a mount namespace of its own stands for the directory of an installed helper.
@test "for a user without privilege, by the capabilities of the helper's file" {
	require setcap setpriv nsenter unshare capsh
	local file cap caps=cap_bpf,cap_perfmon
	# Those that a process of this machine may have at all.
	for cap in cap_sys_admin cap_ipc_lock cap_sys_resource cap_sys_ptrace; do
		capsh --has-b=$cap && caps+=,$cap
	done
	# As Debian has it: bpf(2) is not for such a user.
	(($(sysctl -n kernel.unprivileged_bpf_disabled) > 0)) || {
		sysctl -qw kernel.unprivileged_bpf_disabled=2
		defer sysctl -qw kernel.unprivileged_bpf_disabled=0
	}
	file=$(strings "$BUILD/libpcap/libpcap.so.0.8" | grep -x '/.*/pcap-bpfprobe-helper')
	[[ -d ${file%/*} ]] || skip "no ${file%/*} to stand on"
	public_copy
	setpriv --reuid=65534 --regid=65534 --clear-groups cat "$PUBLIC/libpcap.so.0.8" >"$BATS_TEST_TMPDIR/read"
	capture dump nsenter "--net=/run/netns/$NS_A" unshare -m bash -c "mount -t tmpfs none ${file%/*} &&
		install -m 750 -g nogroup $PUBLIC/${BPFPROBE_HELPER##*/} $file && setcap $caps=ep $file &&
		exec setpriv --reuid=65534 --regid=65534 --clear-groups env -u BPFPROBE_HELPER LD_LIBRARY_PATH=$PUBLIC \
			tcpdump -l -n -i $TX udp port $((PORT + 1))"
	[[ $(ps -o uid= "$PID") -eq 65534 && $(grep CapEff "/proc/$PID/status") == *$'\t0000000000000000' ]]
	send -c 50
	in_kernel
	in_a sender -c 3 udp $SINK $((PORT + 1))
	until_true 10 has_text "$T/dump.out" "$((PORT + 1)): UDP"
	stop
}

@test "nothing is left behind" {
	nothing_left
}
