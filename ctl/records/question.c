// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Filters to SQL, rows to JSON (the keys are those of Documentation/control.md).
 * A piece begins where the one before ended, so what is written meanwhile moves
 * nothing. Runs in the answering thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../events/json.h"
#include "internal.h"

#define PIECE_ROWS 200

static const char *const resolutions[] = {
#define X(symbol, name) name,
	HF_WAIT_ENDS(X)
#undef X
		NULL};

bool hf_records_resolution_ok(const char *resolution)
{
	for (int i = 0; resolutions[i]; i++)
		if (!strcmp(resolutions[i], resolution))
			return true;
	return false;
}

const char *hf_records_resolutions(void)
{
	return "retrieved, rang_back, abandoned, expired, kicked, lost, ended";
}

/* --- a question ------------------------------------------------------------ */

#define FILTER_TEXT(X)                                                  \
	X(lot) X(slot) X(caller) X(parker) X(retriever) X(resolution) X(who) \
	X(act)

struct hf_question *hf_question_create(const struct hf_filter *f)
{
	size_t size = sizeof(struct hf_question);
	struct hf_question *q;
	char *at;

#define X(name) size += f->name ? strlen(f->name) + 1 : 0;
	FILTER_TEXT(X)
#undef X
	q = calloc(1, size);
	if (!q)
		return NULL;
	q->filter = *f;
	at = (char *)(q + 1);
#define X(name)                               \
	if (f->name) {                        \
		q->filter.name = at;          \
		at = stpcpy(at, f->name) + 1; \
	}
	FILTER_TEXT(X)
#undef X
	return q;
}

void hf_question_free(struct hf_question *q)
{
	json_decref(q->rows);
	free(q);
}

/* --- SQL, with what is bound to it ---------------------------------------- */

struct sql {
	char text[4096];
	size_t len;
	struct {
		const char *text; /* NULL: a number */
		uint64_t number;
	} bind[32];
	int bound;
};

static void put(struct sql *q, const char *text)
{
	size_t n = strlen(text);

	if (q->len + n >= sizeof(q->text))
		return;
	memcpy(q->text + q->len, text, n + 1);
	q->len += n;
}

static void put_text(struct sql *q, const char *sql, const char *value)
{
	if (!value)
		return;
	put(q, sql);
	q->bind[q->bound++].text = value;
}

static void put_number(struct sql *q, const char *sql, uint64_t value)
{
	put(q, sql);
	q->bind[q->bound].text = NULL;
	q->bind[q->bound++].number = value;
}

static int prepare(sqlite3 *db, const struct sql *q, sqlite3_stmt **ret)
{
	int r = sqlite3_prepare_v2(db, q->text, -1, ret, NULL);

	for (int i = 0; i < q->bound && !r; i++)
		r = q->bind[i].text
			    ? sqlite3_bind_text(*ret, i + 1, q->bind[i].text,
						-1, SQLITE_STATIC)
			    : sqlite3_bind_int64(
				      *ret, i + 1,
				      (sqlite3_int64)q->bind[i].number);
	return r;
}

static json_t *text_json(const char *name, const char *text)
{
	return strcmp(name, "headers") ? hf_json_text(text)
				       : hf_json_headers(text);
}

/* The columns of a row as an object, named as in the statement; those that
 * begin with "is_" are true or false, without that. */
static json_t *row_json(sqlite3_stmt *s)
{
	json_t *row = json_object(), *value;

	for (int i = 0; i < sqlite3_column_count(s); i++) {
		const char *name = sqlite3_column_name(s, i);

		switch (sqlite3_column_type(s, i)) {
		case SQLITE_INTEGER:
			value = json_integer(sqlite3_column_int64(s, i));
			break;
		case SQLITE_FLOAT:
			value = json_real(sqlite3_column_double(s, i));
			break;
		case SQLITE_NULL:
			value = json_null();
			break;
		default:
			value = text_json(name, (const char *)
						       sqlite3_column_text(s, i));
		}
		if (!strncmp(name, "is_", 3)) {
			json_t *truth = json_boolean(json_integer_value(value));

			json_decref(value);
			value = truth;
			name += 3;
		}
		if (json_object_set_new(row, name, value)) {
			json_decref(row);
			return NULL;
		}
	}
	return row;
}

/* All rows of a statement. */
static int rows_of(sqlite3 *db, const struct sql *q, json_t **ret)
{
	json_t *rows = json_array();
	sqlite3_stmt *s = NULL;
	int r = prepare(db, q, &s);

	while (!r && (r = sqlite3_step(s)) == SQLITE_ROW)
		r = json_array_append_new(rows, row_json(s)) ? SQLITE_NOMEM
							     : SQLITE_OK;
	sqlite3_finalize(s);
	if (r == SQLITE_DONE) {
		*ret = rows;
		return 0;
	}
	json_decref(rows);
	return -EIO;
}

