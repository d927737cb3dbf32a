# SPDX-License-Identifier: BSD-3-Clause
# Whose packets: pid=, comm=, uid=, sk=, mark=, queue=, each with packets that are asked for and
# packets that are not, at every kind of place that this kernel has.

load lib.bash
load member.bash

setup_file() {
	require tcpdump ip nft ss tc clang bpftool setpriv setcap unshare nsenter
	remember_objects
	pair_setup
	kinds_setup ip_output
	member_setup
	# One of each kind of program; a packet from A appears once at each.
	export PLACES=tp/net_dev_queue+rawtp/net_dev_queue COUNT=2
	[[ -z $FENTRY ]] || PLACES+=+fentry/ip_output+fexit/ip_finish_output COUNT=$((COUNT + 2))
	[[ -z $KPROBE ]] || PLACES+=+kprobe/ip_output+kretprobe/ip_finish_output COUNT=$((COUNT + 2))
	export EVERYWHERE=bpfprobe:$PLACES:netns=$NS_A
}

setup() {
	no_conf
	T=$BATS_TEST_TMPDIR SENDERS=() SENDER=$INSTALLED/sender
}

# sender_at FIRST [COMMAND...]: a process in A, id in PID, that is to send 4 numbered packets from
# FIRST on when `all_send` says so; COMMAND makes it another user's, or so.
sender_at() {
	local fifo=$T/fifo$1
	rm -f "$fifo"
	mkfifo "$fifo"
	# shellcheck disable=SC2016  # for the other shell
	background "sender$1" in_a bash -c 'read -r _ <"$0"; exec "$@"' "$fifo" \
		"${@:2}" "$SENDER" -c 4 -f "$1" udp "$SINK" "$PORT"
	SENDERS+=("$PID:$fifo")
}

# all_send: one after the other.
all_send() {
	local one
	for one in "${SENDERS[@]}"; do
		echo >"${one#*:}"
		wait_exit "${one%%:*}"
	done
	SENDERS=()
}

# at DEVICE [ARG...]: a capture into one.pcap.
at() {
	capture one tcpdump -w "$T/one.pcap" -i "$1" "${@:2}"
}

