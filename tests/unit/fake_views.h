/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up park and a made-up media side for tests of the control socket: two
 * lots, one parked call (id 17) with a name that wants escaping, one relayed
 * call (id 18) with two legs. Included by one file of each test program.
 */
#ifndef HOLDFAST_FAKE_VIEWS_H
#define HOLDFAST_FAKE_VIEWS_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "holdfast/abi.h"
#include "audio/library.h"
#include "hooks/hooks.h"
#include "media/media.h"
#include "park/park.h"
#include "presence/lamps.h"
#include "records/records.h"
#include "sip/stack.h"

/* A name in Latin-1 with what JSON and terminals must not pass on raw. */
#define FAKE_NAME "J\xfcrgen \"Jo\" \x1b[31m\\"
#define FAKE_NAME_UTF8 "J\xef\xbf\xbdrgen \"Jo\" \x1b[31m\\"

static unsigned int fake_extra_slots; /* of lot "big", for long answers */
static unsigned int fake_extra_calls; /* from id 1000 on; even ones may end: */
static bool fake_even_calls_ended;

static struct hf_config_lot fake_lots[] = {
	{ .name = "main", .park = "700" },
	{ .name = "big", .park = "800" },
};
static struct hf_config_listen fake_listen[] = {
	{ .transport = "udp", .host = "192.0.2.10", .port = 5060 },
};
static struct hf_config fake_config = {
	.path = "/etc/holdfast/holdfast.yaml",
	.instance = "unit",
	.sip = { .listen = fake_listen, .listen_count = 1,
		 .domain = "park.example.com" },
	.lots = fake_lots,
	.lot_count = 2,
};

void hf_park_each_slot(struct hf_park *park, uint64_t now_ms,
		       bool (*fn)(void *, const struct hf_slot_view *), void *arg)
{
	struct hf_slot_view v = { .lot = "main", .slot = "701",
				  .label = "Sales", .state = "parked",
				  .call = 17, .caller_number = "+4930123456",
				  .caller_name = FAKE_NAME,
				  .parker = "sip:1001@pbx.example.com",
				  .seconds_parked = 12,
				  .seconds_to_recall = 78 };
	char number[16];

	if (!fn(arg, &v))
		return;
	v = (struct hf_slot_view){ .lot = "main", .slot = "702",
				   .state = "free" };
	if (!fn(arg, &v))
		return;
	for (unsigned int i = 0; i < fake_extra_slots; i++) {
		snprintf(number, sizeof(number), "%u", 10000 + i);
		v = (struct hf_slot_view){ .lot = "big", .slot = number,
					   .state = "free" };
		if (!fn(arg, &v))
			return;
	}
}

void hf_park_each_call(struct hf_park *park, uint64_t now_ms,
		       bool (*fn)(void *, const struct hf_call_view *), void *arg)
{
	struct hf_call_view v = { .call = 17, .state = "parked", .lot = "main",
				  .slot = "701", .rule = "park_number",
				  .caller_number = "+4930123456",
				  .caller_name = FAKE_NAME,
				  .parker = "sip:1001@pbx.example.com",
				  .seconds = 14, .seconds_parked = 12,
				  .seconds_to_recall = 78, .park_count = 1,
				  .party_count = 1 };

	v.party[0] = (struct hf_party_view){ .role = "parkee",
					     .identity = "sip:+4930123456@trunk",
					     .sip_call_id = "abc@192.0.2.1",
					     .state = "confirmed", .leg = 4,
					     .codec = "PCMU" };
	if (!fn(arg, &v))
		return;
	v.call = 18;
	v.state = "relay";
	v.slot = NULL;
	v.retriever = "sip:1002@pbx.example.com";
	v.seconds_to_recall = 0;
	v.party_count = 3;
	v.party[0].leg = 5;
	v.party[1] = (struct hf_party_view){ .role = "retriever",
					     .identity = "sip:1002@pbx.example.com",
					     .sip_call_id = "def@192.0.2.2",
					     .state = "confirmed", .leg = 6,
					     .codec = "PCMU" };
	v.party[2] = (struct hf_party_view){ .role = "parker",
					     .leg = HF_LEG_NONE };
	if (!fn(arg, &v))
		return;
	for (unsigned int i = 0; i < fake_extra_calls; i++) {
		v = (struct hf_call_view){ .call = 1000 + i, .state = "parked" };
		if (i % 2 == 0 && fake_even_calls_ended)
			continue;
		if (!fn(arg, &v))
			return;
	}
}