/* --- calls ------------------------------------------------------------------
 */

static const char call_columns[] =
	"SELECT id AS call,began_ms,ended_ms,lot,slot,caller_number,"
	"caller_name,caller_uri,private AS is_private,parker,retriever,"
	"sip_call_id,user_to_user,headers,rule,parks,attempts,seconds_parked,"
	"resolution,reason FROM call WHERE 1";

/* Where a wait has to fit, one and the same wait has to fit in all. */
static void put_wait_filter(struct sql *q, const struct hf_filter *f)
{
	if (!f->lot && !f->slot && !f->parker && !f->retriever &&
	    !f->resolution)
		return;
	put(q, " AND EXISTS(SELECT 1 FROM wait w WHERE w.call=call.id");
	put_text(q, " AND w.lot=?", f->lot);
	put_text(q, " AND w.slot=?", f->slot);
	put_text(q, " AND instr(lower(w.parker),lower(?))", f->parker);
	put_text(q, " AND instr(lower(w.retriever),lower(?))", f->retriever);
	put_text(q, " AND w.resolution=?", f->resolution);
	put(q, ")");
}

static int add_waits(sqlite3 *db, json_t *calls)
{
	struct sql q = {0};
	json_t *call, *waits;
	size_t i;
	int r;

	json_array_foreach(calls, i, call)
	{
		q = (struct sql){0};
		put_number(&q,
			   "SELECT n,lot,slot,parker,parked_ms,ended_ms,"
			   "seconds,attempts,resolution,retriever FROM wait"
			   " WHERE call=? ORDER BY n",
			   (uint64_t)json_integer_value(
				   json_object_get(call, "call")));
		r = rows_of(db, &q, &waits);
		if (r)
			return r;
		json_object_set_new(call, "waits", waits);
	}
	return 0;
}

static uint64_t room(const struct hf_question *q)
{
	uint64_t left = q->filter.limit ? q->filter.limit - q->given
					: PIECE_ROWS;

	return left < PIECE_ROWS ? left : PIECE_ROWS;
}

/* Where to go on, and whether there is anything. */
static void advance(struct hf_question *q, const json_t *rows, const char *time,
		    const char *id, bool *last)
{
	size_t n = json_array_size(rows);
	const json_t *end = n ? json_array_get(rows, n - 1) : NULL;
	uint64_t asked = room(q);

	q->given += n;
	*last = n < asked || (q->filter.limit && q->given >= q->filter.limit);
	if (!end)
		return;
	q->at_ms = (uint64_t)json_integer_value(json_object_get(end, time));
	q->at_id = (uint64_t)json_integer_value(json_object_get(end, id));
}

static int answer_calls(sqlite3 *db, struct hf_question *question,
			json_t **rows, bool *last)
{
	const struct hf_filter *f = &question->filter;
	struct sql q = {0};
	int r;

	put(&q, call_columns);
	if (f->call || f->asks == HF_ASKS_CALL)
		put_number(&q, " AND id=?", f->call);
	if (f->since_ms)
		put_number(&q, " AND began_ms>=?", f->since_ms);
	if (f->until_ms)
		put_number(&q, " AND began_ms<?", f->until_ms);
	put_text(&q,
		 " AND instr(lower(coalesce(caller_number,'')||' '||"
		 "coalesce(caller_name,'')||' '||coalesce(caller_uri,'')),"
		 "lower(?))",
		 f->caller);
	put_wait_filter(&q, f);
	if (question->given) {
		put_number(&q, " AND (began_ms,id)<(?", question->at_ms);
		put_number(&q, ",?)", question->at_id);
	}
	put_number(&q, " ORDER BY began_ms DESC,id DESC LIMIT ?",
		   room(question));
	r = rows_of(db, &q, rows);
	if (!r)
		advance(question, *rows, "began_ms", "call", last);
	if (!r)
		r = add_waits(db, *rows);
	if (r)
		json_decref(*rows);
	return r;
}

/* --- acts --------------------------------------------------------------------
 */

static int answer_acts(sqlite3 *db, struct hf_question *question, json_t **rows,
		       bool *last)
{
	const struct hf_filter *f = &question->filter;
	struct sql q = {0};
	int r;

	put(&q, "SELECT id,wall_ms,way,who,uid,origin,act,call,lot,slot,result,"
		"detail FROM act WHERE 1");
	if (f->call)
		put_number(&q, " AND call=?", f->call);
	if (f->since_ms)
		put_number(&q, " AND wall_ms>=?", f->since_ms);
	if (f->until_ms)
		put_number(&q, " AND wall_ms<?", f->until_ms);
	put_text(&q, " AND lot=?", f->lot);
	put_text(&q, " AND slot=?", f->slot);
	put_text(&q, " AND instr(lower(who),lower(?))", f->who);
	put_text(&q, " AND instr(lower(act),lower(?))", f->act);
	if (question->given) {
		put_number(&q, " AND (wall_ms,id)<(?", question->at_ms);
		put_number(&q, ",?)", question->at_id);
	}
	put_number(&q, " ORDER BY wall_ms DESC,id DESC LIMIT ?",
		   room(question));
	r = rows_of(db, &q, rows);
	if (!r)
		advance(question, *rows, "wall_ms", "id", last);
	return r;
}

