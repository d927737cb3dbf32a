# SPDX-License-Identifier: BSD-3-Clause
# A member of the group who means no good, see SECURITY.md: the helper is installed as a
# package would do it, with file capabilities, for a group that only this test knows.
#
# A and B have traffic; C is the member's own network namespace, where nothing happens.

load lib.bash
load member.bash

setup_file() {
	require tcpdump ip bpftool setpriv capsh setcap unshare nsenter
	remember_objects
	pair_setup
	export NS_C=bp$$c
	ip netns add "$NS_C"
	defer ip netns del "$NS_C"
	ip -n "$NS_C" link set lo up
	member_setup
}

setup() {
	no_conf
}

# greedy NAME NETNS DEVICE: a member there who wants all of the device's packets, until `satisfied`.
greedy() {
	T=$BATS_TEST_TMPDIR
	member "$2"
	mkfifo "$T/$1.in"
	"${WHO[@]}" stranger watch "$3" <"$T/$1.in" >"$T/$1.out" 2>"$T/$1.err" 3>&- &
	PID=$!
	defer kill -KILL $PID
	exec {END_OF}>"$T/$1.in"
	ENDS+=("$END_OF") GREEDY+=("$PID")
	started "$T/$1.out" ready
}

satisfied() {
	local fd pid
	for fd in "${ENDS[@]}"; do
		exec {fd}>&-
	done
	for pid in "${GREEDY[@]}"; do
		wait_exit "$pid"
	done
}

# only_own DEVICE: of it a member in A gets packets, one in C nothing at all, while A sends.
only_own() {
	ENDS=() GREEDY=()
	greedy own "$NS_A" "$1"
	greedy other "$NS_C" "$1"
	send -c 100
	satisfied
	echo "$1: $(tr '\n' ' ' <"$T/own.out") / $(tr '\n' ' ' <"$T/other.out")"
	(($(value bytes "$(<"$T/own.out")") >= 100 * 64))
	[[ $(value bytes "$(<"$T/other.out")") -eq 0 && $(value lost "$(<"$T/other.out")") -eq 0 ]]
	rm "$T"/{own,other}.*
}

none_of_theirs() {
	! pgrep -x "$HELPER_NAME" >/dev/null && ! bpftool prog show | grep -q "uid $USER_ID\$"
}

# nothing_of_theirs: of the member's, who is known to the kernel by the number, whoever else captures here.
nothing_of_theirs() {
	until_true 10 none_of_theirs || fail "left behind: $(pgrep -ax "$HELPER_NAME"; bpftool prog show | grep -B1 "uid $USER_ID\$")"
}

# --- who

@test "a member captures, who is none is told why not" {
	member "$NS_A"
	opens bpfprobe:tx
	run -1 setpriv "--reuid=$USER_ID" "--regid=$USER_ID" --clear-groups env "LD_LIBRARY_PATH=$INSTALLED" \
		"BPFPROBE_HELPER=$INSTALLED/$HELPER_NAME" "$INSTALLED/pcaploop" -i bpfprobe:tx activate
	echo "$output"
	[[ ${lines[0]} == *" PCAP_ERROR"* ]]
	chmod 640 "$INSTALLED/helper"
	run -1 "${WHO[@]}" pcaploop -i bpfprobe:tx activate
	chmod 755 "$INSTALLED/helper"
	echo "$output"
	[[ ${lines[0]} == *" PCAP_ERROR_PERM_DENIED" && ${lines[1]} == *"you may have to be a member of its group" ]]
}

@test "a member's capture has every packet of the own namespace, and no other" {
	member "$NS_A"
	capture dump "${WHO[@]}" tcpdump -U -i bpfprobe:any -c 100 -w - "udp port $PORT"
	# What there is besides: each of them once more, on its way into B.
	capture all tcpdump -U -i bpfprobe:any -c 200 -w - "udp port $PORT"
	send -c 100 -i 1
	wait_exit "$PID"
	until_true 10 has_text "$T/dump.err" "100 packets captured"
	verify -e 1:0-99 "$T/dump.out"
}

@test "user 0 without the rights of root is a member like others" {
	member "$NS_A"
	WHO=(nsenter "--net=/run/netns/$NS_A" setpriv "--groups=$GROUP" --securebits=+noroot "--bounding-set=+all"
		env "LD_LIBRARY_PATH=$INSTALLED" "BPFPROBE_HELPER=$INSTALLED/helper" "PATH=$INSTALLED:$PATH")
	opens bpfprobe:tx
	refuses bpfprog:id/1 "only root may look into BPF programs"
}

