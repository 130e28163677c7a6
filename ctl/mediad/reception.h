/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a report about a leg says, worked out from the maps that the data path
 * writes, and what the peer's reports come to. No I/O.
 */
#ifndef HOLDFAST_MEDIAD_RECEPTION_H
#define HOLDFAST_MEDIAD_RECEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "media/pins.h"
#include "mediad/rtcp.h"
#include "mediad/wire.h"

/* Between whom; false while there is nobody to report to. */
bool hf_rtcp_line_get(const struct hf_pins *, uint32_t leg,
		      struct hf_rtcp_line *ret);
/* The same of a leg that has ended, for its BYE. */
bool hf_rtcp_line_ended(const struct hf_pins *, uint32_t leg,
			struct hf_rtcp_line *ret);
/* Our side, as a sender report. `wall_ns` is real time - CLOCK_MONOTONIC. */
void hf_reception_sender(const struct hf_pins *, uint32_t leg,
			 const struct hf_rtcp_line *, uint64_t now_ns,
			 int64_t wall_ns, struct hf_rtcp_report *);
/* The peer's stream, if any of it came since this was asked last. */
void hf_reception_block(const struct hf_pins *, uint32_t leg, uint64_t now_ns,
			struct hf_rtcp_report *);
/* What came of a peer, and says of us. */
void hf_reception_take(const struct hf_pins *, const struct hf_rtcp_in *,
		       const struct hf_rtcp_seen *, int64_t wall_ns);

#endif
