// SPDX-License-Identifier: GPL-2.0-or-later
/* Wrong configuration files and what is said about them. rooms: config base */
#include "test.h"

#include "config_file.h"

/* What is said about a file that has to be refused. */
static const char *said(const char *text)
{
	static char copy[8192];
	struct hf_config *c = NULL;
	char *errors;
	int error = load_as(text, NULL, &c, &errors);

	snprintf(copy, sizeof(copy), "%s%s", error == -EINVAL ? "" : "loaded ",
		 errors);
	free(errors);
	hf_config_free(c);
	return copy;
}

/* The lot of the smallest file with one more key. */
#define LOT_SAYS(key, what)                       \
	CHECK_STR(said(SMALLEST "    " key "\n"), \
		  "holdfast.yaml:13: lots[0]." what "\n")
#define SLOTS_SAY(value, what)                                                \
	CHECK_STR(said(SIP MEDIA AUDIO                                        \
		       "lots: [ { name: a, park: 7, slots: " value " } ]\n"), \
		  "holdfast.yaml:9: lots[0].slots: " what "\n")
#define MEDIA_SAYS(text, what)                                 \
	CHECK_STR(said(SIP "media: { " text " }\n" AUDIO LOT), \
		  "holdfast.yaml:5: media." what "\n")
#define EIGHT "addresses: [ { address: 192.0.2.8, interface: eth0 } ], "
#define SIP_SAYS(listen, trusted, more, what)                               \
	CHECK_STR(said("sip: { listen: [ " listen " ], trusted: [ " trusted \
		       " ], internal: [ \"*@*\" ]" more                     \
		       " }\n" MEDIA AUDIO LOT),                             \
		  "holdfast.yaml:1: sip." what "\n")

TEST(an_unknown_key_is_named_with_the_nearest_one)
{
	LOT_SAYS("timeuot_s: 90",
		 "timeuot_s: unknown key; did you mean timeout_s?");
	LOT_SAYS("may_retreive: [ any ]",
		 "may_retreive: unknown key; did you mean may_retrieve?");
	LOT_SAYS("recall: { rings: 3 }",
		 "recall.rings: unknown key; did you mean ring_s?");
	LOT_SAYS("recall: { colour: red }",
		 "recall.colour: unknown key; known here: ring_s, attempts, "
		 "fallback, finally, display_prefix, alert_info, follow_redirect, "
		 "on_hangup, confirm, confirm_s");
	CHECK_STR(said(SMALLEST "lost: []\n"),
		  "holdfast.yaml:13: lost: unknown key; did you mean lots?\n");
}

TEST(all_errors_are_said_in_one_run_in_the_order_of_the_file)
{
	CHECK_STR(
		said("sip:\n"
		     "  listen: [ \"wss:192.0.2.10:5061\" ]\n"
		     "  trused: [ 192.0.2.0/24 ]\n" MEDIA
		     "  ports: 20000-20010\n" AUDIO "  memory_mib: 12MB\n"
		     "lots:\n"
		     "  - name: main\n"
		     "    park: \"705\"\n"
		     "    slots: 701-720\n"
		     "    hold_audio: defalt\n"
		     "    recall: { ring_s: 0 }\n"),
		"holdfast.yaml:2: sip.listen[0]: \"wss:192.0.2.10:5061\": wss "
		"is not supported yet by this version; udp, tcp and tls are\n"
		"holdfast.yaml:2: sip.trusted: is missing; write trusted: "
		"[ 192.0.2.0/24 ]\n"
		"holdfast.yaml:3: sip.trused: unknown key; did you mean "
		"trusted?\n"
		"holdfast.yaml:6: media.ports: 20000-20010: the first port "
		"has to be even and the last odd (RTP and RTCP in pairs); "
		"write 20000-20011\n"
		"holdfast.yaml:9: audio.memory_mib: \"12MB\" is not a whole "
		"number; write 1 to 65536\n"
		"holdfast.yaml:11: lots[0].may_park: says internal, but "
		"sip.internal names nobody; list your users there, or write "
		"[ any ]\n"
		"holdfast.yaml:11: lots[0].may_retrieve: says internal, "
		"but sip.internal names nobody; list your users there, or "
		"write [ any ]\n"
		"holdfast.yaml:13: lots[0].slots: 705 is also a number of "
		"lots[0].park (line 12); no number may mean two things\n"
		"holdfast.yaml:14: lots[0].hold_audio: no clip of "
		"audio.clips is called defalt; did you mean default?\n"
		"holdfast.yaml:15: lots[0].recall.ring_s: 0 is out of range; "
		"write 1 to 600\n");
}

