/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An open device, whoever reads it: libpcap's module and bpfprobe(8) give the same
 * packets, by the same filter, with the same link header in front.
 */
#ifndef BPFPROBE_HANDLE_H
#define BPFPROBE_HANDLE_H

#include <stdint.h>
#include <pcap/pcap.h>
#include "capture/client.h"
#include "capture/events.h"
#include "capture/filter.h"
#include "capture/hold.h"
#include "capture/names.h"
#include "capture/reader.h"

#define BPFPROBE_LINK_TYPES 4

struct bpfprobe_handle {
	struct bpfprobe_client client;
	struct bpfprobe_reader reader;
	struct bpfprobe_hold hold;     /* of packets that have not come to the target of until= */
	struct bpfprobe_item item;     /* what next() gave last */
	struct bpfprobe_names names;   /* of drop reasons, actions and probes: see bpfprobe_handle_names() */
	struct bpfprobe_filter filter; /* of the application, in user space */
	uint32_t generation;	       /* of that filter in the kernel; 0: not there */
	uint32_t filters;	       /* how many there were, the same one for another link type too */
	struct bpfprobe_events events;
	int told; /* the helper's socket, to be watched; -1: it says nothing of its own accord */
	u_char *packet; /* the packet that was delivered last, where it needed a header */
	int attached;
	uint32_t returns; /* enum bpfprobe_return_use */
	/* The owner's, before the first packet; of these only the link type changes later. */
	int dlt;		    /* link type, DLT_*: see bpfprobe_handle_set_dlt() */
	u_int snaplen;		    /* bytes of a packet, link header included */
	pcap_direction_t direction; /* which packets */
	int nano;		    /* time stamps have nanoseconds in tv_usec */
};

/* Nothing is open yet: close() has nothing to do. */
void bpfprobe_handle_init(struct bpfprobe_handle *handle);

/*
 * Lets the helper OPEN what `request` says, and maps what it hands over.  0, or -1 with
 * *reply filled in; close() then frees what there is.
 */
int bpfprobe_handle_open(
    struct bpfprobe_handle *handle, struct bpfprobe_request *request, struct bpfprobe_reply *reply);

/* Detaches the probes and frees everything; safe on a handle that is open half, or closed. */
void bpfprobe_handle_close(struct bpfprobe_handle *handle);

/* The link types that a device has without the proto= option. */
extern const u_int bpfprobe_link_types[BPFPROBE_LINK_TYPES];

/*
 * The link type of a device that was opened with `reply`, unless the user chooses: the
 * only one, if it is that of proto=.  -1: there is no such type, and errbuf
 * (PCAP_ERRBUF_SIZE) says so.
 */
int bpfprobe_handle_link_type(const struct bpfprobe_reply *reply, char *errbuf);

/*
 * Chooses the link type; a filter that is set already goes on over the new bytes.  0, or -1
 * with the old one in place and the reason in errbuf (PCAP_ERRBUF_SIZE).
 */
int bpfprobe_handle_set_dlt(struct bpfprobe_handle *handle, int dlt, char *errbuf);

/*
 * Lets the helper fill in handle->names, to which the index in metadata leads.  May be called
 * more than once.  0, or -1 with *reply filled in.
 */
int bpfprobe_handle_names(struct bpfprobe_handle *handle, struct bpfprobe_reply *reply);

/*
 * Attaches the probes.  A packet waits no longer than `timeout` ns to be read, or, if it is
 * 0, until the next one comes; if `at_once` is set, no record is held back for one of an
 * earlier time.  0, or -1 with *reply filled in.
 */
int bpfprobe_handle_attach(
    struct bpfprobe_handle *handle, uint64_t timeout, int at_once, struct bpfprobe_reply *reply);

/*
 * Sets the filter, for all packets that packet() is asked of from now on.  It goes into the
 * probes, if the helper and the kernel take it; if not, packets are filtered in packet().
 * 0, or -1 with the old one in place and the reason in errbuf (PCAP_ERRBUF_SIZE).
 */
int bpfprobe_handle_filter(
    struct bpfprobe_handle *handle, const struct bpf_program *program, char *errbuf);

/*
 * Begins a pass over the rings.  Returns NULL, or why what is captured is no longer there, in
 * one line: then this pass gives all that there is.
 */
const char *bpfprobe_handle_pass(struct bpfprobe_handle *handle);

/*
 * The next record of this pass, or NULL: none is left that is old enough, or that need not wait.
 * It stays valid, with all that is in handle->item, until the next call of next() or pass(); not
 * every packet of it is wanted.
 */
const struct bpfprobe_record *bpfprobe_handle_next(struct bpfprobe_handle *handle);

/* Whether next() may give another one, without a false no; what it gave last stays valid. */
static inline int
bpfprobe_handle_more(const struct bpfprobe_handle *handle)
{
	return bpfprobe_hold_has(&handle->hold) || bpfprobe_merge_more(&handle->reader.merge);
}

/*
 * Records that came and were not delivered: they are not wanted, or they wait, or there was no room for that.
 */
static inline uint64_t
bpfprobe_handle_passed_over(const struct bpfprobe_handle *handle)
{
	return handle->reader.control.reader->rejected + handle->hold.held;
}

/*
 * The packet of the record that next() gave last: its bytes, valid as long as the record,
 * or NULL, if it is not wanted, which is counted.
 */
const u_char *bpfprobe_handle_packet(
    struct bpfprobe_handle *handle, const struct bpfprobe_record *rec, struct pcap_pkthdr *h);

/* Counts a packet that was handed to the application. */
static inline void
bpfprobe_handle_delivered(struct bpfprobe_handle *handle)
{
	handle->reader.control.reader->delivered++;
}

/*
 * Received: records that a probe wrote, less those that were not wanted, or wait for their packet
 * to come to the target of until=.  It rises without reading; received and dropped together are
 * what the probe saw and the user wants.  May be called in a signal handler.
 */
void bpfprobe_handle_stats(struct bpfprobe_handle *handle, uint64_t *received, uint64_t *dropped);

#endif
