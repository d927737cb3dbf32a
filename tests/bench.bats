# SPDX-License-Identifier: BSD-3-Clause
# The benchmark works: not how fast anything is, which no test may depend on.

load live/lib.bash

BENCH=$BATS_TEST_DIRNAME/bench/bench

# One run, of which the first tests look at a table each.
setup_file() {
	require tcpdump dumpcap ip taskset
	"$BENCH" --smoke -o "$BATS_FILE_TMPDIR/bench.tsv" >"$BATS_FILE_TMPDIR/tables"
}

# runs WHERE: how many lines of the file this is true of, of the fields by their names.
runs() {
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$2 == "reads" { next }
		{
			sender = $at["sender"]; cpus = $at["cpus"]; frame = $at["frame"]
			filter = $at["filter"]; capturer = $at["capturer"]; wanted = $at["wanted"]
			captured = $at["captured"]; dropped = $at["dropped"]
			sender_ns = $at["sender_ns"]; reader_ns = $at["reader_ns"]
			program_ns = $at["program_ns"]; measured = capturer ~ /measured/
			if ('"$1"') n++
		}
		END { print n + 0 }' "$BATS_FILE_TMPDIR/bench.tsv"
}

@test "every capturer is measured, and no loss goes unreported" {
	local all=62 two=9
	(($(nproc) > 1)) || all=53 two=0
	cp "$BATS_FILE_TMPDIR/bench.txt" "$BATS_TEST_TMPDIR/table"
	cat "$BATS_TEST_TMPDIR/table"
	[[ $(runs 1) -eq $all ]]
	[[ $(runs 'cpus == 2') -eq $two ]]
	[[ $(runs 'sender == "udp"') -eq 9 ]]
	[[ $(runs 'sender == "xdp"') -eq 6 ]]
	[[ $(runs 'frame == 60000') -eq 13 ]]
	[[ $(grep -Ec '^(none|tcpdump|dumpcap|minimal|loop)' "$BATS_TEST_TMPDIR/table") -eq $all ]]
	# What is sent of each, and who has it: a reader knows it by the numbers.
	[[ $(runs 'filter == "never" && wanted == 1') -eq 5 ]]
	[[ $(runs 'filter == "1/1000" && wanted == 20') -eq 5 ]]
	[[ $(runs 'frame == 60000 && wanted == 1000') -eq 13 ]]
	[[ $(runs 'frame == 64 && sender != "xdp" && wanted == 20000 * cpus') -eq $((all - 5 - 5 - 13 - 6)) ]]
	# No program sees a frame that finds no room in the queue to the peer.
	[[ $(runs 'sender == "xdp" && wanted > 0 && wanted <= 20000') -eq 6 ]]
	[[ $(runs 'capturer == "none" && captured == 0') -eq $((6 + two / 8)) ]]
	[[ $(runs 'capturer != "none" && captured + dropped == wanted') -eq $((all - 6 - two / 8)) ]]
	# Sender, reader and program: each a number above 0 wherever it applies.
	[[ $(runs '!measured && sender_ns > 0') -eq $((all - 2)) ]]
	[[ $(runs 'filter == "all" && capturer != "none" && !measured && reader_ns > 0') -eq \
		$(runs 'filter == "all" && capturer != "none" && !measured') ]]
	[[ $(runs 'measured && program_ns > 0') -eq 2 ]]
}

# figures TABLE FIGURE [FILE]: how many values above 0 the file of the filters, or this one, has.
figures() {
	awk -F '\t' -v of="$1" -v name="$2" '
		$2 == of && $5 == name && $6 ~ /^[0-9]+(\.[0-9]+)?$/ && $6 > 0 { n++ }
		END { print n + 0 }' "$BATS_FILE_TMPDIR/${3:-bench-filter.tsv}"
}

# rows PATTERN: how many lines of the tables match.
rows() {
	grep -Ec "$1" "$BATS_TEST_TMPDIR/tables"
}