/* Acts: what was asked last, and an error where the call is not 17. */
static char fake_act[128];

static int fake_acted(uint64_t call, const char *what, const char *arg,
		      const char **why)
{
	snprintf(fake_act, sizeof(fake_act), "%s %llu %s", what,
		 (unsigned long long)call, arg);
	if (why)
		*why = call == 18 ? "the slot is taken" : "there is no such call";
	return call == 17 ? 0 : call == 18 ? -EBUSY : -ENOENT;
}

int hf_park_move(struct hf_park *park, uint64_t call, const char *to,
		 const char **why)
{
	return fake_acted(call, "move", to, why);
}

int hf_park_explain(struct hf_park *park, const struct hf_explain *ask,
		    struct hf_explained *ret)
{
	*ret = (struct hf_explained){
		.wrong = strcmp(ask->number, "a b") ? NULL : "number",
		.verdict = "park",
		.rule = "park-transfer",
		.text = "The text.",
		.routing = ask->headers,
		.lot = "main",
		.slot = "701",
		.trusted = !ask->source,
	};
	return ret->wrong ? -EINVAL : 0;
}

int hf_park_kick(struct hf_park *park, uint64_t call)
{
	return fake_acted(call, "kick", "", NULL);
}

int hf_park_ring_for(struct hf_park *park, uint64_t call, const char *uri,
		     bool step_in, const char **why)
{
	return fake_acted(call, step_in ? "step-in" : "retrieve", uri, why);
}

int hf_park_page(struct hf_park *park, uint64_t call, const char *zone,
		 const char **why)
{
	return fake_acted(call, "page", zone ? zone : "-", why);
}

int hf_park_play(struct hf_park *park, const char *clip, const char *uri,
		 uint64_t *ret_play, char *why, size_t why_len)
{
	snprintf(fake_act, sizeof(fake_act), "play %s to %s", clip, uri);
	*ret_play = 31;
	snprintf(why, why_len, "there is no clip \"%s\"", clip);
	return strcmp(clip, "music") ? -ENOENT : 0;
}

bool hf_park_play_state(const struct hf_park *park, uint64_t play,
			const char **ret_state, const char **ret_why)
{
	*ret_state = play == 31 ? "failed" : "played";
	*ret_why = play == 31 ? "nobody answered" : "said";
	return play == 31 || play == 32;
}

void hf_park_drain(struct hf_park *park, bool on)
{
	snprintf(fake_act, sizeof(fake_act), "drain %d", on);
}

void hf_park_totals(const struct hf_park *park, struct hf_park_totals *ret)
{
	*ret = (struct hf_park_totals){ .calls = 2, .parked = 1, .relayed = 1,
					.slots = 2, .slots_free = 1, .parks = 7,
					.retrieved = 5, .rang_back = 2,
					.abandoned = 1, .refused = 3 };
}

void hf_lamps_each(struct hf_lamps *lamps, uint64_t now_ms, uint64_t after,
		   bool (*fn)(void *, const struct hf_watch_view *), void *arg)
{
	const struct hf_watch_view v = { .id = 5,
					 .watcher = "sip:1005@pbx.example.com",
					 .number = "701", .kind = "slot",
					 .event = "dialog", .state = "told",
					 .expires_s = 90, .version = 7,
					 .failures = 1, .notifies = 6 };

	if (after < v.id)
		fn(arg, &v);
}

