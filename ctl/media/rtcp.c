// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whom holdfast-mediad reports to: the controller's line of a leg in the map
 * `rtcp` (include/holdfast/report.h). From the first word of a peer's address
 * to the end of the leg reports are sent, with a name that is the call's own.
 */
#include "state.h"

#include <holdfast/remote.h>
#include <string.h>

#define HF_RTCP_TELL_NS (100 * HF_MS)

/* Readers see an odd turn, or find another one afterwards. */
static void hf_rtcp_put(struct hf_rtcp *line, const struct hf_rtcp *next)
{
	const size_t skip = sizeof(line->turn);
	uint32_t turn = line->turn | 1;

	HF_WRITE(line->turn, turn);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy((char *)line + skip, (const char *)next + skip,
	       __builtin_offsetof(struct hf_rtcp, counted) - skip);
	hf_store_release(&line->turn, turn + 1);
}

/* 96 random bits as text (RFC 7022 4.2). */
static void hf_cname_make(struct hf_media *m, uint8_t cname[HF_CNAME_BYTES])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
				     "ghijklmnopqrstuvwxyz0123456789+/";
	uint8_t random[HF_CNAME_BYTES];

	if (hf_random_get(&m->random, random, sizeof(random)))
		memset(random, 0, sizeof(random));
	for (int i = 0; i < HF_CNAME_BYTES; i++)
		cname[i] = (uint8_t)digits[random[i] & 63];
}

void hf_rtcp_begin(struct hf_media *m, uint32_t leg)
{
	struct hf_rtcp *line = &m->map.rtcp[leg], next = {0};

	next.opened = line->opened + 1;
	next.peer = HF_LEG_NONE;
	hf_cname_make(m, next.cname);
	/* holdfast-mediad writes these only while HF_RTCP_ON is set. */
	memset((char *)line + __builtin_offsetof(struct hf_rtcp, counted), 0,
	       sizeof(*line) - __builtin_offsetof(struct hf_rtcp, counted));
	hf_rtcp_put(line, &next);
}

void hf_rtcp_tell(struct hf_media *m)
{
	if (!m->report_owed)
		return;
	m->report_owed = false;
	m->told_ns = hf_media_now(m);
	if (m->poke)
		m->poke(m, HF_POKE_RTCP);
}

static void hf_rtcp_set(struct hf_media *m, uint32_t leg,
			const struct hf_rtcp *next)
{
	struct hf_rtcp *line = &m->map.rtcp[leg];
	bool on = next->flags & HF_RTCP_ON, was = line->flags & HF_RTCP_ON;

	if (!(line->turn & 1) &&
	    !memcmp((const char *)line + sizeof(line->turn),
		    (const char *)next + sizeof(line->turn),
		    __builtin_offsetof(struct hf_rtcp, counted) -
			    sizeof(line->turn)))
		return;
	hf_rtcp_put(line, next);
	if (on == was)
		return;
	/* A first report is seconds away: of many calls it hears together, the
	 * last of them from the tick. */
	m->report_owed = true;
	if (hf_media_now(m) >= m->told_ns + HF_RTCP_TELL_NS)
		hf_rtcp_tell(m);
}

static void hf_rtcp_put_ip(struct hf_rtcp *line, const struct hf_ip *ip)
{
	memset(line->remote, 0, sizeof(line->remote));
	if (hf_ip_is6(ip))
		memcpy(line->remote, &ip->six, sizeof(line->remote));
	else
		memcpy(line->remote, &ip->s_addr, sizeof(ip->s_addr));
}

void hf_rtcp_apply(struct hf_media *m, uint32_t leg)
{
	const struct hf_leg_own *own = &m->own[leg];
	const struct hf_media_remote *r = &own->remote;
	struct hf_rtcp next = m->map.rtcp[leg];

	/* On hold (RFC 2543) there is no address, and the peer is still there:
	 * the reports wait. */
	m->map.claims[leg].unit_ns =
		r->codec == HF_CODEC_OPUS ? 1000000 / 48 : HF_STREAM_UNIT_NS;
	next.flags = HF_RTCP_ON;
	next.remote_port = htons(r->rtcp_port);
	next.family = hf_ip_is6(&r->ip4) ? 6 : 4;
	memset(next.remote, 0, sizeof(next.remote));
	if (r->rtcp_mux)
		next.flags |= HF_RTCP_MUX;
	if (r->rtcp_ip4.s_addr && !hf_ip_equal(&r->rtcp_ip4, &r->ip4)) {
		next.flags |= HF_RTCP_ADDRESS;
		hf_rtcp_put_ip(&next, &r->rtcp_ip4);
	}
	hf_rtcp_set(m, leg, &next);
}

/* Who talks to this leg now: what was relayed until then is banked. */
void hf_rtcp_talker(struct hf_media *m, uint32_t leg, uint32_t peer)
{
	struct hf_rtcp next = m->map.rtcp[leg];
	uint32_t legs = m->map.instance->legs;

	if (next.peer == peer)
		return;
	if (next.peer < legs) {
		const struct hf_intake *in = &m->map.claims[next.peer].intake;

		next.before_packets += HF_READ(in->forwarded) -
				       next.begin_packets;
		next.before_octets += HF_READ(in->stream.octets) -
				      next.begin_octets;
	}
	next.peer = peer;
	if (peer < legs) {
		next.begin_packets = HF_READ(m->map.claims[peer].intake.forwarded);
		next.begin_octets = HF_READ(m->map.claims[peer].intake.stream.octets);
	}
	hf_rtcp_put(&m->map.rtcp[leg], &next);
}

void hf_rtcp_end(struct hf_media *m, uint32_t leg)
{
	struct hf_rtcp next = m->map.rtcp[leg];
	const struct hf_leg *l = &m->map.legs[leg];
	const struct hf_program *p =
		hf_word_program(l, m->map.claims[leg].word);
	struct hf_remote r = hf_remote_get(p, &l->rx);

	/* Who says BYE may come when the program is gone. */
	if (!(next.flags & HF_RTCP_ADDRESS)) {
		struct hf_ip ip =
			hf_leg_remote_ip(m, leg, m->map.claims[leg].word);

		if (!hf_ip_is6(&ip))
			ip.s_addr = r.ip4;
		hf_rtcp_put_ip(&next, &ip);
	}
	if (next.flags & HF_RTCP_MUX)
		next.remote_port = r.port;
	next.flags &= HF_RTCP_MUX;
	hf_rtcp_set(m, leg, &next);
}
