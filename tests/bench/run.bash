# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# One run: a capturer is started, flooded, asked, and stopped. bench reads this.

# until_true SECONDS CMD...
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS <= end)) || return 1
		sleep 0.1
	done
}

listening() {
	kill -0 "$PID" 2>/dev/null || die "${COMMAND[*]}: $(<"$ERR")"
	grep -Eq 'listening on|^File: ' "$ERR"
}

gone() {
	! kill -0 "$PID" 2>/dev/null
}

# last_count TEXT: the last number in front of it that the capturer printed.
last_count() {
	grep -Eo "[0-9]+ packets? $1" "$ERR" | tail -n 1 | cut -d ' ' -f 1
}

# dumpcap_count N: the first or second number of its last line.
dumpcap_count() {
	sed -n "s|^Packets received/dropped on interface .*: \([0-9]*\)/\([0-9]*\) (pcap:.*|\\$1|p" \
		"$ERR"
}

# counts: sets CAPTURED and DROPPED.
counts() {
	if runs dumpcap; then
		CAPTURED=$(dumpcap_count 1)
		DROPPED=$(dumpcap_count 2)
	elif runs bpftrace; then
		CAPTURED=$(sed -n 's/^@: //p' "$ERR")
		DROPPED=0
	else
		CAPTURED=$(last_count captured)
		DROPPED=$(last_count "dropped by (kernel|perf ring)")
	fi
	[[ -n $CAPTURED && -n $DROPPED ]]
}

# runs PROGRAM
runs() {
	[[ " ${COMMAND[*]} " == *" $1 "* ]]
}

# A file has each frame once, or twice where there are two places, and as many as its writer said.
check_sink() { # CAPTURER
	local times=1 written
	[[ -f $SINK ]] || return 0
	[[ $1 != *both ]] || times=2
	written=$(numbers -t "$times" "$SINK") || die "$1 wrote other packets than were sent"
	((written == CAPTURED)) || die "$1 wrote $written packets and said $CAPTURED"
	rm "$SINK"
}

# still: the capturer has done next to nothing for a quarter of a second, twice.
still() {
	local before now i
	before=$(cputime "$PID")
	for i in 1 2; do
		sleep 0.25
		now=$(cputime "$PID")
		((now - before < 2000000)) || return 1
		before=$now
	done
}

# A capturer looks at what does not fill its buffer once a second: until all is accounted for.
# Some say nothing before the end.
all_counted() {
	if runs dumpcap || runs xdpdump || runs bpftrace; then
		still
		return
	fi
	kill -USR1 "$PID"
	sleep 0.2
	counts && ((CAPTURED + DROPPED >= WANTED))
}

# program_ns: the mean time of a run of the capturer's program, of which it holds a descriptor.
# It must have run for each packet.
program_ns() {
	awk -v sent="$SENT" '/^run_time_ns:/ { time += $2 } /^run_cnt:/ { count += $2 }
		END { if (count < sent) exit 1; printf "%.1f\n", time / count }' \
		"/proc/$PID/fdinfo/"*
}

# refused: how many frames found no room in the queue to the peer. Those of XDP no program has seen; the
# others have been captured on their way.
refused() {
	in_ns cat "/sys/class/net/$DEV/statistics/tx_dropped"
}

# flood_it OPTION...: on CPUS processors, the first ones. Sets SENT and WANTED, and SENDER to
# ns per packet.
flood_it() {
	local i line ns=0 refused
	FLOODS=() SENT=0 refused=$(refused)
	for ((i = 0; i < CPUS; i++)); do
		in_ns timeout 300 taskset -c "$i" flood -n "$COUNT" -k "$i" "$@" "$DEV" >"$TMP/sent.$i" &
		FLOODS+=($!)
	done
	for i in "${!FLOODS[@]}"; do
		wait "${FLOODS[i]}" || die "the sender failed"
		line=$(<"$TMP/sent.$i")
		[[ $line =~ ^sent=([0-9]+)" cpu_ns="([0-9]+)$ ]] || die "the sender said: $line"
		((SENT += BASH_REMATCH[1], ns += BASH_REMATCH[2]))
	done
	refused=$(($(refused) - refused))
	((refused == 0)) || echo "$refused of $SENT frames found no room in the queue to the peer" >&2
	[[ " $* " != *" -x "* ]] || ((SENT -= refused))
	FLOODS=() WANTED=$SENT
	SENDER=$(per_packet "$ns" "$SENT")
}

# per_packet NS PACKETS: with one decimal.
per_packet() {
	(($2 > 0)) || die "no packet was captured"
	echo "$(($1 / $2)).$(($1 * 10 / $2 % 10))"
}

start() { # CAPTURER SNAPLEN [FILTER]
	command_of "$@"
	launch
}

# launch: COMMAND, whose number is PID then, and whose messages are in ERR.
launch() {
	: >"$ERR"
	"${FIRST[@]}" taskset -c "$READER_CPU" "${COMMAND[@]}" >>"$ERR" 2>&1 &
	PID=$!
	until_true 60 listening || die "${COMMAND[*]} does not capture: $(<"$ERR")"
}

stop() {
	local status=0
	kill -INT "$PID"
	until_true 10 gone || die "${COMMAND[*]} does not end"
	wait "$PID" || status=$?
	PID=
	((status == 0)) || die "${COMMAND[*]} ended with $status: $(<"$ERR")"
	counts || die "${COMMAND[*]} did not say what it captured: $(<"$ERR")"
}

