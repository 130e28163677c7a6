// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happened, as rows. Nothing of a call is held in memory: its id finds its
 * rows, so a call may begin under one holdfastd and end under the next.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/*
 * The same parameters for every statement; each takes what it needs:
 * ?1 call, ?2 wall_ms, ?3 lot, ?4 slot, ?5-?7 the caller's number, name and URI,
 * ?8 private, ?9 parker, ?10 retriever, ?11 Call-ID, ?12 User-to-User, ?13 rule,
 * ?14 seconds parked in all, ?15 resolution, ?16 reason, ?17 wall_ms of a kept
 * wait, ?18 headers carried along.
 */
#define OPEN_WAIT "call=?1 AND ended_ms IS NULL"
#define OF_CALL	  "(id,began_ms,lot,slot,caller_number,caller_name,caller_uri," \
		  "private,parker,retriever,sip_call_id,user_to_user,rule,"       \
		  "headers)"                                                   \
		  " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?18)"
#define NEWER(column) #column "=coalesce(excluded." #column "," #column ")"
#define NEWEST_END "(SELECT resolution FROM wait WHERE call=id" \
		   " ORDER BY n DESC LIMIT 1)"

static const char *const text[HF_ROW_COUNT] = {
	[HF_ROW_BEGIN] = "BEGIN IMMEDIATE",
	[HF_ROW_COMMIT] = "COMMIT",
	[HF_ROW_ROLLBACK] = "ROLLBACK",
	[HF_ROW_CALL] =
		"INSERT INTO call" OF_CALL " ON CONFLICT(id) DO UPDATE SET "
		NEWER(lot) "," NEWER(slot) "," NEWER(caller_number) ","
		NEWER(caller_name) "," NEWER(caller_uri) ","
		"private=excluded.private," NEWER(parker) ","
		NEWER(retriever) "," NEWER(sip_call_id) ","
		NEWER(user_to_user) "," NEWER(rule) "," NEWER(headers),
	/* What HF_ROW_CALL and HF_ROW_SUM_UP make of its first wait. */
	[HF_ROW_NEW_CALL] =
		"INSERT INTO call(id,began_ms,lot,slot,caller_number,"
		"caller_name,caller_uri,private,parker,retriever,sip_call_id,"
		"user_to_user,rule,headers,parks,reason)"
		" VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?18,1,?16)"
		" ON CONFLICT(id) DO NOTHING",
	[HF_ROW_CLOSE_STALE] =
		"UPDATE wait SET ended_ms=?2,resolution='ended',"
		"seconds=max(0,(?2-parked_ms)/1000) WHERE " OPEN_WAIT,
	[HF_ROW_PARK] =
		"INSERT INTO wait(call,n,lot,slot,parker,parked_ms)"
		" SELECT ?1,coalesce(max(n),0)+1,?3,?4,?9,?2 FROM wait"
		" WHERE call=?1",
	/* Of a call that has no rows yet. What is read of the table that is
	 * written costs a copy of it. */
	[HF_ROW_FIRST_PARK] =
		"INSERT OR REPLACE INTO wait(call,n,lot,slot,parker,parked_ms)"
		" VALUES(?1,1,?3,?4,?9,?2)",
	[HF_ROW_MOVE] = "UPDATE wait SET lot=?3,slot=?4 WHERE " OPEN_WAIT,
	[HF_ROW_RECALL] = "UPDATE wait SET attempts=attempts+1 WHERE "
			  OPEN_WAIT,
	[HF_ROW_END_WAIT] =
		"UPDATE wait SET ended_ms=?2,resolution=?15,retriever="
		"CASE WHEN ?15 IN ('retrieved','rang_back') THEN ?10 END,"
		"seconds=max(0,?14-(SELECT coalesce(sum(w.seconds),0)"
		" FROM wait w WHERE w.call=?1)) WHERE " OPEN_WAIT,
	/* Its beginning was lost. */
	[HF_ROW_LATE_WAIT] =
		"INSERT INTO wait(call,n,lot,slot,parker,parked_ms,ended_ms,"
		"seconds,resolution,retriever)"
		" SELECT ?1,coalesce(max(n),0)+1,?3,?4,?9,?2-?14*1000,?2,?14,"
		"?15,CASE WHEN ?15 IN ('retrieved','rang_back') THEN ?10 END"
		" FROM wait WHERE call=?1 HAVING ?14>0",
	[HF_ROW_SUM_UP] =
		"UPDATE call SET parks=(SELECT count(*) FROM wait WHERE"
		" call=?1),attempts=(SELECT coalesce(sum(attempts),0) FROM wait"
		" WHERE call=?1),seconds_parked=(SELECT"
		" coalesce(sum(seconds),0) FROM wait WHERE call=?1),"
		"resolution=CASE WHEN EXISTS(SELECT 1 FROM wait WHERE call=?1)"
		" THEN " NEWEST_END " ELSE coalesce(?15,resolution) END,"
		"reason=coalesce(?16,reason) WHERE id=?1",
	[HF_ROW_REASON] =
		"UPDATE call SET reason=coalesce(?16,reason) WHERE id=?1",
	[HF_ROW_OVER] = "UPDATE call SET ended_ms=?2"
			" WHERE id=?1 AND ended_ms IS NULL",
	[HF_ROW_KEPT_CALL] = "INSERT OR IGNORE INTO call" OF_CALL,
	[HF_ROW_KEPT_WAIT] =
		"INSERT INTO wait(call,n,lot,slot,parker,parked_ms)"
		" SELECT ?1,coalesce(max(n),0)+1,?3,?4,?9,?17 FROM wait"
		" WHERE call=?1 HAVING ?17>0 AND NOT EXISTS"
		"(SELECT 1 FROM wait WHERE " OPEN_WAIT ")",
	[HF_ROW_KEPT_NAME] =
		"UPDATE call SET kept=1,ended_ms=NULL WHERE id=?1",
	[HF_ROW_LOST_WAITS] =
		"UPDATE wait SET ended_ms=?2,resolution='lost',"
		"seconds=max(0,(?2-parked_ms)/1000) WHERE ended_ms IS NULL AND"
		" call NOT IN (SELECT id FROM call WHERE ended_ms IS NULL AND"
		" kept=1)",
	[HF_ROW_LOST_CALLS] =
		"UPDATE call SET ended_ms=?2,resolution=coalesce(" NEWEST_END
		",'lost'),reason='lost over a restart',seconds_parked="
		"(SELECT coalesce(sum(seconds),0) FROM wait WHERE call=id)"
		" WHERE ended_ms IS NULL AND kept=0",
	[HF_ROW_LOST_NONE] = "UPDATE call SET kept=0 WHERE ended_ms IS NULL",
	[HF_ROW_ACT] =
		"INSERT INTO act(wall_ms,way,who,uid,origin,act,call,lot,slot,"
		"result,detail) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
};