/* One call with all that is known of it; no row if there is none. */
static int answer_call(sqlite3 *db, struct hf_question *question, json_t **rows,
		       bool *last)
{
	json_t *acts = NULL;
	bool all;
	int r = answer_calls(db, question, rows, &all);

	*last = true;
	if (r || !json_array_size(*rows))
		return r;
	question->given = 0;
	r = answer_acts(db, question, &acts, &all);
	if (!r)
		r = json_object_set_new(json_array_get(*rows, 0), "acts", acts)
			    ? -ENOMEM
			    : 0;
	if (r)
		json_decref(*rows);
	return r;
}

/* --- figures ------------------------------------------------------------------
 */

#define SHARE(name, sql) ",sum(" sql ") AS " name
static const char by_lot[] =
	"SELECT w.lot AS lot%s,count(*) AS parks"
	/* the ends of waits */
	SHARE("retrieved", "resolution IS 'retrieved'")
	SHARE("rang_back", "resolution IS 'rang_back'")
	SHARE("abandoned", "resolution IS 'abandoned'")
	SHARE("expired", "resolution IS 'expired'")
	SHARE("kicked", "resolution IS 'kicked'")
	SHARE("lost", "resolution IS 'lost'")
	SHARE("ended", "resolution IS 'ended'")
	SHARE("waiting", "resolution IS NULL") ",sum(attempts) AS attempts,"
	"round(avg(seconds),1) AS seconds_average,p50 AS seconds_p50,"
	"p95 AS seconds_p95,"
	"max(seconds) AS seconds_most FROM w LEFT JOIN p"
	" ON p.lot IS w.lot AND p.hour=w.hour"
	" GROUP BY w.hour,w.lot ORDER BY w.hour,w.lot";

/* The waits that 50 and 95 of 100 do not exceed: the nearest rank. */
static const char ranks[] =
	"),r AS (SELECT lot,hour,seconds,row_number() OVER part AS n,"
	"count(*) OVER (PARTITION BY lot,hour) AS c FROM w WHERE seconds IS"
	" NOT NULL WINDOW part AS (PARTITION BY lot,hour ORDER BY seconds)),"
	"p AS (SELECT lot,hour,min(CASE WHEN n*100>=c*50 THEN seconds END) AS"
	" p50,min(CASE WHEN n*100>=c*95 THEN seconds END) AS p95 FROM r"
	" GROUP BY lot,hour)";

static int answer_figures(sqlite3 *db, struct hf_question *question,
			  json_t **rows, bool *last)
{
	const struct hf_filter *f = &question->filter;
	bool hours = f->asks == HF_ASKS_HOURS;
	bool together = f->lot && !strcmp(f->lot, "*"); /* no lot's name */
	struct sql q = {0};
	char select[2048];

	put(&q, "WITH w AS (SELECT ");
	put(&q, together ? "'*' AS lot" : "lot");
	put(&q, ",seconds,resolution,attempts,");
	put(&q, hours ? "parked_ms/3600000 AS hour" : "0 AS hour");
	put(&q, " FROM wait WHERE 1");
	if (f->since_ms)
		put_number(&q, " AND parked_ms>=?", f->since_ms);
	if (f->until_ms)
		put_number(&q, " AND parked_ms<?", f->until_ms);
	put_text(&q, " AND lot=?", together ? NULL : f->lot);
	put(&q, ranks);
	snprintf(select, sizeof(select), by_lot,
		 hours ? ",w.hour*3600000 AS hour_ms" : "");
	put(&q, select);
	*last = true;
	return rows_of(db, &q, rows);
}

int hf_question_answer(sqlite3 *db, struct hf_question *q, json_t **rows,
		       bool *last)
{
	switch (q->filter.asks) {
	case HF_ASKS_CALLS:
		return answer_calls(db, q, rows, last);
	case HF_ASKS_CALL:
		return answer_call(db, q, rows, last);
	case HF_ASKS_ACTS:
		return answer_acts(db, q, rows, last);
	case HF_ASKS_LOTS:
	case HF_ASKS_HOURS:
		return answer_figures(db, q, rows, last);
	}
	return -EINVAL;
}
