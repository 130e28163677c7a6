// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The meaning of single values, second part: addresses, prefixes, listen
 * points and ranges of ports and slots. Called by reader.c through tables.c.
 */
#include "values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define HF_SIP_PORT   5060
#define HF_SLOTS_MOST 100000 /* of one lot */

static bool later(struct hf_reader *r, const char *text, const char *what)
{
	return hf_wrong(r, "\"%s\": %s not supported yet by this version", text,
			what);
}

/* The address of one host: neither a wildcard nor a group. */
bool hf_parse_ip4(struct hf_reader *r, const char *text, void *field)
{
	struct in_addr ip;
	uint32_t host;

	if (strchr(text, ':'))
		return later(r, text, "IPv6 is");
	if (inet_pton(AF_INET, text, &ip) != 1)
		return hf_wrong(r, "\"%s\" is not an IPv4 address", text);
	host = ntohl(ip.s_addr);
	if (host >> 24 == 0)
		return hf_wrong(r,
				"%s stands for no single address; name the one "
				"that peers reach",
				text);
	if (host >> 28 >= 14)
		return hf_wrong(r,
				"%s is a multicast, broadcast or reserved "
				"address",
				text);
	memcpy(field, &ip, sizeof(ip));
	return true;
}

bool hf_parse_interface(struct hf_reader *r, const char *text, void *field)
{
	size_t len = strlen(text);

	if (!len || len >= IFNAMSIZ || !strcmp(text, ".") ||
	    !strcmp(text, "..") || strpbrk(text, "/: \t"))
		return hf_wrong(r, "\"%s\" is not the name of an interface",
				text);
	memcpy(field, text, len + 1);
	return true;
}

static bool read_port(const char *text, size_t len, unsigned long *ret)
{
	unsigned long n = 0;

	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		n = n * 10 + (unsigned long)(text[i] - '0');
	}
	*ret = n;
	return n > 0 && n <= 65535;
}

static bool read_transport(struct hf_reader *r, const char *text, size_t len,
			   struct hf_config_listen *l)
{
	static const char *const today[] = { "udp", "tcp" };
	static const char *const some_day[] = { "tls", "ws", "wss", "sctp" };

	for (unsigned int i = 0; i < 2; i++)
		if (len == 3 && !strncmp(text, today[i], len)) {
			strcpy(l->transport, today[i]);
			return true;
		}
	for (unsigned int i = 0; i < 4; i++)
		if (len == strlen(some_day[i]) &&
		    !strncmp(text, some_day[i], len))
			return hf_wrong(r,
					"\"%s\": %s is not supported yet by "
					"this version; udp and tcp are",
					text, some_day[i]);
	return hf_wrong(r,
			"\"%s\" has no known transport; write "
			"udp:ADDRESS:PORT or tcp:ADDRESS:PORT",
			text);
}

/* udp:192.0.2.10:5060 */
bool hf_parse_listen(struct hf_reader *r, const char *text, void *field)
{
	struct hf_config_listen *l = field;
	const char *host = strchr(text, ':'), *colon;
	unsigned long port = HF_SIP_PORT;
	struct in_addr ip;
	size_t len;

	if (!host)
		return hf_wrong(r,
				"\"%s\" is not TRANSPORT:ADDRESS:PORT; write "
				"udp:192.0.2.10:5060",
				text);
	if (!read_transport(r, text, (size_t)(host - text), l))
		return false;
	host++;
	if (host[0] == '[' ||
	    (strchr(host, ':') && strchr(host, ':') != strrchr(host, ':')))
		return later(r, text, "IPv6 is");
	colon = strchr(host, ':');
	len = colon ? (size_t)(colon - host) : strlen(host);
	if (colon && !read_port(colon + 1, strlen(colon + 1), &port))
		return hf_wrong(r, "\"%s\" has no port from 1 to 65535", text);
	if (len >= sizeof(l->host))
		return hf_wrong(r, "\"%s\" has no numeric IPv4 address", text);
	memcpy(l->host, host, len);
	l->host[len] = '\0';
	l->port = (uint16_t)port;
	return hf_parse_ip4(r, l->host, &ip);
}

