# SPDX-License-Identifier: BSD-3-Clause
# Filters: the same verdict in the kernel, by libpcap, and by the kernel's own
# classic BPF; for all primitives of pcap-filter(7) and for random programs.

load lib.bash

@test "the same verdicts everywhere" {
	run "$BUILD/tests/diff/diff" -n "$(scaled 100000 2000)" -c "$(scaled 1 0)" -e "$(scaled 1 8)" \
		"$BATS_TEST_DIRNAME/../diff/expressions"
	echo "$output"
	[[ $status -eq 0 && $(grep -c '^ok' <<<"$output") -eq 6 ]]
}
