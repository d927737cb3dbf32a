# SPDX-License-Identifier: BSD-3-Clause
#
# Captures, in one table. Each figure is the median of all rounds.
#
# The file has a heading and one line per run, fields separated by tabs:
#	1 round  2 frame  3 snaplen  4 capturer  5 sent  6 captured  7 dropped
#	8 sender_ns  9 reader_ns  10 program_ns	(per packet; - where there is none)

# What is aimed at, as a ratio to the distribution's tcpdump in the same run.
function target(frame, snaplen, capturer, of)
{
	if (capturer !~ /^tcpdump ./)
		return ""
	if (of == "sender")
		return snaplen == "full" ? "1.0" : "0.7"
	return snaplen != "full" ? "" : frame < 1000 ? "1.0" : "0.9"
}

function aimed(frame, snaplen, capturer, of, x)
{
	x = target(frame, snaplen, capturer, of)
	return x == "" ? x : "<=" x
}

# Of the distribution's tcpdump, with which each group begins, the ratios are made.
function print_row(row, frame, snaplen, capturer, none, sender, added, reader)
{
	split(row, part, SUBSEP)
	frame = part[1]
	snaplen = part[2]
	capturer = part[3]
	sender = median(row SUBSEP "sender")
	reader = median(row SUBSEP "reader")
	none = median(frame SUBSEP snaplen SUBSEP "none" SUBSEP "sender")
	added = sender == "-" || capturer == "none" ? "-" : sender - none
	if (capturer == "tcpdump") {
		stock_added = added
		stock_reader = reader
	}
	printf line, frame, snaplen, capturer, figure(sender), figure(added),
		ratio(added, stock_added), aimed(frame, snaplen, capturer, "sender"),
		figure(reader), ratio(reader, stock_reader),
		aimed(frame, snaplen, capturer, "reader"), figure(median(row SUBSEP "program")),
		capturer == "none" ? "-" : lost[row], capturer == "none" ? "-" : dropped[row],
		wrong[row] ? "  NOT THE SAME" : ""
}

BEGIN {
	FS = "\t"
	line = "%5s %5s  %-24s%7s%7s%7s %-5s%7s%7s %-5s%7s%9s%9s%s\n"
}

FNR == 1 { next }

{
	row = $2 SUBSEP $3 SUBSEP $4
	if (!(row in lost)) {
		rows[++nrows] = row
		lost[row] = dropped[row] = 0
	}
	add(row SUBSEP "sender", $8)
	add(row SUBSEP "reader", $9)
	add(row SUBSEP "program", $10)
	if ($4 == "none")
		next
	lost[row] += $5 - $6
	dropped[row] += $7
	if ($5 - $6 != $7)
		wrong[row] = bad = 1
}

END {
	printf line, "", "", "", "sender", "ns per", "packet", "", "reader", "", "", "BPF", "packets",
		"", ""
	printf line, "frame", "snap", "capturer", "CPU", "added", "ratio", "aim", "CPU", "ratio",
		"aim", "ns/run", "lost", "reported", ""
	for (i = 1; i <= nrows; i++) {
		if (i > 1 && rows[i] ~ /none$/)
			print ""
		print_row(rows[i])
	}
	exit bad || nrows == 0
}
