# SPDX-License-Identifier: BSD-3-Clause
#
# make install and uninstall, into an image and to a prefix, and pcap-bpfprobe-setup, which does
# what files alone do not.

bats_require_minimum_version 1.5.0

top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin

setup_file() {
	[[ $EUID -eq 0 ]] || skip "needs root"
	cd "$top"
	make -s -C build install DESTDIR="$BATS_FILE_TMPDIR/image" LDCONFIG="echo image >>$BATS_FILE_TMPDIR/ran" >/dev/null
	build_elsewhere
}

# A second build, for a prefix of its own.  What does not depend on that is compiled already.
build_elsewhere() {
	export PREFIX=$BATS_FILE_TMPDIR/opt ELSEWHERE=$BATS_FILE_TMPDIR/build
	mkdir "$ELSEWHERE"
	cp -a build/bpf build/libpcap "$ELSEWHERE"
	rm "$ELSEWHERE"/bpf/*.d # they name files relative to the other directory
	cd "$ELSEWHERE"
	"$top/configure" --prefix="$PREFIX" --with-libpcap-src="$top/build/src/libpcap" >configure.log
	touch bpf/*.bpf.o bpf/*.skel.h
	make -s -j"$(nproc)" libpcap.stamp >/dev/null
	make -s -j"$(nproc)" install-exec install-data LDCONFIG="echo ldconfig >>$BATS_FILE_TMPDIR/ran" >/dev/null
}

# contents DIRECTORY: mode, path and target of all that is no directory.
contents() {
	find "$1" ! -type d -printf '%m %u:%g %P %l\n' | sed 's/ *$//' | sort -k 3
}

# expected LIBRARY: the same for an installation, to the directory itself.
expected() {
	cat <<-END
		644 root:root etc/ld.so.conf.d/00-pcap-bpfprobe.conf
		755 root:root bin/bpfprobe
		644 root:root include/bpf_pcap.h
		644 root:root lib/pcap-bpfprobe/built-from
		777 root:root lib/pcap-bpfprobe/libpcap.so.0.8 $1
		644 root:root lib/pcap-bpfprobe/$1
		644 root:root lib/pkgconfig/bpf_pcap.pc
		755 root:root lib/wireshark/extcap/bpfprobe
		755 root:root libexec/pcap-bpfprobe-helper
		755 root:root libexec/pcap-bpfprobe-setup
		$(cd "$top/man" && for page in *.[3578]; do echo "644 root:root share/man/man${page##*.}/$page"; done)
	END
}

library() {
	(cd "$1" && echo libpcap.so.[1-9]*)
}

# Private: the group, the profiles, and AppArmor's commands, which write down that they ran.
in_sandbox() {
	local made='' status=0
	[[ -d /etc/apparmor.d ]] || { mkdir /etc/apparmor.d && made=1; }
	T=$BATS_TEST_TMPDIR unshare --mount bash -eu -c "$(declare -f sandbox mode); sandbox
		$1" || status=$?
	[[ -z $made ]] || rmdir /etc/apparmor.d
	return $status
}

sandbox() {
	mkdir -p "$T/bin" "$T/profiles/local"
	printf '#!/bin/sh\nexit 0\n' >"$T/bin/aa-enabled"
	printf '#!/bin/sh\necho "$*" >>"%s/parsed"\n' "$T" >"$T/bin/apparmor_parser"
	chmod 755 "$T/bin"/*
	PATH=$T/bin:$PATH
	grep -v '^wireshark:' /etc/group >"$T/group"
	mount --bind "$T/group" /etc/group
	mount --bind "$T/profiles" /etc/apparmor.d
	: >/etc/apparmor.d/usr.bin.tcpdump
	setup=$PREFIX/libexec/pcap-bpfprobe-setup
	helper=$PREFIX/libexec/pcap-bpfprobe-helper
	override=/etc/apparmor.d/local/usr.bin.tcpdump
}

mode() {
	stat -c '%a %U:%G' "$helper"
}

@test "make install: these files, and no others" {
	local dir=$BATS_FILE_TMPDIR/image
	diff <(contents "$dir" | sed 's, usr/, ,' | sort -k 3) \
		<(expected "$(library "$dir/usr/lib/pcap-bpfprobe")" | sort -k 3 | sed 's/ *$//')
}

@test "make install to another prefix: these files, and no others" {
	diff <(contents "$PREFIX") <(expected "$(library "$PREFIX/lib/pcap-bpfprobe")" | sort -k 3 | sed 's/ *$//')
}

@test "the library's directory is what the loader is told, with what it was built from" {
	local dir=$BATS_FILE_TMPDIR/image version
	[ "$(<"$dir/etc/ld.so.conf.d/00-pcap-bpfprobe.conf")" = /usr/lib/pcap-bpfprobe ]
	[ "$(<"$PREFIX/etc/ld.so.conf.d/00-pcap-bpfprobe.conf")" = "$PREFIX/lib/pcap-bpfprobe" ]
	version=$(dpkg-parsechangelog -l "$top/build/src/libpcap/debian/changelog" -S Version)
	[ "$(<"$dir/usr/lib/pcap-bpfprobe/built-from")" = "$version" ]
}

@test "no program has a path of the build in it, nor a search path for libraries" {
	local file
	for file in "$BATS_FILE_TMPDIR"/image/usr/{bin,libexec}/*bpfprobe "$BATS_FILE_TMPDIR"/image/usr/libexec/*helper \
		"$BATS_FILE_TMPDIR"/image/usr/lib/{pcap-bpfprobe/*.so*,wireshark/extcap/*}; do
		[[ -e $file ]] || continue
		echo "$file"
		run -0 readelf -d "$file"
		[[ $output == *"(NEEDED)"* && $output != *PATH* ]]
		readelf -p .rodata "$file" >"$BATS_TEST_TMPDIR/strings"
		run -1 grep -F "$top" "$BATS_TEST_TMPDIR/strings"
	done
}

@test "library and command know the helper of their prefix" {
	local file
	for file in lib/pcap-bpfprobe/libpcap.so.0.8 lib/wireshark/extcap/bpfprobe bin/bpfprobe; do
		readelf -p .rodata "$PREFIX/$file" | grep -F " $PREFIX/libexec/pcap-bpfprobe-helper"
		readelf -p .rodata "$BATS_FILE_TMPDIR/image/usr/$file" | grep -F " /usr/libexec/pcap-bpfprobe-helper"
	done
}

@test "the installation to another prefix works" {
	run -0 env -u BPFPROBE_HELPER LD_LIBRARY_PATH="$PREFIX/lib/pcap-bpfprobe" tcpdump -D
	[[ $output == *"bpfprobe:drop"* ]]
	run env -u BPFPROBE_HELPER LD_LIBRARY_PATH="$PREFIX/lib/pcap-bpfprobe" "$PREFIX/bin/bpfprobe" doctor
	[[ $output == *"$PREFIX/libexec/pcap-bpfprobe-helper"* ]]
	PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig run -0 pkg-config --cflags bpf_pcap
	[[ $output == *"$PREFIX/include"* ]]
}

@test "ldconfig runs for a prefix, and not for an image" {
	[ "$(<"$BATS_FILE_TMPDIR/ran")" = ldconfig ] # once: for the image "image" would be there
}

@test "the capabilities of the helper's file are those that it can use" {
	local caps
	caps=$("$top/scripts/helper-caps")
	echo "$caps"
	[[ $caps == *=p ]]
	diff <(tr , '\n' <<<"${caps%=p}" | sort) <(grep -oE '\{ CAP_[A-Z_]+,' "$top/helper/caps.c" |
		tr -d '{ ,' | tr '[:upper:]' '[:lower:]' | sort)
	grep -Fx "caps=$caps" "$PREFIX/libexec/pcap-bpfprobe-setup"
}

@test "setup: the helper is the group's, with capabilities, as long as there is the group" {
	in_sandbox '
		"$setup" privileges
		[ "$(mode)" = "755 root:root" ]
		[ -z "$(getcap "$helper")" ]
		echo "wireshark:x:4242:" >>/etc/group
		make -s -C "$ELSEWHERE" install-privileges
		[ "$(mode)" = "750 root:wireshark" ]
		setcap -q -v "$(sed -n s/^caps=//p "$setup")" "$helper"
		sed -i "/^wireshark:/d" "$T/group"
		cat "$T/group" >/etc/group
		"$setup" privileges
		[ "$(mode)" = "755 root:root" ]
		[ -z "$(getcap "$helper")" ]'
}

@test "setup: AppArmor's rules come and go, whatever the administrator has there" {
	in_sandbox '
		for content in absent "" "/x r,\n" "/x r,\n\n# no end"; do
			rm -f "$override" "$T/parsed"
			[ "$content" = absent ] || printf "$content" >"$override"
			[ "$content" = absent ] || cp -p "$override" "$T/before"
			"$setup" apparmor
			[ "$(<"$T/parsed")" = "-r -T -W /etc/apparmor.d/usr.bin.tcpdump" ]
			grep -Fx "$helper Ux," "$override"
			cp "$override" "$T/once"
			"$setup" apparmor
			cmp "$override" "$T/once"
			"$setup" no-apparmor
			[ "$(wc -l <"$T/parsed")" = 3 ]
			if [ "$content" = absent ]; then
				[ ! -e "$override" ]
			else
				cmp "$override" "$T/before"
			fi
		done
		rm -f /etc/apparmor.d/usr.bin.tcpdump "$override"
		"$setup" apparmor
		[ ! -e "$override" ]'
}

@test "setup: an unknown word is told" {
	run -2 "$PREFIX/libexec/pcap-bpfprobe-setup" everything
	[[ $output == *'unknown word "everything"'* ]]
}

@test "make uninstall leaves nothing" {
	make -s -C "$top/build" uninstall DESTDIR="$BATS_FILE_TMPDIR/image" LDCONFIG="echo image >>$BATS_FILE_TMPDIR/ran" >/dev/null
	make -s -C "$ELSEWHERE" uninstall LDCONFIG="echo ldconfig >>$BATS_FILE_TMPDIR/ran" >/dev/null
	[ "$(wc -l <"$BATS_FILE_TMPDIR/ran")" = 2 ]
	run -0 find "$BATS_FILE_TMPDIR/image" "$PREFIX" '(' ! -type d -o -name '*bpfprobe*' ')'
	[ -z "$output" ]
}
