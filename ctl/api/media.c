// SPDX-License-Identifier: GPL-2.0-or-later
/* What ctl/media knows, as JSON: engine, devices, packet counters, one leg. */
#include <arpa/inet.h>
#include <string.h>

#include "events/json.h"
#include "holdfast/abi.h"
#include "internal.h"
#include "media/media.h"

static json_t *counters_json(const struct hf_media_totals *t)
{
	static const char *const name[] = {
#define X(symbol, name, text) [HF_COUNT_##symbol] = name,
		HF_COUNTERS(X)
#undef X
	};
	json_t *counters = json_object();

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		if (!json_object_set_new(
			    counters, name[i],
			    json_integer((json_int_t)t->counter[i])))
			continue;
		json_decref(counters);
		return NULL;
	}
	return counters;
}

static json_t *devices_json(const struct hf_media_totals *t)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < t->devices; i++) {
		if (!json_array_append_new(
			    list, json_pack("{s:o,s:o}", "device",
					    hf_json_text(t->device[i].name),
					    "xdp",
					    hf_json_text(t->device[i].mode))))
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

json_t *hf_media_counters_json(const struct hf_media *media)
{
	struct hf_media_totals t;
	int err = hf_media_totals(media, &t);

	if (err)
		return json_null();
	return counters_json(&t);
}

json_t *hf_media_status_json(const struct hf_media *media)
{
	struct hf_media_totals t;
	int err = hf_media_totals(media, &t);

	if (err)
		return json_pack("{s:s,s:o}", "engine", "unknown",
				 "engine_reason", hf_json_text(strerror(-err)));
	return json_pack("{s:o,s:o,s:b,s:o,s:I,s:I,s:I,s:I,s:o}", "engine",
			 hf_json_text(t.engine), "engine_reason",
			 hf_json_text(t.engine_reason), "sender_alive",
			 (int)t.sender_alive, "devices", devices_json(&t),
			 "legs", (json_int_t)t.legs, "legs_open",
			 (json_int_t)t.legs_open, "frames",
			 (json_int_t)t.frames, "frames_used",
			 (json_int_t)t.frames_used, "counters",
			 counters_json(&t));
}

static json_t *address_json(struct hf_ip ip)
{
	char text[HF_IP_TEXT];

	if (!ip.s_addr)
		return json_null();
	return hf_json_text(hf_ip_text(&ip, text));
}

static json_t *reception_json(const struct hf_media_leg_stats *s)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "lost",
			 (json_int_t)s->lost, "jitter_us",
			 (json_int_t)s->jitter_us, "rtcp_in",
			 (json_int_t)s->rtcp_in, "rtcp_out",
			 (json_int_t)s->rtcp_out, "peer_lost",
			 (json_int_t)s->peer_lost, "peer_lost_percent",
			 (json_int_t)s->peer_lost_percent, "peer_jitter_us",
			 (json_int_t)s->peer_jitter_us, "round_trip_us",
			 s->round_trip_us < 0 ? json_null() :
						json_integer(s->round_trip_us));
}

json_t *hf_media_leg_json(const struct hf_media *media, uint32_t leg)
{
	struct hf_media_leg_stats s;
	json_t *json, *reception;

	if (hf_media_leg_stats(media, leg, &s))
		return json_null();
	json = json_pack(
		"{s:o,s:I,s:o,s:i,s:o,s:i,s:I,s:o,s:I,s:I,s:I,s:I,s:I}", "mode",
		hf_json_text(s.mode), "ssrc", (json_int_t)s.ssrc,
		"local_address", address_json(s.local_ip4), "local_port",
		(int)s.local_port, "remote_address", address_json(s.remote_ip4),
		"remote_port", (int)s.remote_port, "packets_in",
		(json_int_t)s.packets_in, "idle_ms",
		s.idle_ms < 0 ? json_null() : json_integer(s.idle_ms),
		"hold_sent", (json_int_t)s.hold_sent, "hold_turned",
		(json_int_t)s.hold_turned, "hold_skipped",
		(json_int_t)s.hold_skipped, "relayed_out",
		(json_int_t)s.relayed_out, "dropped", (json_int_t)s.dropped);
	reception = reception_json(&s);
	if (!reception || json_object_update(json, reception)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(reception);
	return json;
}