TEST(every_missing_required_key_is_named)
{
	CHECK_STR(said("lots: [ { } ]\n"),
		  "holdfast.yaml:1: lots[0].name: is missing; write name: "
		  "main\n"
		  "holdfast.yaml:1: lots[0].park: is missing; write park: "
		  "\"700\"\n"
		  "holdfast.yaml:1: lots[0].slots: is missing; write slots: "
		  "701-720\n"
		  "holdfast.yaml:1: sip: is missing; write sip: "
		  "{ listen: [ ... ] }\n"
		  "holdfast.yaml:1: media: is missing; write media: "
		  "{ addresses: [ ... ] }\n"
		  "holdfast.yaml:1: audio: is missing; write audio: "
		  "{ clips: [ ... ] }\n"
		  "holdfast.yaml:1: lots[0].may_park: says internal, but "
		  "sip.internal names nobody; list your users there, or write "
		  "[ any ]\n"
		  "holdfast.yaml:1: lots[0].may_retrieve: says internal, "
		  "but sip.internal names nobody; list your users there, or "
		  "write [ any ]\n");
}

TEST(a_key_that_is_there_twice_is_refused)
{
	LOT_SAYS("slots: 701-720", "slots: is there twice, first in line 12");
	LOT_SAYS("labels: { 701: a, \"701\": b }",
		 "labels.701: is there twice, first in line 13");
}

TEST(a_value_of_the_wrong_type_is_refused)
{
	LOT_SAYS("timeout_s: 90s",
		 "timeout_s: \"90s\" is not a whole number; write 0 to 86400 "
		 "(seconds: the key carries the unit)");
	LOT_SAYS("timeout_s: -1",
		 "timeout_s: \"-1\" is not a whole number; write 0 to 86400 "
		 "(seconds: the key carries the unit)");
	LOT_SAYS("timeout_s: 99999999999999999999999",
		 "timeout_s: \"99999999999999999999999\" is not a whole "
		 "number; write 0 to 86400 (seconds: the key carries the "
		 "unit)");
	LOT_SAYS("timeout_s: [ 90 ]",
		 "timeout_s: is a list; one value belongs here");
	LOT_SAYS("timeout_s: { s: 90 }",
		 "timeout_s: is a map; one value belongs here");
	LOT_SAYS("timeout_s:",
		 "timeout_s: has no value; give one or leave the key out");
	LOT_SAYS("may_park: internal",
		 "may_park: needs a list; write [ internal ]");
	LOT_SAYS("may_park: []", "may_park: is empty; write [ internal ]");
	LOT_SAYS("recall: 30", "recall: needs keys with values below it");
	LOT_SAYS("labels: [ a ]", "labels: needs slots with texts; write "
				  "{ \"701\": Sales }");
	LOT_SAYS("hold_audio: \"a\\0b\"", "hold_audio: contains a zero byte");
	LOT_SAYS("recall: { alert_info: \"a\\r\\nVia: b\" }",
		 "recall.alert_info: contains a line break or another control "
		 "character");
	MEDIA_SAYS(EIGHT "nat: maybe",
		   "nat: \"maybe\" is neither true nor false");
	CHECK_STR(said("- a\n"),
		  "holdfast.yaml:1: needs keys with values below it\n");
}

TEST(numbers_out_of_range_are_refused)
{
	LOT_SAYS("max_wait_s: 9",
		 "max_wait_s: 9 is out of range; write 10 to 259200");
	LOT_SAYS("max_wait_s: 259201",
		 "max_wait_s: 259201 is out of range; write 10 to 259200");
	LOT_SAYS("timeout_s: 3601",
		 "timeout_s: 3601 s are longer than max_wait_s (3600 s), so "
		 "nobody would be rung; make it shorter, or 0 for never");
	LOT_SAYS("recall: { attempts: 101 }",
		 "recall.attempts: 101 is out of range; write 0 to 100");
}

TEST(slots_have_to_be_a_range)
{
	SLOTS_SAY("720-701", "\"720-701\" goes backwards; the smaller number "
			     "comes first");
	SLOTS_SAY("95-105", "\"95-105\" has numbers of 2 and 3 digits; give "
			    "both the same, with zeros in front if need be");
	SLOTS_SAY("\"*701-#720\"", "\"*701-#720\" has two different prefixes; "
				   "write *701-*720");
	SLOTS_SAY("abc", "\"abc\" is not a range of slots; write 701-720, with "
			 "a prefix *701-*720");
	SLOTS_SAY("701-", "\"701-\" is not a range of slots; write 701-720, "
			  "with a prefix *701-*720");
	SLOTS_SAY("1234567890", "\"1234567890\" is not a range of slots; write "
				"701-720, with a prefix *701-*720");
	SLOTS_SAY("000000-100000", "\"000000-100000\" has 100001 slots; 100000 "
				   "at most");
}

