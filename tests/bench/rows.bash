# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Who captures, and what: the rows of the table. bench reads this.

PROBE=bpfprobe:tx:netns=$NS:dev=$DEV
XDP=bpfxdp:$DEV:netns=$NS.peer:native
# Those of PF_PACKET have the distribution's libpcap and stand where the interface is; ours
# look at it from outside.
STOCK=(ip netns exec "$NS" env -u LD_LIBRARY_PATH)
STOCK_PEER=(ip netns exec "$NS.peer" env -u LD_LIBRARY_PATH)

# Those that need fentry, for the table of peers; bpftrace, which finds out nothing about the kernel
# within "ip netns exec", says what BEGIN prints when all is attached.
FUNCTION=dev_hard_start_xmit
FENTRY=bpfprobe:fentry/$FUNCTION:netns=$NS:dev=$DEV
XDPDUMP=("${STOCK_PEER[@]}" xdpdump -i "$DEV")
COUNTING="BEGIN { printf(\"listening on $FUNCTION\n\"); }
	kfunc:$FUNCTION /args->dev->ifindex == $IFINDEX/ { @ = count(); }"

# command_of CAPTURER SNAPLEN [FILTER]: sets COMMAND.
# "-Z root": else tcpdump gives the file that it writes, the device, to user tcpdump.
# dumpcap might remove the file that it cannot write: a link.
command_of() {
	local filter=()
	case $1 in
	"tcpdump") COMMAND=("${STOCK[@]}" tcpdump -Z root -w "$SINK" -i "$DEV") ;;
	"tcpdump at the peer") COMMAND=("${STOCK_PEER[@]}" tcpdump -Z root -w "$SINK" -i "$DEV") ;;
	"tcpdump bpfprobe") COMMAND=(tcpdump -Z root -w "$SINK" -i "$PROBE") ;;
	"tcpdump bpfprobe EN10MB") COMMAND=(tcpdump -Z root -w "$SINK" -y EN10MB -i "$PROBE") ;;
	"tcpdump bpfxdp") COMMAND=(tcpdump -Z root -w "$SINK" -i "$XDP") ;;
	"dumpcap") COMMAND=("${STOCK[@]}" dumpcap -q -w "$TMP/null" -i "$DEV") filter=(-f) ;;
	"dumpcap bpfprobe") COMMAND=(dumpcap -q -w "$TMP/null" -i "$PROBE") filter=(-f) ;;
	"dumpcap noselect") COMMAND=(dumpcap -q -w "$TMP/null" -i "$PROBE:noselect") filter=(-f) ;;
	"dumpcap bpfxdp") COMMAND=(dumpcap -q -w "$TMP/null" -i "$XDP") filter=(-f) ;;
	"minimal TPACKET_V3") COMMAND=("${STOCK[@]}" tpacket -i "$DEV") ;;
	"minimal tp_btf") COMMAND=("${STOCK[@]}" emit -i "$DEV") ;;
	"minimal XDP") COMMAND=("${STOCK_PEER[@]}" emit -x -i "$DEV") ;;
	"loop") COMMAND=("${STOCK[@]}" loop -i "$DEV") ;;
	"loop bpfprobe" | "loop, programs measured") COMMAND=(loop -i "$PROBE") ;;
	"loop bpfprobe EN10MB") COMMAND=(loop -y EN10MB -i "$PROBE") ;;
	"loop bpfxdp") COMMAND=(loop -i "$XDP") ;;
	"counter") COMMAND=(counter) ;;
	"bpftrace, counting") COMMAND=(env -u LD_LIBRARY_PATH bpftrace -e "$COUNTING") ;;
	"tcpdump bpfprobe fentry") COMMAND=(tcpdump -Z root -w "$SINK" -i "$FENTRY") ;;
	"loop bpfprobe fentry") COMMAND=(loop -i "$FENTRY") ;;
	"xdpdump entry") COMMAND=("${XDPDUMP[@]}" --rx-capture entry -w "$SINK") ;;
	"xdpdump both") COMMAND=("${XDPDUMP[@]}" --rx-capture "entry,exit" -w "$SINK") ;;
	"tcpdump bpfxdp entry") COMMAND=(tcpdump -Z root -w "$SINK" -i "$XDP:entry") ;;
	"tcpdump bpfxdp both") COMMAND=(tcpdump -Z root -w "$SINK" -i "$XDP") ;;
	"loop bpfxdp entry") COMMAND=(loop -i "$XDP:entry") ;;
	esac
	[[ $2 == full ]] || COMMAND+=(-s "$2")
	(($# < 3)) || COMMAND+=("${filter[@]}" "$3")
}

# The order of the table; | between them. Programs measured: a run of its own, since measuring
# takes time as well.
STOCKS="none|tcpdump|dumpcap|minimal TPACKET_V3|minimal tp_btf"
OURS="tcpdump bpfprobe|dumpcap bpfprobe|dumpcap noselect|loop bpfprobe"
ALL="$STOCKS|loop|$OURS|tcpdump bpfprobe EN10MB|loop bpfprobe EN10MB|loop, programs measured"
FILTERED="none|tcpdump|minimal TPACKET_V3|minimal tp_btf|tcpdump bpfprobe|loop bpfprobe"
XDPS="none|tcpdump at the peer|minimal XDP|tcpdump bpfxdp|dumpcap bpfxdp|loop bpfxdp"

# The groups: sender (raw: sendmmsg() of a packet socket; udp; xdp: live frames), CPUs that send,
# bytes of the frame, snaplen, how many frames the filter "tcp port 80" lets pass (all: there is
# none), whether it is one of --quick (q) and --smoke (s), capturers.
# shellcheck disable=SC2034 # run.bash has the loop
GROUPS_OF_ROWS=(
	"raw 1 64    full all    qs $ALL"
	"raw 1 1400  full all    q  $ALL"
	"raw 1 64    96   all    q  $STOCKS|$OURS"
	"raw 1 1400  96   all    -  $STOCKS|$OURS"
	"raw 1 60000 full all    s  $ALL"
	"raw 1 60000 96   all    -  $STOCKS|$OURS"
	"raw 1 64    full never  qs $FILTERED"
	"raw 1 1400  full never  -  $FILTERED"
	"raw 1 64    full 1/1000 s  $FILTERED"
	"raw 2 64    full all    s  $STOCKS|$OURS"
	"raw 2 1400  full all    -  $STOCKS|$OURS"
	"udp 1 64    full all    s  $STOCKS|$OURS"
	"udp 1 1400  full all    -  $STOCKS|$OURS"
	"xdp 1 64    96   all    qs $XDPS"
	"xdp 1 1400  full all    -  $XDPS"
)
