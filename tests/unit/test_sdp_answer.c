// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers to first offers, byte by byte. rooms: sdp base */
#include "test.h"

#include "sdp_dialog.h"

TEST(the_offerers_order_chooses_the_codec_and_its_numbers_are_kept)
{
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 8 0 96\r\n"
			       "a=rtpmap:96 telephone-event/8000\r\n"),
		  OURS("1") PCMA_DTMF_LINE("96", "sendrecv"));
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 0 8\r\n"),
		  OURS("1") PCMU_LINE("sendrecv"));
}

TEST(one_codec_asked_for_wins_over_the_offerers_order)
{
	static const enum hf_codec only[] = { HF_CODEC_PCMA };
	static const char offer[] = THEIRS "m=audio 4000 RTP/AVP 0 8 101\r\n"
					   "a=rtpmap:101 "
					   "telephone-event/8000\r\n";
	struct hf_session s = fresh();
	char why[200];

	CHECK_INT(hf_session_take_offer(&s, offer, strlen(offer), only, 1, why,
					sizeof(why)),
		  0);
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("1") PCMA_DTMF_LINE("101", "sendrecv"));
	CHECK(s.codec_offered[HF_CODEC_PCMU]);
	CHECK(s.codec_offered[HF_CODEC_PCMA]);
}

TEST(a_codec_may_have_a_dynamic_number)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;

	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 97 98\r\n"
				  "a=rtpmap:97 opus/48000/2\r\n"
				  "a=rtpmap:98 pcma/8000/1\r\n"),
		  "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("1") "m=audio 20000 RTP/AVP 98\r\n"
			    "a=rtpmap:98 PCMA/8000\r\n"
			    "a=ptime:20\r\n"
			    "a=sendrecv\r\n");
	CHECK(hf_session_remote(&s, &r));
	CHECK_INT(r.codec, HF_CODEC_PCMA);
	CHECK_INT(r.payload_type, 98);
	CHECK_INT(r.rx_payload_type, 98);
	CHECK(!s.codec_offered[HF_CODEC_PCMU]);
}

TEST(a_codec_of_another_rate_or_with_two_channels_is_not_it)
{
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 97 98\r\n"
			       "a=rtpmap:97 PCMU/16000\r\n"
			       "a=rtpmap:98 PCMA/8000/2\r\n"),
		  "488 no common codec: they have PCMU, PCMA; here PCMU, PCMA");
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 0\r\n"
			       "a=rtpmap:0 L16/44100\r\n"),
		  "488 no common codec: they have L16; here PCMU, PCMA");
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 8\r\n"
			       "a=rtpmap:8 PCMU/8000\r\n"),
		  "488 no common codec: they have PCMU; here PCMU, PCMA");
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 18 9 97 111\r\n"
			       "a=rtpmap:111 \"\\/8000\r\n"),
		  "488 no common codec: they have G729, G722, 97, ??; here "
		  "PCMU, PCMA");
}

TEST(the_remote_is_what_the_offer_says)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;

	memset(&r, 0xff, sizeof(r));
	CHECK(!hf_session_remote(&s, &r));
	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 8 96\r\n"
				  "c=IN IP4 198.51.100.9\r\n"
				  "a=rtcp:4011 IN IP4 198.51.100.9\r\n"
				  "a=rtpmap:96 telephone-event/8000\r\n"
				  "a=ptime:30\r\n"
				  "a=sendonly\r\n"),
		  "");
	CHECK(hf_session_remote(&s, &r));
	CHECK_INT(ntohl(r.ip4.s_addr), 0xc6336409);
	CHECK_INT(r.port, 4000);
	CHECK_INT(s.remote_rtcp_port, 4011);
	CHECK_INT(r.codec, HF_CODEC_PCMA);
	CHECK_INT(r.payload_type, 8);
	CHECK_INT(r.rx_payload_type, 8);
	CHECK_INT(r.dtmf_pt, 96);
	CHECK_INT(r.rx_dtmf_pt, 96);
	CHECK_INT(r.ptime_ms, 20);
	CHECK(r.may_send);
	CHECK(!r.may_receive);
	CHECK(!r.latch);
	CHECK(!r.auto_clock);
}

