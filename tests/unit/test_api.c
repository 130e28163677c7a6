// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: api events sdp base */
/* What the control protocol answers, request by request, and that its document
 * says so. How lines come and go is in test_api_lines.c. */
#include "api_world.h"

TEST(status_names_instance_engine_devices_listeners_lots_and_counters)
{
	json_t *s, *lots;
	int fd;

	CHECK_INT(open_world(), 0);
	fake_extra_slots = 5;
	fd = dial();
	s = ask(fd, "{\"command\":\"status\"}");
	CHECK(s);
	CHECK_STR(text(s, "version"), "1.2.3");
	CHECK_STR(text(s, "instance"), "unit");
	CHECK_INT(number(s, "pid"), getpid());
	CHECK_INT(number(s, "uptime_s"), 0);
	CHECK_STR(text(s, "engine"), "bpf");
	CHECK_STR(text(s, "engine_reason"), "the module is not loaded");
	CHECK(json_is_true(json_object_get(s, "sender_alive")));
	CHECK_STR(text(json_array_get(json_object_get(s, "devices"), 0), "xdp"),
		  "native");
	CHECK_INT(number(s, "legs"), 5000);
	CHECK_INT(number(s, "legs_open"), 3);
	CHECK_INT(number(s, "frames_used"), 500);
	CHECK_INT(number(json_object_get(s, "calls"), "parked"), 1);
	CHECK_INT(number(json_object_get(s, "calls"), "total"), 2);
	lots = json_object_get(s, "lots");
	CHECK_INT(json_array_size(lots), 2);
	CHECK_STR(text(json_array_get(lots, 0), "lot"), "main");
	CHECK_INT(number(json_array_get(lots, 0), "slots"), 2);
	CHECK_INT(number(json_array_get(lots, 0), "slots_free"), 1);
	CHECK_INT(number(json_array_get(lots, 1), "slots_free"), 5);
	CHECK_INT(number(json_array_get(json_object_get(s, "listen"), 0),
			 "port"),
		  5060);
	CHECK_INT(json_object_size(json_object_get(s, "counters")),
		  HF_COUNTERS_IN_USE);
	CHECK_INT(number(json_object_get(s, "counters"), "relayed"), 1234);
	json_decref(s);
	close(fd);
	close_world();
}

TEST(the_audio_requests_say_what_a_clip_takes_and_why_one_failed)
{
	json_t *a, *c;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	a = ask(fd, "{\"command\":\"audio list\"}");
	CHECK_STR(text(json_object_get(a, "error"), "code"), "starting");
	json_decref(a);
	hf_control_attach_library(w.control, (struct hf_library *)&w);
	a = ask(fd, "{\"command\":\"audio list\"}");
	CHECK_INT(json_array_size(json_object_get(a, "clips")), 3);
	c = json_array_get(json_object_get(a, "clips"), 0);
	CHECK_STR(text(c, "clip"), "music");
	CHECK_INT(number(json_object_get(c, "frames"), "G722"), 400);
	CHECK(!json_object_get(json_object_get(c, "frames"), "opus"));
	CHECK_INT(number(json_object_get(c, "encoded"), "opus"), 400);
	CHECK(json_number_value(json_object_get(c, "kib")) == 225.0);
	CHECK_INT(number(c, "legs"), 3);
	c = json_array_get(json_object_get(a, "clips"), 1);
	CHECK_INT(number(c, "percent"), 37);
	CHECK(json_is_null(json_object_get(c, "failure")));
	json_decref(a);
	a = ask(fd, "{\"command\":\"audio show\",\"clip\":\"bad\"}");
	CHECK_STR(text(a, "failure"), "no sound");
	json_decref(a);
	a = ask(fd, "{\"command\":\"audio show\",\"clip\":\"none\"}");
	CHECK_STR(text(json_object_get(a, "error"), "code"), "not_found");
	json_decref(a);
	a = ask(fd, "{\"command\":\"audio add\",\"clip\":\"x\",\"file\":\"/a b.wav\"}");
	CHECK_STR(text(a, "clip"), "x");
	CHECK_STR(fake_added, "x /a b.wav");
	json_decref(a);
	a = ask(fd, "{\"command\":\"audio add\",\"clip\":\"busy\",\"file\":\"/a\"}");
	CHECK_STR(text(json_object_get(a, "error"), "code"), "failed");
	json_decref(a);
	a = ask(fd, "{\"command\":\"audio add\",\"clip\":\"x\"}");
	CHECK_STR(text(json_object_get(a, "error"), "code"), "bad_argument");
	json_decref(a);
	a = ask(fd, "{\"command\":\"audio remove\",\"clip\":\"music\"}");
	CHECK_STR(text(a, "clip"), "music");
	json_decref(a);
	close(fd);
	close_world();
}

