// SPDX-License-Identifier: GPL-2.0-or-later
/* /metrics in the text format of Prometheus, version 0.0.4. Written by the
 * event loop, so all of it is of one moment. */
#include "internal.h"

#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "events/bus.h"
#include "events/event.h"
#include "holdfast/abi.h"
#include "hooks/hooks.h"
#include "media/media.h"
#include "park/park.h"
#include "park/states.h"
#include "presence/lamps.h"
#include "sip/stack.h"
#include "store/store.h"

static void family(struct hf_text *t, const char *name, const char *type,
		   const char *help)
{
	hf_text_print(t, "# HELP holdfast_%s %s\n# TYPE holdfast_%s %s\n", name,
		      help, name, type);
}

/* Label values escape backslash, quote and line end. */
static void label(struct hf_text *t, const char *value)
{
	for (; value && *value; value++) {
		if (*value == '\\' || *value == '"')
			hf_text_add(t, "\\", 1);
		if (*value == '\n')
			hf_text_add(t, "\\n", 2);
		else
			hf_text_add(t, value, 1);
	}
}

static void number(struct hf_text *t, const char *name, const char *type,
		   const char *help, uint64_t value)
{
	family(t, name, type, help);
	hf_text_print(t, "holdfast_%s %llu\n", name, (unsigned long long)value);
}

static void labelled(struct hf_text *t, const char *name, const char *key,
		     const char *value, uint64_t n)
{
	hf_text_print(t, "holdfast_%s{%s=\"", name, key);
	label(t, value);
	hf_text_print(t, "\"} %llu\n", (unsigned long long)n);
}

/* --- lots ------------------------------------------------------------------
 */

#define STATES 6
static const char *const slot_state[STATES] = {
	"free", "arriving", "reserved", "parked", "recalling", "claimed"};
struct lot_figures {
	const char *name;
	uint32_t state[STATES];
	uint32_t oldest_s;
};
struct lot_walk {
	struct hf_text *t;
	struct lot_figures lot;
	unsigned int line; /* which family is being written */
};

static void write_lot(struct lot_walk *w)
{
	const struct lot_figures *f = &w->lot;
	uint32_t all = 0;

	if (!f->name)
		return;
	for (int i = 0; i < STATES; i++) {
		all += f->state[i];
		if (w->line != 1)
			continue;
		hf_text_print(w->t, "holdfast_lot_slots{lot=\"");
		label(w->t, f->name);
		hf_text_print(w->t, "\",state=\"%s\"} %u\n", slot_state[i],
			      f->state[i]);
	}
	if (w->line == 0)
		labelled(w->t, "lot_size", "lot", f->name, all);
	if (w->line == 2)
		labelled(w->t, "lot_oldest_wait_seconds", "lot", f->name,
			 f->oldest_s);
}

static bool count_slot(void *arg, const struct hf_slot_view *v)
{
	struct lot_walk *w = arg;

	if (!w->lot.name || strcmp(w->lot.name, v->lot)) {
		write_lot(w);
		w->lot = (struct lot_figures){.name = v->lot};
	}
	for (int i = 0; i < STATES; i++)
		w->lot.state[i] += !strcmp(slot_state[i], v->state);
	if (v->call && v->seconds_parked > w->lot.oldest_s)
		w->lot.oldest_s = v->seconds_parked;
	return true;
}

static void write_lots(const struct hf_http *h, struct hf_text *t)
{
	static const char *const name[] = {"lot_size", "lot_slots",
					   "lot_oldest_wait_seconds"};
	static const char *const help[] = {
		"Slots of each lot.", "Slots of each lot, by state.",
		"How long the one who waits longest in a lot has waited."};

	for (unsigned int line = 0; line < 3; line++) {
		struct lot_walk w = {.t = t, .line = line};

		family(t, name[line], "gauge", help[line]);
		hf_park_each_slot(h->loop.wiring->park, hf_now_ms(), count_slot,
				  &w);
		write_lot(&w);
	}
}

static void write_calls(const struct hf_http *h, struct hf_text *t)
{
	struct hf_park_totals p;

	hf_park_totals(h->loop.wiring->park, &p);
	family(t, "calls", "gauge", "Calls, by what they do.");
	labelled(t, "calls", "state", "parked", p.parked);
	labelled(t, "calls", "state", "recalling", p.recalling);
	labelled(t, "calls", "state", "relayed", p.relayed);
	number(t, "calls_open", "gauge", "Calls in any state.", p.calls);
	number(t, "parks_total", "counter", "Calls parked.", p.parks);
	number(t, "retrieved_total", "counter", "Calls picked up.",
	       p.retrieved);
	number(t, "rang_back_total", "counter",
	       "Calls that went back to who parked them, or further.",
	       p.rang_back);
	number(t, "abandoned_total", "counter",
	       "Callers who hung up while they waited.", p.abandoned);
	number(t, "refused_total", "counter", "Parks and pick-ups refused.",
	       p.refused);
}

