// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: api events sdp base */
/* Lines of the control protocol on their way: in pieces, too long, too many, to
 * readers who are slow or gone, lists that are written in parts, and monitors. */
#include "api_world.h"

TEST(a_request_may_arrive_byte_by_byte_and_several_at_once)
{
	const char *request = "{\"command\":\"call show\",\"call\":17}\r\n";
	const char *three = "{\"command\":\"call show\",\"call\":18}\n"
			    "{\"command\":\"call show\",\"call\":17}\n"
			    "{\"command\":\"call show\",\"call\":18}\n";
	const int expected[] = { 18, 17, 18 };
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	for (const char *c = request; *c; c++) {
		CHECK_INT(send(fd, c, 1, MSG_NOSIGNAL), 1);
		turn();
	}
	a = read_json(fd);
	CHECK_INT(number(a, "call"), 17);
	json_decref(a);
	CHECK_INT(send(fd, three, strlen(three), MSG_NOSIGNAL), strlen(three));
	for (int i = 0; i < 3; i++) {
		a = read_json(fd);
		CHECK_INT(number(a, "call"), expected[i]);
		json_decref(a);
	}
	close(fd);
	close_world();
}

TEST(a_line_that_never_ends_is_refused_and_the_connection_closed)
{
	char blob[HF_REQUEST_MAX + 1000];
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	memset(blob, ' ', sizeof(blob));
	CHECK_INT(send(fd, blob, sizeof(blob), MSG_NOSIGNAL), sizeof(blob));
	a = read_json(fd);
	CHECK_STR(error_code(a), "too_long");
	json_decref(a);
	CHECK(is_closed(fd));
	close(fd);
	close_world();
}

TEST(the_longest_line_allowed_is_still_a_request)
{
	char blob[HF_REQUEST_MAX + 1];
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	memset(blob, ' ', sizeof(blob));
	memcpy(blob, "{\"command\":\"status\"}", 20);
	blob[HF_REQUEST_MAX - 1] = '\0'; /* ask() adds the end of line */
	a = ask(fd, blob);
	CHECK_STR(text(a, "instance"), "unit");
	json_decref(a);
	close(fd);
	close_world();
}

TEST(a_peer_that_stops_sending_still_gets_its_answer)
{
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	/* not even an end of line, as from printf | nc -N */
	CHECK_INT(send(fd, "{\"command\":\"status\"}", 20, 0), 20);
	CHECK_INT(shutdown(fd, SHUT_WR), 0);
	a = read_json(fd);
	CHECK_STR(text(a, "instance"), "unit");
	json_decref(a);
	CHECK(is_closed(fd));
	close(fd);
	close_world();
}

/* Are these the slots of the made-up park, all of them and in order? */
static int is_whole_list(json_t *slots, unsigned int extra, bool big_only)
{
	unsigned int skip = big_only ? 0 : 2;

	if (!json_is_array(slots) || json_array_size(slots) != extra + skip)
		return 0;
	for (unsigned int i = 0; i < extra; i++) {
		const char *slot = text(json_array_get(slots, i + skip), "slot");

		if (!slot || atoi(slot) != (int)(10000 + i))
			return 0;
	}
	return 1;
}

TEST(an_answer_larger_than_the_socket_arrives_whole)
{
	json_t *a;
	int fd, room = 4096;

	CHECK_INT(open_world(), 0);
	fake_extra_slots = 4000;
	fd = dial();
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	CHECK(send(fd, "{\"command\":\"slot list\"}\n", 24, 0) == 24);
	turn(); /* the daemon does all it can while nobody reads */
	a = read_json(fd);
	CHECK(is_whole_list(a, 4000, false));
	json_decref(a);
	close(fd);
	close_world();
}

