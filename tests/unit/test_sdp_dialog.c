// SPDX-License-Identifier: GPL-2.0-or-later
/* Offers and answers after the first: hold, resume, late offers, versions, what
 * may change and what may not. rooms: sdp base */
#include <malloc.h>

#include "test.h"

#include "sdp_dialog.h"

#define LINE                             \
	"m=audio 4000 RTP/AVP 0 101\r\n" \
	"a=rtpmap:101 telephone-event/8000\r\n"

static int take_answer(struct hf_session *s, const char *text)
{
	char why[200];

	return hf_session_take_answer(s, text, strlen(text), BOTH, 2, why,
				      sizeof(why));
}

static const char *write_offer(struct hf_session *s, enum hf_direction want)
{
	static char out[HF_SDP_MAX_TEXT];

	if (hf_session_write_offer(s, want, BOTH, 2, out, sizeof(out)) < 0)
		return "not written";
	return out;
}

#define OUR_OFFER(direction)                    \
	"m=audio 20000 RTP/AVP 0 8 101\r\n"     \
	"a=rtpmap:0 PCMU/8000\r\n"              \
	"a=rtpmap:8 PCMA/8000\r\n"              \
	"a=rtpmap:101 telephone-event/8000\r\n" \
	"a=fmtp:101 0-15\r\n"                   \
	"a=ptime:20\r\n"                        \
	"a=" direction "\r\n"

TEST(each_direction_is_answered_by_its_mirror_within_what_we_want)
{
	static const char *const said[] = { "a=inactive\r\n", "a=sendonly\r\n",
					    "a=recvonly\r\n",
					    "a=sendrecv\r\n" };
	static const char *const answers[4][4] = {
		/* want: inactive, sendonly, recvonly, sendrecv */
		{ "inactive", "inactive", "inactive", "inactive" },
		{ "inactive", "inactive", "recvonly", "recvonly" },
		{ "inactive", "sendonly", "inactive", "sendonly" },
		{ "inactive", "sendonly", "recvonly", "sendrecv" },
	};

	for (int offer = 0; offer < 4; offer++)
		for (int want = 0; want < 4; want++) {
			struct hf_session s = fresh();
			char text[512], expected[64];

			snprintf(text, sizeof(text), THEIRS LINE "%s",
				 said[offer]);
			snprintf(expected, sizeof(expected), "\r\na=%s\r\n",
				 answers[offer][want]);
			CHECK_STR(take(&s, text), "");
			CHECK(strstr(write_answer(&s, (enum hf_direction)want),
				     expected));
			CHECK_INT(s.remote_direction, offer);
		}
}

