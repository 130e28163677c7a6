// SPDX-License-Identifier: GPL-2.0-or-later
/* The section `audio`: its keys (tables.c has the others), and what of the
 * clips has to fit together. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"

#define CLIP(field) offsetof(struct hf_config_clip, field)

static bool parse_codec(struct hf_reader *r, const char *text, void *field)
{
	static const char *const names[] = {"PCMU", "PCMA", "G722", "opus",
					    "G729"};
	const char *near;
	char *copy;

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcasecmp(text, names[i])) {
			copy = hf_config_text(r, names[i]);
			memcpy(field, &copy, sizeof(copy));
			return copy;
		}
	near = hf_nearest(text, names, sizeof(names) / sizeof(*names));
	return hf_wrong(r,
			"\"%s\" is no codec we know; it can be PCMU, PCMA, "
			"G722, opus or G729%s%s%s",
			text, near ? "; did you mean " : "", near ? near : "",
			near ? "?" : "");
}

static bool parse_loudness(struct hf_reader *r, const char *text, void *field)
{
	char *end;
	long db = strtol(text, &end, 10);

	if (end == text || *end || db < -40 || db > -10)
		return hf_wrong(r,
				"is a whole number of dB from -40 to -10, "
				"not \"%s\"",
				text);
	*(int *)field = (int)db;
	return true;
}

static const char *const position_words[] = {
	[HF_POSITION_START] = "start", [HF_POSITION_SHARED] = "shared", NULL};

static const struct hf_key clip_keys[] = {
	{VALUE("name", CLIP(name), hf_parse_name, "default"), .required = true},
	{VALUE("file", CLIP(file), hf_parse_file,
	       "/usr/share/holdfast/audio/default.wav")},
	{LIST("files", CLIP(files), CLIP(file_count), hf_parse_file, char *, 1,
	      1000, "one.ogg")},
	{.name = "shuffle",
	 .kind = HF_KEY_BOOL,
	 .offset = CLIP(shuffle),
	 .example = "true"},
	{VALUE("text", CLIP(text), hf_parse_text,
	       "\"Thank you for waiting.\"")},
	{VALUE("voice", CLIP(voice), hf_parse_voice, "en")},
	{VALUE("g729", CLIP(g729), hf_parse_file, "default.g729")},
	{WORD("position", CLIP(position), position_words, "start or shared")},
	{0}};
static const struct hf_map clip_map = {clip_keys, NULL};

static const struct hf_key audio_keys[] = {
	{NUMBER("memory_mib", CONFIG(audio.memory_mib), 1, 65536)},
	{LIST("codecs", CONFIG(audio.codecs), CONFIG(audio.codec_count),
	      parse_codec, char *, 1, 5, "PCMA")},
	{NUMBER("opus_kbit_s", CONFIG(audio.opus_kbit_s), 16, 64)},
	{VALUE("loudness_db", CONFIG(audio.loudness_db), parse_loudness,
	       "-21")},
	{VALUE("prompts", CONFIG(audio.prompts), hf_parse_path,
	       "/usr/share/holdfast/prompts")},
	{RECORDS("clips", CONFIG(audio.clips), CONFIG(audio.clip_count),
		 &clip_map, struct hf_config_clip, 1, 1000,
		 "{ name: default, file: music.wav }"),
	 .required = true},
	{0}};
const struct hf_map hf_config_audio_map = {audio_keys, NULL};

#define RULE(field) offsetof(struct hf_config_audio_rule, field)
static const struct hf_key rule_keys[] = {
	{VALUE("caller", RULE(caller), hf_parse_pattern,
	       "\"0049*@pbx.example.com\""),
	 .required = true},
	{VALUE("clip", RULE(clip), hf_parse_name, "sales"), .required = true},
	{0}};
const struct hf_map hf_config_audio_rule_map = {rule_keys, NULL};

static bool parse_key(struct hf_reader *r, const char *text, void *field)
{
	if (strlen(text) != 1 || !strchr("0123456789*#", text[0]))
		return hf_wrong(r,
				"\"%s\" is no key of a phone; it is one of 0 to "
				"9, \"*\" and \"#\"",
				text);
	return hf_parse_text(r, text, field);
}

/* Keys of a phone, one after the other: never one that is pressed in passing. */
bool hf_config_parse_keys(struct hf_reader *r, const char *text, void *field)
{
	size_t len = strlen(text);

	if (len < 2 || len > HF_REPARK_KEYS_MAX ||
	    strspn(text, "0123456789*#") != len)
		return hf_wrong(r,
				"\"%s\" are no keys to press one after the "
				"other; write 2 to %d of 0 to 9, * and #, "
				"such as \"*7\"",
				text, HF_REPARK_KEYS_MAX);
	return hf_parse_text(r, text, field);
}

static const struct hf_key escape_keys[] = {
	{VALUE("key", LOT(escape.key), parse_key, "\"*\""), .required = true},
	{VALUE("to", LOT(escape.to), hf_parse_uri,
	       "\"sip:operator@pbx.example.com\""),
	 .required = true},
	{0}};
const struct hf_map hf_config_escape_map = {escape_keys, NULL};

static const char *const refusal_words[] = {
	[HF_REFUSE_PLAINLY] = "silent",
	[HF_REFUSE_ANSWERED] = "answered",
	[HF_REFUSE_EARLY] = "early",
	NULL};

