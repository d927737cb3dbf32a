# SPDX-License-Identifier: BSD-3-Clause
# What the benchmark measures next to bpftrace and xdpdump, which need fentry: that it works.

load lib.bash

setup_file() {
	require tcpdump xdpdump ip taskset
	[[ -z ${BPFPROBE_VM:-} || $(uname -r) == 6.1.* ]] || skip "the benchmark has its peers on Linux 6.1"
	kinds_setup dev_hard_start_xmit
}

# rows WHERE: of how many runs this is true.
rows() {
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$2 == "reads" { next }
		{
			sender = $at["sender"]; capturer = $at["capturer"]; wanted = $at["wanted"]
			captured = $at["captured"]; dropped = $at["dropped"]; sender_ns = $at["sender_ns"]
			if ('"$1"') n++
		}
		END { print n + 0 }' "$BATS_TEST_TMPDIR/bench-peers.tsv"
}

@test "every peer is measured, and no loss goes unreported" {
	local all=19
	need fentry
	command -v bpftrace >/dev/null || all=18
	"$TOP/tests/bench/bench" --smoke -o "$BATS_TEST_TMPDIR/bench.tsv" peers | tee "$BATS_TEST_TMPDIR/table"
	[[ $(rows 1) -eq $all ]]
	[[ $(rows 'sender == "xdp"') -eq 10 ]]
	[[ $(rows 'capturer ~ /^xdpdump/') -eq 2 ]]
	[[ $(rows 'capturer ~ /^bpftrace/') -eq $((all - 18)) ]]
	[[ $(rows 'wanted == (capturer ~ /both$/ ? 4000 : 2000)') -eq $all ]]
	# What xdpdump loses last it does not count.
	[[ $(rows 'capturer ~ /^xdpdump/ && captured > 0 && captured + dropped <= wanted') -eq 2 ]]
	[[ $(rows 'capturer !~ /^(none|xdpdump)/ && captured + dropped == wanted') -eq $((all - 4)) ]]
	[[ $(rows 'sender_ns > 0') -eq $all ]]
	[[ $(grep -c ' <=0\.7 of xdpdump' "$BATS_TEST_TMPDIR/table") -eq 5 ]]
}
