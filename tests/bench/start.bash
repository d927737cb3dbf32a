# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What a program takes to begin, from its start to what it shows, in ms; bench reads this. A
# packet comes every millisecond all the while, so that none has to be waited for. Nobody is
# put on a CPU, or before others, but the sender: a user does not do that either.

START_OUT=${OUT%.tsv}-start.tsv
# As on a terminal, where tcpdump shows each packet at once.
SHOW=(-n -l --immediate-mode -c 1)

# timed ROUND TABLE ROW FIGURE CMD...: the stopwatch is somewhere in the command, and has to have
# this figure.
timed() {
	local line
	line=$("${@:5}" 2>"$TMP/err") || die "${*:5}: $(<"$TMP/err")"
	[[ $line =~ (^| )$4=[0-9] ]] || die "${*:5} showed nothing: $line"
	# shellcheck disable=SC2086 # figures are words
	note "$1" "$2" - "$3" $line
}

start_round() { # ROUND
	timed "$1" first "tcpdump" first_ms "${STOCK[@]}" stopwatch tcpdump "${SHOW[@]}" -i "$DEV"
	timed "$1" first "minimal tp_btf" listening_ms "${STOCK[@]}" stopwatch -i emit -i "$DEV"
	timed "$1" first "tcpdump bpfprobe" first_ms \
		stopwatch tcpdump "${SHOW[@]}" -i bpfprobe:tp/net_dev_queue
	timed "$1" list "tcpdump -D" first_ms env -u LD_LIBRARY_PATH stopwatch tcpdump -D
	timed "$1" list "tcpdump -D bpfprobe" first_ms stopwatch tcpdump -D
}

measure_start() {
	local round i
	ip netns exec "$NS" timeout 600 taskset -c "$SENDER_CPU" flood -p 1000 -n 600000 "$DEV" >/dev/null &
	FLOODS=($!)
	for ((round = 1; round <= ROUNDS; round++)); do
		for ((i = 0; i < STARTS; i++)); do start_round "$round"; done
		echo "start: round $round of $ROUNDS"
	done >&2
	kill "${FLOODS[0]}" 2>/dev/null || die "the sender has ended before"
	wait "${FLOODS[0]}" || :
	FLOODS=()
}

start_table() {
	NOTES=$START_OUT
	fields round table group row figure value >"$NOTES"
	measure_start
	echo "Start: Linux $(uname -r), $(nproc) CPUs, medians of $((ROUNDS * STARTS)) runs"
	"$HERE/table" start "$NOTES"
}
