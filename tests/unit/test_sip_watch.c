// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/*
 * The SIP side of subscriptions: a dialog that is quiet has no leg in the stack
 * and still takes its refresh, and one from before a restart is taken up with
 * the same tags, its route and a higher CSeq.
 */
#include "presence/persist.h"
#include "presence/watch.h"
#include "test_sip_peer.h"

/* The paper lamps: they take every subscription. */
struct hf_watch {
	struct hf_watcher *sip;
	int started, refreshed, sent, status;
	char local[128], remote[128], call_id[64], contact[128], route[128];
	char listener[64], via[64];
	uint32_t cseq, local_cseq;
};
static struct hf_watch the_watch;

static struct hf_watch *subscribe(struct hf_lamps *lamps, struct hf_watcher *sip,
				  const struct hf_subscribe *in,
				  struct hf_subscribed *ret)
{
	*ret = (struct hf_subscribed){ .status = 200, .expires = in->expires };
	the_watch.sip = sip;
	return &the_watch;
}

static void keep_dialog(struct hf_watch *w, const struct hf_watch_dialog *d)
{
	snprintf(w->local, sizeof(w->local), "%s", d->local);
	snprintf(w->remote, sizeof(w->remote), "%s", d->remote);
	snprintf(w->call_id, sizeof(w->call_id), "%s", d->call_id);
	snprintf(w->contact, sizeof(w->contact), "%s", d->contact);
	snprintf(w->route, sizeof(w->route), "%s", d->route);
	snprintf(w->listener, sizeof(w->listener), "%s", d->listener);
	snprintf(w->via, sizeof(w->via), "%s", d->via);
	w->cseq = d->remote_cseq;
	w->local_cseq = d->local_cseq;
}

static void started(struct hf_watch *w)
{
	w->started++;
}

static void refresh(struct hf_watch *w, const struct hf_subscribe *in,
		    struct hf_subscribed *ret)
{
	w->refreshed++;
	*ret = (struct hf_subscribed){ .status = 200, .expires = in->expires };
}

static void sent(struct hf_watch *w, int status, uint32_t retry_after_s)
{
	w->sent++;
	w->status = status;
}

static uint32_t no_slots(const struct hf_lamps *lamps)
{
	return 0;
}

static const struct hf_watch_calls calls = {
	.subscribe = subscribe,
	.keep = keep_dialog,
	.start = started,
	.refresh = refresh,
	.refreshed = keep_dialog,
	.sent = sent,
	.slot_count = no_slots,
};

static const struct hf_notify news = {
	.event = "dialog", .active = true, .expires_s = 60,
	.type = "application/dialog-info+xml", .body = "<x/>", .len = 4,
};

static void say_subscribe(struct stage *s, int cseq, const char *tag,
			  const char *from_tag)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "SUBSCRIBE sip:701@127.0.0.1 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKw%d%s\r\n"
		 "Record-Route: <sip:127.0.0.1:%u;lr>\r\n"
		 "From: <sip:1005@pbx>;tag=%s\r\nTo: <sip:701@park>%s%s\r\n"
		 "Call-ID: watch@phone\r\nCSeq: %d SUBSCRIBE\r\n"
		 "Contact: <sip:1005@192.0.2.77:5099>\r\nEvent: dialog\r\n"
		 "Expires: 600\r\nContent-Length: 0\r\n\r\n",
		 s->peer_port, cseq, from_tag, s->peer_port, from_tag,
		 *tag ? ";tag=" : "", tag, cseq);
	say_to(s, text);
}

static bool open_with_lamps(struct stage *s)
{
	if (!stage_open(s, 0))
		return false;
	hf_sip_attach_lamps(s->sip, (struct hf_lamps *)&the_watch, &calls);
	return true;
}

static unsigned long cseq_of(struct stage *s)
{
	return strtoul(header(s, "CSeq"), NULL, 10);
}

