# SPDX-License-Identifier: BSD-3-Clause
#
# What README and manual say is true: every command in them runs, with the output that README
# shows, and the manual knows every name and every message of the sources.
#
# The commands run on a stage of their own: two network namespaces, "web" (10.0.0.2) and
# "client" (10.0.0.1), with traffic all the time, of which a rule drops a part.  Their names are
# in a mount namespace, so that they collide with nobody's, and the end of its first process is
# the end of all.

bats_require_minimum_version 1.5.0

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
manual=$top/man/pcap-bpfprobe.7
PATH=$PATH:/usr/sbin:/sbin

# What one command may take, in seconds.
LIMIT=60 LIMIT_LONG=600

setup_file() {
	local tries
	[[ $EUID -eq 0 ]] || skip "needs root"
	cp "$(command -v sleep)" "$BATS_FILE_TMPDIR/webserver"
	# As if it was installed.
	export XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/config
	mkdir -p "$XDG_CONFIG_HOME/wireshark/extcap"
	ln -s "$top/build/extcap/bpfprobe" "$XDG_CONFIG_HOME/wireshark/extcap/"
	unshare --mount --pid --fork --kill-child bash -c "$(declare -f stage traffic); stage \"\$1\"" \
		stage "$BATS_FILE_TMPDIR" >"$BATS_FILE_TMPDIR/stage.log" 2>&1 3>&- &
	export STAGE=$!
	disown "$STAGE"
	for ((tries = 0; tries < 200; tries++)); do
		[[ ! -e $BATS_FILE_TMPDIR/ready ]] || return 0
		sleep 0.05
	done
	cat "$BATS_FILE_TMPDIR/stage.log" >&2
	return 1
}

teardown_file() {
	[[ -z ${STAGE:-} ]] || kill -KILL "$STAGE"
}

# Runs as process 1 of its own PID namespace; $1 is a directory.
stage() {
	set -e
	mkdir -p /run/netns
	mount -t tmpfs none /run/netns
	ip netns add web
	ip netns add client
	for ns in web client; do
		ip netns exec $ns sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=1
	done
	ip -n client link add eth0 index 2 type veth peer name eth0 index 2 netns web
	ip -n client addr add 10.0.0.1/24 dev eth0
	ip -n web addr add 10.0.0.2/24 dev eth0
	ip -n client link set eth0 up
	ip -n web link set eth0 up
	ip netns exec web nft 'table ip stage { chain input {
		type filter hook input priority 0; tcp dport 6666 drop; }; }'
	ip netns exec web "$1/webserver" infinity &
	traffic retransmitted 3 &
	traffic dropped 0.05 &
	while :; do
		ip netns exec client ping -q -c 1 10.0.0.2 >/dev/null
		: >"$1/ready"
		sleep 0.2
	done
}

# traffic NAME SECONDS: again and again waits so long for an answer of the port.
traffic() {
	while :; do
		timeout "$2" ip netns exec client bash -c ': </dev/tcp/10.0.0.2/6666' 2>/dev/null || :
		sleep 0.2
	done
}

# on_stage DIRECTORY COMMAND: as a line that is typed there; its output is in $output.
on_stage() {
	local pid
	pid=$(pgrep -P "$STAGE" | head -n 1)
	run timeout -k 5 "$(limit "$2")" nsenter --mount --target "$pid" \
		bash -c 'cd "$1" && eval "$2"' bash "$1" "$2" </dev/null
}

limit() {
	case $1 in
	*"run with "*) echo $LIMIT ;;
	*) echo $LIMIT_LONG ;;
	esac
}