TEST(all_lots_together_have_a_most_too)
{
	CHECK_STR(said(SIP MEDIA AUDIO
		       "lots:\n"
		       "  - { name: a, park: 7, slots: 000000-060000 }\n"
		       "  - { name: b, park: 8, slots: 100000-160000 }\n"),
		  "holdfast.yaml:10: lots: have 120002 slots together; 100000 "
		  "at most\n");
}

TEST(no_number_means_two_things)
{
#define TWO(first, second, what)                                         \
	CHECK_STR(said(SIP MEDIA AUDIO "lots:\n"                         \
				       "  - { name: a, " first " }\n"    \
				       "  - { name: b, " second " }\n"), \
		  what)
	TWO("park: 700, slots: 701-720", "park: 800, slots: 715-730",
	    "holdfast.yaml:11: lots[1].slots: 715 is also a number of "
	    "lots[0].slots (line 10); no number may mean two things\n");
	TWO("park: 700, slots: 701-720", "park: 700, slots: 801-820",
	    "holdfast.yaml:11: lots[1].park: 700 is also a number of "
	    "lots[0].park (line 10); no number may mean two things\n");
	TWO("park: 700, slots: 701-720", "park: 720, slots: 801-820",
	    "holdfast.yaml:11: lots[1].park: 720 is also a number of "
	    "lots[0].slots (line 10); no number may mean two things\n");
	/* 7 + 01..20 are 701..720 */
	TWO("park: 700, slots: 701-720",
	    "park: 800, slots: 05-30, pickup_prefix: 7",
	    "holdfast.yaml:11: lots[1].pickup_prefix: 705 is also a number of "
	    "lots[0].slots (line 10); no number may mean two things\n");
	/* *6 + 8701 and *68 + 701 */
	TWO("park: 700, slots: 701-720, park_prefix: \"*68\"",
	    "park: 800, slots: 8720-8799, park_prefix: \"*6\"",
	    "holdfast.yaml:11: lots[1].park_prefix: *68720 is also a number of "
	    "lots[0].park_prefix (line 10); no number may mean two things\n");
	TWO("park: 700, slots: 701-720", "park: \"*700\", slots: \"*701-*720\"",
	    "loaded ");
	TWO("park: 700, slots: 701-720", "park: 7000, slots: 7010-7020",
	    "loaded ");
#undef TWO
}

TEST(prefixes_of_a_lot_have_to_differ)
{
	CHECK_STR(said(SMALLEST "    park_prefix: \"*8\"\n"
				"    pickup_prefix: \"*8\"\n"),
		  "holdfast.yaml:14: lots[0].pickup_prefix: *8701 is also a "
		  "number of lots[0].park_prefix (line 13); no number may mean "
		  "two things\n");
}

TEST(labels_belong_to_slots_of_the_lot)
{
	LOT_SAYS("labels: { 799: Sales }",
		 "labels.799: is not a slot of this lot, which has 701 to 720");
	LOT_SAYS("labels: { 0701: Sales }",
		 "labels.0701: is not a slot of this lot, which has 701 to "
		 "720");
	LOT_SAYS("labels: { 701: }",
		 "labels.701: has no value; give one or leave the key out");
}

TEST(rights_are_words_or_patterns)
{
	LOT_SAYS("may_park: [ intrenal ]",
		 "may_park[0]: \"intrenal\" is unknown; did you mean internal? "
		 "it can be internal, any, a pattern user@host or a network "
		 "such as 192.0.2.0/24");
	LOT_SAYS("may_watch: [ 192.0.2.0/33 ]",
		 "may_watch[0]: \"192.0.2.0/33\" has no prefix length from 0 "
		 "to 32");
	LOT_SAYS("may_park: [ \"@pbx\" ]",
		 "may_park[0]: \"@pbx\" has an empty side; write * for any");
	CHECK_STR(said("sip: { listen: [ \"udp:192.0.2.10\" ], "
		       "trusted: [ 192.0.2.1 ], "
		       "internal: [ 1???, \"sip:a@b\" ] }\n" MEDIA AUDIO LOT),
		  "holdfast.yaml:1: sip.internal[0]: \"1???\" says no host; "
		  "write 1???@your.domain, or 1???@* for any\n"
		  "holdfast.yaml:1: sip.internal[1]: \"sip:a@b\" is a URI; "
		  "leave sip: out\n");
}

