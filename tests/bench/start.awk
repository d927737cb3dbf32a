# SPDX-License-Identifier: BSD-3-Clause
#
# What it takes to begin, in ms. Each figure is the median of all runs.
#
# The file has a heading and one line per figure, fields separated by tabs:
#	1 round  2 table (first, list)  3 -  4 row  5 figure  6 value

function value(table, row, name)
{
	return median(table SUBSEP row SUBSEP name)
}

function print_first(row, ms)
{
	ms = value("first", row, "first_ms")
	printf "%-22s%11s%14s%9s %s\n", row, figure(value("first", row, "listening_ms")), figure(ms),
		ratio(ms, value("first", "tcpdump", "first_ms")), row == "tcpdump bpfprobe" ? "<=50" : ""
}

function print_list(row, ms, stock)
{
	ms = value("list", row, "end_ms")
	stock = value("list", "tcpdump -D", "end_ms")
	printf "%-22s%11s%14s%9s %s\n", row, figure(ms), row == "tcpdump -D" ? "-" : figure(ms - stock),
		ratio(ms, stock), row == "tcpdump -D bpfprobe" ? "<=+5" : ""
}

BEGIN { FS = "\t" }

FNR == 1 { next }

{
	if (!(($2, $4) in seen))
		rows[$2, ++count_of[$2]] = $4
	seen[$2, $4] = 1
	add($2 SUBSEP $4 SUBSEP $5, $6)
}

END {
	print "ms from the start of the program until it says that it listens, and until it has printed the"
	print "first packet, of which one comes every ms; minimal: a program that only captures. bpfprobe:"
	print "tp/net_dev_queue; tcpdump: the distribution's, at an interface."
	printf "%-22s%11s%14s%9s %s\n", "", "listening", "first packet", "ratio", "aim"
	for (i = 1; i <= count_of["first"]; i++)
		print_first(rows["first", i])
	print "\nms until the list is there and the program has ended; with the distribution's libpcap"
	print "and with ours."
	printf "%-22s%11s%14s%9s %s\n", "", "ms", "added", "ratio", "aim"
	for (i = 1; i <= count_of["list"]; i++)
		print_list(rows["list", i])
	exit count_of["first"] == 0 || count_of["list"] == 0
}
