# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What filters cost; bench reads this. Four things are measured: setting one (setfilter), the
# whole program at the probe as the kernel measures it, the filter by itself (solo), and what
# the sender pays for a capture that wants none of its packets. Behind each flood comes one
# frame that the filter "tcp port 80" lets pass: a capturer that has this one and no other has
# looked at all of them.

# terms COUNT WORD: a filter of so many terms that no frame of the flood matches.
terms() {
	local i text=
	for ((i = 0; i < $1; i++)); do
		if [[ $2 == host* ]]; then
			text+=" or host 10.1.$((i / 200)).$((i % 200 + 1))"
		else
			text+=" or port $((i + 101))"
		fi
	done
	echo "${text# or }"
}

# filter_of ROW: what is written "40 ports" is a filter of 40 terms.
filter_of() {
	case $1 in
	[1-9]*) terms "${1% *}" "${1#* }" ;;
	*) echo "$1" ;;
	esac
}

# note ROUND TABLE GROUP ROW FIGURE=VALUE...: adds lines to the file of the table.
note() {
	local figure
	for figure in "${@:5}"; do
		fields "${@:1:4}" "${figure%%=*}" "${figure#*=}" >>"$NOTES"
	done
}

# how_filters_read: what is aimed at depends on it.
how_filters_read() {
	local line
	line=$(setfilter -n 1 -i bpfprobe:tx "tcp port 80") || die "no filter can be set"
	[[ $line =~ reads=([a-z]+) ]] && echo "${BASH_REMATCH[1]}"
}

load_run() { # ROUND ROW
	local line
	line=$(setfilter -n "$TIMES" -i bpfprobe:tx "$(filter_of "$2")") ||
		die "the filter \"$2\" cannot be set"
	# shellcheck disable=SC2086 # figures are words
	note "$1" load - "$2" $line
}

solo_run() { # ROUND LINKTYPE ROW
	local line
	line=$(in_ns taskset -c "$SENDER_CPU" solo -n "$PASSES" -b "$BATCHES" -y "$2" "$DEV" \
		"$(filter_of "$3")") ||
		die "the filter \"$3\" cannot be measured by itself"
	# shellcheck disable=SC2086
	note "$1" solo "$2" "$3" $line
}

# expect: sets WANTED to what a filter lets pass of the flood and the one frame behind it.
expect() {
	case $1 in
	"tcp port 80") WANTED=1 ;;
	"greater 1") WANTED=$((SENT + 1)) ;;
	*) WANTED=0 ;;
	esac
}

# program_measured OPTION...: sets PROGRAM to ns per run, if the option -S has had them measured.
program_measured() {
	[[ " $* " == *" -S "* ]] || return 0
	PROGRAM=$(program_ns) || die "the kernel did not count the program's runs"
}

# A flood that is only counted, with all that other namespaces send.
flood_counted() { # FRAME OPTION...
	start counter full
	flood_it -s "$@"
	program_measured "$@"
	stop
}

flood_through() { # CAPTURER FRAME FILTER OPTION...
	start "$1" full "$3"
	flood_it -s "$2" -w "${@:4}"
	expect "$3"
	until_true 10 all_counted || :
	program_measured "$@"
	stop
	((CAPTURED + DROPPED == WANTED)) ||
		die "${COMMAND[*]} captured $CAPTURED and dropped $DROPPED packets of $WANTED"
}

program_run() { # ROUND FRAME ROW
	if [[ $3 == counter ]]; then
		flood_counted "$2" -S
	else
		flood_through "loop, programs measured" "$2" "$(filter_of "$3")" -S
	fi
	note "$1" program "$2" "$3" "program_ns=$PROGRAM"
}

# shellcheck disable=SC2153 # flood_it sets it
sender_run() { # ROUND FRAME CAPTURER
	case $3 in
	none) flood_it -s "$2" -w ;;
	counter) flood_counted "$2" ;;
	*) flood_through "$3" "$2" "tcp port 80" ;;
	esac
	note "$1" sender "$2" "$3" "sender_ns=$SENDER"
}

LOADED=("tcp port 80" "1 host" "40 hosts" "400 hosts" "1 port" "40 ports" "400 ports")
REJECTING=("tcp port 80" "40 hosts" "40 ports")
PROGRAMS=(counter "less 1" "tcp port 80" "40 ports" "greater 1")
SENDERS=(none tcpdump counter "tcpdump bpfprobe")

# Our own last one is gone when the kernel has let go of it.
alone() {
	! bpftool link list 2>/dev/null | grep -q "tp 'net_"
}

# circumstances: what the machine does beside that each figure has in it.
circumstances() {
	[[ $(</proc/sys/kernel/bpf_stats_enabled) == 0 ]] ||
		echo "kernel.bpf_stats_enabled is on: every run of a BPF program takes longer"
	until_true 2 alone ||
		echo "another program is attached to a tracepoint that each packet passes"
}

filter_round() { # ROUND
	local row group
	for row in "${LOADED[@]}"; do load_run "$1" "$row"; done
	for group in EN10MB LINUX_SLL2; do
		for row in "${REJECTING[@]}"; do solo_run "$1" "$group" "$row"; done
	done
	for group in 64 1400; do
		for row in "${PROGRAMS[@]}"; do program_run "$1" "$group" "$row"; done
		for row in "${SENDERS[@]}"; do sender_run "$1" "$group" "$row"; done
	done
}

measure_filters() {
	local round
	for ((round = 1; round <= ROUNDS; round++)); do
		circumstances >>"$TMP/circumstances"
		filter_round "$round"
		circumstances >>"$TMP/circumstances"
		echo "filters: round $round of $ROUNDS"
	done >&2
}

filter_table() {
	NOTES=${OUT%.tsv}-filter.tsv
	fields round table group row figure value >"$NOTES"
	measure_filters
	echo "Filters: $(say)"
	sort -u "$TMP/circumstances" | sed 's/^/Beware: /'
	"$HERE/table" filter "$NOTES"
}