TEST(an_identical_offer_gets_an_identical_answer)
{
	struct hf_session s = fresh();

	for (int i = 0; i < 3; i++) {
		CHECK_STR(take(&s, THEIRS LINE), "");
		CHECK_STR(write_answer(&s, HF_SENDRECV),
			  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
	}
	CHECK_INT(s.origin_version, 1);
}

TEST(the_version_goes_up_by_one_with_each_change_and_only_then)
{
	struct hf_session s = fresh();

	CHECK_STR(take(&s, THEIRS LINE), "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
	CHECK_STR(take(&s, THEIRS LINE "a=sendonly\r\n"), "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("2") PCMU_DTMF_LINE("101", "recvonly"));
	CHECK_STR(take(&s, THEIRS LINE "a=sendonly\r\na=foo\r\n"), "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("2") PCMU_DTMF_LINE("101", "recvonly"));
	CHECK_STR(take(&s, THEIRS LINE), "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("3") PCMU_DTMF_LINE("101", "sendrecv"));
}

TEST(hold_by_a_zero_address_stops_us_and_resume_starts_us)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;

	CHECK_STR(take(&s, THEIRS LINE), "");
	write_answer(&s, HF_SENDRECV);
	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 0 101\r\n"
				  "c=IN IP4 0.0.0.0\r\n"
				  "a=rtpmap:101 telephone-event/8000\r\n"),
		  "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("2") PCMU_DTMF_LINE("101", "recvonly"));
	CHECK(hf_session_remote(&s, &r));
	CHECK_INT(r.ip4.s_addr, 0);
	CHECK(!r.may_receive);
	CHECK(r.may_send);
	CHECK_STR(take(&s, THEIRS LINE), "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("3") PCMU_DTMF_LINE("101", "sendrecv"));
	CHECK(hf_session_remote(&s, &r));
	CHECK(r.may_receive && r.may_send);
	CHECK_INT(ntohl(r.ip4.s_addr), 0xc6336401);
}

TEST(a_new_offer_leaves_nothing_of_the_old_one)
{
	struct hf_session s = fresh();

	CHECK_STR(take(&s, THEIRS "m=video 9 RTP/AVP 34\r\n"
				  "m=audio 4000 RTP/AVP 97 8 96\r\n"
				  "a=rtpmap:97 PCMU/8000\r\n"
				  "a=rtpmap:96 telephone-event/8000\r\n"
				  "a=rtcp:4444\r\na=ptime:10\r\n"
				  "a=maxptime:30\r\na=sendonly\r\n"),
		  "");
	CHECK_INT(s.audio_index, 1);
	CHECK_INT(s.codec_pt[HF_CODEC_PCMU], 97);
	CHECK_STR(take(&s, THEIRS "m=audio 4002 RTP/AVP 8\r\n"), "");
	CHECK_INT(s.media_count, 1);
	CHECK_INT(s.audio_index, 0);
	CHECK_INT(s.remote_port, 4002);
	CHECK_INT(s.remote_rtcp_port, 4003);
	CHECK_INT(s.ptime_ms, 0);
	CHECK_INT(s.maxptime_ms, 0);
	CHECK_INT(s.dtmf_pt, 0);
	CHECK_INT(s.remote_direction, HF_SENDRECV);
	CHECK_INT(s.codec, HF_CODEC_PCMA);
	CHECK(!s.codec_offered[HF_CODEC_PCMU]);
	CHECK_INT(s.codec_pt[HF_CODEC_PCMU], 0);
}

/* With everything in it that a session can have. */
static struct hf_session full_session(void)
{
	struct hf_session s = fresh();

	take(&s, THEIRS "m=audio 4000 RTP/AVP 96 8 97\r\n"
			"a=rtpmap:96 PCMU/8000\r\n"
			"a=rtpmap:97 telephone-event/8000\r\n"
			"a=ptime:30\r\na=maxptime:60\r\na=sendonly\r\n"
			"m=video 9 RTP/AVP 34 35 36\r\n");
	write_answer(&s, HF_SENDRECV);
	return s;
}

TEST(a_session_comes_back_from_its_bytes_as_it_was)
{
	static uint8_t bytes[2 * HF_SDP_MAX_TEXT], again[2 * HF_SDP_MAX_TEXT];
	struct hf_session s = full_session(), t = fresh();
	char *said;
	size_t len = hf_session_save(&s, bytes, sizeof(bytes));

	CHECK(len > 100 && len < 1000);
	CHECK_INT(hf_session_restore(&t, bytes, len), 0);
	CHECK_INT(hf_session_save(&t, again, sizeof(again)), len);
	CHECK_MEM(bytes, again, len);
	CHECK_INT(t.remote_port, 4000);
	CHECK_INT(t.audio_index, 0);
	CHECK_INT(t.media_count, 2);
	CHECK_STR(hf_session_text(&t), hf_session_text(&s));
	/* The dialog goes on: the same again, the same number of the answer. */
	said = strdup(write_answer(&s, HF_SENDRECV));
	CHECK_STR(write_answer(&t, HF_SENDRECV), said);
	free(said);
	CHECK_INT(hf_session_save(&s, bytes, 40), 0);
	s = fresh();
	len = hf_session_save(&s, bytes, sizeof(bytes));
	CHECK_INT(hf_session_restore(&t, bytes, len), 0);
	CHECK_INT(t.audio_index, -1);
	CHECK(!t.have_remote);
}

TEST(a_session_is_kept_no_longer_than_its_text_and_goes_on_from_there)
{
	struct hf_session s = full_session(), t = fresh(), *kept;
	char *said = strdup(write_answer(&s, HF_SENDRECV));

	kept = hf_session_keep(NULL, &s);
	CHECK(kept && malloc_usable_size(kept) < 800);
	hf_session_copy(&t, kept);
	CHECK_STR(write_answer(&t, HF_SENDRECV), said);
	/* another one, longer or shorter, in its place */
	CHECK(strcmp(write_answer(&t, HF_SENDONLY), said));
	kept = hf_session_keep(kept, &t);
	CHECK(kept);
	hf_session_copy(&s, kept);
	CHECK_STR(hf_session_text(&s), hf_session_text(&t));
	CHECK_INT(s.media_count, 2);
	free(kept);
	free(said);
}

TEST(bytes_that_are_no_session_are_refused_and_unknown_fields_passed_over)
{
	static uint8_t bytes[2 * HF_SDP_MAX_TEXT];
	struct hf_session s = full_session(), t = fresh(), before = t;
	size_t len = hf_session_save(&s, bytes, sizeof(bytes));
	uint8_t was;

	for (size_t i = 0; i < len; i++)
		if (hf_session_restore(&t, bytes, i))
			CHECK_MEM(&t, &before, sizeof(t));
		else
			t = before;
	for (size_t i = 0; i < len; i++) {
		was = bytes[i];
		for (int v = 0; v < 256; v += 5) {
			bytes[i] = (uint8_t)v;
			if (!hf_session_restore(&t, bytes, len))
				CHECK(t.audio_index < (int)t.media_count &&
				      t.media_count <= HF_SDP_MAX_MEDIA &&
				      (unsigned int)t.codec < HF_CODEC_COUNT);
			t = before;
		}
		bytes[i] = was;
	}
	memcpy(bytes + len, "\xf0\x02\x00zz", 5);
	CHECK_INT(hf_session_restore(&t, bytes, len + 5), 0);
	CHECK_INT(t.remote_port, 4000);
	bytes[0]++; /* a version to come */
	CHECK_INT(hf_session_restore(&t, bytes, len), -EPROTO);
}

TEST(a_refused_offer_leaves_the_session_as_it_was)
{
	static const char *const bad[] = {
		"",
		"garbage",
		"v=0\r\n",
		THEIRS,
		THEIRS "m=audio 4000 RTP/AVP 18\r\n",
		THEIRS "m=audio 4000 RTP/SAVP 0\r\n",
		THEIRS "m=video 4000 RTP/AVP 0\r\n",
		THEIRS "m=audio 70000 RTP/AVP 0\r\n",
		THEIRS "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 ff02::1\r\n",
	};
	struct hf_session s = fresh(), before;

	CHECK_STR(take(&s, THEIRS LINE), "");
	write_answer(&s, HF_SENDRECV);
	before = s;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(take(&s, bad[i])[0] == '4');
		CHECK_MEM(&s, &before, sizeof(s));
	}
}

TEST(audio_that_the_peer_sets_to_port_zero_is_answered_with_port_zero)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;

	CHECK_STR(take(&s, THEIRS "m=audio 0 RTP/AVP 0\r\n"),
		  "488 there is no audio line in use");
	CHECK_STR(take(&s, THEIRS LINE "m=video 9 RTP/AVP 34\r\n"), "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("1") PCMU_DTMF_LINE(
			  "101", "sendrecv") "m=video 0 RTP/AVP 34\r\n");
	CHECK_STR(take(&s, THEIRS "m=audio 0 RTP/AVP 0 101\r\n"
				  "m=video 9 RTP/AVP 34\r\n"),
		  "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("2") "m=audio 0 RTP/AVP 0 101\r\n"
			    "m=video 0 RTP/AVP 34\r\n");
	CHECK(hf_session_remote(&s, &r));
	CHECK_INT(r.port, 0);
	CHECK(!r.may_send && !r.may_receive);
	CHECK_STR(take(&s, THEIRS LINE "m=video 0 RTP/AVP 34\r\n"), "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("3") PCMU_DTMF_LINE(
			  "101", "sendrecv") "m=video 0 RTP/AVP 34\r\n");
	/* Audio that is not there because we cannot use it is no such thing. */
	CHECK_STR(take(&s, THEIRS "m=audio 0 RTP/AVP 0\r\n"
				  "m=audio 4000 RTP/SAVP 0\r\n"),
		  "488 encrypted media is not supported; offer RTP/AVP");
}

