// SPDX-License-Identifier: GPL-2.0-or-later
/* SHA-256 against the examples of FIPS 180-4, HMAC against RFC 4231. rooms: base */
#include "test.h"

#include "base/sha256.h"

static const char *hex_of(const void *data, size_t len)
{
	static char hex[HF_SHA256_HEX];
	uint8_t digest[HF_SHA256_BYTES];

	hf_sha256(data, len, digest);
	hf_sha256_hex(digest, hex);
	return hex;
}

TEST(texts_of_every_length_around_a_block_have_the_right_digest)
{
	struct hf_sha256 s;
	uint8_t digest[HF_SHA256_BYTES];
	char hex[HF_SHA256_HEX];

	CHECK_STR(hex_of("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b93"
				 "4ca495991b7852b855");
	CHECK_STR(hex_of("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396"
				    "177a9cb410ff61f20015ad");
	CHECK_STR(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnop"
			 "nopq", 56),
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db"
		  "06c1");
	/* A million times "a", in pieces that do not fit the block. */
	hf_sha256_begin(&s);
	for (int left = 1000000; left > 0; left -= 61) {
		char piece[61];

		memset(piece, 'a', sizeof(piece));
		hf_sha256_add(&s, piece, left < 61 ? (size_t)left : 61);
	}
	hf_sha256_end(&s, digest);
	hf_sha256_hex(digest, hex);
	CHECK_STR(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39c"
		       "cc7112cd0");
}

TEST(hmac_takes_short_and_long_keys)
{
	uint8_t digest[HF_SHA256_BYTES];
	char hex[HF_SHA256_HEX], key[132] = "";

	hf_hmac_sha256("Jefe", "what do ya want for nothing?", 28, digest);
	hf_sha256_hex(digest, hex);
	CHECK_STR(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b9"
		       "64ec3843");
	memset(key, 0xaa, 131);
	hf_hmac_sha256(key,
		       "Test Using Larger Than Block-Size Key - Hash Key First",
		       54, digest);
	hf_sha256_hex(digest, hex);
	CHECK_STR(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f"
		       "0ee37f54");
}

TEST_MAIN()
