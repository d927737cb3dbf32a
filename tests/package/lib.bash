# SPDX-License-Identifier: BSD-3-Clause
#
# What the tests share that install our packages in a root file system of tests/package/root: each
# has a copy in a mount namespace that ends with the test, so that nothing is left mounted.

bats_require_minimum_version 1.5.0

top=$(cd "${BATS_TEST_DIRNAME%/tests*}" && pwd)
PATH=$PATH:/usr/sbin:/sbin
helper=/usr/libexec/pcap-bpfprobe-helper
override=/etc/apparmor.d/local/usr.bin.tcpdump
ours='/run/debs/pcap-bpfprobe*.deb'

# enter_root DIR: a copy of build/root, whose changes go to DIR; DIR/debs, with our packages, is
# its /run/debs.  IN_ROOT are the words that run a command there, with nothing of this environment.
enter_root() {
	local tries
	mkdir "$1/debs"
	cp "$top"/build/packages/tools/*.deb "$1/debs"
	unshare --mount --pid --fork --kill-child "$top/tests/package/root" enter "$top/build/root" "$1" \
		>"$1/root.log" 2>&1 3>&- &
	HOLDER=$!
	disown $HOLDER
	for ((tries = 0; tries < 600; tries++)); do
		[[ ! -e $1/ready ]] || break
		sleep 0.05
	done
	[[ -e $1/ready ]] || cat "$1/root.log" >&2
	INIT=$(pgrep -P $HOLDER)
	IN_ROOT=(nsenter --mount --pid --target "$INIT" env -i DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
}

leave_root() {
	[[ -z ${SENDER:-} ]] || kill -KILL "$SENDER"
	[[ -z ${INIT:-} ]] || kill -KILL "$INIT"
}

in_root() {
	"${IN_ROOT[@]}" "$@" </dev/null
}

shell() {
	in_root bash -c "$1"
}

# dropping: a network namespace that drops what it is sent on a port, until leave_root.
dropping() {
	unshare --net bash -c 'ip link set lo up
		nft "table inet t { chain c { type filter hook input priority 0; udp dport 7777 drop; }; }"
		while :; do echo x >/dev/udp/127.0.0.1/7777; sleep 0.1; done' >/dev/null 2>&1 3>&- &
	SENDER=$!
	disown $SENDER
}