/* --- from the events ---------------------------------------------------------
 */

static void write_waits(const struct hf_http *h, struct hf_text *t)
{
	static const char *const name[] = {
#define X(symbol, name) [HF_RES_##symbol] = name,
		HF_RESOLUTIONS(X)
#undef X
	};
	const struct hf_tally *y = &h->loop.tally;

	family(t, "wait_seconds", "histogram",
	       "How long calls waited, by lot and by how the wait ended.");
	for (unsigned int i = 0; i < y->lots * HF_RES_COUNT; i++) {
		const struct hf_waits *w = &y->waits[i];
		struct hf_text set = {0};
		uint64_t sum = 0;

		hf_text_print(&set, "lot=\"");
		label(&set, h->config->lots[i / HF_RES_COUNT].name);
		hf_text_print(&set, "\",resolution=\"%s\"",
			      name[i % HF_RES_COUNT]);
		for (int b = 0; b < HF_WAIT_BUCKETS && !set.bad; b++) {
			sum += w->bucket[b];
			hf_text_print(
				t,
				"holdfast_wait_seconds_bucket{%s,le=\"%u\"} %llu\n",
				set.at, hf_wait_bounds[b],
				(unsigned long long)sum);
		}
		if (set.bad)
			t->bad = true;
		else
			hf_text_print(
				t,
				"holdfast_wait_seconds_bucket{%s,le=\"+Inf\"} %llu\n"
				"holdfast_wait_seconds_sum{%s} %llu\n"
				"holdfast_wait_seconds_count{%s} %llu\n",
				set.at, (unsigned long long)w->count, set.at,
				(unsigned long long)w->sum_s, set.at,
				(unsigned long long)w->count);
		hf_text_free(&set);
	}
	family(t, "resolutions_total", "counter",
	       "Waits that have ended, by lot and by how.");
	for (unsigned int i = 0; i < y->lots * HF_RES_COUNT; i++) {
		hf_text_print(t, "holdfast_resolutions_total{lot=\"");
		label(t, h->config->lots[i / HF_RES_COUNT].name);
		hf_text_print(t, "\",resolution=\"%s\"} %llu\n",
			      name[i % HF_RES_COUNT],
			      (unsigned long long)y->waits[i].count);
	}
	number(t, "recalls_total", "counter", "Ring-backs begun.",
	       y->events[HF_EVENT_RECALL_STARTED]);
	number(t, "recalls_failed_total", "counter",
	       "Ring-backs that nobody answered.",
	       y->events[HF_EVENT_RECALL_FAILED]);
	number(t, "alerts_total", "counter", "Alerts told.",
	       y->events[HF_EVENT_ALERT]);
	family(t, "events_total", "counter",
	       "What happened, by name; those of the control protocol.");
	for (int i = 0; i < HF_EVENT_COUNT; i++)
		labelled(t, "events_total", "event", hf_event_name(i),
			 y->events[i]);
}

/* --- media and lamps ---------------------------------------------------------
 */

/* "drop_no_leg" is action drop for reason no_leg. */
static void write_packet(struct hf_text *t, const char *name, uint64_t n)
{
	bool drop = !strncmp(name, "drop_", 5);

	hf_text_print(
		t, "holdfast_packets_total{action=\"%s\",reason=\"%s\"} %llu\n",
		drop ? "drop" : name, drop ? name + 5 : "",
		(unsigned long long)n);
}