# --- whose packets

@test "no packet of another namespace: tracepoints" {
	only_own bpfprobe:any
	only_own bpfprobe:tx:len=64
	only_own bpfprobe:rawtp/net_dev_queue
	only_own bpfprobe:tx:proto=EN10MB
}

@test "no packet of another namespace: functions" {
	kinds_setup
	need kprobe
	only_own bpfprobe:kprobe/ip_output
	only_own bpfprobe:kretprobe/ip_output
	only_own bpfprobe:kretprobe/ip_output:ret=0
}

@test "no packet of another namespace: functions, through fentry" {
	kinds_setup ip_output
	need fentry
	only_own bpfprobe:fentry/ip_output
	only_own bpfprobe:fexit/ip_output:ret=0
}

@test "no packet of another namespace: XDP" {
	conf "xdp = yes"
	ENDS=() GREEDY=()
	greedy other "$NS_C" bpfxdp:any
	send -c 100
	satisfied
	[[ $(value bytes "$(<"$T/other.out")") -eq 0 ]]
	member "$NS_C"
	run -1 "${WHO[@]}" pcaploop -i bpfxdp:bpa0 activate
	echo "$output"
	[[ $output == *'interface "bpa0": no such interface'* ]]
}

# ping_in NETNS: packets that its own loopback device sends and receives.
ping_in() {
	ip -n "$1" link set lo up
	ip netns exec "$1" sender -c 100 udp 127.0.0.1 "$PORT"
}

# same_number INODE TRY: a new namespace with that number, E; the kernel gives away the lowest that is free.
same_number() {
	local i
	for i in {1..8}; do
		E=bp$$e$2$i
		ip netns add "$E"
		defer ip netns del "$E"
		[[ $(stat -Lc %i "/run/netns/$E") -ne $1 ]] || return 0
	done
	return 1
}

