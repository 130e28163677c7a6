// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What phones and PBXs see of the slots: subscriptions and pushed states. Each
 * subscription and publication is kept in the journal (ctl/store), and taken up
 * from there once the calls are.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/app.h"
#include "events/bus.h"
#include "presence/lamps.h"
#include "push/push.h"
#include "sip/stack.h"
#include "store/store.h"

static void save(void *arg, const struct hf_watch_record *r)
{
	struct hf_app *app = arg;
	const struct hf_watch_dialog *d = &r->dialog;
	const struct hf_store_subscription s = {
		.id = r->id,
		.number = r->number,
		.entity = r->entity,
		.event = r->event,
		.event_id = r->event_id,
		.type = r->type,
		.who = r->who,
		.stream = r->stream,
		.version = r->version,
		.expires_ms = (int64_t)r->expires_ms,
		.expires_wall_ms = (int64_t)r->expires_wall_ms,
		.sip_call_id = d->call_id,
		.local = d->local,
		.remote = d->remote,
		.contact = d->contact,
		.route = d->route,
		.via = d->via,
		.listener = d->listener,
		.local_cseq = d->local_cseq,
		.remote_cseq = d->remote_cseq,
	};

	if (hf_store_put_subscription(app->store, &s))
		hf_warn("lamps: no memory for the record of %s", r->who);
}

static void forget(void *arg, uint64_t id)
{
	struct hf_app *app = arg;

	hf_store_drop_subscription(app->store, id);
}

void hf_app_keep_publication(void *arg, uint64_t id, const char *slot,
			     const char *etag, uint64_t expires_wall_ms)
{
	struct hf_app *app = arg;
	const struct hf_store_publication p = {
		.id = id,
		.slot = slot,
		.etag = etag,
		.expires_wall_ms = (int64_t)expires_wall_ms,
	};

	if (etag)
		hf_store_put_publication(app->store, &p);
	else
		hf_store_drop_publication(app->store, id);
}

struct restored {
	struct hf_app *app;
	unsigned int count, over;
};

static void restore(void *arg, const struct hf_store_subscription *s)
{
	struct restored *r = arg;
	const struct hf_watch_record record = {
		.id = s->id,
		.dialog = {.call_id = s->sip_call_id,
			   .local = s->local,
			   .remote = s->remote,
			   .contact = s->contact,
			   .route = s->route,
			   .via = s->via,
			   .listener = s->listener,
			   .local_cseq = (uint32_t)s->local_cseq,
			   .remote_cseq = (uint32_t)s->remote_cseq},
		.number = s->number,
		.entity = s->entity,
		.event = s->event,
		.event_id = s->event_id,
		.type = s->type,
		.who = s->who,
		.stream = s->stream,
		.expires_ms = (uint64_t)s->expires_ms,
		.expires_wall_ms = (uint64_t)s->expires_wall_ms,
		.same_boot = hf_store_same_boot(r->app->store),
		.version = (uint32_t)s->version,
	};
	int error = hf_lamps_restore(r->app->lamps, &record, hf_now_ms());

	if (!error) {
		r->count++;
		return;
	}
	r->over++;
	hf_debug("lamps: %s's subscription to %s is not taken up: %s",
		 record.who, record.number, strerror(-error));
}

static void restore_publication(void *arg, const struct hf_store_publication *p)
{
	struct restored *r = arg;
	const struct hf_config *c = r->app->config;
	unsigned int lot = 0;
	uint32_t slot = 0;
	const char *slash = strchr(p->slot, '/');
	char tenant[80] = "";
	bool ours;

	snprintf(tenant, sizeof(tenant), "%.*s",
		 slash ? (int)(slash - p->slot) : 0, p->slot);
	ours = hf_config_find_slot(
		c, slash ? hf_config_tenant_named(c, tenant) : NULL,
		slash ? slash + 1 : p->slot, &lot, &slot);

	for (unsigned int i = 0; i < lot; i++)
		slot += c->lots[i].slot_last - c->lots[i].slot_first + 1;
	if (!ours || !hf_sip_published(r->app->sip, slot, p->etag,
				       (uint64_t)p->expires_wall_ms))
		hf_store_drop_publication(r->app->store, p->id);
}

/* What cannot be read is lost, not a reason to serve no calls. */
void hf_app_restore_lamps(struct hf_app *app)
{
	struct restored r = {.app = app};
	uint64_t start = hf_now_ms();

	hf_store_each_subscription(app->store, restore, &r);
	hf_store_each_publication(app->store, restore_publication, &r);
	if (r.count || r.over)
		hf_info("journal: %u subscriptions taken up in %llu ms, %u were over",
			r.count, (unsigned long long)(hf_now_ms() - start),
			r.over);
}

/* What phones see of the slots. */
int hf_app_open_lamps(struct hf_app *app)
{
	const struct hf_lamps_wiring wiring = {
		.config = app->config,
		.store = &app->watch_store,
		.ops = hf_sip_watch_ops(),
		.stack = app->sip,
		.epoch = app->epoch,
	};
	int error;

	app->watch_store = (struct hf_watch_store){save, forget, app};
	error = hf_lamps_create(&wiring, &app->lamps);
	if (!error)
		error = hf_bus_subscribe(app->bus, hf_lamps_event, app->lamps,
					 &app->lamp_events);
	if (!error)
		hf_bus_wants(app->lamp_events, hf_bus_no_json);
	if (!error)
		error = hf_push_create(app->config, app->lamps, NULL,
				       &app->push);
	if (!error)
		return 0;
	hf_error("lamps: %s", strerror(-error));
	return HF_EXIT_FAILED;
}
