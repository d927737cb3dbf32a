# SPDX-License-Identifier: BSD-3-Clause
# What the live tests share: namespaces with a veth pair, captures in the
# background, bounded waiting, and a look for anything left behind.
#
# BPFPROBE_BUILD names the build directory (default: build/ at the top),
# BPFPROBE_SLOW=1 scales the packet counts down for an emulated machine,
# BPFPROBE_ROOT is where tcpdump runs, if in another root (tests/host/root).

bats_require_minimum_version 1.5.0

# The source; tests/ or a directory in it has the test.
TOP=${BATS_TEST_DIRNAME%/tests*}
export BUILD=${BPFPROBE_BUILD:-$TOP/build}
[[ $BUILD == /* ]] || BUILD=$PWD/$BUILD
export LD_LIBRARY_PATH=$BUILD/libpcap
export BPFPROBE_HELPER=${TEST_HELPER:-$BUILD/pcap-bpfprobe-helper}
[[ $PATH == "$BUILD/tests/live:"* ]] || PATH=$BUILD/tests/live:$BUILD:$PATH:/usr/sbin:/sbin

# The addresses of every pair. SINK is routed to B, which owns no such address:
# what is sent there is dropped without an answer.
ADDR_A=10.77.0.1 ADDR_B=10.77.0.2 SINK=10.77.0.9
ADDR6_A=fd77::1 ADDR6_B=fd77::2 SINK6=fd77::9
MAC_A=02:00:00:00:77:0a MAC_B=02:00:00:00:77:0b

slow() {
	[[ -n ${BPFPROBE_SLOW:-} ]]
}

# scaled NATIVE SLOW: the count to use here.
scaled() {
	if slow; then echo "$2"; else echo "$1"; fi
}

# fail WORD...: ends the test.
fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# cannot REASON: skips. The kernels of the virtual machines can: there it is a failure of ours.
cannot() {
	[[ -z ${BPFPROBE_VM:-} ]] || fail "$@"
	skip "$*"
}

require() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
	[[ $EUID -eq 0 ]] || skip "needs root"
}

require_scapy() {
	python3 -c 'import scapy' 2>/dev/null || PATH=/usr/bin:$PATH
	python3 -c 'import scapy' 2>/dev/null || skip "python3-scapy is not installed"
	export PATH
}

# --- cleaning up: commands are kept in a file, since bats runs set-up, tests
# --- and tear-down in different processes, and run in reverse order.

defer() {
	printf '%q ' "$@" >>"${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/deferred"
	echo >>"${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/deferred"
}

run_deferred() {
	local list=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/deferred line
	[[ -e $list ]] || return 0
	while read -r line; do
		eval "$line" 2>/dev/null || true
	done < <(tac "$list")
	rm -f "$list"
}

# After each test and each file; bats calls them.
teardown() {
	run_deferred
}

teardown_file() {
	run_deferred
}

# compile SOURCE OBJECT [OPTION...]: a BPF program with bpf_pcap.h, as a user would, but for warnings.
compile() {
	clang -target bpf -O2 -g -Wall -Wextra -Wshadow -Werror -I"$TOP/include" \
		-I"/usr/include/$(cc -print-multiarch)" "${@:3}" -c "$1" -o "$2"
}

# kinds_setup [FUNCTION]: what this machine lets a program do, found as a user would find it; see need.
kinds_setup() {
	local function=${1:-ip_rcv}
	export FENTRY='' KPROBE=''
	! pcaploop -i "bpfprobe:fentry/$function" activate >"$BATS_FILE_TMPDIR/fentry" 2>&1 || FENTRY=1
	! pcaploop -i "bpfprobe:kprobe/$function" activate >"$BATS_FILE_TMPDIR/kprobe" 2>&1 || KPROBE=1
}

need() { # fentry | kprobe
	local has=${1^^}
	[[ -n ${!has} ]] || cannot "this kernel refuses it: $(tail -n 1 "$BATS_FILE_TMPDIR/$1")"
}

# frags_setup NAME: whether XDP packets can have fragments, which an interface in B shows; it keeps a program.
frags_setup() {
	export FRAGS=''
	! in_b xdpback -f native "$1" 2>"$BATS_FILE_TMPDIR/frags" || FRAGS=1
}

need_frags() {
	[[ $(uname -r) != 5.10.* ]] || skip "XDP packets have no fragments before Linux 5.18"
	[[ -n $FRAGS ]] || cannot "this kernel refuses it: $(<"$BATS_FILE_TMPDIR/frags")"
}

# --- namespaces

# pair_setup [MTU]: NS_A with bpa0 and NS_B with bpb0, silent on their own; PORT
# and the next three numbers are for this file's traffic only.
pair_setup() {
	local mtu=${1:-1500}
	export NS_A=bp$$a NS_B=bp$$b PORT=$((20000 + $$ % 11000 * 4))
	ip netns add "$NS_A"
	defer ip netns del "$NS_A"
	ip netns add "$NS_B"
	defer ip netns del "$NS_B"
	in_a sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=1
	in_b sysctl -qw net.ipv6.conf.{all,default}.disable_ipv6=1
	ip -n "$NS_A" -batch - <<-END
		link set lo up
		link add bpa0 mtu $mtu address $MAC_A type veth peer name bpb0 mtu $mtu address $MAC_B netns $NS_B
		addr add $ADDR_A/24 dev bpa0
		link set bpa0 up
		neigh add $ADDR_B lladdr $MAC_B dev bpa0
		neigh add $SINK lladdr $MAC_B dev bpa0
	END
	ip -n "$NS_B" -batch - <<-END
		link set lo up
		addr add $ADDR_B/24 dev bpb0
		link set bpb0 up
		neigh add $ADDR_A lladdr $MAC_A dev bpb0
	END
}

# pair_ipv6: adds IPv6 to the pair, and rules that keep it silent (MLD).
pair_ipv6() {
	local rule="table ip6 silent { chain output {
		type filter hook output priority 0; meta l4proto icmpv6 drop; }; }"
	in_a nft "$rule"
	in_b nft "$rule"
	ip -n "$NS_A" link set bpa0 addrgenmode none
	ip -n "$NS_B" link set bpb0 addrgenmode none
	in_a sysctl -qw net.ipv6.conf.bpa0.disable_ipv6=0
	in_b sysctl -qw net.ipv6.conf.bpb0.disable_ipv6=0
	ip -n "$NS_A" addr add $ADDR6_A/64 dev bpa0 nodad
	ip -n "$NS_B" addr add $ADDR6_B/64 dev bpb0 nodad
	ip -n "$NS_A" neigh add $SINK6 lladdr $MAC_B dev bpa0
}

# pair_drops: B drops what comes to the port after PORT.
pair_drops() {
	in_b nft -f - <<-END
		table inet t {
			chain input {
				type filter hook input priority 0
				udp dport $((PORT + 1)) drop
			}
		}
	END
}

in_a() {
	ip netns exec "$NS_A" "$@"
}

in_b() {
	ip netns exec "$NS_B" "$@"
}

# send [sender options]: numbered packets from A to SINK; sets START and END.
# shellcheck disable=SC2034  # for the tests
send() {
	local out
	out=$(in_a sender -C 0 "$@" udp "$SINK" "$PORT")
	START=$(value start_ns "$out") END=$(value end_ns "$out")
}

# payload N: the value of byte N of what frags sends.
payload() {
	echo $(((31 * $1 + $1 / 256) % 256))
}

ifindex() { # NETNS NAME
	local line
	line=$(ip -n "$1" -o link show dev "$2")
	echo "${line%%:*}"
}

# --- waiting, always bounded

# pause: a moment without starting a process, which has the processor that is waited for.
pause() {
	[[ -p $BATS_FILE_TMPDIR/pause ]] || mkfifo "$BATS_FILE_TMPDIR/pause"
	read -rt 0.03 <>"$BATS_FILE_TMPDIR/pause" || true
}

# until_true SECONDS CMD...
until_true() {
	local end=$((SECONDS + $1))
	slow && end=$((end + $1 * 4))
	shift
	until "$@"; do
		((SECONDS <= end)) || return 1
		pause
	done
}

has_text() { # FILE TEXT
	[[ -e $1 && $(<"$1") == *"$2"* ]]
}

# wait_for_line FILE TEXT [SECONDS]
wait_for_line() {
	until_true "${3:-10}" has_text "$1" "$2" && return
	fail "no \"$2\" in $1: $(tail -n 5 "$1" 2>&1)"
}

process_ended() { # PID; a zombie has ended
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ ${stat##*) } == [ZX]* ]]
}

# wait_exit PID [SECONDS]: the exit status of a child of this shell.
wait_exit() {
	if ! until_true "${2:-20}" process_ended "$1"; then
		kill -CONT "$1"
		kill -INT "$1" # its last words may say why
		until_true 2 process_ended "$1" || kill -KILL "$1"
		wait "$1" || true
		fail "process $1 did not end: $(cat "$T"/*.err)"
		return 124
	fi
	wait "$1"
}

# --- captures

# background NAME CMD...: output in $T/NAME.out and .err, its id in PID (also
# behind in_a and in_b, which as functions would add a shell in between).
background() {
	T=$BATS_TEST_TMPDIR
	local name=$1
	shift
	case $1 in
	in_a) set -- ip netns exec "$NS_A" "${@:2}" ;;
	in_b) set -- ip netns exec "$NS_B" "${@:2}" ;;
	esac
	# Emptied here and now: what an earlier process said is not to be waited for.
	: >"$T/$name.out"
	: >"$T/$name.err"
	"$@" >"$T/$name.out" 2>"$T/$name.err" 3>&- &
	PID=$!
	defer kill -KILL $PID
}

text_or_end() { # FILE TEXT
	has_text "$1" "$2" || process_ended "$PID"
}

# started FILE TEXT: waits until the last process in the background has said so.  It may compile a
# filter first: one of 400 terms takes libpcap 1.10.5 15 s of processor time, and 1.10.3 3 s.
started() {
	until_true 120 text_or_end "$1" "$2" ||
		fail "no \"$2\" in $1: $(<"$1")"$'\n'"$(ps -eo pid,ppid,stat,time,wchan:20,args | tail -n 15)"
	has_text "$1" "$2" || fail "ended early: $(cat "$1" "$T"/*.err)"
}

# capture NAME CMD...: as background, returns when tcpdump captures.
capture() {
	background "$@"
	started "$T/$1.err" "istening on"
}

# capture_tool NAME CMD...: for dumpcap and tshark, which say it in other words, tshark of Debian 13
# only if it is to say more.
capture_tool() {
	WIRESHARK_LOG_LEVEL=info background "$@"
	started "$T/$1.err" "File: "
}

# looping NAME OPTION...: pcaploop in the background, returns when it is ready.
looping() {
	local name=$1
	shift
	background "$name" pcaploop "$@"
	started "$T/$name.out" "ready"
}

# of KEY: what the last "looping loop" printed, once it has ended.
of() {
	value "$1" "$(<"$T/loop.out")"
}

# ended [SECONDS]: waits for that pcaploop.
ended() {
	local status=0
	wait_exit "$PID" "${1:-20}" || status=$?
	cat "$T/loop.out" "$T/loop.err"
	return $status
}

# public_copy: library, helper and pcaploop where every user can read them.
public_copy() {
	PUBLIC=$(mktemp -d /tmp/bpfprobe.XXXXXX)
	defer rm -r "$PUBLIC"
	chmod 755 "$PUBLIC"
	cp -L "$BUILD"/libpcap/libpcap.so.0.8 "$BPFPROBE_HELPER" "$BUILD/tests/live/pcaploop" "$PUBLIC"
	chmod 755 "$PUBLIC"/*
	AS=(env "LD_LIBRARY_PATH=$PUBLIC" "BPFPROBE_HELPER=$PUBLIC/${BPFPROBE_HELPER##*/}"
		"PATH=$PUBLIC:$PATH")
}

