# SPDX-License-Identifier: BSD-3-Clause
#
# Captures, in one table. Each figure is the median of all rounds.
#
# The file has a heading and one line per run, fields separated by tabs:
#	1 round  2 sender  3 cpus  4 frame  5 snaplen  6 filter  7 capturer  8 wanted
#	9 captured  10 dropped  11 sender_ns  12 reader_ns  13 program_ns
# (ns per packet; - where there is none); "- reads HOW": how filters read the packet.
# With brief=1 only rows for which something is aimed at, what they are next to, and those whose
# losses were not reported as they were. A row is known by fields 2 to 6, its group, and 7: "raw 1 64 full all/tcpdump bpfprobe".

# aim(FIGURE, ROWS, LIMIT [, OF]): what is aimed at, as a ratio to the distribution's tcpdump, or
# to OF, in the same group. "rate" is that of the packets, which the sender's figure tells.
function aim(name, pattern, limit, of)
{
	aim_name[++aims] = name
	aim_rows[aims] = pattern
	aim_limit[aims] = limit
	aim_of[aims] = of
}

function set_aims()
{
	aim("added", "^raw 1 (64|1400) full all/tcpdump bpfprobe", "<=1.0")
	aim("added", "^raw 1 (64|1400) 96 all/tcpdump bpfprobe", "<=0.7")
	aim("added", " never/tcpdump bpfprobe", reads == "direct" ? "<=0.4" : "<=0.5")
	aim("reader", "^raw 1 64 full all/tcpdump bpfprobe", "<=1.0")
	aim("reader", "^raw 1 1400 full all/tcpdump bpfprobe", "<=0.9")
	aim("reader", "^raw 1 1400 full all/loop bpfprobe", "<=0.7", "minimal TPACKET_V3")
	aim("reader", "^raw 1 (64|1400) full all/dumpcap (bpfprobe|noselect)", "<=0.3", "dumpcap")
	aim("added", "^xdp 1 64 full all/(tcpdump|loop) bpfxdp( entry)?$", "<=0.7", "xdpdump entry")
	aim("added", "^xdp 1 64 full all/tcpdump bpfxdp both$", "<=0.7", "xdpdump both")
	aim("rate", "^xdp 1 64 96 all/loop bpfxdp", ">=0.8", "minimal XDP")
	aim("lost", "(^raw 1 (64|1400) full all/dumpcap (bpfprobe|noselect)|^xdp 1 64 96 all/loop bpfxdp)$", "0")
}

# aim_at(FIGURE, ROW, OTHERS): the number of what is aimed at, next to others than tcpdump or not.
function aim_at(name, row, others, i)
{
	for (i = 1; i <= aims; i++)
		if (aim_name[i] == name && (aim_of[i] != "") == others && row ~ aim_rows[i])
			return i
	return 0
}

# The filter's name may have a slash, a capturer's has none.
function group_of(row)
{
	sub("/[^/]*$", "", row)
	return row
}

function limit(name, row, i)
{
	i = aim_at(name, row, 0)
	return i ? aim_limit[i] : ""
}

function value(name, row, sender, none)
{
	sender = median(row SUBSEP "sender")
	if (name == "added") {
		none = median(group_of(row) "/none" SUBSEP "sender")
		return row ~ "/none$" || sender == "-" || none == "-" ? "-" : sender - none
	}
	if (name == "rate")
		return sender > 0 ? 1e9 / sender : "-"
	return median(row SUBSEP name)
}

# Behind the row: what it is next to others than tcpdump.
function notes(row, names, i, n, text)
{
	split("added reader rate", names, " ")
	text = wrong[row] ? "  NOT THE SAME" : ""
	for (n = 1; n in names; n++) {
		i = aim_at(names[n], row, 1)
		if (i)
			text = text sprintf("  %s %s %s of %s", names[n], ratio(value(names[n], row),
				value(names[n], group_of(row) "/" aim_of[i])), aim_limit[i], aim_of[i])
	}
	return text
}

function stock_of(row)
{
	return group_of(row) "/tcpdump" (row ~ /^xdp/ ? " at the peer" : "")
}

function print_row(row, added, reader, none)
{
	none = row ~ "/none$"
	added = value("added", row)
	reader = value("reader", row)
	printf line, substr(row, length(group_of(row)) + 2), figure(value("sender", row)), figure(added),
		ratio(added, value("added", stock_of(row))), limit("added", row), figure(reader),
		ratio(reader, value("reader", stock_of(row))), limit("reader", row), figure(value("program", row)),
		none ? "-" : lost[row], limit("lost", row), none ? "-" : dropped[row], notes(row)
}

function print_group(group, part)
{
	split(group, part, " ")
	way["raw"] = "raw sendmmsg()"
	way["udp"] = "UDP"
	way["xdp"] = "XDP live frames, elapsed time"
	printf "\n%s bytes, snaplen %s%s, sent by %s CPU%s: %s\n", part[3], part[4],
		part[5] == "all" ? "" : ", filter \"tcp port 80\" (" part[5] ")", part[2],
		(part[2] > 1 ? "s" : ""), way[part[1]]
}

function show(row, i)
{
	if (wrong[row])
		shown[row] = 1
	for (i = 1; i <= aims; i++) {
		if (row ~ aim_rows[i])
			shown[row] = shown[stock_of(row)] = shown[group_of(row) "/" aim_of[i]] = 1
	}
}

BEGIN {
	FS = "\t"
	line = "%-23s%8s%9s%7s %-5s%8s%7s %-5s%7s%8s %-1s%9s%s\n"
}

FNR == 1 { next }

$2 == "reads" {
	reads = $3
	next
}

{
	row = $2 " " $3 " " $4 " " $5 " " $6 "/" $7
	if (!(row in lost)) {
		rows[++nrows] = row
		lost[row] = dropped[row] = 0
	}
	add(row SUBSEP "sender", $11)
	add(row SUBSEP "reader", $12)
	add(row SUBSEP "program", $13)
	if ($7 == "none")
		next
	lost[row] += $8 - $9
	dropped[row] += $10
	# What xdpdump loses last it does not count: the kernel tells of it before the next packet.
	if ($8 - $9 != $10) {
		wrong[row] = 1
		if ($7 !~ /^xdpdump/)
			bad = 1
	}
}

END {
	set_aims()
	print "ns per packet: of the sender, in all and added by the capturer, and of the reader; next to"
	print "the distribution's tcpdump. Packets lost and reported as lost in all rounds."
	printf line, "", "sender", "added", "ratio", "aim", "reader", "ratio", "aim", "BPF", "lost", "",
		"reported", ""
	for (i = 1; i <= nrows; i++)
		show(rows[i])
	for (i = 1; i <= nrows; i++) {
		if (brief && !(rows[i] in shown))
			continue
		group = group_of(rows[i])
		if (group != last)
			print_group(group)
		last = group
		print_row(rows[i])
	}
	exit bad || nrows == 0
}
