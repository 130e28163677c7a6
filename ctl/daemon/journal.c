// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The journal: opened before SIP answers, read once the park logic stands, and
 * from then on told of every call. Legs of the process before us that no record
 * accounts for are named, and end after their grace.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/app.h"
#include "media/media.h"
#include "park/park.h"
#include "records/records.h"
#include "sip/loop.h"
#include "sip/stack.h"
#include "store/store.h"

#define HF_JOURNAL_PATIENCE_MS 1000

void hf_app_journal_put(void *arg, const struct hf_store_call *call)
{
	struct hf_app *app = arg;

	if (hf_store_put_call(app->store, call))
		hf_warn("call %llu: no memory for its record",
			(unsigned long long)call->id);
}

void hf_app_journal_drop(void *arg, uint64_t call)
{
	struct hf_app *app = arg;

	hf_store_drop_call(app->store, call);
}

void hf_app_journal_flush(struct hf_app *app)
{
	/* What is let go may have more to say. */
	while (hf_sip_holds(app->sip) &&
	       hf_sip_settled(app->sip, hf_store_settled(app->store),
			      hf_store_ticket(app->store)))
		;
	if (hf_sip_holds(app->sip))
		hf_store_flush(app->store);
	else
		hf_store_flush_later(app->store);
}

/* The answers that wait for their records: see before_wait(). */
static void journal_moved(void *arg)
{
	struct hf_app *app = arg;

	hf_store_settled(app->store);
}

/* Beside the control socket: that is memory, and lasts as long as calls can. */
void hf_app_spare_path(const struct hf_app *app, const char *what, char *ret,
		       size_t len)
{
	const char *socket = app->config->control.socket;
	const char *slash = strrchr(socket, '/');

	snprintf(ret, len, "%.*s%s-%s", slash ? (int)(slash - socket + 1) : 0,
		 socket, what, app->config->instance);
}

int hf_app_open_journal(struct hf_app *app)
{
	const struct hf_config *c = app->config;
	char path[4096], spare[4096], err[512] = "";
	struct hf_store_place place = {
		.path = path,
		.spare = spare,
		.sync = c->journal.sync == HF_SYNC_FULL,
		.copy_s = c->journal.copy_s,
		.patience_ms = HF_JOURNAL_PATIENCE_MS,
	};
	int error;

	if (c->journal.path)
		snprintf(path, sizeof(path), "%s", c->journal.path);
	else
		snprintf(path, sizeof(path), "%s/journal.db",
			 c->control.state_dir);
	hf_app_spare_path(app, "journal.db", spare, sizeof(spare));
	error = hf_store_open(&place, &app->store, err, sizeof(err));
	if (!error)
		error = hf_loop_watch(app->loop, hf_store_fd(app->store),
				      journal_moved, app);
	if (!error)
		return 0;
	hf_error("%s", err[0] ? err : strerror(-error));
	return HF_EXIT_FAILED;
}

struct restored {
	struct hf_app *app;
	unsigned int calls, lost, goodbyes, ringing;
};

static void restore_call(void *arg, const struct hf_store_call *call)
{
	struct restored *r = arg;

	if (!strcmp(call->state, HF_STORE_GOODBYE)) {
		if (!hf_sip_goodbye(r->app->sip, call))
			r->goodbyes++;
		return;
	}
	if (!strcmp(call->state, HF_STORE_RINGING)) {
		if (!hf_sip_ringing(r->app->sip, call))
			r->ringing++;
		return;
	}
	/* First: what then happens to it finds its record. */
	hf_app_record_kept(r->app, call);
	if (hf_park_restore(r->app->park, call))
		r->lost++;
	else
		r->calls++;
}

static void name_orphan(void *arg, uint32_t leg,
			const struct hf_media_leg_stats *s)
{
	const struct hf_app *app = arg;
	char local[HF_IP_TEXT] = "", remote[HF_IP_TEXT] = "";

	hf_ip_text(&s->local_ip4, local);
	hf_ip_text(&s->remote_ip4, remote);
	hf_warn("leg %u (%s:%u, peer %s:%u) belongs to no call in the journal: it goes on for %u s",
		leg, local, s->local_port, remote, s->remote_port,
		app->config->journal.orphan_grace_s);
}

/* Calls of the process before us. Its media goes on meanwhile. */
int hf_app_restore_calls(struct hf_app *app)
{
	struct restored r = {.app = app};
	const struct hf_sip_journal journal = {
		.put = hf_app_journal_put,
		.drop = hf_app_journal_drop,
		.arg = app,
	};
	uint64_t start = hf_now_ms();
	bool same_boot = hf_store_same_boot(app->store);
	int error;

	hf_sip_journal(app->sip, &journal);
	error = hf_store_each_call(app->store, restore_call, &r);
	hf_records_all_kept(app->records);
	hf_media_adopted(app->media);
	if (hf_media_orphans(app->media, name_orphan, app))
		app->orphans_end_ms =
			hf_now_ms() +
			app->config->journal.orphan_grace_s * 1000ULL;
	if (r.calls || r.lost)
		hf_info("journal: %u calls taken up in %llu ms, %u ended%s",
			r.calls, (unsigned long long)(hf_now_ms() - start),
			r.lost,
			same_boot ? "" : ": this machine was started anew");
	if (r.goodbyes)
		hf_info("journal: %u BYEs without an answer are sent again",
			r.goodbyes);
	if (r.ringing)
		hf_info("journal: %u phones that were rung are cancelled",
			r.ringing);
	hf_app_restore_drain(app);
	hf_app_restore_lamps(app);
	if (!error)
		error = hf_store_start(app->store);
	return error ? HF_EXIT_FAILED : 0;
}

void hf_app_end_orphans(struct hf_app *app, uint64_t now)
{
	uint32_t count;

	if (now < app->orphans_end_ms)
		return;
	app->orphans_end_ms = UINT64_MAX;
	count = hf_media_orphans(app->media, NULL, NULL);
	hf_media_orphans_end(app->media);
	hf_warn("media: ended %u legs that belong to no call", count);
}
