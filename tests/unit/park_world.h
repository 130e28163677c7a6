/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A world for the park logic: a stack that only remembers what it was asked (and
 * what it must never be asked), the real media over plain memory, the real SDP,
 * and a clock that tests turn by hand.
 */
#ifndef HOLDFAST_TEST_PARK_WORLD_H
#define HOLDFAST_TEST_PARK_WORLD_H

#include <arpa/inet.h>
#include <errno.h>

#include "park/internal.h"
#include "test.h"

/* each test uses some of this */
#pragma GCC diagnostic ignored "-Wunused-function"

struct hf_dialog {
	struct world *w;
	struct hf_dialog *next;
	struct hf_party *party;
	char call_id[48], local_tag[32], remote_tag[32];
	bool incoming, pending, first_done, answered, cancelled, over, released;
	int status;   /* of the latest reply */
	int retry_after;
	int replies, byes, cancels, cause;
	bool reinviting; /* ours, not answered */
	bool refer_pending, refer_runs; /* a REFER wants 202; its outcome */
	int refer_answer, refer_outcome;
	char referred_by[128], replaces[128];
	char sdp[HF_SDP_MAX_TEXT], reason[128], cause_text[128];
	char contact[64], display[96], asserted[128], uui[64];
	bool privacy;
	/* of a call out */
	char uri[128], from_display[128], from_user[64], diversion[64];
	char tenant[32]; /* "" = the only one */
	char diverted_by[128], carried[128], told_name[128];
	bool told_privately;
	char marker[64], call_info[128], alert_info[128];
};

struct note {
	enum hf_event_type type;
	uint64_t call;
	char tenant[32], lot[32], slot[32], caller[64], parker[64], retriever[64];
	char rule[32], reason[160], parked_call_id[48], other_call_id[48];
	char uui[64], party[16], digit[4];
	uint32_t attempt, seconds_parked, seconds_left;
};

#define NOTES 512
struct world {
	struct hf_config config;
	struct hf_config_lot lots[2];
	struct hf_config_address address;
	struct hf_media *media;
	struct hf_park *park;
	struct hf_dialog *dialogs;
	struct note note[NOTES];
	uint64_t notes;
	uint64_t now;
	unsigned int serial, wrongs, dialog_count;
	bool invite_fails;
	char wrong[160];
};

static char *lot_may[] = { "internal" };
static char *internal_users[] = { "1???@pbx.example.com" };
static char *fallback_uris[] = { "sip:reception@pbx.example.com",
				 "sip:night@pbx.example.com" };
static struct hf_config_ring two_fallbacks[] = { { &fallback_uris[0], 1 },
						 { &fallback_uris[1], 1 } };

static void wrong(struct world *w, const char *what, const struct hf_dialog *d)
{
	w->wrongs++;
	snprintf(w->wrong, sizeof(w->wrong), "%s: %s", d ? d->call_id : "",
		 what);
}

static void copy(char *out, size_t len, const char *s)
{
	snprintf(out, len, "%s", s ?: "");
}

static void fake_reply(struct hf_dialog *d, const struct hf_reply *r)
{
	if (d->released || !d->pending || d->over)
		wrong(d->w, "reply to nothing", d);
	if ((r->status < 200 && r->status != 183) || r->status == 503 ||
	    r->status >= 600)
		wrong(d->w, "a status that is never sent", d);
	d->pending = r->status < 200;
	d->replies++;
	d->status = r->status;
	d->retry_after = r->retry_after_s;
	copy(d->sdp, sizeof(d->sdp), r->body);
	copy(d->reason, sizeof(d->reason), r->reason);
	copy(d->contact, sizeof(d->contact), r->contact_user);
	copy(d->display, sizeof(d->display), r->display);
	copy(d->asserted, sizeof(d->asserted), r->asserted.uri);
	copy(d->uui, sizeof(d->uui), r->user_to_user);
	copy(d->carried, sizeof(d->carried), r->carried);
	d->privacy = r->privacy;
	if (r->status < 200) {
		if (!r->body || d->first_done)
			wrong(d->w, "a 183 without SDP, or too late", d);
		return;
	}
	if (r->status < 300) {
		if (!r->body)
			wrong(d->w, "2xx without SDP", d);
		d->answered = true;
	} else if (d->incoming && !d->first_done) {
		d->over = true;
	}
	d->first_done = true;
}

