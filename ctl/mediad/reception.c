// SPDX-License-Identifier: GPL-2.0-or-later
/* What reports say, see reception.h. */
#include "mediad/reception.h"

#include <arpa/inet.h>
#include <string.h>

#include "holdfast/claim.h"
#include "holdfast/remote.h"

/* From 1900 to 1970. */
#define NTP_EPOCH 2208988800ULL

static uint64_t ntp_of(uint64_t wall_ns)
{
	return (wall_ns / 1000000000ULL + NTP_EPOCH) << 32 |
	       ((wall_ns % 1000000000ULL) << 32) / 1000000000ULL;
}

/* The leg's program as it stands, and the word it belongs to. */
static bool program_get(const struct hf_pins *pins, uint32_t leg,
			struct hf_program *ret, uint64_t *ret_word)
{
	const __u64 *word = &pins->claims[leg].word;

	*ret_word = hf_load_acquire(word);
	*ret = *hf_word_program(&pins->legs[leg], *ret_word);
	HF_BARRIER();
	return hf_word_epoch(hf_load_acquire(word)) ==
	       hf_word_epoch(*ret_word);
}

/* What the controller wrote, if it is not writing. */
static bool wish_get(const struct hf_rtcp *line, struct hf_rtcp *ret)
{
	uint32_t turn = hf_load_acquire(&line->turn);

	memcpy(ret, line, __builtin_offsetof(struct hf_rtcp, counted));
	HF_BARRIER();
	return !(turn & 1) && hf_load_acquire(&line->turn) == turn;
}

/* Who talks to whom; of IPv6 the addresses stand beside the program. */
static void addresses_get(const struct hf_pins *pins, uint32_t leg,
			  const struct hf_program *p, uint64_t word,
			  struct hf_rtcp_line *ret)
{
	struct hf_remote r = hf_remote_get(p, &pins->legs[leg].rx);
	const struct hf_pair6 *six;

	if (p->flags & HF_PROGRAM_IPV6) {
		six = &pins->leg6[leg].program[hf_word_epoch(word) & 1];
		ret->family = 6;
		memcpy(ret->local, &six->local, sizeof(ret->local));
		memcpy(ret->remote, &six->remote, sizeof(ret->remote));
		return;
	}
	ret->family = 4;
	memcpy(ret->local, &p->local_ip4, 4);
	memcpy(ret->remote, &r.ip4, 4);
}

static void remote_get(const struct hf_pins *pins, uint32_t leg,
		       const struct hf_program *p, const struct hf_rtcp *wish,
		       struct hf_rtcp_line *ret)
{
	struct hf_remote r = hf_remote_get(p, &pins->legs[leg].rx);
	__be16 seen = HF_READ(pins->rtcp[leg].from_port);

	ret->remote_port = r.port;
	if (wish->flags & HF_RTCP_MUX)
		return;
	ret->remote_port = wish->remote_port;
	if (wish->flags & HF_RTCP_ADDRESS)
		memcpy(ret->remote, wish->remote, sizeof(ret->remote));
	else if (p->flags & HF_PROGRAM_LATCH && seen)
		ret->remote_port = seen; /* behind a NAT (RFC 4961) */
}

bool hf_rtcp_line_get(const struct hf_pins *pins, uint32_t leg,
		      struct hf_rtcp_line *ret)
{
	struct hf_program p;
	struct hf_rtcp wish;
	uint64_t word;

	if (!wish_get(&pins->rtcp[leg], &wish) || !(wish.flags & HF_RTCP_ON) ||
	    !program_get(pins, leg, &p, &word) || !p.remote_port)
		return false;
	memset(ret, 0, sizeof(*ret));
	addresses_get(pins, leg, &p, word, ret);
	remote_get(pins, leg, &p, &wish, ret);
	ret->local_port = p.local_port;
	if (!(wish.flags & HF_RTCP_MUX))
		ret->local_port = htons((uint16_t)(ntohs(p.local_port) + 1));
	ret->ssrc = ntohl(p.ssrc);
	memcpy(ret->cname, wish.cname, sizeof(ret->cname));
	return ret->remote_port;
}

