# SPDX-License-Identifier: BSD-3-Clause
# Members of the group that may execute the helper, which is installed as a package would do
# it: with file capabilities, for a group that only these tests know.  Behind lib.bash.

GROUP=77077 USER_ID=65533
CAPS=cap_bpf,cap_perfmon,cap_net_admin,cap_sys_admin,cap_ipc_lock,cap_sys_resource,cap_sys_ptrace

member_setup() {
	export INSTALLED
	INSTALLED=$(mktemp -d /tmp/bpfprobe.XXXXXX)
	defer rm -r "$INSTALLED"
	chmod 755 "$INSTALLED"
	mkdir "$INSTALLED/etc"
	cp -L "$BUILD/libpcap/libpcap.so.0.8" "$BUILD/tests/live/"{pcaploop,stranger,sender} "$INSTALLED"
	cp "$BPFPROBE_HELPER" "$INSTALLED/bp$$h"
	export HELPER_NAME=bp$$h
	install_helper $CAPS=p
	# libpcap heeds no variable that names a file with capabilities.
	printf '#!/bin/sh\nexec "%s"\n' "$INSTALLED/$HELPER_NAME" >"$INSTALLED/helper"
	chmod 755 "$INSTALLED"/{pcaploop,stranger,sender,helper}
}

install_helper() { # CAPABILITIES
	chown "root:$GROUP" "$INSTALLED/$HELPER_NAME"
	chmod 750 "$INSTALLED/$HELPER_NAME"
	setcap "$1" "$INSTALLED/$HELPER_NAME" || cannot "the file system takes no capabilities"
}

no_conf() {
	rm -f "$INSTALLED/etc/pcap-bpfprobe.conf"
	chmod 755 "$INSTALLED/etc"
	chown 0:0 "$INSTALLED/etc"
}

# conf LINE...: is in pcap-bpfprobe.conf.
conf() {
	printf '%s\n' "$@" >"$INSTALLED/etc/pcap-bpfprobe.conf"
	chmod 644 "$INSTALLED/etc/pcap-bpfprobe.conf"
}

# member NETNS: WHO runs a command as a member there, with an /etc that has that file only.
member() {
	AS_MEMBER=(setpriv "--reuid=$USER_ID" "--regid=$USER_ID" "--groups=$GROUP"
		env "LD_LIBRARY_PATH=$INSTALLED" "BPFPROBE_HELPER=$INSTALLED/helper" "STRANGER_HELPER=$HELPER_NAME"
		"PATH=$INSTALLED:$PATH")
	WHO=(nsenter "--net=/run/netns/$1" unshare -m bash -c 'mount --bind "$0" /etc && exec "$@"' "$INSTALLED/etc"
		"${AS_MEMBER[@]}")
}

# opens DEVICE | refuses DEVICE TEXT...: to the member of WHO.
opens() {
	run "${WHO[@]}" pcaploop -i "$1" activate
	echo "$1: $output"
	[[ $status -eq 0 ]]
}

refuses() {
	local text
	run -1 "${WHO[@]}" pcaploop -i "$1" activate
	echo "$1: $output"
	[[ ${#lines[@]} -eq 2 && ${lines[0]} == *" PCAP_ERROR_PERM_DENIED" ]]
	for text in "${@:2}"; do
		[[ ${lines[1]} == *"$text"* ]] || fail "\"$text\" is not in: ${lines[1]}"
	done
}
