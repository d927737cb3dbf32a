# SPDX-License-Identifier: BSD-3-Clause
# What tests of encrypted packets share: tunnels and transport between the hosts A and B.

# wireguard_ends: a tunnel t0 between them, of which the handshake is done.
wireguard_ends() {
	require wg
	modprobe -q wireguard || cannot "this kernel has no WireGuard"
	local key ns end other
	for ns in "$NS_A" "$NS_B"; do
		wg genkey >"$BATS_TEST_TMPDIR/$ns.key"
	done
	for ns in "$NS_A" "$NS_B"; do
		[[ $ns == "$NS_A" ]] && end=1 other=$NS_B || end=2 other=$NS_A
		key=$(wg pubkey <"$BATS_TEST_TMPDIR/$other.key")
		ip -n "$ns" link add t0 mtu 1400 type wireguard
		defer ip -n "$ns" link del t0
		ip netns exec "$ns" wg set t0 listen-port 51820 private-key "$BATS_TEST_TMPDIR/$ns.key" \
			peer "$key" allowed-ips 10.78.0.0/24 endpoint "10.77.0.$((3 - end)):51820"
		tunnel_end "$ns" t0 "$end"
	done
	in_a ping -q -c 1 -w 60 10.78.0.2
}

# esp MODE: both hosts encrypt all UDP between them.
esp() {
	local key=0x000102030405060708090a0b0c0d0e0f10111213
	ip -n "$NS_A" xfrm state add src "$ADDR_A" dst "$ADDR_B" proto esp spi 7 mode "$1" \
		aead 'rfc4106(gcm(aes))' $key 128 2>"$BATS_TEST_TMPDIR/try" ||
		cannot "this kernel has no ESP: $(<"$BATS_TEST_TMPDIR/try")"
	defer ip -n "$NS_A" xfrm state flush
	ip -n "$NS_B" xfrm state add src "$ADDR_A" dst "$ADDR_B" proto esp spi 7 mode "$1" \
		aead 'rfc4106(gcm(aes))' $key 128
	defer ip -n "$NS_B" xfrm state flush
	ip -n "$NS_A" xfrm policy add src "$ADDR_A" dst "$ADDR_B" proto udp dir out \
		tmpl src "$ADDR_A" dst "$ADDR_B" proto esp mode "$1"
	defer ip -n "$NS_A" xfrm policy flush
	ip -n "$NS_B" xfrm policy add src "$ADDR_A" dst "$ADDR_B" proto udp dir in \
		tmpl src "$ADDR_A" dst "$ADDR_B" proto esp mode "$1"
	defer ip -n "$NS_B" xfrm policy flush
}