static struct hf_dialog *dialog_new(struct world *w, bool incoming)
{
	struct hf_dialog *d = calloc(1, sizeof(*d));

	d->w = w;
	d->incoming = incoming;
	snprintf(d->call_id, sizeof(d->call_id), "%s-%u@test",
		 incoming ? "in" : "out", ++w->serial);
	snprintf(d->local_tag, sizeof(d->local_tag), "us%u", w->serial);
	snprintf(d->remote_tag, sizeof(d->remote_tag), "them%u", w->serial);
	d->next = w->dialogs;
	w->dialogs = d;
	w->dialog_count++;
	return d;
}

static struct hf_dialog *fake_invite(void *stack, struct hf_party *party,
				     const struct hf_call_out *out)
{
	struct world *w = stack;
	struct hf_dialog *d;

	if (w->invite_fails) {
		errno = ENETUNREACH;
		return NULL;
	}
	d = dialog_new(w, false);
	d->party = party;
	copy(d->uri, sizeof(d->uri), out->uri);
	copy(d->tenant, sizeof(d->tenant), out->tenant ? out->tenant->name : "");
	copy(d->from_display, sizeof(d->from_display), out->from.display);
	copy(d->from_user, sizeof(d->from_user), out->from.user);
	copy(d->asserted, sizeof(d->asserted), out->asserted.uri);
	copy(d->diversion, sizeof(d->diversion), out->diversion);
	copy(d->diverted_by, sizeof(d->diverted_by), out->diverted_by);
	copy(d->marker, sizeof(d->marker), out->recall_marker);
	copy(d->uui, sizeof(d->uui), out->user_to_user);
	copy(d->carried, sizeof(d->carried), out->carried);
	copy(d->sdp, sizeof(d->sdp), out->body);
	d->privacy = out->privacy;
	copy(d->referred_by, sizeof(d->referred_by), out->referred_by.uri);
	if (out->replaces)
		snprintf(d->replaces, sizeof(d->replaces), "%s %s %s",
			 out->replaces->call_id, out->replaces->to_tag,
			 out->replaces->from_tag);
	copy(d->call_info, sizeof(d->call_info), out->call_info);
	copy(d->alert_info, sizeof(d->alert_info), out->alert_info);
	if (!out->body || (!*d->marker && !*d->referred_by && !out->replaces))
		wrong(w, "a recall without SDP or marker", d);
	return d;
}

static void note_cause(struct hf_dialog *d, const struct hf_cause *c)
{
	d->cause = c->sip;
	copy(d->cause_text, sizeof(d->cause_text), c->text);
}

static void fake_cancel(struct hf_dialog *d, const struct hf_cause *c)
{
	if (d->incoming || d->answered || d->cancels || d->over || d->released)
		wrong(d->w, "CANCEL of what cannot be cancelled", d);
	d->cancels++;
	note_cause(d, c);
}

static void fake_bye(struct hf_dialog *d, const struct hf_cause *c)
{
	if (!d->answered || d->byes || d->over || d->released)
		wrong(d->w, "BYE for no dialog", d);
	d->byes++;
	d->over = true;
	note_cause(d, c);
}

static int fake_reinvite(struct hf_dialog *d, const char *body)
{
	if (d->released || d->over || !d->answered || d->reinviting)
		wrong(d->w, "re-INVITE where there can be none", d);
	if (d->pending)
		return -EBUSY;
	d->reinviting = true;
	copy(d->sdp, sizeof(d->sdp), body);
	return 0;
}

static void fake_identify(struct hf_dialog *d, const struct hf_identity *who,
			  bool privacy)
{
	if (d->released || d->over || !d->answered)
		wrong(d->w, "a name for a dialog that is not up", d);
	copy(d->told_name, sizeof(d->told_name), who->uri);
	d->told_privately = privacy;
}

static void fake_refer(struct hf_dialog *d, int status, const char *phrase)
{
	if (d->released || (!d->refer_pending && !d->refer_runs))
		wrong(d->w, "the outcome of no REFER", d);
	if (d->refer_pending) {
		if (status != 202 && status < 300)
			wrong(d->w, "a REFER is accepted with 202", d);
		d->refer_answer = status;
		d->refer_pending = false;
		if (d->refer_runs && status == 202)
			wrong(d->w, "two REFERs at once", d);
		d->refer_runs |= status == 202;
		return;
	}
	if (status < 200 || status == 202)
		wrong(d->w, "an outcome that is none", d);
	d->refer_outcome = status;
	d->refer_runs = false;
}

