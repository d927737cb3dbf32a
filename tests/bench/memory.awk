# SPDX-License-Identifier: BSD-3-Clause
#
# Memory, in KiB. Each figure is the median of all rounds.
#
# The file has a heading and one line per figure, fields separated by tabs:
#	1 round  2 "memory"  3 -  4 row  5 WHO_rss, WHO_pss, WHO_rings, WHO_counted  6 value
# WHO is the program or its helper; counted: what of the rings is in the RSS.

function value(row, who, name)
{
	return median(row SUBSEP who "_" name)
}

# Of both; the distribution's has no helper.
function all(row, name, helper)
{
	helper = value(row, "helper", name)
	return value(row, "program", name) + (helper == "-" ? 0 : helper)
}

# Both map the same rings, and they are there once.
function rings(row, program, helper)
{
	program = value(row, "program", "rings")
	helper = value(row, "helper", "rings")
	return helper != "-" && helper + 0 > program + 0 ? helper : program
}

function whole(row)
{
	return all(row, "rss") - all(row, "counted") + rings(row)
}

function kib(x)
{
	return x == "-" ? x : sprintf("%.0f", x)
}

function print_row(row, ours, rss)
{
	ours = row != "tcpdump"
	rss = all(row, "rss")
	printf line, row, kib(rss), ours ? kib(rss - all("tcpdump", "rss")) : "-", ours ? "<=+6144" : "",
		kib(value(row, "program", "rss")), kib(value(row, "helper", "rss")), kib(all(row, "pss")),
		kib(rings(row)), kib(all(row, "counted")), kib(whole(row)),
		ours ? kib(whole(row) - whole("tcpdump")) : "-"
}

BEGIN {
	FS = "\t"
	line = "%-23s%7s%8s %-8s%9s%8s%8s%8s%8s%8s%8s\n"
}

FNR == 1 { next }

{
	if (!($4 in seen))
		rows[++nrows] = $4
	seen[$4] = 1
	add($4 SUBSEP $5, $6)
}

END {
	print "KiB of tcpdump and its helper at bpfprobe:tx and bpfxdp:, default buffer, all rings in use:"
	print "resident (RSS) and as processes share it (PSS); the rings that they map, what of them counts"
	print "as resident; RSS with all of the rings. Added: to the distribution's tcpdump at an interface."
	printf line, "", "RSS", "added", "aim", "tcpdump", "helper", "PSS", "rings", "in RSS", "whole",
		"added"
	for (i = 1; i <= nrows; i++)
		print_row(rows[i])
	exit nrows == 0
}
