// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that is odd, wrong, cut or hostile. rooms: sdp base */
#include "test.h"

#include "sdp_dialog.h"

TEST(line_ends_order_and_unknown_lines_do_not_matter)
{
	CHECK_STR(reply("v=0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 198.51.100.1"),
		  OURS("1") PCMU_LINE("sendrecv"));
	CHECK_STR(reply("s=x\r\nc=IN IP4 198.51.100.1\r\nv=0\r\nX=1\r\n?=\r\n"
			"k=clear:x\r\nz=0 0\r\na=\r\na=:\r\na=foo:\r\n\r\n"
			"m=audio 4000 RTP/AVP 0\r\ni=a b\r\na=sendrecv \r\n"
			"\r\n\r\n"),
		  OURS("1") PCMU_LINE("sendrecv"));
	CHECK_STR(reply(THEIRS "m=AUDIO  4000  rtp/avp  0 \r\n"),
		  OURS("1") PCMU_LINE("sendrecv"));
}

TEST(what_is_not_sdp_is_refused_with_its_line)
{
	CHECK_STR(reply(""), "400 the body is empty, too long or binary");
	CHECK_STR(reply("hello\r\n"),
		  "400 SDP line 1: not of the form x=value");
	CHECK_STR(reply("v=0\r\n{\r\n"),
		  "400 SDP line 2: not of the form x=value");
	CHECK_STR(reply("v=1\r\n"), "400 SDP line 1: not version 0");
	CHECK_STR(reply("o=- 1 1 IN IP4 192.0.2.1\r\n"),
		  "400 the body has no v=0 line");
	CHECK_STR(
		reply("v=0\r\nc=IN IP4\r\n"),
		"400 SDP line 2: c= needs a network, a family and an address");
	CHECK_STR(reply("v=0\r\nc=IN IP4 300.1.2.3\r\n"),
		  "400 SDP line 2: c= has an address that is none");
#define BAD_MEDIA                                                    \
	"400 SDP line 2: m= needs a type, a port, a protocol and a " \
	"format"
	CHECK_STR(reply("v=0\nm=\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio 4000\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio 4000 RTP/AVP\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio 65536 RTP/AVP 0\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio -1 RTP/AVP 0\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio 0x10 RTP/AVP 0\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio 4000/x RTP/AVP 0\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio 4000 RTP/AVP 0\t8\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=audio 4000 RTP/AVP 0\r8\n"), BAD_MEDIA);
	CHECK_STR(reply("v=0\nm=a\x80udio 4000 RTP/AVP 0\n"), BAD_MEDIA);
}

TEST(a_zero_byte_is_refused)
{
	static const char text[] = THEIRS "m=audio 4000 RTP/AVP 0\r\n\0a=x\r\n";
	struct hf_session s = fresh();
	char why[100];

	CHECK_INT(hf_session_take_offer(&s, text, sizeof(text) - 1, BOTH, 2,
					why, sizeof(why)),
		  -EBADMSG);
}

static const char *with_address(const char *address)
{
	char offer[256];

	snprintf(offer, sizeof(offer),
		 "v=0\r\nc=%s\r\nm=audio 4000 RTP/AVP 0\r\n", address);
	return reply(offer);
}