void hf_media_clips(const struct hf_media *media,
		    bool (*fn)(void *, const struct hf_clip_view *), void *arg)
{
	const struct hf_clip_view v = { .name = "music", .ms = 8000,
					.encoded = { 400, 400, 400, 400 },
					.frames = { 400, 400, 400 },
					.legs = 3 };

	fn(arg, &v);
}

void hf_library_each(const struct hf_library *l,
		     bool (*fn)(void *, const struct hf_library_view *),
		     void *arg)
{
	const struct hf_library_view v[] = {
		{ .name = "music", .source = "/srv/m\xfcsic.wav",
		  .state = "ready", .error = "", .percent = 100,
		  .configured = true },
		{ .name = "new", .source = "/srv/new.flac", .state = "loading",
		  .error = "", .percent = 37 },
		{ .name = "bad", .source = "/srv/bad.txt", .state = "failed",
		  .error = "no sound", .percent = 100 },
	};

	for (int i = 0; i < 3 && fn(arg, &v[i]); i++)
		;
}

static char fake_added[128];

int hf_library_add(struct hf_library *l, const char *name, const char *file,
		   char *err, size_t err_len)
{
	snprintf(fake_added, sizeof(fake_added), "%s %s", name, file);
	if (strcmp(name, "busy"))
		return 0;
	snprintf(err, err_len, "busy is being loaded already");
	return -EBUSY;
}

int hf_library_remove(struct hf_library *l, const char *name, char *err,
		      size_t err_len)
{
	if (!strcmp(name, "music"))
		return 0;
	snprintf(err, err_len, "there is no clip");
	return -ENOENT;
}

void hf_lamps_totals(const struct hf_lamps *lamps, struct hf_lamp_totals *ret)
{
	*ret = (struct hf_lamp_totals){ .subscriptions = 1, .notifies = 6 };
}

void hf_sip_each_registration(const struct hf_sip *sip,
			      void (*fn)(void *,
					 const struct hf_registration_view *),
			      void *arg)
{
	const struct hf_registration_view up = {
		.aor = "sip:park@pbx.example.com",
		.registrar = "sip:192.0.2.5", .contact = "700",
		.state = "registered", .why = "", .expires_s = 290 };
	const struct hf_registration_view down = {
		.aor = "sip:park@other.example.com",
		.registrar = "sip:other.example.com", .contact = "park",
		.state = "failed", .why = "403 Forbidden", .retry_s = 90,
		.failures = 2 };

	if (!sip)
		return;
	fn(arg, &up);
	fn(arg, &down);
}

void hf_hooks_each(struct hf_hooks *hooks,
		   void (*fn)(void *, const struct hf_hook_view *), void *arg)
{
	const struct hf_hook_view v = {
		.name = "team", .to = "https://hooks.example.com",
		.format = "slack", .sick = true, .said = "answered 503",
		.waiting = 3, .delivered = 9, .attempts_failed = 2,
		.next_s = 4, .oldest_wall_ms = 1700000000000 };

	fn(arg, &v);
}

const char *hf_delivery_state_name(enum hf_delivery_state state)
{
	return state == HF_DELIVERY_WAITING ? "waiting" : "delivered";
}

int hf_hooks_deliveries(struct hf_hooks *hooks, const char *name,
			void (*fn)(void *, const struct hf_delivery_view *),
			void *arg)
{
	const struct hf_delivery_view v[] = {
		{ .id = 8, .call = 17, .event = "parked",
		  .state = HF_DELIVERY_WAITING, .attempts = 1, .status = 503,
		  .ms = 12, .said = "answered 503" },
		{ .id = 7, .event = "lot_full", .state = HF_DELIVERY_DELIVERED,
		  .attempts = 1, .status = 200, .said = "answered 200" },
	};

	if (strcmp(name, "team"))
		return -ENOENT;
	fn(arg, &v[0]);
	fn(arg, &v[1]);
	return 0;
}

