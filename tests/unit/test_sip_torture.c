// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/*
 * Thousands of mutilated messages, always the same ones, at a stack with calls
 * up in every state; after each batch it must still park a call properly, and at
 * the end nothing may be left of what it was made to believe.
 */
#include "test_sip_peer.h"

#define BATCHES 20
#define BATCH 150

static uint32_t state = 20231;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

static const char *const tokens[] = {
	"\r\n", "\n", "\r\n ", "\"", "<", ">", ";", ",", ":", "@", "=", "%00",
	"%0d%0a", "sip:", "tel:", "*", "\\", "99999999999", "-1", "\t", "\x80",
	";tag=", ";lr", "To:", "Content-Length: 5\r\n", "SIP/2.0", "INVITE",
	"Replaces: a;to-tag=b;from-tag=c\r\n", "Route: <sip:x;lr>\r\n",
	"Record-Route: <sip:\r\n", "Require: timer\r\n",
	"Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n",
};

static const char *const methods[] = {
	"INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "OPTIONS", "INFO", "REFER",
	"PRACK", "SUBSCRIBE",
};

static void mutilate(char *text, size_t size)
{
	for (uint32_t n = draw(4); n; n--) {
		size_t len = strlen(text), at = len ? draw((uint32_t)len) : 0;
		const char *token = tokens[draw(sizeof(tokens) / sizeof(tokens[0]))];
		size_t cut = draw(30), add = strlen(token);

		switch (draw(4)) {
		case 0: /* another byte */
			if (len)
				text[at] = (char)(1 + draw(255));
			break;
		case 1: /* something missing */
			if (cut > len - at)
				cut = len - at;
			memmove(text + at, text + at + cut, len - at - cut + 1);
			break;
		case 2: /* something special put in */
			if (len + add + 1 > size)
				break;
			memmove(text + at + add, text + at, len - at + 1);
			memcpy(text + at, token, add);
			break;
		default: /* something said twice */
			if (cut > len - at)
				cut = len - at;
			if (len + cut + 1 > size)
				break;
			memmove(text + at + cut, text + at, len - at + 1);
			break;
		}
	}
}

static void assault(struct stage *s, unsigned int batch, const char *tag)
{
	const char *method = methods[draw(sizeof(methods) / sizeof(methods[0]))];
	bool inside = draw(2);
	char text[8192];

	snprintf(text, sizeof(text),
		 "%s sip:700@park.example.com;orbit=701 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bK%u\r\n"
		 "Max-Forwards: 70\r\n"
		 "From: \"Carol \\\"C\\\"\" <sip:+4930123@example.org>;tag=t%u\r\n"
		 "To: <sip:700@park.example.com>%s%s\r\n"
		 "Call-ID: c%u\r\nCSeq: %u %s\r\n"
		 "Contact: <sip:carol@127.0.0.1:%u>\r\n"
		 "Record-Route: <sip:127.0.0.1:%u;lr>\r\n"
		 "Referred-By: \"Agent\" <sip:1001@pbx.example.com>;cid=\"1@x\"\r\n"
		 "Diversion: \"D\" <sip:1003@pbx.example.com>;reason=unknown\r\n"
		 "History-Info: <sip:1006@x?Reason=SIP>;index=1, <sip:700@x>;index=1.1\r\n"
		 "P-Asserted-Identity: \"Dave\" <sip:1002@pbx.example.com>, <tel:+1>\r\n"
		 "Replaces: abc@def;to-tag=o;from-tag=t;early-only\r\n"
		 "Privacy: id;user\r\nUser-to-User: 56a390;encoding=hex\r\n"
		 "Session-Expires: 1800;refresher=uac\r\nSupported: timer, replaces\r\n"
		 "Reason: SIP;cause=200;text=\"x\"\r\nRAck: 1 1 INVITE\r\n"
		 "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		 method, s->peer_port, draw(50), draw(5), inside ? ";tag=" : "",
		 inside ? tag : "", batch * 5 + draw(5), 1 + draw(6), method,
		 s->peer_port, s->peer_port, strlen(SDP), SDP);
	mutilate(text, sizeof(text));
	say_to(s, text);
}

/* Answer some of what the stack asks, wrongly more often than not. */
static void answer_some(struct stage *s)
{
	while (s->queued) {
		free(s->got);
		s->got = s->queue[--s->queued];
		if (!strncmp(s->got, "SIP/2.0", 7) || !draw(3))
			continue;
		respond(s, (int[]){ 100, 180, 200, 302, 401, 481, 491, 500 }[draw(8)],
			draw(2) ? "p1" : "p2", draw(2) ? NULL : "Contact: <sip:x@127.0.0.1>\r\n",
			draw(2) ? SDP : NULL);
	}
}

/* The answer to this call among all that is on its way to us. */
static bool answered(struct stage *s, const char *id)
{
	char call_id[32];

	snprintf(call_id, sizeof(call_id), "\r\nCall-ID: %s\r\n", id);
	while (s->queued) {
		free(s->got);
		s->got = s->queue[--s->queued];
		if (!strncmp(s->got, "SIP/2.0 200", 11) &&
		    strstr(s->got, call_id))
			return true;
	}
	return false;
}

static bool park_one(struct stage *s, struct line *l)
{
	s->park.acks = 0;
	s->park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(l, NULL, SDP);
	if (!WAIT(s, answered(s, l->id)))
		return false;
	ack(l, NULL);
	return WAIT(s, s->park.acks);
}

TEST(no_mutilated_message_stops_the_stack)
{
	struct stage s;
	const struct hf_call_out call = { .uri = "sip:1001@pbx.example.com",
					  .body = SDP };

	CHECK(stage_open(&s, 2)); /* 64*T1 = 128 ms: transactions end soon */
	s.park.many = true;
	s.park.again = (struct hf_reply){ .status = 200, .body = SDP };
	for (unsigned int batch = 0; batch < BATCHES; batch++) {
		char tag[128], id[8];
		struct line l = { .s = &s, .id = id };

		snprintf(id, sizeof(id), "g%u", batch);
		CHECK(park_one(&s, &l));
		snprintf(tag, sizeof(tag), "%s", l.tag);
		s.park.reply.status = draw(3) ? 486 : 200;
		s.park.dialog = s.park.ops->invite(s.sip, OUR_PARTY, &call);
		s.park.ops->release(s.park.dialog);
		for (int i = 0; i < BATCH; i++) {
			assault(&s, batch, tag);
			if (draw(8) == 0) {
				hf_loop_step(s.loop, 1);
				answer_some(&s);
			}
		}
		RUN_FOR(&s, 10);
		answer_some(&s);
		free(s.got);
		s.got = NULL;
	}
	s.park.reply.status = 486;
	/* Let every transaction run out: nothing may be left. */
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST_MAIN()