int hf_record_rows_prepare(sqlite3 *db, struct hf_record_rows *rows)
{
	int r = SQLITE_OK;

	for (int i = 0; i < HF_ROW_COUNT && !r; i++) {
		r = sqlite3_prepare_v3(db, text[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &rows->s[i],
				       NULL);
		for (int n = sqlite3_bind_parameter_count(rows->s[i]); n; n--)
			if (sqlite3_bind_parameter_name(rows->s[i], n))
				rows->takes[i] |= 1u << n;
	}
	return r;
}

void hf_record_rows_fini(struct hf_record_rows *rows)
{
	for (int i = 0; i < HF_ROW_COUNT; i++)
		sqlite3_finalize(rows->s[i]);
	memset(rows, 0, sizeof(*rows));
}

static int step(sqlite3_stmt *s)
{
	int r = sqlite3_step(s);

	sqlite3_reset(s);
	return r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
}

static void put_text(sqlite3_stmt *s, int n, const char *t)
{
	if (t && *t)
		sqlite3_bind_text(s, n, t, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, n);
}

static void put_number(sqlite3_stmt *s, int n, uint64_t v)
{
	sqlite3_bind_int64(s, n, (sqlite3_int64)v);
}

static int run(struct hf_record_rows *rows, int which, const struct hf_event *e,
	       uint64_t wall_ms, const char *resolution)
{
	sqlite3_stmt *s = rows->s[which];
	const char *const parameter[HF_ROW_PARAMETERS] = {
		[3] = e->lot,
		[4] = e->slot,
		[5] = e->caller_number,
		[6] = e->caller_name,
		[7] = e->caller_uri,
		[9] = e->parker_uri,
		[10] = e->retriever_uri,
		[11] = e->parked_call_id,
		[12] = e->user_to_user,
		[13] = e->rule,
		[15] = resolution,
		[16] = e->reason,
		[18] = e->carried,
	};
	const uint32_t numbers = 1u << 1 | 1u << 2 | 1u << 8 | 1u << 14 |
				 1u << 17;
	uint32_t takes = rows->takes[which];

	if (takes & 1u << 1)
		put_number(s, 1, e->call);
	if (takes & 1u << 2)
		put_number(s, 2, wall_ms);
	if (takes & 1u << 8)
		put_number(s, 8, e->privacy);
	if (takes & 1u << 14)
		put_number(s, 14, e->seconds_parked);
	for (takes &= ~numbers; takes; takes &= takes - 1)
		put_text(s, __builtin_ctz(takes),
			 parameter[__builtin_ctz(takes)]);
	return step(s);
}

/* NULL: the call goes on, or there was no wait to end. */
static const char *resolution_of(enum hf_event_type type)
{
	switch (type) {
	case HF_EVENT_RETRIEVED:
		return "retrieved";
	case HF_EVENT_RECALL_ANSWERED:
		return "rang_back";
	case HF_EVENT_ABANDONED:
		return "abandoned";
	case HF_EVENT_EXPIRED:
		return "expired";
	case HF_EVENT_KICKED:
		return "kicked";
	case HF_EVENT_RESERVATION_EXPIRED:
		return "reservation_expired"; /* of a call without waits */
	default:
		return NULL;
	}
}

static int end_wait(struct hf_record_rows *rows, const struct hf_event *e,
		    uint64_t wall_ms, const char *resolution)
{
	sqlite3 *db = sqlite3_db_handle(rows->s[HF_ROW_END_WAIT]);
	int r = run(rows, HF_ROW_END_WAIT, e, wall_ms, resolution);

	if (!r && !sqlite3_changes(db))
		r = run(rows, HF_ROW_LATE_WAIT, e, wall_ms, resolution);
	if (!r)
		r = run(rows, HF_ROW_SUM_UP, e, wall_ms, resolution);
	return r;
}

/* Most calls are parked once: their first wait takes two rows and no look back. */
static int begin_wait(struct hf_record_rows *rows, const struct hf_event *e,
		      uint64_t at)
{
	sqlite3 *db = sqlite3_db_handle(rows->s[HF_ROW_NEW_CALL]);
	int r = run(rows, HF_ROW_NEW_CALL, e, at, NULL);

	if (r)
		return r;
	if (sqlite3_changes(db))
		return run(rows, HF_ROW_FIRST_PARK, e, at, NULL);
	r = run(rows, HF_ROW_CALL, e, at, NULL);
	if (!r)
		r = run(rows, HF_ROW_CLOSE_STALE, e, at, NULL);
	if (!r)
		r = run(rows, HF_ROW_PARK, e, at, NULL);
	return r ? r : run(rows, HF_ROW_SUM_UP, e, at, NULL);
}

static int write_call(struct hf_record_rows *rows, const struct hf_event *e,
		      uint64_t at)
{
	const char *resolution = resolution_of(e->type);
	int r;

	if (e->type == HF_EVENT_PARKED || e->type == HF_EVENT_REPARKED)
		return begin_wait(rows, e, at);
	r = run(rows, HF_ROW_CALL, e, at, NULL);
	if (r)
		return r;
	switch (e->type) {
	case HF_EVENT_MOVED:
		return run(rows, HF_ROW_MOVE, e, at, NULL);
	case HF_EVENT_RECALL_STARTED:
		r = run(rows, HF_ROW_RECALL, e, at, NULL);
		return r ? r : run(rows, HF_ROW_SUM_UP, e, at, NULL);
	case HF_EVENT_ENDED:
		return run(rows, HF_ROW_REASON, e, at, NULL);
	case HF_EVENT_RESERVATION_EXPIRED:
		return run(rows, HF_ROW_SUM_UP, e, at, resolution);
	default:
		return resolution ? end_wait(rows, e, at, resolution)
				  : SQLITE_OK;
	}
}

/* Who answers for a user id today; the number stands beside it. */
static const char *name_of(int64_t uid, char *name, size_t len)
{
	char room[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r((uid_t)uid, &entry, room, sizeof(room), &found) ||
	    !found)
		return NULL;
	snprintf(name, len, "%s", entry.pw_name);
	return name;
}

static int write_act(struct hf_record_rows *rows, const struct hf_record_act *a,
		     uint64_t at)
{
	sqlite3_stmt *s = rows->s[HF_ROW_ACT];
	const char *who = a->who;
	char name[64];

	if (!who && a->uid >= 0)
		who = name_of(a->uid, name, sizeof(name));
	put_number(s, 1, at);
	sqlite3_bind_text(s, 2, a->way ?: "", -1, SQLITE_STATIC);
	put_text(s, 3, who);
	if (a->uid >= 0)
		sqlite3_bind_int64(s, 4, a->uid);
	else
		sqlite3_bind_null(s, 4);
	put_text(s, 5, a->origin);
	sqlite3_bind_text(s, 6, a->act ?: "", -1, SQLITE_STATIC);
	if (a->call)
		put_number(s, 7, a->call);
	else
		sqlite3_bind_null(s, 7);
	put_text(s, 8, a->lot);
	put_text(s, 9, a->slot);
	sqlite3_bind_text(s, 10, a->result ?: "ok", -1, SQLITE_STATIC);
	put_text(s, 11, a->detail);
	return step(s);
}

/* What people did with phones. Acts of supervisors come as acts. */
static int write_sip_act(struct hf_record_rows *rows, const struct hf_event *e,
			 uint64_t at)
{
	struct hf_record_act a = {
		.way = "sip",
		.uid = -1,
		.origin = e->source,
		.call = e->call,
		.lot = e->lot,
		.slot = e->slot,
		.result = "ok",
		.detail = e->reason,
	};

	/* Whoever wants privacy keeps it in a list of acts, too. */
	const char *caller = e->privacy ? NULL : e->caller_uri;

	switch (e->type) {
	case HF_EVENT_PARKED:
	case HF_EVENT_REPARKED:
		a.act = e->type == HF_EVENT_PARKED ? "park" : "park again";
		a.who = e->parker_uri ?: caller;
		break;
	case HF_EVENT_RESERVED:
		a.act = "reserve";
		a.who = e->parker_uri ?: caller;
		break;
	case HF_EVENT_RETRIEVED:
		a.act = "retrieve";
		a.who = e->retriever_uri;
		break;
	case HF_EVENT_RECALL_ANSWERED:
		a.act = "answer recall";
		a.who = e->retriever_uri;
		break;
	case HF_EVENT_TRANSFERRED:
		a.act = "transfer";
		a.who = e->retriever_uri;
		break;
	case HF_EVENT_ABANDONED:
		a.act = "hang up";
		a.who = caller;
		break;
	case HF_EVENT_REFUSED:
		a.act = e->rule ?: "call";
		a.who = caller;
		a.result = "refused";
		break;
	default:
		return SQLITE_OK;
	}
	return write_act(rows, &a, at);
}

static int write_kept(struct hf_record_rows *rows, const struct hf_record_kept *k)
{
	const struct hf_event e = {
		.call = k->call,
		.lot = k->lot,
		.slot = k->slot,
		.caller_number = k->caller_number,
		.caller_name = k->caller_name,
		.caller_uri = k->caller_uri,
		.parker_uri = k->parker_uri,
		.retriever_uri = k->retriever_uri,
		.user_to_user = k->user_to_user,
		.rule = k->rule,
		.privacy = k->privacy,
	};
	sqlite3_stmt *wait = rows->s[HF_ROW_KEPT_WAIT];
	int r = run(rows, HF_ROW_KEPT_CALL, &e, k->began_ms, NULL);

	put_number(wait, 17, k->parked_ms);
	if (!r)
		r = run(rows, HF_ROW_KEPT_WAIT, &e, k->parked_ms, NULL);
	if (!r)
		r = run(rows, HF_ROW_KEPT_NAME, &e, k->began_ms, NULL);
	return r ? r : run(rows, HF_ROW_SUM_UP, &e, k->began_ms, NULL);
}

static int write_over(struct hf_record_rows *rows, uint64_t call, uint64_t at)
{
	sqlite3 *db = sqlite3_db_handle(rows->s[HF_ROW_OVER]);
	const struct hf_event e = {.call = call};
	int r = run(rows, HF_ROW_CLOSE_STALE, &e, at, NULL);

	if (!r && sqlite3_changes(db))
		r = run(rows, HF_ROW_SUM_UP, &e, at, NULL);
	return r ? r : run(rows, HF_ROW_OVER, &e, at, NULL);
}

static int write_all_kept(struct hf_record_rows *rows, uint64_t at)
{
	const struct hf_event e = {0};
	int r = run(rows, HF_ROW_LOST_WAITS, &e, at, NULL);

	if (!r)
		r = run(rows, HF_ROW_LOST_CALLS, &e, at, NULL);
	return r ? r : run(rows, HF_ROW_LOST_NONE, &e, at, NULL);
}

static int write_note(struct hf_record_rows *rows, const struct hf_note *n)
{
	int r = SQLITE_OK;

	switch (n->kind) {
	case HF_NOTE_EVENT:
		if (n->event.call)
			r = write_call(rows, &n->event, n->wall_ms);
		return r ? r : write_sip_act(rows, &n->event, n->wall_ms);
	case HF_NOTE_OVER:
		return write_over(rows, n->call, n->wall_ms);
	case HF_NOTE_KEPT:
		return write_kept(rows, &n->kept);
	case HF_NOTE_ALL_KEPT:
		return write_all_kept(rows, n->wall_ms);
	case HF_NOTE_ACT:
		return write_act(rows, &n->act, n->wall_ms);
	}
	return r;
}

int hf_record_rows_write(struct hf_record_rows *rows, const struct hf_note *first)
{
	int r = step(rows->s[HF_ROW_BEGIN]);

	if (r)
		return r;
	for (const struct hf_note *n = first; n && !r; n = n->next)
		r = write_note(rows, n);
	if (!r)
		r = step(rows->s[HF_ROW_COMMIT]);
	/* The disk may have ended the transaction already. */
	if (r && !sqlite3_get_autocommit(
			 sqlite3_db_handle(rows->s[HF_ROW_BEGIN])))
		step(rows->s[HF_ROW_ROLLBACK]);
	return r;
}