TEST(a_quiet_subscription_takes_its_refresh_and_goes_on_notifying)
{
	const struct hf_watch_ops *ops = hf_sip_watch_ops();
	char tag[64], from[128];
	unsigned long first;
	struct stage s;

	memset(&the_watch, 0, sizeof(the_watch));
	CHECK(open_with_lamps(&s));
	say_subscribe(&s, 1, "", "them");
	CHECK(take(&s, "SIP/2.0 200"));
	snprintf(tag, sizeof(tag), "%s", to_tag(&s));
	CHECK(*tag);
	CHECK_INT(ops->notify(the_watch.sip, &news), 0);
	CHECK(ops->notify(the_watch.sip, &news) < 0); /* one at a time */
	CHECK(take(&s, "NOTIFY sip:1005@192.0.2.77:5099 SIP/2.0"));
	CHECK(strstr(header(&s, "Route"), ";lr"));
	CHECK_STR(header(&s, "Subscription-State"), "active;expires=60");
	snprintf(from, sizeof(from), "%s", header(&s, "From"));
	CHECK(strstr(from, tag));
	first = cseq_of(&s);
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, the_watch.sent == 1));
	CHECK_INT(the_watch.status, 200);
	say_subscribe(&s, 2, tag, "them");
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(the_watch.refreshed, 1);
	CHECK_INT(the_watch.cseq, 2);
	CHECK(strstr(the_watch.route, ";lr"));
	CHECK_INT(ops->notify(the_watch.sip, &news), 0);
	CHECK(take(&s, "NOTIFY"));
	CHECK_INT(cseq_of(&s), first + 1);
	CHECK_STR(header(&s, "From"), from);
	/* also while one is under way */
	say_subscribe(&s, 3, tag, "them");
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(the_watch.refreshed, 2);
	respond(&s, 200, NULL, NULL, NULL);
	stage_close(&s);
}

TEST(a_refresh_that_is_old_or_of_another_dialog_is_refused)
{
	char tag[64];
	struct stage s;

	memset(&the_watch, 0, sizeof(the_watch));
	CHECK(open_with_lamps(&s));
	say_subscribe(&s, 5, "", "them");
	CHECK(take(&s, "SIP/2.0 200"));
	snprintf(tag, sizeof(tag), "%s", to_tag(&s));
	say_subscribe(&s, 4, tag, "them");
	CHECK(take(&s, "SIP/2.0 500"));
	say_subscribe(&s, 6, tag, "others");
	CHECK(take(&s, "SIP/2.0 481"));
	say_subscribe(&s, 7, "nobody", "them");
	CHECK(take(&s, "SIP/2.0 481"));
	CHECK_INT(the_watch.refreshed, 0);
	stage_close(&s);
}

TEST(a_subscription_from_before_a_restart_is_taken_up)
{
	const struct hf_watch_ops *ops = hf_sip_watch_ops();
	struct hf_watch_dialog d;
	char tag[64], from[128], to[128], via[64];
	struct stage s;

	memset(&the_watch, 0, sizeof(the_watch));
	CHECK(open_with_lamps(&s));
	say_subscribe(&s, 1, "", "them");
	CHECK(take(&s, "SIP/2.0 200"));
	snprintf(tag, sizeof(tag), "%s", to_tag(&s));
	CHECK_INT(ops->notify(the_watch.sip, &news), 0);
	CHECK(take(&s, "NOTIFY"));
	snprintf(from, sizeof(from), "%s", header(&s, "From"));
	snprintf(to, sizeof(to), "%s", header(&s, "To"));
	stage_close(&s);

	/* The next process: another port here, the old address in the record. */
	CHECK(open_with_lamps(&s));
	snprintf(via, sizeof(via), "<sip:127.0.0.1:%u;lr>", s.peer_port);
	d = (struct hf_watch_dialog){ the_watch.call_id, the_watch.local,
				      the_watch.remote, the_watch.contact, via,
				      the_watch.listener, the_watch.cseq,
				      the_watch.local_cseq, the_watch.via };
	the_watch.sip = ops->adopt(s.sip, &the_watch, &d);
	CHECK(the_watch.sip);
	CHECK_INT(ops->notify(the_watch.sip, &news), 0);
	CHECK(take(&s, "NOTIFY sip:1005@192.0.2.77:5099 SIP/2.0"));
	CHECK_STR(header(&s, "From"), from);
	CHECK_STR(header(&s, "To"), to);
	CHECK_STR(header(&s, "Call-ID"), "watch@phone");
	CHECK_STR(header(&s, "Route"), via);
	/* far above all that the process before can have sent */
	CHECK_INT(cseq_of(&s), the_watch.local_cseq + HF_WATCH_AHEAD + 1);
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, the_watch.sent));
	say_subscribe(&s, 2, tag, "them");
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(the_watch.refreshed, 1);
	d.local = "broken";
	CHECK(!ops->adopt(s.sip, &the_watch, &d));
	stage_close(&s);
}

