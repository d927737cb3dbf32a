# SPDX-License-Identifier: BSD-3-Clause
#
# Filters, a table for each question. Each figure is the median of all rounds.
#
# The file has a heading and one line per figure, fields separated by tabs:
#	1 round  2 table  3 group (frame or link type; - where there is none)  4 row  5 figure
#	6 value

function value(table, group, row, name)
{
	return median(table SUBSEP group SUBSEP row SUBSEP name)
}

function aim(x)
{
	return x == "" ? "" : "<=" x
}

# Calls for the rows of a table in the order of the file; a blank line between its groups.
function print_rows(table, i, part, last)
{
	for (i = 1; i <= nrows; i++) {
		split(rows[i], part, SUBSEP)
		if (part[1] != table)
			continue
		if (last != "" && last != part[2])
			print ""
		last = part[2]
		if (table == "load")
			print_load(part[2], part[3])
		else if (table == "program")
			print_program(part[2], part[3])
		else if (table == "solo")
			print_solo(part[2], part[3])
		else
			print_sender(part[2], part[3])
	}
}

function print_load(group, row)
{
	printf "%-14s%8s %-6s%9s%12s%10s%9s\n", row, figure(value("load", group, row, "ms")),
		aim(row ~ /^400 / ? "" : "10"), value("load", group, row, "classic"),
		value("load", group, row, "translated"), value("load", group, row, "verified"),
		value("load", group, row, "jited")
}

function print_program(group, row, ns, of)
{
	ns = value("program", group, row, "program_ns")
	of = value("program", group, "counter", "program_ns")
	printf "%5s  %-14s%8s%8s %s\n", group, row, figure(ns), ratio(ns, of),
		aim(row == "tcp port 80" || row == "less 1" ? "2.0" : "")
}

function print_solo(group, row, classic, translated)
{
	classic = value("solo", group, row, "classic")
	translated = value("solo", group, row, "translated")
	printf "%-12s%-14s%9s%12s%8s %-6s%9s%12s\n", group, row, figure(classic), figure(translated),
		ratio(translated, classic), aim("1.5"), figure(value("solo", group, row, "classic_all")),
		figure(value("solo", group, row, "translated_all"))
}

function print_sender(group, row, sender, added, base)
{
	sender = value("sender", group, row, "sender_ns")
	base = value("sender", group, "none", "sender_ns")
	added = row == "none" ? "-" : sender - base
	if (row == "tcpdump")
		stock = added
	printf "%5s  %-18s%8s%8s%8s %s\n", group, row, figure(sender), figure(added),
		row == "none" ? "-" : ratio(added, stock),
		aim(row != "tcpdump bpfprobe" ? "" : reads == "direct" ? "0.4" : "0.5")
}

BEGIN { FS = "\t" }

FNR == 1 { next }

{
	row = $2 SUBSEP $3 SUBSEP $4
	if (!(row in seen))
		rows[++nrows] = row
	seen[row] = 1
	if ($5 == "reads")
		reads = $6
	else
		add(row SUBSEP $5, $6)
}

END {
	print "pcap_setfilter() on a device that captures; instructions, and bytes of machine code."
	print "Reads of the packet: " reads "."
	printf "%-14s%8s %-6s%9s%12s%10s%9s\n", "filter", "ms", "aim", "classic", "translated",
		"verified", "jited"
	print_rows("load")
	print "\nThe program at the probe, ns per run as the kernel measures them, itself included;"
	print "next to one that only counts. \"greater 1\" lets all packets pass, into the ring."
	printf "%5s  %-14s%8s%8s %s\n", "frame", "program", "ns/run", "ratio", "aim"
	print_rows("program")
	print "\nThe filter by itself, next to the kernel's own classic BPF: ns per packet that it"
	print "rejects. Differences: to a filter that rejects at once; on the right with all around it."
	printf "%-12s%-14s%9s%12s%8s %-6s%9s%12s\n", "link type", "filter", "classic", "translated",
		"ratio", "aim", "classic", "translated"
	print_rows("solo")
	print "\nA flood that the filter \"tcp port 80\" rejects: ns per packet that the sender needs;"
	print "and with a program that only counts, the least that a probe can add."
	printf "%5s  %-18s%8s%8s%8s %s\n", "frame", "capturer", "CPU", "added", "ratio", "aim"
	print_rows("sender")
	exit nrows == 0
}
