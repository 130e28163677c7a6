// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media base
 *
 * Where a leg stands and where it sends to: the media address that a route picks,
 * ports in their order of use, destinations and the next hops to them.
 */
#include <errno.h>

#include "media_stage.h"

TEST(remotes_that_are_ours_or_many_are_refused)
{
	STAGE(s, 10, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000);
	const char *refused[] = {"192.0.2.10",	    "203.0.113.7", "224.0.0.1",
				 "239.255.255.255", "240.0.0.1",   "0.0.0.1",
				 "255.255.255.255"};
	struct hf_media_remote r;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		/* our own ports; those of others on this host are not */
		r = remote_at(refused[i], s->config.media.port_min);
		CHECK_INT(hf_media_leg_remote(s->m, leg, &r), -EADDRNOTAVAIL);
		CHECK_INT(stage_program(s, leg)->remote_ip4,
			  ip4("198.51.100.1").s_addr);
	}
	CHECK(hf_media_is_own(s->m, ip4("203.0.113.7")));
	CHECK(!hf_media_is_own(s->m, ip4("203.0.113.8")));
}

TEST(the_route_to_the_peer_picks_the_media_address)
{
	struct hf_config_address address[] = {
		{.ip4 = ip4("192.0.2.10"), .advertise = ip4("192.0.2.10")},
		{.ip4 = ip4("127.0.0.1"), .advertise = ip4("203.0.113.9")},
	};
	struct hf_config config = {
		.instance = (char *)"test",
		.media = {address, 2, 20000, 20019, false},
		.audio = {1, NULL, 0},
	};
	struct hf_media_remote r = remote_at("127.255.255.255", 4000);
	struct hf_ip local;
	struct hf_media *m;
	uint32_t leg;
	uint16_t port;
	char err[256];

	CHECK_INT(hf_media_open_memory(&config, &m, err, sizeof(err)), 0);
	CHECK_INT(hf_media_leg_open(m, ip4("127.0.0.9"), &leg, &local, &port),
		  0);
	CHECK_INT(leg, 10);
	CHECK_INT(port, 20000);
	CHECK_INT(local.s_addr, ip4("203.0.113.9").s_addr);
	CHECK_INT(hf_word_program(&m->map.legs[leg], m->map.claims[leg].word)
			  ->local_ip4,
		  ip4("127.0.0.1").s_addr);
	/* A broadcast address of one of our networks. */
	CHECK_INT(hf_media_leg_remote(m, leg, &r), -EADDRNOTAVAIL);
	CHECK_INT(hf_media_leg_open(m, ip4("0.0.0.0"), &leg, &local, &port), 0);
	CHECK_INT(leg, 0);
	CHECK_INT(local.s_addr, ip4("192.0.2.10").s_addr);
	hf_media_close(m, true);
}

TEST(a_port_that_was_just_closed_is_the_last_to_be_used_again)
{
	STAGE(s, 4, 1);
	struct hf_ip local;
	uint32_t leg[4], again;
	uint16_t port;

	for (int i = 0; i < 4; i++) {
		CHECK_INT(hf_media_leg_open(s->m, ip4("0.0.0.0"), &leg[i],
					    &local, &port),
			  0);
		CHECK_INT(port, 20000 + 2 * i);
		CHECK_INT(local.s_addr, ip4("203.0.113.7").s_addr);
		CHECK_INT(stage_program(s, leg[i])->local_ip4,
			  ip4("192.0.2.10").s_addr);
		CHECK_INT(stage_program(s, leg[i])->local_port, htons(port));
	}
	CHECK_INT(
		hf_media_leg_open(s->m, ip4("0.0.0.0"), &again, &local, &port),
		-ENOSPC);
	hf_media_leg_close(s->m, leg[2]);
	hf_media_leg_close(s->m, leg[0]);
	hf_media_leg_open(s->m, ip4("0.0.0.0"), &again, &local, &port);
	CHECK_INT(again, leg[2]);
	hf_media_leg_close(s->m, again);
	hf_media_leg_open(s->m, ip4("0.0.0.0"), &again, &local, &port);
	CHECK_INT(again, leg[0]);
	hf_media_leg_open(s->m, ip4("0.0.0.0"), &again, &local, &port);
	CHECK_INT(again, leg[2]);
}

TEST(few_calls_stand_close_together_however_many_ports_there_are)
{
	STAGE(s, 1000, 1);
	struct hf_ip local;
	uint32_t leg, highest = 0;
	uint16_t port;

	/* One call of 5 s after the other, for over an hour. */
	for (int i = 0; i < 1000; i++) {
		CHECK_INT(hf_media_leg_open(s->m, ip4("0.0.0.0"), &leg, &local,
					    &port),
			  0);
		CHECK(leg <= 6); /* none that was closed less than 30 s ago */
		if (leg > highest)
			highest = leg;
		s->now += 5000 * HF_MS;
		hf_media_leg_close(s->m, leg);
	}
	CHECK_INT(highest, 6);
}

