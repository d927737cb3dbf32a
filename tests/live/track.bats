# SPDX-License-Identifier: BSD-3-Clause
# Packets that are followed: one identifier at all probes, whatever becomes of the headers, another
# one for each packet; and captures of what comes to a certain place only.

load lib.bash
load pcapng.bash
load crypt.bash

setup_file() {
	require tcpdump tshark ip nft bpftool jq
	remember_objects
	pair_setup
	pair_drops
	kinds_setup
}

# table: identifier ("-": none), number, probe and ports of each record of ours.pcap, into $T/table; its
# last packet is the innermost.
table() {
	fields ours frame.packet_id data.data frame.interface_name udp.dstport |
		awk -F'\t' '{ print $1 ? "p" $1 : "-", "n" substr($2, 17, 8), $3, $4 }' >"$T/table"
	head -n 12 "$T/table"
}

# joined: "PROBES PACKETS" for each set of probes, in the order of records; fails if an identifier is that of
# two packets, or a packet has two, or none, and says so instead.
joined() {
	probes_of 2
}

# ways: the same for each set of probes that an identifier has, whatever the packets' bytes are.
ways() {
	probes_of 1
}

probes_of() { # 1: identifier, 2: number
	awk -v column="$1" '$1 == "-" || column == 2 && (($1 in number && number[$1] != $2) || ($2 in id && id[$2] != $1)) {
			wrong++; print "wrong: " $0 }
		{ number[$1] = $2; id[$2] = $1; sub("tp/", "", $3); probes[$column] = probes[$column] $3 " " }
		END { for (i in probes) count[probes[i]]++; for (p in count) print p count[p]; exit wrong > 0 }' \
		"$T/table" >"$T/probes" || { cat "$T/probes"; return 1; }
	sort "$T/probes"
}

# all_followed: as many records have an identifier as there are, and none was lost.
all_followed() {
	said ours
	[[ $DROPPED -eq 0 ]]
	table
}

@test "one packet, one identifier: thousands of packets at three probes" {
	local n=$(scaled 3000 300)
	listen $ADDR_B "$PORT"
	into ours bpfprobe:tx+tp/net_dev_start_xmit+rx:track -B 65536 "udp port $PORT"
	in_a sender -c $n -s 100 -p 100 udp $ADDR_B "$PORT"
	until_true 20 read_so_many $((3 * n))
	stop
	all_followed
	[[ $(joined) == "net_dev_queue net_dev_start_xmit netif_receive_skb $n" ]]
}

@test "without track: no identifiers" {
	into ours bpfprobe:any "udp port $PORT"
	send -c 3
	stop
	readable ours 6
	[[ -z $(only frame.packet_id ours) ]]
}

# translate: in B the port behind the next two is that which is dropped.
translate() {
	in_b nft -f - 2>"$BATS_TEST_TMPDIR/try" <<-END || cannot "this kernel has no NAT: $(<"$BATS_TEST_TMPDIR/try")"
		table ip n {
			chain prerouting {
				type nat hook prerouting priority -100
				ip daddr $ADDR_B udp dport $((PORT + 3)) dnat to $ADDR_B:$((PORT + 1))
			}
		}
	END
	defer in_b nft delete table ip n
}

