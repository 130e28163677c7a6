// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions to a loaded configuration. Nothing here changes or allocates. */
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool same(char pattern, char c, bool fold)
{
	if (pattern == '?' || pattern == c)
		return true;
	return fold &&
	       tolower((unsigned char)pattern) == tolower((unsigned char)c);
}

/* ? is one character, * any number. Goes back to the last * only, so a hostile
 * name costs len(pattern) * len(text) at most. */
static bool glob(const char *p, const char *end, const char *text, bool fold)
{
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (p < end && *p == '*') {
			star = p++;
			resume = text;
		} else if (p < end && same(*p, *text, fold)) {
			p++;
			text++;
		} else if (star) {
			p = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

bool hf_pattern_match(const char *pattern, const char *user, const char *host)
{
	const char *at = strrchr(pattern, '@');
	const char *end = pattern + strlen(pattern);

	if (!at)
		return glob(pattern, end, user ? user : "", false);
	return glob(pattern, at, user ? user : "", false) &&
	       glob(at + 1, end, host ? host : "", true);
}

bool hf_text_match(const char *pattern, const char *text)
{
	return glob(pattern, pattern + strlen(pattern), text, false);
}

bool hf_header_match(const char *wanted, const char *lines)
{
	size_t name = strcspn(wanted, ":");

	while (lines && *lines) {
		size_t len = strcspn(lines, "\n");
		char value[256];

		if (len > name + 2 && lines[name] == ':' &&
		    !strncasecmp(lines, wanted, name)) {
			snprintf(value, sizeof(value), "%.*s",
				 (int)(len - name - 2), lines + name + 2);
			return hf_text_match(wanted + name + 2, value);
		}
		lines += len + (lines[len] == '\n');
	}
	return false;
}

bool hf_ip_parse(const char *text, struct in6_addr *ret)
{
	char copy[INET6_ADDRSTRLEN];
	size_t len = strlen(text);
	struct in_addr ip4;

	if (inet_pton(AF_INET, text, &ip4) == 1) {
		*ret = hf_ip_mapped(ip4);
		return true;
	}
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return inet_pton(AF_INET6, copy, ret) == 1;
}

bool hf_right_from(const char *right, const char *source)
{
	const char *slash = strchr(right, '/');
	struct hf_config_prefix p;
	char net[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	if (!source || !slash || strchr(right, '@') ||
	    (size_t)(slash - right) >= sizeof(net))
		return false;
	snprintf(net, sizeof(net), "%.*s", (int)(slash - right), right);
	if (!hf_ip_parse(net, &p.net) || !hf_ip_parse(source, &ip))
		return false;
	p.bits = (unsigned int)strtoul(slash + 1, NULL, 10) +
		 (strchr(net, ':') ? 0 : 96);
	for (unsigned int i = p.bits; i < 128; i++)
		p.net.s6_addr[i / 8] &= (uint8_t)~(0x80u >> i % 8);
	return hf_prefix_match(&p, &ip);
}

bool hf_config_may_latch(const struct hf_config *c, struct hf_ip source)
{
	const struct in6_addr ip = hf_ip_in6(&source);

	return c->media.latch &&
	       (!c->media.allow_count ||
		hf_prefix_any(c->media.allow, c->media.allow_count, &ip));
}

bool hf_config_trusted(const struct hf_config *c, const struct in6_addr *source)
{
	return hf_prefix_any(c->sip.trusted, c->sip.trusted_count, source);
}

bool hf_config_internal(const struct hf_config *c,
			const struct hf_config_tenant *of, const char *user,
			const char *host)
{
	bool own = of && of->internal_count;
	char *const *list = own ? of->internal : c->sip.internal;
	unsigned int n = own ? of->internal_count : c->sip.internal_count;

	for (unsigned int i = 0; i < n; i++)
		if (hf_pattern_match(list[i], user, host))
			return true;
	return false;
}

unsigned int hf_config_leg_count(const struct hf_config *c)
{
	return c->media.address_count *
	       ((unsigned int)(c->media.port_max - c->media.port_min + 1) / 2);
}

void hf_config_print_summary(const struct hf_config *c, FILE *out)
{
	unsigned int slots = 0, legs = hf_config_leg_count(c);

	fprintf(out, "%s: valid\n", c->path);
	for (unsigned int i = 0; i < c->lot_count; i++) {
		const struct hf_config_lot *lot = &c->lots[i];
		unsigned int n = lot->slot_last - lot->slot_first + 1;

		slots += n;
		fprintf(out, "lot %s%s%s: park %s, slots %s%0*u to %s%0*u (%u)\n",
			lot->name, lot->of ? " of " : "",
			lot->of ? lot->of->name : "", lot->park, lot->slot_prefix,
			(int)lot->slot_digits, lot->slot_first,
			lot->slot_prefix, (int)lot->slot_digits, lot->slot_last,
			n);
	}
	fprintf(out, "instance %s: lots: %u, slots: %u, media addresses: %u\n",
		c->instance, c->lot_count, slots, c->media.address_count);
	fprintf(out,
		"ports %u-%u allow %u legs: %u parked calls, or %u picked up\n",
		c->media.port_min, c->media.port_max, legs, legs, legs / 2);
	if (slots > legs)
		fprintf(out,
			"note: there are more slots than legs; a call beyond "
			"%u finds no ports\n",
			legs);
}
