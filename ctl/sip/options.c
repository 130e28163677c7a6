// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * OPTIONS, inside and outside dialogs: what a peer's health check or capability
 * query is told (RFC 3261 11.2), with the lamps that can be subscribed to.
 */
#include "watcher.h"

void hf_options(struct hf_sip *sip, nta_incoming_t *irq)
{
	bool drains = sip->park && hf_park_draining(sip->park);
	int status = drains ? 503 : 200;

	nta_incoming_treply(irq, status, sip_status_phrase(status),
			    TAG_IF(drains, SIPTAG_RETRY_AFTER_STR("30")), SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
			    SIPTAG_SUPPORTED_STR(HF_SIP_SUPPORTED),
			    SIPTAG_ACCEPT_STR(HF_SIP_ACCEPT),
			    SIPTAG_ALLOW_EVENTS_STR(HF_LAMP_ALLOW_EVENTS),
			    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	hf_request_end(sip, irq);
}
