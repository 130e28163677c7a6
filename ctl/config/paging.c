// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list `paging`: the zones where parked calls are called out, by phones
 * that answer by themselves, by a multicast group, or both. Part of the tables
 * in tables.c; checked from check.c.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keys.h"

#define ZONE(field)   offsetof(struct hf_config_zone, field)
#define TARGET(field) offsetof(struct hf_config_page_target, field)

static const char *const answer_words[] = {
	[HF_AUTO_CALL_INFO] = "call_info",
	[HF_AUTO_ALERT_INFO] = "alert_info",
	[HF_AUTO_RING_ANSWER] = "ring_answer",
	[HF_AUTO_ANSWER_MODE] = "answer_mode",
	[HF_AUTO_NONE] = "none",
	NULL};

static const struct hf_key target_keys[] = {
	{VALUE("uri", TARGET(uri), hf_parse_uri,
	       "\"sip:*80@pbx.example.com\""),
	 .required = true},
	{WORD("auto_answer", TARGET(auto_answer), answer_words,
	      "call_info, alert_info, ring_answer, answer_mode or none")},
	{VALUE("alert_info", TARGET(alert_info), hf_parse_text,
	       "\"info=alert-autoanswer\"")},
	{0}};
static const struct hf_map target_map = {target_keys, NULL};

static bool parse_group(struct hf_reader *r, const char *text, void *field)
{
	struct in_addr ip;

	if (inet_pton(AF_INET, text, &ip) != 1 ||
	    !IN_MULTICAST(ntohl(ip.s_addr)))
		return hf_wrong(r,
				"\"%s\" is not a multicast group; it is an "
				"address from 224.0.0.0 to 239.255.255.255",
				text);
	/* RFC 5771 4: routers and switches talk to each other there. */
	if (ntohl(ip.s_addr) >> 8 == 0xe00000)
		return hf_wrong(r, "%s belongs to network protocols; use one "
				   "of 239.0.0.0/8",
				text);
	memcpy(field, &ip, sizeof(ip));
	return true;
}

static bool parse_group_codec(struct hf_reader *r, const char *text,
			      void *field)
{
	static const char *const names[] = {"PCMU", "PCMA", "G722"};
	char *copy;

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcasecmp(text, names[i])) {
			copy = hf_config_text(r, names[i]);
			memcpy(field, &copy, sizeof(copy));
			return copy;
		}
	return hf_wrong(r,
			"\"%s\" cannot be paged with: without SDP phones know "
			"PCMU, PCMA and G722",
			text);
}

static const struct hf_key group_keys[] = {
	{VALUE("group", ZONE(group), parse_group, "239.255.70.1"),
	 .required = true},
	{NUMBER("port", ZONE(port), 1024, 65535), .required = true},
	{NUMBER("ttl", ZONE(ttl), 1, 255)},
	{VALUE("interface", ZONE(interface), hf_parse_interface, "eth0")},
	{VALUE("codec", ZONE(codec), parse_group_codec, "PCMU")},
	{0}};
static const struct hf_map group_map = {group_keys, NULL};

static const struct hf_key zone_keys[] = {
	{VALUE("name", ZONE(name), hf_parse_name, "warehouse"),
	 .required = true},
	{VALUE("tenant", ZONE(tenant), hf_parse_name, "acme")},
	{RECORDS("phones", ZONE(targets), ZONE(target_count), &target_map,
		 struct hf_config_page_target, 1, 100,
		 "{ uri: \"sip:*80@pbx.example.com\" }")},
	{NUMBER("answer_s", ZONE(answer_s), 1, 60)},
	{SECTION("multicast", &group_map,
		 "{ group: 239.255.70.1, port: 5004 }")},
	{0}};

static void init_zone(struct hf_reader *r, void *record)
{
	struct hf_config_zone *z = record;

	z->answer_s = 5;
	z->ttl = 1;
	z->codec = hf_config_text(r, "PCMU");
}
const struct hf_map hf_config_zone_map = {zone_keys, init_zone};

static void check_group(struct hf_reader *r, struct hf_config_zone *z)
{
	const struct hf_config *c = r->config;
	bool known = false, coded = false;

	for (unsigned int i = 0; i < c->media.address_count; i++) {
		const char *have = c->media.addresses[i].interface;

		if (!z->interface[0])
			memcpy(z->interface, have, sizeof(z->interface));
		known |= !strcmp(have, z->interface);
	}
	if (!known)
		hf_wrong_at(r, z->interface, z, "multicast.interface",
			    "%s has no address of media.addresses; what is "
			    "sent leaves by one of these",
			    z->interface);
	for (unsigned int i = 0; i < c->audio.codec_count; i++)
		coded |= c->audio.codecs[i] && z->codec &&
			 !strcmp(c->audio.codecs[i], z->codec);
	if (!coded && z->codec)
		hf_wrong_at(r, &z->codec, z, "multicast.codec",
			    "audio.codecs lacks %s: no prompt is encoded in it",
			    z->codec);
}

static void check_zone(struct hf_reader *r, unsigned int index)
{
	struct hf_config *c = r->config;
	struct hf_config_zone *z = &c->zones[index];

	if (!z->target_count && !z->group.s_addr && !hf_line_of(r, &z->targets) &&
	    !hf_line_of(r, &z->group))
		hf_wrong_at(r, &z->targets, z, "phones",
			    "is required (or multicast)");
	if (z->group.s_addr)
		check_group(r, z);
	for (unsigned int i = 0; i < index && z->name; i++)
		if (c->zones[i].name && !strcmp(c->zones[i].name, z->name))
			hf_wrong_at(r, &z->name, z, "name",
				    "%s is also the name of paging[%u]",
				    z->name, i);
}

static const struct hf_config_zone *zone_named(const struct hf_config *c,
					       const char *name)
{
	for (unsigned int i = 0; i < c->zone_count; i++)
		if (c->zones[i].name && !strcmp(c->zones[i].name, name))
			return &c->zones[i];
	return NULL;
}

static void check_lot_page(struct hf_reader *r, struct hf_config_lot *lot)
{
	const struct hf_config_zone *zone;

	if (!lot->page)
		return;
	zone = zone_named(r->config, lot->page);
	if (!zone)
		hf_wrong_at(r, &lot->page, lot, "page",
			    "no zone of paging is called %s", lot->page);
	else if (zone->of && lot->of && zone->of != lot->of)
		hf_wrong_at(r, &lot->page, lot, "page",
			    "zone %s is of tenant %s", zone->name,
			    zone->tenant);
}

void hf_config_paging_check(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	for (unsigned int i = 0; i < c->zone_count; i++)
		check_zone(r, i);
	for (unsigned int i = 0; i < c->lot_count; i++)
		check_lot_page(r, &c->lots[i]);
}
