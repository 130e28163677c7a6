/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checksums (include/holdfast/csum.h) against the definition of RFC 1071, done
 * the slow way.
 * rooms:
 */
#include <stdint.h>

#include <holdfast/csum.h>

#include "test.h"

/* RFC 1071, byte by byte, in network order. */
static uint16_t slow_sum(const uint8_t *b, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += i & 1 ? b[i] : (uint32_t)b[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

/* Equal as one's-complement numbers: 0 and 0xffff are the same. */
static int same(uint16_t a, uint16_t b)
{
	return a % 0xffff == b % 0xffff;
}

TEST(a_sum_of_words_as_stored_is_the_sum_of_rfc_1071)
{
	uint64_t seed = 1;
	uint8_t b[200];

	for (int i = 0; i < 2000; i++) {
		uint32_t n = draw(&seed) % sizeof(b);

		for (uint32_t k = 0; k < n; k++)
			b[k] = (uint8_t)draw(&seed);
		CHECK_INT(HF_NTOHS(hf_csum_bytes(b, n)), slow_sum(b, n));
	}
}

TEST(folding_keeps_every_carry)
{
	CHECK_INT(hf_csum_fold(0), 0);
	CHECK_INT(hf_csum_fold(0xffff), 0xffff);
	CHECK_INT(hf_csum_fold(0x10000), 1);
	CHECK_INT(hf_csum_fold(0x1fffe), 0xffff);
	CHECK_INT(hf_csum_fold(UINT64_MAX), 0xffff);
	CHECK_INT(hf_csum_fold(0xffffffff00000001ULL), 1);
	CHECK_INT(hf_csum_fold(0x8000800080008000ULL), 2);
}

TEST(the_ip_check_of_a_known_header_is_b861)
{
	/* 192.168.0.1 to 192.168.0.199, 115 bytes of UDP, TTL 64, DF. */
	static const uint8_t header[20] = {
		0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
		0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7,
	};

	CHECK_INT(HF_NTOHS(hf_csum_ip(hf_csum_bytes(header, 20))), 0xb861);
}

TEST(a_udp_check_is_never_zero)
{
	CHECK_INT(hf_csum_udp(0xffff), 0xffff);
	CHECK_INT(hf_csum_udp(0), 0xffff);
	CHECK_INT(hf_csum_udp(1), 0xfffe);
	CHECK_INT(hf_csum_udp_change(0xfffe, 1, 0xffff), 0xffff);
}

TEST(the_udp_header_sum_covers_pseudo_header_and_length_twice)
{
	/* 192.0.2.1:20000 to 198.51.100.7:30000, 11 bytes of payload. */
	static const uint8_t bytes[] = {
		192, 0, 2,  1,	  198,	51,   100,  7, 0,
		17,  0, 19, 0x4e, 0x20, 0x75, 0x30, 0, 19,
	};
	__be32 s = HF_HTONL(0xc0000201), d = HF_HTONL(0xc6336407);

	CHECK_INT(
		hf_csum_fold(hf_csum_udp_header(hf_csum_pair4(s, d),
						HF_HTONS(20000),
						HF_HTONS(30000), HF_HTONS(19))),
		hf_csum_bytes(bytes, sizeof(bytes)));
}

TEST(a_changed_word_changes_the_check_as_computing_it_afresh_would)
{
	uint64_t seed = 99;
	uint8_t b[64];

	for (int i = 0; i < 20000; i++) {
		uint32_t old, now;
		uint16_t check;

		for (size_t k = 0; k < sizeof(b); k++)
			b[k] = draw(&seed) % 8 ? (uint8_t)draw(&seed)
					       : (uint8_t) - (draw(&seed) & 1);
		check = hf_csum_udp(hf_csum_bytes(b, sizeof(b)));
		memcpy(&old, b + 8, 4);
		now = draw(&seed) % 4 ? draw(&seed) : old;
		memcpy(b + 8, &now, 4);
		check = hf_csum_udp_change(check, old, now);
		CHECK(check);
		CHECK(same(check, hf_csum_udp(hf_csum_bytes(b, sizeof(b)))));
		/* What a receiver does: all with the check adds up to -0. */
		CHECK_INT(hf_csum_fold((uint64_t)hf_csum_bytes(b, sizeof(b)) +
				       check),
			  0xffff);
	}
}

TEST_MAIN()