TEST(a_late_offer_names_everything_and_the_answer_decides)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;

	CHECK_STR(write_offer(&s, HF_SENDRECV),
		  OURS("1") OUR_OFFER("sendrecv"));
	CHECK(!hf_session_remote(&s, &r));
	CHECK_INT(take_answer(&s, THEIRS "m=audio 4000 RTP/AVP 8 96\r\n"
					 "a=rtpmap:96 telephone-event/8000\r\n"
					 "a=recvonly\r\n"),
		  0);
	CHECK(hf_session_remote(&s, &r));
	CHECK_INT(r.codec, HF_CODEC_PCMA);
	CHECK_INT(r.payload_type, 8);
	CHECK_INT(r.rx_payload_type, 8);
	/* Each side is sent the number that it named itself. */
	CHECK_INT(r.dtmf_pt, 96);
	CHECK_INT(r.rx_dtmf_pt, 101);
	CHECK(r.may_receive && !r.may_send);
}

TEST(an_answer_may_have_another_number_for_a_codec_than_we)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;

	write_offer(&s, HF_SENDRECV);
	CHECK_INT(take_answer(&s, THEIRS "m=audio 4000 RTP/AVP 97\r\n"
					 "a=rtpmap:97 PCMU/8000\r\n"),
		  0);
	CHECK(hf_session_remote(&s, &r));
	CHECK_INT(r.payload_type, 97);
	CHECK_INT(r.rx_payload_type, 0);
	CHECK_INT(r.dtmf_pt, 0);
	CHECK_INT(r.rx_dtmf_pt, 0);
	/* Our numbers stay what they were (RFC 3264 8.3.2). */
	CHECK_STR(write_offer(&s, HF_SENDRECV),
		  OURS("1") OUR_OFFER("sendrecv"));
}

