/* SPDX-License-Identifier: BSD-3-Clause */
/* See pcapng.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/pcapng.h"

#define BUFFER_SIZE (1 << 19)
/* What a block may have: a packet of 16 bits, or some texts. */
#define BLOCK_MAX (1 << 17)
#define PACKET_MAX (1 << 16)
/* A longer one is left out: half a filter is no filter. */
#define TEXT_MAX (1 << 14)

enum block_type {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d

/* Options: of every block, and of each type. */
enum option {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_OS = 3,
	SHB_APPLICATION = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_TSRESOL = 9,
	IF_FILTER = 11,
	EPB_FLAGS = 2,
	EPB_DROPCOUNT = 4,
	EPB_PACKETID = 5,
	EPB_QUEUE = 6,
	EPB_VERDICT = 7,
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
	ISB_USRDELIV = 8,
};

#define TSRESOL_NS 9	    /* 10 to the power of minus so much seconds */
#define FILTER_EXPRESSION 0 /* what if_filter begins with: it is text */

int
bpfprobe_pcapng_open(struct bpfprobe_pcapng *out, int fd)
{
	memset(out, 0, sizeof(*out));
	out->fd = fd;
	out->buffer = malloc(BUFFER_SIZE);
	return out->buffer == NULL ? -ENOMEM : 0;
}

void
bpfprobe_pcapng_close(struct bpfprobe_pcapng *out)
{
	free(out->buffer);
	out->buffer = NULL;
}

/* Field `i` of 32 bits of the block at `at`. */
static uint32_t
field(const struct bpfprobe_pcapng *out, size_t at, unsigned int i)
{
	uint32_t value;

	memcpy(&value, out->buffer + at + 4 * i, sizeof(value));
	return value;
}

/* Of the first `written` bytes those that are whole blocks; counts the packets in them. */
static size_t
whole_blocks(struct bpfprobe_pcapng *out, size_t written)
{
	size_t at = 0;

	while (written - at >= 8 && written - at >= field(out, at, 1)) {
		out->packets += field(out, at, 0) == BLOCK_PACKET;
		at += field(out, at, 1);
	}
	return at;
}

/* The disk is full, or so: takes back what was written of a block that is not whole. */
static void
cut(struct bpfprobe_pcapng *out, size_t written)
{
	size_t rest = written - whole_blocks(out, written);
	off_t end = lseek(out->fd, 0, SEEK_CUR);

	/* Not in a pipe; there the reader knows that it is at the end of the file. */
	if (rest > 0 && end >= (off_t)rest)
		(void)!ftruncate(out->fd, end - (off_t)rest);
}

int
bpfprobe_pcapng_flush(struct bpfprobe_pcapng *out)
{
	size_t done = 0;
	ssize_t n;

	while (out->err == 0 && done < out->used) {
		n = write(out->fd, out->buffer + done, out->used - done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			out->err = errno;
	}
	if (done == out->used)
		out->packets += out->pending;
	else if (done > 0)
		cut(out, done);
	out->used = 0;
	out->pending = 0;
	return -out->err;
}

/* What stands in a block. */

static void
put(struct bpfprobe_pcapng *out, const void *data, size_t size)
{
	memcpy(out->buffer + out->used, data, size);
	out->used += size;
}

static void
put16(struct bpfprobe_pcapng *out, uint16_t value)
{
	put(out, &value, sizeof(value));
}

static void
put32(struct bpfprobe_pcapng *out, uint32_t value)
{
	put(out, &value, sizeof(value));
}

/* A time, which is two numbers, the upper half first, whatever the byte order. */
static void
put_time(struct bpfprobe_pcapng *out, uint64_t time)
{
	put32(out, (uint32_t)(time >> 32));
	put32(out, (uint32_t)time);
}

static void
pad(struct bpfprobe_pcapng *out)
{
	static const uint8_t zeros[3];

	put(out, zeros, -(out->used - out->block) % 4);
}

static void
put_option(struct bpfprobe_pcapng *out, enum option code, const void *value, size_t size)
{
	put16(out, (uint16_t)code);
	put16(out, (uint16_t)size);
	put(out, value, size);
	pad(out);
}

/* A number in the byte order of the file. */
static void
put_number(struct bpfprobe_pcapng *out, enum option code, uint64_t value)
{
	put_option(out, code, &value, sizeof(value));
}

static void
put_time_option(struct bpfprobe_pcapng *out, enum option code, uint64_t time)
{
	put16(out, (uint16_t)code);
	put16(out, sizeof(time));
	put_time(out, time);
}

/* Text is UTF-8; the kernel's names may be anything.  `first`: a byte in front, or -1. */
static void
put_text(struct bpfprobe_pcapng *out, enum option code, int first, const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0, size = n + (first >= 0), i;
	uint8_t *at;

	if (n == 0 || n > TEXT_MAX)
		return;
	put16(out, (uint16_t)code);
	put16(out, (uint16_t)size);
	at = out->buffer + out->used;
	if (first >= 0)
		*at++ = (uint8_t)first;
	for (i = 0; i < n; i++)
		at[i] = text[i] >= ' ' && text[i] <= '~' ? (uint8_t)text[i] : '?';
	out->used += size;
	pad(out);
}

static void
begin(struct bpfprobe_pcapng *out, enum block_type type)
{
	if (out->used > BUFFER_SIZE - BLOCK_MAX)
		bpfprobe_pcapng_flush(out);
	out->block = out->used;
	put32(out, type);
	put32(out, 0); /* its length, which end() knows */
}

static void
end(struct bpfprobe_pcapng *out)
{
	uint32_t size;

	put16(out, OPT_END);
	put16(out, 0);
	size = (uint32_t)(out->used - out->block) + sizeof(size);
	put32(out, size);
	memcpy(out->buffer + out->block + 4, &size, sizeof(size));
}

void
bpfprobe_pcapng_section(struct bpfprobe_pcapng *out, const char *application, const char *os)
{
	const int64_t unknown = -1; /* length of the section */

	begin(out, BLOCK_SECTION);
	put32(out, BYTE_ORDER_MAGIC);
	put16(out, 1); /* version 1.0 */
	put16(out, 0);
	put(out, &unknown, sizeof(unknown));
	put_text(out, SHB_OS, -1, os);
	put_text(out, SHB_APPLICATION, -1, application);
	end(out);
}

void
bpfprobe_pcapng_interface(
    struct bpfprobe_pcapng *out, const struct bpfprobe_pcapng_interface *interface)
{
	const uint8_t tsresol = TSRESOL_NS;

	begin(out, BLOCK_INTERFACE);
	put16(out, interface->linktype);
	put16(out, 0);
	put32(out, interface->snaplen);
	put_text(out, IF_NAME, -1, interface->name);
	put_text(out, IF_DESCRIPTION, -1, interface->description);
	put_text(out, IF_FILTER, FILTER_EXPRESSION, interface->filter);
	put_option(out, IF_TSRESOL, &tsresol, sizeof(tsresol));
	end(out);
}

/* One byte says whose verdict it is, and eight what. */
static void
put_verdict(struct bpfprobe_pcapng *out, const struct bpfprobe_pcapng_packet *packet)
{
	uint8_t value[1 + sizeof(packet->verdict)] = { (uint8_t)packet->verdict_of };

	memcpy(value + 1, &packet->verdict, sizeof(packet->verdict));
	put_option(out, EPB_VERDICT, value, sizeof(value));
}

void
bpfprobe_pcapng_packet(struct bpfprobe_pcapng *out, const struct bpfprobe_pcapng_packet *packet)
{
	const uint32_t caplen = packet->caplen < PACKET_MAX ? packet->caplen : PACKET_MAX;
	const uint32_t flags = packet->direction;

	begin(out, BLOCK_PACKET);
	put32(out, packet->interface);
	put_time(out, packet->time);
	put32(out, caplen);
	put32(out, packet->len);
	put(out, packet->data, caplen);
	pad(out);
	put_text(out, OPT_COMMENT, -1, packet->comment);
	put_option(out, EPB_FLAGS, &flags, sizeof(flags));
	if (packet->dropped > 0)
		put_number(out, EPB_DROPCOUNT, packet->dropped);
	if (packet->has_id)
		put_number(out, EPB_PACKETID, packet->id);
	if (packet->has_queue)
		put_option(out, EPB_QUEUE, &packet->queue, sizeof(packet->queue));
	if (packet->verdict_of != BPFPROBE_PCAPNG_NO_VERDICT)
		put_verdict(out, packet);
	end(out);
	out->pending++;
}

void
bpfprobe_pcapng_statistics(
    struct bpfprobe_pcapng *out, const struct bpfprobe_pcapng_statistics *statistics)
{
	begin(out, BLOCK_STATISTICS);
	put32(out, statistics->interface);
	put_time(out, statistics->end);
	put_text(out, OPT_COMMENT, -1, statistics->comment);
	put_time_option(out, ISB_STARTTIME, statistics->start);
	put_time_option(out, ISB_ENDTIME, statistics->end);
	if (statistics->has_counts) {
		put_number(out, ISB_IFRECV, statistics->received);
		put_number(out, ISB_IFDROP, statistics->dropped);
	}
	put_number(out, ISB_USRDELIV, statistics->delivered);
	end(out);
}