bool hf_rtcp_line_ended(const struct hf_pins *pins, uint32_t leg,
			struct hf_rtcp_line *ret)
{
	const struct hf_instance *in = pins->instance;
	struct hf_rtcp wish;
	uint32_t a = 0;

	if (!wish_get(&pins->rtcp[leg], &wish) || wish.flags & HF_RTCP_ON ||
	    !wish.remote_port)
		return false;
	while (a + 1 < in->addresses && leg >= in->address[a + 1].leg_base)
		a++;
	memset(ret, 0, sizeof(*ret));
	ret->family = in->address[a].ip4 ? 4 : 6;
	if (ret->family == 4)
		memcpy(ret->local, &in->address[a].ip4, 4);
	else
		memcpy(ret->local, in->address[a].ip6, sizeof(ret->local));
	memcpy(ret->remote, wish.remote, sizeof(ret->remote));
	ret->local_port = htons((uint16_t)(in->address[a].port_min +
					   2 * (leg - in->address[a].leg_base) +
					   !(wish.flags & HF_RTCP_MUX)));
	ret->remote_port = wish.remote_port;
	ret->ssrc = ntohl(pins->rtcp[leg].ssrc);
	memcpy(ret->cname, wish.cname, sizeof(ret->cname));
	return true;
}

/* The timestamp that a packet sent now would have. */
static uint32_t timestamp_now(const struct hf_pins *pins,
			      const struct hf_program *p, uint64_t word,
			      uint64_t now_ns)
{
	const struct hf_bound *b;
	uint64_t out;
	uint32_t units;

	if (p->mode != HF_MODE_RELAY || p->peer >= pins->instance->legs)
		return hf_program_timestamp(p, now_ns);
	/* A relayed stream runs by the clock of its talker (rtp.h). */
	b = &pins->bound[p->peer];
	out = hf_load_acquire(&pins->claims[p->peer].intake.last_out);
	if (!out || !(HF_READ(b->flags) & HF_BOUND) ||
	    b->epoch != hf_word_epoch(word) || !p->ptime_ns)
		return hf_program_timestamp(p, now_ns);
	units = (uint32_t)(now_ns >> 20) - (uint32_t)out;
	return (uint32_t)(out >> 32) +
	       (uint32_t)(((uint64_t)units << 20) * p->ts_step / p->ptime_ns);
}

/* Payload of the hold frames since the last look: frames of a clip are all of
 * one size. */
static uint64_t hold_octets(const struct hf_pins *pins, uint32_t leg,
			    const struct hf_program *p, uint64_t hold)
{
	struct hf_rtcp *line = &pins->rtcp[leg];
	uint32_t frame = p->loop_len ? p->loop_first : p->once_first;

	if (p->mode == HF_MODE_HOLD && frame < pins->instance->frames)
		line->frame_bytes = HF_READ(pins->frames[frame].bytes);
	if (hold >= line->counted)
		line->octets += (hold - line->counted) * line->frame_bytes;
	else
		line->octets = hold * line->frame_bytes; /* another call */
	line->counted = hold;
	return line->octets;
}

/* What was relayed to the leg: banked by the controller at each switch, and of
 * who talks now since then. */
static void relayed_add(const struct hf_pins *pins, uint32_t leg,
			struct hf_rtcp_report *report)
{
	struct hf_rtcp wish;

	/* The controller just writes, or died there: the last word is good. */
	wish_get(&pins->rtcp[leg], &wish);
	report->packets += wish.before_packets;
	report->octets += wish.before_octets;
	if (wish.peer >= pins->instance->legs)
		return;
	report->packets +=
		HF_READ(pins->claims[wish.peer].intake.forwarded) - wish.begin_packets;
	report->octets +=
		HF_READ(pins->claims[wish.peer].intake.stream.octets) - wish.begin_octets;
}