TEST(a_long_list_is_whole_whatever_its_pieces)
{
	static const unsigned int total[] = {
		HF_LISTING_ROWS - 1,	 HF_LISTING_ROWS, HF_LISTING_ROWS + 1,
		2 * HF_LISTING_ROWS - 1, 2 * HF_LISTING_ROWS,
		2 * HF_LISTING_ROWS + 1,
	};
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	for (size_t i = 0; i < sizeof(total) / sizeof(total[0]); i++) {
		fake_extra_slots = total[i] - 2;
		a = ask(fd, "{\"command\":\"slot list\"}");
		CHECK(is_whole_list(a, fake_extra_slots, false));
		json_decref(a);
		a = ask(fd, "{\"command\":\"slot list\",\"lot\":\"big\"}");
		CHECK(is_whole_list(a, fake_extra_slots, true));
		json_decref(a);
		a = ask(fd, "{\"command\":\"slot list\",\"lot\":\"main\"}");
		CHECK_INT(json_array_size(a), 2);
		json_decref(a);
	}
	close(fd);
	close_world();
}

TEST(calls_that_end_while_a_list_is_written_hide_no_other_call)
{
	const unsigned int extra = 3 * HF_LISTING_ROWS;
	unsigned int odd = 0;
	json_t *a, *call;
	json_int_t last = 0;
	size_t i;
	int fd;

	CHECK_INT(open_world(), 0);
	fake_extra_calls = extra;
	fd = dial();
	CHECK(send(fd, "{\"command\":\"call list\"}\n", 24, 0) == 24);
	for (int turns = 0; turns < 3; turns++) /* accepted, begun */
		hf_control_dispatch(w.control);
	fake_even_calls_ended = true;
	a = read_json(fd);
	json_array_foreach(a, i, call) {
		CHECK(number(call, "call") > last);
		last = number(call, "call");
		odd += last >= 1000 && last % 2;
	}
	CHECK_INT(odd, extra / 2);
	CHECK(json_array_size(a) > odd + 2); /* the change came in between */
	CHECK(json_array_size(a) < extra + 2);
	json_decref(a);
	close(fd);
	close_world();
}

TEST(a_park_that_goes_away_in_the_middle_of_a_list_ends_the_connection)
{
	int fd;

	CHECK_INT(open_world(), 0);
	fake_extra_slots = 3 * HF_LISTING_ROWS;
	fd = dial();
	CHECK(send(fd, "{\"command\":\"slot list\"}\n", 24, 0) == 24);
	for (int turns = 0; turns < 3; turns++)
		hf_control_dispatch(w.control);
	hf_control_attach(w.control, NULL, NULL);
	CHECK(is_closed(fd));
	close(fd);
	close_world();
}

TEST(before_the_park_is_attached_requests_are_answered_starting)
{
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	hf_control_attach(w.control, NULL, NULL);
	fd = dial();
	CHECK(refused(fd, "{\"command\":\"status\"}", "starting"));
	attach();
	a = ask(fd, "{\"command\":\"status\"}");
	CHECK_STR(text(a, "instance"), "unit");
	json_decref(a);
	close(fd);
	close_world();
}

TEST(a_monitor_gets_a_hello_and_then_every_event_in_order)
{
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	publish(HF_EVENT_PARKED);
	fd = dial();
	a = ask(fd, "{\"command\":\"monitor\"}");
	CHECK_INT(number(json_object_get(a, "hello"), "last_event"), 1);
	CHECK_STR(text(json_object_get(a, "hello"), "version"), "1.2.3");
	CHECK_STR(text(json_object_get(a, "hello"), "instance"), "unit");
	json_decref(a);
	publish(HF_EVENT_RECALL_STARTED);
	publish(HF_EVENT_RETRIEVED);
	a = read_json(fd);
	CHECK_INT(number(a, "number"), 2);
	CHECK_STR(text(a, "event"), "recall_started");
	CHECK_STR(text(a, "caller_name"), FAKE_NAME_UTF8);
	json_decref(a);
	a = read_json(fd);
	CHECK_INT(number(a, "number"), 3);
	json_decref(a);
	close(fd);
	turn();
	publish(HF_EVENT_ENDED); /* to nobody */
	close_world();
}

