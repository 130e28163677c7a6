// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Session timers (RFC 4028), the answering half: a parked caller is exactly the
 * call nobody notices has died. We agree to an interval the peer asks for if
 * the peer refreshes it, and end the dialog when it stops. We never refresh
 * ourselves: a peer that wants us to gets an answer without an interval, which
 * section 9 allows.
 */
#include <string.h>

#include "private.h"

/* What the answer to this INVITE or UPDATE will say; see headers of replies. */
void hf_refresh_agree(struct hf_dialog *d, const sip_t *request)
{
	const sip_session_expires_t *x = request->sip_session_expires;

	d->session_s = 0;
	if (!x || !sip_has_feature(request->sip_supported, "timer"))
		return;
	if (x->x_refresher && strcasecmp(x->x_refresher, "uac"))
		return;
	d->session_s =
		x->x_delta > 86400 * 7 ? 86400 * 7 : (uint32_t)x->x_delta;
}

static void session_expired(su_root_magic_t *loop, su_timer_t *timer,
			    struct hf_dialog *d)
{
	const struct hf_cause cause = {408, "session expired"};

	hf_dialog_enter(d);
	hf_dialog_lost(d, &cause, "session expired");
	hf_dialog_leave(d);
}

/* Section 10: BYE a third of the interval, at most 32 s, before it ends. */
void hf_refresh_start(struct hf_dialog *d)
{
	uint32_t before = d->session_s / 3 < 32 ? d->session_s / 3 : 32;
	su_duration_t ms = (su_duration_t)(d->session_s - before) * 1000;

	if (!d->session_s) {
		hf_refresh_stop(d);
		return;
	}
	if (!d->expiry)
		d->expiry = su_timer_create(su_root_task(d->sip->root), 0);
	if (d->expiry)
		su_timer_set_interval(d->expiry, session_expired, d, ms);
}

void hf_refresh_stop(struct hf_dialog *d)
{
	if (d->expiry)
		su_timer_reset(d->expiry);
}
