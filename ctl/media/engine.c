// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which engine paces the hold audio, why that one, and what it has counted: for
 * `holdfastctl status`. Who decides is elsewhere: kmod.c whether the module
 * does, holdfast-mediad (mediad/sender.h) between live frames and packets.
 */
#include "bpf_state.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "driver.h"

#define HF_SAID_DEVICES 4 /* more are counted */

enum hf_engine hf_engine_wanted(const struct hf_config *c)
{
	switch (c->media.pacer) {
	case HF_PACER_BPF:
		return HF_ENGINE_BPF;
	case HF_PACER_PACKET:
		return HF_ENGINE_PACKET;
	default:
		return HF_ENGINE_NONE;
	}
}

/* The sentence, clause by clause. */
struct hf_sentence {
	char *text;
	size_t len, used;
};

__attribute__((format(printf, 2, 3))) static void
hf_sentence_add(struct hf_sentence *s, const char *format, ...)
{
	va_list ap;
	int n;

	if (s->used)
		s->used += (size_t)snprintf(s->text + s->used,
					    s->len - s->used, "; ");
	if (s->used >= s->len)
		s->used = s->len - 1;
	va_start(ap, format);
	n = vsnprintf(s->text + s->used, s->len - s->used, format, ap);
	va_end(ap);
	if (n > 0)
		s->used += (size_t)n;
	if (s->used >= s->len)
		s->used = s->len - 1;
}

static bool hf_sends_packets(const struct hf_media *m)
{
	uint32_t engine = HF_READ(m->map.work->engine);

	/* Before it has sent anything it has not said so. */
	return engine == HF_ENGINE_PACKET ||
	       (engine != HF_ENGINE_BPF &&
		m->config->media.pacer == HF_PACER_PACKET);
}

static void hf_say_engine(const struct hf_media *m, struct hf_sentence *s,
			  struct hf_media_totals *t)
{
	struct hf_bpf *b = m->bpf;
	bool alive = hf_keeper_is_alive(m);
	uint32_t refused = HF_READ(m->map.work->live_error);
	const char *keeper = alive		? "holdfast-mediad"
			     : b->keeper.error[0] ? b->keeper.error
						: "holdfast-mediad does not answer";

	t->sender_alive = alive || b->kmod.attached;
	if (b->kmod.attached) {
		t->engine = "kmod";
		hf_sentence_add(s, "the module holdfast %s paces the frames",
				b->kmod.version);
		if (m->wheel.total6)
			hf_sentence_add(
				s,
				"holdfast-mediad sends to %u leg%s of IPv6, which the module cannot",
				m->wheel.total6, m->wheel.total6 == 1 ? "" : "s");
		if (!alive)
			hf_sentence_add(s, "who keeps its next hops: %s",
					keeper);
		return;
	}
	t->engine = hf_sends_packets(m) ? "packet" : "bpf";
	hf_sentence_add(s, "%s%s", keeper,
			alive ? " paces the frames" : ": turn-around only");
	if (b->kmod.reason[0])
		hf_sentence_add(s, "%s", b->kmod.reason);
	if (refused)
		hf_sentence_add(s, "the kernel refuses live frames (%s)",
				strerror((int)refused));
}

static void hf_say_device(struct hf_sentence *s, const struct hf_hop *hop,
			  bool live)
{
	char name[IF_NAMESIZE] = "?", driver[32];

	/* Below VLAN devices generic mode is no way round (mediad/devices.c). */
	const char *talk = hop->flags & HF_HOP_GENERIC ?
				   "" :
				   ", and all talk there";

	if_indextoname(hop->ifindex, name);
	if (!live) { /* what is redirected is relayed packets alone */
		hf_driver_name(name, driver, sizeof(driver));
		if (hop->flags & HF_HOP_SWALLOWED)
			hf_sentence_add(
				s, "%s (%s) swallows frames from XDP%s: %s",
				name, driver, talk, hf_driver_fix(driver));
		return;
	}
	if (hop->flags & HF_HOP_LOCAL) {
		hf_sentence_add(s, "packets to this host");
		return;
	}
	if (!(hop->flags & HF_HOP_SWALLOWED)) {
		hf_sentence_add(s,
				"packets to %s, which takes no frames from XDP",
				name);
		return;
	}
	hf_driver_name(name, driver, sizeof(driver));
	hf_sentence_add(s,
			"packets to %s (%s), which swallows frames from XDP%s: %s",
			name, driver, talk, hf_driver_fix(driver));
}

/* Ways that redirected frames cannot take, each device once; live: those are
 * what hold audio goes by. */
static void hf_say_packets(const struct hf_media *m, struct hf_sentence *s,
			   bool live)
{
	uint32_t said[HF_SAID_DEVICES], n = 0, d;

	for (uint32_t i = 0; i < m->map.nexthop_count; i++) {
		const struct hf_nexthop *nh = &m->map.nexthops[i];
		struct hf_hop hop;

		if (!nh->wanted)
			continue;
		hop = nh->hop[HF_READ(nh->turn) & 1];
		if (!(hop.flags & HF_HOP_NO_REDIRECT))
			continue;
		for (d = 0; d < n && said[d] != hop.ifindex; d++)
			;
		if (d < n || n == HF_SAID_DEVICES)
			continue;
		said[n++] = hop.ifindex;
		hf_say_device(s, &hop, live);
	}
}

static void hf_say_generic(const struct hf_bpf *b, struct hf_sentence *s)
{
	for (uint32_t i = 0; i < b->devices; i++) {
		const struct hf_bpf_device *d = &b->device[i];

		if (d->generic && d->for_others)
			hf_sentence_add(
				s,
				"generic XDP on %s, which any device sends for",
				d->name);
		else if (d->generic)
			hf_sentence_add(
				s,
				"generic XDP on %s, whose driver refuses native (%s)",
				d->name, strerror(-d->native_error));
	}
}

void hf_engine_describe(const struct hf_media *m, struct hf_media_totals *t)
{
	struct hf_bpf *b = m->bpf;
	struct hf_sentence s = {b->reason, sizeof(b->reason), 0};

	hf_say_engine(m, &s, t);
	hf_say_packets(m, &s, !strcmp(t->engine, "bpf"));
	hf_say_generic(b, &s);
	t->engine_reason = b->reason;
}

void hf_engine_totals(const struct hf_media *m, struct hf_media_totals *t)
{
	const struct hf_work *w = m->map.work;

	t->counter[HF_COUNT_HOLD_PACED] +=
		HF_READ(w->packets.sent) + HF_READ(m->map.ready->sent);
	t->counter[HF_COUNT_HOLD_SKIPPED] += HF_READ(w->packets.skipped);
	t->counter[HF_COUNT_CLAIM_LOST] += HF_READ(w->packets.lost);
	t->counter[HF_COUNT_DROP_FRAME] += HF_READ(w->packets.no_frame);
	t->counter[HF_COUNT_DROP_MTU] += HF_READ(w->packets.mtu);
	t->counter[HF_COUNT_TX_REFUSED] += HF_READ(w->packets.busy);
}