/* 192.0.2.0/24, or one address */
bool hf_parse_prefix(struct hf_reader *r, const char *text, void *field)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET_ADDRSTRLEN], right[INET_ADDRSTRLEN];
	struct hf_config_prefix p = { .bits = 32 };
	uint32_t mask;
	struct in_addr net;

	if (strchr(text, ':'))
		return later(r, text, "IPv6 is");
	if (len < sizeof(address)) {
		memcpy(address, text, len);
		address[len] = '\0';
	}
	if (len >= sizeof(address) || inet_pton(AF_INET, address, &p.net) != 1)
		return hf_wrong(r,
				"\"%s\" is not an IPv4 address or prefix such "
				"as 192.0.2.0/24",
				text);
	if (slash) {
		size_t digits = strspn(slash + 1, "0123456789");

		p.bits = (unsigned int)strtoul(slash + 1, NULL, 10);
		if (!digits || digits > 2 || slash[1 + digits] || p.bits > 32)
			return hf_wrong(r,
					"\"%s\" has no prefix length from 0 "
					"to 32",
					text);
	}
	mask = p.bits ? 0xffffffffu << (32 - p.bits) : 0;
	net.s_addr = p.net.s_addr & htonl(mask);
	if (net.s_addr != p.net.s_addr) {
		inet_ntop(AF_INET, &net, right, sizeof(right));
		return hf_wrong(r,
				"\"%s\" has bits behind its length; write "
				"%s/%u or %s",
				text, right, p.bits, address);
	}
	memcpy(field, &p, sizeof(p));
	return true;
}

/* 20000-29999: pairs of RTP (even) and RTCP (odd, above it). */
bool hf_parse_ports(struct hf_reader *r, const char *text, void *field)
{
	const char *dash = strchr(text, '-');
	unsigned long from, to;
	uint16_t ports[2];

	if (!dash || !read_port(text, (size_t)(dash - text), &from) ||
	    !read_port(dash + 1, strlen(dash + 1), &to))
		return hf_wrong(r,
				"\"%s\" is not a range of ports; write "
				"20000-29999",
				text);
	if (from > to)
		return hf_wrong(r, "%lu-%lu goes backwards; write %lu-%lu",
				from, to, to, from);
	if (from < 1024)
		return hf_wrong(r,
				"%lu is below 1024; those ports belong to "
				"system services",
				from);
	if (from % 2 || to % 2 == 0)
		return hf_wrong(r,
				"%s: the first port has to be even and the "
				"last odd (RTP and RTCP in pairs); write "
				"%lu-%lu",
				text, from - from % 2, to + (to % 2 == 0));
	ports[0] = (uint16_t)from;
	ports[1] = (uint16_t)to;
	_Static_assert(offsetof(struct hf_config, media.port_max) ==
			       offsetof(struct hf_config, media.port_min) + 2,
		       "both ports are written through one field");
	memcpy(field, ports, sizeof(ports));
	return true;
}

/* "*701" into "*" and 701: the digits at its end. */
struct hf_slot_number {
	char prefix[32];
	unsigned long value;
	size_t digits;
};

static bool read_slot(const char *text, size_t len, struct hf_slot_number *ret)
{
	size_t prefix = len;

	while (prefix && isdigit((unsigned char)text[prefix - 1]))
		prefix--;
	ret->digits = len - prefix;
	if (!ret->digits || ret->digits > 9 || prefix >= sizeof(ret->prefix))
		return false;
	for (size_t i = 0; i < prefix; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    !strchr("*#+._", text[i]))
			return false;
	memcpy(ret->prefix, text, prefix);
	ret->prefix[prefix] = '\0';
	ret->value = strtoul(text + prefix, NULL, 10);
	return true;
}

/* 701-720, *701-*720, or one slot */
bool hf_parse_slots(struct hf_reader *r, const char *text, void *field)
{
	struct hf_config_lot *lot =
		(void *)((char *)field -
			 offsetof(struct hf_config_lot, slot_prefix));
	const char *dash = strchr(text, '-');
	const char *end = dash ? dash + 1 : text;
	struct hf_slot_number from, to;

	if (!read_slot(text, dash ? (size_t)(dash - text) : strlen(text),
		       &from) ||
	    !read_slot(end, strlen(end), &to))
		return hf_wrong(
			r,
			"\"%s\" is not a range of slots; write 701-720, "
			"with a prefix *701-*720",
			text);
	if (strcmp(from.prefix, to.prefix))
		return hf_wrong(r,
				"\"%s\" has two different prefixes; write "
				"%s%lu-%s%lu",
				text, from.prefix, from.value, from.prefix,
				to.value);
	if (from.digits != to.digits)
		return hf_wrong(
			r,
			"\"%s\" has numbers of %zu and %zu digits; give "
			"both the same, with zeros in front if need be",
			text, from.digits, to.digits);
	if (from.value > to.value)
		return hf_wrong(r,
				"\"%s\" goes backwards; the smaller number "
				"comes first",
				text);
	if (to.value - from.value >= HF_SLOTS_MOST)
		return hf_wrong(r, "\"%s\" has %lu slots; %d at most", text,
				to.value - from.value + 1, HF_SLOTS_MOST);
	lot->slot_prefix = hf_config_text(r, from.prefix);
	lot->slot_first = (uint32_t)from.value;
	lot->slot_last = (uint32_t)to.value;
	lot->slot_digits = (unsigned int)from.digits;
	lot->offered_first = lot->slot_first;
	lot->offered_last = lot->slot_last;
	return lot->slot_prefix != NULL;
}
