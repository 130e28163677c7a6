// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said about wrong keys of what people hear: audio, voice, escape, rules
 * for music, paging; of others: test_config_errors.c. rooms: config base */
#include "test.h"

#include "config_file.h"

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

#define FIRST "clips: [ { name: default, file: default.wav } ]"
#define AUDIO_SAYS(text, what)                                     \
	CHECK_STR(said(SIP MEDIA "audio: { " text " }\n" LOT), \
		  "holdfast.yaml:7: audio." what "\n")
#define CLIP_SAYS(text, what)                                            \
	AUDIO_SAYS("clips: [ { name: default, file: default.wav }, { " \
		   text " } ]",                                          \
		   "clips[1]" what)
#define LOT_SAYS(text, what)                                               \
	CHECK_STR(said(SIP MEDIA AUDIO                                     \
		       "lots: [ { name: a, park: 7, slots: 70-71, " text \
		       " } ]\n"),                                          \
		  "holdfast.yaml:9: lots[0]." what "\n")
#define ZONE_SAYS(text, what)                                     \
	CHECK_STR(said(SIP MEDIA AUDIO LOT "paging: [ { " text " } ]\n"), \
		  "holdfast.yaml:13: paging[0]." what "\n")

TEST(codecs_rates_and_levels_have_their_words_and_limits)
{
	AUDIO_SAYS("codecs: [ g723 ], " FIRST,
		   "codecs[0]: \"g723\" is no codec we know; it can be PCMU, "
		   "PCMA, G722, opus or G729; did you mean G722?");
	AUDIO_SAYS("loudness_db: -3, " FIRST,
		   "loudness_db: is a whole number of dB from -40 to -10, not "
		   "\"-3\"");
	AUDIO_SAYS("opus_kbit_s: 128, " FIRST,
		   "opus_kbit_s: 128 is out of range; write 16 to 64");
	AUDIO_SAYS("memory_mib: 0, " FIRST,
		   "memory_mib: 0 is out of range; write 1 to 65536");
}

TEST(a_clip_has_one_source_and_g729_is_ready_made)
{
	CLIP_SAYS("name: b", ".file: is required (or files, or text)");
	CLIP_SAYS("name: b, file: default.wav, text: Hello",
		  ".file: is one of file, files and text; a clip has one");
	CLIP_SAYS("name: b, files: [ default.wav, none.ogg ]",
		  ".files[1]: none.ogg: No such file or directory");
	CLIP_SAYS("name: b, text: Hello, voice: \"en -w /tmp/x\"",
		  ".voice: is a language or voice such as en or de, not "
		  "\"en -w /tmp/x\"");
	CLIP_SAYS("name: b, file: default.wav, position: radio",
		  ".position: \"radio\" is unknown; it can be start or shared");
	AUDIO_SAYS("codecs: [ PCMA, G729 ], " FIRST,
		   "clips[0].g729: is required: audio.codecs has G729, which "
		   "is not encoded here");
}

TEST(what_a_lot_plays_and_says_has_to_be_there)
{
	LOT_SAYS("hold_audio_rules: [ { caller: \"*@*\", clip: gold } ]",
		 "hold_audio_rules[0].clip: no clip of audio.clips is called "
		 "gold");
	LOT_SAYS("voice: { announce: thanks }",
		 "voice.announce: no clip of audio.clips is called thanks");
	LOT_SAYS("voice: { announce: default, announce_every_s: 5 }",
		 "voice.announce_every_s: 5 is out of range; write 10 to 3600");
	LOT_SAYS("voice: { language: ../de }",
		 "voice.language: is a language or voice such as en or de, not "
		 "\"../de\"");
	LOT_SAYS("voice: { refusals: loud }",
		 "voice.refusals: \"loud\" is unknown; it can be silent, answered or early");
	LOT_SAYS("escape: { key: \"**\", to: \"sip:0@pbx.example.com\" }",
		 "escape.key: \"**\" is no key of a phone; it is one of 0 to 9, "
		 "\"*\" and \"#\"");
	LOT_SAYS("escape: { key: \"*\" }", "escape.to: is missing; write to: "
		 "\"sip:operator@pbx.example.com\"");
	LOT_SAYS("repark_keys: \"7\"",
		 "repark_keys: \"7\" are no keys to press one after the other; "
		 "write 2 to 8 of 0 to 9, * and #, such as \"*7\"");
	LOT_SAYS("repark_keys: \"*7a\"", "repark_keys: \"*7a\" are no keys to press one after the "
		 "other; write 2 to 8 of 0 to 9, * and #, such as \"*7\"");
	LOT_SAYS("recall: { confirm: voice }",
		 "recall.confirm: \"voice\" is unknown; it can be none or dtmf");
	LOT_SAYS("page: yard", "page: no zone of paging is called yard");
}

#define GROUP_SAYS(text, what)                                      \
	ZONE_SAYS("name: yard, multicast: { " text ", port: 5004 }", \
		  "multicast." what)
TEST(a_paging_zone_reaches_somebody_and_a_group_is_one)
{
	ZONE_SAYS("name: yard", "phones: is required (or multicast)");
	ZONE_SAYS("name: yard, phones: [ { uri: \"sip:80@x.example.com\", "
		  "auto_answer: loudly } ]",
		  "phones[0].auto_answer: \"loudly\" is unknown; it can be "
		  "call_info, alert_info, ring_answer, answer_mode or none");
	GROUP_SAYS("group: 192.0.2.1",
		   "group: \"192.0.2.1\" is not a multicast group; it is an "
		   "address from 224.0.0.0 to 239.255.255.255");
	GROUP_SAYS("group: 224.0.0.5",
		   "group: 224.0.0.5 belongs to network protocols; use one of "
		   "239.0.0.0/8");
	GROUP_SAYS("group: 239.255.70.1, interface: eth9",
		   "interface: eth9 has no address of media.addresses; what is "
		   "sent leaves by one of these");
	GROUP_SAYS("group: 239.255.70.1, codec: opus",
		   "codec: \"opus\" cannot be paged with: without SDP phones "
		   "know PCMU, PCMA and G722");
	GROUP_SAYS("group: 239.255.70.1, codec: G722",
		   "codec: audio.codecs lacks G722: no prompt is encoded in it");
}

TEST_MAIN()