static void write_media(const struct hf_http *h, struct hf_text *t)
{
	static const char *const name[] = {
#define X(symbol, name, text) [HF_COUNT_##symbol] = name,
		HF_COUNTERS(X)
#undef X
	};
	struct hf_media_totals m;

	if (hf_media_totals(h->loop.wiring->media, &m))
		return;
	family(t, "media_engine_info", "gauge",
	       "1 for what sends hold audio by the clock.");
	labelled(t, "media_engine_info", "engine", m.engine, 1);
	number(t, "media_sender_alive", "gauge",
	       "1 while the media keeper beats.", m.sender_alive);
	number(t, "pacer_late_ticks_total", "counter",
	       "Ticks of the paced sender that began 5 ms late or more.",
	       m.late_ticks);
	family(t, "pacer_late_longest_seconds", "gauge",
	       "The latest tick since the paced sender started.");
	hf_text_print(t, "holdfast_pacer_late_longest_seconds %.6f\n",
		      (double)m.late_max_us / 1e6);
	number(t, "legs", "gauge", "Legs that the media ports allow.", m.legs);
	number(t, "legs_open", "gauge", "Legs in use.", m.legs_open);
	number(t, "frames", "gauge", "Room for hold frames.", m.frames);
	number(t, "frames_used", "gauge", "Hold frames in use.", m.frames_used);
	number(t, "clips_starved_total", "counter",
	       "Legs that found no room among the frames for their clip.",
	       m.clips_starved);
	family(t, "packets_total", "counter",
	       "Packets by what was done with them, and why.");
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (name[i])
			write_packet(t, name[i], m.counter[i]);
}

static void write_lamps(const struct hf_http *h, struct hf_text *t)
{
	struct hf_lamp_totals m;

	if (!h->loop.wiring->lamps)
		return;
	hf_lamps_totals(h->loop.wiring->lamps, &m);
	number(t, "subscriptions", "gauge", "Lamps that are subscribed.",
	       m.subscriptions);
	number(t, "subscribed_total", "counter", "Subscriptions begun.",
	       m.subscribed);
	number(t, "subscriptions_refused_total", "counter",
	       "Subscriptions refused.", m.refused);
	number(t, "subscriptions_expired_total", "counter",
	       "Subscriptions that ran out.", m.expired);
	number(t, "notifies_total", "counter", "NOTIFY requests sent.",
	       m.notifies);
}

/* --- SIP and the journal ------------------------------------------------------
 */

struct sip_walk {
	struct hf_text *t;
	bool ours;
};

static void write_sip_count(void *arg, bool ours, const char *method,
			    int status, uint64_t count)
{
	const struct sip_walk *w = arg;

	if (ours == w->ours)
		hf_text_print(
			w->t,
			"holdfast_sip_%s_total{method=\"%s\",status=\"%d\"} %llu\n",
			ours ? "sent" : "received", method, status,
			(unsigned long long)count);
}

static void write_sip(const struct hf_http *h, struct hf_text *t)
{
	struct sip_walk w = {.t = t};

	family(t, "sip_received_total", "counter",
	       "SIP requests of others, by method and by our final answer.");
	hf_sip_each_count(h->loop.wiring->sip, write_sip_count, &w);
	w.ours = true;
	family(t, "sip_sent_total", "counter",
	       "SIP requests of ours, by method and by their final answer.");
	hf_sip_each_count(h->loop.wiring->sip, write_sip_count, &w);
}

static void write_journal(const struct hf_http *h, struct hf_text *t)
{
	struct hf_store *store = h->loop.wiring->store;
	struct hf_store_times s;
	uint64_t sum = 0;

	if (!store)
		return;
	hf_store_times(store, &s);
	family(t, "journal_commit_seconds", "histogram",
	       "How long the disk took for each commit of the journal.");
	for (int i = 0; i < HF_STORE_BUCKETS; i++) {
		sum += s.bucket[i];
		hf_text_print(
			t,
			"holdfast_journal_commit_seconds_bucket{le=\"%g\"} %llu\n",
			hf_store_bounds_us[i] / 1e6, (unsigned long long)sum);
	}
	hf_text_print(
		t,
		"holdfast_journal_commit_seconds_bucket{le=\"+Inf\"} %llu\n"
		"holdfast_journal_commit_seconds_sum %.6f\n"
		"holdfast_journal_commit_seconds_count %llu\n",
		(unsigned long long)s.count, (double)s.sum_us / 1e6,
		(unsigned long long)s.count);
	number(t, "journal_failing", "gauge",
	       "1 while the journal cannot be written.",
	       hf_store_failing(store));
}

/* --- webhooks ----------------------------------------------------------------
 */

struct hook_walk {
	struct hf_text *t;
	unsigned int line; /* which family is being written */
};

