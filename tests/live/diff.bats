# SPDX-License-Identifier: BSD-3-Clause
# Filters: the same verdict in the kernel, by libpcap, and by the kernel's own
# classic BPF; for all primitives of pcap-filter(7) and for random programs.

load lib.bash

# At once, since each takes minutes; with BPFPROBE_ALL (./run check --all) a quarter of an hour.
@test "the same verdicts everywhere, in every way to read a packet" {
	local mode pids=() programs
	programs=$(scaled $((${BPFPROBE_ALL:+32000 +} 2000)) 700)
	for mode in 0 1 2; do
		"$BUILD/tests/diff/diff" -m $mode -s $mode -n "$programs" -c "$(scaled 1 0)" \
			-e "$(scaled 1 8)" "$BATS_TEST_DIRNAME/../diff/expressions" >"$T/$mode.out" 3>&- &
		pids+=($!)
		defer kill -KILL $!
	done
	for mode in 0 1 2; do
		wait "${pids[mode]}" || fail "mode $mode: $(<"$T/$mode.out")"
		cat "$T/$mode.out"
		[[ $(grep -c '^ok' "$T/$mode.out") -eq 2 ]]
	done
	cp "$T"/*.out "$BATS_FILE_TMPDIR"
}

@test "direct reads were among them" {
	! grep -q SKIP "$BATS_FILE_TMPDIR/2.out" || skip "this kernel has none (bpf_rdonly_cast(ptr, 0): 6.17)"
}

@test "reads at variable offsets were among them" {
	! grep -q SKIP "$BATS_FILE_TMPDIR/1.out" || skip "this kernel has none (5.12)"
}