TEST(lot_explain_answers_by_the_rules_and_names_what_is_wrong)
{
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	a = ask(fd, "{\"command\":\"lot explain\",\"number\":\"700\","
		    "\"call\":{\"headers\":\"X-A: 1\","
		    "\"source\":\"192.0.2.1\"}}");
	CHECK_STR(text(a, "verdict"), "park");
	CHECK_STR(text(a, "rule"), "park-transfer");
	CHECK_STR(text(a, "routing"), "X-A: 1");
	CHECK_STR(text(a, "slot"), "701");
	CHECK(json_is_false(json_object_get(a, "trusted")));
	CHECK(json_is_null(json_object_get(a, "reason")));
	json_decref(a);
	a = ask(fd, "{\"command\":\"lot explain\",\"number\":\"a b\"}");
	CHECK_STR(error_code(a), "bad_argument");
	json_decref(a);
	a = ask(fd, "{\"command\":\"lot explain\",\"number\":\"700\","
		    "\"call\":{\"form\":\"x\"}}");
	CHECK_STR(error_code(a), "bad_argument");
	json_decref(a);
	close(fd);
	close_world();
}

TEST(the_webhook_requests_say_what_waits_and_never_a_whole_url)
{
	json_t *a, *d;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	a = ask(fd, "{\"command\":\"webhook list\"}");
	CHECK_INT(json_array_size(a), 1);
	CHECK_STR(text(json_array_get(a, 0), "to"),
		  "https://hooks.example.com");
	CHECK_STR(text(json_array_get(a, 0), "failure"), "answered 503");
	CHECK_INT(number(json_array_get(a, 0), "waiting"), 3);
	CHECK_INT(number(json_array_get(a, 0), "seconds_to_retry"), 4);
	json_decref(a);
	a = ask(fd, "{\"command\":\"webhook show\",\"webhook\":\"team\"}");
	CHECK_STR(text(a, "webhook"), "team");
	CHECK_INT(json_array_size(json_object_get(a, "deliveries")), 2);
	d = json_array_get(json_object_get(a, "deliveries"), 0);
	CHECK_STR(text(d, "state"), "waiting");
	CHECK_INT(number(d, "status"), 503);
	CHECK_INT(number(d, "call"), 17);
	json_decref(a);
	a = ask(fd, "{\"command\":\"webhook retry\",\"webhook\":\"team\"}");
	CHECK_INT(number(a, "deliveries"), 3);
	json_decref(a);
	a = ask(fd, "{\"command\":\"webhook test\",\"webhook\":\"team\"}");
	CHECK_INT(number(a, "delivery"), 7);
	json_decref(a);
	for (int i = 0; i < 3; i++) {
		static const char *const act[] = {"show", "retry", "test"};
		char line[80];

		snprintf(line, sizeof(line),
			 "{\"command\":\"webhook %s\",\"webhook\":\"x\"}",
			 act[i]);
		a = ask(fd, line);
		CHECK_STR(text(json_object_get(a, "error"), "code"),
			  "not_found");
		json_decref(a);
	}
	close(fd);
	close_world();
}