static const struct hf_key voice_keys[] = {
	{VALUE("language", LOT(voice.language), hf_parse_voice, "en")},
	{.name = "tell_slot",
	 .kind = HF_KEY_BOOL,
	 .offset = LOT(voice.tell_slot),
	 .example = "true"},
	{.name = "pickup_tone",
	 .kind = HF_KEY_BOOL,
	 .offset = LOT(voice.pickup_tone),
	 .example = "false"},
	{VALUE("announce", LOT(voice.announce), hf_parse_name, "thanks")},
	{NUMBER("announce_every_s", LOT(voice.announce_every_s), 10, 3600)},
	{WORD("refusals", LOT(voice.refusals), refusal_words,
	      "silent, answered or early")},
	{0}};
const struct hf_map hf_config_voice_map = {voice_keys, NULL};

void hf_config_audio_init(struct hf_reader *r)
{
	struct hf_config *c = r->config;

	c->audio.memory_mib = 256;
	c->audio.opus_kbit_s = 48;
	c->audio.loudness_db = -21;
	c->audio.prompts = hf_config_text(r, "/usr/share/holdfast/prompts");
	c->audio.codecs = hf_config_alloc(c, 2 * sizeof(char *));
	if (!c->audio.codecs) {
		r->no_memory = true;
		return;
	}
	c->audio.codecs[0] = hf_config_text(r, "PCMU");
	c->audio.codecs[1] = hf_config_text(r, "PCMA");
	c->audio.codec_count = 2;
}

static void check_file(struct hf_reader *r, const struct hf_config_clip *clip,
		       char *const *field, const char *key)
{
	struct stat st;

	if (stat(*field, &st) < 0)
		hf_wrong_at(r, field, clip, key, "%s: %s", *field,
			    strerror(errno));
	else if (!S_ISREG(st.st_mode))
		hf_wrong_at(r, field, clip, key, "%s is not a regular file",
			    *field);
	else if (access(*field, R_OK) < 0)
		hf_wrong_at(r, field, clip, key, "%s: %s", *field,
			    strerror(errno));
}

static bool wants_g729(const struct hf_config *c)
{
	for (unsigned int i = 0; i < c->audio.codec_count; i++)
		if (c->audio.codecs[i] && !strcmp(c->audio.codecs[i], "G729"))
			return true;
	return false;
}

static void check_source(struct hf_reader *r, const struct hf_config_clip *clip)
{
	int sources = !!clip->file + !!clip->file_count + !!clip->text;

	if (!sources && !hf_line_of(r, &clip->file) &&
	    !hf_line_of(r, &clip->files))
		hf_wrong_at(r, &clip->file, clip, "file",
			    "is required (or files, or text)");
	else if (sources > 1)
		hf_wrong_at(r, clip->file ? &clip->file : &clip->text, clip,
			    clip->file ? "file" : "text",
			    "is one of file, files and text; a clip has one");
	if (clip->file)
		check_file(r, clip, &clip->file, "file");
	for (unsigned int i = 0; i < clip->file_count; i++)
		if (clip->files[i])
			check_file(r, clip, &clip->files[i], "files");
	if (clip->g729)
		check_file(r, clip, &clip->g729, "g729");
}

static bool is_clip(const struct hf_config *c, const char *name)
{
	for (unsigned int i = 0; i < c->audio.clip_count; i++)
		if (c->audio.clips[i].name &&
		    !strcmp(c->audio.clips[i].name, name))
			return true;
	return false;
}

static void check_rules(struct hf_reader *r, const struct hf_config_lot *lot)
{
	for (unsigned int i = 0; i < lot->audio_rule_count; i++) {
		const struct hf_config_audio_rule *rule = &lot->audio_rules[i];

		if (rule->clip && !is_clip(r->config, rule->clip))
			hf_wrong_at(r, &rule->clip, rule, "clip",
				    "no clip of audio.clips is called %s",
				    rule->clip);
	}
}

static void check_announce(struct hf_reader *r, const struct hf_config_lot *lot)
{
	if (!lot->voice.announce || is_clip(r->config, lot->voice.announce))
		return;
	hf_wrong_at(r, &lot->voice.announce, lot, "voice.announce",
		    "no clip of audio.clips is called %s", lot->voice.announce);
}

void hf_config_audio_check(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	for (unsigned int i = 0; i < c->lot_count; i++) {
		check_announce(r, &c->lots[i]);
		check_rules(r, &c->lots[i]);
	}
	for (unsigned int i = 0; i < c->audio.clip_count; i++) {
		const struct hf_config_clip *clip = &c->audio.clips[i];

		check_source(r, clip);
		if (wants_g729(c) && !clip->g729 && clip->name &&
		    !strcmp(clip->name, "default"))
			hf_wrong_at(r, &clip->g729, clip, "g729",
				    "is required: audio.codecs has G729, which "
				    "is not encoded here");
		for (unsigned int j = 0; j < i && clip->name; j++)
			if (c->audio.clips[j].name &&
			    !strcmp(c->audio.clips[j].name, clip->name))
				hf_wrong_at(r, &clip->name, clip, "name",
					    "%s is also the name of "
					    "audio.clips[%u]",
					    clip->name, j);
	}
}