@test "filters are measured: setting one, the program, the filter by itself, the sender" {
	local figure
	sed -n '/^Filters: /,/^Start: /p' "$BATS_FILE_TMPDIR/tables" | tee "$BATS_TEST_TMPDIR/tables"
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
	# Where the kernel lets them (bpf_rdonly_cast(ptr, 0), Linux 6.17), filters read the packet itself.
	if printf '%s\n' 6.17 "$(uname -r)" | sort -VC; then
		[[ $(rows ' <=0\.4$') -eq 2 ]]
	fi
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

# lines_of GROUP CAPTURER WANTED CAPTURED DROPPED SENDER READER...: of one round.
lines_of() {
	local group=${1// /$'\t'}
	shift
	printf "1\t$group\t%s\t%s\t%s\t%s\t%s\t%s\t-\n" "$@"
}

@test "a loss that is not reported is an error, and shown" {
	{
		printf 'heading\n'
		lines_of "raw 1 64 full all" none 20000 0 0 1000.0 - tcpdump 20000 19990 10 1100.0 50.0 \
			"tcpdump bpfprobe" 20000 19990 9 1050.0 40.0
	} >"$BATS_TEST_TMPDIR/bench.tsv"
	run -1 "$BATS_TEST_DIRNAME/bench/table" capture "$BATS_TEST_TMPDIR/bench.tsv"
	[[ $(grep -c "NOT THE SAME" <<<"$output") -eq 1 ]]
	[[ ${lines[-1]} =~ "tcpdump bpfprobe ".*" 50.0 "\ +"0.50 <=1.0 ".*" 0.80 <=1.0 ".*" 10 "+9\ +"NOT THE SAME"$ ]]
}

@test "a loss that xdpdump does not report is shown, and no error" {
	{
		printf 'heading\n'
		lines_of "xdp 1 64 full all" none 9 0 0 500.0 - "xdpdump entry" 9 8 0 1500.0 10.0
	} >"$BATS_TEST_TMPDIR/bench.tsv"
	run -0 "$BATS_TEST_DIRNAME/bench/table" capture "$BATS_TEST_TMPDIR/bench.tsv"
	[[ ${lines[-1]} =~ ^"xdpdump entry ".*" 1 "\ +"0  NOT THE SAME"$ ]]
}

@test "a figure is next to what it is aimed at" {
	{
		printf 'heading\n-\treads\tdirect\n'
		lines_of "raw 1 1400 full all" none 9 0 0 1000.0 - tcpdump 9 9 0 1500.0 200.0 \
			dumpcap 9 9 0 1400.0 1000.0 "minimal TPACKET_V3" 9 9 0 1500.0 50.0 \
			"tcpdump bpfprobe" 9 9 0 1400.0 150.0 \
			"dumpcap bpfprobe" 9 9 0 1500.0 250.0 "loop bpfprobe" 9 8 1 1500.0 30.0
		lines_of "raw 1 64 96 all" none 9 0 0 1000.0 - tcpdump 9 9 0 1200.0 50.0 \
			"tcpdump bpfprobe" 9 9 0 1120.0 60.0
		lines_of "raw 1 64 full never" none 1 0 0 1000.0 - tcpdump 1 1 0 1200.0 - \
			"tcpdump bpfprobe" 1 1 0 1090.0 -
		lines_of "xdp 1 64 96 all" none 9 0 0 500.0 - "minimal XDP" 9 9 0 900.0 10.0 \
			"loop bpfxdp" 9 9 0 1000.0 20.0
		lines_of "xdp 1 64 full all" none 9 0 0 500.0 - "xdpdump entry" 9 9 0 1500.0 10.0 \
			"xdpdump both" 18 18 0 2500.0 10.0 "tcpdump bpfxdp entry" 9 9 0 1100.0 9.0 \
			"tcpdump bpfxdp both" 18 18 0 2000.0 9.0
	} >"$BATS_TEST_TMPDIR/bench.tsv"
	run -0 "$BATS_TEST_DIRNAME/bench/table" capture "$BATS_TEST_TMPDIR/bench.tsv"
	echo "$output"
	[[ $output =~ $'\n'"dumpcap bpfprobe ".*" 0 0 "\ +"0  reader 0.25 <=0.3 of dumpcap"$'\n' ]]
	[[ $output =~ $'\n'"loop bpfprobe ".*" 1 "\ +"1  reader 0.60 <=0.7 of minimal TPACKET_V3"$'\n' ]]
	[[ $output =~ $'\n'"tcpdump bpfprobe ".*" 400 "\ +"0.80 <=1.0 "\ +"150 "\ +"0.75 <=0.9 " ]]
	[[ $output =~ $'\n'"tcpdump bpfprobe ".*" 120 "\ +"0.60 <=0.7 "\ +"60.0 "\ +"1.20 "\ +- ]]
	[[ $output =~ $'\n'"tcpdump bpfprobe ".*" 0.45 <=0.4 " ]]
	[[ $output =~ $'\n'"loop bpfxdp ".*"  rate 0.90 >=0.8 of minimal XDP"$'\n' ]]
	[[ $output =~ $'\n'"tcpdump bpfxdp entry ".*" 600 ".*"  added 0.60 <=0.7 of xdpdump entry"$'\n' ]]
	[[ ${lines[-1]} =~ ^"tcpdump bpfxdp both ".*"  added 0.75 <=0.7 of xdpdump both"$ ]]
	# The page has what is aimed at, and what that is next to.
	run -0 "$BATS_TEST_DIRNAME/bench/table" capture "$BATS_TEST_TMPDIR/bench.tsv" brief=1
	echo "$output"
	[[ $(grep -Ec '^(tcpdump|dumpcap|minimal|loop|xdpdump)' <<<"$output") -eq 16 ]]
	[[ $(grep -c '^none' <<<"$output") -eq 0 ]]
	# Where filters read the packet through the helper, less is aimed at.
	sed 's/direct/helper/' "$BATS_TEST_TMPDIR/bench.tsv" >"$BATS_TEST_TMPDIR/helper.tsv"
	run -0 "$BATS_TEST_DIRNAME/bench/table" capture "$BATS_TEST_TMPDIR/helper.tsv"
	[[ $output =~ $'\n'"tcpdump bpfprobe ".*" 0.45 <=0.5 " ]]
}

@test "--quick: some groups, and what is asked for" {
	local file=$BATS_TEST_TMPDIR/bench.tsv
	"$BENCH" --quick -n 1000 -m ' (none|loop bpfprobe|loop bpfxdp)$' -o "$file" capture 2
	cut -f 2-6,8 "$file" | grep -v 'reads\|never.1$' | sed 1d | sort | uniq -c >"$BATS_TEST_TMPDIR/groups"
	cat "$BATS_TEST_TMPDIR/groups"
	[[ $(awk '{ print $1, $2, $3, $4, $5, $6, $7 }' "$BATS_TEST_TMPDIR/groups") == "$(
		printf '%s\n' "4 raw 1 1400 full all 1000" "4 raw 1 64 96 all 1000" "4 raw 1 64 full all 1000" \
			"2 raw 1 64 full never 1000" "4 xdp 1 64 96 all 1000"
	)" ]]
}

# grown SERIES FIGURE: how many values above 0 there are.
grown() {
	awk -F '\t' -v of="$1" -v name="$2" '
		$2 == of && $5 == name && $6 ~ /^[0-9]+(\.[0-9]+)?$/ && $6 > 0 { n++ }
		END { print n + 0 }' "$BATS_TEST_TMPDIR/bench-growth.tsv"
}

# drawn FILE HEADINGS LINES POINTS: the plot is XML, with as many of them (headings: of diagrams
# and in the legend), and all within its edges.
drawn() {
	python3 - "$@" <<-'END'
		import sys
		import xml.etree.ElementTree as tree
		svg = tree.parse(sys.argv[1]).getroot()
		ns = "{http://www.w3.org/2000/svg}"
		width, height = float(svg.get("width")), float(svg.get("height"))
		ground = svg.find(ns + "rect")
		points = [(float(c.get("cx")), float(c.get("cy"))) for c in svg.iter(ns + "circle")]
		joined = [p.get("points").split() for p in svg.iter(ns + "polyline")]
		headings = [t for t in svg.iter(ns + "text") if t.get("font-size") == "13"]
		print(sys.argv[1], len(headings), len(joined), len(points))
		assert svg.tag == ns + "svg" and svg.find(ns + "title").text
		assert ground.get("fill") == "#ffffff" and ground.get("width") == svg.get("width")
		assert len(points) == sum(len(p) for p in joined) == int(sys.argv[4])
		assert len(headings) == int(sys.argv[2]) and len(joined) == int(sys.argv[3])
		assert all(0 < x < width and 0 < y < height for x, y in points)
	END
}

@test "how cost grows: every series comes out whole, in its table and in its plot" {
	local series of headings lines points
	"$BENCH" --smoke -o "$BATS_TEST_TMPDIR/bench.tsv" -p "$BATS_TEST_TMPDIR" growth >"$BATS_TEST_TMPDIR/tables"
	cat "$BATS_TEST_TMPDIR/tables"
	# Each of x: nobody, and three capturers, one of which reads nothing.
	[[ $(grown probes sender_ns) -eq 16 && $(grown probes reader_ns) -eq 8 ]]
	[[ $(grown handles sender_ns) -eq 16 && $(grown handles reader_ns) -eq 12 ]]
	[[ $(grown rings sender_ns) -eq 24 && $(grown rings reader_ns) -eq 18 ]]
	# Nobody and two capturers; two programs and two filters; one sets them.
	[[ $(grown filters sender_ns) -eq 9 && $(grown filters program_ns) -eq 6 ]]
	[[ $(grown filters set_ms) -eq 3 ]]
	# A difference, which in so short a run may be anything.
	[[ $(grep -Ec 'filters.*filter_ns.-?[0-9.]+$' "$BATS_TEST_TMPDIR/bench-growth.tsv") -eq 6 ]]
	# Every frame is seen by all probes and all handles, and none is lost without being reported.
	awk -F '\t' '$5 ~ /^(wanted|captured|dropped)$/ { n[$2 FS $3 FS $4 FS $5] = $6 }
		END {
			for (key in n) {
				if (!sub(/wanted$/, "", key))
					continue
				split(key, part, FS)
				each = part[1] == "rings" ? 1 : part[2]
				if (n[key "wanted"] != (part[3] == "empty tp_btf" ? 0 : 20000 * each) ||
				    n[key "captured"] + n[key "dropped"] != n[key "wanted"])
					print "wrong:", key n[key "wanted"], n[key "captured"], n[key "dropped"]
				else
					right++
			}
			print right + 0 " right"
		}' "$BATS_TEST_TMPDIR/bench-growth.tsv" | tee "$BATS_TEST_TMPDIR/counts"
	[[ $(<"$BATS_TEST_TMPDIR/counts") == "42 right" ]]
	# The plots have what the table has.
	for series in "probes 5 5 20" "handles 5 6 24" "filters 7 7 21" "rings 6 9 54"; do
		read -r of headings lines points <<<"$series"
		drawn "$BATS_TEST_TMPDIR/growth-$of.svg" "$headings" "$lines" "$points"
		"$BATS_TEST_DIRNAME/bench/table" growth "$BATS_TEST_TMPDIR/bench-growth.tsv" "points=$of" \
			>"$BATS_TEST_TMPDIR/points"
		[[ $(grep -c '^point' "$BATS_TEST_TMPDIR/points") -eq $points ]]
	done
	# So short a run may even add less than nothing.
	[[ $(grep -Ec '^ +[0-9]+  (empty tp_btf|minimal tp_btf|PF_PACKET|bpfprobe|counter) .* -?[0-9]' \
		"$BATS_TEST_TMPDIR/tables") -eq 51 ]]
}

@test "growth is next to the first of its series, for what is done once more to each packet" {
	{
		printf 'heading\n'
		printf '1\tprobes\t%d\t%s\t%s\t%s\n' 1 none sender_ns 1000.0 1 bpfprobe sender_ns 1200.0 \
			1 bpfprobe reader_ns 40.0 1 bpfprobe wanted 9 1 bpfprobe captured 9 1 bpfprobe dropped 0 \
			4 none sender_ns 1100.0 4 bpfprobe sender_ns 2300.0 4 bpfprobe reader_ns 50.0 4 bpfprobe wanted 36 \
			4 bpfprobe captured 30 4 bpfprobe dropped 6
		printf '1\trings\t%d\t%s\t%s\t%s\n' 64 none sender_ns 1000.0 64 bpfprobe sender_ns 1400.0 \
			256 none sender_ns 900.0 256 bpfprobe sender_ns 1200.0 256 bpfprobe wanted 9 256 bpfprobe captured 8 256 bpfprobe dropped 0
	} >"$BATS_TEST_TMPDIR/growth.tsv"
	run -1 "$BATS_TEST_DIRNAME/bench/table" growth "$BATS_TEST_TMPDIR/growth.tsv"
	echo "$output"
	[[ $output =~ $'\n'" "+"1  bpfprobe "\ +"200 "\ +"1.00 "\ +"40.0 "\ +"1.00 "\ +"0 "\ +"0"$'\n' ]]
	[[ $output =~ $'\n'" "+"4  bpfprobe "\ +"300 "\ +"1.50 "\ +"50.0 "\ +"1.25 "\ +"6 "\ +"6"$'\n' ]]
	[[ ${lines[-1]} =~ " 256  bpfprobe "\ +"300 "\ +"0.75 "\ +"- "\ +"- "\ +"1 "\ +"0  NOT THE SAME"$ ]]
}

@test "a plot has its points where they belong" {
	printf '%s\t%s\t%s\t%s\t%s\n' title 'a < b & c' '' '' '' x probes log '' '' tick 1 one '' '' \
		tick 2 two '' '' tick 4 four '' '' panel p 'ns <' '' '' line l '#0072b2' '' '' \
		point p l 1 0 point p l 2 100 point p l 4 50 >"$BATS_TEST_TMPDIR/points"
	awk -f "$BATS_TEST_DIRNAME/bench/plot.awk" "$BATS_TEST_TMPDIR/points" >"$BATS_TEST_TMPDIR/plot.svg"
	drawn "$BATS_TEST_TMPDIR/plot.svg" 2 1 3
	grep -qF '>a &lt; b &amp; c<' "$BATS_TEST_TMPDIR/plot.svg"
	# Twice as many probes are one step; half of 100 is half as high.
	grep -qF 'points="80.0,280.0 215.0,100.0 350.0,190.0"' "$BATS_TEST_TMPDIR/plot.svg"
	: >"$BATS_TEST_TMPDIR/points"
	run -1 awk -f "$BATS_TEST_DIRNAME/bench/plot.awk" "$BATS_TEST_TMPDIR/points"
	[[ $output == "plot.awk: nothing to draw" ]]
}

@test "a start is measured, until there is a packet or the list of devices" {
	sed -n '/^Start: /,/^Memory: /p' "$BATS_FILE_TMPDIR/tables" | tee "$BATS_TEST_TMPDIR/tables"
	[[ $(figures first listening_ms bench-start.tsv) -eq 3 ]]
	[[ $(figures first first_ms bench-start.tsv) -eq 2 ]]
	[[ $(figures list end_ms bench-start.tsv) -eq 2 ]]
	[[ $(rows '^(tcpdump|minimal tp_btf|tcpdump bpfprobe) +[0-9]+\.?[0-9]* ') -eq 3 ]]
	[[ $(rows '^tcpdump bpfprobe  .* <=50$') -eq 1 ]]
	[[ $(rows '^tcpdump -D( bpfprobe)? +[0-9]') -eq 2 ]]
	[[ $(rows '^tcpdump -D bpfprobe .* <=\+5$') -eq 1 ]]
}

@test "memory is measured, of tcpdump and of the helper" {
	local figure
	sed -n '/^Memory: /,$p' "$BATS_FILE_TMPDIR/tables" | tee "$BATS_TEST_TMPDIR/tables"
	for figure in rss pss rings; do
		[[ $(figures memory program_$figure bench-memory.tsv) -eq 4 ]]
		[[ $(figures memory helper_$figure bench-memory.tsv) -eq 3 ]]
	done
	[[ $(rows '^tcpdump +[0-9]+ ') -eq 1 ]]
	[[ $(rows '^tcpdump bpf(probe|probe -s 96|xdp -s 96) +[0-9]+ +-?[0-9]+ <=\+6144 ') -eq 3 ]]
}

@test "memory and starts are next to what they are aimed at" {
	{
		printf 'heading\n'
		printf '1\tmemory\t-\ttcpdump\tprogram_%s\t%s\n' rss 8000 pss 5000 rings 2048 counted 2048
		printf '1\tmemory\t-\ttcpdump bpfprobe\tprogram_%s\t%s\n' rss 6000 pss 4000 rings 4108 counted 4
		printf '1\tmemory\t-\ttcpdump bpfprobe\thelper_%s\t%s\n' rss 4100 pss 2000 rings 4104 counted 0
	} >"$BATS_TEST_TMPDIR/memory.tsv"
	run -0 "$BATS_TEST_DIRNAME/bench/table" memory "$BATS_TEST_TMPDIR/memory.tsv"
	echo "$output"
	[[ $(tr -s ' ' <<<"${lines[-1]}") == "tcpdump bpfprobe 10100 2100 <=+6144 6000 4100 6000 4108 4 14204 6204" ]]
	{
		printf 'heading\n'
		printf '%s\tfirst\t-\ttcpdump\tfirst_ms\t%s\n' 1 20.0 1 22.0 2 30.0
		printf '%s\tfirst\t-\ttcpdump bpfprobe\tfirst_ms\t%s\n' 1 55.0 1 11.0 2 66.0
		printf '1\tlist\t-\t%s\tend_ms\t%s\n' "tcpdump -D" 4.0 "tcpdump -D bpfprobe" 10.0
	} >"$BATS_TEST_TMPDIR/start.tsv"
	run -0 "$BATS_TEST_DIRNAME/bench/table" start "$BATS_TEST_TMPDIR/start.tsv"
	echo "$output"
	[[ $output =~ $'\n'"tcpdump bpfprobe "\ +"- "\ +"55.0 "\ +"2.50 <=50"$'\n' ]]
	[[ ${lines[-1]} =~ ^"tcpdump -D bpfprobe "\ +"10.0 "\ +"6.0 "\ +"2.50 <=+5"$ ]]
}

@test "the stopwatch: listening, the first byte, the end; a failure" {
	PATH=$BUILD/tests/bench:$PATH
	run -0 stopwatch sh -c 'sleep 0.1; echo listening on it >&2; sleep 0.5; echo x; sleep 0.5; echo y'
	echo "$output"
	[[ $output =~ ^listening_ms=([0-9]+)\.[0-9]+" first_ms="([0-9]+)\.[0-9]+" end_ms="([0-9]+)\.[0-9]+" "$ ]]
	# It may be late to see what came before.
	((BASH_REMATCH[1] >= 100 && BASH_REMATCH[2] >= BASH_REMATCH[1] + 250))
	((BASH_REMATCH[3] >= BASH_REMATCH[2] + 250))
	run -0 stopwatch -i sh -c 'trap "exit 0" INT; echo listening on it >&2; while :; do sleep 0.01; done'
	[[ $output =~ ^listening_ms=[0-9.]+" first_ms=- end_ms="[0-9.]+" "$ ]]
	run -2 stopwatch sh -c 'echo x; echo a reason >&2; exit 3'
	[[ $output == "stopwatch: it failed: a reason" ]]
	run -2 stopwatch /no/such/program
	[[ $output == "stopwatch: it failed: /no/such/program: No such file or directory" ]]
}

@test "frames in a file are counted; what comes too often, or is of another, is told" {
	PATH=$BUILD/tests/bench:$PATH
	pair_setup
	capture packets in_a tcpdump -Z root -U -w "$BATS_TEST_TMPDIR/packets.pcap" -i bpa0
	in_a flood -n 50 bpa0
	in_a flood -n 20 bpa0
	until_true 10 file_size_is "$BATS_TEST_TMPDIR/packets.pcap" $((24 + 70 * 80))
	run -1 numbers "$BATS_TEST_TMPDIR/packets.pcap"
	[[ ${lines[1]} == 70 && ${lines[0]} == "numbers: 20 frames too often, or not of the flood" ]]
	run -0 numbers -t 2 "$BATS_TEST_TMPDIR/packets.pcap"
	[[ $output == 70 ]]
	send -c 1
	until_true 10 file_size_is "$BATS_TEST_TMPDIR/packets.pcap" $((24 + 70 * 80 + 50))
	stop
	run -1 numbers -t 2 "$BATS_TEST_TMPDIR/packets.pcap"
	[[ ${lines[1]} == 71 && ${lines[0]} == "numbers: 1 frames too often, or not of the flood" ]]
}

@test "without fentry the peers are not measured, and it says why" {
	kinds_setup
	[[ -z $FENTRY ]] || skip "this kernel has it: tests/live/peers.bats measures"
	BPFPROBE_VM=1 run -1 "$BENCH" --smoke -o "$BATS_TEST_TMPDIR/bench.tsv" peers
	echo "$output"
	[[ $output == "bench: the peers need fentry: "*'function "dev_hard_start_xmit": '* ]]
}

# pretender NAME SCRIPT: a capturer that captures nothing, and is found first.
pretender() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' '#!/usr/bin/perl' '$| = 1; select STDERR;' "$2" 'sleep 1 while 1;' \
		>"$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

@test "a capturer that lies about its loss makes it fail" {
	pretender tcpdump '$SIG{USR1} = sub { print "19990 packets captured\n9 packets dropped by kernel\n" };
		$SIG{INT} = sub { $SIG{USR1}->(); exit 0 }; print "listening on it\n";'
	pretender dumpcap '$SIG{INT} = sub { print "Packets received/dropped on interface \x27it\x27: " .
		"20000/3 (pcap:3/dumpcap:0/flushed:0/ps_ifdrop:0) (99.9%)\n"; exit 0 }; print "File: it\n";'
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -1 "$BENCH" --smoke -o "$BATS_TEST_TMPDIR/bench.tsv" \
		-m '^raw 1 64 full all (tcpdump|dumpcap|minimal tp_btf)$' capture
	echo "$output"
	[[ $(grep -c "NOT THE SAME" <<<"$output") -eq 2 ]]
	[[ $output =~ $'\n'"tcpdump ".*" 10 "\ +"9  NOT THE SAME"$'\n' ]]
	[[ $output =~ $'\n'"dumpcap ".*" 0 "\ +"3  NOT THE SAME"$'\n' ]]
	[[ $output == *$'\n'"bench: losses were not reported as they were: see "* ]]
}

@test "a start that shows nothing, and counts that are none, make it fail" {
	pretender tcpdump 'print "listening on it\n"; exit 0;'
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -1 "$BENCH" --smoke -o "$BATS_TEST_TMPDIR/bench.tsv" start
	echo "$output"
	[[ $output == "bench: "*" showed nothing: listening_ms="*" first_ms=- end_ms="* ]]
	pretender tcpdump '$SIG{USR1} = sub { print "1 packet captured\n999999999 packets dropped by kernel\n" };
		$SIG{INT} = sub { $SIG{USR1}->(); exit 0 }; print "listening on it\n";'
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -1 "$BENCH" --smoke -o "$BATS_TEST_TMPDIR/bench.tsv" memory
	echo "$output"
	[[ $output == "bench: "*" captured 1 and dropped 999999999 packets of "* ]]
}

# counted_twice CMD...: the reader is sent the same numbers again.
counted_twice() {
	local status=0
	background reader "$@"
	started "$T/reader.err" "listening on"
	in_a taskset -c 0 flood -n 100 bpn0
	in_a taskset -c 0 flood -n 50 bpn0
	until_true 10 reader_has 150
	kill -INT "$PID"
	wait_exit "$PID" || status=$?
	cat "$T/reader.err"
	[[ $status -eq 1 ]]
	[[ $(<"$T/reader.err") == *": 50 frames twice, out of order, or not of the flood" ]]
}

reader_has() { # COUNT
	kill -USR1 "$PID"
	pause
	grep -q " $1 packets captured, 0 packets dropped" "$T/reader.err"
}

@test "the readers know a packet by its number" {
	PATH=$BUILD/tests/bench:$PATH
	pair_setup
	# The least of all programs knows an interface by its number only, in whatever namespace.
	ip -n "$NS_A" link add bpn0 index $((200000 + $$)) type veth peer name bpn0 netns "$NS_B"
	ip -n "$NS_B" link set bpn0 up
	ip -n "$NS_A" link set bpn0 up
	counted_twice in_a tpacket -i bpn0
	counted_twice in_a emit -i bpn0
	counted_twice loop -i "bpfprobe:tx:netns=$NS_A:dev=bpn0"
	counted_twice in_a loop -i bpn0
}

@test "a frame that finds a queue full is sent, once" {
	local queue
	PATH=$BUILD/tests/bench:$PATH
	pair_setup
	# All of them; and the most, of those that are sent in one call.
	for queue in "pfifo limit 0" "tbf rate 8mbit burst 4kb limit 4kb"; do
		# shellcheck disable=SC2086 # words
		in_a tc qdisc replace dev bpa0 root $queue
		background reader loop -i "bpfprobe:tp/net_dev_queue:netns=$NS_A:dev=bpa0"
		started "$T/reader.err" "listening on"
		run -0 in_a flood -n 1000 bpa0
		[[ $output == "sent=1000 "* ]]
		until_true 10 reader_has 1000
		kill -INT "$PID"
		wait_exit "$PID"
		[[ $(in_a tc -s qdisc show dev bpa0) =~ dropped\ [1-9] ]]
	done
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
