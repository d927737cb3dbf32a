# SPDX-License-Identifier: BSD-3-Clause
# The benchmark works: not how fast anything is, which no test may depend on.

load live/lib.bash

BENCH=$BATS_TEST_DIRNAME/bench/bench

# One run, of which the first tests look at a table each.
setup_file() {
	require tcpdump ip taskset
	"$BENCH" --smoke -o "$BATS_FILE_TMPDIR/bench.tsv" >"$BATS_FILE_TMPDIR/tables"
}

# column N: of the runs in the file, the values that the capturer (or not) has.
column() {
	awk -F '\t' -v n="$1" 'NR > 1 { print $4 ": " $n }' "$BATS_FILE_TMPDIR/bench.tsv"
}

@test "every capturer is measured, and no loss goes unreported" {
	sed '/^Filters: /,$d' "$BATS_FILE_TMPDIR/tables" | tee "$BATS_TEST_TMPDIR/table"
	[[ $(grep -Ec '^ +(64|1400)  full ' "$BATS_TEST_TMPDIR/table") -eq 16 ]]
	[[ $(column 4 | wc -l) -eq 16 ]]
	[[ $(column 5 | grep -c ': 20000$') -eq 16 ]]
	# Sender, reader and program: each a number above 0 wherever it applies.
	[[ $(column 8 | grep -v measured | grep -Ec ': [1-9][0-9]*\.[0-9]$') -eq 14 ]]
	[[ $(column 9 | grep -Ev 'measured|none' | grep -Ec ': [1-9][0-9]*\.[0-9]$') -eq 12 ]]
	[[ $(column 10 | grep measured | grep -Ec ': [1-9][0-9]*\.[0-9]$') -eq 2 ]]
}

# figures TABLE FIGURE: how many values above 0 the file of the filters has.
figures() {
	awk -F '\t' -v of="$1" -v name="$2" '
		$2 == of && $5 == name && $6 ~ /^[0-9]+(\.[0-9]+)?$/ && $6 > 0 { n++ }
		END { print n + 0 }' "$BATS_FILE_TMPDIR/bench-filter.tsv"
}

# rows PATTERN: how many lines of the tables match.
rows() {
	grep -Ec "$1" "$BATS_TEST_TMPDIR/tables"
}

@test "filters are measured: setting one, the program, the filter by itself, the sender" {
	local figure
	sed -n '/^Filters: /,$p' "$BATS_FILE_TMPDIR/tables" | tee "$BATS_TEST_TMPDIR/tables"
	for figure in ms classic translated jited; do
		[[ $(figures load $figure) -eq 7 ]]
	done
	# Kernels before 5.16 do not say how much they have verified.
	[[ $(figures load verified) -eq 7 ]] ||
		[[ $(grep -c 'verified.-$' "$BATS_FILE_TMPDIR/bench-filter.tsv") -eq 7 ]]
	[[ $(figures program program_ns) -eq 10 ]]
	# The differences of so short a run may be anything.
	[[ $(figures solo classic_all) -eq 6 ]]
	[[ $(figures solo translated_all) -eq 6 ]]
	[[ $(figures sender sender_ns) -eq 8 ]]
	# Each of them has its row, with what is aimed at.
	[[ $(rows '^(tcp port 80|[0-9]+ (host|port)s?) .* [1-9][0-9]*$') -eq 7 ]]
	[[ $(rows '^(EN10MB|LINUX_SLL2) .* <=1\.5 ') -eq 6 ]]
	# The counter is in two tables.
	[[ $(rows '^ +(64|1400)  (counter|less 1|tcp port 80|40 ports|greater 1) .* [0-9]') -eq 12 ]]
	[[ $(rows '^ +(64|1400)  (none|tcpdump|tcpdump bpfprobe) .*[0-9-]') -eq 6 ]]
	[[ $(rows ' <=10 ') -eq 5 ]]
	[[ $(rows ' <=2\.0$') -eq 4 ]]
	[[ $(rows ' <=0\.[45]$') -eq 2 ]]
}

@test "a filter is next to what it is aimed at" {
	{
		printf 'heading\n'
		printf '%d\tsolo\tEN10MB\ttcp port 80\t%s\t%s\n' 1 classic 4.0 1 translated 6.0 \
			2 classic 8.0 2 translated 2.0 3 classic 5.0 3 translated 7.5
		printf '1\tload\t-\t1 host\t%s\t%s\n' reads direct ms 2.5 classic 4 verified -
		printf '1\tsender\t64\t%s\tsender_ns\t%s\n' none 1000.0 tcpdump 1300.0 \
			"tcpdump bpfprobe" 1150.0
	} >"$BATS_TEST_TMPDIR/filter.tsv"
	run -0 "$BATS_TEST_DIRNAME/bench/table" filter "$BATS_TEST_TMPDIR/filter.tsv"
	echo "$output"
	[[ $output =~ $'\n'"EN10MB "\ *"tcp port 80 "\ +"5.0 "\ +"6.0 "\ +"1.20 <=1.5 " ]]
	[[ $output =~ $'\n'"1 host "\ +"2.5 <=10 "\ +"4 "\ +"- "\ +"- " ]]
	[[ $output =~ " tcpdump bpfprobe "\ +"1150 "\ +"150 "\ +"0.50 <=0.4" ]]
}

@test "a loss that is not reported is an error, and shown" {
	{
		printf 'heading\n'
		printf '1\t64\tfull\t%s\t20000\t%s\t%s\t1000.0\t%s\t-\n' none 0 0 - \
			tcpdump 19990 10 50.0 "tcpdump bpfprobe" 19990 9 40.0
	} >"$BATS_TEST_TMPDIR/bench.tsv"
	run -1 "$BATS_TEST_DIRNAME/bench/table" capture "$BATS_TEST_TMPDIR/bench.tsv"
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
