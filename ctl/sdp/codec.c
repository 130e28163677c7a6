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
	uint8_t payload_type; /* static, RFC 3551 section 6 */
} hf_codecs[HF_CODEC_COUNT] = {
	[HF_CODEC_PCMU] = { "PCMU", 0 },
	[HF_CODEC_PCMA] = { "PCMA", 8 },
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

uint8_t hf_codec_static_pt(enum hf_codec codec)
{
	return hf_codecs[codec].payload_type;
}

int hf_codec_by_static_pt(uint8_t payload_type)
{
	for (int c = 0; c < HF_CODEC_COUNT; c++)
		if (payload_type == hf_codecs[c].payload_type)
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