# stop [PID]: as Ctrl-C.
stop() {
	kill -INT "${1:-$PID}"
	wait_exit "${1:-$PID}"
}

# value KEY TEXT: of a key=value text.
value() {
	[[ $'\n'${2//[[:space:]]/$'\n'} =~ $'\n'"$1="([^$'\n']*) ]] || return 1
	echo "${BASH_REMATCH[1]}"
}

# send_numbered SIZE...: two packets of each, numbered on; their number is in SENT.
send_numbered() {
	local size
	SENT=0
	for size; do
		send -f $SENT -c 2 -s "$size"
		SENT=$((SENT + 2))
	done
}

# bytes_of NAME: all bytes of NAME.pcap without times, one packet a line; also left in NAME.txt.
# Sorted, since packets of two CPUs may change places.
bytes_of() {
	tcpdump -n -t -xx -r "$BATS_TEST_TMPDIR/$1.pcap" 2>/dev/null |
		awk '/^\t/ { printf "%s", $0; next } NR > 1 { print "" } { printf "%s", $0 } END { if (NR) print "" }' |
		sort | tee "$BATS_TEST_TMPDIR/$1.txt"
}

# same_captures A B: A.pcap and B.pcap hold the same packets, and there are some.
same_captures() {
	bytes_of "$1" >/dev/null
	bytes_of "$2" >/dev/null
	[[ -s $BATS_TEST_TMPDIR/$1.txt ]]
	cmp "$BATS_TEST_TMPDIR/$1.txt" "$BATS_TEST_TMPDIR/$2.txt"
}

# counts FILE: tcpdump's last words into CAPTURED, RECEIVED and DROPPED.
counts() {
	local n packets what
	CAPTURED='' RECEIVED='' DROPPED=''
	while read -r n packets what; do
		case $packets:$what in
		packet*:captured) CAPTURED=$n ;;
		packet*:"received by filter") RECEIVED=$n ;;
		packet*:"dropped by kernel") DROPPED=$n ;;
		esac
	done <"$1"
	[[ -n $CAPTURED && -n $RECEIVED && -n $DROPPED ]] || fail "no counts: $(<"$1")"
}