TEST(addresses_that_are_nobodys_are_refused)
{
	CHECK_STR(with_address("IN IP4 224.2.1.1/127"),
		  "488 the media address is multicast");
	CHECK_STR(with_address("IN IP4 239.255.255.255"),
		  "488 the media address is multicast");
	CHECK_STR(with_address("IN IP4 255.255.255.255"),
		  "488 the media address is broadcast or reserved");
	CHECK_STR(with_address("IN IP4 240.0.0.1"),
		  "488 the media address is broadcast or reserved");
	CHECK_STR(with_address("IN IP4 0.0.0.1"),
		  "488 the media address is unspecified");
	CHECK_STR(with_address("IN IP6 ff02::1"),
		  "488 the media address is multicast");
	CHECK_STR(with_address("IN IP6 fe80::1"),
		  "488 the media address is good for one link only");
	CHECK_STR(with_address("IN IP6 ::ffff:192.0.2.1"),
		  "488 the media address is not a numeric address of its kind");
	CHECK_STR(with_address("IN IP4 2001:db8::1"),
		  "488 the media address is not a numeric address of its kind");
	CHECK_STR(with_address("IN IP6 2001:db8::1"),
		  OURS("1") PCMU_LINE("sendrecv"));
	CHECK_STR(with_address("IN IP4 media.example.com"),
		  "488 the media address is not a numeric address of its kind");
	CHECK_STR(with_address("ATM NSAP 47.0091"),
		  "488 the media address is not a numeric address of its kind");
	CHECK_STR(reply("v=0\r\nm=audio 4000 RTP/AVP 0\r\n"),
		  "488 there is no c= line with an address");
	CHECK_STR(with_address("IN IP4 127.0.0.1"),
		  OURS("1") PCMU_LINE("sendrecv"));
}

TEST(the_first_usable_line_is_taken_and_the_first_reason_is_said)
{
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVPF 0\r\n"
			       "m=audio 4002 RTP/AVP 18\r\n"),
		  "488 the media transport is not RTP/AVP");
	CHECK_STR(reply(THEIRS "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"),
		  "488 encrypted media is not supported; offer RTP/AVP");
	CHECK_STR(reply(THEIRS "m=audio 4000/2 RTP/AVP 0\r\n"),
		  "488 several ports in one m= line are not supported");
	CHECK_STR(reply(THEIRS "m=audio 4000/1 RTP/AVP 0\r\n"),
		  OURS("1") PCMU_LINE("sendrecv"));
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 0\r\n"
			       "c=IN IP6 ff02::1\r\n"
			       "m=audio 4002 RTP/AVP 0\r\n"),
		  OURS("1") "m=audio 0 RTP/AVP 0\r\n" PCMU_LINE("sendrecv"));
	CHECK_STR(reply(THEIRS "m=video 4000 RTP/AVP 34\r\n"),
		  "488 there is no audio line in use");
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 0\r\n"
			       "m=waytoolongforamediatype 9 x y\r\n"),
		  "488 m= line 2 has an unknown form");
}

TEST(attributes_that_are_malformed_count_as_not_said)
{
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 0 101\r\n"
			       "a=rtpmap:0 PCMU\r\n"
			       "a=rtpmap:101\r\n"
			       "a=rtpmap: telephone-event/8000\r\n"
			       "a=rtpmap:128 telephone-event/8000\r\n"
			       "a=rtpmap:101telephone-event/8000\r\n"
			       "a=rtpmap:x y z\r\n"
			       "a=fmtp\r\na=fmtp:\r\na=fmtp:101\r\n"
			       "a=ptime\r\na=ptime:\r\na=ptime:x\r\n"
			       "a=maxptime:-\r\na=rtcp:\r\n"
			       "a=sendrecvonly\r\n"),
		  OURS("1") PCMU_LINE("sendrecv"));
}

TEST(the_first_rtpmap_of_a_number_counts)
{
	CHECK_STR(reply(THEIRS "m=audio 4000 RTP/AVP 97\r\n"
			       "a=rtpmap:97 PCMA/8000\r\n"
			       "a=rtpmap:97 opus/48000/2\r\n"),
		  OURS("1") "m=audio 20000 RTP/AVP 97\r\n"
			    "a=rtpmap:97 PCMA/8000\r\n"
			    "a=ptime:20\r\n"
			    "a=sendrecv\r\n");
}

TEST(the_first_address_of_a_line_counts)
{
	struct hf_session s = fresh();

	CHECK_STR(take(&s, THEIRS "m=audio 4000 RTP/AVP 0\r\n"
				  "c=IN IP4 198.51.100.5\r\n"
				  "c=IN IP4 198.51.100.6\r\n"),
		  "");
	CHECK_INT(ntohl(s.remote_ip4.s_addr), 0xc6336405);
}