# blocks README: one line for each command and for each line of output,
#   "$ COMMAND" of the ```sh blocks, continuation lines joined,
#   "> LINE" of the ```text blocks: output of the commands just before.
blocks() {
	awk '
		/^```/ { kind = kind == "" ? substr($0, 4) : ""; next }
		kind == "sh" {
			line = line $0
			if (sub(/\\$/, "", line))
				next
			sub(/ +#.*/, "", line)
			if (line != "")
				print "$ " line
			line = ""
		}
		kind == "text" { print "> " $0 }' "$1"
}

# The same text whatever numbers, addresses and widths of columns are in it.
no_numbers() {
	sed -E 's/([0-9a-f]{2}:){5}[0-9a-f]{2}/MAC/g; s/0x[0-9a-f]+/N/g; s/[0-9]+/N/g; s/[ \t]+/ /g; s/ $//'
}

# shown LINE: what README shows was among the output.
shown() {
	no_numbers <<<"$OUTPUT" | grep -qxF -e "$(no_numbers <<<"$1")"
}

# adapted COMMAND: what is run here instead of those that run this test, or have one of their own.
adapted() {
	case $1 in
	"./run check") echo "./run help | grep '^  check '" ;;
	"./run bench") echo "./run help | grep '^  bench ' && ls tests/bench.bats" ;;
	*) echo "$1" ;;
	esac
}

@test "README has at most 120 lines" {
	[ "$(wc -l <"$top/README.md")" -le 120 ]
}

@test "every command of README runs, and prints what README shows" {
	local line wrong=0 commands=0 printed=0
	OUTPUT=
	while read -r line; do
		case $line in
		'$ '*)
			line=${line#'$ '}
			commands=$((commands + 1))
			on_stage "$top" "$(adapted "$line")"
			# 77: a virtual machine's kernel or tool is not to be had.
			[[ $status -eq 0 || $line == "./run vm "* && $status -eq 77 ]] || {
				printf 'ended with %s: %s\n%s\n' "$status" "$line" "$output"
				wrong=$((wrong + 1))
			}
			OUTPUT=$output
			;;
		'> [...]') ;;
		'> '*)
			printed=$((printed + 1))
			shown "${line#> }" || {
				printf 'not printed: %s\nbut:\n%s\n' "${line#> }" "$OUTPUT"
				wrong=$((wrong + 1))
			}
			;;
		esac
	done < <(blocks "$top/README.md")
	echo "$commands commands, $printed lines of output, $wrong wrong"
	((commands >= 10 && printed >= 10 && wrong == 0))
}

# examples PAGE: the commands among its examples.
examples() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh DIAG/s/^\.Dl //p' "$1"
}

@test "every example of the manual runs" {
	local line wrong=0 commands=0
	while read -r line; do
		commands=$((commands + 1))
		on_stage "$BATS_TEST_TMPDIR" "$top/run with $line"
		[[ $status -eq 0 ]] || {
			printf 'ended with %s: %s\n%s\n' "$status" "$line" "$output"
			wrong=$((wrong + 1))
		}
	done < <(examples "$manual"; examples "$top/man/bpfprobe.8"; examples "$top/man/bpfprobe-capture.8")
	((commands >= 9 && wrong == 0))
}

# The manual as one reads it, every paragraph in one line.
manual_text() {
	mandoc -T ascii -O width=1000 "$top"/man/*.[578] 2>/dev/null | sed 's/.\x08//g' | tr -s ' '
}

# in_manual [-E]: every line of standard input (as a pattern) is in it, and there are some.
in_manual() {
	local part wrong=0 count=0
	manual_text >"$BATS_TEST_TMPDIR/manual"
	while IFS= read -r part; do
		count=$((count + 1))
		grep -q "${1:--F}" -e "$part" "$BATS_TEST_TMPDIR/manual" || {
			echo "not in the manual: $part"
			wrong=$((wrong + 1))
		}
	done
	echo "$count looked for, $wrong not found"
	((count > 0 && wrong == 0))
}

# elements ARRAY FILE: one a line, without quotes.
elements() {
	sed -n "/ $1\[\] = {/,/^};/s/^\t{ //p" "$top/$2" | tr -d '"'
}

@test "the manual explains every option" {
	elements options helper/option.c | sed 's/,.*//; s/^/^ /' | in_manual -E
}

@test "the manual has every alias with its tracepoints" {
	elements aliases helper/catalogue.c | sed 's/\(.*\), { \(.*\) }, NULL }.*/^ \1 \2 Packets/
		s/\(.*\), { \(.*\) }, \(.*\) }.*/^ \1 \2 Packets.* \3;/' | in_manual -E
}

@test "the manual says which tracepoints have one direction, and which are replaced" {
	elements directions helper/known.c | sed 's/\(.*\), BPFPROBE_DIR_\([A-Z]*\) .*/\L\2: (.*, )?\1(,|$)/' |
		in_manual -E
	elements too_late helper/known.c | sed 's/\(.*\), \(.*\) }.*/ \1 .* captured at \2,/' | in_manual -E
}

@test "the manual has every function of which more is known" {
	elements known helper/known.c | sed 's/,.*//' | in_manual
	sed -n '/ \(released\|whole\)\[\] = {/,/^};/s/^\t"\(.*\)",/\1/p' "$top/helper/known.c" | in_manual
}

@test "the manual has every device of the list" {
	sed -n '/devices\[\]\[2\] = {/,/};/p' "$top/pcap-bpfprobe.c" | grep -o 'PREFIX "[^"]*", "[^"]*"' |
		sed 's/.*, "\(.*\)"/\1/' | in_manual
}

@test "the manual has every field of packets" {
	elements fields tools/fields.c | sed -E 's/, .*ELSEWHERE.*/ [*]( |$)/; s/, .*/( |$)/; s/^/^ /' | in_manual -E
}

@test "the manual has every capability, link type and environment variable" {
	grep -ohE '\bCAP_[A-Z_]+' "$top/helper/caps.c" | grep -vxE 'CAP_(CLEAR|SET|PERMITTED|EFFECTIVE)' |
		sort -u | in_manual
	sed -n 's/^#define BPFPROBE_DLT_\([A-Z0-9_]*\) .*/\1/p' "$top/bpf/linkhdr.h" | in_manual
	cat "$top"/capture/*.c "$top/pcap-bpfprobe.c" | sed -n 's/.*getenv("\([A-Z_]*\)").*/\1/p' | in_manual
}

@test "the manual has the numbers of the sources" {
	local sample foreign record meta pulled
	sample=$(sed -n 's/^#define BPFPROBE_SAMPLE_MAX //p' "$top/bpf/record.h")
	foreign=$(sed -n 's/^#define BPFPROBE_FOREIGN_IFINDEX //p' "$top/bpf/linkhdr.h")
	record=$(sed -n 's/.*sizeof(struct bpfprobe_record) == \([0-9]*\),.*/\1/p' "$top/bpf/record.h")
	meta=$(sed -n 's/.*sizeof(struct bpfprobe_meta) == \([0-9]*\),.*/\1/p' "$top/bpf/record.h")
	pulled=$(sed -n 's/^#define PULLED_MAX\(_META\)\? \([0-9]*\).*/\2/p' "$top/bpf/output.bpf.h")
	sample=$((sample - record))
	printf '%s\n' "$((sample / 1000)),$((sample % 1000)) bytes" "$foreign ($((foreign)))" \
		"at most $(((sample - meta) / 1000)),$(((sample - meta) % 1000))." "${pulled%$'\n'*} bytes" "${pulled#*$'\n'} bytes" |
		in_manual
}

# messages FILE...: the longest part without a conversion of each text of three words or more, but
# for what is in braces, which is said to Wireshark.
messages() {
	perl -0pe 's{/\*.*?\*/}{}gs' "$@" | grep -vE '_Static_assert|^#' |
		grep -oP '"(\\.|[^"\\])*"' | grep -v '[{}]' | sed -E 's/^"|"$//g; s/\\n//g; s/\\"/"/g' |
		perl -ne 'chomp; s/%%/%/g; my ($best) = sort { length($b) <=> length($a) }
			split /%[-*.0-9]*(?:[dsu]|ld|lu|llu|zu)/;
			$best =~ s/^\W+|\s+$//g;
			print "$best\n" if $best =~ /\S+ \S+ \S+/'
}

@test "the manual has every message of the sources" {
	cd "$top"
	messages helper/*.c capture/*.c tools/*.c pcap-bpfprobe.c | in_manual
}

@test "the manual has every message of the set-up" {
	sed -n 's/.*say "\(.*\)".*/\1/p' "$top/packaging/pcap-bpfprobe-setup.in" | sed 's/\\"/"/g' |
		sed 's/\$word/X/; s/\$helper/HELPER/; s/\$\({[^}]*}\|[a-z_]*\)/VERSION/g' | in_manual
}

@test "the manual passes the checks of mandoc" {
	run mandoc -T lint -W warning "$top"/man/*.[578]
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "README and the manual have the same table of kernels" {
	diff <(sed -n 's/^|\(.*\)|$/\1/p' "$top/README.md" | sed '2d; s/ *| */|/g; s/^ *//; s/ *$//; 1s/^[^|]*//') \
		<(sed -n '/^\.Sh KERNEL/,/^\.El/s/^\.It //p' "$top/man/pcap-bpfprobe.7" | sed 's/ Ta /|/g; 1s/^[^|]*//')
}