@test "address translation: the packet is followed where the filter would not let it pass" {
	translate
	into ours bpfprobe:any+drop:track "udp dst port $((PORT + 3))"
	in_a sender -c 50 -s 100 udp $ADDR_B $((PORT + 3))
	in_a sender -c 50 -s 100 udp $ADDR_B $((PORT + 1))
	until_true 10 read_so_many 150
	stop
	all_followed
	[[ $(joined) == "net_dev_queue netif_receive_skb kfree_skb 50" ]]
	[[ $(awk '{ print $3, $4 }' "$T/table" | sort | uniq -c | sed 's/^ *//') == \
"50 tp/kfree_skb $((PORT + 1))
50 tp/net_dev_queue $((PORT + 3))
50 tp/netif_receive_skb $((PORT + 3))" ]]
}

@test "VXLAN: inside and outside of the tunnel" {
	tunnel_ends t0 1400 $ADDR_A $ADDR_B type vxlan id 7 dstport 4789
	listen 10.78.0.2 "$PORT"
	into ours bpfprobe:any:track "udp port $PORT"
	in_a sender -c 100 -s 100 -p 1000 udp 10.78.0.2 "$PORT"
	until_true 10 read_so_many 400
	stop
	all_followed
	[[ $(joined) == "net_dev_queue net_dev_queue netif_receive_skb netif_receive_skb 100" ]]
	[[ $(grep -c " 4789,$PORT$" "$T/table") -eq 200 ]]
}

@test "WireGuard: plain and encrypted, it is the same packet" {
	wireguard_ends
	listen 10.78.0.2 "$PORT"
	into ours bpfprobe:any:track "udp port $PORT"
	in_a sender -c 20 -s 100 -p $(scaled 1000 100000) udp 10.78.0.2 "$PORT"
	until_true 30 read_so_many 80
	stop
	all_followed
	readable ours 80
	[[ $(ways) == "net_dev_queue net_dev_queue netif_receive_skb netif_receive_skb 20" ]]
	[[ $(grep -c " $PORT$" "$T/table") -eq 40 && $(grep -c " 51820$" "$T/table") -eq 40 ]]
}

# decrypted MODE WAY: where packets are seen that are encrypted for a port where nobody listens.
decrypted() {
	esp "$1"
	into ours bpfprobe:any+drop:track "ip proto 50"
	in_a sender -c 20 -s 100 -p $(scaled 1000 100000) udp $ADDR_B $((PORT + 1))
	until_true 30 read_so_many $((20 * $(wc -w <<<"$2")))
	stop
	all_followed
	[[ $(ways) == "$2 20" ]]
	# Plain, which no filter for ESP would show.
	[[ $(grep -c "^[^ ]* n[0-9a-f]* tp/kfree_skb $((PORT + 1))$" "$T/table") -eq 20 ]]
}

@test "ESP in transport mode: encrypted, and plain where it is dropped" {
	decrypted transport "net_dev_queue netif_receive_skb kfree_skb"
}

@test "ESP in tunnel mode: encrypted, received once more when it is plain, and dropped" {
	decrypted tunnel "net_dev_queue netif_receive_skb netif_receive_skb kfree_skb"
}

@test "IP fragments: the datagram has the identifier of the first one" {
	into ours bpfprobe:any+drop:track "ip src $ADDR_A and dst $ADDR_B"
	in_a sender -c 10 -s 4000 -p 1000 udp $ADDR_B $((PORT + 1))
	until_true 10 read_so_many 90
	stop
	said ours
	[[ $DROPPED -eq 0 ]]
	fields ours frame.packet_id ip.len frame.interface_name | awk '!$1 { wrong++ }
		{ lengths[$1] = lengths[$1] $2 " " } END { for (i in lengths) print lengths[i]; exit wrong > 0 }' >"$T/lengths"
	[[ $(sort "$T/lengths" | uniq -c | sed 's/^ *//') == \
"10 1068 1068 1068 "$'\n'"10 1500 1500 1500 "$'\n'"10 1500 1500 4028 " ]]
}

@test "clones: of a packet socket" {
	# Not that of other tests, of which the last packets may end here.
	local port=$((PORT + 2))
	listen $ADDR_B $port
	capture other in_a tcpdump -n -w "$BATS_TEST_TMPDIR/other.pcap" -i bpa0 "udp port $port"
	local other=$PID
	into ours bpfprobe:any+tp/consume_skb:track "udp port $port"
	in_a sender -c 100 -s 100 -p 1000 udp $ADDR_B $port
	until_true 10 read_so_many 300
	stop
	stop "$other"
	all_followed
	joined >"$T/joined"
	cat "$T/joined"
	# Where the program that reads the socket runs on another CPU, the packet itself ends there, too (Linux 6.18).
	run -0 awk '/^net_dev_queue consume_skb netif_receive_skb (consume_skb )?[0-9]+$/ { n += $NF; next }
		{ n -= 1000 } END { print n }' "$T/joined"
	[[ $output -eq 100 ]]
}

@test "TCP: segments have one identifier each, which no other one has" {
	serve "$PORT"
	into ours "bpfprobe:any:track" -B 65536 "tcp port $PORT"
	head -c 3000000 /dev/zero | in_a busybox nc -w 5 $ADDR_B "$PORT"
	sleep $(scaled 0.5 3) # the last acknowledgement has arrived
	until_true 10 all_read
	stop
	said ours
	[[ $DROPPED -eq 0 && $CAPTURED -gt 50 ]]
	fields ours frame.packet_id tcp.srcport tcp.seq_raw tcp.ack_raw tcp.len frame.interface_name >"$T/table"
	awk -F'\t' '!$1 { wrong++ } { key = $2 " " $3 ($5 ? "" : " " $4); records[$1]++; probes[$1] = probes[$1] $6 }
		$1 in is && is[$1] != key { wrong++; print "wrong: " $0 } { is[$1] = key }
		# A segment that is sent again is the same packet, also if it is cut or has got more.
		END { for (i in records) if (probes[i] !~ /^(tp\/net_dev_queuetp\/netif_receive_skb)+$/) { wrong++; print i, probes[i], is[i] }
			print "ids", length(records), "wrong", wrong + 0; exit wrong > 0 }' "$T/table"
}

@test "TCP: a clone is followed past a filter that is for another target" {
	serve "$PORT"
	capture other in_a tcpdump -n -w "$BATS_TEST_TMPDIR/other.pcap" -i bpa0 "tcp dst port $PORT"
	local other=$PID
	into ours bpfprobe:tx+tp/consume_skb:track -y PFLOG "ruleset net_dev_queue and tcp dst port $PORT"
	head -c 100000 /dev/zero | in_a busybox nc -w 5 $ADDR_B "$PORT"
	until_true 10 all_read
	stop
	stop "$other"
	fields ours frame.packet_id frame.interface_name | awk '!$1 { wrong++ } { seen[$1] = seen[$1] $2 " " }
		END { for (i in seen) if (seen[i] !~ /^tp.net_dev_queue tp.consume_skb /) { wrong++; print i, seen[i] }
			print length(seen), "packets", wrong + 0, "wrong"; exit wrong > 0 || length(seen) < 5 }'
}

@test "TCP: a SYN that is sent again and again, for 15 seconds, is one packet" {
	in_b nft "table ip syn { chain input { type filter hook input priority 0; tcp dport $PORT drop; }; }"
	defer in_b nft delete table ip syn
	in_a sysctl -qw net.ipv4.tcp_syn_linear_timeouts=0 2>/dev/null || : # before Linux 6.5 they never are
	into ours bpfprobe:any+drop:track "tcp dst port $PORT"
	local ours=$PID
	background again in_a busybox nc -w 30 $ADDR_B "$PORT"
	PID=$ours
	until_true 40 read_so_many 15
	stop
	all_followed
	[[ $(cut -d ' ' -f 1 "$T/table" | sort -u | grep -c "^p") -eq 1 ]]
}

@test "too many at once: counted, and shown without identifier" {
	listen $ADDR_B "$PORT"
	local listener=$PID
	kill -STOP "$listener"
	into ours bpfprobe:any:track=4 "udp port $PORT"
	in_a sender -c 20 -s 100 udp $ADDR_B "$PORT"
	until_true 10 read_so_many 40
	run -0 sum untracked
	local untracked=$output
	stop
	kill -CONT "$listener"
	said ours
	[[ $CAPTURED -eq 40 && $RECEIVED -eq 40 && $DROPPED -eq 0 && $untracked -ge 30 ]]
	table
	[[ $(grep -c "^p" "$T/table") -ge 8 && $(grep -c "^-" "$T/table") -ge 24 ]]
	# An end makes room.
	into ours bpfprobe:any:track=4 "udp port $PORT"
	in_a sender -c 20 -s 100 -p $(scaled 20000 100000) udp $ADDR_B "$PORT"
	until_true 10 read_so_many 40
	run -0 sum untracked
	stop
	all_followed
	[[ $output -eq 0 && $(joined) == "net_dev_queue netif_receive_skb 20" ]]
}

@test "PFLOG: followed past a filter that asks for its header, and past netns= without a filter" {
	into ours bpfprobe:any+drop:track -y PFLOG "outbound and udp port $((PORT + 1))"
	in_a sender -c 20 -s 100 udp $ADDR_B $((PORT + 1))
	until_true 10 read_so_many 60
	stop
	all_followed
	[[ $(joined) == "net_dev_queue netif_receive_skb kfree_skb 20" ]]
	into ours "bpfprobe:any+drop:netns=$NS_A:track" -y PFLOG
	in_a sender -c 20 -s 100 udp $ADDR_B $((PORT + 1))
	until_true 10 read_so_many 60
	stop
	all_followed
	sed -i "/ $((PORT + 1))\$/!d" "$T/table"
	[[ $(joined) == "net_dev_queue netif_receive_skb kfree_skb 20" ]]
}

@test "until=drop: the whole way of what is dropped, and nothing else" {
	listen $ADDR_B "$PORT"
	capture dump tcpdump -n -c 60 -w "$BATS_TEST_TMPDIR/dump.pcap" -i bpfprobe:any:until=drop "udp portrange $PORT-$((PORT + 1))"
	in_a sender -i 1 -c 40 -s 100 -C 0 udp $ADDR_B "$PORT"
	in_a sender -i 2 -c 20 -s 100 -p 1000 -C 0 udp $ADDR_B $((PORT + 1))
	wait_exit "$PID"
	counts "$T/dump.err"
	# What waits is none that was received.
	[[ $CAPTURED -eq 60 && $RECEIVED -eq 60 && $DROPPED -eq 0 ]]
	# Of each packet its records one behind the other: out, in, and where it is dropped, in.
	[[ $(got dump) == "$(for i in {0..19}; do echo -n "$i $i $i "; done)" ]]
	tcpdump -n -r "$BATS_TEST_TMPDIR/dump.pcap" 2>/dev/null | awk '{ print $3 }' | uniq -c | sed 's/^ *//' >"$T/ways"
	[[ $(sort "$T/ways" | uniq -c | sed 's/^ *//') == "20 1 Out"$'\n'"20 2 In" ]]
}

@test "until=: in bpfprobe capture, with one target and the drop named twice" {
	into ours bpfprobe:tx+drop:until=drop "udp dst port $((PORT + 1))"
	in_a sender -c 10 -s 100 udp $ADDR_B $((PORT + 1))
	in_a sender -c 10 -s 100 udp $ADDR_B "$PORT"
	until_true 10 read_so_many 20
	stop
	all_followed
	[[ $(joined) == "net_dev_queue kfree_skb 10" ]]
	readable ours 20
}

@test "until=: what does not come there is counted when its time is over" {
	listen $ADDR_B "$PORT"
	capture dump tcpdump -n -l -i bpfprobe:any:until=drop "udp port $PORT"
	in_a sender -c 5 -s 100 udp $ADDR_B "$PORT"
	until_true 30 expired 10
	stop
	counts "$T/dump.err"
	[[ $CAPTURED -eq 0 && $RECEIVED -eq 0 && $DROPPED -eq 0 ]]
}

# expired N: of those that the filter let pass; some may have come before it was set.
expired() {
	local emitted rejected expired
	read -r emitted rejected expired <<<"$(sum emitted rejected expired)"
	[[ $((emitted - rejected)) -eq 10 && $expired -eq $1 ]]
}

@test "what nobody has seen for long takes no room any more" {
	listen $ADDR_B "$PORT"
	local listener=$PID
	kill -STOP "$listener"
	into ours bpfprobe:any:track "udp port $PORT"
	in_a sender -c 20 -s 100 udp $ADDR_B "$PORT"
	until_true 10 read_so_many 40
	[[ $(entries) -eq 40 ]]
	until_true 60 no_entries
	stop
	kill -CONT "$listener"
}

# entries: of the map of packets.
entries() {
	bpftool -j map dump name bpfprobe_tracks | jq length
}

no_entries() {
	[[ $(entries) -eq 0 ]]
}

@test "until=: what still waits at the end was not received" {
	listen $ADDR_B "$PORT"
	into ours bpfprobe:any:until=drop "udp port $PORT"
	in_a sender -c 5 -s 100 udp $ADDR_B "$PORT"
	until_true 10 expired 0
	stop
	said ours
	[[ $CAPTURED -eq 0 && $RECEIVED -eq 0 && $DROPPED -eq 0 ]]
}

@test "until=: what is not wanted brings no packet there" {
	# By direction: at its target it goes out, and all that comes in is behind that.
	listen $ADDR_B "$PORT"
	capture dump tcpdump -n -l -Q in -i bpfprobe:rx+drop:until=tp/net_dev_start_xmit "udp port $PORT"
	in_a sender -c 5 -s 100 udp $ADDR_B "$PORT"
	until_true 5 rejected
	stop
	counts "$T/dump.err"
	[[ $CAPTURED -eq 0 && $RECEIVED -eq 0 && $DROPPED -eq 0 ]]
}

@test "until=: what a filter in user space does not let pass brings no packet there; it is asked once" {
	translate
	looping loop -i bpfprobe:any:until=drop -t 50 -f "udp port $((PORT + 2))" -F "3:udp dst port $((PORT + 3))"
	# The helper: then the filter that is set behind the first packet is not in the kernel.
	local helper=$(new_objects process)
	[[ $helper =~ ^process\ /proc/([0-9]+)/exe$ ]] && kill -KILL "${BASH_REMATCH[1]}"
	in_a sender -c 1 udp $SINK $((PORT + 2))
	until_true 10 passes_all
	# They are dropped with another port; these with the same one.
	in_a sender -c 5 -s 100 udp $ADDR_B $((PORT + 3))
	in_a sender -c 2 -s 100 udp $SINK $((PORT + 3))
	until_true 10 has_filtered 21
	stop
	cat "$T/loop.out"
	[[ $(of packets) -eq 9 && $(of recv) -eq 9 && $(of drop) -eq 0 ]]
}

passes_all() {
	[[ $(sum passing) == 1 ]]
}

has_filtered() { # N, exactly
	[[ $(sum filtered delivered) == "$1 9" ]]
}

rejected() { # those at the target only
	local emitted rejected
	read -r emitted rejected <<<"$(sum emitted rejected)"
	[[ $((emitted - rejected)) -eq 5 && $rejected -ge 5 ]]
}

@test "until=: too many at once, and a program that waits by select() without a timeout" {
	local ms=$(scaled 1500 8000)
	listen $ADDR_B "$PORT"
	kill -STOP "$PID"
	defer kill -CONT "$PID"
	looping loop -i bpfprobe:rx:track=1:until=drop -f "udp port $PORT" -t 0 -l select -k deadline -K "$ms"
	in_a sender -c 20 -s 100 -p 5000 udp $ADDR_B "$PORT"
	ended
	[[ $(of packets) -eq 0 && $(of rc) -eq 0 ]]
}

@test "what cannot be followed is refused" {
	run -1 pcaploop -i bpfxdp:lo:track activate
	[[ $output == *'unknown option "track"'* ]]
	run -1 pcaploop -i bpfprobe:drop:track=65537 activate
	[[ $output == *'track="65537": a number from 1 to 65536 is expected'* ]]
	run -1 pcaploop -i bpfprobe:drop:until=kfree_skbx activate
	[[ $output == *'"kfree_skbx"; did you mean kfree_skb'* ]]
}

@test "functions: copies and segments have the identifier of what they were made of" {
	need fentry
	# A queue that takes no packet of more than 5000 bytes, and makes segments of it.
	tc -n "$NS_A" qdisc add dev bpa0 root tbf rate 1gbit burst 5000 latency 1s 2>"$BATS_TEST_TMPDIR/try" ||
		cannot "this kernel has no such queue: $(<"$BATS_TEST_TMPDIR/try")"
	defer tc -n "$NS_A" qdisc del dev bpa0 root
	serve "$PORT"
	into ours "bpfprobe:tx+ip_rcv:track" -B 65536 "tcp port $PORT"
	# In one write, of which TCP makes long ones.
	in_a bash -c "dd if=/dev/zero bs=200000 count=1 >/dev/tcp/$ADDR_B/$PORT"
	until_true 10 all_read
	stop
	said ours
	[[ $DROPPED -eq 0 ]]
	fields ours frame.packet_id frame.interface_name | awk '!$1 { wrong++ } { seen[$1] = seen[$1] $2 " " }
		END { for (i in seen) if (seen[i] !~ /net_dev_queue/) { wrong++; print i, seen[i] }; for (i in seen) segmented += seen[i] ~ /ip_rcv .*ip_rcv/
			print length(seen), "packets", segmented + 0, "segmented"; exit wrong > 0 || !segmented }'
}

@test "nothing is left behind" {
	nothing_left
}
