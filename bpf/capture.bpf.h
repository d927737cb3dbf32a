/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole way of a packet: from the probe's dispatcher through the filter into
 * the ring.
 *
 * The program that is attached does nothing but jump to the leaf in slot 0, so
 * that another filter, which is another leaf, takes its place between two packets:
 * none is missing and none is seen twice.
 */
#ifndef BPFPROBE_CAPTURE_BPF_H
#define BPFPROBE_CAPTURE_BPF_H

#include "bpf/filter.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} bpfprobe_rings SEC(".maps");

/* One element per possible CPU and the reader's; the helper sets how many before load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpfprobe_counters);
} bpfprobe_ctl SEC(".maps");

/* Of one probe, since a slot takes programs of one prototype only (6.1 and newer). */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bpfprobe_leaf SEC(".maps");

/*
 * Bytes between the start of the packet and skb->data, which bpf_skb_output()
 * does not copy: MAC, IP and TCP headers that the stack has pulled already.
 * They go behind the record on the stack, whose 512 bytes set the bound; a
 * scratch map would be overwritten when the probe interrupts itself.  What was
 * pulled beyond that ends the captured part, which caplen shows.
 */
#define PULLED_MAX 255

struct sample {
	struct bpfprobe_record rec;
	__u8 pulled[PULLED_MAX + 1];
};

/* Adds one to a counter of this CPU. */
#define COUNT(name)                                                                                \
	({                                                                                         \
		__u32 cpu = bpf_get_smp_processor_id();                                            \
		struct bpfprobe_counters *counters = bpf_map_lookup_elem(&bpfprobe_ctl, &cpu);     \
		if (counters)                                                                      \
			__sync_fetch_and_add(&counters->name, 1);                                  \
	})

static __always_inline struct bpfprobe_counters *the_readers(void)
{
	__u32 reader = config.reader;

	return bpf_map_lookup_elem(&bpfprobe_ctl, &reader);
}

static __always_inline int is_wanted(const struct bpfprobe_record *rec)
{
	if (config.netns && rec->netns != config.netns)
		return 0;
	return !config.ifindex || rec->ifindex == config.ifindex;
}

/* How many bytes behind the MAC header: for the user, or for the filter in user space. */
static __always_inline __u64 wanted_length(
    const struct bpfprobe_record *rec, const struct bpfprobe_counters *reader)
{
	__u64 want = config.snaplen;

	if (want < BPFPROBE_SNAPLEN_MIN)
		want = BPFPROBE_SNAPLEN_MIN;
	if (rec->undecided && want < reader->reach)
		want = reader->reach;
	return want < config.most ? want : config.most;
}

/*
 * Writes the record and `want` bytes of the packet behind its MAC header.  `start`
 * is an offset from skb->head.  Returns what bpf_skb_output() says.
 */
static __noinline long emit(
    struct sk_buff *skb, const struct bpfprobe_record *rec, __u64 start, __u64 want)
{
	__u64 pulled = skb->data - skb->head - start, rest, now;
	struct sample s;

	s.rec = *rec;
	want += rec->l2len;
	if (want > rec->len)
		want = rec->len;
	if (want > BPFPROBE_SAMPLE_MAX - sizeof(s.rec))
		want = BPFPROBE_SAMPLE_MAX - sizeof(s.rec);
	if (pulled > PULLED_MAX) {
		pulled = PULLED_MAX;
		if (want > pulled)
			want = pulled;
	}
	if (pulled > want)
		pulled = want;
	rest = want - pulled;
	s.rec.caplen = want;
	now = config.tai ? bpf_ktime_get_tai_ns() : bpf_ktime_get_boot_ns();
	s.rec.time_lo = now;
	s.rec.time_hi = now >> 32;
	rest = BPF_F_CURRENT_CPU | rest << BPF_SKB_OUTPUT_LEN_SHIFT;
	if (!pulled)
		return bpf_skb_output(skb, &bpfprobe_rings, rest, &s.rec, sizeof(s.rec));

	__builtin_memset(s.pulled, 0, sizeof(s.pulled));
	/* The compiler knows the bound and would drop the mask, the verifier needs it. */
	asm volatile("%0 &= 0xff" : "+r"(pulled));
	bpf_probe_read_kernel(s.pulled, pulled, skb->head + start);
	return bpf_skb_output(skb, &bpfprobe_rings, rest, &s, sizeof(s.rec) + pulled);
}

/* Whether the filter lets the packet pass, as far as it can be told here. */
static __always_inline int passes(
    const struct data *data, struct bpfprobe_record *rec, const struct bpfprobe_counters *reader)
{
	__s64 verdict = BPFPROBE_UNDECIDED;

	if (!reader->passing)
		verdict = is_constant() ? bpfprobe_filter(0) : decide(data, rec);
	/* Fewer bytes than the user wants of every packet: user space cuts it off. */
	rec->undecided = verdict < config.snaplen;
	return verdict != 0;
}

/* What is known of the packet beside its bytes. */
static __always_inline void find_beside(
    struct sk_buff *skb, struct net_device *dev, struct bpfprobe_record *rec)
{
	find_interface(skb, dev, rec);
	rec->pkttype = find_pkttype(skb, dev);
}

/* The same for every probe. */
static __always_inline int capture(struct sk_buff *skb)
{
	const struct bpfprobe_counters *reader = the_readers();
	struct bpfprobe_record rec;
	struct net_device *dev;
	struct data data;

	if (!reader)
		return 0;
	if (!skb) {
		COUNT(null);
		return 0;
	}
	if (rejects_all() && !reader->passing)
		return 0;
	__builtin_memset(&rec, 0, sizeof(rec));
	dev = device_of(skb);
	rec.arphrd = dev ? dev->type : ARPHRD_VOID;
	data.packet = way_to_frags(skb);
	data.head = skb->head;
	data.data = skb->data - skb->head;
	data.start = find_start(skb, dev, data.data, &rec);
	data.end = linear_end(skb);
	rec.len = data.data - data.start + skb->len;
	rec.protocol = skb->protocol;
	rec.probe = config.probe;
	rec.generation = MARK(GENERATION);
	find_vlan(skb, &rec);
	/* Most packets are rejected: for them no more is found than the filter looks at. */
	if (MARK(BESIDE))
		find_beside(skb, dev, &rec);
	make_opaque(&rec.protocol, 4);
	if (!passes(&data, &rec, reader))
		return 0;
	if (!MARK(BESIDE))
		find_beside(skb, dev, &rec);
	if (!is_wanted(&rec))
		return 0;
	if (emit(skb, &rec, data.start, wanted_length(&rec, reader)) < 0)
		COUNT(lost);
	else
		COUNT(emitted);
	return 0;
}

/* Without a leaf, which the helper never lets happen, packets are lost. */
static __always_inline int dispatch(void *ctx)
{
	bpf_tail_call(ctx, &bpfprobe_leaf, 0);
	COUNT(lost);
	return 0;
}

#endif
