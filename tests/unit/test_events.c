// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: events base */
/* The event bus: numbers, JSON that survives any text, readers that leave. */
#include <stdbool.h>

#include "events/bus.h"
#include "events/json.h"
#include "test.h"

struct heard {
	struct hf_bus *bus;
	struct hf_bus_reader *reader;
	unsigned int count;
	uint64_t number[8];
	char last[4096];
	bool leave, publish;
};

static void hear(void *arg, const struct hf_event *event, const char *json,
		 size_t len)
{
	struct heard *h = arg;

	if (h->count < 8)
		h->number[h->count] = event->number;
	h->count++;
	snprintf(h->last, sizeof(h->last), "%.*s", (int)len, json ?: "");
	if (h->leave)
		hf_bus_unsubscribe(h->bus, h->reader);
	if (h->publish)
		hf_bus_publish(h->bus, event);
}

static const struct hf_event parked = {
	.type = HF_EVENT_PARKED,
	.call = 17,
	.lot = "main",
	.slot = "701",
	.caller_number = "0301234",
	.caller_name = "Alice",
	.parker_uri = "sip:1001@pbx",
	.seconds_left = 90,
};

TEST(events_are_numbered_without_holes_from_the_number_given)
{
	struct heard h = { 0 };

	CHECK_INT(hf_bus_create(41, &h.bus), 0);
	CHECK_INT(hf_bus_last(h.bus), 41);
	CHECK_INT(hf_bus_subscribe(h.bus, hear, &h, &h.reader), 0);
	for (int i = 0; i < 3; i++)
		hf_bus_publish(h.bus, &parked);
	CHECK_INT(h.count, 3);
	CHECK_INT(h.number[0], 42);
	CHECK_INT(h.number[1], 43);
	CHECK_INT(h.number[2], 44);
	CHECK_INT(hf_bus_last(h.bus), 44);
	hf_bus_destroy(h.bus);
}

TEST(a_reader_may_leave_while_it_reads_and_the_others_still_hear)
{
	struct heard a = { .leave = true }, b = { 0 };

	CHECK_INT(hf_bus_create(0, &a.bus), 0);
	CHECK_INT(hf_bus_subscribe(a.bus, hear, &b, &b.reader), 0);
	CHECK_INT(hf_bus_subscribe(a.bus, hear, &a, &a.reader), 0);
	hf_bus_publish(a.bus, &parked);
	hf_bus_publish(a.bus, &parked);
	CHECK_INT(a.count, 1);
	CHECK_INT(b.count, 2);
	hf_bus_unsubscribe(a.bus, b.reader);
	hf_bus_publish(a.bus, &parked);
	CHECK_INT(b.count, 2);
	hf_bus_destroy(a.bus);
}

static bool only_call_17(void *arg, const struct hf_event *e)
{
	return e->call == 17;
}

TEST(json_is_made_where_somebody_reads_it_and_the_event_comes_without_it_else)
{
	struct heard a = { 0 }, b = { 0 };
	struct hf_event other = parked;

	other.call = 18;
	CHECK_INT(hf_bus_create(0, &a.bus), 0);
	CHECK_INT(hf_bus_subscribe(a.bus, hear, &a, &a.reader), 0);
	CHECK_INT(hf_bus_subscribe(a.bus, hear, &b, &b.reader), 0);
	hf_bus_wants(a.reader, hf_bus_no_json);
	hf_bus_wants(b.reader, only_call_17);
	hf_bus_publish(a.bus, &other);
	CHECK_INT(a.count, 1);
	CHECK_INT(b.count, 1);
	CHECK_STR(a.last, "");
	CHECK_STR(b.last, "");
	hf_bus_publish(a.bus, &parked);
	CHECK(strstr(a.last, "\"number\":2"));
	CHECK(strstr(b.last, "\"call\":17"));
	hf_bus_destroy(a.bus);
}

TEST(an_event_published_by_a_reader_takes_no_number)
{
	struct heard h = { .publish = true };

	CHECK_INT(hf_bus_create(0, &h.bus), 0);
	CHECK_INT(hf_bus_subscribe(h.bus, hear, &h, &h.reader), 0);
	hf_bus_publish(h.bus, &parked);
	CHECK_INT(h.count, 1);
	CHECK_INT(hf_bus_last(h.bus), 1);
	hf_bus_destroy(h.bus);
}

