# SPDX-License-Identifier: BSD-3-Clause
#
# Our packages in a clean root file system, of which each test has a copy, on a kernel as Debian
# sets it up: AppArmor keeps tcpdump to its profile, and perf_event_paranoid is 3.  That is one of a
# virtual machine:
#
#	./run package && tests/package/root make build/root
#	VM_APPEND="apparmor=1 security=apparmor" ./run vm 6.1 bats tests/installed.bats

load package/lib.bash

profile=/etc/apparmor.d/usr.bin.tcpdump
policy=/sys/kernel/security/apparmor
AS_MEMBER=(setpriv --reuid nobody --regid nogroup --groups wireshark)

setup_file() {
	[[ -n ${BPFPROBE_VM:-} ]] || skip "loads profiles into the kernel: for virtual machines"
}

# As Debian is once it has started.
setup() {
	T=$BATS_TEST_TMPDIR
	enter_root "$T"
	in_root apparmor_parser -r $profile
}

teardown() {
	leave_root
}

# installs: our packages.
installs() {
	shell "dpkg -i $ours"
}

# policy: a digest of the profile that the kernel has for tcpdump.
policy() {
	cat $policy/policy/profiles/tcpdump.*/sha1
}

# confined: it is not only there, the kernel keeps tcpdump to it: other names of files are denied,
# to this program only.
confined() {
	grep -Fx "tcpdump (enforce)" $policy/profiles
	shell 'printf "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0" >/run/empty.pcap
		cp /run/empty.pcap /run/empty; cp /usr/bin/tcpdump /run/unconfined'
	in_root tcpdump -r /run/empty.pcap
	in_root /run/unconfined -r /run/empty
	run -1 in_root tcpdump -r /run/empty
	[[ $output == *"/run/empty: Permission denied"* ]]
}

# denials: what AppArmor has written down, but for capabilities: root's tcpdump asks the kernel for
# numbers of the probe, which asks whether it has CAP_BPF, and answers without.
denials() {
	dmesg | grep 'apparmor="DENIED"' | grep -v 'operation="capable"' || :
}

wait_for() { # COUNT TEXT FILE
	local tries
	for ((tries = 0; tries < 600; tries++)); do
		[[ $(grep -c -e "$2" "$3") -lt $1 ]] || return 0
		sleep 0.1
	done
	cat "$T/err"
	return 1
}

context() { # PID
	cat "/proc/$1/attr/current"
}

# captures USER [OPTION...]: tcpdump prints packets that a firewall drops, confined, as USER, and
# without being denied anything; the helper is not confined.
captures() {
	local user=$1 pid before
	before=$(denials)
	# Through pipes: files of other mount namespaces have no name that a profile could allow.
	timeout 120 "${IN_ROOT[@]}" tcpdump -n -l -i bpfprobe:drop "${@:2}" 'udp port 7777' \
		2> >(cat >"$T/err") 3>&- | cat >"$T/out" &
	wait_for 1 'listening on bpfprobe:drop' "$T/err"
	pid=$(pgrep -x tcpdump)
	[ "$(context "$pid")" = "tcpdump (enforce)" ]
	[ "$(awk '/^Uid:/ { print $3 }' "/proc/$pid/status")" = "$(in_root id -u "$user")" ]
	[ "$(context "$(pgrep -f "^$helper")")" = unconfined ]
	wait_for 3 '127.0.0.1.7777: UDP, length 2' "$T/out"
	kill -INT "$pid"
	wait_for 1 'packets captured' "$T/err"
	cat "$T/out" "$T/err"
	[ "$(denials)" = "$before" ]
}

# pings: on lo, until leave_root.
pings() {
	ping -q -i 0.2 127.0.0.1 >/dev/null 2>&1 3>&- &
	SENDER=$!
	disown $SENDER
}

# sees_pings WORD... DEVICE: by the words, tcpdump.
sees_pings() {
	run -0 timeout 120 "${IN_ROOT[@]}" "${@:1:$#-1}" tcpdump -n -c 2 -i "${!#}" icmp
	echo "$output"
	[[ $output == *"127.0.0.1 > 127.0.0.1: ICMP echo request"* ]]
}

