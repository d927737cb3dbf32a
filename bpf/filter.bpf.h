/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter's place in a program: what it sees of a packet (view.h), the function
 * by which it loads what the window does not have, and the stub that the helper
 * replaces with a translated filter.
 */
#ifndef BPFPROBE_FILTER_BPF_H
#define BPFPROBE_FILTER_BPF_H

#include "bpf/frags.bpf.h"
#include "bpf/linkhdr.h"
#include "bpf/pflog.bpf.h"
#include "bpf/view.h"

/*
 * An immediate that the helper replaces.  The compiler has to take it for unknown;
 * the verifier knows it, and drops the branches that it rules out.
 */
#define MARK(name)                                                                                 \
	({                                                                                         \
		__u64 immediate;                                                                   \
		asm volatile("%0 = %1" : "=r"(immediate) : "i"(BPFPROBE_MARK_##name));             \
		immediate;                                                                         \
	})

/* Bytes of a packet that say what its link header is, MAC header and two VLAN tags, or more. */
#define LINK_BYTES 32

/* Of an offset in a link header; whatever it is, the verifier sees that it is in the window. */
#define HEADER_MASK 63

/* Whether records have metadata.  Those of the first leaf, whose mark is not replaced, have none. */
#define META() (MARK(META) == 1)

/* The bytes of a packet in the kernel's memory. */
struct data {
	const unsigned char *head; /* skb->head */
	__u64 start;		   /* of the packet, an offset from there */
	__u64 end;		   /* of the linear part, the same */
#if defined(BPFPROBE_TRACK) && defined(BPFPROBE_COPY)
	/* Of a copy that is written nobody asks for the one, of a packet that the filter sees nobody for the other. */
	union {
		__u64 data;
		__u64 id;
	};
#else
	__u64 data; /* skb->data, the same */
#ifdef BPFPROBE_TRACK
	__u64 id; /* of the packet that is followed; 0: there was no room for it */
#endif
#endif
	__u64 packet;		   /* way_to_frags() of it */
#ifndef BPFPROBE_PASS
	struct net_device *dev; /* the packet's; NULL: none, or not known */
#endif
};

#ifdef BPFPROBE_PASS

#include "bpf/packet.bpf.h"

#else

/* See view.h. */
static __attribute__((noinline, used)) __s64 bpfprobe_load(
    struct bpfprobe_view *view, __u64 offset, __u64 size)
{
	__u8 bytes[4];
	const void *from = (const void *)(view->base + offset);

	if (offset + size > view->limit)
		return BPFPROBE_BEYOND;
	if (offset + size <= view->hdrlen)
		from = view->window + (offset & HEADER_MASK);
	else if (offset < view->hdrlen)
		return BPFPROBE_UNDECIDED;
	if ((offset + size > view->linear ? read_beyond(view, bytes, offset, size) :
					    bpf_probe_read_kernel(bytes, 4, from)) < 0)
		return BPFPROBE_UNDECIDED;
	if (size == 1)
		return bytes[0];
	if (size == 2)
		return bpfprobe_get16(bytes);
	return (__u64)bpfprobe_get16(bytes) << 16 | bpfprobe_get16(bytes + 2);
}

#endif

/*
 * Replaced, from its first instruction to its exit; the call shows where the load
 * function is.  Until then it accepts, for a generation that is nobody's.
 */
static __noinline __s64 bpfprobe_filter(struct bpfprobe_view *view)
{
	__u64 mark = MARK(FILTER);

	if (!mark)
		return bpfprobe_load(view, mark, mark);
	return mark;
}

/* Whether the verdict is known without a look at the packet; also before the first filter. */
static __always_inline int is_constant(void)
{
	return MARK(CONSTANT) != 0;
}

static __always_inline int rejects_all(void)
{
	return is_constant() && bpfprobe_filter(0) == 0;
}

/* Whether the linear part says what the link header is; rec->caplen is its length. */
static __always_inline int is_enough(const struct bpfprobe_record *rec, const __u8 *pkt)
{
	__u16 type;

	if (rec->caplen >= LINK_BYTES || rec->caplen == rec->len)
		return 1;
	if (!rec->caplen || (rec->l2len && !bpfprobe_has_mac(rec)))
		return 0;
	/* An ethertype, and none behind which there is another one. */
	type = bpfprobe_ethertype(rec, pkt);
	return type >= BPFPROBE_ETH_TYPE_MIN && type != BPFPROBE_ETHERTYPE_8021Q &&
	       type != BPFPROBE_ETHERTYPE_8021AD;
}

/*
 * As bpfprobe_link_make(), of which most is spared if the filter does not look there;
 * also BPFPROBE_UNDECIDED.
 */
static __always_inline int make_link(
    struct bpfprobe_link *link, int dlt, const struct bpfprobe_record *rec, const __u8 *pkt)
{
	if (!is_enough(rec, pkt))
		return BPFPROBE_UNDECIDED;
	if (dlt != BPFPROBE_DLT_LINUX_SLL2 || MARK(BESIDE))
		return bpfprobe_link_make(link, dlt, rec, pkt);
	bpfprobe_put16(link->hdr, bpfprobe_ethertype(rec, pkt));
	link->hdrlen = BPFPROBE_LINK_MAX;
	link->skip = bpfprobe_has_mac(rec) ? BPFPROBE_ETH_HLEN : 0;
	return 0;
}

/* PFLOG's header, of a packet whose first bytes are at `pkt`; *skip: so many of them it stands for. */
static __always_inline int begin_pflog(struct bpfprobe_view *view, const struct data *data,
    const struct bpfprobe_record *rec, const __u8 *pkt, __u32 *skip)
{
	if (!is_enough(rec, pkt))
		return BPFPROBE_UNDECIDED;
	return make_pflog(view, data, rec, bpfprobe_pflog_af(rec, pkt, skip), MARK(BESIDE));
}

static __always_inline void put_header(struct bpfprobe_view *view, const struct data *data,
    const struct bpfprobe_record *rec, __u32 hdrlen, __u32 skip)
{
	__u32 limit = config.most + rec->l2len;

	view->packet = data->packet;
	view->data = data->data - data->start - skip + hdrlen;
	if (limit > rec->len)
		limit = rec->len;
	view->len = OPAQUE(rec->len - skip + hdrlen);
	view->limit = OPAQUE(limit - skip + hdrlen);
	view->hdrlen = OPAQUE(hdrlen);
	if (!MARK(BESIDE))
		return;
	view->protocol = OPAQUE(bpfprobe_ntohs(rec->protocol));
	view->pkttype = OPAQUE(rec->pkttype);
	view->ifindex = OPAQUE(bpfprobe_shown_ifindex(rec));
	view->hatype = OPAQUE(rec->arphrd);
}

/* How far the filter may read without asking: of `there` bytes. */
static __always_inline void set_avail(struct bpfprobe_view *view, __u32 there)
{
	if (there > view->linear)
		there = view->linear;
	if (there > view->limit)
		there = view->limit;
	view->avail = OPAQUE(there);
}

#if defined(BPFPROBE_PASS)

/* Where the packet is, behind its header: to be read through pointers of the verifier's. */
static __always_inline int place(struct bpfprobe_view *view, const struct data *data,
    const struct bpfprobe_record *rec, __u32 hdrlen, __u32 skip)
{
	const struct xdp_md *xdp = (const struct xdp_md *)data->packet;

	put_header(view, data, rec, hdrlen, skip);
	view->linear = OPAQUE(data->end - skip + hdrlen);
	set_avail(view, view->linear);
	view->base = (__u64)(const void *)(long)xdp->data + skip;
	view->end = (__u64)(const void *)(long)xdp->data_end;
	return 0;
}

/* As make_view(); what it takes of the stack is free again when the filter runs. */
static __noinline int make_pflog_view(
    struct bpfprobe_view *view, const struct data *data, const struct bpfprobe_record *rec)
{
	const __u8 *head = view->window + sizeof(view->window) - LINK_BYTES;
	__u32 skip;

	if (begin_pflog(view, data, rec, head, &skip) < 0)
		return BPFPROBE_UNDECIDED;
	make_opaque(view->window, BPFPROBE_PFLOG_HLEN / 4);
	return place(view, data, rec, BPFPROBE_PFLOG_HLEN, skip);
}

/* The window holds the link header. */
static __always_inline int make_view(
    struct bpfprobe_view *view, const struct data *data, struct bpfprobe_record *rec, __u64 dlt)
{
	struct bpfprobe_link *link = (struct bpfprobe_link *)view->window;
	__u8 *head = view->window + sizeof(view->window) - LINK_BYTES;
	int err;

	/* It would have another link header than the filter has been told. */
	if (rec->l2len && !bpfprobe_has_mac(rec))
		return BPFPROBE_UNDECIDED;
	copy_head(head, (const struct xdp_md *)data->packet);
	if (dlt == BPFPROBE_DLT_PFLOG)
		return make_pflog_view(view, data, rec);
	/* The header, and one word more: see load_header(). */
	__builtin_memset(view->window, 0, 32);
	err = make_link(link, dlt, rec, head);
	if (err < 0)
		return err;
	place(view, data, rec, link->hdrlen, link->skip);
	make_opaque(link->hdr, BPFPROBE_LINK_MAX / 4);
	return 0;
}

#elif defined(BPFPROBE_DIRECT)

/* Where the packet is, behind its header: to be read there. */
static __always_inline int place(struct bpfprobe_view *view, const struct data *data,
    const struct bpfprobe_record *rec, __u32 hdrlen, __u32 skip)
{
	put_header(view, data, rec, hdrlen, skip);
	view->linear = data->end - (data->start + skip) + hdrlen;
	set_avail(view, view->linear);
	view->base = (__u64)MEMORY(data->head + data->start + skip - hdrlen);
	return 0;
}

/* As make_view(); what it takes of the stack is free again when the filter runs. */
static __noinline int make_pflog_view(
    struct bpfprobe_view *view, const struct data *data, const struct bpfprobe_record *rec)
{
	const __u8 *pkt = MEMORY(data->head + data->start);
	__u32 skip;

	if (begin_pflog(view, data, rec, pkt, &skip) < 0)
		return BPFPROBE_UNDECIDED;
	return place(view, data, rec, BPFPROBE_PFLOG_HLEN, skip);
}

/* The window holds the link header. */
static __always_inline int make_view(
    struct bpfprobe_view *view, const struct data *data, struct bpfprobe_record *rec, __u64 dlt)
{
	const __u8 *pkt = MEMORY(data->head + data->start);
	struct bpfprobe_link *link = (struct bpfprobe_link *)view->window;
	int err;

	if (dlt == BPFPROBE_DLT_PFLOG)
		return make_pflog_view(view, data, rec);
	err = make_link(link, dlt, rec, pkt);
	return err < 0 ? err : place(view, data, rec, link->hdrlen, link->skip);
}

#else

/*
 * Copies the packet to where it has to stand behind its link header, `at` bytes
 * from the beginning of the window, and puts the header, `hdrlen` bytes, in front.
 * Where VLAN tags have to be passed over it takes a second copy.
 */
static __always_inline int fill(struct bpfprobe_view *view, const struct data *data,
    const struct bpfprobe_record *rec, struct bpfprobe_link *link, const int dlt, const int at,
    const int hdrlen)
{
	__u64 window = MARK(WINDOW), origin;
	__u8 *pkt = view->window + at;
	int err;

	if (window < LINK_BYTES || window > BPFPROBE_WINDOW_MAX)
		window = BPFPROBE_WINDOW_MAX;
	if (bpf_probe_read_kernel(pkt, window - at, data->head + data->start) < 0)
		return BPFPROBE_UNDECIDED;
	err = make_link(link, dlt, rec, pkt);
	if (err < 0)
		return err;
	put_header(view, data, rec, link->hdrlen, link->skip);
	origin = data->start + link->skip;
	if (link->skip != (__u32)(hdrlen - at) &&
	    bpf_probe_read_kernel(view->window + hdrlen, window - hdrlen, data->head + origin) < 0)
		return BPFPROBE_UNDECIDED;
	make_opaque(link->hdr, (hdrlen + 3) / 4);
	__builtin_memcpy(view->window, link->hdr, hdrlen);
	view->linear = OPAQUE(data->end - origin + hdrlen);
	view->base = (__u64)data->head + origin - hdrlen;
	set_avail(view, window);
	return 0;
}

/*
 * The same with PFLOG's header, which needs the room that the packet's first bytes have had.
 * What it takes of the stack is free again when the filter runs.
 */
static __noinline int make_pflog_view(
    struct bpfprobe_view *view, const struct data *data, const struct bpfprobe_record *rec)
{
	__u64 window = MARK(WINDOW), origin;
	__u32 skip;

	if (window <= BPFPROBE_PFLOG_HLEN || window > BPFPROBE_WINDOW_MAX)
		window = BPFPROBE_WINDOW_MAX;
	if (bpf_probe_read_kernel(view->window, LINK_BYTES, data->head + data->start) < 0 ||
	    begin_pflog(view, data, rec, view->window, &skip) < 0)
		return BPFPROBE_UNDECIDED;
	origin = data->start + skip;
	if (bpf_probe_read_kernel(view->window + BPFPROBE_PFLOG_HLEN, window - BPFPROBE_PFLOG_HLEN,
		data->head + origin) < 0)
		return BPFPROBE_UNDECIDED;
	put_header(view, data, rec, BPFPROBE_PFLOG_HLEN, skip);
	make_opaque(view->window, BPFPROBE_PFLOG_HLEN / 4);
	view->linear = OPAQUE(data->end - origin + BPFPROBE_PFLOG_HLEN);
	view->base = (__u64)data->head + origin - BPFPROBE_PFLOG_HLEN;
	set_avail(view, window);
	return 0;
}

static __always_inline int make_view(
    struct bpfprobe_view *view, const struct data *data, struct bpfprobe_record *rec, __u64 dlt)
{
	int mac = bpfprobe_has_mac(rec), tag = rec->vlan_proto != 0;
	struct bpfprobe_link link = {};

	switch (dlt) {
	case BPFPROBE_DLT_LINUX_SLL2:
		if (mac)
			return fill(view, data, rec, &link, BPFPROBE_DLT_LINUX_SLL2, 20 - ETH_HLEN, 20);
		return fill(view, data, rec, &link, BPFPROBE_DLT_LINUX_SLL2, 20, 20);
	case BPFPROBE_DLT_EN10MB:
		if (mac && tag)
			return fill(view, data, rec, &link, BPFPROBE_DLT_EN10MB, 4, 16);
		if (mac)
			return fill(view, data, rec, &link, BPFPROBE_DLT_EN10MB, 0, 0);
		if (tag)
			return fill(view, data, rec, &link, BPFPROBE_DLT_EN10MB, 18, 18);
		return fill(view, data, rec, &link, BPFPROBE_DLT_EN10MB, 14, 14);
	case BPFPROBE_DLT_RAW:
		if (mac)
			return fill(view, data, rec, &link, BPFPROBE_DLT_RAW, -ETH_HLEN, 0);
		return fill(view, data, rec, &link, BPFPROBE_DLT_RAW, 0, 0);
	case BPFPROBE_DLT_PFLOG:
		return make_pflog_view(view, data, rec);
	default:
		return fill(view, data, rec, &link, -1, 0, 0);
	}
}

#endif

/*
 * The verdict over the packet: as of the filter function; 0 also for one that the
 * link type cannot carry.  Sets rec->caplen.
 */
static __noinline __s64 decide(const struct data *data, struct bpfprobe_record *rec)
{
	__u64 linear = data->end - data->start;
	struct bpfprobe_view view;
	int err;

	rec->caplen = linear < rec->len ? linear : rec->len;
	err = make_view(&view, data, rec, rec->layer == BPFPROBE_LAYER_ASIS ? -1ULL : MARK(DLT));
	if (err)
		return err == BPFPROBE_UNDECIDED ? err : 0;
	/* Never so; but a function that nothing calls, as by a filter without loads, is dead code. */
	if (MARK(CONSTANT) > 1)
		return bpfprobe_load(&view, 0, 1);
	return bpfprobe_filter(&view);
}

#endif