TEST(a_supervisor_moves_kicks_and_has_calls_picked_up)
{
	static const struct {
		const char *request, *act, *did, *error;
	} acts[] = {
		{ "\"call move\",\"call\":17,\"to\":\"705\"", "move 17 705",
		  "moved", "" },
		{ "\"call move\",\"call\":18,\"to\":\"705\"", "move 18 705", "",
		  "failed" },
		{ "\"call kick\",\"call\":17", "kick 17 ", "kicked", "" },
		{ "\"call kick\",\"call\":19", "kick 19 ", "", "not_found" },
		{ "\"call retrieve\",\"call\":17,\"for\":\"sip:1@x\"",
		  "retrieve 17 sip:1@x", "ringing", "" },
		{ "\"call step-in\",\"call\":17,\"for\":\"sip:1@x\"",
		  "step-in 17 sip:1@x", "ringing", "" },
		{ "\"call page\",\"call\":17,\"zone\":\"yard\"",
		  "page 17 yard", "paging", "" },
		{ "\"call page\",\"call\":17", "page 17 -", "paging", "" },
		{ "\"call page\",\"call\":18", "page 18 -", "", "failed" },
		{ "\"audio play\",\"clip\":\"music\",\"to\":\"sip:1@x\"",
		  "play music to sip:1@x", "", "" },
		{ "\"audio play\",\"clip\":\"none\",\"to\":\"sip:1@x\"",
		  "play none to sip:1@x", "", "not_found" },
		{ "\"audio playing\",\"play\":30", "play none to sip:1@x", "",
		  "not_found" },
		{ "\"drain\",\"mode\":\"on\"", "drain 1", "", "" },
		{ "\"drain\",\"mode\":\"off\"", "drain 0", "", "" },
		{ "\"drain\",\"mode\":\"maybe\"", "drain 0", "",
		  "bad_argument" },
	};
	char request[160];
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		snprintf(request, sizeof(request), "{\"command\":%s}",
			 acts[i].request);
		a = ask(fd, request);
		CHECK_STR(fake_act, acts[i].act);
		CHECK_STR(text(a, "did") ?: "", acts[i].did);
		CHECK_STR(text(json_object_get(a, "error"), "code") ?: "",
			  acts[i].error);
		json_decref(a);
	}
	close(fd);
	close_world();
}

TEST(the_subscription_list_says_who_watches_what_and_status_counts)
{
	json_t *a, *s;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	a = ask(fd, "{\"command\":\"subscription list\"}");
	CHECK_INT(json_array_size(a), 0);
	json_decref(a);
	hf_control_attach_lamps(w.control, (struct hf_lamps *)&w);
	a = ask(fd, "{\"command\":\"subscription list\"}");
	CHECK_INT(json_array_size(a), 1);
	s = json_array_get(a, 0);
	CHECK_INT(number(s, "subscription"), 5);
	CHECK_STR(text(s, "watcher"), "sip:1005@pbx.example.com");
	CHECK_STR(text(s, "number"), "701");
	CHECK_STR(text(s, "kind"), "slot");
	CHECK_INT(number(s, "expires_s"), 90);
	CHECK_INT(number(s, "failures"), 1);
	json_decref(a);
	a = ask(fd, "{\"command\":\"status\"}");
	CHECK_INT(number(json_object_get(a, "lamps"), "subscriptions"), 1);
	json_decref(a);
	close(fd);
	close_world();
}

TEST(the_registration_list_says_which_registrars_know_us_and_status_counts)
{
	json_t *a, *r;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	a = ask(fd, "{\"command\":\"registration list\"}");
	CHECK_INT(json_array_size(a), 0);
	json_decref(a);
	hf_control_attach_insides(w.control, (struct hf_sip *)&w, NULL);
	a = ask(fd, "{\"command\":\"registration list\"}");
	CHECK_INT(json_array_size(a), 2);
	r = json_array_get(a, 0);
	CHECK_STR(text(r, "aor"), "sip:park@pbx.example.com");
	CHECK_STR(text(r, "registrar"), "sip:192.0.2.5");
	CHECK_STR(text(r, "contact"), "700");
	CHECK_STR(text(r, "state"), "registered");
	CHECK_INT(number(r, "expires_s"), 290);
	r = json_array_get(a, 1);
	CHECK_STR(text(r, "reason"), "403 Forbidden");
	CHECK_INT(number(r, "retry_s"), 90);
	CHECK_INT(number(r, "failures"), 2);
	json_decref(a);
	a = ask(fd, "{\"command\":\"status\"}");
	r = json_object_get(a, "registrations");
	CHECK_INT(number(r, "total"), 2);
	CHECK_INT(number(r, "registered"), 1);
	json_decref(a);
	hf_control_attach_insides(w.control, NULL, NULL);
	close(fd);
	close_world();
}

