# SPDX-License-Identifier: BSD-3-Clause
# bpfprog:...:map=: packets that a loaded program writes by bpf_pcap(3), and its configuration.

load lib.bash

setup_file() {
	require cc clang tcpdump bpftool jq taskset tc
	pair_setup 3000
	pair_drops
	remember_objects
	export FS=$BATS_FILE_TMPDIR/fs
	mkdir "$FS"
	mount -t bpf none "$FS"
	defer umount "$FS"
	local name
	for name in tc xdp drop config; do
		cp "$TOP/examples/$name.bpf.c" "$BATS_FILE_TMPDIR"
	done
	write_answer
	write_garbage
	for name in tc xdp config answer garbage; do
		compile "$BATS_FILE_TMPDIR/$name.bpf.c" "$BATS_FILE_TMPDIR/$name.o"
	done
}

# Returns what bpf_pcap() says, and 100: 98 if nobody reads from this CPU.
write_answer() {
	sed 's/bpf_pcap(skb/return 100 + &/' "$TOP/examples/tc.bpf.c" >"$BATS_FILE_TMPDIR/answer.bpf.c"
}

# Numbered packets to PORT, of which each that is not the eighth one makes a bad record.
write_garbage() {
	cat >"$BATS_FILE_TMPDIR/garbage.bpf.c" <<-'END'
		#include "bpf_pcap.h"
		struct {
			__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
			__type(key, int);
			__type(value, int);
		} pcap_map SEC(".maps");
		struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__type(key, __u32);
			__type(value, __u32);
		} pcap_count SEC(".maps");
		struct large {
			__u8 bytes[70000];
		};
		struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__type(key, __u32);
			__type(value, struct large);
		} pcap_large SEC(".maps");

		static __always_inline void put(struct __sk_buff *skb, struct bpf_pcap_hdr *hdr, __u64 size)
		{
			bpf_perf_event_output(skb, &pcap_map, BPF_F_CURRENT_CPU, hdr, size);
		}

		SEC("tc")
		int garbage(struct __sk_buff *skb)
		{
			struct bpf_pcap_hdr hdr = { BPF_PCAP_MAGIC, BPF_PCAP_TYPE_ETH, 0, bpf_ktime_get_boot_ns(), 100, 0 };
			__u32 first = 0, *count = bpf_map_lookup_elem(&pcap_count, &first);
			__u32 n;

			if (!count || skb->protocol != __builtin_bswap16(0x0800))
				return 0;
			n = (*count)++;
			switch (n % 8) {
			case 0: /* one that is cut anywhere, empty among them */
				put(skb, &hdr, (n / 8) % sizeof(hdr));
				return 0;
			case 1:
				hdr.magic ^= 1U << (n / 8) % 32;
				break;
			case 2:
				hdr.cap_len = hdr.tot_len = 1U << (n / 8) % 31;
				break;
			case 3:
				hdr.tot_len = 0;
				break;
			case 4:
				hdr.protocol = -2 - (int)(n / 8);
				break;
			case 5:
				hdr.tot_len = 0xffffffff - n / 8;
				break;
			case 6: /* of another link type */
				hdr.protocol = 105;
				break;
			default: /* a good one, but that it comes from the future */
				hdr.ktime_ns = -1ULL - n;
				hdr.tot_len = hdr.cap_len = skb->len;
				bpf_perf_event_output(
				    skb, &pcap_map, BPF_F_CURRENT_CPU | (__u64)skb->len << 32, &hdr, sizeof(hdr));
				return 0;
			}
			put(skb, &hdr, sizeof(hdr));
			return 0;
		}

		/* Records that the kernel cannot count the bytes of, and good ones in between. */
		SEC("tc")
		int huge(struct __sk_buff *skb)
		{
			__u32 first = 0, *count = bpf_map_lookup_elem(&pcap_count, &first), n;
			struct large *large = bpf_map_lookup_elem(&pcap_large, &first);

			if (!count || !large || skb->protocol != __builtin_bswap16(0x0800))
				return 0;
			n = (*count)++;
			if (n % 3 == 1)
				bpf_perf_event_output(skb, &pcap_map, BPF_F_CURRENT_CPU, large, 65517);
			else if (n % 3 == 2)
				bpf_perf_event_output(skb, &pcap_map, BPF_F_CURRENT_CPU, large, 69999);
			else
				bpf_pcap(skb, 0, &pcap_map, BPF_PCAP_TYPE_ETH, 0);
			return 0;
		}
		char _license[] SEC("license") = "Dual BSD/GPL";
	END
}