TEST(an_offer_in_a_running_dialog_keeps_lines_and_numbers)
{
	struct hf_session s = fresh();

	CHECK_STR(take(&s, THEIRS "m=video 9 RTP/AVP 34\r\n"
				  "m=audio 4000 RTP/AVP 97 101 96\r\n"
				  "a=rtpmap:97 PCMA/8000\r\n"
				  "a=rtpmap:101 opus/48000/2\r\n"
				  "a=rtpmap:96 telephone-event/8000\r\n"),
		  "");
	write_answer(&s, HF_SENDRECV);
	CHECK_STR(write_offer(&s, HF_SENDRECV),
		  OURS("2") "m=video 0 RTP/AVP 34\r\n"
			    "m=audio 20000 RTP/AVP 0 97 96\r\n"
			    "a=rtpmap:0 PCMU/8000\r\n"
			    "a=rtpmap:97 PCMA/8000\r\n"
			    "a=rtpmap:96 telephone-event/8000\r\n"
			    "a=fmtp:96 0-15\r\n"
			    "a=ptime:20\r\n"
			    "a=sendrecv\r\n");
	CHECK_INT(take_answer(&s, THEIRS "m=video 0 RTP/AVP 34\r\n"
					 "m=audio 4000 RTP/AVP 97 96\r\n"
					 "a=rtpmap:97 PCMA/8000\r\n"
					 "a=rtpmap:96 telephone-event/8000"
					 "\r\n"),
		  0);
	CHECK_INT(s.codec, HF_CODEC_PCMA);
	CHECK_INT(s.codec_pt[HF_CODEC_PCMA], 97);
}

TEST(a_number_of_ours_is_none_that_the_peer_used_for_another_thing)
{
	struct hf_session s = fresh();

	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 0 101 96\r\n"
				  "a=rtpmap:101 opus/48000/2\r\n"
				  "a=rtpmap:96 iLBC/8000\r\n"),
		  "");
	write_answer(&s, HF_SENDRECV);
	write_offer(&s, HF_SENDRECV);
	CHECK_INT(s.dtmf_rx_pt, 97);
}

TEST(an_answer_without_our_audio_is_refused_and_changes_nothing)
{
	struct hf_session s = fresh(), before;

	CHECK_INT(take_answer(&s, THEIRS LINE), -EINVAL);
	write_offer(&s, HF_SENDRECV);
	before = s;
	CHECK_INT(take_answer(&s, THEIRS), -EBADMSG);
	CHECK_INT(take_answer(&s, "x"), -EBADMSG);
	CHECK_INT(take_answer(&s, THEIRS "m=audio 0 RTP/AVP 0\r\n"),
		  -ENOPROTOOPT);
	CHECK_INT(take_answer(&s, THEIRS "m=video 4000 RTP/AVP 0\r\n"),
		  -ENOPROTOOPT);
	CHECK_INT(take_answer(&s, THEIRS "m=audio 4000 RTP/AVP 18\r\n"),
		  -ENOPROTOOPT);
	CHECK_MEM(&s, &before, sizeof(s));
}

TEST(an_answer_is_not_written_without_an_offer)
{
	struct hf_session s = fresh();

	CHECK_STR(write_answer(&s, HF_SENDRECV), "not written");
}

TEST(a_copy_that_is_thrown_away_undoes_an_offer)
{
	struct hf_session s = fresh(), copy;

	CHECK_STR(take(&s, THEIRS LINE), "");
	write_answer(&s, HF_SENDRECV);
	copy = s;
	write_offer(&copy, HF_SENDRECV);
	CHECK_INT(copy.origin_version, 2);
	CHECK_STR(take(&s, THEIRS LINE), "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
}
TEST_MAIN()
