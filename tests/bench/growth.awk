# SPDX-License-Identifier: BSD-3-Clause
#
# How cost grows, a table for each series; each figure is the median of all rounds. With
# points=SERIES the figures of that series, as plot.awk wants them.
#
# The file has a heading and one line per figure, fields separated by tabs:
#	1 round  2 series  3 x  4 capturer  5 figure  6 value
# x is the number that grows. Figures: sender_ns, reader_ns, program_ns, filter_ns (ns per packet
# or record), set_ms; wanted, captured and dropped records, in all of the capturer's handles.

# series(NAME, TITLE, X, SCALE): x is divided evenly, or by its logarithm.
function series(name, title, x, scale)
{
	all[++nseries] = name
	title_of[name] = title
	x_of[name] = x
	scale_of[name] = scale
}

# panel(SERIES, NAME, TITLE): a column of the table, and a part of the plot.
function panel(of, name, title)
{
	panels[of, ++npanels[of]] = name
	panel_title[of, name] = title
}

# Who has a line, in which colour: those that everybody tells apart.
function line(who, colour)
{
	lines[++nlines] = who
	colour_of[who] = colour
}

function set_up()
{
	series("probes", "Probes in one handle; each packet passes all of them", "probes", "log")
	panel("probes", "added", "added to the sender, ns per record")
	panel("probes", "reader", "reader, ns per record")
	series("handles", "Handles per probe; each has every packet", "handles", "linear")
	panel("handles", "added", "added to the sender, ns per packet and handle")
	panel("handles", "reader", "readers, ns per packet and handle")
	series("filters", "Terms of a filter that rejects all packets", "terms", "linear")
	panel("filters", "program", "program at the probe, ns per packet")
	panel("filters", "filter", "filter by itself, ns per packet")
	panel("filters", "added", "added to the sender, ns per packet")
	panel("filters", "set", "pcap_setfilter(), ms")
	series("rings", "Size of the ring that the sender's CPU fills", "KiB", "log")
	panel("rings", "added", "added to the sender, ns per packet")
	panel("rings", "reader", "reader, ns per packet")
	panel("rings", "lost", "lost, percent of all packets")
	line("empty tp_btf", "#999999")
	line("counter", "#999999")
	line("minimal tp_btf", "#009e73")
	line("PF_PACKET", "#d55e00")
	line("bpfprobe", "#0072b2")
}

# For each of x the same is done to a packet once more.
function times(of, x)
{
	return of == "probes" || of == "handles" ? x : 1
}

function value(of, x, who, name, key, ns)
{
	key = of SUBSEP x SUBSEP who SUBSEP
	if (name == "added") {
		ns = median(key "added_ns")
		return ns == "-" ? ns : ns / times(of, x)
	}
	if (name == "lost")
		return sum[key "wanted"] ? 100 * lost(key) / sum[key "wanted"] : "-"
	return median(key name (name == "set" ? "_ms" : "_ns"))
}

function lost(key)
{
	return sum[key "wanted"] - sum[key "captured"]
}

# growth(...): next to the first x that has this figure.
function growth(of, x, who, name, i, first)
{
	for (i = 1; i <= nx[of]; i++) {
		first = value(of, xs[of, i], who, name)
		if (first != "-")
			return ratio(value(of, x, who, name), first)
	}
	return "-"
}

function print_heading(of, i, name)
{
	printf "\n%s:\n", title_of[of]
	for (i = 1; i <= npanels[of]; i++) {
		name = panels[of, i]
		if (name != "lost")
			print name ": " panel_title[of, name]
	}
	printf "%8s  %-16s", x_of[of], "capturer"
	for (i = 1; i <= npanels[of]; i++)
		if (panels[of, i] != "lost")
			printf "%9s%8s", panels[of, i], "growth"
	print of == "filters" ? "" : sprintf("%10s%9s", "lost", "reported")
}

function print_row(of, x, who, i, name, key, text)
{
	key = of SUBSEP x SUBSEP who SUBSEP
	for (i = 1; i <= npanels[of]; i++) {
		name = panels[of, i]
		if (name != "lost")
			text = text sprintf("%9s%8s", figure(value(of, x, who, name)), growth(of, x, who, name))
	}
	if (sum[key "wanted"]) {
		text = text sprintf("%10d%9d", lost(key), sum[key "dropped"])
		if (lost(key) != sum[key "dropped"]) {
			text = text "  NOT THE SAME"
			bad = 1
		}
	}
	printf "%8s  %-16s%s\n", x, who, text
}

# The rows of a series, by capturer: how its cost grows stands in a column.
function print_series(of, i, l)
{
	if (nx[of] == 0)
		return
	print_heading(of)
	for (l = 1; l <= nlines; l++)
		for (i = 1; i <= nx[of]; i++)
			if ((of, xs[of, i], lines[l]) in measured)
				print_row(of, xs[of, i], lines[l])
}

function label(of, x)
{
	if (of != "rings")
		return x
	return x < 1024 ? x " KiB" : x / 1024 " MiB"
}

function print_points(of, i, p, l, y)
{
	OFS = "\t"
	print "title", title_of[of]
	print "x", of == "rings" ? "" : x_of[of], scale_of[of]
	for (i = 1; i <= nx[of]; i++)
		print "tick", xs[of, i], label(of, xs[of, i])
	for (p = 1; p <= npanels[of]; p++)
		print "panel", panels[of, p], panel_title[of, panels[of, p]]
	for (l = 1; l <= nlines; l++)
		if ((of, lines[l]) in measured)
			print "line", lines[l], colour_of[lines[l]]
	for (p = 1; p <= npanels[of]; p++)
		for (l = 1; l <= nlines; l++)
			for (i = 1; i <= nx[of]; i++) {
				y = value(of, xs[of, i], lines[l], panels[of, p])
				if (y != "-")
					print "point", panels[of, p], lines[l], xs[of, i], y
			}
}

BEGIN { FS = "\t" }

FNR == 1 { next }

{
	if (!(($2, $3) in measured))
		xs[$2, ++nx[$2]] = $3
	measured[$2, $3] = measured[$2, $4] = measured[$2, $3, $4] = 1
	# Next to the sender by itself just before: a slow minute has met both.
	if ($4 == "none")
		none = $6
	else if ($5 == "sender_ns")
		add($2 SUBSEP $3 SUBSEP $4 SUBSEP "added_ns", $6 - none)
	else if ($5 ~ /^(wanted|captured|dropped)$/)
		sum[$2, $3, $4, $5] += $6
	else
		add($2 SUBSEP $3 SUBSEP $4 SUBSEP $5, $6)
}

END {
	set_up()
	if (points != "") {
		print_points(points)
		exit nx[points] == 0
	}
	print "What a capturer adds to the sender's time for a frame of 64 bytes, and needs to read it."
	for (s = 1; s <= nseries; s++)
		print_series(all[s])
	exit bad || NR == 0
}