int hf_hooks_retry(struct hf_hooks *hooks, const char *name, uint32_t *ret)
{
	*ret = 3;
	return strcmp(name, "team") ? -ENOENT : 0;
}

int hf_hooks_test(struct hf_hooks *hooks, const char *name, uint64_t *ret)
{
	*ret = 7;
	return strcmp(name, "team") ? -ENOENT : 0;
}

int hf_media_leg_stats(const struct hf_media *media, uint32_t leg,
		       struct hf_media_leg_stats *ret)
{
	if (leg < 4 || leg > 6)
		return -ENOENT;
	*ret = (struct hf_media_leg_stats){ .mode = leg == 4 ? "hold" : "relay",
					    .ssrc = 0xdeadbeef,
					    .local_port = 20000 + 2 * leg,
					    .remote_port = 40000,
					    .packets_in = 600, .hold_sent = 599,
					    .hold_turned = 4, .hold_skipped = 1,
					    .relayed_out = 2, .dropped = 3,
					    .idle_ms = leg == 4 ? -1 : 20,
					    .lost = -1, .peer_lost = 7,
					    .round_trip_us = leg == 4 ? -1 : 4000 };
	hf_ip_read("192.0.2.10", &ret->local_ip4);
	hf_ip_read("198.51.100.7", &ret->remote_ip4);
	return 0;
}

int hf_media_totals(const struct hf_media *media, struct hf_media_totals *ret)
{
	*ret = (struct hf_media_totals){ .engine = "bpf",
					 .engine_reason = "the module is not loaded",
					 .legs = 5000, .legs_open = 3,
					 .frames = 1000, .frames_used = 500,
					 .sender_alive = true, .devices = 1 };
	strcpy(ret->device[0].name, "eth0");
	strcpy(ret->device[0].mode, "native");
	ret->counter[HF_COUNT_RELAYED] = 1234;
	return 0;
}

/* A history that knows call 17 only, and has to be asked twice. */
static struct hf_record_act fake_record; /* the newest */
static unsigned int fake_record_count;
static bool fake_history_fails;
struct hf_question {
	struct hf_filter filter;
	bool asked;
};

void hf_records_act(struct hf_records *r, const struct hf_record_act *a)
{
	static char detail[128], who[64];

	if (!r)
		return;
	snprintf(detail, sizeof(detail), "%s", a->detail ? a->detail : "");
	snprintf(who, sizeof(who), "%s", a->who ? a->who : "");
	fake_record = *a;
	fake_record.detail = detail;
	fake_record.who = who;
	fake_record_count++;
}

struct hf_question *hf_records_ask(struct hf_records *r,
				   const struct hf_filter *f)
{
	struct hf_question *q = r ? calloc(1, sizeof(*q)) : NULL;

	if (q)
		q->filter = *f;
	return q;
}

enum hf_piece hf_records_answer(struct hf_question *q, json_t **rows,
				const char **why)
{
	if (!q->asked) {
		q->asked = true;
		return HF_PIECE_NONE;
	}
	*why = "the disk is gone";
	if (fake_history_fails)
		return HF_PIECE_FAILED;
	*rows = json_array();
	if (!q->filter.call || q->filter.call == 17)
		json_array_append_new(*rows, json_pack("{s:i}", "call", 17));
	return HF_PIECE_LAST;
}

void hf_question_drop(struct hf_question *q)
{
	free(q);
}

void hf_records_figures(struct hf_records *r, struct hf_records_figures *ret)
{
	*ret = (struct hf_records_figures){ .calls = 1 };
}

const char *hf_records_path(const struct hf_records *r)
{
	return "/var/lib/holdfast/history.db";
}

bool hf_records_resolution_ok(const char *resolution)
{
	return !strcmp(resolution, "retrieved");
}

const char *hf_records_resolutions(void)
{
	return "retrieved";
}

#endif