TEST(rtcp_mux_is_answered_when_it_is_offered_and_an_address_for_rtcp_is_kept)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;
	char text[HF_SDP_MAX_TEXT];

	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 0\r\n"
				  "a=rtcp-mux\r\n"),
		  "");
	CHECK(hf_session_remote(&s, &r));
	CHECK(r.rtcp_mux);
	CHECK_INT(hf_session_write_answer(&s, HF_SENDRECV, text, sizeof(text)),
		  0);
	CHECK(strstr(text, "a=rtcp-mux\r\n"));
	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 0\r\n"
				  "a=rtcp:53020 IN IP4 198.51.100.11\r\n"),
		  "");
	CHECK(hf_session_remote(&s, &r));
	CHECK(!r.rtcp_mux);
	CHECK_INT(r.rtcp_port, 53020);
	CHECK_INT(ntohl(r.rtcp_ip4.s_addr), 0xc633640b);
	CHECK_INT(hf_session_write_answer(&s, HF_SENDRECV, text, sizeof(text)),
		  0);
	CHECK(!strstr(text, "rtcp"));
	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 0\r\n"
				  "a=rtcp:53020 IN IP4 not.an.address\r\n"),
		  "");
	CHECK(hf_session_remote(&s, &r));
	CHECK_INT(r.rtcp_port, 53020);
	CHECK_INT(r.rtcp_ip4.s_addr, 0);
}

TEST(rtcp_is_one_above_unless_said)
{
	struct hf_session s = fresh();

	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 0\r\n"), "");
	CHECK_INT(s.remote_rtcp_port, 4001);
	CHECK_STR(take(&s, THEIRS "m=audio 65535 RTP/AVP 0\r\n"), "");
	CHECK_INT(s.remote_rtcp_port, 0);
	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 0\r\na=rtcp:x\r\n"),
		  "");
	CHECK_INT(s.remote_rtcp_port, 4001);
}

static uint16_t ptime_of(const char *attributes)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;
	char offer[512];

	snprintf(offer, sizeof(offer), THEIRS "m=audio 4000 RTP/AVP 0\r\n%s",
		 attributes);
	if (take(&s, offer)[0] || !hf_session_remote(&s, &r))
		return 0;
	return r.ptime_ms;
}

TEST(packet_time_is_what_the_peer_asks_for_if_we_have_it)
{
	CHECK_INT(ptime_of(""), 20);
	CHECK_INT(ptime_of("a=ptime:10\r\n"), 10);
	CHECK_INT(ptime_of("a=ptime:20\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:30\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:40\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:60\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:50\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:0\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:-20\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:20.5\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:99999999999999999999\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:30\r\na=maxptime:20\r\n"), 20);
	CHECK_INT(ptime_of("a=ptime:30\r\na=maxptime:150\r\n"), 20);
	CHECK_INT(ptime_of("a=maxptime:19\r\n"), 10);
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 0\r\na=maxptime:5\r\n"),
		  "488 maxptime 5 ms is below 10 ms");
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 0\r\na=ptime:10\r\n"),
		  OURS("1") "m=audio 20000 RTP/AVP 0\r\n"
			    "a=rtpmap:0 PCMU/8000\r\n"
			    "a=ptime:10\r\n"
			    "a=sendrecv\r\n");
}