TEST(routing_rules_name_what_there_is)
{
	CHECK_STR(said(SMALLEST "routing:\n"
				"  - { name: a }\n"
				"  - { name: b, header: \"X-A: 1\", lot: nowhere }\n"
				"  - { name: c, called: \"1\", slot: \"999\" }\n"
				"  - { name: d, header: X-A, hold_audio: nix }\n"),
		  "holdfast.yaml:14: routing[0].name: fits every call; say "
		  "called, caller, parker, header or source\n"
		  "holdfast.yaml:15: routing[1].header: \"X-A\" is not read; "
		  "add it to sip.carry_headers\n"
		  "holdfast.yaml:15: routing[1].lot: there is no lot "
		  "\"nowhere\"\n"
		  "holdfast.yaml:16: routing[2].slot: there is no slot 999\n"
		  "holdfast.yaml:17: routing[3].header: \"X-A\" needs a "
		  "header and what it may say; write \"X-Account: gold*\"\n"
		  "holdfast.yaml:17: routing[3].name: fits every call; say "
		  "called, caller, parker, header or source\n"
		  "holdfast.yaml:17: routing[3].hold_audio: no clip of "
		  "audio.clips is called nix\n");
}

TEST(headers_to_carry_are_of_ones_own)
{
	CHECK_STR(said("sip: { listen: [ \"udp:192.0.2.10\" ], "
		       "trusted: [ 192.0.2.1 ], internal: [ \"a@b\" ], "
		       "carry_headers: [ X-Ok, Via, X-Holdfast-Audio, X- ] }\n"
		       MEDIA AUDIO LOT),
		  "holdfast.yaml:1: sip.carry_headers[1]: \"Via\" cannot be "
		  "carried; write X- and up to 30 letters, digits, _ and -\n"
		  "holdfast.yaml:1: sip.carry_headers[2]: "
		  "\"X-Holdfast-Audio\" is for Holdfast itself\n"
		  "holdfast.yaml:1: sip.carry_headers[3]: \"X-\" cannot be "
		  "carried; write X- and up to 30 letters, digits, _ and -\n");
}

TEST(uris_have_to_be_uris)
{
	LOT_SAYS("on_full: ring_praker",
		 "on_full: \"ring_praker\" is unknown; did you mean "
		 "ring_parker? it can be refuse, ring_parker or a URI");
	LOT_SAYS("on_full: desk@pbx",
		 "on_full: \"desk@pbx\" is not a URI; write sip:desk@pbx");
	LOT_SAYS("recall: { finally: sip:pbx }",
		 "recall.finally: \"sip:pbx\" names no user; write "
		 "sip:user@host");
	LOT_SAYS("recall: { fallback: [ sips:a@b ] }",
		 "recall.fallback[0]: \"sips:a@b\": sips URIs are not "
		 "supported yet by this version; write sip:");
	LOT_SAYS("recall: { fallback: [ \"sip:a@b c\" ] }",
		 "recall.fallback[0]: \"sip:a@b c\" is not a URI; it contains "
		 "a character that has to be escaped");
	LOT_SAYS("recall: { fallback: [ \"sip:a@b?Subject=x\" ] }",
		 "recall.fallback[0]: \"sip:a@b?Subject=x\": headers behind ? "
		 "are not supported");
	LOT_SAYS("recall: { fallback: [ \"sip:a@b:99999\" ] }",
		 "recall.fallback[0]: \"sip:a@b:99999\" has no valid host and "
		 "port");
	LOT_SAYS("recall: { fallback: [ \"sip:a@[2001:db8:1]\" ] }",
		 "recall.fallback[0]: \"sip:a@[2001:db8:1]\" has no valid "
		 "host and port");
	LOT_SAYS("recall: { fallback: [ \"sip:a@b\", [ \"sip:c@d\", x ] ] }",
		 "recall.fallback[1][1]: \"x\" is not a URI; write sip:user@host");
	LOT_SAYS("recall: { fallback: [ [] ] }",
		 "recall.fallback[0]: rings 0 phones at once; a group has 1 to "
		 "16");
	LOT_SAYS("recall: { fallback: { a: b } }",
		 "recall.fallback: needs a list; write [ "
		 "\"sip:reception@pbx.example.com\" ]");
	LOT_SAYS("recall: { display_prefix: \"%n\" }",
		 "recall.display_prefix: \"%n\" may have one %s, for the slot, "
		 "and no other %");
	LOT_SAYS("recall: { display_prefix: \"%s%s\" }",
		 "recall.display_prefix: \"%s%s\" may have one %s, for the "
		 "slot, and no other %");
	SIP_SAYS("\"udp:192.0.2.10\"", "192.0.2.1",
		 ", outbound_proxy: \"sip:u@pbx\"",
		 "outbound_proxy: \"sip:u@pbx\" names a user; write sip:host");
}

