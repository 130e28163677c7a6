// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions to the records of calls that are over (ctl/records). They are
 * answered by a thread of their own: a listing waits for its next piece, and
 * nobody else waits for it.
 */
#include <string.h>

#include "base/clock.h"
#include "events/json.h"
#include "internal.h"
#include "records/records.h"

#define HF_HISTORY_LIMIT 100 /* rows, if nobody says */
#define HF_STATS_MS	 86400000ULL

void hf_listing_end(struct hf_listing *l)
{
	hf_question_drop(l->question);
	json_decref(l->answer);
	*l = (struct hf_listing){0};
}

static void take_last(struct hf_listing *l, json_t *rows)
{
	if (l->single)
		l->answer = json_array_size(rows)
				    ? json_incref(json_array_get(rows, 0))
				    : hf_request_error(HF_ERR_NOT_FOUND,
						       "there is no record of call %llu",
						       (unsigned long long)l->at);
}

/* The next piece of the answer, if it is there. */
static bool take(const struct hf_control_wiring *w, struct hf_listing *l,
		 json_t *rows)
{
	const char *why = "";
	json_t *piece = NULL;

	switch (hf_records_answer(l->question, &piece, &why)) {
	case HF_PIECE_NONE:
		l->waits = true;
		return true;
	case HF_PIECE_MORE:
		l->failed |= json_array_extend(rows, piece) != 0;
		json_decref(piece);
		return true;
	case HF_PIECE_LAST:
		take_last(l, piece);
		l->failed |= json_array_extend(rows, piece) != 0;
		json_decref(piece);
		return false;
	case HF_PIECE_FAILED:
		break;
	}
	l->answer = hf_request_error(HF_ERR_FAILED, "%s", why);
	return false;
}

static const char *text(const json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

static uint64_t number(const json_t *args, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(args, key));
}

static void ask(const struct hf_control_wiring *w, enum hf_asks asks,
		const json_t *args, struct hf_answer *ret)
{
	struct hf_filter f = {
		.asks = asks,
		.call = number(args, "call"),
		.lot = text(args, "lot"),
		.slot = text(args, "slot"),
		.caller = text(args, "caller"),
		.parker = text(args, "parker"),
		.retriever = text(args, "retriever"),
		.resolution = text(args, "resolution"),
		.who = text(args, "who"),
		.act = text(args, "act"),
		.since_ms = number(args, "since_ms"),
		.until_ms = number(args, "until_ms"),
		.limit = number(args, "limit"),
	};

	if (!json_object_get(args, "limit"))
		f.limit = HF_HISTORY_LIMIT;
	if ((asks == HF_ASKS_LOTS || asks == HF_ASKS_HOURS) && !f.since_ms)
		f.since_ms = (f.until_ms ? f.until_ms : hf_wall_ms()) -
			     HF_STATS_MS;
	if (f.resolution && !hf_records_resolution_ok(f.resolution)) {
		ret->json = hf_request_error(HF_ERR_BAD_ARGUMENT,
					     "there is no resolution \"%.32s\"; there are: %s",
					     f.resolution,
					     hf_records_resolutions());
		return;
	}
	if (!w->records) {
		ret->json = hf_request_error(HF_ERR_FAILED,
					     "no history is kept: history.keep_days is 0, or its file cannot be used (see the log)");
		return;
	}
	ret->listing.question = hf_records_ask(w->records, &f);
	ret->listing.more = take;
	ret->listing.at = f.call;
	if (!ret->listing.question) {
		ret->listing.more = NULL;
		ret->json = hf_request_error(HF_ERR_TOO_MANY_CLIENTS,
					     "too much is being asked of the history; ask again");
	}
}

void hf_answer_history_list(const struct hf_control_wiring *w,
			    const json_t *args, struct hf_answer *ret)
{
	ask(w, HF_ASKS_CALLS, args, ret);
}

void hf_answer_history_show(const struct hf_control_wiring *w,
			    const json_t *args, struct hf_answer *ret)
{
	ask(w, HF_ASKS_CALL, args, ret);
	ret->listing.single = true;
}

void hf_answer_history_audit(const struct hf_control_wiring *w,
			     const json_t *args, struct hf_answer *ret)
{
	ask(w, HF_ASKS_ACTS, args, ret);
}

void hf_answer_stats_lots(const struct hf_control_wiring *w, const json_t *args,
			  struct hf_answer *ret)
{
	ask(w, HF_ASKS_LOTS, args, ret);
}

void hf_answer_stats_hours(const struct hf_control_wiring *w,
			   const json_t *args, struct hf_answer *ret)
{
	ask(w, HF_ASKS_HOURS, args, ret);
}

json_t *hf_history_json(const struct hf_control_wiring *w)
{
	struct hf_records_figures f;

	if (!w->records)
		return json_null();
	hf_records_figures(w->records, &f);
	return json_pack("{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "file",
			 hf_json_text(hf_records_path(w->records)), "calls",
			 (json_int_t)f.calls, "waits", (json_int_t)f.waits,
			 "acts", (json_int_t)f.acts, "bytes",
			 (json_int_t)f.bytes, "written", (json_int_t)f.written,
			 "queued", (json_int_t)f.queued, "lost",
			 (json_int_t)f.lost, "failing", (int)f.failing);
}
