/* SPDX-License-Identifier: BSD-3-Clause */
/* See reference.h. */
#include <string.h>
#include <pcap/pcap.h>
#include "tests/unit/reference.h"

unsigned int
reference_compile(int dlt, const char *text, int optimize, void *filter, unsigned int max)
{
	pcap_t *dead = pcap_open_dead(dlt, 262144);
	struct bpf_program program;
	unsigned int count = 0;

	if (dead != NULL && pcap_compile(dead, &program, text, optimize, PCAP_NETMASK_UNKNOWN) == 0) {
		if (program.bf_len <= max) {
			count = program.bf_len;
			memcpy(filter, program.bf_insns, count * sizeof(*program.bf_insns));
		}
		pcap_freecode(&program);
	}
	if (dead != NULL)
		pcap_close(dead);
	return count;
}

unsigned int
reference_run(const void *filter, const unsigned char *bytes, unsigned int len)
{
	return bpf_filter(filter, bytes, len, len);
}

unsigned int
reference_run_part(const void *filter, const unsigned char *bytes, unsigned int len, unsigned int there)
{
	return bpf_filter(filter, bytes, len, there);
}

int
reference_is_valid(const void *filter, unsigned int count)
{
	return bpf_validate(filter, (int)count);
}

const char *
reference_text(const void *filter, unsigned int at)
{
	return bpf_image((const struct bpf_insn *)filter + at, (int)at);
}