TEST(listen_points_are_checked)
{
	SIP_SAYS("\"udp:2001:db8::1:5060\"", "192.0.2.1", "",
		 "listen[0]: \"udp:2001:db8::1:5060\": an IPv6 address has to "
		 "be in []; write udp:[2001:db8::10]:5060");
	SIP_SAYS("\"udp:[2001:db8::1\"", "192.0.2.1", "",
		 "listen[0]: \"udp:[2001:db8::1\" has no address in []; write "
		 "udp:[2001:db8::10]:5060");
	SIP_SAYS("\"udp:[fe80::1]\"", "192.0.2.1", "",
		 "listen[0]: fe80::1 is good for one link only; name a global "
		 "or unique local address (fd..)");
	SIP_SAYS("\"udp:[::]\"", "192.0.2.1", "",
		 "listen[0]: :: stands for no single address; name the one that "
		 "peers reach");
	SIP_SAYS("\"tls:192.0.2.10\"", "192.0.2.1", "",
		 "listen[0]: TLS needs certificates; name their folder in "
		 "sip.tls.certificates");
	SIP_SAYS("\"udp:192.0.2.10\"", "192.0.2.1",
		 ", nat: [ { address: 192.0.2.11, advertise: 203.0.113.7 } ]",
		 "nat[0].address: is not an address of sip.listen");
	SIP_SAYS("192.0.2.10", "192.0.2.1", "",
		 "listen[0]: \"192.0.2.10\" is not TRANSPORT:ADDRESS:PORT; "
		 "write udp:192.0.2.10:5060");
	SIP_SAYS("\"upd:192.0.2.10\"", "192.0.2.1", "",
		 "listen[0]: \"upd:192.0.2.10\" has no known transport; write "
		 "udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT");
	SIP_SAYS("\"udp:0.0.0.0:5060\"", "192.0.2.1", "",
		 "listen[0]: 0.0.0.0 stands for no single address; name the "
		 "one that peers reach");
	SIP_SAYS("\"udp:192.0.2.10:0\"", "192.0.2.1", "",
		 "listen[0]: \"udp:192.0.2.10:0\" has no port from 1 to 65535");
	SIP_SAYS("\"udp:192.0.2.10\", \"udp:192.0.2.10:5060\"", "192.0.2.1", "",
		 "listen[1]: is there twice, first in line 1");
	SIP_SAYS("\"udp:192.0.2.10:20010\"", "192.0.2.1", "",
		 "listen[0]: port 20010 is one of media.ports (20000-29999) on "
		 "the same address; take another");
	SIP_SAYS("\"udp:192.0.2.10\"", "192.0.2.1", ", domain: \"sip:x\"",
		 "domain: \"sip:x\" is not a domain; leave scheme and port "
		 "out, and take a name where SIP is on IPv6");
}

TEST(prefixes_are_checked)
{
	SIP_SAYS("\"udp:192.0.2.10\"", "192.0.2.10/24", "",
		 "trusted[0]: \"192.0.2.10/24\" has bits behind its length; "
		 "write 192.0.2.0/24 or 192.0.2.10");
	SIP_SAYS("\"udp:192.0.2.10\"", "192.0.2.0/33", "",
		 "trusted[0]: \"192.0.2.0/33\" has no prefix length from 0 to "
		 "32");
	SIP_SAYS("\"udp:192.0.2.10\"", "192.0.2", "",
		 "trusted[0]: \"192.0.2\" is not an address or prefix such as "
		 "192.0.2.0/24 or 2001:db8::/32");
	SIP_SAYS("\"udp:192.0.2.10\"", "\"2001:db8::1/32\"", "",
		 "trusted[0]: \"2001:db8::1/32\" has bits behind its length; "
		 "write 2001:db8::/32 or 2001:db8::1");
	SIP_SAYS("\"udp:192.0.2.10\"", "\"2001:db8::/129\"", "",
		 "trusted[0]: \"2001:db8::/129\" has no prefix length from 0 "
		 "to 128");
}