static void fake_release(struct hf_dialog *d)
{
	if (d->released)
		wrong(d->w, "released twice", d);
	if (d->incoming && !d->over && !d->answered)
		wrong(d->w, "released without an answer", d);
	if (d->refer_pending || (d->over && d->refer_runs && !d->party))
		wrong(d->w, "released without a word to its REFER", d);
	if (d->answered && !d->over)
		wrong(d->w, "released a dialog that is up", d);
	if (!d->incoming && !d->answered && !d->over && !d->cancels)
		wrong(d->w, "released a ringing call", d);
	d->released = true;
	d->party = NULL;
}

static const char *fake_local_tag(const struct hf_dialog *d)
{
	return d->local_tag;
}

static const char *fake_call_id(const struct hf_dialog *d)
{
	return d->call_id;
}

static void fake_event(void *arg, const struct hf_event *e)
{
	struct world *w = arg;
	struct note *n = &w->note[w->notes++ % NOTES];

	memset(n, 0, sizeof(*n));
	n->type = e->type;
	n->call = e->call;
	copy(n->tenant, sizeof(n->tenant), e->tenant);
	copy(n->lot, sizeof(n->lot), e->lot);
	copy(n->slot, sizeof(n->slot), e->slot);
	copy(n->caller, sizeof(n->caller), e->caller_number);
	copy(n->parker, sizeof(n->parker), e->parker_uri);
	copy(n->retriever, sizeof(n->retriever), e->retriever_uri);
	copy(n->rule, sizeof(n->rule), e->rule);
	copy(n->reason, sizeof(n->reason), e->reason);
	copy(n->parked_call_id, sizeof(n->parked_call_id), e->parked_call_id);
	copy(n->other_call_id, sizeof(n->other_call_id), e->other_call_id);
	copy(n->uui, sizeof(n->uui), e->user_to_user);
	copy(n->party, sizeof(n->party), e->party);
	copy(n->digit, sizeof(n->digit), e->digit);
	n->attempt = e->attempt;
	n->seconds_parked = e->seconds_parked;
	n->seconds_left = e->seconds_left;
}

static const struct hf_signal_ops fake_ops = {
	.reply = fake_reply,
	.invite = fake_invite,
	.cancel = fake_cancel,
	.bye = fake_bye,
	.reinvite = fake_reinvite,
	.identify = fake_identify,
	.refer = fake_refer,
	.release = fake_release,
	.local_tag = fake_local_tag,
	.call_id = fake_call_id,
};

static void lot_defaults(struct hf_config_lot *lot)
{
	*lot = (struct hf_config_lot){
		.name = "main",
		.park = "700",
		.slot_prefix = "",
		.slot_first = 701,
		.slot_last = 703,
		.slot_digits = 3,
		.park_prefix = "*68",
		.pickup_prefix = "*88",
		.timeout_s = 90,
		.max_wait_s = 3600,
		.reserve_s = 30,
		.hold_audio = "default",
		.on_busy = HF_BUSY_NEXT_FREE,
		.on_full = HF_FULL_RING_PARKER,
		.may_park = lot_may,
		.may_park_count = 1,
		.may_retrieve = lot_may,
		.may_retrieve_count = 1,
		.recall = { .ring_s = 30,
			    .attempts = 2,
			    .fallback = two_fallbacks,
			    .fallback_count = 1,
			    .finally = HF_FINALLY_REPEAT,
			    .display_prefix = "Park %s: " },
	};
}

/* Fill the configuration; the test may change it before world_start(). */
static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	hf_log_open("test", getenv("HF_TEST_LOG") ? HF_LOG_DEBUG : 0);
	lot_defaults(&w->lots[0]);
	w->address = (struct hf_config_address){ .interface = "lo" };
	hf_ip_read("127.0.0.1", &w->address.ip4);
	w->address.advertise = w->address.ip4;
	w->config.path = "test.yaml";
	w->config.instance = "test";
	w->config.sip.domain = "park.example.com";
	w->config.sip.outbound_proxy = "sip:pbx.example.com";
	w->config.sip.internal = internal_users;
	w->config.sip.internal_count = 1;
	w->config.media.addresses = &w->address;
	w->config.media.address_count = 1;
	w->config.media.port_min = 20000;
	w->config.media.port_max = 20399;
	w->config.audio.memory_mib = 1;
	w->config.lots = w->lots;
	w->config.lot_count = 1;
	w->now = 1000000;
	return w;
}

