// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: mediad media base
 *
 * RTCP: the bytes that are sent, what is read of a peer's, and what reports say,
 * worked out from the maps (over plain memory).
 */
#include <errno.h>

#include "media_stage.h"
#include "mediad/reception.h"

static const uint8_t cname[] = "AbCdEfGhIjKlMnOp";

static const char *hex(const uint8_t *bytes, size_t len)
{
	static char text[600];

	for (size_t i = 0; i < len && i < 290; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return text;
}

TEST(a_sender_report_with_its_block_name_and_bye_is_written_byte_by_byte)
{
	struct hf_rtcp_report r = {
		.ssrc = 0xdeadbeef,
		.sender = true,
		.ntp = 0xe5f6a7b811223344,
		.timestamp = 0x01020304,
		.packets = 1000,
		.octets = 160000,
		.block = true,
		.about = {.source = 0x11223344,
			  .fraction = 26,
			  .lost = -2,
			  .highest = 0x0001ffff,
			  .jitter = 12,
			  .last_sr = 0xa7b81122,
			  .since = 0x00018000},
		.cname = cname,
		.cname_bytes = 16,
		.bye = true,
	};
	uint8_t out[HF_RTCP_BYTES_MAX];
	size_t len = hf_rtcp_write(&r, out, sizeof(out));

	CHECK_STR(hex(out, len),
		  "81c8000cdeadbeefe5f6a7b8112233440102030400000"
		  "3e800027100"
		  "112233441afffffe0001ffff0000000ca7b8112200018000"
		  "81ca0006deadbeef0110"
		  "416243644566476849"
		  "6a4b6c4d6e4f700000"
		  "81cb0001deadbeef");
	CHECK_INT(hf_rtcp_write(&r, out, sizeof(out) - 1), 0);
}

TEST(a_receiver_report_without_block_is_written_byte_by_byte)
{
	struct hf_rtcp_report r = {
		.ssrc = 1, .cname = cname, .cname_bytes = 3};
	uint8_t out[HF_RTCP_BYTES_MAX];
	size_t len = hf_rtcp_write(&r, out, sizeof(out));

	/* The chunk ends with one to four zeros. */
	CHECK_STR(hex(out, len), "80c9000100000001"
				 "81ca00030000000101034162430000"
				 "00");
}

TEST(what_is_written_is_read_back_wherever_it_is_cut)
{
	struct hf_rtcp_report r = {
		.ssrc = 7,
		.sender = true,
		.ntp = 0x1111222233334444,
		.block = true,
		.about = {.source = 9, .lost = 0x7fffffff, .fraction = 3},
		.cname = cname,
		.cname_bytes = 16,
		.bye = true,
	};
	uint8_t out[HF_RTCP_BYTES_MAX];
	size_t len = hf_rtcp_write(&r, out, sizeof(out));
	struct hf_rtcp_seen seen;

	CHECK_INT(hf_rtcp_read(out, len, 9, &seen), 0);
	CHECK_INT(seen.ssrc, 7);
	CHECK(seen.sender && seen.block && seen.bye);
	CHECK_INT(seen.mid, 0x22223333);
	CHECK_INT(seen.about.lost, 0x7fffff);
	CHECK_INT(hf_rtcp_read(out, len, 10, &seen), 0);
	CHECK(!seen.block); /* about somebody else */
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1); /* seen by ASan */

		memcpy(copy, out, cut);
		CHECK_INT(hf_rtcp_read(copy, cut, 9, &seen),
			  cut < 4 ? -EBADMSG : 0);
		free(copy);
	}
	out[0] = 0x41;
	CHECK_INT(hf_rtcp_read(out, len, 9, &seen), -EBADMSG);
	out[0] = 0x81;
	out[1] = 100;
	CHECK_INT(hf_rtcp_read(out, len, 9, &seen), -EBADMSG);
}

/* `count` packets of a talker into the receive side's line, each 20 ms. */
static void hears(struct stage *s, uint32_t leg, uint16_t seq, int count,
		  int lost_each)
{
	struct hf_stream *h = &s->m->map.claims[leg].intake.stream;

	for (int i = 0; i < count; i++) {
		struct hf_stream_in in = {htonl(0x55),
					  (uint32_t)(seq + i) * 160,
					  (uint16_t)(seq + i), 160};

		s->now += 20 * HF_MS;
		if (lost_each && i % lost_each == lost_each - 1)
			continue;
		hf_stream_count(h, &in);
		hf_stream_jitter(h, 0, in.timestamp, s->now);
	}
}