TEST(the_slot_list_has_every_slot_and_can_be_narrowed_to_a_lot)
{
	json_t *a, *slot;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	a = ask(fd, "{\"command\":\"slot list\"}");
	CHECK_INT(json_array_size(a), 2);
	slot = json_array_get(a, 0);
	CHECK_STR(text(slot, "slot"), "701");
	CHECK_STR(text(slot, "label"), "Sales");
	CHECK_STR(text(slot, "state"), "parked");
	CHECK_STR(text(slot, "caller_name"), FAKE_NAME_UTF8);
	CHECK_STR(text(slot, "parker"), "sip:1001@pbx.example.com");
	CHECK_INT(number(slot, "seconds_parked"), 12);
	CHECK_INT(number(slot, "seconds_to_recall"), 78);
	CHECK_INT(number(slot, "call"), 17);
	CHECK(json_is_null(json_object_get(json_array_get(a, 1), "label")));
	json_decref(a);
	a = ask(fd, "{\"command\":\"slot list\",\"lot\":\"big\"}");
	CHECK(json_is_array(a));
	CHECK_INT(json_array_size(a), 0);
	json_decref(a);
	a = ask(fd, "{\"command\":\"slot list\",\"lot\":\"nowhere\"}");
	CHECK_STR(error_code(a), "not_found");
	CHECK_STR(error_text(a), "there is no lot \"nowhere\"");
	json_decref(a);
	close(fd);
	close_world();
}

TEST(a_call_is_shown_with_its_parties_and_their_media)
{
	json_t *a, *party, *media;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	a = ask(fd, "{\"command\":\"call list\"}");
	CHECK_INT(json_array_size(a), 2);
	CHECK_INT(number(json_array_get(a, 1), "call"), 18);
	CHECK(json_is_null(
		json_object_get(json_array_get(a, 1), "seconds_to_recall")));
	json_decref(a);
	a = ask(fd, "{\"command\":\"call show\",\"call\":18}");
	CHECK_STR(text(a, "state"), "relay");
	CHECK_STR(text(a, "rule"), "park_number");
	CHECK_INT(number(a, "seconds_parked"), 12);
	CHECK_INT(json_array_size(json_object_get(a, "parties")), 3);
	party = json_array_get(json_object_get(a, "parties"), 1);
	CHECK_STR(text(party, "role"), "retriever");
	CHECK_STR(text(party, "sip_call_id"), "def@192.0.2.2");
	CHECK_INT(number(party, "leg"), 6);
	media = json_object_get(party, "media");
	CHECK_STR(text(media, "mode"), "relay");
	CHECK_INT(number(media, "ssrc"), 0xdeadbeef);
	CHECK_STR(text(media, "local_address"), "192.0.2.10");
	CHECK_INT(number(media, "local_port"), 20012);
	CHECK_STR(text(media, "remote_address"), "198.51.100.7");
	CHECK_INT(number(media, "packets_in"), 600);
	CHECK_INT(number(media, "hold_sent"), 599);
	CHECK_INT(number(media, "hold_turned"), 4);
	CHECK_INT(number(media, "hold_skipped"), 1);
	CHECK_INT(number(media, "relayed_out"), 2);
	CHECK_INT(number(media, "idle_ms"), 20);
	CHECK_INT(number(media, "lost"), -1);
	CHECK_INT(number(media, "peer_lost"), 7);
	CHECK_INT(number(media, "round_trip_us"), 4000);
	party = json_array_get(json_object_get(a, "parties"), 2);
	CHECK(json_is_null(json_object_get(party, "leg")));
	CHECK(json_is_null(json_object_get(party, "media")));
	json_decref(a);
	a = ask(fd, "{\"command\":\"call show\",\"call\":99}");
	CHECK_STR(error_code(a), "not_found");
	json_decref(a);
	close(fd);
	close_world();
}

TEST(legs_are_listed_with_the_call_they_belong_to)
{
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	a = ask(fd, "{\"command\":\"leg list\"}");
	CHECK_INT(json_array_size(a), 3);
	CHECK_INT(number(json_array_get(a, 0), "leg"), 4);
	CHECK(json_is_null(json_object_get(json_array_get(a, 0), "idle_ms")));
	CHECK_STR(text(json_array_get(a, 0), "mode"), "hold");
	json_decref(a);
	a = ask(fd, "{\"command\":\"leg show\",\"leg\":6}");
	CHECK_INT(number(a, "call"), 18);
	CHECK_STR(text(a, "role"), "retriever");
	json_decref(a);
	a = ask(fd, "{\"command\":\"leg show\",\"leg\":7}");
	CHECK_STR(error_code(a), "not_found");
	json_decref(a);
	a = ask(fd, "{\"command\":\"stats\"}");
	CHECK_INT(number(json_object_get(a, "totals"), "parks"), 7);
	CHECK_INT(number(json_object_get(a, "counters"), "relayed"), 1234);
	json_decref(a);
	close(fd);
	close_world();
}

