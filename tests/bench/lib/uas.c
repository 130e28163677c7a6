// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a server on Sofia's nta can do: INVITE is answered with 200 and
 * one fixed SDP, the dialog is kept, BYE ends it. What holdfastd costs is
 * compared with it, so it has the same clock and the same settings.
 *
 *	bench-uas ADDRESS PORT
 */
#include "sip/private.h"

#include <stdio.h>
#include <stdlib.h>

static const char answer[] = "v=0\r\no=- 1 1 IN IP4 10.99.0.1\r\ns=-\r\n"
			     "c=IN IP4 10.99.0.1\r\nt=0 0\r\n"
			     "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n";

struct uas {
	nta_agent_t *agent;
	char contact[64];
};

static int acked(struct hf_dialog *unused, nta_incoming_t *irq,
		 const sip_t *sip)
{
	nta_incoming_destroy(irq);
	return 0;
}

static int inside(void *unused, nta_leg_t *leg, nta_incoming_t *irq,
		  const sip_t *s)
{
	if (s->sip_request->rq_method != sip_method_bye)
		return s->sip_request->rq_method == sip_method_ack ? 0 : 501;
	nta_incoming_treply(irq, SIP_200_OK, TAG_END());
	nta_incoming_destroy(irq);
	nta_leg_destroy(leg);
	return 0;
}

static int outside(void *arg, nta_leg_t *unused, nta_incoming_t *irq,
		   const sip_t *s)
{
	struct uas *u = arg;
	nta_leg_t *leg;

	if (s->sip_request->rq_method == sip_method_ack)
		return 0;
	if (s->sip_request->rq_method != sip_method_invite)
		return 200;
	leg = nta_leg_tcreate(u->agent, inside, NULL,
			      SIPTAG_CALL_ID(s->sip_call_id),
			      SIPTAG_FROM(s->sip_to), SIPTAG_TO(s->sip_from),
			      NTATAG_REMOTE_CSEQ(s->sip_cseq->cs_seq),
			      TAG_END());
	if (!leg)
		return 500;
	nta_leg_tag(leg, nta_incoming_tag(irq, NULL));
	nta_leg_server_route(leg, s->sip_record_route, s->sip_contact);
	nta_incoming_bind(irq, acked, NULL);
	nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT_STR(u->contact),
			    SIPTAG_CONTENT_TYPE_STR("application/sdp"),
			    SIPTAG_PAYLOAD_STR(answer), TAG_END());
	return 0;
}

int main(int argc, char **argv)
{
	struct uas u;
	su_root_t *root;
	char url[64];

	if (argc != 3)
		return 2;
	hf_clock_install();
	su_init();
	root = su_root_create(NULL);
	su_root_threading(root, 0);
	snprintf(url, sizeof(url), "sip:%s:%s;transport=udp", argv[1],
		 argv[2]);
	snprintf(u.contact, sizeof(u.contact), "<sip:%s:%s>", argv[1],
		 argv[2]);
	u.agent = nta_agent_create(root, URL_STRING_MAKE(url), NULL, NULL,
				   NTATAG_UA(1), NTATAG_SERVER_RPORT(2),
				   NTATAG_MERGE_482(1), NTATAG_EXTRA_100(1),
				   NTATAG_CANCEL_487(0), NTATAG_USE_NAPTR(0),
				   TPTAG_UDP_RMEM(4 << 20), TAG_END());
	if (!u.agent || !nta_leg_tcreate(u.agent, outside, &u,
					 NTATAG_NO_DIALOG(1), TAG_END())) {
		fprintf(stderr, "uas: cannot listen on %s:%s\n", argv[1],
			argv[2]);
		return 1;
	}
	su_root_run(root);
	return 0;
}