TEST(reports_come_at_the_intervals_of_rfc_3550)
{
	/* 5 s (6.2), half of that at first, times 0.5 to 1.5, over 1.21828. */
	static const struct {
		bool first;
		uint32_t least, most, middle;
	} of[] = {{false, 2052, 6157, 4104}, {true, 1026, 3078, 2052}};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		uint32_t least = UINT32_MAX, most = 0, n = 10000;
		uint64_t sum = 0;

		for (uint32_t k = 0; k < n; k++) {
			uint32_t ms = hf_rtcp_interval_ms(k * 2654435761u,
							  of[i].first);

			least = ms < least ? ms : least;
			most = ms > most ? ms : most;
			sum += ms;
		}
		CHECK(least >= of[i].least && least < of[i].least + 20);
		CHECK(most <= of[i].most + 1 && most > of[i].most - 20);
		CHECK(sum / n > of[i].middle - 50 && sum / n < of[i].middle + 50);
	}
}

TEST(a_report_says_what_was_sent_and_received)
{
	STAGE(s, 4, 1);
	uint32_t leg = stage_leg(s, "198.51.100.7", 4000);
	struct hf_rtcp_report r = {0};
	struct hf_rtcp_line to;

	stage_clip(s, "music", 50);
	CHECK_INT(hf_media_leg_hold(s->m, leg, "music"), 0);
	stage_run(s, 2000);
	CHECK(hf_rtcp_line_get(&s->m->map, leg, &to));
	CHECK_INT(to.ssrc, ntohl(stage_program(s, leg)->ssrc));
	CHECK_INT(ntohs(to.local_port), 20001 + 2 * leg);
	hf_reception_sender(&s->m->map, leg, &to, s->now, 1000000000000000000,
			    &r);
	CHECK_INT(r.packets, s->count);
	CHECK_INT(r.octets, 160 * s->count);
	/* The timestamp belongs to this moment, as those of the frames do. */
	CHECK_INT((int32_t)(r.timestamp - stage_last(s, leg)->timestamp),
		  (int32_t)((s->now - stage_last(s, leg)->at_ns) * 8 / HF_MS));
	CHECK_INT(r.ntp >> 32,
		  2208988800u + (1000000000000000000 + s->now) / 1000000000);

	hears(s, leg, 65500, 100, 10);
	hf_reception_block(&s->m->map, leg, s->now, &r);
	CHECK(r.block);
	CHECK_INT(r.about.source, 0x55);
	CHECK_INT(r.about.lost, 9); /* the last one is not missed yet */
	CHECK_INT(r.about.fraction, 9 * 256 / 99);
	CHECK_INT(r.about.highest, 65500 + 98);
	CHECK_INT(r.about.jitter, 0);
	CHECK_INT(r.about.last_sr, 0);
	r.block = false;
	hf_reception_block(&s->m->map, leg, s->now, &r);
	CHECK(!r.block); /* nothing since */
	hears(s, leg, (uint16_t)(65500 + 100), 100, 0);
	hf_reception_block(&s->m->map, leg, s->now, &r);
	CHECK_INT(r.about.lost, 10);
	CHECK_INT(r.about.fraction, 256 / 101);
}

TEST(the_round_trip_is_what_a_peer_s_report_leaves_over)
{
	STAGE(s, 4, 1);
	uint32_t leg = stage_leg(s, "198.51.100.7", 4000);
	struct hf_rtcp_in in = {.leg = leg, .sport = htons(4001)};
	struct hf_rtcp_seen seen = {.sender = true, .mid = 0xabcd1234,
				    .block = true};
	struct hf_rtcp_report r = {0};
	struct hf_media_leg_stats st;
	struct hf_rtcp_line to;
	int64_t wall = 1000000000000000000;

	CHECK(hf_rtcp_line_get(&s->m->map, leg, &to));
	hf_reception_sender(&s->m->map, leg, &to, s->now, wall, &r);
	CHECK_INT(hf_media_leg_stats(s->m, leg, &st), 0);
	CHECK_INT(st.round_trip_us, -1);
	/* It came there, waited 2 s, and came back: 2.25 s in all. */
	seen.about.last_sr = (uint32_t)(r.ntp >> 16);
	seen.about.since = 2 << 16;
	seen.about.lost = 5;
	seen.about.fraction = 128;
	seen.about.jitter = 80;
	in.at_ns = s->now + 2250 * HF_MS;
	hf_reception_take(&s->m->map, &in, &seen, wall);
	CHECK_INT(hf_media_leg_stats(s->m, leg, &st), 0);
	CHECK(st.round_trip_us > 249900 && st.round_trip_us < 250100);
	CHECK_INT(st.peer_lost, 5);
	CHECK_INT(st.peer_lost_percent, 50);
	CHECK_INT(st.peer_jitter_us, 10000);
	CHECK_INT(st.rtcp_in, 1);
	/* And our next report names its. */
	hears(s, leg, 1, 2, 0);
	s->now = in.at_ns + 1500 * HF_MS;
	hf_reception_block(&s->m->map, leg, s->now, &r);
	CHECK_INT(r.about.last_sr, 0xabcd1234);
	CHECK(r.about.since > 98290 && r.about.since < 98320);
	/* One that answers to nothing of ours changes nothing. */
	seen.about.last_sr = 77;
	hf_reception_take(&s->m->map, &in, &seen, wall);
	CHECK_INT(hf_media_leg_stats(s->m, leg, &st), 0);
	CHECK(st.round_trip_us > 249900 && st.round_trip_us < 250100);
}

