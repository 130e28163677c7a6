// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How requests ended, by who asked, method and status, for /metrics. Every
 * transaction is let go of here.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

#define STATUS_FIRST 200
#define STATUS_COUNT 500 /* to 699 */

static const sip_method_t known[] = {
	sip_method_invite, sip_method_bye,	 sip_method_cancel,
	sip_method_refer,  sip_method_subscribe, sip_method_notify,
	sip_method_update, sip_method_prack,	 sip_method_options,
	sip_method_publish, sip_method_message,	 sip_method_info,
	sip_method_register};
static const char *const name[] = {"INVITE", "BYE",	"CANCEL",  "REFER",
				   "SUBSCRIBE", "NOTIFY", "UPDATE",  "PRACK",
				   "OPTIONS", "PUBLISH", "MESSAGE", "INFO",
				   "REGISTER", "other"};
#define METHODS (sizeof(known) / sizeof(known[0]) + 1)
_Static_assert(sizeof(name) / sizeof(name[0]) == METHODS, "names of methods");

struct hf_sip_count {
	uint32_t of[2][METHODS][STATUS_COUNT];
};

int hf_count_open(struct hf_sip *sip)
{
	sip->counts = calloc(1, sizeof(*sip->counts));
	return sip->counts ? 0 : -ENOMEM;
}

void hf_count_close(struct hf_sip *sip)
{
	free(sip->counts);
	sip->counts = NULL;
}

static void count(struct hf_sip *sip, bool ours, sip_method_t method,
		  int status)
{
	unsigned int i = 0;

	if (!sip->counts || method == sip_method_ack || status < STATUS_FIRST ||
	    status >= STATUS_FIRST + STATUS_COUNT)
		return;
	while (i < METHODS - 1 && known[i] != method)
		i++;
	sip->counts->of[ours][i][status - STATUS_FIRST]++;
}

void hf_request_end(struct hf_sip *sip, nta_incoming_t *irq)
{
	if (irq)
		count(sip, false, nta_incoming_method(irq),
		      nta_incoming_status(irq));
	nta_incoming_destroy(irq);
}

void hf_asked_end(struct hf_sip *sip, nta_outgoing_t *orq)
{
	if (orq)
		count(sip, true, nta_outgoing_method(orq),
		      nta_outgoing_status(orq));
	nta_outgoing_destroy(orq);
}

void hf_sip_each_count(const struct hf_sip *sip,
		       void (*fn)(void *arg, bool ours, const char *method,
				  int status, uint64_t count),
		       void *arg)
{
	for (int ours = 0; sip && ours < 2; ours++)
		for (unsigned int m = 0; m < METHODS; m++)
			for (int s = 0; s < STATUS_COUNT; s++)
				if (sip->counts->of[ours][m][s])
					fn(arg, ours, name[m],
					   s + STATUS_FIRST,
					   sip->counts->of[ours][m][s]);
}
