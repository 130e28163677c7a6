/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An IP address of either family, as the rooms hand it around. Of an IPv6 address
 * `s_addr` is the digest that the packet path goes by (holdfast/remote.h), so
 * that 0 means "none" for both; whether two are the same hf_ip_equal() says.
 */
#ifndef HOLDFAST_BASE_IP_H
#define HOLDFAST_BASE_IP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <holdfast/remote.h>

struct hf_ip {
	in_addr_t s_addr;
	struct in6_addr six; /* all 0: IPv4 */
};

#define HF_IP_TEXT INET6_ADDRSTRLEN

static inline bool hf_ip_is6(const struct hf_ip *ip)
{
	return !IN6_IS_ADDR_UNSPECIFIED(&ip->six);
}

static inline bool hf_ip_equal(const struct hf_ip *a, const struct hf_ip *b)
{
	return a->s_addr == b->s_addr &&
	       !memcmp(&a->six, &b->six, sizeof(a->six));
}

static inline struct hf_ip hf_ip_of4(struct in_addr ip4)
{
	return (struct hf_ip){.s_addr = ip4.s_addr};
}

/* :: is none; IPv4 in IPv6's clothes is IPv4. */
static inline struct hf_ip hf_ip_of6(const struct in6_addr *six)
{
	struct hf_ip ip = {.six = *six};
	struct hf_ip6 words;

	if (IN6_IS_ADDR_V4MAPPED(six)) {
		memcpy(&ip.s_addr, &six->s6_addr[12], 4);
		ip.six = (struct in6_addr){0};
	} else if (!IN6_IS_ADDR_UNSPECIFIED(six)) {
		memcpy(&words, six, sizeof(words));
		ip.s_addr = hf_ip6_digest(&words);
	}
	return ip;
}

/* As prefixes are matched with it: IPv4 mapped. */
static inline struct in6_addr hf_ip_in6(const struct hf_ip *ip)
{
	struct in6_addr out = ip->six;

	if (hf_ip_is6(ip))
		return out;
	out.s6_addr[10] = out.s6_addr[11] = 0xff;
	memcpy(&out.s6_addr[12], &ip->s_addr, 4);
	return out;
}

/* A numeric address of either family; false: it is none, and *ret is 0. */
static inline bool hf_ip_read(const char *text, struct hf_ip *ret)
{
	struct in6_addr six;
	struct in_addr ip4;

	*ret = (struct hf_ip){0};
	if (inet_pton(AF_INET, text, &ip4) == 1)
		*ret = hf_ip_of4(ip4);
	else if (inet_pton(AF_INET6, text, &six) == 1)
		*ret = hf_ip_of6(&six);
	else
		return false;
	return true;
}

static inline const char *hf_ip_text(const struct hf_ip *ip,
				     char text[HF_IP_TEXT])
{
	if (hf_ip_is6(ip))
		return inet_ntop(AF_INET6, &ip->six, text, HF_IP_TEXT);
	return inet_ntop(AF_INET, &ip->s_addr, text, HF_IP_TEXT);
}

#endif
