/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcapread OBJECT COUNT FILE EN10MB|RAW [IFNAME]: loads an object of one program that calls bpf_pcap(),
 * attaches it, to the interface if it is for tc or XDP, prints "ready", and writes COUNT of
 * its packets to a capture file.  Prints what the headers said: ids, protocols, how late.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#define PCAP_DONT_INCLUDE_PCAP_BPF_H /* its struct bpf_insn is not the one of linux/bpf.h */
#include <pcap/pcap.h>
#include "include/bpf_pcap.h"

#define PAGES 512
#define NS 1000000000ULL

struct capture {
	pcap_dumper_t *dumper;
	unsigned long wanted, got, lost, bad;
	__u64 first_id, last_id, oldest;
	int protocol; /* of the last one */
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "pcapread: %s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

static __u64 now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (__u64)ts.tv_sec * NS + (__u64)ts.tv_nsec;
}

static void sample(void *context, int cpu, void *data, __u32 size)
{
	const struct bpf_pcap_hdr *hdr = data;
	struct capture *capture = context;
	struct pcap_pkthdr h;
	__u64 age, wall;

	(void)cpu;
	if (capture->got == capture->wanted)
		return;
	if (size < sizeof(*hdr) || hdr->magic != BPF_PCAP_MAGIC || hdr->cap_len > size - sizeof(*hdr) ||
	    hdr->cap_len > hdr->tot_len) {
		capture->bad++;
		return;
	}
	age = now(CLOCK_BOOTTIME) - hdr->ktime_ns;
	wall = now(CLOCK_REALTIME) - age;
	h.ts.tv_sec = (time_t)(wall / NS);
	h.ts.tv_usec = (suseconds_t)(wall % NS / 1000);
	h.caplen = hdr->cap_len;
	h.len = hdr->tot_len;
	pcap_dump((u_char *)capture->dumper, &h, hdr->data);
	if (capture->got++ == 0)
		capture->first_id = hdr->flags;
	capture->last_id = hdr->flags;
	capture->protocol = hdr->protocol;
	if (age > capture->oldest)
		capture->oldest = age;
}

static void lose(void *context, int cpu, __u64 count)
{
	struct capture *capture = context;

	(void)cpu;
	capture->lost += count;
}

/* 0 or an errno. */
static int attach(struct bpf_program *program, const char *ifname)
{
	unsigned int ifindex = ifname != NULL ? if_nametoindex(ifname) : 0;
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(program));
	int err;

	if (bpf_program__type(program) == BPF_PROG_TYPE_XDP)
		return bpf_program__attach_xdp(program, (int)ifindex) != NULL ? 0 : errno;
	if (bpf_program__type(program) != BPF_PROG_TYPE_SCHED_CLS)
		return bpf_program__attach(program) != NULL ? 0 : errno;
	err = bpf_tc_hook_create(&hook);
	return err < 0 ? -err : -bpf_tc_attach(&hook, &opts);
}

static int run(struct bpf_object *object, struct capture *capture, const char *ifname)
{
	struct bpf_program *program = bpf_object__next_program(object, NULL);
	struct perf_buffer *buffer;
	int err = bpf_object__load(object);

	if (err < 0)
		return fail("load", err);
	buffer = perf_buffer__new(bpf_object__find_map_fd_by_name(object, "pcap_map"), PAGES, sample, lose,
	    capture, NULL);
	if (buffer == NULL)
		return fail("perf_buffer__new", errno);
	err = attach(program, ifname);
	if (err != 0)
		return fail("attach", err);
	printf("ready\n");
	fflush(stdout);
	while (capture->got < capture->wanted) {
		err = perf_buffer__poll(buffer, 100);
		if (err < 0 && err != -EINTR)
			return fail("perf_buffer__poll", err);
	}
	printf("got=%lu lost=%lu bad=%lu first_id=%llu last_id=%llu protocol=%d late_ms=%llu\n", capture->got,
	    capture->lost, capture->bad, capture->first_id, capture->last_id, capture->protocol,
	    capture->oldest / 1000000);
	return 0;
}

static pcap_dumper_t *open_file(const char *name, int dlt)
{
	pcap_t *dead = pcap_open_dead(dlt, 262144);

	return dead != NULL ? pcap_dump_open(dead, name) : NULL;
}

int main(int argc, char **argv)
{
	struct capture capture;
	struct bpf_object *object;
	int err;

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: pcapread OBJECT COUNT FILE EN10MB|RAW [IFNAME]\n");
		return 2;
	}
	memset(&capture, 0, sizeof(capture));
	capture.wanted = strtoul(argv[2], NULL, 10);
	capture.dumper = open_file(argv[3], pcap_datalink_name_to_val(argv[4]));
	if (capture.dumper == NULL)
		return fail(argv[3], errno);
	object = bpf_object__open_file(argv[1], NULL);
	if (object == NULL)
		return fail(argv[1], errno);
	err = run(object, &capture, argc == 6 ? argv[5] : NULL);
	pcap_dump_close(capture.dumper);
	bpf_object__close(object);
	return err;
}