# pinned NAME [PROGRAM]: loads the programs of an object; PIN is where PROGRAM is.
pinned() {
	bpftool prog loadall "$BATS_FILE_TMPDIR/$1.o" "$FS/$1-$BATS_TEST_NUMBER" pinmaps "$FS/$1-$BATS_TEST_NUMBER-maps"
	MAPS=$FS/$1-$BATS_TEST_NUMBER-maps
	PIN=$FS/$1-$BATS_TEST_NUMBER/${2:-capture}
	defer rm -r "$FS/$1-$BATS_TEST_NUMBER" "$MAPS"
}

# attached NAME [PROGRAM]: the same, and it sees what comes to bpb0.
attached() {
	pinned "$@"
	in_b tc qdisc add dev bpb0 clsact
	defer ip netns exec "$NS_B" tc qdisc del dev bpb0 clsact
	in_b tc filter add dev bpb0 ingress bpf da object-pinned "$PIN"
}

# reading NAME [tcpdump options]: a capture of the program at PIN into NAME.pcap.
reading() {
	capture "$1" tcpdump -n -w "$BATS_TEST_TMPDIR/$1.pcap" -i "bpfprog:pin/$PIN:map=pcap_map${CONFIG:+:config=$CONFIG}" "${@:2}"
}

# refused TEXT DEVICE: it cannot be opened; TEXT is in the one line that says why.
refused() {
	run ! timeout 20 tcpdump -n -c 1 -i "$2"
	echo "$output"
	[[ $output == *"$1"* ]]
	[[ $(wc -l <<<"$output") -le 2 ]]
}

# answers CPU: what the program "answer" gets from bpf_pcap() there.
answers() {
	run -0 taskset -c "$1" bpftool prog run pinned "$PIN" data_in "$BATS_TEST_TMPDIR/packet"
	[[ $output =~ "Return value: "([0-9]+) ]]
	echo $((BASH_REMATCH[1] - 100))
}

# all_answer N: so it is on all CPUs.
all_answer() {
	local cpu cpus
	cpus=$(nproc)
	head -c 64 /dev/zero >"$BATS_TEST_TMPDIR/packet"
	for ((cpu = 0; cpu < cpus; cpu++)); do
		[[ $(answers "$cpu") == "$1" ]] || return 1
	done
}

configured() { # KEY VALUE: in the configuration
	[[ $(bpftool -j map lookup pinned "$MAPS/pcap_config" key 0 0 0 0 | jq ".formatted.value.$1") -eq $2 ]]
}

answered() { # CPU VALUE
	[[ $(answers "$1") == "$2" ]]
}

