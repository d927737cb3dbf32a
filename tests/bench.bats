# SPDX-License-Identifier: BSD-3-Clause
# The benchmark works: not how fast anything is, which no test may depend on.

load live/lib.bash

setup_file() {
	require tcpdump ip taskset
}

BENCH=$BATS_TEST_DIRNAME/bench/bench

# column N: of the runs in the file, the values that the capturer (or not) has.
column() {
	awk -F '\t' -v n="$1" 'NR > 1 { print $4 ": " $n }' "$BATS_TEST_TMPDIR/bench.tsv"
}

@test "every capturer is measured, and no loss goes unreported" {
	run -0 "$BENCH" --smoke -o "$BATS_TEST_TMPDIR/bench.tsv"
	echo "$output"
	[[ $(grep -Ec '^ +(64|1400)  full ' <<<"$output") -eq 16 ]]
	[[ $(column 4 | wc -l) -eq 16 ]]
	[[ $(column 5 | grep -c ': 20000$') -eq 16 ]]
	# Sender, reader and program: each a number above 0 wherever it applies.
	[[ $(column 8 | grep -v measured | grep -Ec ': [1-9][0-9]*\.[0-9]$') -eq 14 ]]
	[[ $(column 9 | grep -Ev 'measured|none' | grep -Ec ': [1-9][0-9]*\.[0-9]$') -eq 12 ]]
	[[ $(column 10 | grep measured | grep -Ec ': [1-9][0-9]*\.[0-9]$') -eq 2 ]]
}

@test "a loss that is not reported is an error, and shown" {
	{
		printf 'heading\n'
		printf '1\t64\tfull\t%s\t20000\t%s\t%s\t1000.0\t%s\t-\n' none 0 0 - \
			tcpdump 19990 10 50.0 "tcpdump bpfprobe" 19990 9 40.0
	} >"$BATS_TEST_TMPDIR/bench.tsv"
	run -1 "$BATS_TEST_DIRNAME/bench/table" "$BATS_TEST_TMPDIR/bench.tsv"
	[[ $(grep -c "NOT THE SAME" <<<"$output") -eq 1 ]]
	[[ ${lines[-1]} =~ " tcpdump bpfprobe ".*" 0.80 <=1.0 ".*" 10 "+9\ +"NOT THE SAME"$ ]]
}

# A namespace has the number of the benchmark that made it in its name.
nothing_abandoned() {
	local pid
	for pid in $(ip netns list | sed -n 's/^bpbench\([0-9]*\).*/\1/p'); do
		kill -0 "$pid" || return 1
	done
}

@test "nothing is left of it, nor of one that is interrupted" {
	nothing_abandoned
	"$BENCH" --smoke -o "$BATS_TEST_TMPDIR/bench.tsv" >/dev/null 2>&1 3>&- &
	pid=$!
	sleep 2
	kill -TERM $pid
	wait $pid || status=$?
	[[ $status -eq 1 ]]
	nothing_abandoned
}