# each TIMES NUMBER...: these packets were captured, so many times each, and no others.
each() {
	local number want=
	emitted $(($1 * ($# - 1)))
	stop
	for number in "${@:2}"; do
		want+="$1:$number "
	done
	got one | tr ' ' '\n' | grep . | sort -n | uniq -c | awk '{ printf "%s:%s ", $1, $2 }' >"$T/each"
	[[ $(<"$T/each") == "$want" ]] || fail "$(<"$T/each") instead of $want"
}

# each_of_member NUMBER...: the same of a member's capture, whose counters are root's to read.
each_of_member() {
	sleep "$(scaled 1 4)"
	stop
	cp "$T/one.out" "$T/one.pcap"
	[[ $(got one) == "$* " ]] || fail "$(got one) instead of $*"
}

# refused DEVICE TEXT
refused() {
	run -1 pcaploop -i "$1" activate
	echo "$1: $output"
	[[ ${lines[1]} == "errbuf="*"$2"* ]]
}

@test "pid=: packets that these processes send" {
	local one
	sender_at 0
	one=$PID
	sender_at 4
	at "$EVERYWHERE:pid=$one" "udp port $PORT"
	all_send
	each "$COUNT" 0 1 2 3
	sender_at 0
	one=$PID
	sender_at 4
	sender_at 8
	at "bpfprobe:tx:pid=$one/$PID" "udp port $PORT"
	all_send
	each 1 0 1 2 3 8 9 10 11
}

# received PID: how many packets that process takes while a connection brings a thousand bytes.
received() {
	at "bpfprobe:tp/skb_copy_datagram_iovec:pid=$1" "tcp port $PORT"
	head -c 1000 /dev/zero | in_a busybox nc -w 2 "$ADDR_B" "$PORT"
	until_true 10 file_size_is "$T/heard" 1000
	until_true 10 all_read
	RECEIVED=$(sum emitted)
	stop
}

@test "pid=: packets that a process takes out of its socket" {
	serve "$PORT"
	received "$PID"
	[[ $RECEIVED -gt 0 ]]
	rm "$T/heard"
	serve "$PORT"
	received $$
	[[ $RECEIVED -eq 0 ]]
}

# container: a pid namespace in A with two processes that are to send; their numbers there are in
# INNER, their numbers here in OUTER, and that of the namespace's first process in INIT.
container() {
	local n inner outer
	mkfifo "$T/fifo0" "$T/fifo4"
	# shellcheck disable=SC2016  # for the other shell
	background container in_a unshare --pid --fork --mount-proc --kill-child bash -c '
		for n in 0 4; do
			(read -r _ <"$0$n"; exec "$1" -c 4 -f $n udp "$2" "$3") &
			echo $!
		done
		wait
		echo sent
		sleep 1000' "$T/fifo" "$SENDER" "$SINK" "$PORT"
	until_true 10 eval '[[ $(wc -l <"$T/container.out") -eq 2 ]]'
	mapfile -t INNER <"$T/container.out"
	INIT=$(pgrep -P "$PID")
	OUTER=()
	for inner in "${INNER[@]}"; do
		for outer in $(pgrep -P "$INIT"); do
			! grep -q "^NSpid:.*[[:space:]]$inner\$" "/proc/$outer/status" || OUTER+=("$outer")
		done
	done
	[[ ${#OUTER[@]} -eq 2 && ${INNER[0]} != "${OUTER[0]}" ]]
}

@test "pid=: a process of another pid namespace, from outside of it" {
	container
	at "$EVERYWHERE:pid=${OUTER[1]}" "udp port $PORT"
	echo >"$T/fifo0"
	echo >"$T/fifo4"
	wait_for_line "$T/container.out" sent
	each "$COUNT" 4 5 6 7
}

@test "pid=: a process of another pid namespace, from inside" {
	local inside
	container
	inside=(nsenter --target "$INIT" --pid --mount --net)
	run -1 "${inside[@]}" pcaploop -i "bpfprobe:tx:pid=${OUTER[1]}" activate
	[[ $output == *"pid=\"${OUTER[1]}\": there is no such process" ]]
	capture one "${inside[@]}" tcpdump -c 4 -w "$T/one.pcap" -i "bpfprobe:tx:pid=${INNER[1]}" "udp port $PORT"
	echo >"$T/fifo0"
	until_true 10 eval '[[ ! -e /proc/${OUTER[0]} ]]'
	echo >"$T/fifo4"
	wait_exit "$PID"
	[[ $(got one) == "4 5 6 7 " ]]
}

@test "netns=pid/: a process in a container, whose namespaces have no names" {
	mkfifo "$T/fifo"
	# shellcheck disable=SC2016  # for the other shell
	background container unshare --net --pid --fork --mount-proc --kill-child bash -c \
		'ip link set lo up && echo up; read -r _ <"$0"; "$@"; sleep 1000' "$T/fifo" "$SENDER" -c 4 udp 127.0.0.1 "$PORT"
	started "$T/container.out" up
	at "bpfprobe:tx:netns=pid/$(pgrep -P "$PID"):dev=lo" "udp port $PORT"
	send -c 4 -f 4
	echo >"$T/fifo"
	wait_for_line "$T/container.out" sent
	each 1 0 1 2 3
}

@test "comm=: names with blanks, colons and slashes" {
	cp "$SENDER" "$T/a b:c-012345678"
	cp "$SENDER" "$T/a b:c-012345679"
	SENDER="$T/a b:c-012345678" sender_at 0
	SENDER="$T/a b:c-012345679" sender_at 4
	at "$EVERYWHERE:comm=a%20b%3ac-012345679" "udp port $PORT"
	all_send
	each "$COUNT" 4 5 6 7
	sender_at 0
	at "bpfprobe:tx:comm=a%2fb/a%2fc" "udp port $PORT"
	all_send
	# shellcheck disable=SC2016  # for the other shell
	in_a bash -c 'printf a/c >/proc/$$/comm; echo >/dev/udp/$0/$1' "$SINK" "$PORT"
	emitted 1
	stop
	[[ $(tcpdump -nr "$T/one.pcap" 2>/dev/null) == *"UDP, length 1" ]]
}

@test "uid=: packets of sockets that belong to a user" {
	sender_at 0
	sender_at 4 setpriv --reuid=65531 --clear-groups
	sender_at 8 setpriv --reuid=65532 --clear-groups
	at "$EVERYWHERE:uid=65531" "udp port $PORT"
	all_send
	each "$COUNT" 4 5 6 7
	sender_at 0
	sender_at 4 setpriv --reuid=65531 --clear-groups
	sender_at 8 setpriv --reuid=65532 --clear-groups
	at "$EVERYWHERE:uid=65532/0" "udp port $PORT"
	all_send
	each "$COUNT" 0 1 2 3 8 9 10 11
}

@test "uid=: a connection that is not there yet is the listener's" {
	background server in_b setpriv --reuid=65531 --clear-groups busybox nc -l -p "$PORT" -e true
	until_true 10 listens "$PORT"
	capture one tcpdump -n -w "$T/one.pcap" -i "bpfprobe:tx:uid=65531" "tcp port $PORT"
	in_a busybox nc -w 2 "$ADDR_B" "$PORT" </dev/null
	until_true 10 eval '[[ $(sum emitted) -ge 2 ]]'
	until_true 10 all_read
	stop
	tcpdump -nr "$T/one.pcap" 2>/dev/null | tee "$T/one.txt"
	grep -q "Out IP $ADDR_B.$PORT > .* Flags \[S.\]" "$T/one.txt"
	! grep -v "IP $ADDR_B.$PORT > " "$T/one.txt"
}

@test "sk=: the number that ss shows" {
	local cookies
	mkfifo "$T/fifo"
	# shellcheck disable=SC2016  # for the other shell
	background sockets in_a bash -c 'exec 3<>/dev/udp/$0/$1 4<>/dev/udp/$0/$1; echo ready; read -r _ <"$2"
		printf 333 >&3; printf 4444 >&4' "$SINK" "$PORT" "$T/fifo"
	started "$T/sockets.out" ready
	in_a ss -Huen "dport = :$PORT" | tee "$T/ss"
	mapfile -t cookies < <(sed -n 's/.* sk:\([0-9a-f]*\).*/0x\1/p' "$T/ss" | sort)
	[[ ${#cookies[@]} -eq 2 ]]
	at "$EVERYWHERE:sk=${cookies[0]}" "udp port $PORT"
	local one=$PID
	capture both tcpdump -n -w "$T/both.pcap" -i "bpfprobe:tx:sk=${cookies[0]}/${cookies[1]}" "udp port $PORT"
	echo >"$T/fifo"
	emitted 2
	stop
	PID=$one
	emitted "$COUNT"
	stop
	tcpdump -nr "$T/one.pcap" 2>/dev/null | sed 's/.*UDP, //' | sort -u | tee "$T/lengths"
	[[ $(wc -l <"$T/lengths") -eq 1 ]]
}

# marks: A gives the packets that the n-th of the next ports is sent a mark.
marks() {
	in_a nft -f - <<-END
		table ip marks {
			chain output {
				type filter hook output priority mangle
				udp dport $((PORT + 1)) meta mark set 0x15
				udp dport $((PORT + 2)) meta mark set 0x25
			}
		}
	END
	defer in_a nft delete table ip marks
}

# marked DEVICE NUMBER...: takes of the packets to these ports, which are 0-3, 4-7 and 8-11, just these.
marked() {
	local n
	at "$1" "udp portrange $PORT-$((PORT + 2))"
	for n in 0 1 2; do
		in_a sender -c 4 -f $((4 * n)) udp "$SINK" $((PORT + n))
	done
	each "$TIMES" "${@:2}"
}

@test "mark=: with and without a mask" {
	marks
	TIMES=$COUNT
	marked "$EVERYWHERE:mark=0x25" 8 9 10 11
	TIMES=1
	marked "bpfprobe:tx:netns=$NS_A:mark=0x5/0xf" 4 5 6 7 8 9 10 11
	marked "bpfprobe:tx:netns=$NS_A:mark=16/0x10" 4 5 6 7
	marked "bpfprobe:tx:netns=$NS_A:mark=0" 0 1 2 3
}

# queues: a pair with 4 queues, of which CPU 0 takes number 2 to send.
queues() {
	ip -n "$NS_A" link add bpq0 numtxqueues 4 numrxqueues 4 type veth peer name bpq1 numtxqueues 4 numrxqueues 4 netns "$NS_B"
	defer ip -n "$NS_A" link del bpq0
	ip -n "$NS_A" addr add 10.76.0.1/24 dev bpq0
	ip -n "$NS_A" link set bpq0 up
	ip -n "$NS_B" link set bpq1 up
	ip -n "$NS_A" neigh add 10.76.0.2 lladdr "$MAC_B" dev bpq0
	in_a sh -c 'echo 1 >/sys/class/net/bpq0/queues/tx-2/xps_cpus' || cannot "this kernel has no XPS"
}

# queued TIMES DEVICE
queued() {
	at "$2" "udp port $PORT"
	in_a sender -C 0 -c 4 udp 10.76.0.2 "$PORT"
	if [[ $1 -gt 0 ]]; then each "$1" 0 1 2 3; else each 0; fi
}

@test "queue=: the one that a packet is sent through" {
	queues
	queued 2 "bpfprobe:tp/net_dev_queue+rawtp/net_dev_queue:netns=$NS_A:queue=2"
	queued 1 "bpfprobe:tx:netns=$NS_A:queue=0/1/2/3"
	queued 0 "bpfprobe:tx:netns=$NS_A:queue=0/1/3"
}

@test "queue=: the one that the driver has received a packet from, if it says so" {
	wire_up tun
	at "bpfprobe:tp/netif_receive_skb+rawtp/netif_receive_skb:netns=$NS_B:queue=0" "udp port $PORT"
	in_a sender -c 4 udp 10.79.0.2 "$PORT"
	send -c 4 -f 4 # by a device that does not
	each 2 0 1 2 3
	at "bpfprobe:rx:netns=$NS_B:queue=1/2" "udp port $PORT"
	in_a sender -c 4 udp 10.79.0.2 "$PORT"
	each 1
}

@test "queue=: at an interface without an XDP program" {
	queues
	queued 1 "bpfxdp:bpq1:netns=$NS_B:native:queue=2"
	queued 0 "bpfxdp:bpq1:netns=$NS_B:native:queue=0/1/3"
}

@test "queue=: at an XDP program" {
	need fentry
	queues
	compile "$TOP/tests/live/actions.bpf.c" "$T/actions.o" -DONE
	in_b ip link set dev bpq1 xdpdrv obj "$T/actions.o" sec xdp
	queued 2 "bpfxdp:bpq1:netns=$NS_B:queue=2"
	queued 0 "bpfxdp:bpq1:netns=$NS_B:queue=0/1/3"
}

@test "at a BPF program" {
	need fentry
	local one
	compile "$TOP/tests/live/actions.bpf.c" "$T/actions.o"
	in_a tc qdisc add dev bpa0 clsact
	defer in_a tc qdisc del dev bpa0 clsact
	in_a tc filter add dev bpa0 egress bpf da obj "$T/actions.o" sec tc
	marks
	TIMES=2
	marked "bpfprog:name/actions_of_tc:mark=0x15" 4 5 6 7
	TIMES=1
	marked "bpfprog:name/actions_of_tc:exit:mark=0x25:action=SHOT" 9
	sender_at 0
	one=$PID
	sender_at 4
	at "bpfprog:name/actions_of_tc:uid=0:pid=$one" "udp port $PORT"
	all_send
	each 2 0 1 2 3
}

@test "all of them with as many values as there can be, and a filter in the kernel" {
	local place all=uid=1/2/3/4/5/6/7/8:sk=1/2/3/4/5/6/7/8:queue=1/2/3/4/5/6/7/8:mark=1/1:comm=a/b/c/d/e/f/g/h
	for place in ${PLACES//+/ }; do
		capture one tcpdump -i "bpfprobe:$place:$all:pid=$$/$$/$$/$$/$$/$$/$$/$$" "udp port $PORT"
		send -c 3
		[[ $(sum passing emitted) == "0 0" ]]
		stop
	done
}

@test "what is asked for has to be there" {
	local pin=$T/bpf
	refused bpfprobe:tx:pid=2147483647 'pid="2147483647": there is no such process'
	refused bpfprobe:tx:comm=abcdefghijklmnop 'comm="abcdefghijklmnop": names of 1 to 15 bytes'
	refused bpfxdp:lo:uid=0 'unknown option "uid=0" (known: netns=,'
	mkdir "$pin"
	mount -t bpf bpf "$pin"
	defer umount "$pin"
	compile "$TOP/tests/live/actions.bpf.c" "$T/actions.o" -DONE
	bpftool prog load "$T/actions.o" "$pin/xdp"
	refused "bpfprog:pin/$pin/xdp:sk=1" 'sk=: the packets of "actions_of_xdp_program" are those of XDP, which have none'
	refused "bpfprog:pin/$pin/xdp:mark=1" 'mark=: the packets of'
	refused "bpfprog:pin/$pin/xdp:uid=1" 'uid=: the packets of'
}

@test "a member may name own processes only, also where others are named alike" {
	conf "netns = any"
	member "$NS_A"
	refuses "bpfprobe:tx:pid=$BASHPID" "pid=\"$BASHPID\": Permission denied"
	# shellcheck disable=SC2016  # for the other shell
	run -0 "${WHO[@]}" bash -c 'pcaploop -i bpfprobe:tx:pid=$$ activate; true'
	[[ $output == *"linktype=LINUX_SLL2"* ]]
	sender_at 0
	sender_at 4 "${AS_MEMBER[@]}"
	capture one "${WHO[@]}" tcpdump -U -w - -i bpfprobe:tx:comm=sender "udp port $PORT"
	all_send
	each_of_member 4 5 6 7
	conf "netns = any" "foreign-pids = yes"
	opens "bpfprobe:tx:pid=$BASHPID"
	sender_at 0
	sender_at 4 "${AS_MEMBER[@]}"
	capture one "${WHO[@]}" tcpdump -U -w - -i bpfprobe:tx:comm=sender "udp port $PORT"
	all_send
	each_of_member 0 1 2 3 4 5 6 7
}

# Confined to the own namespace, whatever is asked for there.
@test "a member gets packets of the own namespace that are asked for, and no others" {
	member "$NS_B"
	listen "$ADDR_B" "$PORT"
	capture one "${WHO[@]}" tcpdump -U -w - -i "bpfprobe:tx+rx:uid=0/$USER_ID:queue=0/1/2/3:mark=0" "udp port $PORT"
	send -c 4
	in_b sender -c 4 -f 4 udp "$ADDR_B" "$PORT"
	in_b nft 'table ip one { chain o { type filter hook output priority mangle; udp dport '"$PORT"' meta mark set 1; }; }'
	in_b sender -c 4 -f 8 udp "$ADDR_B" "$PORT"
	in_b nft delete table ip one
	each_of_member 4 5 6 7
}

@test "nothing is left behind" {
	nothing_left
}
