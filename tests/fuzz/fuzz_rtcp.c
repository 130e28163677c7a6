// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as RTCP of a peer. What must hold: nothing beyond them is read, and
 * what is refused changes nothing. rooms: base
 */
#include <stdlib.h>
#include <string.h>

#include "mediad/rtcp.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_rtcp_seen seen, before;
	uint32_t source = 0;

	memset(&seen, 0x5a, sizeof(seen));
	before = seen;
	if (size >= 12)
		memcpy(&source, data + 8, 4);
	if (hf_rtcp_read(data, size, __builtin_bswap32(source), &seen) &&
	    memcmp(&seen, &before, sizeof(seen)))
		abort();
	return 0;
}
