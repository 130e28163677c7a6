// SPDX-License-Identifier: GPL-2.0-or-later
/* What a leg can do once its call is up: come from behind NAT, be replaced,
 * change its identity, send the caller on.
 * rooms: park media audio sdp config base */
#include "park_world.h"

TEST(a_party_behind_nat_is_sought_at_the_source_of_its_signalling)
{
	struct world *w = world_new();
	struct hf_dialog *c;

	w->config.media.latch = true;
	world_start(w);
	c = park_one(w, "701"); /* SDP 127.0.0.3, signals from 127.0.0.2 */
	CHECK_STR(sends_to(w, c), "127.0.0.2:4000");
	reinvite(c, NULL, sdp("127.0.0.2", 4100, "8", "sendrecv"));
	CHECK_STR(sends_to(w, c), "127.0.0.2:4100");
	reinvite(c, NULL, sdp("0.0.0.0", 4100, "8", "sendrecv"));
	CHECK_INT(c->status, 200);
	CHECK_STR(hears(w, c), "idle");
	WORLD_END(w);
}

TEST(without_nat_in_the_configuration_the_sdp_is_believed)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701");

	CHECK_STR(sends_to(w, c), "127.0.0.3:4000");
	WORLD_END(w);
}

TEST_MAIN()