# are KEY N...: the capture's counters.
are() {
	local keys=() values=()
	while (($#)); do
		keys+=("$1") values+=("$2")
		shift 2
	done
	[[ $(sum "${keys[@]}") == "${values[*]}" ]]
}

above() { # KEY N...
	while (($#)); do
		[[ $(sum "$1") -gt $2 ]] || return 1
		shift 2
	done
}

no_helper() {
	[[ -z $(new_objects process) ]]
}

all_counted() { # N
	[[ $(($(sum emitted) + $(sum lost))) -eq $1 ]]
}

@test "tc: the bytes that were sent" {
	attached tc
	reading sent -c 20
	send -c 20 -s mixed:2900
	wait_exit "$PID"
	run -0 verify -e 0:0-19 -z mixed:2900 -l EN10MB -n 1514 -w "$START:$END" -m "$MAC_A,$MAC_B" "$T/sent.pcap"
	counts "$T/sent.err"
	[[ $CAPTURED -eq 20 && $RECEIVED -eq 20 && $DROPPED -eq 0 ]]
}

@test "XDP: whole packets" {
	pinned xdp
	ip -n "$NS_B" link set dev bpb0 xdpgeneric pinned "$PIN"
	defer ip -n "$NS_B" link set dev bpb0 xdpgeneric off
	reading sent -c 20
	send -c 20 -s mixed:2900
	wait_exit "$PID"
	run -0 verify -e 0:0-19 -z mixed:2900 -l EN10MB -w "$START:$END" "$T/sent.pcap"
}

@test "the other link types; a program by name, tag and number" {
	attached tc
	local way id tag
	id=$(bpftool -j prog show pinned "$PIN" | jq .id)
	tag=$(bpftool -j prog show pinned "$PIN" | jq -r .tag)
	for way in "id/$id RAW" "tag/$tag LINUX_SLL2" "id/$id PFLOG"; do
		capture sent tcpdump -n -w "$BATS_TEST_TMPDIR/sent.pcap" -c 3 -y "${way#* }" -i "bpfprog:${way% *}:map=pcap_map"
		send -c 3
		wait_exit "$PID"
		run -0 verify -e 0:0-2 -l "${way#* }" -a "$ADDR_A,$SINK" -p "$PORT" "$T/sent.pcap"
	done
	[[ $(tcpdump --list-data-link-types -i "bpfprog:id/$id:map=pcap_map" 2>&1 | grep -c "^  ") -eq 4 ]]
	capture sent tcpdump -n -c 1 -i "bpfprog:id/$id:map=pcap_map:proto=ieee802_11"
	send -c 3
	until_true 10 are rejected 3
	stop
}

@test "a filter, in user space; a short snapshot length; len=" {
	attached tc
	reading sent -s 100 "udp dst port $PORT"
	in_a sender -c 5 udp "$SINK" $((PORT + 1)) >/dev/null
	send -c 10 -s 1000
	until_true 10 are delivered 10 rejected 5 filtered 15
	[[ $(sum passing) -eq 1 ]]
	stop
	run -0 verify -e 0:0-9 -z 1000 -l EN10MB -n 100 "$T/sent.pcap"
	counts "$T/sent.err"
	[[ $CAPTURED -eq 10 && $RECEIVED -eq 10 && $DROPPED -eq 0 ]]
	capture sent tcpdump -n -c 3 -w "$BATS_TEST_TMPDIR/sent.pcap" -i "bpfprog:pin/$PIN:map=pcap_map:len=60"
	send -c 3 -s 1000
	wait_exit "$PID"
	run -0 verify -e 0:0-2 -z 1000 -l EN10MB -n 74 "$T/sent.pcap"
}

@test "several CPUs: in the order of time" {
	[[ $(nproc) -gt 1 ]] || skip "one CPU"
	attached tc
	reading sent -c 200
	local n
	for ((n = 0; n < 200; n += 20)); do
		taskset -c $((n / 20 % 2)) ip netns exec "$NS_A" sender -f $n -c 20 udp "$SINK" "$PORT" >/dev/null
	done
	wait_exit "$PID"
	run -0 verify -e 0:0-199 -o -l EN10MB "$T/sent.pcap"
}

@test "a killed tool leaves the slots empty, also while the helper is stopped" {
	pinned answer
	all_answer -2
	reading sent
	all_answer 0
	kill -KILL "$PID"
	until_true 10 all_answer -2
	reading sent
	local helper
	helper=$(new_objects process)
	helper=${helper#process /proc/}
	helper=${helper%/exe}
	kill -STOP "$helper"
	kill -KILL "$PID"
	until_true 10 all_answer -2 || { kill -CONT "$helper"; false; }
	kill -CONT "$helper"
}

@test "without the helper the capture goes on" {
	attached tc
	reading sent -c 10
	local helper
	helper=$(new_objects process)
	helper=${helper#process /proc/}
	kill -KILL "${helper%/exe}"
	send -c 10
	wait_exit "$PID"
	run -0 verify -e 0:0-9 -l EN10MB -n 1514 "$T/sent.pcap"
}

@test "what is lost is counted" {
	attached tc
	capture sent tcpdump -n -w "$BATS_TEST_TMPDIR/sent.pcap" -i "bpfprog:pin/$PIN:map=pcap_map:pages=8"
	kill -STOP "$PID"
	taskset -c 0 ip netns exec "$NS_A" sender -c 200 -s 1000 udp "$SINK" "$PORT" >/dev/null
	kill -CONT "$PID"
	until_true 10 above delivered 5
	# The kernel tells with the next record.
	taskset -c 0 ip netns exec "$NS_A" sender -f 200 -c 1 -s 1000 udp "$SINK" "$PORT" >/dev/null
	until_true 10 all_counted 201 || fail "emitted=$(sum emitted) lost=$(sum lost)"
	# Before 6.0 it does not tell what was lost last.
	local sent=201
	if [[ $(printf '%s\n' 6.0 "$(uname -r)" | sort -V | head -n 1) == 6.0 ]]; then
		kill -STOP "$PID"
		taskset -c 0 ip netns exec "$NS_A" sender -f 201 -c 200 -s 1000 udp "$SINK" "$PORT" >/dev/null
		kill -CONT "$PID"
		until_true 10 above delivered 40
		sent=401
	fi
	stop
	counts "$T/sent.err"
	[[ $((RECEIVED + DROPPED)) -eq $sent && $DROPPED -gt 100 ]]
	run -0 verify -L -e 0:0-400 -z 1000 -l EN10MB "$T/sent.pcap"
}

@test "a configuration is written, obeyed, and what was there put back" {
	attached config
	bpftool map update pinned "$MAPS/pcap_config" key 0 0 0 0 value $(seq 1 32)
	send -c 3
	CONFIG=pcap_config reading sent -s 300
	configured magic $((0xb7fca7))
	configured cap_len 300
	configured protocol -1
	configured flags 0
	send -c 10 -s 1000
	until_true 10 are delivered 10
	kill -KILL "$PID"
	until_true 10 configured cap_len $((0x201f1e1d))
	configured magic $((0x04030201))
	# What somebody else writes meanwhile is his.
	CONFIG=pcap_config reading sent -s 300
	bpftool map update pinned "$MAPS/pcap_config" key 0 0 0 0 value $(seq 2 33)
	stop
	until_true 10 no_helper
	configured magic $((0x05040302))
}

@test "hostile records are counted and passed over" {
	attached garbage garbage
	reading sent "udp port $PORT"
	send -c 800 -s 200
	until_true 10 are emitted 800
	# They are of now, and in nobody's way.
	until_true 10 are delivered 100
	run -0 sum rejected broken lost
	[[ $output == "100 600 0" ]]
	stop
	counts "$T/sent.err"
	[[ $CAPTURED -eq 100 && $RECEIVED -eq 100 && $DROPPED -eq 600 ]]
	run -0 tcpdump -n -tttt -r "$T/sent.pcap"
	[[ $(grep -c "^$(date -u +%Y).* UDP, length 200" <<<"$output") -eq 100 ]]
}

@test "records beyond what the kernel can count: the capture goes on" {
	attached garbage huge
	reading sent "udp port $PORT"
	local n
	for n in {1..20}; do
		in_a sender -c 60 -s 500 udp "$SINK" "$PORT" >/dev/null
	done
	until_true 10 above delivered 20 broken 20
	stop
	counts "$T/sent.err"
	[[ $CAPTURED -gt 20 && $DROPPED -gt 20 ]]
}

@test "a map that is read already is refused, and its reader loses nothing" {
	background reader in_b pcapread "$BATS_FILE_TMPDIR/tc.o" 20 "$BATS_TEST_TMPDIR/tc.pcap" EN10MB bpb0
	started "$T/reader.out" ready
	local id reader=$PID
	defer ip netns exec "$NS_B" tc qdisc del dev bpb0 clsact
	id=$(in_b tc filter show dev bpb0 ingress | awk 'match($0, / id [0-9]+/) {print substr($0, RSTART + 4, RLENGTH - 4); exit}')
	refused 'map "pcap_map" is being read already (CPU 0), and has room for one reader only' "bpfprog:id/$id:map=pcap_map"
	send -c 20
	wait_exit "$reader"
	[[ $(<"$T/reader.out") == *"got=20 lost=0"* ]]
}

@test "one slot of the map is enough" {
	local last id
	last=$(($(nproc) - 1))
	pinned answer
	background reader bpftool map event_pipe pinned "$MAPS/pcap_map" cpu "$last" index "$last"
	all_answer x || : # the packet
	until_true 10 answered "$last" 0
	refused "is being read already (CPU $last)" "bpfprog:pin/$PIN:map=pcap_map"
	[[ $(answers "$last") == 0 ]]
	kill -INT "$PID"
	wait_exit "$PID" || :
	reading sent
	stop
}

@test "two captures of one map: the second is refused" {
	attached tc
	reading sent -c 5
	refused 'is being read already' "bpfprog:pin/$PIN:map=pcap_map"
	send -c 5
	wait_exit "$PID"
}

@test "who puts events into the map later has it" {
	attached tc
	reading sent
	send -c 5
	until_true 10 are delivered 5
	local capture=$PID
	background later bpftool map event_pipe pinned "$MAPS/pcap_map"
	# The kernel says nothing to anybody; so the first of these packets may still be the capture's.
	until_true 10 sent_to_later
	kill -INT "$PID"
	wait_exit "$PID" || :
	PID=$capture
	[[ $(sum lost) -eq 0 ]]
	stop
	# And when he has gone, too, it is free.
	reading sent -c 1
	send -c 1
	wait_exit "$PID"
}

sent_to_later() {
	send -c 1
	[[ $(grep -c "^==" "$T/later.out") -gt 0 ]]
}

@test "errors: maps and types that do not fit" {
	pinned config
	refused 'has no map "pcap_mpa"; did you mean pcap_map?)' "bpfprog:pin/$PIN:map=pcap_mpa"
	refused 'has no map "other"; it has ' "bpfprog:pin/$PIN:map=other"
	refused 'is of type array, not perf_event_array)' "bpfprog:pin/$PIN:map=pcap_config"
	refused 'map "pcap_map" of BPF program' "bpfprog:pin/$PIN:map=pcap_map:config=pcap_map"
	[[ $output == *"is of type perf_event_array, not array)"* ]]
	bpftool map freeze pinned "$MAPS/pcap_config"
	refused 'can only be read: it is frozen' "bpfprog:pin/$PIN:map=pcap_map:config=pcap_config"
	bpftool map freeze pinned "$MAPS/pcap_map"
	refused 'map "pcap_map" of BPF program' "bpfprog:pin/$PIN:map=pcap_map"
	[[ $output == *"can only be read: it is frozen, or made with BPF_F_RDONLY)"* ]]
	# Maps there are, but of what is not known.
	in_b xdpback generic bpb0
	defer ip -n "$NS_B" link set dev bpb0 xdpgeneric off
	local id
	id=$(ip -n "$NS_B" -j link show dev bpb0 | jq '.[0].xdp.prog.id')
	refused 'has no BTF, which would tell what its maps hold; compile it with -g)' "bpfprog:id/$id:map=pcap_map"
}

# variant NAME SED: the program config, changed, in an object of its own.
variant() {
	mkdir -p "$BATS_TEST_TMPDIR/include"
	sed "$2" "$TOP/include/bpf_pcap.h" >"$BATS_TEST_TMPDIR/include/bpf_pcap.h"
	sed "$2" "$TOP/examples/config.bpf.c" >"$BATS_TEST_TMPDIR/$1.bpf.c"
	compile "$BATS_TEST_TMPDIR/$1.bpf.c" "$BATS_FILE_TMPDIR/$1.o" -iquote "$BATS_TEST_TMPDIR/include"
	pinned "$1"
}

@test "errors: who is not root" {
	pinned tc
	local caps=+bpf,+perfmon,+sys_admin id
	public_copy
	id=$(bpftool -j prog show pinned "$PIN" | jq .id)
	run -1 setpriv --reuid=65534 --regid=65534 --clear-groups "--inh-caps=$caps" "--ambient-caps=$caps" \
		"${AS[@]}" pcaploop -i "bpfprog:id/$id:map=pcap_map" activate
	echo "$output"
	[[ $output == *"only root may look into BPF programs"* ]]
}

@test "errors: programs that do not fit" {
	variant wide 's/__u32 tot_len;/__u64 tot_len;/'
	refused 'is not that of bpf_pcap.h: its "tot_len" is not of 4 bytes)' "bpfprog:pin/$PIN:map=pcap_map"
	variant moved 's/__u32 magic;/__u64 magic;/'
	refused 'is not that of bpf_pcap.h: its "magic" is not of 4 bytes)' "bpfprog:pin/$PIN:map=pcap_map"
	variant other 's/bpf_pcap_hdr/my_hdr/'
	refused 'does not know struct bpf_pcap_hdr' "bpfprog:pin/$PIN:map=pcap_map"
	variant value 's/__type(value, struct bpf_pcap_hdr)/__type(value, int[8])/'
	refused 'is not the struct bpf_pcap_hdr of bpf_pcap.h: it is of another type)' "bpfprog:pin/$PIN:map=pcap_map:config=pcap_config"
	variant keeps 's/__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);/& __uint(map_flags, BPF_F_PRESERVE_ELEMS);/'
	refused 'has BPF_F_PRESERVE_ELEMS: a capture that is killed would stay in it)' "bpfprog:pin/$PIN:map=pcap_map"
}

@test "maps with long names" {
	variant long 's/pcap_map/pcap_map_with_a_long_name/'
	refused 'did you mean pcap_map_with_a_long_name?)' "bpfprog:pin/$PIN:map=pcap_map_with_a_lnog_name"
	all_answer x || : # the packet
	capture sent tcpdump -n -c 1 -i "bpfprog:pin/$PIN:map=pcap_map_with_a_long_name"
	stop
	capture sent tcpdump -n -c 1 -i "bpfprog:pin/$PIN:map=pcap_map_with_a"
	stop
	variant two 's/pcap_map/pcap_map_with_a_long_name/; s/pcap_config/pcap_map_with_a_twin/'
	refused 'has several maps whose names begin with "pcap_map_with_a"' "bpfprog:pin/$PIN:map=pcap_map_with_a_long_name"
}

@test "nothing is left behind" {
	nothing_left
}
