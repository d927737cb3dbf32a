# shellcheck shell=bash disable=SC2034 # run.bash has the use of what is set here
# SPDX-License-Identifier: BSD-3-Clause
#
# How cost grows: with the probes of a handle, the handles of a probe, the terms of a filter and
# the size of the rings; bench reads this. The frames have 64 bytes.
#
# Capturers: "bpfprobe" and "PF_PACKET" (the distribution's libpcap), both read by loop, with a
# filter by tcpdump; "minimal tp_btf" with a program at each place that gives the packet to user
# space, and "empty tp_btf" with programs that return at once: what the kernel itself adds.

# Where a frame comes by on its way through the pair within one namespace, in the order in which
# they are added. Its queueing discipline is there for two of them, and never holds a frame back.
PLACES=(net_dev_queue netif_receive_skb net_dev_start_xmit netif_rx
	qdisc_enqueue qdisc_dequeue netif_rx_entry kfree_skb)
PROBES=(1 2 4 8)
HANDLES=(1 2 3 4)
TERMS=(1 40 400)
RINGS=(64 256 1024 4096 16384 65536) # KiB, of each CPU
PAIR=(bpbench1 bpbench2)

set_up_pair() {
	ip -n "$NS" link add "${PAIR[0]}" index $((300000 + $$)) type veth \
		peer name "${PAIR[1]}" index $((500000 + $$))
	ip -n "$NS" link set "${PAIR[1]}" up
	ip -n "$NS" link set "${PAIR[0]}" up
	in_ns tc qdisc replace dev "${PAIR[0]}" root tbf rate 100gbit burst 100m latency 10ms ||
		die "growth needs the queueing discipline tbf"
}

# grown ROUND SERIES X CAPTURER FIGURE=VALUE...: adds lines to the file.
grown() {
	local figure
	for figure in "${@:5}"; do
		fields "${@:1:4}" "${figure%%=*}" "${figure#*=}" >>"$GROWTH_OUT"
	done
}

# as_one I: the functions of run.bash are about the Ith capturer.
as_one() {
	PID=${PIDS[$1]} ERR=$TMP/err.$1
}

launch_all() { # HOW MANY
	local i
	for ((i = 0; i < $1; i++)); do
		ERR=$TMP/err.$i
		launch
		PIDS+=("$PID")
	done
}

all_read() {
	local i
	for i in "${!PIDS[@]}"; do
		as_one "$i"
		all_counted || return 1
	done
}

cpu_of_all() {
	local pid sum=0
	for pid in "${PIDS[@]}"; do ((sum += $(cputime "$pid"))) || :; done
	echo "$sum"
}

# stop_all: adds up RECEIVED and MISSED of all.
stop_all() {
	local i
	RECEIVED=0 MISSED=0
	for i in "${!PIDS[@]}"; do
		as_one "$i"
		stop
		((RECEIVED += CAPTURED, MISSED += DROPPED)) || :
	done
	ERR=$TMP/err PIDS=() PID=""
}

# flood_read ROUND SERIES X CAPTURER HANDLES EACH: floods so many of COMMAND, each of which is to
# have each frame EACH times.
flood_read() {
	local before cpu
	launch_all "$5"
	before=$(cpu_of_all)
	flood_it -s 64
	WANTED=$((SENT * $6))
	until_true 10 all_read || :
	cpu=$(($(cpu_of_all) - before))
	stop_all
	grown "${@:1:4}" "sender_ns=$SENDER" "wanted=$((WANTED * $5))" "captured=$RECEIVED" "dropped=$MISSED"
	(($6 == 0)) || grown "${@:1:4}" "reader_ns=$(per_packet "$cpu" "$RECEIVED")"
}

flood_alone() { # ROUND SERIES X
	flood_it -s 64
	grown "$@" none "sender_ns=$SENDER"
}

joined() {
	local IFS=+
	echo "$*"
}

