# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# BPF ring buffers: each CPU's, and the map by which the programs find it, which the helper fills in
# when nobody has asked it for anything for a moment; until then all goes into the rings.

# ring_buffers COUNT: there are so many, as soon as the kernel has freed those of the capture before,
# and the programs find them.
ring_buffers() {
	until_true 10 are_ring_buffers "$1"
}

are_ring_buffers() {
	(($(count_ring_buffers) == $1)) && all_ring_buffers_found
}

count_ring_buffers() {
	bpftool map list | grep -c 'ringbuf .*name bpfprobe_ring '
}

all_ring_buffers_found() {
	(($(found_ring_buffers) == $(count_ring_buffers)))
}

found_ring_buffers() {
	local map n=0
	for map in $(bpftool map list | sed -n 's/^\([0-9]*\): array_of_maps  *name bpfprobe_ringbu .*/\1/p'); do
		((n += $(bpftool map dump id "$map" | grep -c '^key:.*value: [0-9a-f]'))) || :
	done
	echo "$n"
}
