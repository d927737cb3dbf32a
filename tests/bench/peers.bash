# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What a capture costs next to bpftrace and xdpdump, which need fentry; bench reads this. What
# writes packets writes them into a file, and those in it are counted. Debian 12's bpftrace is
# built without libpcap, so that its skboutput() finds no file to write packets into: it only
# counts them, which is the least that it can do.

SKBS="none|tcpdump|minimal TPACKET_V3|minimal tp_btf|bpftrace, counting"
SKBS+="|tcpdump bpfprobe|loop bpfprobe|tcpdump bpfprobe fentry|loop bpfprobe fentry"
# The program that is there lets all packets pass; "none" has it, too.
XDPS_BESIDE="none|tcpdump at the peer|minimal XDP|xdpdump entry|xdpdump both|tcpdump bpfxdp|loop bpfxdp"
XDPS_BESIDE+="|tcpdump bpfxdp entry|tcpdump bpfxdp both|loop bpfxdp entry"
PEERS=(
	"raw 1 64 full all qs $SKBS"
	"xdp 1 64 full all qs $XDPS_BESIDE"
)

# need_fentry: where the kernel has none, all of this is done in a virtual machine.
need_fentry() {
	local why status=0
	why=$(setfilter -n 1 -i "bpfprobe:fentry/$FUNCTION" "tcp port 80" 2>&1 >/dev/null) && return
	[[ -z ${BPFPROBE_VM:-} ]] || die "the peers need fentry: $why"
	echo "The peers need fentry, so in a virtual machine: $why" >&2
	VM_TIMEOUT=${VM_TIMEOUT:-3600} "$HERE/../../scripts/vm" 6.1 "$HERE/bench" "${ARGUMENTS[@]}" &
	PID=$!
	wait "$PID" || status=$?
	PID=
	exit "$status"
}

# without NAME WHY: PEERS has no rows of this one.
without() {
	echo "not measured: $1: $2" >&2
	PEERS=("${PEERS[@]//|$1*([^|])/}")
}

# find_peers: leaves those that work here.
find_peers() {
	local why
	shopt -s extglob
	command -v xdpdump >/dev/null || without xdpdump "it is not installed"
	why=$(env -u LD_LIBRARY_PATH timeout 60 bpftrace -e "$COUNTING interval:ms:1 { exit(); }" 2>&1) ||
		without bpftrace "${why:-it does not begin}"
}

peers_table() {
	OUT=${OUT%.tsv}-peers.tsv
	find_peers
	# shellcheck disable=SC2034 # run.bash has the loop, and what goes into files
	PACKETS=$((PACKETS / 10)) SINK=$TMP/packets GROUPS_OF_ROWS=("${PEERS[@]}")
	capture_table
}
