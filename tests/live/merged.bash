# SPDX-License-Identifier: BSD-3-Clause
# What tshark says of several captures, in one run: most of its time is its start, seconds
# where the machine is emulated.

# all_fields [-o PREFERENCE] FIELD...: as fields, of each that is WATCHED; into NAME.fields.
all_fields() {
	local names=("${WATCHED[@]#*:}") options=() field name
	if [[ $1 == -o ]]; then
		options=(-o "$2")
		shift 2
	fi
	for field; do
		options+=(-e "$field")
	done
	for name in "${names[@]}"; do
		: >"$BATS_TEST_TMPDIR/$name.fields"
	done
	# Each file is an interface of its own, counted from 0.
	(cd "$BATS_TEST_TMPDIR" && mergecap -a -I none -w merged "${names[@]/%/.pcap}")
	tshark -n -r "$BATS_TEST_TMPDIR/merged" \
		-T fields -e frame.interface_id "${options[@]}" 2>/dev/null |
		awk -F '\t' -v names="${names[*]}" -v dir="$BATS_TEST_TMPDIR" '
			BEGIN { split(names, name, " ") }
			{ print substr($0, length($1) + 2) >(dir "/" name[$1 + 1] ".fields") }'
}
