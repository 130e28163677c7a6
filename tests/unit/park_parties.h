/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who calls in the world of park_world.h: what PBXs, callers and phones send, and
 * what can be asked of it afterwards.
 */
#ifndef HOLDFAST_TEST_PARK_PARTIES_H
#define HOLDFAST_TEST_PARK_PARTIES_H

#include "park_world.h"

/* "v=0" with one audio line. */
static const char *sdp(const char *ip, unsigned int port, const char *formats,
		       const char *direction)
{
	static char text[4][600];
	static unsigned int turn;
	char *out = text[turn++ % 4];

	snprintf(out, sizeof(text[0]),
		 "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
		 "m=audio %u RTP/AVP %s\r\na=%s\r\n", ip, ip, port, formats,
		 direction);
	return out;
}

/* Who is who, as the PBX writes them. */
#define CALLER_URI   "sip:+4930123@pbx.example.com"
#define ALICE_URI    "sip:1001@pbx.example.com"
#define BOB_URI	     "sip:1002@pbx.example.com"
#define CAROL_URI    "sip:1003@pbx.example.com"
#define OUTSIDER_URI "sip:+4940999@pbx.example.com"

static struct hf_identity who(const char *uri)
{
	static char text[16][2][64];
	static unsigned int turn;
	char *user = text[turn % 16][0], *host = text[turn % 16][1];

	turn++;
	if (!uri || sscanf(uri, "%*[a-z]:%63[^@]@%63[^;:]", user, host) != 2)
		return (struct hf_identity){ .uri = uri,
					     .user = "",
					     .host = "",
					     .display = "" };
	return (struct hf_identity){ .uri = uri,
				     .user = user,
				     .host = host,
				     .display = "" };
}

/* An INVITE of a trusted PBX; the test changes what it likes, then sends it. */
static struct hf_invite invite(const char *from, const char *to)
{
	static char uri[8][80];
	static unsigned int turn;
	char *target = uri[turn++ % 8];
	struct hf_invite in = {
		.from = who(from),
		.target_params = "",
		.user_to_user = "",
		.recall_marker = "",
		.source = "127.0.0.2",
		.local = "127.0.0.1",
		.transport = "udp",
		.trusted = true,
		.body = sdp("127.0.0.3", 4000, "8 0 101", "sendrecv"),
	};

	snprintf(target, sizeof(uri[0]), "sip:%s@park.example.com", to);
	in.target = who(target);
	in.body_len = strlen(in.body);
	return in;
}

static struct hf_dialog *send_invite(struct world *w, struct hf_invite *in)
{
	struct hf_dialog *d = dialog_new(w, true);

	d->pending = true;
	in->call_id = d->call_id;
	in->from_tag = d->remote_tag;
	d->party = hf_park_invite(w->park, d, in);
	if (!d->party != d->released)
		wrong(w, "party and release disagree", d);
	return d;
}

static struct hf_dialog *dial(struct world *w, const char *from, const char *to)
{
	struct hf_invite in = invite(from, to);

	return send_invite(w, &in);
}

/* What a PBX sends for a blind transfer of the caller by `parker`. */
static struct hf_dialog *transfer(struct world *w, const char *parker,
				  const char *to)
{
	struct hf_invite in = invite(CALLER_URI, to);

	in.referred_by = who(parker);
	return send_invite(w, &in);
}

static void ack(struct hf_dialog *d)
{
	hf_park_ack(d->party, NULL, 0);
}

static void bye(struct hf_dialog *d)
{
	d->over = true;
	hf_park_bye(d->party, "");
}

static struct hf_dialog *park_one(struct world *w, const char *to)
{
	struct hf_dialog *d = transfer(w, ALICE_URI, to);

	ack(d);
	return d;
}

static struct hf_dialog *pick_up(struct world *w, const char *number)
{
	struct hf_dialog *d = dial(w, BOB_URI, number);

	ack(d);
	return d;
}

static struct hf_invite replacing(const char *from, const struct hf_dialog *d)
{
	static struct hf_replaces r;
	struct hf_invite in = invite(from, "anything");

	r = (struct hf_replaces){ .call_id = d->call_id,
				  .to_tag = d->local_tag,
				  .from_tag = d->remote_tag };
	in.replaces = &r;
	return in;
}

static struct hf_dialog *replace(struct world *w, const char *from,
				 const struct hf_dialog *leg, const char *body)
{
	struct hf_invite in = invite(from, "1002");
	const struct hf_replaces r = { .call_id = leg->call_id,
				       .to_tag = leg->local_tag,
				       .from_tag = leg->remote_tag };

	in.replaces = &r;
	in.body = body;
	in.body_len = body ? strlen(body) : 0;
	return send_invite(w, &in);
}

/* The newest but `nth` of whom we call. */
static struct hf_dialog *phone_called(struct world *w, unsigned int nth)
{
	struct hf_dialog *d = w->dialogs;

