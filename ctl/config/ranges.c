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
#define HF_SIPS_PORT  5061
#define HF_SLOTS_MOST 100000 /* of one lot */

/* The address of one host: neither a wildcard nor a group. */
bool hf_parse_ip4(struct hf_reader *r, const char *text, void *field)
{
	struct in_addr ip;
	uint32_t host;

	if (strchr(text, ':'))
		return hf_wrong(r,
				"\"%s\": IPv6 is not supported yet by this "
				"version; name an IPv4 address",
				text);
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

static bool host_ip6(struct hf_reader *r, const char *text,
		     struct in6_addr *ret)
{
	if (inet_pton(AF_INET6, text, ret) != 1)
		return hf_wrong(r, "\"%s\" is not an IPv6 address", text);
	if (IN6_IS_ADDR_V4MAPPED(ret))
		return hf_wrong(r, "%s is an IPv4 address; write it as one",
				text);
	if (IN6_IS_ADDR_UNSPECIFIED(ret) || IN6_IS_ADDR_MULTICAST(ret))
		return hf_wrong(r,
				"%s stands for no single address; name the one "
				"that peers reach",
				text);
	if (IN6_IS_ADDR_LINKLOCAL(ret))
		return hf_wrong(r,
				"%s is good for one link only; name a global "
				"or unique local address (fd..)",
				text);
	return true;
}

/* The same of either family. */
bool hf_parse_ip(struct hf_reader *r, const char *text, void *field)
{
	struct in6_addr six;
	struct in_addr ip4;
	struct hf_ip ip;

	if (strchr(text, ':')) {
		if (!host_ip6(r, text, &six))
			return false;
		ip = hf_ip_of6(&six);
	} else {
		if (!hf_parse_ip4(r, text, &ip4))
			return false;
		ip = hf_ip_of4(ip4);
	}
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
	static const char *const today[] = { "udp", "tcp", "tls" };
	static const char *const some_day[] = { "ws", "wss", "sctp" };

	for (unsigned int i = 0; i < 3; i++)
		if (len == 3 && !strncmp(text, today[i], len)) {
			strcpy(l->transport, today[i]);
			return true;
		}
	for (unsigned int i = 0; i < 3; i++)
		if (len == strlen(some_day[i]) &&
		    !strncmp(text, some_day[i], len))
			return hf_wrong(r,
					"\"%s\": %s is not supported yet by "
					"this version; udp, tcp and tls are",
					text, some_day[i]);
	return hf_wrong(r,
			"\"%s\" has no known transport; write "
			"udp:ADDRESS:PORT, tcp:ADDRESS:PORT or "
			"tls:ADDRESS:PORT",
			text);
}

/* "192.0.2.10:5060", "[2001:db8::10]:5060": the host, and where the port is. */
static bool read_host(struct hf_reader *r, const char *text, const char *host,
		      struct hf_config_listen *l, const char **ret_port)
{
	const char *end;
	size_t len;

	if (host[0] == '[') {
		end = strchr(++host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return hf_wrong(r,
					"\"%s\" has no address in []; write "
					"%s:[2001:db8::10]:5060",
					text, l->transport);
		*ret_port = end[1] ? end + 2 : NULL;
	} else if (strchr(host, ':') != strrchr(host, ':')) {
		return hf_wrong(r,
				"\"%s\": an IPv6 address has to be in []; "
				"write %s:[2001:db8::10]:5060",
				text, l->transport);
	} else {
		end = strchr(host, ':');
		*ret_port = end ? end + 1 : NULL;
		if (!end)
			end = host + strlen(host);
	}
	len = (size_t)(end - host);
	if (len >= sizeof(l->host))
		return hf_wrong(r, "\"%s\" has no numeric address", text);
	memcpy(l->host, host, len);
	l->host[len] = '\0';
	return true;
}

/* udp:192.0.2.10:5060 */
bool hf_parse_listen(struct hf_reader *r, const char *text, void *field)
{
	struct hf_config_listen *l = field;
	const char *host = strchr(text, ':'), *number = NULL;
	unsigned long port = HF_SIP_PORT;
	struct in6_addr ip6;
	struct in_addr ip;

	if (!host)
		return hf_wrong(r,
				"\"%s\" is not TRANSPORT:ADDRESS:PORT; write "
				"udp:192.0.2.10:5060",
				text);
	if (!read_transport(r, text, (size_t)(host - text), l) ||
	    !read_host(r, text, host + 1, l, &number))
		return false;
	if (!strcmp(l->transport, "tls"))
		port = HF_SIPS_PORT;
	if (number && !read_port(number, strlen(number), &port))
		return hf_wrong(r, "\"%s\" has no port from 1 to 65535", text);
	l->port = (uint16_t)port;
	if (!strchr(l->host, ':'))
		return hf_parse_ip4(r, l->host, &ip);
	if (!host_ip6(r, l->host, &ip6))
		return false;
	/* one way to write it, so that it can be found */
	inet_ntop(AF_INET6, &ip6, l->host, sizeof(l->host));
	return true;
}

/* The bits behind the length of a prefix, made 0. */
static struct in6_addr masked(struct in6_addr ip, unsigned int bits)
{
	for (unsigned int i = bits; i < 128; i++)
		ip.s6_addr[i / 8] &= (uint8_t)~(0x80u >> i % 8);
	return ip;
}

static void ip_text(const struct in6_addr *ip, char *text, size_t len)
{
	if (IN6_IS_ADDR_V4MAPPED(ip))
		inet_ntop(AF_INET, &ip->s6_addr[12], text, (socklen_t)len);
	else
		inet_ntop(AF_INET6, ip, text, (socklen_t)len);
}

/* 192.0.2.0/24, 2001:db8::/32, or one address */
bool hf_parse_prefix(struct hf_reader *r, const char *text, void *field)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN] = "", right[INET6_ADDRSTRLEN];
	struct hf_config_prefix p = { .bits = 128 };
	unsigned int most = 128;
	struct in6_addr net;
	struct in_addr ip;

	if (len < sizeof(address)) {
		memcpy(address, text, len);
		address[len] = '\0';
	}
	if (inet_pton(AF_INET, address, &ip) == 1) {
		p.net = hf_ip_mapped(ip);
		most = 32;
	} else if (inet_pton(AF_INET6, address, &p.net) != 1 ||
		   IN6_IS_ADDR_V4MAPPED(&p.net)) {
		return hf_wrong(r,
				"\"%s\" is not an address or prefix such as "
				"192.0.2.0/24 or 2001:db8::/32",
				text);
	}
	if (slash) {
		size_t digits = strspn(slash + 1, "0123456789");

		p.bits = (unsigned int)strtoul(slash + 1, NULL, 10);
		if (!digits || digits > 3 || slash[1 + digits] || p.bits > most)
			return hf_wrong(r,
					"\"%s\" has no prefix length from 0 "
					"to %u",
					text, most);
		p.bits += 128 - most;
	}
	net = masked(p.net, p.bits);
	if (memcmp(&net, &p.net, sizeof(net))) {
		ip_text(&net, right, sizeof(right));
		return hf_wrong(r,
				"\"%s\" has bits behind its length; write "
				"%s/%u or %s",
				text, right, p.bits - (128 - most), address);
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