# has_places NAME...: the kernel has all these tracepoints.
has_places() {
	bpfprobe show "bpfprobe:$(joined "${@/#/tp/}")" >/dev/null 2>"$TMP/places"
}

probes_round() { # ROUND N
	local DEV=${PAIR[0]} places=("${PLACES[@]:0:$2}")
	if ! has_places "${places[@]}"; then
		echo "not measured with $2 probes: $(<"$TMP/places")"
		return 0
	fi
	flood_alone "$1" probes "$2"
	COMMAND=("${STOCK[@]}" emit "${PAIR[@]/#/-i}" "${places[@]/#/-t}" -s 0)
	flood_read "$1" probes "$2" "empty tp_btf" 1 0
	COMMAND=("${STOCK[@]}" emit "${PAIR[@]/#/-i}" "${places[@]/#/-t}")
	flood_read "$1" probes "$2" "minimal tp_btf" 1 "$2"
	COMMAND=(loop -r -i "bpfprobe:$(joined "${places[@]/#/tp/}"):netns=$NS")
	flood_read "$1" probes "$2" bpfprobe 1 "$2"
}

handles_round() { # ROUND N
	flood_alone "$1" handles "$2"
	COMMAND=("${STOCK[@]}" loop -i "$DEV")
	flood_read "$1" handles "$2" PF_PACKET "$2" 1
	COMMAND=("${STOCK[@]}" emit -i "$DEV")
	flood_read "$1" handles "$2" "minimal tp_btf" "$2" 1
	COMMAND=(loop -i "$PROBE")
	flood_read "$1" handles "$2" bpfprobe "$2" 1
}

rings_round() { # ROUND KIB
	flood_alone "$1" rings "$2"
	COMMAND=("${STOCK[@]}" loop -B "$2" -i "$DEV")
	flood_read "$1" rings "$2" PF_PACKET 1 1
	COMMAND=("${STOCK[@]}" emit -B "$2" -i "$DEV")
	flood_read "$1" rings "$2" "minimal tp_btf" 1 1
	COMMAND=(loop -i "$PROBE:pages=$(($2 * 1024 / $(getconf PAGESIZE)))")
	flood_read "$1" rings "$2" bpfprobe 1 1
}

# filter_alone ROUND TERMS FILTER: what it takes to set it, and how long it runs.
filter_alone() {
	local line
	line=$(setfilter -n "$TIMES" -i bpfprobe:tx "$3") || die "a filter of $2 terms cannot be set"
	[[ $line =~ " ms="([0-9.]+)$'\n'*$ ]] || die "setfilter said: $line"
	grown "$1" filters "$2" bpfprobe "set_ms=${BASH_REMATCH[1]}"
	line=$(in_ns taskset -c "$SENDER_CPU" solo -n "$PASSES" -b "$BATCHES" -y EN10MB "$DEV" "$3") ||
		die "a filter of $2 terms cannot be measured by itself"
	[[ " $line" =~ " classic="([0-9.-]+)" translated="([0-9.-]+) ]] || die "solo said: $line"
	grown "$1" filters "$2" PF_PACKET "filter_ns=${BASH_REMATCH[1]}"
	grown "$1" filters "$2" bpfprobe "filter_ns=${BASH_REMATCH[2]}"
}

# None of the terms matches: all of them are looked at.
filters_round() { # ROUND TERMS
	local filter
	filter=$(terms "$2" hosts)
	filter_alone "$1" "$2" "$filter"
	flood_counted 64 -S
	grown "$1" filters "$2" counter "program_ns=$PROGRAM"
	flood_through "loop, programs measured" 64 "$filter" -S
	grown "$1" filters "$2" bpfprobe "program_ns=$PROGRAM"
	flood_alone "$1" filters "$2"
	flood_through tcpdump 64 "$filter"
	grown "$1" filters "$2" PF_PACKET "sender_ns=$SENDER"
	flood_through "tcpdump bpfprobe" 64 "$filter"
	grown "$1" filters "$2" bpfprobe "sender_ns=$SENDER"
}

measure_growth() {
	local round x
	set_up_pair
	for ((round = 1; round <= ROUNDS; round++)); do
		circumstances >>"$TMP/circumstances"
		for x in "${PROBES[@]}"; do probes_round "$round" "$x"; done
		for x in "${HANDLES[@]}"; do handles_round "$round" "$x"; done
		for x in "${TERMS[@]}"; do filters_round "$round" "$x"; done
		for x in "${RINGS[@]}"; do rings_round "$round" "$x"; done
		circumstances >>"$TMP/circumstances"
		echo "growth: round $round of $ROUNDS"
	done >&2
}

# plot_growth PREFIX: a picture of each series.
plot_growth() {
	local series
	for series in probes handles filters rings; do
		"$HERE/table" growth "$GROWTH_OUT" "points=$series" | awk -f "$HERE/plot.awk" \
			>"$1-$series.svg"
		echo "Plot: $1-$series.svg"
	done
}

growth_table() {
	GROWTH_OUT=${OUT%.tsv}-growth.tsv
	fields round series x capturer figure value >"$GROWTH_OUT"
	measure_growth
	echo "Growth: $(say)"
	sort -u "$TMP/circumstances" | sed 's/^/Beware: /'
	"$HERE/table" growth "$GROWTH_OUT" || status=1
	echo
	plot_growth "${PLOTS:-${GROWTH_OUT%.tsv}}"
}
