/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104), for tokens and signatures:
 * a few short texts a second, so plain code does. */
#ifndef HOLDFAST_BASE_SHA256_H
#define HOLDFAST_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define HF_SHA256_BYTES 32
#define HF_SHA256_HEX	65 /* with the end of the string */

struct hf_sha256 {
	uint32_t state[8];
	uint64_t bytes;
	uint8_t block[64];
};

void hf_sha256_begin(struct hf_sha256 *);
void hf_sha256_add(struct hf_sha256 *, const void *data, size_t len);
void hf_sha256_end(struct hf_sha256 *, uint8_t ret[HF_SHA256_BYTES]);

void hf_sha256(const void *data, size_t len, uint8_t ret[HF_SHA256_BYTES]);
void hf_hmac_sha256(const char *key, const void *data, size_t len,
		    uint8_t ret[HF_SHA256_BYTES]);
void hf_sha256_hex(const uint8_t digest[HF_SHA256_BYTES],
		   char ret[HF_SHA256_HEX]);

#endif
