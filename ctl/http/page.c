// SPDX-License-Identifier: GPL-2.0-or-later
/* The board and the description of the interface, built into the program: what
 * is shown can never be of another version than what answers. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"

#define BUILT_IN(name, file)                          \
	__asm__(".section .rodata\n"                  \
		".global hf_built_in_" #name "\n"     \
		".global hf_built_in_" #name "_end\n" \
		"hf_built_in_" #name ":\n"            \
		".incbin \"" file "\"\n"              \
		"hf_built_in_" #name "_end:\n"        \
		".byte 0\n"                           \
		".previous\n");                       \
	extern const char hf_built_in_##name[];       \
	extern const char hf_built_in_##name##_end[]

BUILT_IN(board, "ctl/http/board.html");
BUILT_IN(openapi, "Documentation/openapi.json");

struct hf_page hf_page_board(void)
{
	return (struct hf_page){
		hf_built_in_board,
		(size_t)(hf_built_in_board_end - hf_built_in_board)};
}

struct hf_page hf_page_openapi(void)
{
	return (struct hf_page){
		hf_built_in_openapi,
		(size_t)(hf_built_in_openapi_end - hf_built_in_openapi)};
}

/* RFC 4648, of a digest. */
static void base64(const uint8_t *in, char *out)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (int i = 0; i < HF_SHA256_BYTES; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;
		int have = HF_SHA256_BYTES - i;

		if (have > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (have > 2)
			v |= in[i + 2];
		*out++ = digit[v >> 18];
		*out++ = digit[v >> 12 & 63];
		*out++ = have > 1 ? digit[v >> 6 & 63] : '=';
		*out++ = have > 2 ? digit[v & 63] : '=';
	}
	*out = '\0';
}

/* Between the first <tag> and </tag>, as a browser hashes it. */
static void hash_of(const char *open, const char *close, char hash[45])
{
	struct hf_page page = hf_page_board();
	const char *from = memmem(page.at, page.len, open, strlen(open));
	const char *to =
		from ? memmem(from, page.len - (size_t)(from - page.at), close,
			      strlen(close))
		     : NULL;
	uint8_t digest[HF_SHA256_BYTES];

	hash[0] = '\0';
	if (!to)
		return;
	from += strlen(open);
	hf_sha256(from, (size_t)(to - from), digest);
	base64(digest, hash);
}

void hf_page_policy(char *policy, size_t len)
{
	char script[45], style[45];

	hash_of("<script>", "</script>", script);
	hash_of("<style>", "</style>", style);
	snprintf(policy, len,
		 "default-src 'none'; connect-src 'self'; img-src data:; "
		 "script-src 'sha256-%s'; style-src 'sha256-%s'; "
		 "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		 script, style);
}
