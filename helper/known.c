/* SPDX-License-Identifier: BSD-3-Clause */
/* See known.h. */
#include <string.h>
#include "helper/known.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Tracepoints that see one direction only.  At all others it is told from the
 * packet.
 */
static const struct {
	const char *tracepoint;
	enum bpfprobe_direction direction;
} directions[] = {
	{ "devlink_trap_report", BPFPROBE_DIR_IN },
	{ "netif_receive_skb", BPFPROBE_DIR_IN },
	{ "netif_receive_skb_entry", BPFPROBE_DIR_IN },
	{ "netif_receive_skb_list_entry", BPFPROBE_DIR_IN },
	{ "netif_rx", BPFPROBE_DIR_IN },
	{ "netif_rx_entry", BPFPROBE_DIR_IN },
	{ "netif_rx_ni_entry", BPFPROBE_DIR_IN },
	{ "napi_gro_frags_entry", BPFPROBE_DIR_IN },
	{ "napi_gro_receive_entry", BPFPROBE_DIR_IN },
	{ "skb_copy_datagram_iovec", BPFPROBE_DIR_IN },
	{ "sock_rcvqueue_full", BPFPROBE_DIR_IN },
	{ "udp_fail_queue_rcv_skb", BPFPROBE_DIR_IN },
	{ "tcp_probe", BPFPROBE_DIR_IN },
	{ "tcp_bad_csum", BPFPROBE_DIR_IN },
	{ "net_dev_queue", BPFPROBE_DIR_OUT },
	{ "net_dev_start_xmit", BPFPROBE_DIR_OUT },
	{ "tcp_retransmit_skb", BPFPROBE_DIR_OUT },
	{ "tcp_sendmsg_locked", BPFPROBE_DIR_OUT },
};

/*
 * Tracepoints that read the name of the packet's device themselves, before any program of
 * theirs is called (include/trace/events/net.h): there it is one.
 */
static const char *const devices[] = {
	"napi_gro_frags_entry",
	"napi_gro_receive_entry",
	"net_dev_queue",
	"net_dev_start_xmit",
	"netif_receive_skb",
	"netif_receive_skb_entry",
	"netif_receive_skb_list_entry",
	"netif_rx",
	"netif_rx_entry",
	"netif_rx_ni_entry",
};

/*
 * Where the kernel drops packets: the tracepoint, and until 5.16 the function (commit
 * c504e5c2f964, "net: skb: introduce kfree_skb_reason()").  The tracepoint is told the caller's address.
 */
static const char drop[] = "kfree_skb";
#define DROP_LOCATION 2
/* Where drivers hand over what their hardware has dropped. */
static const char hardware_drop[] = "devlink_trap_report";

/*
 * Functions that are called when the packet's memory may be somebody else's already. The
 * kernel's own copying would follow the pointers there, as bpf_skb_output() does at fentry,
 * and crash; a program that reads by address meets at worst what is no packet.
 */
static const char *const released[] = {
	"kfree_skbmem",
	"napi_skb_cache_put",
	"skb_free_head",
	"skb_kfree_head",
};

/*
 * Functions whose struct xdp_buff holds a packet when they are called.  Others are given
 * one to fill in, as bpf_prog_run_generic_xdp and many of drivers, with anything in it that
 * was on the stack: bpf_xdp_output() would follow those pointers and crash.  A program that
 * reads by address meets at worst what is no packet.
 */
static const char *const whole[] = {
	"__xsk_map_redirect",
	"__xsk_rcv",
	"cpu_map_enqueue",
	"dev_map_enqueue",
	"dev_xdp_enqueue",
	"tun_xdp_act",
	"veth_xdp_get",
	"veth_xdp_tx",
	"virtnet_xdp_handler",
	"xdp_build_skb_from_buff",
	"xdp_build_skb_from_zc",
	"xdp_convert_zc_to_xdp_frame",
	"xdp_do_generic_redirect",
	"xdp_do_redirect",
	"xdp_do_redirect_frame",
	"xdp_master_redirect",
	"xsk_generic_rcv",
	"xsk_rcv_check",
};

/*
 * Functions of which BTF does not say where the packet is: it knows a list but not of what,
 * or nothing, as of a function that the compiler has changed.
 */
static const struct {
	const char *function;
	unsigned int arg;
	int list;
	const char *field; /* "0": the address of the packet is there */
} known[] = {
	{ "netif_receive_skb_list", 1, 1, "" },
	{ "netif_receive_skb_list_internal", 1, 1, "" },
	{ "__netif_receive_skb_list", 1, 1, "" },
	{ "__netif_receive_skb_list_core", 1, 1, "" },
	{ "ip_list_rcv", 1, 1, "" },
	{ "ip_sublist_rcv", 1, 1, "" },
	{ "ipv6_list_rcv", 1, 1, "" },
	{ "ip6_sublist_rcv", 1, 1, "" },
	{ "__netif_receive_skb_core", 1, 0, "0" },
};

/*
 * Tracepoints that come when the packet may be freed already, and the one that
 * sees the same packets just before: xmit_one() of net/core/dev.c traces
 * net_dev_start_xmit, calls the driver, which consumes the packet, and traces
 * net_dev_xmit with the pointer that it had.
 */
static const struct {
	const char *tracepoint;
	const char *safe;
} too_late[] = {
	{ "net_dev_xmit", "net_dev_start_xmit" },
};

static int
is_among(const char *const *names, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return 1;
	}
	return 0;
}

enum bpfprobe_direction
bpfprobe_known_direction(const char *tracepoint)
{
	size_t i;

	for (i = 0; i < COUNT(directions); i++) {
		if (strcmp(directions[i].tracepoint, tracepoint) == 0)
			return directions[i].direction;
	}
	return BPFPROBE_DIR_DERIVE;
}

int
bpfprobe_known_device(const char *tracepoint)
{
	return is_among(devices, COUNT(devices), tracepoint);
}

int
bpfprobe_known_end(const char *name)
{
	return strcmp(name, drop) == 0 || strcmp(name, hardware_drop) == 0;
}

unsigned int
bpfprobe_known_location(const char *tracepoint)
{
	return strcmp(tracepoint, drop) == 0 ? DROP_LOCATION : 0;
}

const char *
bpfprobe_known_safe(const char *tracepoint)
{
	size_t i;

	for (i = 0; i < COUNT(too_late); i++) {
		if (strcmp(too_late[i].tracepoint, tracepoint) == 0)
			return too_late[i].safe;
	}
	return tracepoint;
}

int
bpfprobe_known_released(const char *function)
{
	size_t i;

	if (is_among(released, COUNT(released), function))
		return 1;
	/* What the kernel makes for such a tracepoint. */
	for (i = 0; i < COUNT(too_late); i++) {
		if (strstr(function, too_late[i].tracepoint) != NULL)
			return 1;
	}
	return 0;
}

int
bpfprobe_known_whole(const char *function)
{
	return is_among(whole, COUNT(whole), function);
}

int
bpfprobe_known_function(const char *function)
{
	size_t i;

	for (i = 0; i < COUNT(known); i++) {
		if (strcmp(known[i].function, function) == 0)
			return 1;
	}
	return 0;
}

struct bpfprobe_name
bpfprobe_known_packet(const struct bpfprobe_name *asked)
{
	struct bpfprobe_name name = *asked;
	size_t i;

	for (i = 0; i < COUNT(known) && name.arg == 0; i++) {
		if (strcmp(known[i].function, name.name) != 0)
			continue;
		name.arg = known[i].arg;
		name.list = known[i].list;
		strcpy(name.field, known[i].field);
	}
	return name;
}
