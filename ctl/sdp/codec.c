// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The codecs by name and number. ctl/sdp/choose.c asks here what a format of a
 * foreign description is; everybody else only prints names.
 */
#include "codec.h"

#include <errno.h>
#include <strings.h>

static const struct {
	const char *name;
	uint8_t payload_type; /* static (RFC 3551 section 6) below 96 */
	uint8_t channels;
	uint32_t clock;
	const char *fmtp;
} hf_codecs[HF_CODEC_COUNT] = {
	[HF_CODEC_PCMU] = { "PCMU", 0, 1, 8000, NULL },
	[HF_CODEC_PCMA] = { "PCMA", 8, 1, 8000, NULL },
	[HF_CODEC_G722] = { "G722", 9, 1, 8000, NULL },
	/* Always "/2", whatever is sent (RFC 7587 7). */
	[HF_CODEC_OPUS] = { "opus", 111, 2, 48000, "useinbandfec=1" },
	[HF_CODEC_G729] = { "G729", 18, 1, 8000, "annexb=no" },
};

const char *hf_codec_name(enum hf_codec codec)
{
	if ((unsigned int)codec >= HF_CODEC_COUNT)
		return "unknown";
	return hf_codecs[codec].name;
}

int hf_codec_by_name(const char *name)
{
	for (int c = 0; c < HF_CODEC_COUNT; c++)
		if (name && !strcasecmp(name, hf_codecs[c].name))
			return c;
	return -ENOENT;
}

uint8_t hf_codec_own_pt(enum hf_codec codec)
{
	return hf_codecs[codec].payload_type;
}

bool hf_codec_pt_is_static(enum hf_codec codec)
{
	return hf_codecs[codec].payload_type < 96;
}

uint32_t hf_codec_clock(enum hf_codec codec)
{
	return hf_codecs[codec].clock;
}

unsigned int hf_codec_channels(enum hf_codec codec)
{
	return hf_codecs[codec].channels;
}

const char *hf_codec_fmtp(enum hf_codec codec)
{
	return hf_codecs[codec].fmtp;
}

int hf_codec_by_static_pt(uint8_t payload_type)
{
	for (int c = 0; c < HF_CODEC_COUNT; c++)
		if (payload_type == hf_codecs[c].payload_type &&
		    hf_codec_pt_is_static((enum hf_codec)c))
			return c;
	return -ENOENT;
}

const char *hf_codec_static_name(uint8_t payload_type)
{
	static const char *const names[] = {
		[0] = "PCMU",  [3] = "GSM",   [4] = "G723",   [5] = "DVI4",
		[6] = "DVI4",  [7] = "LPC",   [8] = "PCMA",   [9] = "G722",
		[10] = "L16",  [11] = "L16",  [12] = "QCELP", [13] = "CN",
		[14] = "MPA",  [15] = "G728", [16] = "DVI4",  [17] = "DVI4",
		[18] = "G729",
	};

	if (payload_type >= sizeof(names) / sizeof(names[0]))
		return NULL;
	return names[payload_type];
}