# written FILE TEXT: bytes are in the file (tools flush when they like).
file_size_is() {
	[[ $(stat -c %s "$1" 2>/dev/null) -ge $2 ]]
}

# emitted N: the filter has let so many pass, all are read, and user space has had nothing to decide.
emitted() {
	COUNTERS=
	until_true 20 read_so_many "$1" || :
	echo "emitted, lost, filtered, delivered, rejected: $COUNTERS"
	[[ $COUNTERS == "$1 0 0 "* ]]
}

# read_so_many N: at least so many have passed, and all that did are read; counters in COUNTERS.
read_so_many() {
	local emitted lost filtered delivered rejected
	COUNTERS=$(sum emitted lost filtered delivered rejected)
	read -r emitted lost filtered delivered rejected <<<"$COUNTERS"
	[[ -n $COUNTERS && $emitted -ge $1 && $emitted -eq $((delivered + rejected)) ]]
}

# --- captures at places in the kernel, each into a file of its own

# watch NAME DEVICE [tcpdump options]: a capture of what FILTER lets pass, into NAME.pcap.
watch() {
	local name=$1 device=$2
	shift 2
	capture "$name" tcpdump "$@" -w "$BATS_TEST_TMPDIR/$name.pcap" -i "bpfprobe:$device" "$FILTER"
	WATCHED+=("$PID:$name")
}