TEST(a_monitor_that_has_stopped_sending_still_hears_events)
{
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = dial();
	CHECK_INT(send(fd, "{\"command\":\"monitor\"}\n", 22, 0), 22);
	CHECK_INT(shutdown(fd, SHUT_WR), 0);
	a = read_json(fd);
	CHECK(json_object_get(a, "hello"));
	json_decref(a);
	publish(HF_EVENT_PARKED);
	a = read_json(fd);
	CHECK_STR(text(a, "event"), "parked");
	json_decref(a);
	close(fd);
	close_world();
}

TEST(a_slow_monitor_is_dropped_and_told_how_much_it_lost)
{
	const unsigned int sent = 5000;
	unsigned int got = 0, lost = 0;
	json_t *a, *hello;
	int slow, quick;

	CHECK_INT(open_world(), 0);
	quick = dial();
	a = ask(quick, "{\"command\":\"monitor\"}");
	json_decref(a);
	slow = dial();
	hello = ask(slow, "{\"command\":\"monitor\"}");
	CHECK(json_object_get(hello, "hello"));
	json_decref(hello);
	for (unsigned int i = 0; i < sent; i++) {
		char sink[8192];

		publish(HF_EVENT_PARKED); /* would hang if it ever blocked */
		while (recv(quick, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	}
	w.rest_len = 0;
	while ((a = read_json(slow))) {
		if (json_object_get(a, "lost")) {
			lost = (unsigned int)number(a, "lost");
			json_decref(a);
			break;
		}
		got++;
		CHECK_INT(number(a, "number"), got);
		json_decref(a);
	}
	CHECK(lost > 0);
	CHECK_INT(got + lost, sent);
	CHECK(is_closed(slow));
	publish(HF_EVENT_ENDED);
	a = read_json(quick);
	CHECK_INT(number(a, "number"), sent + 1);
	json_decref(a);
	close(slow);
	close(quick);
	close_world();
}

TEST(connections_beyond_the_limit_are_refused_until_one_ends)
{
	int fd[HF_CLIENTS_MAX], extra;
	json_t *a;

	CHECK_INT(open_world(), 0);
	for (int i = 0; i < HF_CLIENTS_MAX; i++) {
		fd[i] = dial();
		CHECK(fd[i] >= 0);
		turn();
	}
	extra = dial();
	a = read_json(extra);
	CHECK_STR(error_code(a), "too_many_clients");
	json_decref(a);
	CHECK(is_closed(extra));
	close(extra);
	close(fd[0]);
	turn();
	extra = dial();
	a = ask(extra, "{\"command\":\"status\"}");
	CHECK_STR(text(a, "instance"), "unit");
	json_decref(a);
	close(extra);
	for (int i = 1; i < HF_CLIENTS_MAX; i++)
		close(fd[i]);
	close_world();
}

TEST(random_bytes_never_stop_the_service)
{
	unsigned int seed = 20240607;
	json_t *a;
	int fd;

	CHECK_INT(open_world(), 0);
	for (int round = 0; round < 300; round++) {
		char blob[3000], sink[65536];
		size_t len;

		fd = dial();
		CHECK(fd >= 0);
		for (size_t i = 0; i < sizeof(blob); i++) {
			seed = seed * 1103515245 + 12345;
			blob[i] = (char)(seed >> 16);
		}
		/* Some rounds are nearly right: one byte of a request changed. */
		if (round % 3 == 0) {
			len = (size_t)snprintf(blob, sizeof(blob), "%s\n",
					       "{\"command\":\"call show\",\"call\":17}");
			blob[seed % len] = (char)(seed >> 9);
		} else {
			len = 1 + seed % sizeof(blob);
		}
		CHECK(send(fd, blob, len, MSG_NOSIGNAL) > 0);
		if (round % 2)
			shutdown(fd, SHUT_WR);
		turn();
		while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			turn();
		close(fd);
		turn();
	}
	fd = dial();
	a = ask(fd, "{\"command\":\"status\"}");
	CHECK_STR(text(a, "instance"), "unit");
	json_decref(a);
	close(fd);
	close_world();
}

TEST_MAIN()
