/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xdpback [-f] [-t] native|generic INTERFACE: an XDP program that sends all packets of
 * INTERFACE back, by bpf_redirect(), or with -t by XDP_TX.  It stays there when this ends.
 *
 * For the functions of the kernel that are called with a struct xdp_buff.  -f: the program
 * takes packets in fragments too (Linux 5.18).
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* BPF_F_XDP_HAS_FRAGS, which the headers of older systems lack. */
#define HAS_FRAGS (1U << 5)

static int usage(void)
{
	fprintf(stderr, "usage: xdpback [-f] [-t] native|generic INTERFACE\n");
	return 2;
}

static int load(int interface, int tx, unsigned int flags)
{
	const struct bpf_insn redirect[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = interface},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const struct bpf_insn back[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_TX},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);

	return bpf_prog_load(
	    BPF_PROG_TYPE_XDP, "xdpback", "GPL", tx ? back : redirect, tx ? 2 : 4, &opts);
}

int main(int argc, char **argv)
{
	int c, program, interface, tx = 0;
	unsigned int flags = 0, mode;

	while ((c = getopt(argc, argv, "ft")) != -1) {
		if (c == 'f')
			flags = HAS_FRAGS;
		else if (c == 't')
			tx = 1;
		else
			return usage();
	}
	if (argc != optind + 2)
		return usage();
	mode = strcmp(argv[optind], "native") == 0 ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	interface = (int)if_nametoindex(argv[optind + 1]);
	program = load(interface, tx, flags);
	if (program < 0 || bpf_xdp_attach(interface, program, mode, NULL) < 0) {
		fprintf(stderr, "xdpback: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
