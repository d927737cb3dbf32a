# SPDX-License-Identifier: BSD-3-Clause
# Packets inside TCP.  In namespaces of their own: connections go on sending after
# a test, which others would count.

load lib.bash

setup_file() {
	require tcpdump ip nft bpftool busybox
	remember_objects
	pair_setup
}

# TCP has cleared skb->dev by then; the route still knows the namespace.
@test "a segment that TCP drops belongs to its namespace" {
	local port=$((PORT + 3))
	# Before drop reasons TCP freed such a segment by __kfree_skb(), which is not traced.
	bpftool btf dump file /sys/kernel/btf/vmlinux format raw | grep -q "ENUM 'skb_drop_reason'" ||
		skip "this kernel does not trace what TCP drops"
	in_a nft "table ip seq { chain output { type filter hook output priority 0
		tcp dport $port tcp flags & psh == psh tcp sequence set 1; }; }"
	defer ip netns exec "$NS_A" nft delete table ip seq
	background server in_b busybox nc -l -p "$port"
	defer kill -KILL "$PID"
	until_true 10 listens "$port"
	capture dump tcpdump -n -l -i "bpfprobe:drop:netns=$NS_B" "tcp dst port $port"
	in_a bash -c "exec 4<>/dev/tcp/$ADDR_B/$port && echo hello >&4 && sleep 0.5"
	wait_for_line "$T/dump.out" "$ADDR_B.$port: Flags [P.], seq 1"
	stop
}

@test "nothing is left behind" {
	nothing_left
}