static void key_pressed(void *arg, uint32_t leg, char digit, uint32_t ms)
{
	struct world *w = arg;

	hf_park_digit(w->park, leg, digit, ms);
}

static void world_start(struct world *w)
{
	const struct hf_media_ears ears = { .digit = key_pressed, .arg = w };
	static int16_t silence[8000];
	char err[256] = "";
	struct hf_park_wiring wire = {
		.config = &w->config,
		.signal = &fake_ops,
		.stack = w,
		.event = fake_event,
		.event_arg = w,
		.call_id_base = 16,
	};

	if (hf_media_open_memory(&w->config, &w->media, err, sizeof(err)) ||
	    hf_media_clip_load(w->media, "default", silence, 8000)) {
		printf("# no media: %s\n", err);
		exit(1);
	}
	wire.media = w->media;
	if (hf_park_create(&wire, &w->park))
		exit(1);
	hf_media_listen(w->media, &ears);
	hf_park_run(w->park, w->now);
}

/* The party of this dialog presses a key. */
static void press(struct world *w, struct hf_dialog *d, char digit)
{
	hf_media_hear_digit(w->media, d->party->leg, digit, 120);
}

static struct world *world(void)
{
	struct world *w = world_new();

	world_start(w);
	return w;
}

static unsigned int legs_open(struct world *w)
{
	struct hf_media_totals t;

	hf_media_totals(w->media, &t);
	return t.legs_open;
}

/* Each zone has one, and all of them one more. */
static unsigned int zone_timers(struct world *w)
{
	return w->config.zone_count ? w->config.zone_count + 1 : 0;
}

/* Everything given back; "" or what was not. */
static const char *world_leaks(struct world *w)
{
	static char text[200];
	struct hf_park_totals t;

	text[0] = '\0';
	hf_park_totals(w->park, &t);
	if (w->wrongs)
		return w->wrong;
	if (w->park->bugs)
		return "a pair of the table that cannot happen";
	if (t.calls || t.parked || t.relayed || t.recalling ||
	    t.slots != t.slots_free || legs_open(w) ||
	    hf_park_next_ms(w->park) != HF_NEVER || t.talks ||
	    w->park->timers.owned != zone_timers(w) ||
	    HASH_COUNT(w->park->parties))
		snprintf(text, sizeof(text),
			 "calls %u parked %u relayed %u slots %u of %u free, "
			 "%u legs, %u timers, %u parties", t.calls, t.parked,
			 t.relayed, t.slots_free, t.slots, legs_open(w),
			 w->park->timers.owned, HASH_COUNT(w->park->parties));
	for (struct hf_dialog *d = w->dialogs; d && !*text; d = d->next)
		if (!d->released)
			snprintf(text, sizeof(text), "%s is not released",
				 d->call_id);
	return text;
}

static void world_free(struct world *w)
{
	struct hf_dialog *d;

	hf_park_destroy(w->park, true);
	hf_media_close(w->media, true);
	while ((d = w->dialogs)) {
		w->dialogs = d->next;
		free(d);
	}
	free(w);
}

/* Ends a test: hangs everything up and looks for leftovers. */
#define WORLD_END(w)                                                           \
	do {                                                                   \
		world_hang_up(w);                                              \
		CHECK_STR(world_leaks(w), "");                                 \
		world_free(w);                                                 \
	} while (0)

static void world_hang_up(struct world *w)
{
	const struct hf_stimulus s = { .event = HF_E_HANG_UP };
	struct hf_call *call, *next;

	HASH_ITER(hh, w->park->calls, call, next)
		hf_call_event(call, &s);
}

static void pass(struct world *w, unsigned int seconds)
{
	uint64_t until = w->now + seconds * 1000ULL;

	while (hf_park_next_ms(w->park) <= until) {
		w->now = hf_park_next_ms(w->park);
		hf_park_run(w->park, w->now);
	}
	w->now = until;
	hf_park_run(w->park, w->now);
}

#endif