# watched: all of them have seen what they count.
watched() {
	local one
	for one in "${WATCHED[@]}"; do
		wait_exit "${one%%:*}" || fail "$one"
	done
}

# stop_all: of them, which count nothing, when they have read all that came until now.
stop_all() {
	local one
	for one in "${WATCHED[@]}"; do
		PID=${one%%:*}
		until_true 10 all_read || fail "$one does not read"
		stop || fail "$one"
	done
}

all_read() { # by PID
	read_so_many 0
}

# bytes NAME: of the packets of NAME.pcap, without their link headers; a line for each.
bytes() {
	tcpdump -n -t -x -r "$BATS_TEST_TMPDIR/$1.pcap" 2>/dev/null |
		awk '/^\t0x/ { $1 = ""; line = line $0; next } line { print line; line = "" } END { print line }'
}

# same_bytes: in all of them.
same_bytes() {
	local first=${WATCHED[0]#*:} one
	bytes "$first" >"$T/first.bytes"
	[[ $(wc -c <"$T/first.bytes") -gt 50 ]]
	for one in "${WATCHED[@]}"; do
		bytes "${one#*:}" | cmp "$T/first.bytes" - || fail "$one"
	done
}

# fields NAME FIELD...: of each packet, as tshark takes it apart; merged.bash has it for many captures.
fields() {
	local options=() field
	for field in "${@:2}"; do
		options+=(-e "$field")
	done
	tshark -n -r "$BATS_TEST_TMPDIR/$1.pcap" -T fields "${options[@]}" 2>/dev/null
}

# got NAME: the numbers of the packets, which the sender writes into them (numbered.h).
got() {
	local number
	tcpdump -n -t -x -r "$BATS_TEST_TMPDIR/$1.pcap" 2>/dev/null |
		awk '$1 == "0x0020:" { print $4 $5 }' | while read -r number; do
		echo -n "$((16#$number)) "
	done
}

foreign() { # NETNS NAME: the interface's number as a capture elsewhere shows it
	echo $((0x40000000 + $(ifindex "$1" "$2")))
}

# --- peers of traffic

# listen ADDR PORT: a socket in B that has everything for itself.
listen() {
	background listener in_b sender listen "$@"
	started "$T/listener.out" ready
}

# serve PORT: one connection; what it brings into $T/heard.
serve() {
	# Its own input is at its end, by which it would close its half at once.
	background server in_b busybox nc -l -p "$1" -e dd of="$BATS_TEST_TMPDIR/heard"
	until_true 10 listens "$1"
}

listens() { # PORT
	[[ $(in_b ss -Hltn "sport = :$1") ]]
}

# wire_up tun|ppp: w0 in A and B, 10.79.0.1 and .2, which have no MAC header; MTU 1500.
wire_up() {
	local kind=$1 ns end
	modprobe -qa tun ppp_async || : # the device files come with them
	background wire wire "$kind" w0 "/run/netns/$NS_A" "/run/netns/$NS_B"
	started "$T/wire.out" ready
	for ns in "$NS_A" "$NS_B"; do
		[[ $ns == "$NS_A" ]] && end=1 || end=2
		ip -n "$ns" addr add "10.79.0.$end" peer "10.79.0.$((3 - end))" dev w0
		ip -n "$ns" link set w0 up mtu 1500
	done
}

# tunnel_ends NAME MTU ADDR_A ADDR_B WORD...: a tunnel NAME between these addresses of A and
# B, as ip-link makes it: 10.78.0.1 and .2; if it has MAC addresses, 02:00:00:00:78:01 and :02.
tunnel_ends() {
	local name=$1 mtu=$2 a=$3 b=$4
	shift 4
	ip -n "$NS_A" link add "$name" mtu "$mtu" "$@" local "$a" remote "$b" 2>"$BATS_TEST_TMPDIR/try" ||
		cannot "this kernel has no such tunnel ($*): $(<"$BATS_TEST_TMPDIR/try")"
	defer ip -n "$NS_A" link del "$name"
	tunnel_end "$NS_A" "$name" 1
	ip -n "$NS_B" link add "$name" mtu "$mtu" "$@" local "$b" remote "$a"
	defer ip -n "$NS_B" link del "$name"
	tunnel_end "$NS_B" "$name" 2
}

tunnel_end() { # NETNS NAME END
	local mac=02:00:00:00:78:0
	ip -n "$1" addr add "10.78.0.$3/24" dev "$2"
	if [[ $(ip -n "$1" link show dev "$2") == *link/ether* ]]; then
		ip -n "$1" link set "$2" address $mac"$3"
		ip -n "$1" link set "$2" up
		ip -n "$1" neigh add "10.78.0.$((3 - $3))" lladdr $mac$((3 - $3)) dev "$2"
	else
		ip -n "$1" link set "$2" up
	fi
}

# --- nothing may stay behind

# our_objects [prog] [map] [process]: one line each.
our_objects() {
	local kind
	for kind; do
		case $kind in
		prog | map)
			bpftool "$kind" show 2>/dev/null | awk -v k="$kind" \
				'match($0, / name bpfprobe[^ ]*/) {print k, $1 substr($0, RSTART, RLENGTH)}'
			;;
		process)
			find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -lname "$BPFPROBE_HELPER*" \
				-printf 'process %p\n' 2>/dev/null
			;;
		esac
	done
}