static void write_hook(void *arg, const struct hf_hook_view *v)
{
	struct hook_walk *w = arg;

	switch (w->line) {
	case 0:
		labelled(w->t, "webhook_queue", "webhook", v->name,
			 v->waiting + v->sending);
		break;
	case 1:
		labelled(w->t, "webhook_failing", "webhook", v->name, v->sick);
		break;
	case 2:
		labelled(w->t, "webhook_delivered_total", "webhook", v->name,
			 v->delivered);
		break;
	case 3:
		labelled(w->t, "webhook_attempts_failed_total", "webhook",
			 v->name, v->attempts_failed);
		break;
	case 4:
		labelled(w->t, "webhook_given_up_total", "webhook", v->name,
			 v->given_up);
		break;
	default:
		labelled(w->t, "webhook_dropped_total", "webhook", v->name,
			 v->dropped);
	}
}

static void write_hooks(const struct hf_http *h, struct hf_text *t)
{
	static const char *const family_of[][3] = {
		{"webhook_queue", "gauge", "Deliveries that wait."},
		{"webhook_failing", "gauge",
		 "1 while the last delivery has failed."},
		{"webhook_delivered_total", "counter", "Deliveries done."},
		{"webhook_attempts_failed_total", "counter",
		 "Attempts that failed; most are tried again."},
		{"webhook_given_up_total", "counter",
		 "Deliveries that were given up."},
		{"webhook_dropped_total", "counter",
		 "Deliveries dropped because too many waited."},
	};

	for (unsigned int line = 0; line < 6; line++) {
		struct hook_walk w = {.t = t, .line = line};

		family(t, family_of[line][0], family_of[line][1],
		       family_of[line][2]);
		hf_hooks_each(h->loop.wiring->hooks, write_hook, &w);
	}
}

/* --- ourselves ---------------------------------------------------------------
 */

static void write_http(const struct hf_http *h, struct hf_text *t)
{
	static const char *const class[] = {NULL,  "1xx", "2xx",
					    "3xx", "4xx", "5xx"};
	const struct hf_http_counts *c = &h->counts;

	family(t, "http_answers_total", "counter",
	       "HTTP answers by class of status.");
	for (int i = 2; i < 6; i++)
		labelled(t, "http_answers_total", "class", class[i],
			 c -> answers[i]);
	number(t, "http_boards", "gauge", "Readers of events over HTTP.",
	       c->boards);
	number(t, "http_slow_boards_total", "counter",
	       "Readers of events dropped because they did not read.",
	       c->slow_boards);
	number(t, "http_refused_tokens_total", "counter",
	       "Requests with a wrong token.", c->refused_token);
	number(t, "http_refused_rate_total", "counter",
	       "Requests refused because there were too many.",
	       c->refused_rate);
	family(t, "http_loop_seconds", "summary",
	       "How long HTTP waited for the event loop.");
	hf_text_print(t,
		      "holdfast_http_loop_seconds_sum %.6f\n"
		      "holdfast_http_loop_seconds_count %llu\n",
		      (double)c->asked_ns / 1e9, (unsigned long long)c->asked);
	family(t, "http_loop_longest_seconds", "gauge",
	       "The longest that HTTP has waited for the event loop.");
	hf_text_print(t, "holdfast_http_loop_longest_seconds %.6f\n",
		      (double)c->asked_most_ns / 1e9);
}

static void write_process(const struct hf_http *h, struct hf_text *t)
{
	struct rusage use;

	family(t, "info", "gauge", "1, with version and instance.");
	hf_text_print(t, "holdfast_info{version=\"");
	label(t, h->loop.wiring->version);
	hf_text_print(t, "\",instance_name=\"");
	label(t, h->config->instance);
	hf_text_print(t, "\"} 1\n");
	number(t, "ready", "gauge", "1 while new calls are welcome.", h->ready);
	family(t, "uptime_seconds", "gauge", "Since the controller started.");
	hf_text_print(t, "holdfast_uptime_seconds %.3f\n",
		      (double)(hf_now_ms() - h->loop.wiring->start_ms) / 1e3);
	if (getrusage(RUSAGE_SELF, &use))
		return;
	family(t, "cpu_seconds_total", "counter",
	       "Processor time of the controller, all threads.");
	hf_text_print(
		t, "holdfast_cpu_seconds_total %.6f\n",
		(double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
			(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) /
				1e6);
}

void hf_metrics_write(const struct hf_http *h, struct hf_text *t)
{
	write_process(h, t);
	if (h->loop.wiring->park && h->loop.wiring->media) {
		write_lots(h, t);
		write_calls(h, t);
		write_waits(h, t);
		write_media(h, t);
		write_lamps(h, t);
	}
	write_sip(h, t);
	write_journal(h, t);
	write_hooks(h, t);
	write_http(h, t);
}