TEST(very_long_lines_are_read_to_their_end)
{
	static char offer[70000];
	size_t n;

	strcpy(offer, THEIRS "a=");
	n = strlen(offer);
	memset(offer + n, 'x', 60000);
	strcpy(offer + n + 60000, "\r\nm=audio 4000 RTP/AVP 0\r\n");
	CHECK_STR(reply(offer), OURS("1") PCMU_LINE("sendrecv"));
	memset(offer + n, 'x', 66000);
	strcpy(offer + n + 66000, "\r\nm=audio 4000 RTP/AVP 0\r\n");
	CHECK_STR(reply(offer), "400 the body is empty, too long or binary");
}

TEST(more_formats_than_there_are_numbers_do_no_harm)
{
	static char offer[4096];

	strcpy(offer, THEIRS "m=audio 4000 RTP/AVP");
	for (int i = 0; i < 300; i++)
		strcat(offer, " 18");
	strcat(offer, " 0\r\n");
	/* 128 numbers are kept: the 0 is beyond them. */
	CHECK(!strncmp(reply(offer), "488 no common codec: they have G729, ",
		       37));
}

static const char whole[] =
	"v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\n"
	"c=IN IP4 198.51.100.1\r\nt=0 0\r\na=sendonly\r\n"
	"m=video 5000 RTP/AVP 34 96\r\na=rtpmap:96 H264/90000\r\n"
	"m=audio 4000/1 RTP/AVP 97 8 101\r\nc=IN IP4 198.51.100.2\r\n"
	"a=rtpmap:97 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
	"a=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:40\r\na=rtcp:4001\r\n"
	"a=sendrecv\r\nm=image 9 udptl t38\r\n";

/* Wherever it is cut: it is taken, or refused and nothing has changed. The copy
 * has exactly the bytes, so that reading beyond them is seen. */
TEST(an_offer_cut_at_any_length_is_taken_whole_or_not_at_all)
{
	for (size_t len = 0; len < sizeof(whole); len++) {
		struct hf_session s = fresh(), before = s;
		char *copy = malloc(len ? len : 1), out[HF_SDP_MAX_TEXT];
		char why[200] = "";
		int error;

		memcpy(copy, whole, len);
		error = hf_session_take_offer(&s, copy, len, BOTH, 2, why,
					      sizeof(why));
		free(copy);
		if (error) {
			CHECK(error == -EBADMSG || error == -ENOPROTOOPT);
			CHECK(why[0]);
			CHECK_MEM(&s, &before, sizeof(s));
			continue;
		}
		CHECK_INT(hf_session_write_answer(&s, HF_SENDRECV, out,
						  sizeof(out)),
			  0);
	}
}

TEST(an_offer_with_any_byte_changed_is_taken_whole_or_not_at_all)
{
	static const unsigned char bytes[] = {
		0, '\n', '\r', ' ', '/', ':', '=', '0', '9', 'a', 0x7f, 0xff
	};
	char text[sizeof(whole)];

	for (size_t at = 0; at < sizeof(whole) - 1; at++)
		for (size_t b = 0; b < sizeof(bytes); b++) {
			struct hf_session s = fresh(), before = s;
			char out[HF_SDP_MAX_TEXT], why[200];

			memcpy(text, whole, sizeof(whole));
			text[at] = (char)bytes[b];
			if (hf_session_take_offer(&s, text, sizeof(whole) - 1,
						  BOTH, 2, why, sizeof(why)))
				CHECK_MEM(&s, &before, sizeof(s));
			else
				CHECK_INT(hf_session_write_answer(
						  &s, HF_SENDRECV, out,
						  sizeof(out)),
					  0);
		}
}

TEST(a_reason_fits_whatever_room_it_has)
{
	static const char offer[] = THEIRS "m=audio 4000 RTP/AVP 18\r\n";
	struct hf_session s = fresh();
	char why[8];

	for (size_t room = 0; room < sizeof(why); room++) {
		memset(why, 'x', sizeof(why));
		CHECK_INT(hf_session_take_offer(&s, offer, strlen(offer), BOTH,
						2, room ? why : NULL, room),
			  -ENOPROTOOPT);
		CHECK(why[room] == 'x');
		CHECK(!room || !why[room - 1]);
	}
}
TEST_MAIN()