TEST(media_addresses_and_ports_are_checked)
{
	MEDIA_SAYS("addresses: [ { address: \"fe80::1\", interface: eth0 } ]",
		   "addresses[0].address: fe80::1 is good for one link only; "
		   "name a global or unique local address (fd..)");
	MEDIA_SAYS("addresses: [ { address: \"2001:db8::1\", "
		   "interface: eth0, advertise: 192.0.2.1 } ]",
		   "addresses[0].advertise: is of another family than the "
		   "address");
	MEDIA_SAYS("addresses: [ { address: 224.0.0.1, interface: eth0 } ]",
		   "addresses[0].address: 224.0.0.1 is a multicast, broadcast "
		   "or reserved address");
	MEDIA_SAYS("addresses: [ { address: 192.0.2.8, interface: "
		   "aninterfacename0 } ]",
		   "addresses[0].interface: \"aninterfacename0\" is not the "
		   "name of an interface");
	MEDIA_SAYS("addresses: [ { address: 192.0.2.8, interface: a }, "
		   "{ address: 192.0.2.8, interface: b } ]",
		   "addresses[1].address: is there twice, first in line 5");
	MEDIA_SAYS(EIGHT "ports: 20001-20011",
		   "ports: 20001-20011: the first port has to be even and the "
		   "last odd (RTP and RTCP in pairs); write 20000-20011");
	MEDIA_SAYS(EIGHT "ports: 30001-20000",
		   "ports: 30001-20000 goes backwards; write 20000-30001");
	MEDIA_SAYS(EIGHT "ports: 20000",
		   "ports: \"20000\" is not a range of ports; write "
		   "20000-29999");
	MEDIA_SAYS(EIGHT "ports: 20000-70001",
		   "ports: \"20000-70001\" is not a range of ports; write "
		   "20000-29999");
	MEDIA_SAYS(EIGHT "ports: 80-20001",
		   "ports: 80 is below 1024; those ports belong to system "
		   "services");
}

TEST(clips_have_to_exist_and_one_is_the_default)
{
	CHECK_STR(said(SIP MEDIA "audio: { clips: [ { name: default, "
				 "file: nothing.wav } ] }\n" LOT),
		  "holdfast.yaml:7: audio.clips[0].file: nothing.wav: No such "
		  "file or directory\n");
	CHECK_STR(said(SIP MEDIA "audio: { clips: [ { name: default, "
				 "file: / } ] }\n" LOT),
		  "holdfast.yaml:7: audio.clips[0].file: / is not a regular "
		  "file\n");
	CHECK_STR(said(SIP MEDIA "audio: { clips: [ { name: music, "
				 "file: default.wav } ] }\n" LOT),
		  "holdfast.yaml:7: audio.clips: no clip is called default; "
		  "name the one that is played where nothing else is said\n");
	CHECK_STR(said(SIP MEDIA "audio: { clips: [ "
				 "{ name: default, file: default.wav }, "
				 "{ name: default, file: default.wav } ] "
				 "}\n" LOT),
		  "holdfast.yaml:7: audio.clips[1].name: default is also the "
		  "name of audio.clips[0]\n");
}

TEST(users_of_the_control_socket_have_to_exist)
{
	CHECK_STR(said(SMALLEST "control: { users: [ 1000, root ] }\n"), "loaded ");
	CHECK_STR(said(SMALLEST "control: { users: [ no-such-user ] }\n"),
		  "holdfast.yaml:13: control.users[0]: \"no-such-user\" is no "
		  "user of this host; name one, or give a number\n");
}

TEST(control_paths_are_checked)
{
	CHECK_STR(said(SMALLEST "control: { socket: run/x, state_dir: "
				"\"\" }\n"),
		  "holdfast.yaml:13: control.socket: \"run/x\" is not an "
		  "absolute path; begin with /\n"
		  "holdfast.yaml:13: control.state_dir: \"\" is not an "
		  "absolute path; begin with /\n");
	CHECK_STR(said(SMALLEST
		       "control: { socket: /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaaaaaaaaaaaaaaaaa }\n"),
		  "holdfast.yaml:13: control.socket: is longer than the 107 "
		  "bytes a socket's path may have\n");
}