TEST(events_without_digits_or_of_another_clock_are_not_dtmf)
{
#define EVENTS(fmtp)                            \
	THEIRS "m=audio 4000 RTP/AVP 0 101\r\n" \
	       "a=rtpmap:101 telephone-event/8000\r\n" fmtp
	CHECK_STR(reply(EVENTS("a=fmtp:101 32,36\r\n")),
		  OURS("1") PCMU_LINE("sendrecv"));
	CHECK_STR(reply(EVENTS("a=fmtp:101 0-15,32-36\r\n")),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
	CHECK_STR(reply(EVENTS("a=fmtp:101 0-16\r\n")),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
	CHECK_STR(reply(EVENTS("a=fmtp:101 0,1,2,3\r\n")),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
	CHECK_STR(reply(EVENTS("a=fmtp:101 DTMF\r\n")),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 0 101 102\r\n"
			       "a=rtpmap:101 telephone-event/48000\r\n"
			       "a=rtpmap:102 TELEPHONE-EVENT/8000\r\n"),
		  OURS("1") PCMU_DTMF_LINE("102", "sendrecv"));
#undef EVENTS
}

TEST(every_refused_line_keeps_its_place_type_protocol_and_formats)
{
	CHECK_STR(reply(THEIRS "m=video 5000 RTP/AVP 34  96\r\n"
			       "c=IN IP6 2001:db8::1\r\n"
			       "a=rtpmap:96 H264/90000\r\n"
			       "m=audio 5002 RTP/SAVP 0\r\n"
			       "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"
			       "m=audio 4000 RTP/AVP 0 101\r\n"
			       "a=rtpmap:101 telephone-event/8000\r\n"
			       "m=audio 4002 RTP/AVP 0 8\r\n"
			       "m=image 4004 udptl t38\r\n"
			       "m=application 0 UDP/DTLS/SCTP "
			       "webrtc-datachannel\r\n"),
		  OURS("1") "m=video 0 RTP/AVP 34 96\r\n"
			    "m=audio 0 RTP/SAVP 0\r\n" PCMU_DTMF_LINE(
				    "101",
				    "sendrecv") "m=audio 0 RTP/AVP 0 8\r\n"
						"m=image 0 udptl t38\r\n"
						"m=application 0 UDP/DTLS/SCTP "
						"webrtc-datachannel\r\n");
}

TEST(a_list_of_formats_that_is_too_long_is_cut_after_a_whole_one)
{
	char offer[1024] = THEIRS "m=audio 4000 RTP/AVP 0\r\n"
				  "m=video 4002 RTP/AVP";
	char answer[1024] = OURS("1") PCMU_LINE("sendrecv") "m=video 0 RTP/AVP";

	for (int n = 0; n < 60; n++) {
		sprintf(offer + strlen(offer), " %d", 100 + n % 28);
		if (n < 31) /* 31 * 4 - 1 = 123, one more would be 127 */
			sprintf(answer + strlen(answer), " %d", 100 + n % 28);
	}
	sprintf(answer + strlen(answer), " %d", 100 + 31 % 28);
	strcat(offer, "\r\n");
	strcat(answer, "\r\n");
	CHECK_STR(reply(offer), answer);
}

TEST(up_to_eight_lines_are_answered_and_nine_are_refused)
{
	char offer[1024] = THEIRS "m=audio 4000 RTP/AVP 0\r\n";

	for (int n = 1; n < 8; n++)
		strcat(offer, "m=audio 4000 RTP/AVP 0\r\n");
	CHECK_STR(
		reply(offer),
		OURS("1") PCMU_LINE(
			"sendrecv") "m=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n"
				    "m=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n"
				    "m=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n"
				    "m=audio 0 RTP/AVP 0\r\n");
	strcat(offer, "m=audio 4000 RTP/AVP 0\r\na=inactive\r\n");
	CHECK_STR(reply(offer), "488 9 m= lines; 1 to 8 are supported");
}

/* Bodies as they come from the field, in the shape of each maker. */

TEST(an_offer_like_asterisks_is_answered)
{
	CHECK_STR(reply("v=0\r\n"
			"o=- 1713358 1713358 IN IP4 198.51.100.20\r\n"
			"s=Asterisk\r\n"
			"c=IN IP4 198.51.100.20\r\n"
			"t=0 0\r\n"
			"m=audio 11776 RTP/AVP 0 8 3 111 9 101\r\n"
			"a=rtpmap:0 PCMU/8000\r\n"
			"a=rtpmap:8 PCMA/8000\r\n"
			"a=rtpmap:3 GSM/8000\r\n"
			"a=rtpmap:111 G726-32/8000\r\n"
			"a=rtpmap:9 G722/8000\r\n"
			"a=rtpmap:101 telephone-event/8000\r\n"
			"a=fmtp:101 0-16\r\n"
			"a=ptime:20\r\n"
			"a=maxptime:140\r\n"
			"a=sendrecv\r\n"),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
}

TEST(an_offer_like_freeswitchs_is_answered)
{
	CHECK_STR(reply("v=0\n"
			"o=FreeSWITCH 1700000001 1700000002 IN IP4 "
			"198.51.100.21\n"
			"s=FreeSWITCH\n"
			"c=IN IP4 198.51.100.21\n"
			"t=0 0\n"
			"m=audio 24696 RTP/AVP 102 9 0 8 103 101 13\n"
			"a=rtpmap:102 opus/48000/2\n"
			"a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000\n"
			"a=rtpmap:9 G722/8000\n"
			"a=rtpmap:0 PCMU/8000\n"
			"a=rtpmap:8 PCMA/8000\n"
			"a=rtpmap:103 telephone-event/48000\n"
			"a=fmtp:103 0-15\n"
			"a=rtpmap:101 telephone-event/8000\n"
			"a=fmtp:101 0-15\n"
			"a=rtpmap:13 CN/8000\n"
			"a=ptime:20\n"),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
}

TEST(an_offer_like_cucms_is_answered_and_its_hold_too)
{
	struct hf_session s = fresh();
	struct hf_media_remote r;

	CHECK_STR(take(&s, "v=0\r\n"
			   "o=CiscoSystemsCCM-SIP 2021 1 IN IP4 "
			   "198.51.100.22\r\n"
			   "s=SIP Call\r\n"
			   "c=IN IP4 198.51.100.23\r\n"
			   "b=TIAS:64000\r\n"
			   "b=AS:64\r\n"
			   "t=0 0\r\n"
			   "m=audio 24584 RTP/AVP 0 101\r\n"
			   "b=TIAS:64000\r\n"
			   "a=ptime:20\r\n"
			   "a=rtpmap:0 PCMU/8000\r\n"
			   "a=rtpmap:101 telephone-event/8000\r\n"
			   "a=fmtp:101 0-15\r\n"),
		  "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("1") PCMU_DTMF_LINE("101", "sendrecv"));
	CHECK_STR(take(&s, "v=0\r\n"
			   "o=CiscoSystemsCCM-SIP 2021 2 IN IP4 "
			   "198.51.100.22\r\n"
			   "s=SIP Call\r\n"
			   "c=IN IP4 0.0.0.0\r\n"
			   "t=0 0\r\n"
			   "m=audio 24584 RTP/AVP 0 101\r\n"
			   "a=ptime:20\r\n"
			   "a=inactive\r\n"
			   "a=rtpmap:0 PCMU/8000\r\n"
			   "a=rtpmap:101 telephone-event/8000\r\n"
			   "a=fmtp:101 0-15\r\n"),
		  "");
	CHECK_STR(write_answer(&s, HF_SENDRECV),
		  OURS("2") PCMU_DTMF_LINE("101", "inactive"));
	CHECK(hf_session_remote(&s, &r));
	CHECK_INT(r.ip4.s_addr, 0);
	CHECK(!r.may_send && !r.may_receive);
}

TEST(an_offer_like_yealinks_is_answered)
{
	CHECK_STR(reply("v=0\r\n"
			"o=- 20180 20180 IN IP4 198.51.100.24\r\n"
			"s=SDP data\r\n"
			"c=IN IP4 198.51.100.24\r\n"
			"t=0 0\r\n"
			"m=audio 11784 RTP/AVP 9 8 18 101\r\n"
			"a=rtpmap:9 G722/8000\r\n"
			"a=rtpmap:8 PCMA/8000\r\n"
			"a=rtpmap:18 G729/8000\r\n"
			"a=fmtp:18 annexb=no\r\n"
			"a=fmtp:101 0-15\r\n"
			"a=rtpmap:101 telephone-event/8000\r\n"
			"a=ptime:20\r\n"
			"a=sendrecv\r\n"),
		  OURS("1") PCMA_DTMF_LINE("101", "sendrecv"));
}

TEST(an_offer_like_polys_with_a_session_direction_is_answered)
{
	CHECK_STR(reply("v=0\r\n"
			"o=- 1389972 1389972 IN IP4 198.51.100.25\r\n"
			"s=Polycom IP Phone\r\n"
			"c=IN IP4 198.51.100.25\r\n"
			"b=AS:384\r\n"
			"t=0 0\r\n"
			"a=sendonly\r\n"
			"m=audio 2248 RTP/AVP 9 0 8 127\r\n"
			"a=rtpmap:9 G722/8000\r\n"
			"a=rtpmap:0 PCMU/8000\r\n"
			"a=rtpmap:8 PCMA/8000\r\n"
			"a=rtpmap:127 telephone-event/8000\r\n"
			"m=video 2252 RTP/AVP 109 34\r\n"
			"b=TIAS:384000\r\n"
			"a=rtpmap:109 H264/90000\r\n"
			"a=rtpmap:34 H263/90000\r\n"),
		  OURS("1") PCMU_DTMF_LINE(
			  "127", "recvonly") "m=video 0 RTP/AVP 109 34\r\n");
}

TEST(an_offer_like_baresips_is_answered)
{
	CHECK_STR(reply("v=0\r\n"
			"o=- 3847269 129 IN IP4 198.51.100.26\r\n"
			"s=-\r\n"
			"c=IN IP4 198.51.100.26\r\n"
			"t=0 0\r\n"
			"a=tool:baresip 1.0.0\r\n"
			"m=audio 10048 RTP/AVP 8 0 101\r\n"
			"b=AS:125\r\n"
			"a=rtpmap:8 PCMA/8000\r\n"
			"a=rtpmap:0 PCMU/8000\r\n"
			"a=rtpmap:101 telephone-event/8000\r\n"
			"a=fmtp:101 0-15\r\n"
			"a=rtcp:10049\r\n"
			"a=sendrecv\r\n"
			"a=label:1\r\n"
			"a=rtcp-rsize\r\n"
			"a=ssrc:193723 cname:sip:a@198.51.100.26\r\n"
			"a=ptime:20\r\n"),
		  OURS("1") PCMA_DTMF_LINE("101", "sendrecv"));
}

TEST(an_offer_like_linphones_is_answered)
{
	CHECK_STR(reply("v=0\r\n"
			"o=anna 2411 1632 IN IP4 198.51.100.27\r\n"
			"s=Talk\r\n"
			"c=IN IP4 198.51.100.27\r\n"
			"b=AS:380\r\n"
			"t=0 0\r\n"
			"a=rtcp-xr:rcvr-rtt=all:10000 "
			"stat-summary=loss,dup,jitt,TTL voip-metrics\r\n"
			"m=audio 7078 RTP/AVP 96 97 98 0 8 101 99 100\r\n"
			"a=rtpmap:96 opus/48000/2\r\n"
			"a=fmtp:96 useinbandfec=1\r\n"
			"a=rtpmap:97 speex/16000\r\n"
			"a=fmtp:97 vbr=on\r\n"
			"a=rtpmap:98 speex/8000\r\n"
			"a=fmtp:98 vbr=on\r\n"
			"a=rtpmap:101 telephone-event/48000\r\n"
			"a=rtpmap:99 telephone-event/16000\r\n"
			"a=rtpmap:100 telephone-event/8000\r\n"
			"a=rtcp-fb:* trr-int 5000\r\n"
			"m=video 9078 RTP/AVP 96\r\n"
			"a=rtpmap:96 VP8/90000\r\n"),
		  OURS("1") PCMU_DTMF_LINE(
			  "100", "sendrecv") "m=video 0 RTP/AVP 96\r\n");
}

TEST(what_we_write_always_fits)
{
	char offer[4096] = THEIRS "m=audio 4000 RTP/AVP 0 127\r\n"
				  "a=rtpmap:127 telephone-event/8000\r\n";
	char small[64], out[HF_SDP_MAX_TEXT];
	struct hf_session s, before;

	for (int n = 1; n < 8; n++) {
		strcat(offer, "m=123456789012345 9 12345678901234567890123");
		for (int i = 0; i < 40; i++)
			strcat(offer, " 1234");
		strcat(offer, "\r\n");
	}
	s = fresh();
	hf_ip_read("223.255.255.254", &s.local_ip4);
	s.local_port = 65534;
	s.origin_id = s.origin_version = UINT64_MAX - 1;
	CHECK_STR(take(&s, offer), "");
	before = s;
	CHECK_INT(
		hf_session_write_answer(&s, HF_SENDRECV, small, sizeof(small)),
		-ENOSPC);
	CHECK_MEM(&s, &before, sizeof(s));
	CHECK_INT(hf_session_write_answer(&s, HF_SENDRECV, out, sizeof(out)),
		  0);
	CHECK_INT(hf_session_write_answer(&s, HF_INACTIVE, out, sizeof(out)),
		  0);
	CHECK_STR(take(&s, out), "");
}

TEST(codecs_have_names)
{
	CHECK_STR(hf_codec_name(HF_CODEC_PCMU), "PCMU");
	CHECK_STR(hf_codec_name(HF_CODEC_PCMA), "PCMA");
	CHECK_STR(hf_codec_name(HF_CODEC_COUNT), "unknown");
	CHECK_INT(hf_codec_by_name("pcma"), HF_CODEC_PCMA);
	CHECK_INT(hf_codec_by_name("G729"), HF_CODEC_G729);
	CHECK_INT(hf_codec_by_name("GSM"), -ENOENT);
	CHECK_INT(hf_codec_by_name(NULL), -ENOENT);
}
TEST_MAIN()
