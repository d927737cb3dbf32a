/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose packets are asked for (struct bpfprobe_who): by the process that runs, by the
 * packet's socket, its mark and its queue.  What was not asked for is a branch that the
 * verifier knows to be dead.
 */
#ifndef BPFPROBE_WHO_BPF_H
#define BPFPROBE_WHO_BPF_H

#include "bpf/filter.bpf.h"

/* States of what is no whole socket, but begins as one (net/tcp_states.h). */
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12

#define NO_QUEUE ~0ULL
#define NO_USER ~0ULL

/* Loops, not copies: who does not ask for it has the instructions to load all the same. */
#define EACH(i, count)                                                                             \
	_Pragma("clang loop unroll(disable)") for (i = 0; i < BPFPROBE_WHO_MAX && i < (count); i++)

/* Also if there are none. */
static __always_inline int is_among(const volatile struct bpfprobe_values *values, __u64 value)
{
	__u64 i;

	EACH(i, values->count) {
		if (values->value[i] == value)
			return 1;
	}
	return !values->count;
}

#ifdef BPFPROBE_PASS

/* At an interface no process is asked for: packets have none there. */
static __always_inline int is_wanted_task(void)
{
	return 1;
}

#else

/* By its number in its own pid namespace, which is mostly the first one, where all have one. */
static __always_inline int is_process(__u64 number, __u64 pidns)
{
	struct bpf_pidns_info info;

	if (!pidns)
		return bpf_get_current_pid_tgid() >> 32 == number;
	return !bpf_get_ns_current_pid_tgid(config.who.nsfs, pidns, &info, sizeof(info)) && info.tgid == number;
}

static __always_inline int is_wanted_process(void)
{
	__u64 i;

	EACH(i, config.who.pid.count) {
		if (is_process(config.who.pid.value[i], config.who.pidns[i]))
			return 1;
	}
	return 0;
}

static __always_inline int is_wanted_name(void)
{
	__u64 comm[BPFPROBE_COMM_MAX / 8] = {};
	__u64 i;

	bpf_get_current_comm(comm, sizeof(comm));
	EACH(i, config.who.comms) {
		if (comm[0] == config.who.comm[i][0] && comm[1] == config.who.comm[i][1])
			return 1;
	}
	return 0;
}

/* In an interrupt it is the one that was interrupted. */
static __always_inline int is_wanted_task(void)
{
	if (config.who.own && (__u32)bpf_get_current_uid_gid() != config.who.owner)
		return 0;
	if (config.who.pid.count && !is_wanted_process())
		return 0;
	return !config.who.comms || is_wanted_name();
}

#endif

#if defined(BPFPROBE_PASS)

static __always_inline int is_wanted_packet(struct xdp_md *xdp)
{
	return is_among(&config.who.queue, xdp->rx_queue_index);
}

#elif defined(BPFPROBE_XDP)

static __always_inline int is_wanted_packet(struct xdp_buff *xdp)
{
	struct xdp_rxq_info *rxq = GET(xdp, rxq);

	return is_among(&config.who.queue, IN_KERNEL(rxq) ? GET(rxq, queue_index) : NO_QUEUE);
}

#else

/*
 * The user whose socket it is, as nftables' "meta skuid" has it: of a connection that is
 * not there yet the listener's.
 */
static __always_inline __u64 user_of(struct sock *sk)
{
	__u8 state = GET(sk, __sk_common.skc_state);
	struct sock *listener;

	if (state == TCP_TIME_WAIT)
		return NO_USER;
	if (state != TCP_NEW_SYN_RECV)
		return GET(sk, sk_uid.val);
	listener = BPF_CORE_READ(sk, __sk_common.skc_listener);
	return IN_KERNEL(listener) ? BPF_CORE_READ(listener, sk_uid.val) : NO_USER;
}

static __always_inline int is_wanted_socket(struct sk_buff *skb)
{
	struct sock *sk = GET(MEMORY(skb), sk);

	if (!IN_KERNEL(sk))
		return 0;
	sk = MEMORY(sk);
	return is_among(&config.who.cookie, GET(sk, __sk_common.skc_cookie.counter)) &&
	       (!config.who.uid.count || is_among(&config.who.uid, user_of(sk)));
}

/*
 * Numbers as in /sys/class/net/IFNAME/queues.  Of a received packet the kernel keeps the
 * number plus one, and 0 if its driver has not said.
 */
static __always_inline __u64 queue_of(struct sk_buff *skb)
{
	__u64 queue = GET(skb, queue_mapping);

	return find_pkttype(skb, device_of(skb)) == PACKET_OUTGOING ? queue : queue - 1;
}

static __always_inline int is_wanted_packet(struct sk_buff *skb)
{
	if (config.who.marked && (GET(skb, mark) & config.who.mask) != config.who.mark)
		return 0;
	if ((config.who.uid.count || config.who.cookie.count) && !is_wanted_socket(skb))
		return 0;
	return !config.who.queue.count || is_among(&config.who.queue, queue_of(skb));
}

#endif

/*
 * Whether it is one of those; of most packets it takes no look at them to tell.  A function,
 * so that what it needs of the stack is not needed beside what comes later.
 */
static __noinline int is_asked_for(PACKET *packet)
{
	return is_wanted_task() && is_wanted_packet(packet);
}

#endif
