/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Into the ring where a program has nothing but the packet's address, at a kprobe or
 * a raw tracepoint: piece by piece into a buffer, and from there.
 */
#ifndef BPFPROBE_COPY_BPF_H
#define BPFPROBE_COPY_BPF_H

#include "bpf/filter.bpf.h"
#include "bpf/exit.bpf.h"
#include "bpf/meta.bpf.h"

/* Linear parts and fragments of one packet; the captured part ends behind so many. */
#define PIECES_MAX 48

/* Twice 64 KiB: the verifier adds the greatest offset to the greatest length. */
#define BUFFER_SIZE 0x20000

/* Where a sample is put together; one for each CPU, of all probes of a handle. */
struct buffer {
	struct bpfprobe_record rec;
	__u8 bytes[BUFFER_SIZE];
	struct sk_buff *next; /* of a list that the probe goes through; 0: it is at its beginning */
	__u64 opaque;	      /* see opaque() */
	__u32 step;	      /* packets of that list so far */
	__u32 busy;	      /* a probe has interrupted another: this packet is lost */
};

/* One element per possible CPU; the helper sets how many before load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct buffer);
} bpfprobe_buffer SEC(".maps");

static __always_inline struct buffer *the_buffer(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&bpfprobe_buffer, &cpu);
}

/*
 * A number of which the verifier knows nothing more than what is asked for next.  Of one that it has
 * followed it would go through each way to it again, for each way that a loop can take.
 */
static __always_inline __u64 opaque(struct buffer *buffer, __u64 number)
{
	volatile __u64 *memory = &buffer->opaque;

	*memory = number;
	return *memory;
}

/* Where the next piece is: fragments first, then the packets of the list behind them. */
struct pieces {
	__u64 frag; /* address of the next struct frag */
	__u64 frags_end;
	struct sk_buff *list; /* the next packet of the list */
	int nested;	      /* that packet's own list, which nobody makes, would be missed */
};

struct piece {
	__u64 address;
	__u64 length;
};

/* The fragments in the struct skb_shared_info. Returns its list, which an XDP packet has not. */
static __always_inline struct sk_buff *begin_frags(struct pieces *pieces, __u64 address)
{
	struct skb_shared_info *shared = (struct skb_shared_info *)address;

	pieces->frag = address + bpf_core_field_offset(struct skb_shared_info, frags);
	pieces->frags_end = pieces->frag + GET(shared, nr_frags) * sizeof(struct frag);
#ifdef BPFPROBE_XDP
	return 0;
#else
	return GET(shared, frag_list);
#endif
}

/* 0, or -1: there are no more, or none that can be read. */
static __always_inline int next_piece(struct pieces *pieces, struct piece *piece)
{
	struct sk_buff *skb = pieces->list;
	struct frag frag = {};

	if (pieces->frag < pieces->frags_end) {
		bpf_probe_read_kernel(&frag, sizeof(frag), (void *)pieces->frag);
		pieces->frag += sizeof(frag);
		piece->address = address_of_frag(&frag);
		piece->length = frag.len;
		return piece->address ? 0 : -1;
	}
	if (!skb || pieces->nested)
		return -1;
	piece->address = (__u64)GET(skb, data);
	piece->length = GET(skb, len) - GET(skb, data_len);
	pieces->nested = begin_frags(pieces, way_to_frags(skb)) != 0;
	pieces->list = GET(skb, next);
	return 0;
}

/* Appends to the `used` bytes. Returns how many there are then; the same if it cannot be read. */
static __always_inline __u64 append(
    struct buffer *buffer, __u64 used, const struct piece *piece, __u64 want)
{
	__u64 length = piece->length, at = opaque(buffer, used);

	if (length > want - used)
		length = want - used;
	length = opaque(buffer, length);
	/* For the verifier, which knows neither that used <= want nor what want is. */
	asm volatile("%0 &= 0xffff\n\t%1 &= 0xffff" : "+r"(at), "+r"(length));
	if (bpf_probe_read_kernel(buffer->bytes + at, length, (void *)piece->address) < 0)
		return used;
	return used + length;
}

/* What follows the linear part. */
static __always_inline __u64 append_rest(
    struct buffer *buffer, __u64 shared, __u64 used, __u64 want)
{
	struct pieces pieces = {};
	struct piece piece;
	__u64 before;
	int i;

	pieces.list = begin_frags(&pieces, shared);
	for (i = 0; i < PIECES_MAX && used < want; i++) {
		if (next_piece(&pieces, &piece) < 0)
			break;
		before = used;
		used = append(buffer, used, &piece, want);
		if (used == before && piece.length)
			break;
	}
	return used;
}

/* Writes the record and `want` bytes of the packet, or as many as can be read. */
static __noinline long emit(void *ctx, PACKET *packet, const struct data *data,
    const struct bpfprobe_record *rec, __u64 want)
{
	struct piece linear = {(__u64)data->head + data->start, data->end - data->start};
	struct buffer *buffer = the_buffer();
	const __u64 meta = META() ? sizeof(struct bpfprobe_meta) : 0;
	__u64 used;
	long err;

	if (!buffer || buffer->busy)
		return -1;
	buffer->busy = 1;
	/* What interrupts this CPU sees the order of the program. */
	asm volatile("" ::: "memory");
	want = length_of_sample(opaque(buffer, want), sizeof(buffer->rec) + meta) + meta;
	if (META())
		find_meta(ctx, packet, data, rec, (struct bpfprobe_meta *)buffer->bytes);
	used = append(buffer, meta, &linear, want);
	if (used < want && used == meta + linear.length)
		used = append_rest(buffer, data->packet, used, want);
	buffer->rec = *rec;
	buffer->rec.caplen = used - meta;
	stamp(&buffer->rec);
	used = opaque(buffer, used);
	asm volatile("%0 &= 0xffff" : "+r"(used));
	err = bpf_perf_event_output(
	    ctx, &bpfprobe_rings, BPF_F_CURRENT_CPU, buffer, sizeof(buffer->rec) + used);
	if (config.remember && !err)
		remember(ctx, &buffer->rec);
	asm volatile("" ::: "memory");
	buffer->busy = 0;
	return err;
}

#endif
