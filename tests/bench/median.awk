# SPDX-License-Identifier: BSD-3-Clause
#
# What the tables share: medians, and how figures are printed. "-" stands for no figure.

function add(key, value)
{
	if (value != "-")
		list[key, ++count[key]] = value
}

function median(key, i, j, n, x)
{
	n = count[key]
	for (i = 2; i <= n; i++) {
		x = list[key, i]
		for (j = i - 1; j > 0 && list[key, j] + 0 > x + 0; j--)
			list[key, j + 1] = list[key, j]
		list[key, j + 1] = x
	}
	if (n == 0)
		return "-"
	return n % 2 ? list[key, (n + 1) / 2] : (list[key, n / 2] + list[key, n / 2 + 1]) / 2
}

function figure(x)
{
	return x == "-" ? x : sprintf(x < 100 && x > -100 ? "%.1f" : "%.0f", x)
}

function ratio(x, base)
{
	return x == "-" || base == "-" || base + 0 <= 0 ? "-" : sprintf("%.2f", x / base)
}
