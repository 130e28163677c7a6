// SPDX-License-Identifier: GPL-2.0-or-later
/* SHA-256 as FIPS 180-4 writes it down, HMAC as RFC 2104 does. */
#include "sha256.h"

#include <string.h>

static const uint32_t round_constant[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static void take_block(struct hf_sha256 *s, const uint8_t *block)
{
	uint32_t w[64], v[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 |
		       (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^
			w[i - 15] >> 3) +
		       (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^
			w[i - 2] >> 10);
	memcpy(v, s->state, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t e =
			rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
		uint32_t a =
			rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
		uint32_t one = v[7] + e + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
			       round_constant[i] + w[i];
		uint32_t two =
			a + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += one;
		v[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		s->state[i] += v[i];
}

void hf_sha256_begin(struct hf_sha256 *s)
{
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
					  0xa54ff53a, 0x510e527f, 0x9b05688c,
					  0x1f83d9ab, 0x5be0cd19};

	memcpy(s->state, start, sizeof(start));
	s->bytes = 0;
}

void hf_sha256_add(struct hf_sha256 *s, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len) {
		size_t at = s->bytes % 64, n = 64 - at < len ? 64 - at : len;

		memcpy(s->block + at, from, n);
		s->bytes += n;
		from += n;
		len -= n;
		if (s->bytes % 64 == 0)
			take_block(s, s->block);
	}
}

void hf_sha256_end(struct hf_sha256 *s, uint8_t ret[HF_SHA256_BYTES])
{
	static const uint8_t pad[64] = {0x80};
	uint64_t bits = s->bytes * 8;
	uint8_t length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	hf_sha256_add(s, pad, 1 + (119 - s->bytes % 64) % 64);
	hf_sha256_add(s, length, 8);
	for (int i = 0; i < HF_SHA256_BYTES; i++)
		ret[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

void hf_sha256(const void *data, size_t len, uint8_t ret[HF_SHA256_BYTES])
{
	struct hf_sha256 s;

	hf_sha256_begin(&s);
	hf_sha256_add(&s, data, len);
	hf_sha256_end(&s, ret);
}

void hf_hmac_sha256(const char *key, const void *data, size_t len,
		    uint8_t ret[HF_SHA256_BYTES])
{
	uint8_t pad[64] = {0}, inner[HF_SHA256_BYTES];
	struct hf_sha256 s;

	if (strlen(key) > sizeof(pad))
		hf_sha256(key, strlen(key), pad);
	else
		memcpy(pad, key, strlen(key));
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	hf_sha256_begin(&s);
	hf_sha256_add(&s, pad, sizeof(pad));
	hf_sha256_add(&s, data, len);
	hf_sha256_end(&s, inner);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hf_sha256_begin(&s);
	hf_sha256_add(&s, pad, sizeof(pad));
	hf_sha256_add(&s, inner, sizeof(inner));
	hf_sha256_end(&s, ret);
}

void hf_sha256_hex(const uint8_t digest[HF_SHA256_BYTES],
		   char ret[HF_SHA256_HEX])
{
	for (int i = 0; i < HF_SHA256_BYTES; i++) {
		ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	ret[64] = '\0';
}
