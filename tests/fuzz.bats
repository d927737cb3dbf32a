# SPDX-License-Identifier: BSD-3-Clause
#
# The fuzz targets, for a bounded number of inputs that are much the same each time: that they
# work, and that what they test stands this much.  "./run fuzz" goes on from there.

bats_require_minimum_version 1.5.0

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

setup_file() {
	# The same addresses each time: values that are compared become inputs, pointers too.
	export FIXED=
	! setarch -R true 2>/dev/null || FIXED="setarch -R"
	make -C "$top/build" tests/fuzz/{foreign_fuzz,translate_fuzz,translate_broken,request_fuzz} >&2
}

# replay TARGET RUNS: prints what it says.
replay() {
	# shellcheck disable=SC2086 # words
	LD_LIBRARY_PATH=$top/build/libpcap timeout 120 $FIXED "$top/build/tests/fuzz/$1" -seed=1 -runs="$2" \
		-len_control=0 -max_len=600 -timeout=10 -artifact_prefix="$BATS_TEST_TMPDIR/" 2>&1
}

# covers LEAST: so many places of the code were reached.
covers() {
	local cov
	cov=$(grep -o 'DONE *cov: [0-9]*' <<<"$output" | grep -o '[0-9]*$')
	echo "covered: $cov"
	((cov >= $1))
}

@test "filters: translated as libpcap runs them, or refused with a reason" {
	run -0 replay translate_fuzz 20000
	tail -n 30 <<<"$output"
	[[ $output == *"Done 20000 runs"* ]]
	covers 400
}

@test "filters: a difference is found, and shown with filter and packet" {
	run ! replay translate_broken 20000
	tail -n 30 <<<"$output"
	[[ $output =~ "translate_fuzz: avail "[0-9]+": "-?[0-9]+", not "-?[0-9]+ ]]
	[[ $output == *"packet of "* && $output == *" jge "* ]]
	[[ -n $(ls "$BATS_TEST_TMPDIR") ]]
}

@test "requests: any datagram is answered as the protocol says, or not at all" {
	run -0 replay request_fuzz 200000
	tail -n 30 <<<"$output"
	[[ $output == *"Done 200000 runs"* ]]
	covers 200
}

@test "records of other BPF programs: any bytes in a ring are read to its end, and not beyond" {
	run -0 replay foreign_fuzz 300000
	tail -n 30 <<<"$output"
	[[ $output == *"Done 300000 runs"* ]]
	covers 90
}