TEST(broken_yaml_is_said_with_its_line)
{
	CHECK_STR(said("sip:\n  listen: [ a\nmedia: x\n"),
		  "holdfast.yaml:3: not valid YAML: did not find expected ',' "
		  "or ']' while parsing a flow sequence\n");
	CHECK_STR(said("lots:\n  - park_prefix: *68\n"),
		  "holdfast.yaml:2: not valid YAML: found undefined alias; a "
		  "value that begins with * or & has to be in quotes\n");
	CHECK_STR(said(""), "holdfast.yaml:1: the file is empty\n");
	CHECK_STR(said("# nothing\n"), "holdfast.yaml:1: the file is empty\n");
	CHECK_STR(said(SMALLEST "---\na: b\n"),
		  "holdfast.yaml:14: a second document begins here; one per "
		  "file\n");
	CHECK_STR(said("? [ a ]\n: b\n" SMALLEST),
		  "holdfast.yaml:1: a key has to be a word\n");
}

TEST(a_document_that_contains_itself_ends)
{
	CHECK(strstr(
		said("&a { sip: *a, media: *a, audio: *a, lots: [ *a ] }\n"),
		"sip.sip: unknown key"));
}

TEST(a_file_that_cannot_be_read_is_said)
{
	struct hf_config *c = NULL;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CHECK_INT(hf_config_load("/nonexistent.yaml", NULL, f, &c), -ENOENT);
	CHECK_INT(hf_config_load("/", NULL, f, &c), -EISDIR);
	CHECK_INT(hf_config_load("/nonexistent.yaml", "../x", f, &c), -EINVAL);
	fclose(f);
	CHECK_STR(
		text,
		"/nonexistent.yaml: cannot be read: No such file or "
		"directory\n"
		"/: cannot be read: Is a directory\n"
		"instance \"../x\": not a name; use up to 32 letters, digits, "
		"_ and -\n");
	free(text);
	CHECK(!c);
}
#define HOOK_SAYS(more, what)                                              \
	CHECK_STR(said(SMALLEST "webhooks: [ { name: a, " more " } ]\n"), \
		  "holdfast.yaml:13: webhooks[0]." what "\n")
#define GOOD_URL "url: \"https://x.example.com/T0/SECRET\""

TEST(a_webhook_is_checked_and_its_secrets_are_not_repeated)
{
	HOOK_SAYS("url: \"ftp://x/SECRET\"",
		  "url: is not a URL; write https://host/path");
	HOOK_SAYS("url: \"https://me:SECRET@x/\"",
		  "url: has a user before its host; that goes into "
		  "authorization");
	HOOK_SAYS("url: \"http://x.example.com/SECRET\"",
		  "url: callers' names and numbers would cross the network in "
		  "clear text; write https:, or cleartext: true");
	HOOK_SAYS(GOOD_URL ", secret: SECRET",
		  "secret: is 6 characters; 16 to 200 are needed (openssl rand "
		  "-hex 32 makes one)");
	HOOK_SAYS(GOOD_URL ", authorization: SECRET",
		  "authorization: is the whole value of the header; write "
		  "\"Bearer TOKEN\"");
	HOOK_SAYS(GOOD_URL ", events: [ parkt ]",
		  "events[0]: \"parkt\" is no event; did you mean parked? the "
		  "list is in control.md");
	HOOK_SAYS(GOOD_URL ", lots: [ none ]",
		  "lots[0]: there is no lot none");
	HOOK_SAYS(GOOD_URL ", format: slack, text: \"{colour}\"",
		  "text: {colour} is no key of an event; {caller_name}, {slot}, "
		  "{text} and others are in control.md");
	HOOK_SAYS(GOOD_URL ", format: slack, text: \"{slot\"",
		  "text: has a { without its }");
	HOOK_SAYS(GOOD_URL ", text: \"{slot}\"",
		  "text: belongs to format: slack or teams; json carries the "
		  "whole event");
	CHECK_STR(said(SMALLEST "webhooks: [ { name: a, " GOOD_URL
				" }, { name: a, " GOOD_URL " } ]\n"),
		  "holdfast.yaml:13: webhooks[1].name: a is there twice\n");
	LOT_SAYS("alerts: { waiting_s: 4000 }",
		 "alerts.waiting_s: nobody waits longer than max_wait_s (3600 "
		 "s)");
	LOT_SAYS("alerts: { call: [ 1009 ] }",
		 "alerts.call[0]: \"1009\" is not a URI; write "
		 "sip:user@host");
	LOT_SAYS("alerts: { voice: \"-x\" }",
		 "alerts.voice: is a language or voice such as en or de, not "
		 "\"-x\"");
	LOT_SAYS("alerts: { full_percent: 50, full_clear_percent: 60 }",
		 "alerts.full_clear_percent: has to be below full_percent (50)");
}