TEST(a_relayed_party_s_report_runs_by_the_talker_s_clock)
{
	STAGE(s, 4, 1);
	uint32_t a = stage_leg(s, "198.51.100.7", 4000);
	uint32_t b = stage_leg(s, "198.51.100.8", 4000);
	struct talker t = {.leg = b, .ssrc = 5, .seq = 9, .timestamp = 12345};
	struct hf_rtcp_report r = {0};
	struct hf_rtcp_line to;

	hf_media_relay(s->m, a, b);
	stage_talk(s, &t, 50);
	CHECK(hf_rtcp_line_get(&s->m->map, a, &to));
	hf_reception_sender(&s->m->map, a, &to, s->now, 0, &r);
	CHECK_INT(r.packets, 50);
	hf_media_leg_idle(s->m, a);
	hf_reception_sender(&s->m->map, a, &to, s->now, 0, &r);
	CHECK_INT(r.packets, 50);
	/* To the millisecond that the maps know. */
	CHECK(labs((int32_t)(r.timestamp - stage_last(s, a)->timestamp) - 160) <
	      20);
}

TEST(reports_go_where_the_sdp_says_and_end_with_the_leg)
{
	STAGE(s, 2, 1);
	struct hf_media_remote r = remote_at("198.51.100.7", 4000);
	uint32_t leg = stage_leg(s, "198.51.100.7", 4000);
	struct hf_rtcp_line to, first;
	struct in_addr ip;

	r.rtcp_port = 4001;
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	CHECK(hf_rtcp_line_get(&s->m->map, leg, &first));
	CHECK_INT(ntohs(first.remote_port), 4001);
	r.rtcp_port = 5555;
	r.rtcp_ip4 = ip4("198.51.100.99");
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	CHECK(hf_rtcp_line_get(&s->m->map, leg, &to));
	memcpy(&ip, to.remote, 4);
	CHECK_INT(ip.s_addr, r.rtcp_ip4.s_addr);
	CHECK_INT(ntohs(to.remote_port), 5555);
	CHECK_MEM(to.cname, first.cname, HF_CNAME_BYTES);
	r.rtcp_ip4 = ip4("192.0.2.10"); /* ours */
	r.rtcp_port = 20003;
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	CHECK(hf_rtcp_line_get(&s->m->map, leg, &to));
	memcpy(&ip, to.remote, 4);
	CHECK_INT(ip.s_addr, r.ip4.s_addr);
	r.rtcp_mux = true;
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	CHECK(hf_rtcp_line_get(&s->m->map, leg, &to));
	CHECK_INT(ntohs(to.remote_port), 4000);
	CHECK_INT(ntohs(to.local_port), 20000 + 2 * leg);
	hf_media_leg_close(s->m, leg);
	CHECK(!hf_rtcp_line_get(&s->m->map, leg, &to));
	leg = stage_leg(s, "198.51.100.7", 4000);
	leg = stage_leg(s, "198.51.100.7", 4000);
	CHECK(hf_rtcp_line_get(&s->m->map, leg, &to) ||
	      !stage_program(s, leg)->remote_port || !to.remote_port);
	CHECK(memcmp(s->m->map.rtcp[leg].cname, first.cname, HF_CNAME_BYTES));
}

TEST(the_check_of_a_udp_packet_is_right)
{
	/* Worked out by hand: 192.0.2.1:20001 to 198.51.100.7:4001, "ab". */
	struct hf_rtcp_line l = {.family = 4,
				 .local = {192, 0, 2, 1},
				 .remote = {198, 51, 100, 7},
				 .local_port = htons(20001),
				 .remote_port = htons(4001)};
	uint8_t udp[10] = {0};

	memcpy(udp + 8, "ab", 2);
	hf_udp_head(udp, &l, 2);
	CHECK_STR(hex(udp, 10), "4e210fa1000a54796162");
}

TEST_MAIN()
