# SPDX-License-Identifier: BSD-3-Clause
# Kernel TLS and packets that are followed: what a program reads is the packet that came encrypted, where
# it is in a packet at all.

load lib.bash
load pcapng.bash

setup_file() {
	require tshark ip bpftool
	remember_objects
	pair_setup
	kinds_setup
}

setup() {
	[[ $(uname -r) != 5.10.* ]] || skip "Debian's Linux 5.10 has no kernel TLS"
	modprobe -q tls || :
	grep -qsw tls /proc/sys/net/ipv4/tcp_available_ulp || cannot "this kernel has no kernel TLS"
}

# talk VERSION SIZE READ DEVICE [FILTER]: ten records from A to B; into $T/table of each packet the
# identifier, the probe, and what it has: the number of the record if that can be read, "begins" or
# "goes_on" if it is encrypted, "-" for nothing.
talk() {
	into ours "${@:4}"
	ktls "$1" 10 "$2" "$3" "/run/netns/$NS_A" "/run/netns/$NS_B" "$ADDR_B" "$PORT"
	until_true 10 all_read
	stop
	said ours
	[[ $DROPPED -eq 0 ]]
	fields ours frame.packet_id frame.interface_name tcp.payload data.data | awk -F'\t' '
		{ text = $3 $4; what = text == "" ? "-" : text ~ /^170303/ ? "begins" : "goes_on"; sub("tp/", "", $2) }
		match(text, /706c61696e20/) { what = 0; for (i = 13; i < 20; i += 2) what = 10 * what + substr(text, RSTART + i, 1) }
		{ print $1 ? $1 : "-", $2, what }' >"$T/table"
	head -n 30 "$T/table"
}

# ways: "PROBES RECORDS" for each set of probes that a packet is at with which a record begins; fails if
# another record than that can be read in it.
ways() {
	awk '$3 == "begins" && !($1 in number) { number[$1] = count++ }
		$3 ~ /^[0-9]/ && (!($1 in number) || number[$1] != $3) { wrong++; print "wrong: " $0 }
		index(probes[$1], $2) == 0 { probes[$1] = probes[$1] $2 " " }
		END { for (i in number) ways[probes[i]]++; for (way in ways) print way ways[way]; exit wrong > 0 }' "$T/table"
}

# readable_at: the probes of packets in which a record can be read, and how many there are at each.
readable_at() {
	awk '$3 ~ /^[0-9]/ { count[$2]++ } END { for (probe in count) print probe, count[probe] }' "$T/table" | sort
}

FOLLOWED="bpfprobe:any+tp/skb_copy_datagram_iovec:track"

@test "TLS 1.3: what a program reads has the identifier of the packet that came encrypted" {
	need fentry
	talk 1.3 200 16384 "$FOLLOWED" "tcp port $PORT"
	[[ $(ways) == "net_dev_queue netif_receive_skb skb_copy_datagram_iovec 10" ]]
	[[ $(readable_at) == "skb_copy_datagram_iovec 10" ]]
}

@test "TLS 1.2: records of several segments, read in parts, have that of the segment they begin in" {
	need fentry
	# As on an interface that does not segment.
	ip -n "$NS_A" link set bpa0 gso_max_segs 1
	defer ip -n "$NS_A" link set bpa0 gso_max_segs 65535
	talk 1.2 5000 1000 "$FOLLOWED" "tcp port $PORT"
	grep -q " goes_on$" "$T/table"
	[[ $(ways) == "net_dev_queue netif_receive_skb skb_copy_datagram_iovec 10" ]]
	[[ $(readable_at) == "skb_copy_datagram_iovec 50" ]]
}

@test "TLS 1.2: a record that is read as a whole is in no packet decrypted, nor is one that is sent" {
	local everywhere="bpfprobe:any+tp/skb_copy_datagram_iovec+tp/kfree_skb+tp/consume_skb"
	# In parts, for a look whether it would be seen; it has no headers for a filter.
	talk 1.2 200 150 "$everywhere"
	[[ $(readable_at) == "consume_skb 10"$'\n'"skb_copy_datagram_iovec 20" ]]
	talk 1.2 200 200 "$everywhere"
	[[ $(grep -c " net_dev_queue begins$" "$T/table") -ge 10 && -z $(readable_at) ]]
}

@test "nothing is left behind" {
	nothing_left
}
