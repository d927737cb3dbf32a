// SPDX-License-Identifier: BSD-3-Clause
/*
 * verify: reads a pcap or pcapng file, finds the sender's numbered packets
 * (numbered.h) in it and checks link header, IP and UDP header, lengths and
 * every captured payload byte, and that the expected numbers of each stream
 * are there, once each and in order. Other packets are only counted.
 *
 *	verify [options] FILE
 *	-e STREAM:FIRST-LAST[:in|:out]  expected packets; may be repeated; none: any
 *	-z SIZES        payload sizes, as given to the sender
 *	-l DLT          link type by name             -t HEX   ethertype
 *	-d in|out       direction (SLL2, PFLOG)       -I N     interface index (SLL2)
 *	-v VLAN         tag value in front of the packet (EN10MB); none otherwise
 *	-m SRC[,DST]    MAC addresses (SLL2: source only)
 *	-a SRC,DST      IP addresses                  -p PORT  UDP destination port
 *	-n SNAPLEN      caplen is the smaller of len and this; "any": not checked
 *	-w START:END    wall-clock window in ns in which all packets lie
 *	-o              time stamps may never go back
 *	-L              missing packets are counted, but no error
 *
 * Prints one line "key=value …"; the first ten things that are wrong go to
 * stderr and the exit status is then 1.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <pcap.h>
#include <stdarg.h>
#include <unistd.h>

#include "numbered.h"

#define MAX_EXPECT   16
#define MAX_REPORTED 10
#define ANY	     (-1)

enum direction { DIR_IN = 0, DIR_OUT = 4 }; /* SLL2 packet types */

struct expect {
	uint32_t stream, first, last, previous;
	int dir;
	bool any_seen;
	uint8_t *seen;
};

/* What the command line asks of every one of our packets. */
struct wanted {
	struct expect list[MAX_EXPECT];
	int count;
	struct numbered_sizes sizes;
	const char *dlt;
	int ethertype, dir, vlan, port;
	int64_t ifindex, snaplen;
	bool check_snaplen, check_sizes, strict_time, lossy;
	bool check_macs, check_dst_mac, check_addrs;
	uint8_t mac_src[6], mac_dst[6], addr_src[16], addr_dst[16];
	uint64_t from_ns, to_ns;
};

/* One packet, taken apart. */
struct packet {
	const struct pcap_pkthdr *hdr;
	const uint8_t *l3, *payload, *mac_src, *mac_dst;
	uint32_t l2_len, l3_len, payload_off;
	int ethertype, dir, vlan;
	int64_t ifindex;
	uint64_t ns;
	uint32_t stream, number, size;
};

struct totals {
	uint32_t count, other, missing, duplicate, corrupt, reorder, unexpected, inversions;
	uint32_t max_len, max_caplen;
	uint64_t first_ns, last_ns;
	unsigned int wrong;
};

static struct totals totals;
static struct wanted want = { .ethertype = ANY, .dir = ANY, .vlan = ANY, .port = ANY,
	.ifindex = ANY, .check_snaplen = true, .snaplen = INT64_MAX };

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "verify: %s: %s\n", what, detail);
	exit(2);
}

