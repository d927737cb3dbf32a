# SPDX-License-Identifier: BSD-3-Clause
# What tests of programs with windows share, besides tests/live/lib.bash: a desktop that nobody
# sees, Wireshark on it, and hands for its mouse and keyboard.

GUI=${BASH_SOURCE[0]%/*}

# desktop_lacks PROGRAM...: which of these, and of what a desktop needs, are not installed.
desktop_lacks() {
	local tool
	for tool in "$@" Xvfb xdotool dbus-daemon dbus-send import /usr/libexec/at-spi-bus-launcher; do
		command -v "$tool" >/dev/null || echo "$tool"
	done
	/usr/bin/python3 -c 'import gi; gi.require_version("Atspi", "2.0")' 2>/dev/null ||
		echo "python3-gi and gir1.2-atspi-2.0"
}

# desktop_setup PROGRAM...: for the tests of this file; see tests/gui/desktop.
desktop_setup() {
	LACKING=$(desktop_lacks "$@" | xargs)
	export LACKING
	[[ -z $LACKING ]] || return 0
	local dir=$BATS_FILE_TMPDIR/desktop
	mkdir "$dir"
	"$GUI/desktop" "$dir" >"$dir/log" 2>&1 3>&- &
	export DESKTOP=$!
	defer kill -KILL "$DESKTOP"
	until_true 60 test -e "$dir/environment" || fail "no desktop: $(<"$dir/log")"
	# shellcheck disable=SC1091
	source "$dir/environment"
}

# need_desktop: in each test that uses it.
need_desktop() {
	[[ -z $LACKING ]] || skip "not installed: $LACKING"
}

# wireshark_at NETNS OPTION...: in the background, with settings and temporary files of its own
# in $T, and with the extcap EXTCAP if there is one.  Qt 5 may speak to the bus before it is connected, and is not heard of then: once more.
wireshark_at() {
	local tries=0 end=$((SECONDS + 120))
	while ((SECONDS < end)); do
		tries=$((tries + 1))
		wireshark_start "$@"
		until_true 60 told_or_not || fail "Wireshark does not start: $(<"$T/wireshark.err")"
		! has_text "$T/wireshark.err" "Not connected to D-Bus server" || {
			wireshark_kill "$1"
			continue
		}
		echo "Wireshark has come at attempt $tries"
		return
	done
	fail "nobody can see what Wireshark shows"
}

told_or_not() {
	has_text "$T/wireshark.err" "Not connected to D-Bus server" ||
		has_text "$T/wireshark.err" AtSpiAdaptor::applicationInterface
}

# As root it would first of all ask whether that is meant.  Nothing of an earlier attempt is left,
# nor, in the directory TRACES, of what it did.
wireshark_start() {
	local netns=$1 config=$BATS_TEST_TMPDIR/home/.config/wireshark
	T=$BATS_TEST_TMPDIR
	rm -rf "$T/home" "$T/tmp" "${TRACES:?}"/*
	mkdir -p "$config" "$T/tmp"
	chmod 700 "$T/tmp"
	printf '%s: %s\n' gui.ask_unsaved FALSE gui.update.enabled FALSE >"$config/preferences"
	printf '%s: %s\n' gui.geometry_main_x 0 gui.geometry_main_y 0 gui.geometry_main_width 1000 \
		gui.geometry_main_height 720 privs.warn_if_elevated FALSE \
		gui.interface_toolbar_show "${TOOLBAR:-}" >"$config/recent_common"
	cp "$config/recent_common" "$config/recent"
	[[ -z ${EXTCAP:-} ]] || mkdir "$config/extcap"
	[[ -z ${EXTCAP:-} ]] || ln -s "$EXTCAP" "$config/extcap/"
	background wireshark ip netns exec "$netns" env HOME="$T/home" XDG_CONFIG_HOME="$T/home/.config" \
		XDG_RUNTIME_DIR="$T/tmp" TMPDIR="$T/tmp" QT_LINUX_ACCESSIBILITY_ALWAYS_ON=1 \
		QT_LOGGING_RULES=qt.accessibility.atspi.debug=true wireshark "${@:2}"
	WIRESHARK=$PID
	defer wireshark_kill "$netns"
}

# wireshark_kill NETNS: with its dumpcap, which would not notice its end.
wireshark_kill() {
	local pids
	pids=$(ip netns pids "$1")
	[[ -z $pids ]] || kill -KILL $pids
	until_true 10 nobody_in "$1"
}

nobody_in() {
	[[ -z $(ip netns pids "$1") ]]
}

# shows ROLE NAME: at the moment.
shows() {
	"$GUI/screen" where "$@" >/dev/null 2>&1
}

# appears ROLE NAME [SECONDS]: and else what is there instead, also as a picture in GUI_PICTURE.
appears() {
	until_true "${3:-60}" shows "$1" "$2" && return
	[[ -z ${GUI_PICTURE:-} ]] || picture "$GUI_PICTURE"
	fail "no $1 \"$2\" but: $("$GUI/screen" list "$1" | tr -s '\n' ';')" \
		"$(tail -n 3 "$T/wireshark.err")"
}

# click ROLE NAME [TIMES]
click() {
	local x y
	read -r x y < <("$GUI/screen" where "$1" "$2")
	xdotool mousemove "$x" "$y" click --repeat "${3:-1}" --delay 60 1
}

# press KEY: in the window, which no window manager has given the keyboard.
press() {
	xdotool search --onlyvisible --class wireshark windowfocus --sync key "$1"
}

# write TEXT: likewise.
write() {
	xdotool search --onlyvisible --class wireshark windowfocus --sync type "$1"
}

# picture FILE: of the screen, with few colours since Wireshark has few.
picture() {
	import -window root +dither -colors 64 -depth 8 -strip png8:"$1"
}