# A driver's XDP is there only while the peer has a program, which the capturer may not bring.
let_pass() {
	: >"$TMP/pass"
	ip netns exec "$NS.peer" "$BUILD/tests/bench/emit" -x -s 0 -i "$DEV" 2>"$TMP/pass" &
	PASS=$!
	until_true 20 grep -q 'listening on' "$TMP/pass" || die "no XDP at the peer: $(<"$TMP/pass")"
}

brings_no_program() { # CAPTURER
	[[ $1 == none || $1 == *peer || $1 == xdpdump* || $1 == *entry || $1 == *both ]]
}

let_go() {
	[[ -n $PASS ]] || return 0
	kill -INT "$PASS"
	wait "$PASS" || :
	PASS=
}

# fields WORD...: a line of the file.
fields() {
	local IFS=$'\t'
	echo "$*"
}

# options_of SENDER FRAME FILTER CAPTURER: sets OPTIONS, of flood.
options_of() {
	OPTIONS=(-s "$2")
	case $1 in
	udp) OPTIONS+=(-u) ;;
	xdp) OPTIONS+=(-x) ;;
	esac
	case $3 in
	never) OPTIONS+=(-w) ;;
	1/1000) OPTIONS+=(-e 1000) ;;
	esac
	[[ $4 != *measured ]] || OPTIONS+=(-S)
}

# want FILTER CAPTURER: sets WANTED to what it lets pass, from each CPU; twice at two places.
# shellcheck disable=SC2017 # whole numbers are meant
want() {
	case $1 in
	never) WANTED=$CPUS ;;
	1/1000) WANTED=$(((COUNT + 999) / 1000 * CPUS)) ;;
	esac
	[[ $2 != *both ]] || WANTED=$((WANTED * 2))
}

# captured_run SNAPLEN FILTER CAPTURER: sets all that a run is to find out.
captured_run() {
	local before filter=()
	[[ $2 == all ]] || filter=("tcp port 80")
	start "$3" "$1" "${filter[@]}"
	before=$(cputime "$PID")
	flood_it "${OPTIONS[@]}"
	want "$2" "$3"
	until_true 10 all_counted || :
	READER=$(($(cputime "$PID") - before))
	if [[ $3 == *measured ]]; then
		PROGRAM=$(program_ns) || die "the kernel did not count the program's runs"
	fi
	stop
	check_sink "$3"
	if [[ $2 == all ]]; then READER=$(per_packet "$READER" "$CAPTURED"); else READER=-; fi
	[[ $3 != *measured ]] || SENDER=- READER=-
}

# one_run ROUND SENDER CPUS FRAME SNAPLEN FILTER CAPTURER: adds a line to the file.
one_run() {
	CPUS=$3 COUNT=$PACKETS READER=- PROGRAM=- CAPTURED=0 DROPPED=0 READER_CPU=$CPUS
	(($3 < $(nproc))) || READER_CPU=$(($(nproc) - 1))
	(($4 <= 1514)) || COUNT=$((PACKETS / 20))
	options_of "$2" "$4" "$6" "$7"
	[[ $2 != xdp ]] || ! brings_no_program "$7" || let_pass
	if [[ $7 == none ]]; then flood_it "${OPTIONS[@]}"; else captured_run "${@:5}"; fi
	let_go
	fields "$@" "$WANTED" "$CAPTURED" "$DROPPED" "$SENDER" "$READER" "$PROGRAM" >>"$OUT"
}

# group_round ROUND GROUP
group_round() {
	local sender cpus frame snaplen filter modes capturers capturer row
	read -r sender cpus frame snaplen filter modes capturers <<<"$2"
	[[ -z $MODE || $modes == *"$MODE"* ]] || return 0
	if ((cpus > $(nproc))); then
		echo "only $(nproc) CPUs: not measured with $cpus"
		return 0
	fi
	if [[ $sender == xdp ]] && ! in_ns flood -x "$DEV" >/dev/null 2>"$TMP/live"; then
		echo "not measured with XDP live frames (Linux 5.18): $(<"$TMP/live")"
		return 0
	fi
	IFS='|' read -ra capturers <<<"$capturers"
	row=("$sender" "$cpus" "$frame" "$snaplen" "$filter")
	for capturer in "${capturers[@]}"; do
		[[ ! "${row[*]} $capturer" =~ $MATCH ]] || one_run "$1" "${row[@]}" "$capturer"
	done
}

measure() {
	local round group
	for ((round = 1; round <= ROUNDS; round++)); do
		for group in "${GROUPS_OF_ROWS[@]}"; do group_round "$round" "$group"; done
		echo "round $round of $ROUNDS"
	done >&2
}

# What a capture costs, from a file of runs: all rows into another, those of -m or a page to
# standard output. What was lost and not reported makes it fail.
capture_table() {
	fields round sender cpus frame snaplen filter capturer wanted captured dropped \
		sender_ns reader_ns program_ns >"$OUT"
	fields - reads "$(how_filters_read)" >>"$OUT"
	measure
	say
	"$HERE/table" capture "$OUT" >"${OUT%.tsv}.txt" || status=1
	if [[ -n $MATCH || $TABLES == peers ]]; then
		cat "${OUT%.tsv}.txt"
	else
		"$HERE/table" capture "$OUT" brief=1 || :
	fi
	printf '\nAll rows: %s\n' "${OUT%.tsv}.txt"
}