TEST(the_json_of_an_event_carries_what_is_known_and_null_for_the_rest)
{
	struct heard h = { 0 };
	json_t *e;

	CHECK_INT(hf_bus_create(0, &h.bus), 0);
	CHECK_INT(hf_bus_subscribe(h.bus, hear, &h, &h.reader), 0);
	hf_bus_publish(h.bus, &parked);
	hf_bus_destroy(h.bus);
	CHECK(!strchr(h.last, '\n'));
	e = json_loads(h.last, JSON_REJECT_DUPLICATES, NULL);
	CHECK(e);
	CHECK_STR(json_string_value(json_object_get(e, "event")), "parked");
	CHECK_INT(json_integer_value(json_object_get(e, "number")), 1);
	CHECK_INT(json_integer_value(json_object_get(e, "call")), 17);
	CHECK_STR(json_string_value(json_object_get(e, "slot")), "701");
	CHECK_INT(json_integer_value(json_object_get(e, "seconds_left")), 90);
	CHECK(json_is_null(json_object_get(e, "retriever_uri")));
	CHECK(json_integer_value(json_object_get(e, "wall_ms")) >
	      1700000000000LL);
	CHECK_STR(json_string_value(json_object_get(e, "text")),
		  "call 17 [main 701]: a call waits in a slot, "
		  "caller Alice <0301234>, parked by sip:1001@pbx, "
		  "rings back in 90 s");
	json_decref(e);
}

TEST(every_event_has_a_name_of_its_own)
{
	for (int i = 0; i < HF_EVENT_COUNT; i++)
		for (int j = 0; j < i; j++)
			CHECK(strcmp(hf_event_name(i), hf_event_name(j)));
	CHECK_STR(hf_event_name(HF_EVENT_MEDIA_RESUMED), "media_resumed");
	CHECK_STR(hf_event_name(HF_EVENT_COUNT), "unknown");
}

static int text_becomes(const char *in, const char *out)
{
	json_t *json = hf_json_text(in);
	int same = out ? json_is_string(json) &&
				 !strcmp(json_string_value(json), out) :
			 json_is_null(json);

	json_decref(json);
	return same;
}

TEST(text_that_is_not_utf8_becomes_replacement_characters)
{
	CHECK(text_becomes(NULL, NULL));
	CHECK(text_becomes("", NULL));
	CHECK(text_becomes("Zo\xc3\xab", "Zo\xc3\xab"));
	CHECK(text_becomes("Zo\xeb", "Zo\xef\xbf\xbd"));
	/* overlong '/', a surrogate, above U+10FFFF, cut short */
	CHECK(text_becomes("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"));
	CHECK(text_becomes("\xed\xa0\x80",
			   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
	CHECK(text_becomes("\xf4\x90\x80\x80x",
			   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx"));
	CHECK(text_becomes("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"));
	CHECK(text_becomes("\xf0\x9f\x93\x9e\xff", "\xf0\x9f\x93\x9e\xef\xbf\xbd"));
}

TEST(any_bytes_as_a_name_give_json_that_can_be_read_back)
{
	unsigned int seed = 1;

	for (int round = 0; round < 2000; round++) {
		struct hf_event e = parked;
		char name[40];
		json_t *json, *back;
		char *line;

		for (size_t i = 0; i < sizeof(name) - 1; i++) {
			seed = seed * 1103515245 + 12345;
			name[i] = (char)(seed >> 16);
		}
		name[sizeof(name) - 1] = '\0';
		e.caller_name = name;
		json = hf_event_json(&e);
		CHECK(json);
		line = json_dumps(json, JSON_COMPACT);
		CHECK(line);
		back = json_loads(line, 0, NULL);
		CHECK(back && json_equal(json, back));
		json_decref(json);
		json_decref(back);
		free(line);
	}
}

TEST(a_text_longer_than_its_buffer_is_cut_not_overrun)
{
	struct hf_event e = parked;
	char text[32];
	char *reason = malloc(5001);

	memset(reason, 'x', 5000);
	reason[5000] = '\0';
	e.reason = reason;
	CHECK_INT(hf_event_text(&e, text, sizeof(text)), 31);
	CHECK_STR(text, "call 17 [main 701]: a call wait");
	CHECK_INT(hf_event_text(&e, text, 1), 0);
	free(reason);
}

TEST_MAIN()