__attribute__((format(printf, 2, 3))) static void wrong(
    const struct packet *p, const char *fmt, ...)
{
	va_list ap;

	if (totals.wrong++ >= MAX_REPORTED)
		return;
	if (p)
		fprintf(stderr, "stream %u number %u: ", p->stream, p->number);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* Link header to l3, ethertype and the rest; false if too short for it. */
static bool parse_link(struct packet *p, int dlt, const uint8_t *data)
{
	uint32_t caplen = p->hdr->caplen;

	p->dir = p->vlan = ANY;
	p->ifindex = ANY;
	p->mac_src = p->mac_dst = NULL;
	if (dlt == DLT_RAW) {
		p->l2_len = 0;
		p->ethertype = caplen > 0 && data[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	} else if (dlt == DLT_PFLOG) {
		if (caplen < 64 || data[0] != 61)
			return false;
		p->l2_len = 64;
		p->ethertype = data[1] == 24 ? ETHERTYPE_IPV6 : data[1] == 2 ? ETHERTYPE_IP : 0;
		p->dir = data[60] == 2 ? DIR_OUT : DIR_IN;
	} else if (dlt == DLT_LINUX_SLL2) {
		if (caplen < 20)
			return false;
		p->l2_len = 20;
		p->ethertype = (int)get16(data);
		p->ifindex = numbered_get32(data + 4);
		p->dir = data[10];
		p->mac_src = data + 12;
	} else {
		if (caplen < 18)
			return false;
		p->l2_len = 14;
		p->ethertype = (int)get16(data + 12);
		p->mac_dst = data;
		p->mac_src = data + 6;
		if (p->ethertype == ETHERTYPE_VLAN) {
			p->vlan = (int)get16(data + 14);
			p->ethertype = (int)get16(data + 16);
			p->l2_len = 18;
		}
	}
	p->l3 = data + p->l2_len;
	return caplen >= p->l2_len;
}

/* Finds our payload behind IPv4 or IPv6 and UDP; false: not one of ours. */
static bool find_payload(struct packet *p)
{
	uint32_t room = p->hdr->caplen - p->l2_len, ip_len;

	if (p->ethertype == ETHERTYPE_IP) {
		if (room < 20 || p->l3[0] != 0x45 || p->l3[9] != IPPROTO_UDP)
			return false;
		if ((get16(p->l3 + 6) & 0x3fff) != 0)
			return false; /* a fragment */
		ip_len = 20;
		p->l3_len = get16(p->l3 + 2);
	} else if (p->ethertype == ETHERTYPE_IPV6) {
		if (room < 40 || p->l3[0] >> 4 != 6 || p->l3[6] != IPPROTO_UDP)
			return false;
		ip_len = 40;
		p->l3_len = ip_len + get16(p->l3 + 4);
	} else {
		return false;
	}
	p->payload_off = p->l2_len + ip_len + 8;
	if (p->hdr->caplen < p->payload_off + NUMBERED_HDR)
		return false;
	p->payload = p->l3 + ip_len + 8;
	if (numbered_get32(p->payload) != NUMBERED_MAGIC)
		return false;
	p->stream = numbered_get32(p->payload + 4);
	p->number = numbered_get32(p->payload + 8);
	p->size = numbered_get32(p->payload + 12);
	return true;
}

static void check_link(const struct packet *p)
{
	if (want.ethertype != ANY && p->ethertype != want.ethertype)
		wrong(p, "ethertype 0x%04x", (unsigned int)p->ethertype);
	if (want.dir != ANY && p->dir != want.dir)
		wrong(p, "direction %d", p->dir);
	if (want.ifindex != ANY && p->ifindex != want.ifindex)
		wrong(p, "interface index 0x%" PRIx64, (uint64_t)p->ifindex);
	if (p->vlan != want.vlan)
		wrong(p, "vlan tag %d", p->vlan);
	if (want.check_macs && (!p->mac_src || memcmp(p->mac_src, want.mac_src, 6) != 0))
		wrong(p, "source MAC address");
	if (want.check_dst_mac && (!p->mac_dst || memcmp(p->mac_dst, want.mac_dst, 6) != 0))
		wrong(p, "destination MAC address");
}

static void check_ip(const struct packet *p)
{
	const uint8_t *udp = p->payload - 8;
	uint32_t addr_len = p->ethertype == ETHERTYPE_IP ? 4 : 16, sum = 0;
	const uint8_t *addr = p->l3 + (addr_len == 4 ? 12 : 8);
	int i;

	if (want.check_addrs && (memcmp(addr, want.addr_src, addr_len) != 0 ||
				    memcmp(addr + addr_len, want.addr_dst, addr_len) != 0))
		wrong(p, "IP addresses");
	if (want.port != ANY && get16(udp + 2) != (unsigned int)want.port)
		wrong(p, "UDP port %u", get16(udp + 2));
	if (get16(udp + 4) != p->size + 8)
		wrong(p, "UDP length %u for %u bytes", get16(udp + 4), p->size);
	if (addr_len == 16)
		return;
	for (i = 0; i < 20; i += 2)
		sum += get16(p->l3 + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	if (sum != 0xffff)
		wrong(p, "IPv4 header checksum");
}

static void check_lengths(const struct packet *p)
{
	int64_t len = p->hdr->len, caplen = p->hdr->caplen;
	int64_t snaplen = want.snaplen < len ? want.snaplen : len;

	if (len != (int64_t)p->payload_off + p->size || len != (int64_t)p->l2_len + p->l3_len)
		wrong(p, "len %" PRId64 " for %u bytes of payload", len, p->size);
	if (caplen > len || (want.check_snaplen && caplen != snaplen))
		wrong(p, "caplen %" PRId64 " of %" PRId64, caplen, len);
	if (want.check_sizes && p->size != numbered_size(&want.sizes, p->number))
		wrong(p, "size %u", p->size);
}

static void check_payload(const struct packet *p)
{
	static uint8_t good[NUMBERED_MAX];
	uint32_t have = p->hdr->caplen - p->payload_off, i;

	if (p->size < NUMBERED_HDR || p->size > NUMBERED_MAX) {
		wrong(p, "size %u", p->size);
		return;
	}
	if (have > p->size)
		have = p->size;
	numbered_fill(good, p->stream, p->number, p->size);
	if (memcmp(good, p->payload, have) == 0)
		return;
	for (i = 0; good[i] == p->payload[i];)
		i++;
	wrong(p, "payload byte %u of %u is wrong", i, p->size);
}

static struct expect *find_expect(const struct packet *p)
{
	struct expect *e;
	int i;

	for (i = 0; i < want.count; i++) {
		e = &want.list[i];
		if (e->stream == p->stream && (e->dir == ANY || e->dir == p->dir))
			return e;
	}
	return NULL;
}

static void check_sequence(const struct packet *p)
{
	struct expect *e = find_expect(p);

	if (want.count == 0)
		return;
	if (!e || p->number < e->first || p->number > e->last) {
		totals.unexpected++;
		wrong(p, "not expected here");
		return;
	}
	if (e->seen[p->number - e->first]++) {
		totals.duplicate++;
		wrong(p, "seen twice");
	} else if (e->any_seen && p->number < e->previous) {
		totals.reorder++;
		wrong(p, "came after number %u", e->previous);
	}
	e->any_seen = true;
	e->previous = p->number;
}

static void check_time(const struct packet *p)
{
	if (want.to_ns != 0 && (p->ns < want.from_ns || p->ns > want.to_ns))
		wrong(p, "time stamp %" PRIu64 " is %" PRId64 " ns outside the window", p->ns,
		    p->ns < want.from_ns ? (int64_t)(want.from_ns - p->ns) :
					   (int64_t)(p->ns - want.to_ns));
}

static void check_packet(struct packet *p)
{
	unsigned int before = totals.wrong;

	if (totals.count++ == 0)
		totals.first_ns = p->ns;
	totals.last_ns = p->ns;
	if (p->hdr->len > totals.max_len)
		totals.max_len = p->hdr->len;
	if (p->hdr->caplen > totals.max_caplen)
		totals.max_caplen = p->hdr->caplen;
	check_link(p);
	check_ip(p);
	check_lengths(p);
	check_payload(p);
	if (totals.wrong != before)
		totals.corrupt++;
	check_sequence(p);
	check_time(p);
}

static void read_file(const char *name)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *pc =
	    pcap_open_offline_with_tstamp_precision(name, PCAP_TSTAMP_PRECISION_NANO, err);
	struct pcap_pkthdr *hdr;
	struct packet p;
	const uint8_t *data;
	uint64_t previous = 0;
	int dlt, rc;

	if (!pc)
		die(name, err);
	dlt = pcap_datalink(pc);
	if (dlt != DLT_RAW && dlt != DLT_LINUX_SLL2 && dlt != DLT_EN10MB && dlt != DLT_PFLOG)
		die("link type not known here", pcap_datalink_val_to_description_or_dlt(dlt));
	if (want.dlt && pcap_datalink_name_to_val(want.dlt) != dlt)
		wrong(NULL, "link type is %s", pcap_datalink_val_to_name(dlt));
	while ((rc = pcap_next_ex(pc, &hdr, &data)) == 1) {
		p.hdr = hdr;
		p.ns = (uint64_t)hdr->ts.tv_sec * 1000000000u + (uint64_t)hdr->ts.tv_usec;
		if (p.ns < previous)
			totals.inversions++;
		previous = p.ns;
		if (parse_link(&p, dlt, data) && find_payload(&p))
			check_packet(&p);
		else
			totals.other++;
	}
	if (rc != PCAP_ERROR_BREAK)
		wrong(NULL, "%s: %s", name, pcap_geterr(pc));
	pcap_close(pc);
}

static void count_missing(const struct expect *e)
{
	uint32_t n = e->last - e->first + 1, i, from;

	for (i = 0; i < n; i++) {
		if (e->seen[i])
			continue;
		for (from = i; i + 1 < n && !e->seen[i + 1];)
			i++;
		totals.missing += i - from + 1;
		if (!want.lossy)
			wrong(NULL, "stream %u: %u to %u missing", e->stream, e->first + from,
			    e->first + i);
	}
}

static int parse_direction(const char *text)
{
	if (strcmp(text, "in") != 0 && strcmp(text, "out") != 0)
		die("neither in nor out", text);
	return text[0] == 'i' ? DIR_IN : DIR_OUT;
}

static void add_expect(const char *text)
{
	struct expect *e = &want.list[want.count];
	char dir[8] = "";
	int n;

	if (want.count++ == MAX_EXPECT)
		die("too many", text);
	n = sscanf(text, "%" SCNu32 ":%" SCNu32 "-%" SCNu32 ":%7s", &e->stream, &e->first,
	    &e->last, dir);
	if (n < 3 || e->last < e->first)
		die("bad -e", text);
	e->dir = n == 4 ? parse_direction(dir) : ANY;
	e->seen = calloc(e->last - e->first + 1, 1);
	if (!e->seen)
		die("memory", text);
}

static void parse_mac(uint8_t *out, const char *text)
{
	unsigned int b[6], i;

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
		die("not a MAC address", text);
	for (i = 0; i < 6; i++)
		out[i] = (uint8_t)b[i];
}

static void parse_macs(char *text)
{
	char *dst = strchr(text, ',');

	parse_mac(want.mac_src, text);
	want.check_macs = true;
	if (dst)
		parse_mac(want.mac_dst, dst + 1);
	want.check_dst_mac = dst != NULL;
}

static void parse_addrs(char *text)
{
	char *dst = strchr(text, ',');
	int af = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (!dst)
		die("needs two addresses", text);
	*dst++ = '\0';
	if (inet_pton(af, text, want.addr_src) != 1 || inet_pton(af, dst, want.addr_dst) != 1)
		die("bad addresses", text);
	want.check_addrs = true;
}

static void parse_option(int opt, char *arg)
{
	switch (opt) {
	case 'e':
		add_expect(arg);
		break;
	case 'z':
		if (!numbered_parse_sizes(&want.sizes, arg))
			die("bad size", arg);
		want.check_sizes = true;
		break;
	case 'l':
		want.dlt = arg;
		break;
	case 't':
		want.ethertype = (int)strtol(arg, NULL, 16);
		break;
	case 'd':
		want.dir = parse_direction(arg);
		break;
	case 'I':
		want.ifindex = strtoll(arg, NULL, 0);
		break;
	case 'v':
		want.vlan = (int)strtol(arg, NULL, 0);
		break;
	case 'm':
		parse_macs(arg);
		break;
	case 'a':
		parse_addrs(arg);
		break;
	case 'p':
		want.port = atoi(arg);
		break;
	case 'n':
		want.check_snaplen = strcmp(arg, "any") != 0;
		want.snaplen = want.check_snaplen ? atoll(arg) : 0;
		break;
	case 'w':
		if (sscanf(arg, "%" SCNu64 ":%" SCNu64, &want.from_ns, &want.to_ns) != 2)
			die("bad -w", arg);
		break;
	case 'o':
		want.strict_time = true;
		break;
	case 'L':
		want.lossy = true;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int opt, i;

	while ((opt = getopt(argc, argv, "e:z:l:t:d:I:v:m:a:p:n:w:oL")) != -1)
		parse_option(opt, optarg);
	if (argc - optind != 1)
		die("usage", "verify [options] FILE");
	read_file(argv[optind]);
	for (i = 0; i < want.count; i++)
		count_missing(&want.list[i]);
	if (want.strict_time && totals.inversions > 0)
		wrong(NULL, "time goes back %u times", totals.inversions);
	printf("count=%u missing=%u duplicate=%u corrupt=%u reorder=%u unexpected=%u other=%u "
	       "inversions=%u max_len=%u max_caplen=%u first_ns=%" PRIu64 " last_ns=%" PRIu64 "\n",
	    totals.count, totals.missing, totals.duplicate, totals.corrupt, totals.reorder,
	    totals.unexpected, totals.other, totals.inversions, totals.max_len, totals.max_caplen,
	    totals.first_ns, totals.last_ns);
	return totals.wrong != 0;
}