/* Two tenants, and lots that are theirs unless `lots` says otherwise. */
#define TENANTS_SAY(first, second, lots, what)                               \
	CHECK_STR(said(SIP MEDIA AUDIO "tenants: [ { name: acme, " first     \
		       " }, { name: " second " } ]\nlots: [ { name: a, "     \
		       "park: 7, slots: 701-709, tenant: acme }, " lots      \
		       " ]\n"),                                              \
		  "holdfast.yaml:" what "\n")
#define SECOND "{ name: b, park: 7, slots: 701-709, tenant: zeta }"
#define BY_DOMAIN(name) "domains: [ " name ".example.com ]"

#define WEB_USER(role, of)                                            \
	SECOND " ]\nhttp: { listen: [ \"127.0.0.1:8080\" ], users: [ { " \
	       "name: anna, role: " role ", token: " \
	       "aaaaaaaaaaaaaaaa, tenant: " of " } ] }\nrouting: ["

TEST(a_user_of_one_tenant_is_no_admin_and_the_tenant_is_there)
{
	TENANTS_SAY(BY_DOMAIN("a"), "zeta, " BY_DOMAIN("z"),
		    WEB_USER("admin", "acme"),
		    "11: http.users[0].role: admin may do everything to "
		    "everybody, so it is not for a user of one tenant; write "
		    "act or view");
	TENANTS_SAY(BY_DOMAIN("a"), "zeta, " BY_DOMAIN("z"),
		    WEB_USER("act", "acne"),
		    "11: http.users[0].tenant: no tenant of tenants is called "
		    "acne");
}

TEST(tenants_are_checked_and_every_lot_is_somebodys)
{
	TENANTS_SAY(BY_DOMAIN("a"), "zeta, " BY_DOMAIN("A"), SECOND,
		    "9: tenants[1].domains[0]: A.example.com is also a domain "
		    "of tenant acme");
	TENANTS_SAY(BY_DOMAIN("a"), "zeta", SECOND,
		    "9: tenants[1].name: nobody can be told to be this "
		    "tenant's; say domains, peers, listen or header");
	TENANTS_SAY("listen: [ \"udp:192.0.2.10:5070\" ]",
		    "zeta, " BY_DOMAIN("z"), SECOND,
		    "9: tenants[0].listen[0]: is not one of sip.listen");
	TENANTS_SAY("listen: [ \"udp:192.0.2.10:5060\" ]",
		    "zeta, listen: [ \"udp:192.0.2.10:5060\" ]", SECOND,
		    "9: tenants[1].listen[0]: is also of tenant acme");
	TENANTS_SAY("header: \"X-T: a\"", "zeta, " BY_DOMAIN("z"), SECOND,
		    "9: tenants[0].header: \"X-T\" is not read; add it to "
		    "sip.carry_headers");
	TENANTS_SAY(BY_DOMAIN("a"), "zeta, " BY_DOMAIN("z"),
		    "{ name: b, park: 8, slots: 801-809 }",
		    "10: lots[1].tenant: this lot is of no tenant, so nobody "
		    "would reach it; say whose it is");
	TENANTS_SAY(BY_DOMAIN("a"), "zeta, " BY_DOMAIN("z"),
		    "{ name: b, park: 8, slots: 801-809, tenant: zetta }",
		    "10: lots[1].tenant: there is no tenant \"zetta\" in "
		    "tenants");
	/* nobody's callers are called out in another's house */
#define ZONE_OF(of) SECOND " ]\npaging: [ { name: hall, phones: [ { uri: "       \
			   "\"sip:1003@pbx.example.com\" } ]" of " } ]\nrouting: ["
	TENANTS_SAY(BY_DOMAIN("a"), "zeta, " BY_DOMAIN("z"), ZONE_OF(""),
		    "11: paging[0].tenant: this zone is of no tenant, so "
		    "nobody would reach it; say whose it is");
	TENANTS_SAY(BY_DOMAIN("a"), "zeta, " BY_DOMAIN("z"),
		    "{ name: b, park: 7, slots: 701-709, tenant: zeta, page: "
		    "hall } ]\npaging: [ { name: hall, tenant: acme, phones: [ { uri: "
		    "\"sip:1003@pbx.example.com\" } ] } ]\nrouting: [",
		    "10: lots[1].page: zone hall is of tenant acme");
	/* one tenant's numbers still mean one thing */
	TENANTS_SAY(BY_DOMAIN("a"), "zeta, " BY_DOMAIN("z"),
		    "{ name: b, park: 8, slots: 705-715, tenant: acme }",
		    "10: lots[1].slots: 705 is also a number of lots[0].slots "
		    "(line 10); no number may mean two things");
}

TEST_MAIN()
