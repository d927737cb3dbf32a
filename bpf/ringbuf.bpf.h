/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The second way into user space: BPF ring buffers, one for each CPU, for short samples of which
 * all bytes lie in the linear part of the packet.  The program writes there itself, and
 * what the sender pays for a packet is about a quarter less than with a sample in a perf ring; but it
 * cannot say at run time how much room it wants, nor, but in an XDP program of our own, copy what
 * lies in fragments.  Each packet goes the way that is its own, whatever the one before had, and the
 * other one where there is no room.
 */
#ifndef BPFPROBE_RINGBUF_BPF_H
#define BPFPROBE_RINGBUF_BPF_H

#include "bpf/filter.bpf.h"
#include "bpf/meta.bpf.h"
#include "bpf/sample.bpf.h"

/* Bytes of the packet that there is room for: of most packets without data, of most headers, and of all others. */
#define SHORT 80
#define MIDDLE 144
#define LONG 280

_Static_assert(LONG >= BPFPROBE_SNAPLEN_MIN + ETH_HLEN + TAGS_HLEN, "what may be asked for");

/* Made by the helper for who has use of it: else all that looks into it is dead code. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_RINGBUF);
		__uint(max_entries, 4096);
	});
} bpfprobe_ringbufs SEC(".maps");

/* Whether this is the way: `want` bytes from the start of the packet. */
static __always_inline int is_short(const struct data *data, __u64 want)
{
#ifdef BPFPROBE_PASS
	/* Some drivers leave no bytes at all in front of the fragments. */
	return config.ringbuf && want <= LONG;
#else
	return config.ringbuf && want <= LONG && data->start + want <= data->end;
#endif
}

/*
 * The kernel would wake the reader for each record that finds him waiting, which costs much more
 * than the record: here, once for so many bytes, as with a perf ring, whatever he leaves unread.
 */
static __always_inline __u64 wake_flag(void *ringbuf, const __u64 size)
{
	return (bpf_ringbuf_query(ringbuf, BPF_RB_PROD_POS) & (config.wake - 1)) < size ? BPF_RB_FORCE_WAKEUP :
											 BPF_RB_NO_WAKEUP;
}

/* The packet's first `count` bytes, no more than `most`, and nothing behind them.  0, or less: they cannot be read. */
#ifdef BPFPROBE_PASS

static __always_inline long copy_bytes(__u8 *to, const struct data *data, __u64 count, const __u64 most)
{
	/*
	 * Of none at all the kernel would not load the program; and the verifier of 6.1 learns nothing from
	 * "!= 0", which the compiler would make of this.
	 */
	asm volatile("" : "+r"(count));
	return (__s64)count > 0 ? bpf_xdp_load_bytes((struct xdp_md *)data->packet, 0, to, count) : 0;
}

#else

static __always_inline long copy_bytes(__u8 *to, const struct data *data, __u64 count, const __u64 most)
{
	const __u8 *from = data->head + data->start;
#ifdef BPFPROBE_DIRECT
	const __u64 *words = MEMORY((const __u64 *)from);
	__u64 i;

	/* A call costs more than some words; the last one overlaps the one before. */
	if (most <= MIDDLE && count >= sizeof(*words)) {
#pragma unroll
		for (i = 0; i < most / sizeof(*words) && (i + 1) * sizeof(*words) < count; i++)
			((__u64 *)to)[i] = words[i];
		count -= sizeof(*words);
		*(__u64 *)(to + count) = *MEMORY((const __u64 *)(from + count));
		return 0;
	}
#endif
	return bpf_probe_read_kernel(to, count, from);
}

#endif

/* `head` bytes in front of `most` of the packet. */
static __always_inline long put_record(void *ctx, PACKET *packet, const struct data *data,
    const struct bpfprobe_record *rec, __u64 want, const __u64 head, const __u64 most)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ringbuf = bpf_map_lookup_elem(&bpfprobe_ringbufs, &cpu);
	struct bpfprobe_record *put;
	__u64 flag;

	if (!ringbuf)
		return -1;
	put = bpf_ringbuf_reserve(ringbuf, head + most, 0);
	if (!put)
		return -1;
	flag = wake_flag(ringbuf, BPFPROBE_RINGBUF_HEAD + head + most);
	/* It is not more; the verifier has to be told. */
	asm volatile("" : "+r"(want));
	if (want > most)
		want = most;
	/* First: while the clock is read, the memory comes that another CPU has read; submit() waits for it. */
	if (copy_bytes((__u8 *)put + head, data, want, most) < 0) {
		bpf_ringbuf_discard(put, flag);
		return -1;
	}
	*put = *rec;
	put->caplen = want;
	if (head > sizeof(*put))
		find_meta(ctx, packet, data, rec, (struct bpfprobe_meta *)(put + 1));
	stamp(put);
	bpf_ringbuf_submit(put, flag);
	return 0;
}

/* As emit(), of what is_short(), without counting. */
static __noinline long put_short(
    void *ctx, PACKET *packet, const struct data *data, const struct bpfprobe_record *rec, __u64 want)
{
	const __u64 head = sizeof(*rec), more = sizeof(*rec) + sizeof(struct bpfprobe_meta);

	if (META())
		return put_record(ctx, packet, data, rec, want, more, LONG);
	if (want <= SHORT)
		return put_record(ctx, packet, data, rec, want, head, SHORT);
	if (want <= MIDDLE)
		return put_record(ctx, packet, data, rec, want, head, MIDDLE);
	return put_record(ctx, packet, data, rec, want, head, LONG);
}

#endif