TEST(one_from_behind_nat_is_reached_the_way_it_came)
{
	const struct hf_watch_ops *ops = hf_sip_watch_ops();
	struct hf_watch_dialog d = {
		"nat@phone", "<sip:701@park>;tag=us", "<sip:1005@pbx>;tag=them",
		"sip:1005@192.168.7.7:5060", "", "udp:127.0.0.1:5060", 1, 7, "",
	};
	const struct hf_notify last = {.event = "dialog", .reason = "noresource"};
	struct hf_watcher *w;
	char via[64];
	struct stage s;

	memset(&the_watch, 0, sizeof(the_watch));
	CHECK(open_with_lamps(&s));
	snprintf(via, sizeof(via), "sip:127.0.0.1:%u", s.peer_port);
	d.via = via;
	/* without a watch: told that it is over, and nobody asks for the end */
	w = ops->adopt(s.sip, NULL, &d);
	CHECK(w);
	CHECK_INT(ops->notify(w, &last), 0);
	ops->release(w);
	CHECK(take(&s, "NOTIFY sip:1005@192.168.7.7:5060 SIP/2.0"));
	CHECK_STR(header(&s, "Subscription-State"), "terminated;reason=noresource");
	CHECK_STR(header(&s, "Content-Length"), "0");
	CHECK_STR(header(&s, "Content-Type"), "");
	CHECK_STR(header(&s, "Route"), "");
	CHECK_INT(cseq_of(&s), 7 + HF_WATCH_AHEAD + 1);
	respond(&s, 200, NULL, NULL, NULL);
	d.local_cseq = INT32_MAX; /* no room above it */
	CHECK(!ops->adopt(s.sip, &the_watch, &d));
	stage_close(&s);
}

static void no_call(void *arg, const struct hf_store_call *call)
{
}

static void no_id(void *arg, uint64_t id)
{
}

TEST(with_a_journal_the_200_waits_until_the_subscription_is_on_disk)
{
	const struct hf_sip_journal journal = {no_call, no_id, NULL};
	struct stage s;

	memset(&the_watch, 0, sizeof(the_watch));
	CHECK(open_with_lamps(&s));
	hf_sip_journal(s.sip, &journal);
	say_subscribe(&s, 1, "", "them");
	CHECK(WAIT(&s, hf_sip_holds(s.sip)));
	CHECK(*the_watch.call_id); /* it was handed over */
	hf_sip_settled(s.sip, 0, 1);
	CHECK(hf_sip_holds(s.sip));
	CHECK_INT(the_watch.started, 0);
	hf_sip_settled(s.sip, 1, 1);
	CHECK(!hf_sip_holds(s.sip));
	CHECK_INT(the_watch.started, 1);
	CHECK(take(&s, "SIP/2.0 200")); /* and nothing before it */
	/* one that ends while it waits */
	say_subscribe(&s, 1, "", "others");
	CHECK(WAIT(&s, hf_sip_holds(s.sip)));
	hf_sip_watch_ops()->release(the_watch.sip);
	CHECK(!hf_sip_holds(s.sip));
	stage_close(&s);
}

TEST_MAIN()
