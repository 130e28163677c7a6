// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A dialog that we end stays in the journal until the peer has answered our BYE:
 * also one whose BYE has to wait for the ACK (RFC 3261 15.1.1). Whoever is
 * killed in between leaves nobody in a call that nobody else has: the next
 * process sends the BYE.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

#include "base/log.h"
#include "store/record.h"

/* Above all ids of calls; ctl/store wants them below 2^61. */
#define HF_GOODBYE_ID (1ULL << 60)

uint64_t hf_record_id(struct hf_sip *sip)
{
	return HF_GOODBYE_ID | (uint64_t)sip->epoch << 32 | ++sip->goodbyes;
}

void hf_goodbye_begin(struct hf_dialog *d)
{
	struct hf_sip *sip = d->sip;
	struct hf_store_call r = {
		.state = HF_STORE_GOODBYE,
		.rule = d->bye_text,
		.attempt = d->bye_sip,
		.party_count = 1,
	};

	if (!sip->journal.put || d->goodbye)
		return;
	r.id = d->goodbye = hf_record_id(sip);
	hf_dialog_save(d, &r.party[0]);
	r.party[0].role = HF_STORE_GOODBYE;
	r.party[0].sip_call_id = d->call_id;
	r.party[0].incoming = !d->ours;
	r.party[0].answered = 1;
	r.party[0].up = d->state == HF_DIALOG_CONFIRMED;
	sip->journal.put(sip->journal.arg, &r);
}

void hf_goodbye_end(struct hf_dialog *d)
{
	if (d->goodbye)
		d->sip->journal.drop(d->sip->journal.arg, d->goodbye);
	d->goodbye = 0;
}

int hf_sip_goodbye(struct hf_sip *sip, const struct hf_store_call *r)
{
	struct hf_dialog *d =
		r->party_count
			? hf_dialog_adopt(sip, NULL, &r->party[0], NULL)
			: NULL;

	if (!d) {
		sip->journal.drop(sip->journal.arg, r->id);
		return -EINVAL;
	}
	hf_dialog_enter(d);
	d->goodbye = r->id;
	d->released = true;
	hf_refresh_stop(d);
	d->bye_wanted = true;
	d->bye_sip = (int)r->attempt;
	hf_dialog_set(&d->bye_text, *r->rule ? r->rule : NULL);
	hf_dialog_send_bye(d);
	hf_dialog_leave(d);
	return 0;
}
