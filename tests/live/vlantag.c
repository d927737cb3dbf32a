// SPDX-License-Identifier: BSD-3-Clause
/*
 * vlantag: loads a tc program that gives every packet a VLAN tag beside the
 * packet, in the skb's metadata, and pins it:
 *
 *	vlantag TCI [OUTER] /path/on/bpffs
 *	tc filter add dev IF egress bpf da object-pinned /path/on/bpffs
 *
 * With OUTER, the TCI of a second tag (802.1ad), that one is in the metadata, and
 * the kernel moves the first into the packet.
 *
 * For kernels built without VLAN interfaces, and for clsact's place on the way
 * out, in front of the queue.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* `outer`: -1: none. */
static int load(int tci, int outer)
{
	static char log[4096];
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = htons(ETH_P_8021Q) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = tci },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_vlan_push },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = htons(ETH_P_8021AD) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = outer },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_vlan_push },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 }, /* TC_ACT_OK */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const int count = sizeof(code) / sizeof(code[0]), without = 4;
	union bpf_attr attr;

	if (outer < 0)
		memmove(&code[without], &code[count - 2], 2 * sizeof(code[0]));
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = outer < 0 ? without + 2 : count;
	attr.license = (uint64_t)(uintptr_t)"BSD";
	attr.log_buf = (uint64_t)(uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	return bpf(BPF_PROG_LOAD, &attr);
}

int main(int argc, char **argv)
{
	union bpf_attr attr;
	int fd;

	if (argc != 3 && argc != 4) {
		fputs("usage: vlantag TCI [OUTER] PATH\n", stderr);
		return 2;
	}
	fd = load(atoi(argv[1]), argc == 4 ? atoi(argv[2]) : -1);
	memset(&attr, 0, sizeof(attr));
	attr.bpf_fd = (uint32_t)fd;
	attr.pathname = (uint64_t)(uintptr_t)argv[argc - 1];
	if (fd < 0 || bpf(BPF_OBJ_PIN, &attr) < 0) {
		fprintf(stderr, "vlantag: %s: %s\n", argv[argc - 1], strerror(errno));
		return 1;
	}
	return 0;
}
