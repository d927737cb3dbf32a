# SPDX-License-Identifier: BSD-3-Clause
#
# The Debian packages in a clean root file system of this machine's release: what they do to it,
# and that they leave it as they found it.
#
# Each test has a copy of its own.

load package/lib.bash

conf=/etc/ld.so.conf.d/00-pcap-bpfprobe.conf

setup_file() {
	[[ $EUID -eq 0 ]] || skip "needs root"
	logged "$top/run" package --libpcap
	logged "$top/tests/package/root" make "$top/build/root"
}

logged() {
	"$@" >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- && return
	tail -n 25 "$BATS_FILE_TMPDIR/log" >&2
	return 1
}

setup() {
	T=$BATS_TEST_TMPDIR
	enter_root "$T"
	cp "$top"/build/packages/libpcap/libpcap0.8_*.deb "$T/debs/rebuilt.deb"
}

teardown() {
	leave_root
}

# apt WORD...: without network; a package of the archive is in its cache.
apt() {
	shell "apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 -o APT::Get::Allow-Downgrades=1 \
		-o Acquire::http::Proxy=http://127.0.0.1:9 -o Acquire::https::Proxy=http://127.0.0.1:9 $*"
}

# All that a system has but what logs what was done.
inventory() {
	shell 'find / "(" -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/log \
			-o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt ")" -prune \
			-o -printf "%p %y %m %U:%G %l\n" | sort
		find /etc /var/lib -type f -not -path "/var/lib/dpkg/*" -not -path "/var/lib/apt/*" |
			sort | xargs sha256sum
		getcap -r /usr
		ldconfig -p
		dpkg-query -W
		dpkg-statoverride --list | sort
		sort /var/lib/dpkg/triggers/File'
}

mode() {
	in_root stat -c '%a %U:%G' "$helper"
}

has_caps() {
	in_root setcap -q -v "$("$top/scripts/helper-caps")" "$helper"
}

# lists PROGRAM: it has our devices, by whatever libpcap it loads.
lists() {
	in_root "$1" -D | grep -F bpfprobe:drop
}

# loaded: the libpcap that the loader takes.
loaded() {
	shell "ldconfig -p | sed -n '0,/libpcap.so.0.8/s/.*libpcap\.so\.0\.8.*=> //p'"
}

# other_version VERSION FILE: the archive's libpcap0.8, as if it were of another version.
other_version() {
	local deb
	deb=$(echo "$top"/build/root/base/var/cache/apt/archives/libpcap0.8_*.deb)
	repack "$deb" "$1" "$T/debs/$2"
}

# repack DEB VERSION FILE
repack() {
	rm -rf "$T/repack"
	dpkg-deb -R "$1" "$T/repack"
	sed -i "s/^Version: .*/Version: $2/; s/\(pcap-bpfprobe-tools\) (= [^)]*)/\1 (= $2)/" "$T/repack/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$T/repack" "$3" >/dev/null
}

# purge: our packages, as far as they are there.
purge() {
	in_root dpkg --purge pcap-bpfprobe pcap-bpfprobe-tools
}

archived() {
	echo "/var/cache/apt/archives/$1_*.deb"
}

@test "lintian finds no errors" {
	run -0 lintian --fail-on error --allow-root "$top"/build/packages/{tools,libpcap}/*.changes
	echo "$output"
}

@test "installed, all programs have the devices; purged, the system is as it was found" {
	inventory >"$T/before"
	run ! lists tcpdump
	run -0 apt install "$ours"
	echo "$output"
	lists tcpdump
	lists dumpcap
	[[ $(loaded) == */pcap-bpfprobe/libpcap.so.0.8 ]]
	[ "$(mode)" = "755 root:root" ]
	run ! has_caps
	inventory >"$T/installed"
	run ! cmp -s "$T/before" "$T/installed"
	run -0 apt purge pcap-bpfprobe pcap-bpfprobe-tools
	inventory >"$T/after"
	diff "$T/before" "$T/after"
}

@test "packages around them are replaced, and they by newer ones: all works, and leaves nothing" {
	inventory >"$T/before"
	apt install "$ours"
	inventory >"$T/installed"
	apt install --reinstall libpcap0.8 tcpdump wireshark-common
	lists tcpdump
	inventory | diff "$T/installed" -
	mkdir "$T/debs/new"
	for name in pcap-bpfprobe-tools pcap-bpfprobe; do
		repack "$(echo "$T/debs/${name}"_*.deb)" 99 "$T/debs/new/$name.deb"
	done
	run -0 apt install "/run/debs/new/*.deb"
	[[ $output == *"2 upgraded"* ]]
	lists tcpdump
	inventory | sed 's/\t99$/\t/' | diff <(sed 's/^\(pcap-bpfprobe.*\t\)0.*/\1/' "$T/installed") -
	apt remove pcap-bpfprobe
	run ! lists tcpdump
	apt install "$ours"
	apt remove pcap-bpfprobe-tools
	run ! in_root test -e $conf
	purge
	inventory | diff "$T/before" -
}

@test "the helper is for group wireshark, whenever that comes" {
	apt install "$ours"
	[ "$(mode)" = "755 root:root" ]
	shell 'echo wireshark-common wireshark-common/install-setuid boolean true | debconf-set-selections'
	apt install --reinstall wireshark-common
	[ "$(mode)" = "750 root:wireshark" ]
	has_caps
	# The loader takes no LD_LIBRARY_PATH for a dumpcap with capabilities, but it takes our library.
	shell 'getcap /usr/bin/dumpcap | grep cap_net_raw'
	in_root setpriv --reuid nobody --regid wireshark --clear-groups dumpcap -D | grep -F bpfprobe:drop
	apt purge wireshark-common
	shell 'delgroup --quiet --system wireshark'
	in_root dpkg-reconfigure pcap-bpfprobe-tools
	[ "$(mode)" = "755 root:root" ]
	run ! has_caps
}

