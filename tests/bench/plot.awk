# SPDX-License-Identifier: BSD-3-Clause
#
# Draws lines: one SVG from lines of fields separated by tabs.
#	title TEXT
#	x     TEXT SCALE		what the x axis is, "log" or "linear"
#	tick  X TEXT			on the x axis, in ascending order
#	panel NAME TEXT		a diagram; two stand beside each other
#	line  NAME COLOUR		in the legend, and in all diagrams that have points of it
#	point PANEL LINE X Y		in the order in which they are joined
# The background is white, so that it looks the same wherever it is shown.

function escaped(s)
{
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	return s
}

# text(X, Y, ANCHOR, SIZE, S)
function text(x, y, anchor, size, s)
{
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\">%s</text>\n", x, y,
		anchor, size, escaped(s)
}

function stroke(x1, y1, x2, y2, colour, width)
{
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%s\"/>\n",
		x1, y1, x2, y2, colour, width
}

# nice(RANGE): the distance of ticks, some five of them: 1, 2 or 5 with zeros.
function nice(range, step)
{
	step = 10 ^ floor(log(range / 5) / log(10))
	if (range / step > 25)
		return 10 * step
	if (range / step > 12)
		return 5 * step
	return range / step > 5 ? 2 * step : step
}

function floor(x, n)
{
	n = int(x)
	return n > x ? n - 1 : n
}

# set_range(PANEL): sets low, high and step; 0 is always there.
function set_range(name, i)
{
	low = high = 0
	for (i = 1; i <= npoints; i++) {
		if (panel_of[i] != name)
			continue
		if (y_of[i] > high)
			high = y_of[i]
		if (y_of[i] < low)
			low = y_of[i]
	}
	if (high == low)
		high = 1
	step = nice(high - low)
	low = floor(low / step) * step
	high = -floor(-high / step) * step
}

function scaled(x)
{
	return scale == "log" ? log(x) : x
}

# The outermost points stand off the edges.
function at_x(x, first, last)
{
	first = scaled(tick[1])
	last = scaled(tick[nticks])
	if (first == last)
		return left + WIDTH / 2
	return left + 20 + (WIDTH - 40) * (scaled(x) - first) / (last - first)
}

function at_y(y)
{
	return top + HEIGHT * (high - y) / (high - low)
}

function draw_axes(title, i, y)
{
	text(left - 44, top - 14, "start", 13, title)
	for (i = 0; low + i * step <= high + step / 2; i++) {
		y = low + i * step
		stroke(left, at_y(y), left + WIDTH, at_y(y), y * y < step * step / 4 ? "#555555" : "#dddddd", 1)
		text(left - 6, at_y(y) + 4, "end", 12, sprintf("%.6g", y * y < step * step / 4 ? 0 : y))
	}
	stroke(left, top, left, top + HEIGHT, "#555555", 1)
	for (i = 1; i <= nticks; i++) {
		stroke(at_x(tick[i]), top + HEIGHT, at_x(tick[i]), top + HEIGHT + 4, "#555555", 1)
		text(at_x(tick[i]), top + HEIGHT + 18, "middle", 12, tick_text[i])
	}
	text(left + WIDTH / 2, top + HEIGHT + 36, "middle", 12, x_text)
}

function draw_line(name, who, i, path)
{
	for (i = 1; i <= npoints; i++)
		if (panel_of[i] == name && line_of[i] == who)
			path = path sprintf(" %.1f,%.1f", at_x(x_of[i]), at_y(y_of[i]))
	if (path == "")
		return
	printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n",
		substr(path, 2), colour[who]
	for (i = 1; i <= npoints; i++)
		if (panel_of[i] == name && line_of[i] == who)
			printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n",
				at_x(x_of[i]), at_y(y_of[i]), colour[who]
}

function draw_panel(i, l)
{
	left = 60 + (i - 1) % 2 * ACROSS
	top = 100 + floor((i - 1) / 2) * DOWN
	set_range(panel[i])
	draw_axes(panel_text[i])
	for (l = 1; l <= nlines; l++)
		draw_line(panel[i], line[l])
}

function draw_legend(l, x)
{
	x = 16
	for (l = 1; l <= nlines; l++) {
		stroke(x, 48, x + 24, 48, colour[line[l]], 3)
		text(x + 30, 52, "start", 13, line[l])
		x += 60 + 7.5 * length(line[l])
	}
}

BEGIN {
	FS = "\t"
	WIDTH = 310
	HEIGHT = 180
	ACROSS = 390
	DOWN = 260
}

$1 == "title" { title = $2 }
$1 == "x" { x_text = $2; scale = $3 }
$1 == "tick" { tick[++nticks] = $2; tick_text[nticks] = $3 }
$1 == "panel" { panel[++npanels] = $2; panel_text[npanels] = $3 }
$1 == "line" { line[++nlines] = $2; colour[$2] = $3 }
$1 == "point" { panel_of[++npoints] = $2; line_of[npoints] = $3; x_of[npoints] = $4; y_of[npoints] = $5 + 0 }

END {
	if (npoints == 0 || nticks == 0) {
		print "plot.awk: nothing to draw" >"/dev/stderr"
		exit 1
	}
	width = npanels > 1 ? 2 * ACROSS : ACROSS
	height = 68 + floor((npanels + 1) / 2) * DOWN
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"" \
		" role=\"img\" font-family=\"sans-serif\" fill=\"#222222\">\n", width, height, width, height
	printf "<title>%s</title>\n", escaped(title)
	printf "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", width, height
	text(16, 26, "start", 16, title)
	draw_legend()
	for (p = 1; p <= npanels; p++)
		draw_panel(p)
	print "</svg>"
}
