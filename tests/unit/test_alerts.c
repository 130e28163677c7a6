// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: hooks database events config base */
/* Which alerts are told, when, and in which words, without a park. */
#include <stdarg.h>

#include "base/clock.h"
#include "config/config.h"
#include "events/bus.h"
#include "hooks/alerts.h"
#include "hooks/callouts.h"
#include "hooks/words.h"
#include "park/park.h"
#include "test.h"

static char *boss[] = {"sip:9@x"};
static struct hf_config_lot lots[2] = {
	{.name = "main", .park = "700",
	 .alerts = {.waiting_s = 60, .full_percent = 80,
		    .full_clear_percent = 50, .recall_failed = true,
		    .message = boss, .message_count = 1, .call = boss,
		    .call_count = 1, .voice = "de"}},
	{.name = "quiet", .park = "800"}};
static struct hf_config config = {.lots = lots, .lot_count = 2};
static uint32_t taken; /* of 10 slots */
static char told[4096];

void hf_park_lot_taken(const struct hf_park *p, unsigned int lot,
		       uint32_t *ret_slots, uint32_t *ret_taken)
{
	*ret_slots = 10;
	*ret_taken = taken;
}

void hf_park_each_slot(struct hf_park *p, uint64_t now_ms,
		       bool (*fn)(void *, const struct hf_slot_view *),
		       void *arg)
{
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	size_t used = strlen(told);
	va_list ap;

	va_start(ap, format);
	vsnprintf(told + used, sizeof(told) - used, format, ap);
	va_end(ap);
}

static void on_event(void *arg, const struct hf_event *e, const char *json,
		     size_t len)
{
	if (e->type == HF_EVENT_ALERT || e->type == HF_EVENT_ALERT_CLEARED)
		note("%s %s %llu\n", hf_event_name(e->type), e->rule,
		     (unsigned long long)e->call);
}

static void message(void *arg, const struct hf_config_lot *from, const char *to,
		    const char *text)
{
	note("%s to %s: %s\n", from->park, to, text);
}

static void call(void *arg, const struct hf_callout *o)
{
	note("call %s (%s): %s\n", o->to, o->voice, o->text);
}

static void uncall(void *arg, const char *cause)
{
	note("no call for %s\n", cause);
}

static struct hf_alerts *alerts;
static struct hf_bus *bus;
static struct hf_bus_reader *reader;

static void open_world(void)
{
	struct hf_alerts_wiring wire = {.config = &config,
					.message = message,
					.call = call,
					.uncall = uncall};

	told[0] = '\0';
	taken = 0;
	hf_bus_create(0, &bus);
	wire.bus = bus;
	hf_alerts_create(&wire, &alerts);
	hf_bus_subscribe(bus, on_event, NULL, &reader);
	hf_alerts_attach(alerts, (struct hf_park *)bus, 0);
	hf_alerts_run(alerts, hf_now_ms());
}

static void close_world(void)
{
	hf_alerts_destroy(alerts);
	hf_bus_destroy(bus);
}

static void happens(enum hf_event_type type, uint64_t id, const char *lot,
		    uint32_t seconds)
{
	const struct hf_event e = {.type = type,
				   .call = id,
				   .lot = lot,
				   .slot = "701",
				   .caller_name = "Carla",
				   .caller_number = "4930",
				   .seconds_parked = seconds};

	hf_bus_publish(bus, &e);
}

TEST(a_caller_who_waits_too_long_is_told_of_once_and_when_it_is_over)
{
	uint64_t now = hf_now_ms();

	open_world();
	happens(HF_EVENT_PARKED, 17, "main", 0);
	happens(HF_EVENT_PARKED, 18, "quiet", 0);
	hf_alerts_run(alerts, now + 59000);
	CHECK_STR(told, "");
	CHECK(hf_alerts_next_ms(alerts) - now >= 60000);
	CHECK(hf_alerts_next_ms(alerts) - now < 62000);
	hf_alerts_run(alerts, hf_now_ms() + 60000);
	CHECK_STR(told, "call sip:9@x (de): Attention. Lot main, slot 7 0 1. "
			"The caller has waited for 60 s.\n"
			"alert waiting 17\n"
			"700 to sip:9@x: 701 in main: Carla, 4930 (the caller "
			"has waited for 60 s)\n");
	told[0] = '\0';
	hf_alerts_run(alerts, now + 600000);
	happens(HF_EVENT_MOVED, 17, "main", 100);
	hf_alerts_run(alerts, now + 900000);
	CHECK_STR(told, "");
	CHECK(hf_alerts_next_ms(alerts) == UINT64_MAX);
	happens(HF_EVENT_RETRIEVED, 17, "main", 100);
	hf_alerts_run(alerts, now + 900000);
	CHECK_STR(told, "no call for waiting/17\nalert_cleared waiting 17\n");
	close_world();
}