# Gives this test file a helper of its own, by whose path its processes are known,
# and remembers what other captures of this machine have.
remember_objects() {
	export TEST_HELPER=$BATS_FILE_TMPDIR/helper
	cp "$BPFPROBE_HELPER" "$TEST_HELPER"
	export BPFPROBE_HELPER=$TEST_HELPER
	our_objects prog map process | sort >"$BATS_FILE_TMPDIR/objects"
}

new_objects() { # KIND...
	our_objects "$@" | sort | comm -13 "$BATS_FILE_TMPDIR/objects" -
}

# programs: types of our dispatchers that are loaded now.
programs() {
	bpftool prog show | awk -v new="$(new_objects prog | tr '\n' ' ')" '
		{ id = $1; sub(":", "", id) }
		/ name bpfprobe_(dispatch|kprobe|raw)/ && index(new, "prog " id ":") { print $2 }' | sort -u
}

# new_links: the attachments of programs that are ours and new.
new_links() {
	new_objects prog | awk '{print "prog " $2}' | sed 's/:.*//' >"$BATS_FILE_TMPDIR/progs"
	bpftool link show 2>/dev/null | grep -wFf "$BATS_FILE_TMPDIR/progs" || true
}

# sum KEY...: of counters in the control map of the capture in PID, in one line; the map is
# found among the descriptors that it holds: the one array (map_type 2).
sum() {
	local map
	map=$(awk '$1 == "map_type:" {type = $2} $1 == "map_id:" && type == 2 {print $2; exit}' \
		"/proc/$PID/fdinfo/"*)
	bpftool map dump id "$map" | awk -v keys="$*" '{n[$1] += $2} END {
		count = split(keys, key, " ")
		for (i = 1; i <= count; i++)
			if ("\"" key[i] "\":" in n) printf "%s%s", n["\"" key[i] "\":"], i < count ? " " : "\n"
	}'
}

no_new_programs() {
	[[ -z $(new_objects prog process) ]]
}

no_new_maps() {
	[[ -z $(new_objects map) ]]
}

# Maps are listed when all is over: a program array that only a dying program still
# holds is lost for ever if it is looked at then (prog_array_map_clear() takes a
# reference for each last descriptor, but a work item that is pending gives back one).
nothing_left() {
	until_true 10 no_new_programs || fail "left behind: $(new_objects prog process)"
	sleep $(scaled 0.3 2)
	until_true 10 no_new_maps || fail "left behind: $(new_objects map)"
}