	for (; d; d = d->next)
		if (!d->incoming && !d->released && !d->answered && !nth--)
			return d;
	return NULL;
}

/* The recall that rings now, or NULL. */
static struct hf_dialog *recall(struct world *w)
{
	return phone_called(w, 0);
}

static struct hf_dialog *phone_called_at(struct world *w, const char *uri)
{
	struct hf_dialog *d = phone_called(w, 0);

	return d && !strcmp(d->uri, uri) ? d : NULL;
}

static void answer(struct hf_dialog *d, const char *body)
{
	d->answered = true;
	hf_park_answered(d->party, body, strlen(body));
}

static void fail(struct hf_dialog *d, int status, const char *phrase)
{
	d->over = true;
	hf_park_failed(d->party, status, phrase);
}

static const char *recall_uri(struct world *w)
{
	return recall(w) ? recall(w)->uri : "nobody";
}

static void fail_recall(struct world *w, int status, const char *phrase)
{
	if (recall(w))
		fail(recall(w), status, phrase);
	else
		wrong(w, "no recall to fail", NULL);
}

static void reinvite(struct hf_dialog *d, const char *from, const char *body)
{
	const struct hf_identity asserted = who(from);

	d->pending = true;
	hf_park_reinvite(d->party, from ? &asserted : NULL, body,
			 body ? strlen(body) : 0);
}

/* The end of our re-INVITE. */
static void reinvited(struct hf_dialog *d, int status, const char *body)
{
	if (!d->reinviting)
		wrong(d->w, "no re-INVITE of ours", d);
	d->reinviting = false;
	hf_park_reinvite_done(d->party, status, body, body ? strlen(body) : 0);
}

/* REFER in the dialog of `d`; its answer. */
static int refer(struct hf_dialog *d, const char *to,
		 const struct hf_replaces *replaces)
{
	const struct hf_refer r = {
		.target = who(to),
		.target_params = "",
		.replaces = replaces,
	};

	d->refer_pending = true;
	d->refer_answer = 0;
	d->refer_outcome = 0;
	hf_park_refer(d->party, &r);
	if (d->refer_pending)
		wrong(d->w, "a REFER without an answer", d);
	return d->refer_answer;
}

/* REFER outside any dialog: fetch the caller whose dialog `r` names. */
static struct hf_dialog *refer_outside(struct world *w, const char *from,
				       const char *to,
				       const struct hf_replaces *r)
{
	struct hf_dialog *d = dialog_new(w, true);
	struct hf_invite in = invite(from, to);
	const struct hf_refer refer = {
		.target = who("sip:+4930123@127.0.0.3:5070"),
		.target_params = "",
		.replaces = r,
	};

	in.call_id = d->call_id;
	in.from_tag = d->remote_tag;
	in.body = NULL;
	d->refer_pending = true;
	d->over = true; /* there is no call in it */
	hf_park_refer_outside(w->park, d, &in, &refer);
	return d;
}

/* Counted from the newest. */
static const struct note *note(struct world *w, unsigned int back)
{
	static const struct note none = { .type = HF_EVENT_COUNT };

	return back < w->notes ? &w->note[(w->notes - 1 - back) % NOTES] :
				 &none;
}

static const struct note *last(struct world *w, enum hf_event_type type)
{
	static const struct note none = { .type = HF_EVENT_COUNT };

	for (unsigned int i = 0; i < NOTES && i < w->notes; i++)
		if (note(w, i)->type == type)
			return note(w, i);
	return &none;
}

static unsigned int count_notes(struct world *w, enum hf_event_type type)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < NOTES && i < w->notes; i++)
		n += note(w, i)->type == type;
	return n;
}

static const char *rule_used(struct world *w)
{
	return note(w, 0)->rule;
}

static struct hf_slot *slot(struct world *w, const char *number)
{
	return hf_slot_by_number(w->park, NULL, number);
}

static const char *slot_state(struct world *w, const char *number)
{
	struct hf_slot *s = slot(w, number);

	return s && s->call ? hf_state_name(s->call->state) : "free";
}

/* What a party hears: "idle", "hold", "relay". */
static const char *hears(struct world *w, const struct hf_dialog *d)
{
	struct hf_media_leg_stats s;

	if (!d->party || hf_media_leg_stats(w->media, d->party->leg, &s))
		return "nothing";
	return s.mode;
}

static const char *sends_to(struct world *w, const struct hf_dialog *d)
{
	static char text[64];
	struct hf_media_leg_stats s;

	if (!d->party || hf_media_leg_stats(w->media, d->party->leg, &s))
		return "nowhere";
	snprintf(text, sizeof(text), "%s:%u", inet_ntoa((struct in_addr){s.remote_ip4.s_addr}),
		 s.remote_port);
	return text;
}

#endif
