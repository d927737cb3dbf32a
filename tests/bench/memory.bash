# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What memory a capture takes, in KiB; bench reads this. Asked are tcpdump and its helper, with
# tcpdump's default buffer, when a flood from every CPU has gone through all of its rings.
#
# rss and pss are sums over both processes, as /proc/PID/smaps has them. The rings are what they
# map of perf events, BPF maps and packet sockets, both of them the same. Whether their pages count
# as resident depends on the kernel and on what they are of, so that "whole" is RSS with all of the
# rings, once, in place of that part of them which counts. What the kernel keeps for programs, maps
# and sockets and maps for nobody is in none of it.

MEMORY_OUT=${OUT%.tsv}-memory.tsv

# helpers: the processes of the helper that only captures of this one start.
helpers() {
	find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -lname "$BPFPROBE_HELPER*" -printf '%h\n' 2>/dev/null
}

# memory_of NAME /proc/PID...: prints NAME_kb=, ... of all of them.
memory_of() {
	local files=("${@:2}")
	cat "${files[@]/%//smaps}" | awk -v name="$1" '
		/^[0-9a-f]+-[0-9a-f]+ / { ring = / (anon_inode:\[perf_event\]|anon_inode:bpf-map|socket:\[[0-9]+\])$/ }
		$1 == "Size:" && ring { rings += $2 }
		$1 == "Rss:" { rss += $2; if (ring) counted += $2 }
		$1 == "Pss:" { pss += $2 }
		END {
			if (!rss)
				exit 1
			printf "%s_rss=%d %s_pss=%d %s_rings=%d %s_counted=%d\n", name, rss, name, pss, name,
				rings, name, counted
		}'
}

# memory_run ROUND CAPTURER SNAPLEN
memory_run() {
	local line row=$2 frames=(-s 1400)
	[[ $3 == full ]] || row+=" -s $3"
	[[ $2 != *bpfxdp ]] || frames=(-x)
	start "$2" "$3"
	flood_it "${frames[@]}"
	until_true 10 all_counted || :
	line=$(memory_of program "/proc/$PID") || die "no memory of ${COMMAND[*]}"
	if [[ $2 != tcpdump ]]; then
		mapfile -t HELPERS < <(helpers)
		((${#HELPERS[@]} == 1)) || die "${#HELPERS[@]} helpers of ${COMMAND[*]}"
		line+=" $(memory_of helper "${HELPERS[@]}")" || die "no memory of the helper"
	fi
	stop
	((CAPTURED + DROPPED == WANTED)) ||
		die "${COMMAND[*]} captured $CAPTURED and dropped $DROPPED packets of $WANTED"
	# shellcheck disable=SC2086 # figures are words
	note "$1" memory - "$row" $line
}

# The helper's process is known by a file of its own.
measure_memory() {
	local round
	cp "$BPFPROBE_HELPER" "$TMP/helper"
	local -x BPFPROBE_HELPER=$TMP/helper
	# shellcheck disable=SC2034 # flood_it's; ten times what goes into a ring
	CPUS=$(($(nproc) < 8 ? $(nproc) : 8)) COUNT=20000
	for ((round = 1; round <= ROUNDS; round++)); do
		memory_run "$round" "tcpdump" full
		memory_run "$round" "tcpdump bpfprobe" full
		memory_run "$round" "tcpdump bpfprobe" 96
		memory_run "$round" "tcpdump bpfxdp" 96
		echo "memory: round $round of $ROUNDS"
	done >&2
}

memory_table() {
	NOTES=$MEMORY_OUT
	fields round table group row figure value >"$NOTES"
	measure_memory
	echo "Memory: Linux $(uname -r), $(nproc) CPUs, $COUNT packets from each, medians of $ROUNDS rounds"
	"$HERE/table" memory "$NOTES"
}
