# SPDX-License-Identifier: BSD-3-Clause
# Sending through a device that has an interface: pcap_inject(), as scapy calls it.

load ../live/lib.bash

setup_file() {
	require tcpdump tshark
	require_scapy
	pair_setup
	remember_objects
	cat >"$BATS_FILE_TMPDIR/send.py" <<-END
		import sys
		from scapy.config import conf
		conf.use_pcap = True
		from scapy.arch.libpcap import L2pcapSocket
		from scapy.libs.winpcapy import pcap_geterr
		from scapy.layers.l2 import Ether
		from scapy.layers.inet import IP, UDP
		out = L2pcapSocket(iface=sys.argv[1])
		for n in range(3):
		    if out.send(Ether(src="$MAC_A", dst="$MAC_B") / IP(src="$ADDR_A", dst="$SINK") /
		                UDP(sport=7, dport=$PORT) / (b"packet %d" % n)) < 0:
		        # scapy itself says nothing.
		        sys.exit(bytes(bytearray(pcap_geterr(out.pcap_fd.pcap))).decode())
	END
}

# scapy DEVICE [CMD...]: sends three packets.
scapy() {
	# In a directory of its own, or python takes what is here for its modules.
	cd "$BATS_TEST_TMPDIR" && ip netns exec "$NS_A" "${@:2}" python3 "$BATS_FILE_TMPDIR/send.py" "$1"
}

arrive() { # DEVICE
	capture sent in_b tcpdump -n -c 3 -w "$BATS_TEST_TMPDIR/sent.pcap" -i bpb0 "udp port $PORT"
	scapy "$1"
	wait_exit "$PID"
	tshark -nr "$T/sent.pcap" -T fields -e eth.src -e udp.payload 2>/dev/null | tee "$T/sent"
	[[ $(<"$T/sent") == "$MAC_A"$'\t7061636b65742030\n'"$MAC_A"$'\t7061636b65742031\n'"$MAC_A"$'\t7061636b65742032' ]]
}

@test "scapy sends through bpfxdp:INTERFACE, and with dev=" {
	arrive bpfxdp:bpa0
	arrive bpa0%xdp
	arrive bpfprobe:tx:dev=bpa0
}

@test "where there is no interface, or none in reach, it is told" {
	run scapy bpfprobe:tx
	[[ $output == *"packets can be sent through bpfxdp:INTERFACE, and with dev=INTERFACE, only"* ]]
	run scapy "bpfxdp:bpb0:netns=$NS_B"
	[[ $output == *"packets cannot be sent into another network namespace; run the program in it (ip netns exec)"* ]]
}

# The helper has all privileges that it needs, and lends none of them.
@test "without CAP_NET_RAW of its own a program sends nothing" {
	run scapy bpfxdp:bpa0 setpriv --bounding-set -net_raw --inh-caps -net_raw
	echo "$output"
	[[ $output == *"sending needs CAP_NET_RAW of this program's own"* ]]
}

@test "nothing is left behind" {
	nothing_left
}