TEST(a_call_that_comes_back_having_waited_is_due_before_younger_ones)
{
	uint64_t now = hf_now_ms();

	open_world();
	happens(HF_EVENT_PARKED, 1, "main", 0);
	happens(HF_EVENT_PARKED, 2, "main", 30);
	happens(HF_EVENT_PARKED, 3, "main", 0);
	happens(HF_EVENT_MOVED, 4, "main", 50);
	hf_alerts_run(alerts, now + 15000);
	CHECK(strstr(told, "alert waiting 4\n"));
	CHECK(!strstr(told, "alert waiting 2\n"));
	hf_alerts_run(alerts, now + 40000);
	CHECK(strstr(told, "alert waiting 2\n"));
	CHECK(!strstr(told, "alert waiting 1\n"));
	happens(HF_EVENT_ABANDONED, 3, "main", 0);
	hf_alerts_run(alerts, now + 90000);
	CHECK(strstr(told, "alert waiting 1\n"));
	CHECK(!strstr(told, "waiting 3\n"));
	close_world();
}

TEST(a_full_lot_is_told_once_until_it_is_well_below)
{
	static const struct {
		uint32_t taken;
		const char *told;
	} steps[] = {{7, ""}, {8, "alert nearly_full 0\n"},
		     {10, ""}, {7, ""}, {8, ""}, {6, ""},
		     {5, "alert_cleared nearly_full 0\n"}, {7, ""},
		     {9, "alert nearly_full 0\n"}};

	open_world();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		told[0] = '\0';
		taken = steps[i].taken;
		hf_alerts_slot_changed(alerts);
		CHECK_INT(hf_alerts_next_ms(alerts), 0);
		hf_alerts_run(alerts, hf_now_ms());
		if (*steps[i].told)
			CHECK(strstr(told, steps[i].told));
		else
			CHECK_STR(told, "");
	}
	close_world();
}

TEST(a_failed_recall_is_told_once_for_a_wait)
{
	open_world();
	happens(HF_EVENT_PARKED, 17, "main", 0);
	happens(HF_EVENT_RECALL_FAILED, 17, "main", 50);
	happens(HF_EVENT_RECALL_FAILED, 17, "main", 50);
	hf_alerts_run(alerts, hf_now_ms());
	CHECK(strstr(told, "alert recall_failed 17\n"));
	told[0] = '\0';
	happens(HF_EVENT_RECALL_FAILED, 17, "main", 55);
	happens(HF_EVENT_RECALL_FAILED, 99, "main", 55);
	hf_alerts_run(alerts, hf_now_ms());
	CHECK_STR(told, "");
	happens(HF_EVENT_KICKED, 17, "main", 56);
	hf_alerts_run(alerts, hf_now_ms());
	CHECK_STR(told, "no call for recall_failed/17\n"
			"alert_cleared recall_failed 17\n");
	close_world();
}

TEST(the_words_are_the_lots_own_and_never_name_who_wants_privacy)
{
	struct hf_config_lot lot = {
		.name = "main",
		.alerts.text = "{slot}: {caller} wartet {seconds} s. {x} {"};
	struct hf_event e = {.call = 17, .lot = "main", .slot = "*701",
			     .caller_name = "Carla", .caller_number = "4930",
			     .seconds_parked = 185, .rule = "waiting",
			     .reason = "the caller has waited for 185 s"};
	char text[256];

	hf_alert_message(&lot, &e, text, sizeof(text));
	CHECK_STR(text, "*701: Carla, 4930 wartet 185 s.  {");
	e.privacy = true;
	hf_alert_speech(&lot, &e, text, sizeof(text));
	CHECK_STR(text, "*7 0 1: a caller wartet 185 s.  {");
	lot.alerts.text = NULL;
	hf_alert_message(&lot, &e, text, sizeof(text));
	CHECK_STR(text, "*701 in main: a caller (the caller has waited for 185 "
			"s)");
	hf_alert_speech(&lot, &e, text, sizeof(text));
	CHECK_STR(text, "Attention. Lot main, slot *7 0 1. A caller has waited "
			"for 3 minutes.");
	e = (struct hf_event){.lot = "main", .rule = "nearly_full",
			      .reason = "8 of 10 slots are taken"};
	hf_alert_message(&lot, &e, text, sizeof(text));
	CHECK_STR(text, "Lot main: 8 of 10 slots are taken");
	hf_alert_speech(&lot, &e, text, 20);
	CHECK_STR(text, "Attention. Lot main");
}

TEST_MAIN()