# borrowed N: a member in C keeps what one in D has opened, who is gone, and the helper too.
borrowed() {
	T=$BATS_TEST_TMPDIR
	member "$NS_C"
	rm -f "$T/in" "$INSTALLED/meet"/*
	mkfifo "$T/in"
	"${WHO[@]}" stranger borrow "$INSTALLED/meet/$1" <"$T/in" >"$T/borrow.out" 2>"$T/borrow.err" 3>&- &
	PID=$!
	defer kill -KILL $PID
	exec {END_OF}>"$T/in"
	started "$T/borrow.out" listens
	member "bp$$d"
	"${WHO[@]}" stranger lend bpfprobe:any "$INSTALLED/meet/$1"
	started "$T/borrow.out" ready
}

# returned: how much came meanwhile, in BYTES.
returned() {
	exec {END_OF}>&-
	wait_exit "$PID"
	BYTES=$(value bytes "$(<"$T/borrow.out")")
}

@test "no packet of a namespace that has the number of the own one, which is gone" {
	local n inode
	[[ $(uname -r) != 5.10.* ]] || skip "namespaces have no cookies that can be asked for before Linux 5.14"
	mkdir -m 777 "$INSTALLED/meet"
	ip netns add "bp$$d"
	defer ip netns del "bp$$d"
	borrowed 0
	ping_in "bp$$d"
	returned
	ip netns del "bp$$d"
	[[ $BYTES -gt 6400 ]]
	for n in {1..9}; do
		ip netns add "bp$$d"
		inode=$(stat -Lc %i "/run/netns/bp$$d")
		borrowed "$n"
		ip netns del "bp$$d"
		sleep 0.3
		if same_number "$inode" "$n"; then
			ping_in "$E"
			returned
			[[ $BYTES -eq 0 ]]
			return
		fi
		returned
	done
	fail "no namespace has got number $inode again"
}

@test "a namespace that is named has to be the own one" {
	local inode
	member "$NS_A"
	inode=$(stat -Lc %i "/run/netns/$NS_B")
	refuses "bpfprobe:tx:netns=$NS_B" "another network namespace" "netns = any"
	refuses "bpfprobe:tx:netns=inode/$inode" "another network namespace"
	opens "bpfprobe:tx:netns=$NS_A"
	opens bpfprobe:tx:dev=bpa0
	run -1 "${WHO[@]}" pcaploop -i bpfprobe:rx:dev=bpb0 activate
	[[ $output == *'"bpb0": no such interface'* ]]
	refuses bpfprobe:tx:netns=pid/$$ "Permission denied"
}

@test "netns = any, and whose process may be named" {
	conf "netns = any"
	member "$NS_C"
	opens bpfprobe:tx
	opens "bpfprobe:tx:netns=$NS_B"
	refuses bpfprobe:tx:netns=pid/$$ "Permission denied"
	run -0 "${WHO[@]}" bash -c 'pcaploop -i bpfprobe:tx:netns=pid/$$ activate; true'
	[[ $output == *"linktype=LINUX_SLL2"* ]]
	conf "netns = any" "foreign-pids = yes"
	opens bpfprobe:tx:netns=pid/$$
}

@test "a name below /run/netns is opened with the member's rights" {
	conf "netns = any"
	member "$NS_C"
	# A directory that only root may pass through.
	mkdir -m 700 "$INSTALLED/hidden"
	touch "$INSTALLED/hidden/ns"
	mount --bind "/run/netns/$NS_B" "$INSTALLED/hidden/ns"
	ln -s "$INSTALLED/hidden/ns" "/run/netns/bp$$l"
	defer rm -f "/run/netns/bp$$l"
	defer umount "$INSTALLED/hidden/ns"
	refuses "bpfprobe:tx:netns=bp$$l" "Permission denied"
	run -0 pcaploop -i "bpfprobe:tx:netns=bp$$l" activate
	rm "/run/netns/bp$$l"
	umount "$INSTALLED/hidden/ns"
}

@test "BPF programs of others, and programs at interfaces, are root's" {
	member "$NS_C"
	refuses bpfprog:id/1 "only root may look into BPF programs" "programs = yes"
	refuses bpfprog:name/x:map=m "only root may look into BPF programs"
	refuses bpfprog:name/x:map=m:config=c "only root may look into BPF programs"
	refuses bpfprog:pin//sys/fs/bpf/x "only root may look into BPF programs"
	refuses bpfxdp:lo "only root may capture at XDP" "xdp = yes"
	refuses bpfxdp:any "only root may capture at XDP"
	conf "programs = yes"
	refuses bpfxdp:lo "only root may put an XDP program to an interface" "xdp = yes"
	refuses bpfprog:name/x:map=m "only root may read what BPF programs write" "netns = any"
	run -1 "${WHO[@]}" pcaploop -i bpfprog:name/no_such_one activate
	[[ $output == *'no BPF program with name "no_such_one"'* ]]
	conf "xdp = yes"
	opens bpfxdp:lo
}

@test "packets are followed by root only" {
	member "$NS_A"
	conf "netns = any"
	refuses bpfprobe:tx:track "only root may follow packets"
	refuses bpfprobe:tx:track=1 "only root may follow packets"
	refuses bpfprobe:tx:until=drop "only root may follow packets"
}

@test "what the member is given lets nothing be done" {
	local key device
	member "$NS_A"
	for device in bpfprobe:tx bpfprobe:rawtp/net_dev_queue; do
		run -0 "${WHO[@]}" stranger grab "$device"
		echo "$output"
		for key in perf_update perf_delete slots_update slots_delete; do
			[[ $(value $key "$output") == EPERM ]]
		done
		for key in run attach_typed attach_elsewhere ring_program; do
			[[ $(value $key "$output") == EINVAL ]]
		done
		[[ $(value lines "$output") == ok ]]
	done
	# What would be possible else.
	run -0 stranger grab bpfprobe:rawtp/net_dev_queue
	[[ $(value run "$output") == ok && $(value attach_elsewhere "$output") == ok && $(value slots_delete "$output") == ok ]]
}

@test "the helper of a member is out of that member's reach" {
	member "$NS_A"
	run -0 "${WHO[@]}" stranger name bpfprobe:tx
	echo "$output"
	[[ $(value found "$output") == 1 ]]
	[[ $(value ptrace "$output") == EPERM && $(value getfd "$output") == EPERM ]]
	[[ $(value mem "$output") == EACCES && $(value fd "$output") == EACCES && $(value root "$output") == EACCES ]]
	# One may end what one has started.
	[[ $(value kill "$output") == ok ]]
}

@test "what it cannot do any more" {
	local pid
	member "$NS_A"
	capture dump "${WHO[@]}" tcpdump -i bpfprobe:tx -w - "udp port $PORT"
	pid=$(pgrep -nx "$HELPER_NAME")
	# It has answered before it gives the last ones up.
	until_true 5 grep -qx $'CapEff:\t0000000000000000' "/proc/$pid/status"
	grep -E 'Cap|Seccomp|NoNew' "/proc/$pid/status"
	grep -qx $'Seccomp:\t2' "/proc/$pid/status"
	grep -qx $'NoNewPrivs:\t1' "/proc/$pid/status"
	grep -qx $'CapInh:\t0000000000000000' "/proc/$pid/status"
	[[ $(stat -c %u "/proc/$pid/fd") -eq 0 ]]
	stop
}

@test "a request that brings descriptors is none" {
	member "$NS_A"
	run -0 "${WHO[@]}" stranger send bpfprobe:tx
	echo "$output"
	[[ $(value sent "$output") == ok && $(value answer "$output") == 0 ]]
}

@test "answers that nobody reads, and a socket that is closed: the helper ends" {
	member "$NS_A"
	run -0 "${WHO[@]}" stranger full bpfprobe:tx
	echo "$output"
	[[ $(value sent "$output") -ge 5 && $(value ended "$output") -eq 1 ]]
	run -0 "${WHO[@]}" stranger close bpfprobe:tx
	echo "$output"
	[[ $(value send "$output") == ok ]]
	nothing_of_theirs
}

@test "handles: as many as are allowed, also if their helpers are killed and only rings are kept" {
	conf "handles = 4"
	member "$NS_A"
	run -0 "${WHO[@]}" stranger keep bpfprobe:tx 10
	echo "$output"
	[[ $(value opened "$output") -eq 4 && $output == *"this user captures 5 times at once"*"allows 4 (handles)"* ]]
	opens bpfprobe:tx
	conf "handles = 0"
	refuses bpfprobe:tx "allows 0 (handles)"
}

# Those would be nobody's when the helper has ended; root has them, see ringbuf.bats.
@test "no BPF ring buffers" {
	member "$NS_A"
	background loop "${WHO[@]}" pcaploop -i bpfprobe:tx -s 96 -k deadline -K 2000
	started "$T/loop.out" ready
	! bpftool map list | grep "name bpfprobe_ring " || false
	wait_exit "$PID"
	looping loop -i "bpfprobe:tx:netns=$NS_A" -s 96
	bpftool map list | grep "name bpfprobe_ring "
	stop
}

@test "bytes of rings" {
	conf "ring-kib = 1024"
	member "$NS_A"
	refuses bpfprobe:tx:pages=131072 "KiB" "allows 1024 (ring-kib)"
	conf "ring-kib = 262144"
	opens bpfprobe:tx:pages=64
}

@test "filters: their number in a second, and their length" {
	member "$NS_A"
	conf "filter-loads = 5"
	run -0 "${WHO[@]}" stranger filter bpfprobe:tx 100
	echo "$output"
	(($(value set "$output") >= 5 && $(value set "$output") < 60))
	[[ $output == *"more filters in a second than /etc/pcap-bpfprobe.conf allows: 5 (filter-loads)"* ]]
	# The same packets all the same, through the filter in user space.
	conf "filter-instructions = 1"
	capture dump "${WHO[@]}" tcpdump -U -i bpfprobe:tx -c 10 -w - "udp port $PORT and less 200"
	send -c 10 -s 1000
	send -c 10 -f 10 -i 1
	wait_exit "$PID"
	verify -e 1:10-19 "$T/dump.out"
}

@test "pcap-bpfprobe.conf: whoever else could write to it is not believed" {
	local plain="no plain file of root's that nobody else can write to" file=$INSTALLED/etc/pcap-bpfprobe.conf
	member "$NS_A"
	conf "netns = any"
	opens bpfprobe:tx
	chmod 664 "$file"
	refuses bpfprobe:tx "$plain"
	chmod 646 "$file"
	refuses bpfprobe:tx "$plain"
	chmod 644 "$file"
	chown "$USER_ID" "$file"
	refuses bpfprobe:tx "$plain"
	conf
	mv "$file" "$INSTALLED/etc/other"
	ln -s other "$file"
	refuses bpfprobe:tx "$plain"
	rm "$file"
	mkfifo "$file"
	refuses bpfprobe:tx "$plain"
	rm "$file"
	mkdir "$file"
	refuses bpfprobe:tx "$plain"
	rmdir "$file"
	rm "$INSTALLED/etc/other"
	chmod 775 "$INSTALLED/etc"
	refuses bpfprobe:tx "$plain"
	chmod 755 "$INSTALLED/etc"
	chown "$USER_ID" "$INSTALLED/etc"
	refuses bpfprobe:tx "$plain"
	chown 0 "$INSTALLED/etc"
	conf "netns = any"
	chmod 600 "$file"
	refuses bpfprobe:tx "cannot read /etc/pcap-bpfprobe.conf" "Permission denied"
}

@test "pcap-bpfprobe.conf: what is wrong in it is said with its line, and nothing opens" {
	member "$NS_A"
	conf "netns = any" "nets = any"
	refuses bpfprobe:tx '/etc/pcap-bpfprobe.conf:2: there is no key "nets"'
	conf "netns = all"
	refuses bpfprobe:tx '/etc/pcap-bpfprobe.conf:1: netns = "all": own or any is expected'
	head -c 70000 /dev/zero | tr '\0' '\n' >"$INSTALLED/etc/pcap-bpfprobe.conf"
	refuses bpfprobe:tx "cannot read /etc/pcap-bpfprobe.conf" "File too large"
	# Root does not need it.
	run -0 unshare -m bash -c 'mount --bind "$0" /etc && exec pcaploop -i bpfprobe:tx activate' "$INSTALLED/etc"
}

# --- the helper, executed by hand

# by_hand [COMMAND...]: the helper itself in the place of a member's program, its end of the socket closed.
by_hand() {
	member "$NS_A"
	run "${WHO[@]}" "$@" "$INSTALLED/$HELPER_NAME"
	echo "$status: $output"
}

@test "executed by hand it says so and does nothing" {
	by_hand
	[[ $status -eq 2 && $output == "pcap-bpfprobe-helper is started by libpcap, not by hand" ]]
	by_hand bash -c 'exec 3</dev/null; exec "$0"'
	[[ $status -eq 2 ]]
	by_hand bash -c 'exec 3<>/dev/udp/127.0.0.1/9; exec "$0" --help x' # a socket, but none of ours
	[[ $status -eq 2 ]]
	by_hand bash -c 'exec 0<&- 1>&- 2>&-; exec "$0"'
	[[ $status -eq 2 && -z $output ]]
}

# odd SETUP: opens through a helper that is started after these shell commands.
odd() {
	printf '#!/bin/bash\n%s\nexec "%s" an argument\n' "$1" "$INSTALLED/$HELPER_NAME" >"$INSTALLED/odd"
	chmod 755 "$INSTALLED/odd"
	member "$NS_A"
	WHO+=("BPFPROBE_HELPER=$INSTALLED/odd")
	capture dump "${WHO[@]}" tcpdump -U -i bpfprobe:tx -c 10 -w - "udp port $PORT"
	send -c 10 -i 1
	wait_exit "$PID"
	verify -e 1:0-9 "$T/dump.out"
}

@test "nothing of its surroundings has a say" {
	# The environment: what loaders, libc and libbpf would look at.
	odd "export LD_PRELOAD=/nonexistent.so LD_LIBRARY_PATH=$INSTALLED LD_DEBUG=all LD_DEBUG_OUTPUT=$INSTALLED/debug"
	odd 'export LIBBPF_LOG_LEVEL=debug LIBBPF_BPF_TOKEN_PATH=/tmp MALLOC_CHECK_=3 MALLOC_PERTURB_=7 GLIBC_TUNABLES=glibc.malloc.check=3'
	odd 'export LC_ALL=tr_TR.UTF-8 LANGUAGE=de LOCPATH=/tmp TZ=:/etc/passwd TMPDIR=/nonexistent'
	odd 'cd /proc/self/fd; umask 777'
	odd 'exec 0<&- 1>&- 2>&-'
	odd 'exec 5</etc 6<>/dev/null 77</dev/zero; ulimit -S -n 5'
	odd 'trap "" HUP INT QUIT PIPE CHLD TERM USR1 XFSZ'
	odd 'ulimit -S -f 0; ulimit -S -c unlimited; ulimit -S -s 100'
	[[ -z $(find "$INSTALLED" -name 'debug*') ]]
}

@test "a limit that cannot be passed is an error in one line, or an end, and leaves nothing" {
	local limit
	member "$NS_A"
	for limit in '-n 8' '-v 20000' '-f 0' '-s 16' '-d 1000'; do
		printf '#!/bin/bash\nulimit %s\nexec "%s"\n' "$limit" "$INSTALLED/$HELPER_NAME" >"$INSTALLED/odd"
		chmod 755 "$INSTALLED/odd"
		run "${WHO[@]}" "BPFPROBE_HELPER=$INSTALLED/odd" pcaploop -i bpfprobe:tx activate
		echo "$limit: $output"
		[[ $status -eq 0 || ${#lines[@]} -eq 2 && ${lines[1]} == errbuf=?* ]]
	done
	nothing_of_theirs
}

@test "it is killed or stopped at any time, and nothing is left" {
	local i
	for i in 0 1 2 4 8 16 32 64; do
		printf '#!/bin/bash\n(exec 3>&-; sleep 0.%03d; kill -KILL %s) &\nexec "%s"\n' $((i * 5)) '$$' \
			"$INSTALLED/$HELPER_NAME" >"$INSTALLED/odd"
		chmod 755 "$INSTALLED/odd"
		member "$NS_A"
		run "${WHO[@]}" "BPFPROBE_HELPER=$INSTALLED/odd" pcaploop -i bpfprobe:tx activate
		echo "$i: $output"
		[[ $status -eq 0 || ${lines[1]} == *"ended"* ]]
	done
	nothing_of_theirs
}

# --- where it is not given its privilege

@test "no_new_privs, a bounding set, and a file system without capabilities: each is said" {
	member "$NS_A"
	local who=("${WHO[@]}") caps
	WHO=("${who[@]}" setpriv --no-new-privs)
	refuses bpfprobe:tx "CAP_BPF CAP_PERFMON missing" "no_new_privs"
	# A service's way around it: capabilities of its own.
	caps=+bpf,+perfmon,+sys_admin
	WHO=("${who[@]:0:$((${#who[@]} - ${#AS_MEMBER[@]}))}" setpriv "--reuid=$USER_ID" "--regid=$USER_ID"
		"--groups=$GROUP" "--inh-caps=$caps" "--ambient-caps=$caps" --no-new-privs "${AS_MEMBER[@]:4}")
	opens bpfprobe:tx
	mkdir -p "$INSTALLED/nosuid"
	mount -t tmpfs -o nosuid,mode=755 none "$INSTALLED/nosuid"
	defer umount "$INSTALLED/nosuid"
	cp "$INSTALLED/$HELPER_NAME" "$INSTALLED/nosuid/helper"
	chmod 755 "$INSTALLED/nosuid/helper"
	setcap $CAPS=p "$INSTALLED/nosuid/helper"
	printf '#!/bin/sh\nexec "%s"\n' "$INSTALLED/nosuid/helper" >"$INSTALLED/odd"
	chmod 755 "$INSTALLED/odd"
	WHO=("${who[@]}" "BPFPROBE_HELPER=$INSTALLED/odd")
	refuses bpfprobe:tx "missing" "nosuid"
	umount "$INSTALLED/nosuid"
}

@test "fewer capabilities in the bounding set" {
	member "$NS_A"
	WHO=(capsh --drop=cap_perfmon,cap_sys_admin -- -c 'exec "$@"' bash "${AS_MEMBER[@]}")
	refuses bpfprobe:tx "CAP_PERFMON" "bounding set"
}

@test "a user namespace" {
	member "$NS_A"
	WHO+=(unshare -U -r)
	refuses bpfprobe:tx "user namespace"
}

@test "bpfprobe doctor says what takes the privilege away, and what is allowed" {
	run setpriv --no-new-privs bpfprobe doctor
	echo "$output"
	[[ $output == *"no_new_privs is set: the helper's file gives no capabilities; systemd: NoNewPrivileges=no"* ]]
	run setpriv --securebits=+noroot bpfprobe doctor
	[[ $output == *"SECBIT_NOROOT is set: root is a user like others; "* ]]
	run unshare -U -r bpfprobe doctor
	[[ $output == *"this is a user namespace, whose capabilities do not count for BPF; "* ]]
	run capsh --drop=cap_perfmon -- -c 'bpfprobe doctor'
	[[ $output == *"the capability bounding set lacks CAP_PERFMON; systemd: CapabilityBoundingSet="* ]]
	[[ $output == *"permissions      root may capture everything"* ]]
	run bpfprobe doctor
	[[ $output == *"sandbox          none that the kernel tells of"* || $output == *"a security module confines"* ]]
	conf "netns = any" "xdp = yes" "handles = 3"
	run unshare -m bash -c 'mount --bind "$0" /etc && exec "$@"' "$INSTALLED/etc" \
		setpriv --reuid="$USER_ID" --clear-groups "$BUILD/bpfprobe" doctor
	echo "$output"
	[[ $output == *"packets of all namespaces, BPF programs: no, XDP: yes, 3 devices at once"* ]]
}

@test "nothing is left behind" {
	nothing_of_theirs
}