TEST(a_port_used_again_begins_a_new_stream_and_knows_nothing_of_the_old)
{
	STAGE(s, 1, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), old;
	struct hf_media_leg_stats st;
	uint64_t word;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, leg, "default");
	stage_run(s, 100);
	old = stage_program(s, leg)->ssrc;
	word = s->m->map.claims[leg].word;
	s->m->map.legs[leg].rx.latched_ip4 = 1;
	hf_media_leg_close(s->m, leg);
	CHECK_INT(stage_program(s, leg)->remote_port, 0);
	/* A sender that had worked a frame out before comes too late. */
	CHECK(!hf_claim(&s->m->map.claims[leg].word, word, word + 1));
	CHECK_INT(hf_media_leg_stats(s->m, leg, &st), -EINVAL);
	leg = stage_leg(s, "198.51.100.2", 4000);
	CHECK_INT(hf_media_leg_stats(s->m, leg, &st), 0);
	CHECK(st.ssrc != ntohl(old));
	CHECK_INT(st.hold_sent, 0);
	CHECK_INT(st.idle_ms, -1);
	CHECK_STR(st.mode, "idle");
	CHECK_INT(s->m->map.legs[leg].rx.latched_ip4, 0);
}

TEST(destinations_are_counted_kept_for_a_while_and_then_forgotten)
{
	STAGE(s, 10, 1);
	uint32_t a = stage_leg(s, "198.51.100.1", 4000);
	uint32_t b = stage_leg(s, "198.51.100.1", 5000);
	uint32_t c = stage_leg(s, "198.51.100.2", 4000);
	struct hf_nexthop *hop = s->m->map.nexthops;
	struct hf_media_remote r = remote_at("198.51.100.2", 4000);

	CHECK_INT(stage_program(s, a)->nexthop, 0);
	CHECK_INT(stage_program(s, b)->nexthop, 0);
	CHECK_INT(stage_program(s, c)->nexthop, 1);
	CHECK_INT(hop[0].wanted, 3);
	CHECK_INT(hop[0].dest_ip4, ip4("198.51.100.1").s_addr);
	CHECK_INT(hop[0].family, 4);
	hf_media_leg_remote(s->m, b, &r);
	CHECK_INT(hop[0].wanted, 2);
	CHECK_INT(hop[1].wanted, 3);
	hf_media_leg_close(s->m, a);
	CHECK_INT(hop[0].wanted, 1);
	s->now += 30 * 1000 * HF_MS;
	hf_media_tick(s->m);
	CHECK_INT(hop[0].wanted, 1);
	s->now += 31 * 1000 * HF_MS;
	hf_media_tick(s->m);
	CHECK_INT(hop[0].wanted, 0);
	/* The entry rests: the next destination takes another. */
	hop[0].hop[0].flags = HF_HOP_VALID;
	a = stage_leg(s, "198.51.100.3", 4000);
	CHECK_INT(stage_program(s, a)->nexthop, 2);
}

TEST(a_reused_next_hop_does_not_keep_the_macs_of_the_one_before)
{
	STAGE(s, 1, 1);
	struct hf_nexthop *hop = s->m->map.nexthops;
	uint32_t n = s->m->map.nexthop_count, found = HF_NO_HOP;
	char ip[32];

	for (uint32_t i = 0; i < 3 * n && found == HF_NO_HOP; i++) {
		struct hf_ip to = {.s_addr = htonl(0x0a000001 + i)};
		uint32_t at;

		CHECK_INT(hf_hop_get(s->m, to, 0, 0, &at), 0);
		if (i >= n)
			found = at;
		else
			hop[at].hop[0].flags = hop[at].hop[1].flags =
				HF_HOP_VALID;
		hf_hop_put(s->m, at);
		if (i == n - 1) {
			s->now += 61 * 1000 * HF_MS;
			for (uint32_t k = 0; k < n / 1024 + 1; k++)
				hf_media_tick(s->m);
		}
	}
	CHECK(found != HF_NO_HOP);
	CHECK_INT(hop[found].hop[0].flags, 0);
	CHECK_INT(hop[found].hop[1].flags, 0);
	inet_ntop(AF_INET, &hop[found].dest_ip4, ip, sizeof(ip));
	CHECK_STR(ip, "10.0.4.1");
}

TEST_MAIN()