TEST(every_wrong_request_is_answered_with_its_error_and_the_next_is_served)
{
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	CHECK(refused(fd, "", "bad_request"));
	CHECK(refused(fd, "status", "bad_request"));
	CHECK(refused(fd, "{\"command\":\"status\"", "bad_request"));
	CHECK(refused(fd, "{\"command\":\"status\"} x", "bad_request"));
	CHECK(refused(fd, "[1,2]", "bad_request"));
	CHECK(refused(fd, "{}", "bad_request"));
	CHECK(refused(fd, "{\"command\":7}", "bad_request"));
	CHECK(refused(fd, "{\"command\":\"a\",\"command\":\"b\"}",
		      "bad_request"));
	CHECK(refused(fd, "{\"command\":\"\xff\"}", "bad_request"));
	CHECK(refused(fd, "{\"command\":\"slots\"}", "unknown_command"));
	CHECK(refused(fd, "{\"command\":\"status\",\"x\":1}", "bad_argument"));
	CHECK(refused(fd, "{\"command\":\"slot list\",\"lot\":7}",
		      "bad_argument"));
	CHECK(refused(fd, "{\"command\":\"call show\"}", "bad_argument"));
	CHECK(refused(fd, "{\"command\":\"call show\",\"call\":\"17\"}",
		      "bad_argument"));
	CHECK(refused(fd, "{\"command\":\"call show\",\"call\":-1}",
		      "bad_argument"));
	CHECK(refused(fd, "{\"command\":\"call show\",\"call\":1e400}",
		      "bad_request"));
	a = ask(fd, "{\"command\":\"status\"}");
	CHECK_STR(text(a, "instance"), "unit");
	json_decref(a);
	close(fd);
	close_world();
}

/* The names in `` of the document; NULL if it is not where we stand. */
static char *read_document(void)
{
	FILE *f = fopen("Documentation/control.md", "re");
	char *text;
	size_t n;

	if (!f)
		return NULL;
	text = calloc(1, 1 << 16);
	n = fread(text, 1, (1 << 16) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static int documented(const char *document, const char *name)
{
	char quoted[80];

	snprintf(quoted, sizeof(quoted), "`%s`", name);
	if (strstr(document, quoted))
		return 1;
	printf("# Documentation/control.md does not have %s\n", quoted);
	return 0;
}

/* How many keys, at every depth, the document does not have. */
static int undocumented(const char *document, json_t *json)
{
	const char *key;
	json_t *value;
	int missing = 0;
	size_t i;

	json_array_foreach(json, i, value)
		missing += undocumented(document, value);
	json_object_foreach(json, key, value)
		missing += !documented(document, key) +
			   undocumented(document, value);
	return missing;
}

TEST(every_key_event_counter_and_error_is_documented)
{
	static const char *const requests[] = {
		"status", "slot list", "call list", "call show\",\"call\":18",
		"leg list", "stats",
	};
	static const char *const errors[] = {
#define X(symbol, name) name,
		HF_ERRORS(X)
#undef X
	};
	char *document = read_document(), request[80];
	json_t *a;
	int fd;

	if (!document)
		SKIP("run from the top of the tree");
	CHECK_INT(open_world(), 0);
	fd = dial();
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		snprintf(request, sizeof(request), "{\"command\":\"%s%s}",
			 requests[i], strchr(requests[i], ':') ? "" : "\"");
		a = ask(fd, request);
		CHECK(a && !error_code(a));
		CHECK_INT(undocumented(document, a), 0);
		json_decref(a);
	}
	a = ask(fd, "{\"command\":\"monitor\"}");
	json_decref(a);
	publish(HF_EVENT_PARKED);
	a = read_json(fd);
	CHECK_INT(undocumented(document, a), 0);
	json_decref(a);
	for (int i = 0; i < HF_EVENT_COUNT; i++)
		CHECK(documented(document, hf_event_name(i)));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		CHECK(documented(document, errors[i]));
	free(document);
	close(fd);
	close_world();
}

TEST_MAIN()