void hf_reception_sender(const struct hf_pins *pins, uint32_t leg,
			 const struct hf_rtcp_line *to, uint64_t now_ns,
			 int64_t wall_ns, struct hf_rtcp_report *report)
{
	uint64_t hold = HF_READ(pins->claims[leg].sent) +
			HF_READ(pins->claims[leg].intake.turn_sent);
	struct hf_program p;
	uint64_t word;

	report->ssrc = to->ssrc;
	report->ntp = ntp_of((uint64_t)((int64_t)now_ns + wall_ns));
	program_get(pins, leg, &p, &word);
	report->timestamp = timestamp_now(pins, &p, word, now_ns);
	report->packets = (uint32_t)hold;
	report->octets = (uint32_t)hold_octets(pins, leg, &p, hold);
	relayed_add(pins, leg, report);
}

/* RFC 3550 A.3. */
void hf_reception_block(const struct hf_pins *pins, uint32_t leg,
			uint64_t now_ns, struct hf_rtcp_report *report)
{
	const struct hf_stream *h = &pins->claims[leg].intake.stream;
	struct hf_rtcp *line = &pins->rtcp[leg];
	uint32_t count = HF_READ(h->count);
	uint32_t expected = HF_READ(h->newest) - HF_READ(h->first) + 1;
	uint32_t since_expected, since_count;
	struct hf_program p;
	uint64_t word;

	if (!count || count == line->count_before)
		return;
	if (count < line->count_before || expected < line->expected_before)
		line->count_before = line->expected_before = 0;
	since_expected = expected - line->expected_before;
	since_count = count - line->count_before;
	line->expected_before = expected;
	line->count_before = count;
	program_get(pins, leg, &p, &word);
	report->block = true;
	report->about = (struct hf_rtcp_block){
		.source = ntohl(h->source),
		.lost = (int32_t)(expected - count),
		.highest = h->newest,
		.last_sr = line->sr_at ? line->sr_mid : 0,
	};
	if (since_expected > since_count)
		report->about.fraction =
			(uint8_t)(((uint64_t)(since_expected - since_count)
				   << 8) /
				  since_expected);
	if (p.ptime_ns)
		report->about.jitter =
			(uint32_t)(((uint64_t)h->jitter >> 4) * 1024 *
				   p.ts_step / p.ptime_ns);
	if (line->sr_at) /* 2^16 ns to 1/65536 s */
		report->about.since =
			(uint32_t)(((uint64_t)((uint32_t)(now_ns >> 16) -
					       line->sr_at)
				    << 32) /
				   1000000000ULL);
}

void hf_reception_take(const struct hf_pins *pins, const struct hf_rtcp_in *in,
		       const struct hf_rtcp_seen *seen, int64_t wall_ns)
{
	struct hf_rtcp *line = &pins->rtcp[in->leg];
	const struct hf_rtcp_block *b = &seen->about;
	uint32_t mid, trip;

	line->got++;
	line->from_port = in->sport;
	if (seen->sender) {
		line->sr_mid = seen->mid;
		line->sr_at = (uint32_t)(in->at_ns >> 16) | 1;
	}
	if (!seen->block)
		return;
	line->peer_lost =
		(uint32_t)b->fraction << 24 | ((uint32_t)b->lost & 0xffffff);
	line->peer_jitter = b->jitter;
	mid = (uint32_t)(ntp_of((uint64_t)((int64_t)in->at_ns + wall_ns)) >>
			 16);
	trip = mid - b->last_sr - b->since;
	/* What is not less than a minute is of no report of ours. */
	if (b->last_sr && (int32_t)trip < 0 && (int32_t)trip > -65)
		trip = 1; /* clocks round */
	if (b->last_sr && trip < 60 << 16)
		line->round_trip = trip ? trip : 1;
}
