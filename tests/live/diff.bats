# SPDX-License-Identifier: BSD-3-Clause
# Filters: the same verdict in the kernel, by libpcap, and by the kernel's own
# classic BPF; for all primitives of pcap-filter(7) and for random programs.

load lib.bash

# At once, since each takes minutes.  100,000 random programs, or 2,500 in a virtual machine; a
# quarter of it without check --all.
@test "the same verdicts everywhere, in every way to read a packet" {
	# Those of XDP have their place of the bytes only, of the expressions every third will do.
	local every=(1 1 1 3 3) seldom=(32 32 32 64 64)
	local mode pids=() native=(6500 6500 6500 4000 2000) emulated=(250 125 125 75 50)
	if [[ -n ${BPFPROBE_ALL:-} ]]; then
		native=(26000 26000 26000 16000 8000) seldom=(8 8 8 16 16) emulated=(1000 500 500 300 200)
	fi
	for mode in 0 1 2 3 4; do
		timeout 1200 "$BUILD/tests/diff/diff" -m $mode -s $mode -n "$(scaled "${native[mode]}" "${emulated[mode]}")" -c "$(scaled 1 0)" \
			-e "$(scaled "${every[mode]}" "${seldom[mode]}")" "$BATS_TEST_DIRNAME/../diff/expressions" >"$T/$mode.out" 3>&- &
		pids+=($!)
		defer kill -TERM $!
	done
	for mode in 0 1 2 3 4; do
		wait "${pids[mode]}" || fail "mode $mode: $(<"$T/$mode.out")"
		cat "$T/$mode.out"
		[[ $(grep -c '^ok' "$T/$mode.out") -eq 2 ]]
	done
	cp "$T"/*.out "$BATS_FILE_TMPDIR"
}

# among PATTERN MODE VERSION WHAT: no line of that mode has the pattern, from that version of Linux on.
among() {
	grep "$1" "$BATS_FILE_TMPDIR/$2.out" || return 0
	if printf '%s\n' "$3" "$(uname -r)" | sort -VC; then
		fail "this kernel should have them"
	fi
	skip "this kernel has none ($4)"
}

@test "direct reads were among them" {
	among SKIP 2 6.17 "bpf_rdonly_cast(ptr, 0): 6.17"
}

@test "reads at variable offsets were among them" {
	among SKIP 1 5.12 "5.12"
}

@test "packets of XDP in two parts were among them" {
	among "in one part" 3 6.18 "to test with: 6.18"
}
