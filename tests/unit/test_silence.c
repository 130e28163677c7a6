// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media base
 *
 * Parties from whom nothing comes though it should: told once, and its end.
 */
#include "media_stage.h"

struct told {
	int silent, resumed;
	uint32_t leg, seconds;
};

static void silence(void *arg, uint32_t leg, bool silent, uint32_t seconds)
{
	struct told *t = arg;

	t->silent += silent;
	t->resumed += !silent;
	t->leg = leg;
	t->seconds = seconds;
}

/* Housekeeping every 100 ms. */
static void pass(struct stage *s, int tenths)
{
	while (tenths--) {
		s->now += 100 * HF_MS;
		hf_media_tick(s->m);
	}
}

static uint32_t listens(struct stage *s, struct told *t)
{
	const struct hf_media_ears ears = {.silent = silence, .arg = t};

	s->config.media.silence_s = 10;
	hf_media_listen(s->m, &ears);
	return stage_leg(s, "198.51.100.7", 4000);
}

static void packet(struct stage *s, uint32_t leg)
{
	s->m->map.claims[leg].intake.packets++;
	s->m->map.claims[leg].intake.last_rx = (uint32_t)(s->now >> 20);
}

TEST(a_party_that_falls_silent_and_speaks_again_is_told_once_each)
{
	STAGE(s, 50, 1);
	struct told t = {0};
	uint32_t leg = listens(s, &t);

	pass(s, 50);
	packet(s, leg);
	pass(s, 99);
	CHECK_INT(t.silent, 0);
	pass(s, 24);
	CHECK_INT(t.silent, 1);
	CHECK_INT(t.leg, leg);
	CHECK(t.seconds >= 10 && t.seconds <= 12);
	pass(s, 500);
	CHECK_INT(t.silent, 1);
	packet(s, leg);
	pass(s, 21);
	CHECK_INT(t.resumed, 1);
	CHECK(t.seconds >= 60 && t.seconds <= 65);
	for (int i = 0; i < 300; i++) {
		packet(s, leg);
		pass(s, 1);
	}
	CHECK_INT(t.silent, 1);
	CHECK_INT(t.resumed, 1);
	pass(s, 130);
	CHECK_INT(t.silent, 2);
}

TEST(one_that_has_never_sent_is_silent_from_when_it_should)
{
	STAGE(s, 50, 1);
	struct told t = {0};

	listens(s, &t);
	pass(s, 98);
	CHECK_INT(t.silent, 0);
	pass(s, 24);
	CHECK_INT(t.silent, 1);
}

TEST(reports_or_relayed_packets_are_not_silence)
{
	STAGE(s, 50, 1);
	struct told t = {0};
	uint32_t leg = listens(s, &t);

	for (int i = 0; i < 10; i++) {
		s->m->map.heard[leg].report_unit = (uint32_t)(s->now >> 20);
		pass(s, 90);
	}
	for (int i = 0; i < 10; i++) {
		s->m->map.claims[leg].intake.forwarded++;
		s->m->map.claims[leg].intake.last_out = (uint32_t)(s->now >> 20);
		pass(s, 90);
	}
	CHECK_INT(t.silent, 0);
	pass(s, 50);
	CHECK_INT(t.silent, 1);
}

TEST(who_was_told_not_to_send_is_not_silent)
{
	STAGE(s, 50, 1);
	struct told t = {0};
	uint32_t leg = listens(s, &t);
	struct hf_media_remote r = remote_at("198.51.100.7", 4000);

	r.may_send = false;
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	pass(s, 300);
	CHECK_INT(t.silent, 0);
	/* Allowed again, it has its time from now on. */
	r.may_send = true;
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	pass(s, 98);
	CHECK_INT(t.silent, 0);
	pass(s, 24);
	CHECK_INT(t.silent, 1);
	hf_media_leg_close(s->m, leg);
	pass(s, 300);
	CHECK_INT(t.silent, 1);
	CHECK_INT(t.resumed, 0);
}

TEST(without_a_time_silence_is_never_told)
{
	STAGE(s, 50, 1);
	struct told t = {0};

	listens(s, &t);
	s->config.media.silence_s = 0;
	pass(s, 3000);
	CHECK_INT(t.silent, 0);
}

TEST_MAIN()