@test "the group, tcpdump and the packages come in one go" {
	apt purge wireshark-common tcpdump
	shell 'echo wireshark-common wireshark-common/install-setuid boolean true | debconf-set-selections'
	apt install "$ours" wireshark-common tcpdump
	[ "$(mode)" = "750 root:wireshark" ]
	has_caps
	in_root grep -Fx "$helper Ux," $override
	lists tcpdump
}

@test "without setcap's success root can capture, and it is said" {
	shell 'addgroup --quiet --system wireshark; printf "#!/bin/sh\nexit 1\n" >/usr/local/sbin/setcap
		chmod 755 /usr/local/sbin/setcap'
	run -0 shell "dpkg -i $ours" # apt has a PATH of its own
	[[ $output == *"pcap-bpfprobe: $helper gets no capabilities: only root can capture"* ]]
	lists tcpdump
}

@test "dpkg-statoverride: the administrator's choice stays, with capabilities unless all can run it" {
	shell "addgroup --quiet --system wireshark; addgroup --quiet --system sniffers
		dpkg-statoverride --add root sniffers 0710 $helper"
	apt install "$ours"
	[ "$(mode)" = "710 root:sniffers" ]
	has_caps
	shell "dpkg-statoverride --remove $helper; dpkg-statoverride --update --add root root 0755 $helper"
	in_root dpkg-reconfigure pcap-bpfprobe-tools
	[ "$(mode)" = "755 root:root" ]
	[ -z "$(in_root getcap "$helper")" ]
}

@test "AppArmor: tcpdump's profile has the helper, and is valid with it" {
	apt install "$ours"
	run -0 in_root apparmor_parser --preprocess /etc/apparmor.d/usr.bin.tcpdump
	[[ $output == *"$helper Ux,"* ]]
	in_root apparmor_parser --skip-kernel-load --skip-cache /etc/apparmor.d/usr.bin.tcpdump
	apt purge tcpdump
	run ! in_root test -e $override
	apt install tcpdump
	in_root grep -Fx "$helper Ux," $override
	shell "sed -i '1i /first r,' $override; echo '/last r,' >>$override"
	purge
	[ "$(in_root cat $override)" = $'/first r,\n/last r,' ]
}

@test "another libpcap0.8: ours steps aside and says so, and comes back" {
	local version
	version=$(in_root dpkg-query -W -f '${Version}' libpcap0.8)
	other_version "$version+deb99u1" newer.deb
	apt install "$ours"
	# Not by apt, which would remove the package: its dependency is not satisfied any more.
	run -0 in_root dpkg -i /run/debs/newer.deb
	echo "$output"
	[ "$(grep -c '^pcap-bpfprobe: ' <<<"$output")" = 1 ]
	[[ $output == *"pcap-bpfprobe: libpcap0.8 is $version+deb99u1, our library was built from $version: it steps aside"* ]]
	[[ $(loaded) != *pcap-bpfprobe* ]]
	run ! lists tcpdump
	run in_root bpfprobe doctor
	[[ $output == *"libpcap0.8"*"$version+deb99u1"* ]]
	run -0 in_root dpkg -i /var/cache/apt/archives/"$(in_root ls /var/cache/apt/archives | grep '^libpcap0.8_')"
	[ "$(grep -c '^pcap-bpfprobe: ' <<<"$output")" = 1 ]
	[[ $(loaded) == */pcap-bpfprobe/libpcap.so.0.8 ]]
	lists tcpdump
}

@test "an update of libpcap0.8 is kept back by apt, and seen in doctor" {
	local version
	version=$(in_root dpkg-query -W -f '${Version}' libpcap0.8)
	apt install "$ours"
	run in_root bpfprobe doctor
	[[ $output == *"ok       libpcap0.8"*"$version"* ]]
	mkdir "$T/debs/repository"
	other_version "$version+deb99u1" repository/libpcap0.8_new_amd64.deb
	(cd "$T/debs/repository" && dpkg-scanpackages . >Packages 2>/dev/null)
	shell 'echo "deb [trusted=yes] file:/run/debs/repository ./" >/etc/apt/sources.list; apt-get -q update'
	run -0 apt -s upgrade
	[[ $output == *"kept back:"*"libpcap0.8"* ]]
	run in_root bpfprobe doctor
	[[ $output == *"warning  libpcap0.8"*"$version+deb99u1"* ]]
	run -0 apt install libpcap0.8
	[[ $output == *"REMOVED:"*"pcap-bpfprobe"* ]]
	run ! lists tcpdump
}

@test "a libpcap0.8 with the module takes the place of the private library" {
	inventory >"$T/before"
	apt install "$ours"
	run -0 apt install /run/debs/rebuilt.deb
	[[ $output == *"REMOVED:"*"pcap-bpfprobe"* ]]
	run ! in_root test -e $conf
	[[ $(loaded) != *pcap-bpfprobe* ]]
	lists tcpdump
	lists dumpcap
	apt install "$(archived libpcap0.8)"
	run ! lists tcpdump
	purge
	inventory | diff "$T/before" -
}

@test "tcpdump and dumpcap of the distribution capture with them" {
	apt install "$ours"
	dropping
	run timeout 60 "${IN_ROOT[@]}" tcpdump -n -c 2 -i bpfprobe:drop 'udp port 7777'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"127.0.0.1.7777: UDP, length 2"* ]]
	run timeout 60 "${IN_ROOT[@]}" dumpcap -q -c 2 -i bpfprobe:drop -f 'udp port 7777' -w /run/x.pcapng
	[ "$status" -eq 0 ]
	[[ $output == *"Packets captured: 2"* ]]
}