@test "the profile is enforced" {
	confined
	pings
	sees_pings lo
}

@test "installed: tcpdump captures, as user tcpdump and as root, also into a file" {
	installs
	confined
	run in_root bpfprobe doctor
	echo "$output"
	[[ $output == *"ok       apparmor         on, tcpdump's profile has the helper"* ]]
	dropping
	captures tcpdump
	captures root -Z root
	# What a packet could make of it then.
	run -1 in_root setpriv --reuid tcpdump --regid tcpdump --clear-groups tcpdump -i bpfprobe:drop
	[[ $output == *"CAP_BPF"* ]]
	in_root timeout 120 tcpdump -c 3 -i bpfprobe:drop -w /tmp/a.pcap 'udp port 7777'
	[ "$(in_root tcpdump -n -r /tmp/a.pcap | grep -c '127.0.0.1.7777: UDP, length 2')" -eq 3 ]
}

@test "installed: lo as ever, and a member of the group captures, who is none is told" {
	shell 'addgroup --quiet --system wireshark'
	installs
	pings
	sees_pings lo
	sees_pings "${AS_MEMBER[@]}" bpfprobe:rx
	run -1 in_root setpriv --reuid nobody --regid nogroup --clear-groups tcpdump -i bpfprobe:rx
	[[ $output == *"(cannot run the capture helper $helper: Permission denied; you may have to be a member of its group)" ]]
}

@test "a member of the group captures by tshark and Debian's dumpcap, which has the capabilities that Debian gives it" {
	[ "$(</proc/sys/kernel/perf_event_paranoid)" -eq 3 ]
	shell 'echo wireshark-common wireshark-common/install-setuid boolean true | debconf-set-selections
		dpkg-reconfigure wireshark-common'
	installs
	[ "$(in_root getcap /usr/bin/dumpcap)" = "/usr/bin/dumpcap cap_net_admin,cap_net_raw=eip" ]
	pings
	run -0 timeout 120 "${IN_ROOT[@]}" "${AS_MEMBER[@]}" tshark -n -c 2 -i bpfprobe:rx -f icmp
	echo "$output"
	[[ $output == *"127.0.0.1 → 127.0.0.1"*"ICMP"*"Echo (ping) request"* ]]
}

@test "without the line in the profile's override tcpdump says which one, and doctor does; with it all is well" {
	local line="\"$helper Ux,\""
	installs
	in_root /usr/libexec/pcap-bpfprobe-setup no-apparmor
	run -0 in_root tcpdump -D
	[[ $output == *"bpfprobe:drop"* ]]
	run -1 in_root tcpdump -i bpfprobe:drop
	echo "$output"
	[[ ${#lines[@]} -eq 2 ]]
	[[ ${lines[1]} == "(cannot run the capture helper: AppArmor's profile of this program lacks the line $line)" ]]
	run in_root bpfprobe doctor
	echo "$output"
	[[ $output == *"warning  apparmor "*"put the line $line into $override and reload it"* ]]
	shell "echo ${line//\"/} >>$override; apparmor_parser -r $profile"
	dropping
	captures tcpdump
	run in_root bpfprobe doctor
	[[ $output == *"ok       apparmor "* ]]
}

@test "doctor says which profile confines the shell that it is called from" {
	installs
	run in_root bpfprobe doctor
	[[ $output != *"a security module confines"* ]]
	shell 'echo "profile ashell flags=(complain) { file, }" | apparmor_parser -r'
	run in_root aa-exec -p ashell -- bpfprobe doctor
	echo "$output"
	[[ $output == *"warning  sandbox          a security module confines this process: ashell (complain)"* ]]
}

@test "removed: the profile is as it was found" {
	local before
	before=$(policy)
	in_root cat $override >"$T/before"
	installs
	run ! [ "$(policy)" = "$before" ]
	in_root dpkg --purge pcap-bpfprobe pcap-bpfprobe-tools
	[ "$(policy)" = "$before" ]
	in_root cat $override | cmp - "$T/before"
	confined
	run in_root tcpdump -D
	[[ $output != *bpfprobe* ]]
}
