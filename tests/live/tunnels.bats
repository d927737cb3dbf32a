# SPDX-License-Identifier: BSD-3-Clause
# Packets in packets: which one is seen where, and what devices that are not Ethernet show.

load lib.bash
load merged.bash
load crypt.bash

setup_file() {
	require tcpdump tshark ip nft bpftool
	pair_setup
	remember_objects
	kinds_setup
}

# at TARGET NAMESPACE [tcpdump options]: what passes there, into a file of the target's name.
at() {
	local name=${1##*/}
	watch "${name%%:*}" "$1:netns=$2" "${@:3}"
}

# typed FUNCTION MODULE ARGUMENT: a module's function, with the argument that is the packet where the
# kernel has no types of modules (before Linux 5.11).
typed() {
	[[ -e /sys/kernel/btf/$2 ]] && echo "$1" || echo "$1:arg$3"
}

# through ADDR COUNT [USEC]: numbered packets for a socket that is behind a tunnel, with a pause.
through() {
	listen "$1" "$PORT"
	in_a sender -c "$2" -i 1 -p "${3:-0}" -s 300 udp "$1" "$PORT"
	stop_all
	takes_apart
}

# takes_apart: what each packet of all that is watched is, as tshark takes it apart, from the link
# header to the data, and the link header's interface; NAME.shown and, without the latter, NAME.layers.
takes_apart() {
	local one
	all_fields frame.protocols sll.hatype sll.ifindex frame.len
	for one in "${WATCHED[@]#*:}"; do
		sed -i 's/ethertype://g; s/:data\>//; s/\t/ /g' "$T/$one.fields"
		# In any order: of packets that are received together the outer ones come first.
		cut -d ' ' -f 1-3 "$T/$one.fields" | sort >"$T/$one.shown"
		cut -d ' ' -f 1 "$T/$one.fields" | sort >"$T/$one.layers"
	done
}

# shows NAME LINE...: one line for each packet, of layers and interface.
shows() {
	echo "$1:"
	cat "$T/$1.shown"
	diff <(printf '%s\n' "${@:2}" | sort) "$T/$1.shown"
}

# layers NAME LINE...: the same without the interface.
layers() {
	echo "$1:"
	cat "$T/$1.layers"
	diff <(printf '%s\n' "${@:2}" | sort) "$T/$1.layers"
}

# tunnel_shows OUTER HARDWARE: at tx and rx of tunnel t0 and of the pair below, two packets:
# what they are on the wire and what the tunnel's interface is.
tunnel_shows() {
	local a b ta tb inner=sll:ip:udp outer=$1 type=$2
	a=$(foreign "$NS_A" bpa0) b=$(foreign "$NS_B" bpb0)
	ta=$(foreign "$NS_A" t0) tb=$(foreign "$NS_B" t0)
	shows net_dev_queue "$inner $type $ta" "sll:$outer 1 $a" "$inner $type $ta" "sll:$outer 1 $a"
	shows netif_receive_skb "sll:$outer 1 $b" "$inner $type $tb" "sll:$outer 1 $b" "$inner $type $tb"
}

through_t0() {
	FILTER='' WATCHED=()
	at tp/net_dev_queue "$NS_A"
	at tp/netif_receive_skb "$NS_B"
	through 10.78.0.2 2
}

@test "VXLAN: inner packets at the tunnel, outer ones below" {
	tunnel_ends t0 1400 $ADDR_A $ADDR_B type vxlan id 7 dstport 4789
	through_t0
	tunnel_shows ip:udp:vxlan:eth:ip:udp 1
}

@test "GRE: inner packets at the tunnel, outer ones below" {
	tunnel_ends t0 1400 $ADDR_A $ADDR_B type gre
	through_t0
	tunnel_shows ip:gre:ip:udp 778
}

@test "GRE with Ethernet: inner packets at the tunnel, outer ones below" {
	tunnel_ends t0 1400 $ADDR_A $ADDR_B type gretap
	through_t0
	tunnel_shows ip:gre:eth:ip:udp 1
}

@test "IP in IP: inner packets at the tunnel, outer ones below" {
	tunnel_ends t0 1400 $ADDR_A $ADDR_B type ipip
	through_t0
	tunnel_shows ip:ip:udp 768
}

@test "IPv6 in IPv4: inner packets at the tunnel, outer ones below" {
	tunnel_ends t0 1400 $ADDR_A $ADDR_B type sit
	in_a sysctl -qw net.ipv6.conf.t0.disable_ipv6=0
	in_b sysctl -qw net.ipv6.conf.t0.disable_ipv6=0
	ip -n "$NS_A" addr add fd78::1/64 dev t0 nodad
	ip -n "$NS_B" addr add fd78::2/64 dev t0 nodad
	FILTER='udp or (ip proto 41 and ip[26] = 17)' WATCHED=()
	at tp/net_dev_queue "$NS_A"
	at tp/netif_receive_skb "$NS_B"
	through fd78::2 1
	shows net_dev_queue "sll:ipv6:udp 776 $(foreign "$NS_A" t0)" "sll:ip:ipv6:udp 1 $(foreign "$NS_A" bpa0)"
	shows netif_receive_skb "sll:ip:ipv6:udp 1 $(foreign "$NS_B" bpb0)" "sll:ipv6:udp 776 $(foreign "$NS_B" t0)"
}

@test "WireGuard: inner packets at the tunnel, outer ones below" {
	wireguard_ends
	# All that passes from now on: a keepalive would not.
	FILTER="udp port $PORT or (udp port 51820 and greater 200)" WATCHED=()
	at tp/net_dev_queue "$NS_A"
	at tp/netif_receive_skb "$NS_B"
	[[ -z $KPROBE ]] || at ip_finish_output2 "$NS_A"
	[[ -z $KPROBE ]] || at ip_output "$NS_A"
	[[ -z $KPROBE ]] || at "$(typed udp_tunnel_xmit_skb udp_tunnel 3)" "$NS_A"
	through 10.78.0.2 1
	shows net_dev_queue "sll:ip:udp 65534 $(foreign "$NS_A" t0)" "sll:ip:udp:wg 1 $(foreign "$NS_A" bpa0)"
	shows netif_receive_skb "sll:ip:udp:wg 1 $(foreign "$NS_B" bpb0)" "sll:ip:udp 65534 $(foreign "$NS_B" t0)"
	[[ -n $KPROBE ]] || return 0
	# Its packets have no MAC header, though mac_header is set: to 0.
	shows ip_finish_output2 "sll:ip:udp 65534 $(foreign "$NS_A" t0)" "sll:ip:udp:wg 1 $(foreign "$NS_A" bpa0)"
	[[ $(tail -n 1 "$T/ip_finish_output2.fields" | cut -d ' ' -f 4) -lt 450 ]]
	layers ip_output sll:ip:udp sll:ip:udp:wg
}

# through_esp MODE
through_esp() {
	esp "$1"
	FILTER='' WATCHED=()
	at tp/net_dev_queue "$NS_A"
	at tp/netif_receive_skb "$NS_B"
	if [[ -n $KPROBE ]]; then
		at xfrm_output "$NS_A"
		at "$(typed esp_output esp4 2)" "$NS_A"
		at ip_output "$NS_A"
		at ip_rcv_core "$NS_B" # on whichever way it is received
		at udp_rcv "$NS_B"
		at kprobe/__udp_enqueue_schedule_skb "$NS_B"
	fi
	# Decryption may go on in parallel: one after the other they stay in order.
	through $ADDR_B 2 500000
	layers net_dev_queue sll:ip:esp sll:ip:esp
}

inner_is_whole() { # NAME [verify options]
	verify -e 1:0-1 -z 300 -a $ADDR_A,$ADDR_B -p "$PORT" -t 0800 "${@:2}" "$T/$1.pcap"
}

@test "ESP in transport mode: encrypted below, plain at the socket" {
	through_esp transport
	layers netif_receive_skb sll:ip:esp sll:ip:esp
	[[ -n $KPROBE ]] || return 0
	layers ip_output sll:ip:esp sll:ip:esp
	inner_is_whole xfrm_output
	# Its headers are being moved.
	layers esp_output sll sll
	# Where ESP's header was there is rubbish: the MAC header does not belong to it any more.
	inner_is_whole udp_rcv -m 00:00:00:00:00:00
	inner_is_whole __udp_enqueue_schedule_skb -m 00:00:00:00:00:00
}

@test "ESP in tunnel mode: encrypted below, plain at the socket" {
	through_esp tunnel
	# What has been decrypted is received once more.
	layers netif_receive_skb sll:ip:esp sll:ip:udp sll:ip:esp sll:ip:udp
	[[ -n $KPROBE ]] || return 0
	layers ip_output sll:ip:esp sll:ip:esp
	inner_is_whole xfrm_output
	layers esp_output sll sll
	layers ip_rcv_core sll:ip:esp sll:ip:udp sll:ip:esp sll:ip:udp
	inner_is_whole udp_rcv -m $MAC_A
}

@test "VXLAN: what is seen between the tunnel and the interface below" {
	need kprobe
	local outer=ip:udp:vxlan:eth:ip:udp
	tunnel_ends t0 1400 $ADDR_A $ADDR_B type vxlan id 7 dstport 4789
	FILTER='' WATCHED=()
	at ip_output "$NS_A"
	at "$(typed vxlan_xmit vxlan 1)" "$NS_A"
	at "$(typed udp_tunnel_xmit_skb udp_tunnel 3)" "$NS_A"
	at ip_finish_output2 "$NS_A"
	at kprobe/__dev_queue_xmit "$NS_A"
	at "$(typed vxlan_rcv vxlan 2)" "$NS_B"
	at ip_local_deliver "$NS_B"
	at udp_rcv "$NS_B"
	at __netif_receive_skb_core "$NS_B"
	through 10.78.0.2 1
	layers ip_output sll:ip:udp "sll:$outer"
	layers vxlan_xmit sll:ip:udp
	# VXLAN's header is there, those around it are not.
	layers udp_tunnel_xmit_skb sll
	layers ip_finish_output2 sll:ip:udp "sll:$outer"
	layers __dev_queue_xmit sll:ip:udp "sll:$outer"
	layers __netif_receive_skb_core "sll:$outer" sll:ip:udp
	layers ip_local_deliver "sll:$outer" sll:ip:udp
	layers udp_rcv "sll:$outer" sll:ip:udp
	layers vxlan_rcv "sll:$outer"
}

# over_wire HARDWARE: what has no MAC header, in each link type.
over_wire() {
	local end ns dlt
	FILTER="udp port $PORT" WATCHED=()
	for dlt in LINUX_SLL2 EN10MB RAW; do
		watch out-$dlt "tp/net_dev_queue:netns=$NS_A" -y $dlt
		watch in-$dlt "tp/netif_receive_skb:netns=$NS_B" -y $dlt
	done
	through 10.79.0.2 2
	shows out-LINUX_SLL2 "sll:ip:udp $1 $(foreign "$NS_A" w0)" "sll:ip:udp $1 $(foreign "$NS_A" w0)"
	shows in-LINUX_SLL2 "sll:ip:udp $1 $(foreign "$NS_B" w0)" "sll:ip:udp $1 $(foreign "$NS_B" w0)"
	layers out-EN10MB eth:ip:udp eth:ip:udp
	for end in out in; do
		on_wire $end-LINUX_SLL2 -d $end -t 0800
		on_wire $end-EN10MB -m 00:00:00:00:00:00,00:00:00:00:00:00 -t 0800
		on_wire $end-RAW -l RAW
	done
}

on_wire() { # NAME [verify options]
	verify -e 1:0-1 -z 300 -a 10.79.0.1,10.79.0.2 -p "$PORT" "${@:2}" "$T/$1.pcap"
}

@test "tun: no MAC header" {
	wire_up tun
	over_wire 65534
}

@test "PPP: no MAC header" {
	modprobe -qa ppp_async || :
	[[ -e /dev/ppp ]] || cannot "this kernel has no PPP"
	wire_up ppp
	over_wire 512
}

# radios: one in A and one in B, RADIO_A and RADIO_B, in networks without an access point.
radios() {
	local phy
	modprobe -q mac80211_hwsim radios=2 || cannot "this kernel has no simulated radios"
	defer rmmod mac80211_hwsim
	for phy in /sys/class/ieee80211/*; do
		phy=${phy##*/}
		if [[ -z ${RADIO_A:-} ]]; then
			radio_to "$phy" "$NS_A"
			RADIO_A=$RADIO
		else
			radio_to "$phy" "$NS_B"
			RADIO_B=$RADIO
		fi
	done
	ip link set hwsim0 up
	in_a iw dev "$RADIO_A" set type ibss
	ip -n "$NS_A" link set "$RADIO_A" up
	ip -n "$NS_B" link set "$RADIO_B" up
	in_a iw dev "$RADIO_A" ibss join bpfprobe-net 2412
}

