# SPDX-License-Identifier: BSD-3-Clause
# What tests of pcapng files share: captures by bpfprobe, and what other programs say of them.

# into NAME DEVICE [ARG...]: a capture into NAME.pcap, which is pcapng.
into() {
	capture "$1" bpfprobe capture -w "$BATS_TEST_TMPDIR/$1.pcap" -i "${@:2}"
}

# said NAME: the last line into CAPTURED, RECEIVED and DROPPED; there is no other but the first.
said() {
	local line
	line=$(sed 1d "$T/$1.err")
	[[ $line =~ ^([0-9]+)' packets captured, '([0-9]+)' received by filter, '([0-9]+)' dropped by kernel'$ ]] ||
		fail "$1: $line"
	CAPTURED=${BASH_REMATCH[1]} RECEIVED=${BASH_REMATCH[2]} DROPPED=${BASH_REMATCH[3]}
}

# readable NAME COUNT: by all of them, without a word of warning; capinfos' in $INFO.
readable() {
	local file=$BATS_TEST_TMPDIR/$1.pcap n
	capinfos "$file" >"$T/info" 2>"$T/info.err"
	INFO=$(<"$T/info")
	[[ ! -s $T/info.err && $INFO =~ "Number of packets: "+"$2"$'\n' ]] || fail "$(cat "$T"/info*)"
	n=$(tshark -n -r "$file" 2>"$T/tshark.err" | wc -l)
	! grep -v "^Running as user" "$T/tshark.err" || false
	[[ $n -eq $2 ]] || fail "tshark: $n packets"
	n=$(tcpdump -n -r "$file" 2>"$T/tcpdump.err" | wc -l)
	! grep -vE "^reading from file|^Warning: interface names might be incorrect" "$T/tcpdump.err" || false
	[[ $n -eq $2 ]] || fail "tcpdump: $n packets"
}

# only FIELD NAME: the value that all packets have.
only() {
	fields "$2" "$1" | sort -u
}

# comments NAME: those that there are, up to what depends on the moment: CPU and process.
comments() {
	fields "$1" frame.comment | sed 's/ cpu=.*//' | sort -u
}

# where_is NETNS NAME: an interface as comments have it.
where_is() {
	echo "ifindex=$(ifindex "$1" "$2") dev=$2 netns=inode/$(stat -L -c %i "/run/netns/$1")"
}
