// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two things about the log: the stack's own chatter goes to our debug level and
 * is muted there but for its worst, and refused requests are told one line
 * each, but never more than a few a second: a scanner must not fill a disk.
 */
#include <stdio.h>
#include <string.h>

#include "private.h"

#include "base/clock.h"
#include "base/log.h"

#define HF_REFUSED_PER_SECOND 10

extern su_log_t nta_log[], tport_log[], sresolv_log[];

static void stack_log(void *stream, const char *format, va_list ap)
{
	char line[512];
	size_t len;

	vsnprintf(line, sizeof(line), format, ap);
	len = strlen(line);
	while (len && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len)
		hf_debug("stack: %s", line);
}

void hf_stack_log_install(void)
{
	su_log_redirect(NULL, stack_log, NULL);
	/* At level 1 an ICMP refusal is a line per packet. */
	su_log_set_level(NULL, 0);
	su_log_set_level(nta_log, 0);
	su_log_set_level(tport_log, 0);
	su_log_set_level(sresolv_log, 0);
}

void hf_refused(struct hf_sip *sip, const struct hf_peer *peer,
		const char *method, int status, const char *why)
{
	uint64_t now = hf_now_ms();

	if (now - sip->refused_since_ms >= 1000) {
		if (sip->refused_hidden)
			hf_info("%u more requests refused, not shown",
				sip->refused_hidden);
		sip->refused_since_ms = now;
		sip->refused_shown = 0;
		sip->refused_hidden = 0;
	}
	if (sip->refused_shown >= HF_REFUSED_PER_SECOND) {
		sip->refused_hidden++;
		return;
	}
	sip->refused_shown++;
	hf_info("refused %s from %s with %d: %s", method, peer->source, status,
		why);
}