radio_to() { # PHY NETNS: its interface in RADIO
	RADIO=$(ls "/sys/class/ieee80211/$1/device/net")
	[[ $RADIO != *[[:space:]]* ]] || RADIO=${RADIO%%[[:space:]]*}
	iw phy "$1" set netns name "$2"
}

scan() {
	until_true 30 heard
}

heard() {
	in_b iw dev "$RADIO_B" scan freq 2412 2>&1 | grep 'SSID: bpfprobe-net'
}

@test "a WiFi scan: the frames that announce networks" {
	need kprobe
	require iw
	radios
	FILTER='' WATCHED=()
	watch scan "$(typed ieee80211_scan_rx mac80211 2):proto=IEEE802_11"
	scan
	stop_all
	tcpdump -n -r "$T/scan.pcap" >"$T/scan.text" 2>/dev/null
	sort "$T/scan.text" | cut -d ' ' -f 2- | uniq -c
	grep -E ' (Beacon|Probe Response) \(bpfprobe-net\) .* CH: 1$' "$T/scan.text"
	# Nothing but such frames, of A.
	run -0 fields scan frame.protocols wlan.fc.type_subtype wlan.sa
	[[ -n $output ]]
	! grep -vxE "wlan	0x000(5|8)	$(in_a cat "/sys/class/net/$RADIO_A/address")" <<<"$output"
}

@test "a radio's monitor: frames behind a radiotap header" {
	need kprobe
	require iw
	radios
	FILTER='' WATCHED=()
	watch cooked tp/netif_receive_skb:dev=hwsim0
	watch asis tp/netif_receive_skb:dev=hwsim0:proto=IEEE802_11_RADIO
	scan
	stop_all
	all_fields frame.protocols sll.hatype sll.ifindex
	[[ -s $T/cooked.fields && -s $T/asis.fields ]]
	! grep -vx "sll:.*radiotap:wlan_radio:wlan	803	$(</sys/class/net/hwsim0/ifindex)" "$T/cooked.fields" || false
	! grep -vx "radiotap:wlan_radio:wlan.*" "$T/asis.fields" || false
	tcpdump -n -r "$T/asis.pcap" 2>/dev/null | grep 'Beacon (bpfprobe-net)'
}

@test "nothing is left behind" {
	nothing_left
}
