/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this room share. Each does one thing:
 *
 *  - loop, clock, log, epoch: the ground (event loop, time, restart counter)
 *  - agent, listen, hosts: the stack's agent, the addresses it listens on, the
 *    names it would not find
 *  - digest, challenge: who somebody is, by a password; ours and theirs
 *  - precheck, options: what is answered before and beside any call
 *  - dialog: the record of a dialog and its end
 *  - invite_in, invite_out: the first INVITE, theirs and ours
 *  - reliable: provisional answers that are acknowledged, early dialogs
 *  - indialog, reinvite, refresh, refer: what happens inside a dialog
 *  - subscribe, notify, restore: subscriptions to lamps (watcher.h)
 *  - journal, held, goodbye: calls that outlive us
 *  - publish: lamps told to a presence server; register: where we are, told to
 *    registrars
 *  - parse, headers: header text to plain fields and back
 *  - signal: the table of ctl/park/signal.h
 */
#ifndef HOLDFAST_SIP_PRIVATE_H
#define HOLDFAST_SIP_PRIVATE_H

/* The types of the stack's callback arguments, before its headers. */
struct hf_dialog;
struct hf_loop;
struct hf_sip;
struct hf_watch;
#define SU_ROOT_MAGIC_T	     struct hf_loop
#define SU_PREPOLL_MAGIC_T   struct hf_loop
#define SU_WAKEUP_ARG_T	     struct hf_watch
#define SU_TIMER_ARG_T	     struct hf_dialog
#define NTA_AGENT_MAGIC_T    struct hf_sip
#define NTA_LEG_MAGIC_T	     void
#define NTA_OUTGOING_MAGIC_T struct hf_dialog
#define NTA_INCOMING_MAGIC_T struct hf_dialog
#define NTA_RELIABLE_MAGIC_T struct hf_dialog

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <sofia-sip/su_wait.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/su_tagarg.h>
#include <sofia-sip/su_uniqueid.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>

#include "base/names.h"
#include "config/config.h"
#include "loop.h"
#include "park/park.h"
#include "stack.h"

#define HF_SIP_MAX_LISTEN 64
#define HF_SIP_MIN_SE	  90 /* RFC 4028 section 5 */

#define HF_SIP_AGENT	     "Holdfast/" HF_VERSION
#define HF_SIP_ALLOW	     "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, " \
			     "SUBSCRIBE, REFER, PRACK"
/* As an answering side. Of our own INVITEs we say only what we do there. */
#define HF_SIP_SUPPORTED     "replaces, timer, 100rel, eventlist, norefersub"
#define HF_SIP_SUPPORTED_OUT "replaces, timer"
/* Only where a new dialog begins (reliable.c). */
#define HF_SIP_SUPPORTED_NEW HF_SIP_SUPPORTED_OUT ", 100rel"
#define HF_SIP_ACCEPT	     "application/sdp"
#define HF_SIP_MAX_SDP	     4096

struct hf_listener {
	char transport[4]; /* "udp", "tcp", "tls" */
	char host[48];	   /* IPv6 without brackets */
	uint16_t port;
	char ident[64]; /* "host:port", how the stack finds it again */
	int nat;	/* which of sip.nat it is, -1 = none */
};

struct hf_sip {
	struct hf_loop *loop;
	su_root_t *root;
	const struct hf_config *config;
	struct hf_park *park;
	struct hf_resolver *resolver; /* what the agent asks for names */
	nta_agent_t *agent;
	nta_leg_t *default_leg;
	su_home_t *home; /* of what lives as long as the agent */
	sip_supported_t *supported; /* in every answer; read once */
	sip_allow_t *allow;
	sip_server_t *server;
	sip_content_type_t *sdp_type;
	sip_accept_t *accept; /* what our bodies are */
	url_t *outbound_proxy; /* NULL = none */
	struct hf_listener listener[HF_SIP_MAX_LISTEN];
	unsigned int listener_count;
#define HF_SIP_MESSAGES 256
	struct { /* MESSAGEs under way */
		nta_outgoing_t *request; /* NULL: none */
		const struct hf_config_tenant *of;
	} message[HF_SIP_MESSAGES];
	struct hf_dialog *dialogs; /* first of a ring-less double list */
	unsigned int dialog_count;
	unsigned int unacked; /* INVITEs of peers without their ACK yet */
	unsigned int max_unacked;
	unsigned int min_se_s;
	unsigned int t1_ms;
	uint32_t epoch;
	struct hf_lamps *lamps; /* NULL: none is served */
	const struct hf_watch_calls *lamp_calls;
	struct hf_watcher *watchers; /* by our tag */
	struct hf_slab *slab;	     /* of them and their text */
	struct hf_publisher *publisher; /* NULL = none */
	struct hf_sip_journal journal; /* .put NULL: there is none */
	struct hf_held *held, **held_tail; /* what waits for its record */
	struct hf_held *held_fresh; /* the first of the round at hand */
	uint32_t goodbyes;		   /* records of our own so far */
	struct hf_ringing *ringing;	   /* of the process before us */
	struct hf_dialog *doubts;
	void (*published)(void *arg, uint64_t id, const char *slot,
			  const char *etag, uint64_t expires_wall_ms);
	void *published_arg;
	struct hf_registration *registrations; /* register.c */
	void (*registered)(void *arg, const char *aor, bool on,
			   const char *why);
	void *registered_arg;
	uint64_t refused_since_ms;
	unsigned int refused_shown, refused_hidden;
	struct hf_sip_count *counts; /* count.c */
	struct hf_challenger *challenger; /* challenge.c */
};

/* Who sent a request, and how it reached us. */
struct hf_peer {
	struct in6_addr ip; /* IPv4 mapped */
	char source[48];
	bool trusted;
	const struct hf_config_user *user; /* by digest, NULL = none */
	const struct hf_config *config;
	const struct hf_listener *listener;
};

enum hf_dialog_state {
	HF_DIALOG_OFFERED,   /* their INVITE, not finally answered */
	HF_DIALOG_ACCEPTED,  /* our 2xx to it, no ACK yet */
	HF_DIALOG_CALLING,   /* our INVITE, no final answer */
	HF_DIALOG_CONFIRMED, /* a call */
	HF_DIALOG_OVER,	     /* BYE sent or received, or it never came to be */
};

struct hf_dialog {
	struct hf_dialog *prev, *next;
	struct hf_sip *sip;
	struct hf_party *party; /* cookie of the park logic */
	bool released;
	bool ours;	 /* the Call-ID is ours: it began with our INVITE */
	bool trusted;	 /* the peer may see and assert identities */
	bool inside;	 /* it is on our side of the router (sip.nat) */
	bool cancelled;	 /* our INVITE was given up */
	bool bye_wanted; /* bye() came before the ACK */
	bool counted;	 /* in sip->unacked */
	bool request_answered; /* `request`: 2xx sent, its ACK is awaited */
	bool offer_waits;      /* `offer` is to be sent when we may */
	bool refreshing;       /* `offer` is nothing new */
	bool name_waits;       /* `name` is to be told in a re-INVITE */
	bool name_private;
	bool unheard; /* the OPTIONS before had no answer */
	bool takes_update;     /* the peer said that it takes UPDATE */
	bool knows_prack;      /* `request`: its sender said 100rel */
	bool late_offer;       /* `request`: our offer is out, or will be */
	bool said_early;       /* `request`: our 183 was sent reliably */
	bool refer_runs;       /* a REFER was accepted, its end is not told */
	bool refer_quiet;      /* its sender wants no NOTIFY */
	bool refer_only;       /* no call: a REFER began the dialog */
	bool in_doubt; /* from the journal, no ACK seen; in sip->doubts */
	struct hf_dialog *doubt_next;
	bool reply_held, ack_held, bye_held; /* held.c */
	uint32_t ack_cseq;
	uint64_t goodbye, ringing; /* of these records, 0 = none */
	unsigned int asked;
	unsigned int busy;     /* callbacks on the stack: do not free */
	enum hf_dialog_state state;
	const struct hf_listener *listener;
	const struct hf_config_tenant *tenant; /* of an INVITE of ours */
	nta_leg_t *leg;
	nta_incoming_t *request; /* INVITE or UPDATE of the peer */
	nta_reliable_t *reliable; /* our 1xx to it, no PRACK yet */
	struct hf_early *early;	  /* branches of `invite` that ring, reliable.c */
	nta_outgoing_t *invite;	 /* INVITE or re-INVITE of ours */
	nta_outgoing_t *bye;
	nta_outgoing_t *update; /* of ours, see identify.c */
	nta_outgoing_t *refresh; /* of ours, see refresh.c */
	nta_incoming_t *refer; /* REFER of the peer, not answered */
	nta_outgoing_t *notify;
	unsigned int refer_count;
	int refer_final; /* to be told after `notify`; 0 = nothing */
	char refer_event[24];
	nta_outgoing_t *probe;	/* OPTIONS: do you know this call? */
	su_timer_t *retry;  /* glare, or a CANCEL that nobody answers */
	su_timer_t *expiry; /* RFC 4028: no refresh came */
	uint32_t session_s; /* agreed interval, 0 = none */
	bool refresh_ours;  /* it is for us to refresh it */
	uint64_t session_ends_ms;
	char *call_id;
	char *local, *remote; /* URIs of From and To, ours first */
	char *saved_route, *saved_target, *saved_listener;
	char *offer; /* of our re-INVITE */
	char *name, *name_display; /* identify.c */
	unsigned int too_short;	   /* 422 to our first INVITE */
	char *contact_user;
	char *contact_display;
	int bye_sip;
	char *bye_text;
};

/* loop.c, clock.c, log.c */
su_root_t *hf_loop_root(struct hf_loop *);
void hf_clock_install(void);
void hf_stack_log_install(void);
void hf_refused(struct hf_sip *, const struct hf_peer *, const char *method,
		int status, const char *why);

/* listen.c */
int hf_listen_all(struct hf_sip *, char *err, size_t err_len);
/* Which of our addresses faces this URI. */
const struct hf_listener *hf_listener_towards(struct hf_sip *, const url_t *);
void hf_peer_of(struct hf_sip *, nta_incoming_t *, struct hf_peer *ret);
/* Is who sits there told our own address? `host` may be a name, or NULL. */
bool hf_listener_inside(const struct hf_sip *, const struct hf_listener *,
			const char *host);
/* Our URI for a peer; `user` NULL = none. */
char *hf_listener_uri(su_home_t *, const struct hf_sip *,
		      const struct hf_listener *, bool inside, bool secure,
		      const char *user);

/* agent.c: where requests of this tenant go first; NULL = where they say. */
const url_t *hf_proxy_of(su_home_t *, const struct hf_sip *,
			 const struct hf_config_tenant *);

/* hosts.c: the same, with the number for a name that /etc/hosts has. */
const url_t *hf_hosts_resolve(su_home_t *, const url_t *);

/* precheck.c: true if the request may go on, else it has been answered. */
bool hf_precheck(struct hf_sip *, nta_incoming_t *, const sip_t *,
		 struct hf_peer *);
bool hf_precheck_session(struct hf_sip *, nta_incoming_t *, const sip_t *,
			 const struct hf_peer *);
/* Answers, logs, and gives the transaction back to the stack. */
void hf_refuse(struct hf_sip *, nta_incoming_t *, const sip_t *,
	       const struct hf_peer *, int status, const char *phrase,
	       const char *why, tag_type_t, tag_value_t, ...);

/* challenge.c: true if the request proves who sends it, which `peer` then says;
 * else it has been answered. */
int hf_challenge_open(struct hf_sip *);
void hf_challenge_close(struct hf_sip *);
bool hf_challenge(struct hf_sip *, nta_incoming_t *, const sip_t *,
		  struct hf_peer *);

/* digest.c: the request again with credentials, if its answer asks for some that
 * we have; NULL = the answer is final. The one before is still to be ended. */
nta_outgoing_t *hf_digest_again(struct hf_sip *, nta_leg_t *, nta_outgoing_t *,
				const sip_t *answer, nta_response_f *, void *,
				const url_t *route, const struct hf_listener *);
/* With this account and no other; NULL = as above. */
nta_outgoing_t *hf_digest_again_as(struct hf_sip *, nta_leg_t *,
				   nta_outgoing_t *, const sip_t *answer,
				   nta_response_f *, void *, const url_t *route,
				   const struct hf_listener *,
				   const struct hf_config_account *);
/* The same for a request of a dialog, which is in *at; true if it went out. */
bool hf_dialog_again(struct hf_dialog *, nta_outgoing_t **at, const sip_t *,
		     nta_response_f *, const url_t *route);

/* options.c */
void hf_options(struct hf_sip *, nta_incoming_t *);

/* dialog.c */
struct hf_dialog *hf_dialog_create(struct hf_sip *);
void hf_dialog_free(struct hf_dialog *);
void hf_dialog_enter(struct hf_dialog *);
void hf_dialog_leave(struct hf_dialog *); /* may free it */
void hf_dialog_acked(struct hf_dialog *);
void hf_dialog_bye(struct hf_dialog *, const struct hf_cause *);
/* At once: its record is on disk. */
void hf_dialog_send_bye(struct hf_dialog *);
void hf_dialog_lost(struct hf_dialog *, const struct hf_cause *,
		    const char *why);
void hf_dialog_release(struct hf_dialog *);
/* The party to report to, NULL when the park logic has let go. Runs what is due
 * in the park logic first. */
struct hf_party *hf_dialog_party(struct hf_dialog *);
bool hf_dialog_set(char **field, const char *value);

/* invite_in.c, invite_out.c */
/* The stack's leg for a dialog that the peer's request begins. */
bool hf_dialog_leg(struct hf_dialog *, nta_incoming_t *, const sip_t *);
void hf_invite_in(struct hf_sip *, nta_incoming_t *, const sip_t *,
		  const struct hf_peer *);
int hf_request_event(struct hf_dialog *, nta_incoming_t *, const sip_t *);
void hf_request_reply(struct hf_dialog *, const struct hf_reply *);
struct hf_dialog *hf_invite_out(struct hf_sip *, struct hf_party *,
				const struct hf_call_out *);
void hf_invite_cancel(struct hf_dialog *, const struct hf_cause *);
/* `branch`: of an INVITE that the stack does not have, and would end us (assert)
 * for not finding; else NULL. */
void hf_invite_ack(struct hf_dialog *, uint32_t cseq, const char *branch);
/* The record of the call that we began is on disk: ACK, and what waited. */
void hf_invite_confirmed(struct hf_dialog *);

/* The 2xx is on its way; `was_held`: not in a call of the park logic. */
void hf_request_replied(struct hf_dialog *, bool was_held);
/* There is no ACK for an UPDATE: it is complete with its 2xx. */
void hf_update_done(struct hf_dialog *);

/* reliable.c. A 1xx of ours; false: it may go as any other. */
bool hf_reliable_reply(struct hf_dialog *, msg_t *);
void hf_reliable_forget(struct hf_dialog *);
/* A 1xx of theirs to our first INVITE. False: it was there before, or comes
 * before its turn. */
bool hf_early_progress(struct hf_dialog *, const sip_t *);
/* May who rings, and sends this, offer anew? It has. */
bool hf_early_agreed(const struct hf_dialog *, const sip_t *);
void hf_early_offered(struct hf_dialog *, const sip_t *);
/* Who sends this 2xx is our peer. Its body may turn into an earlier one, which
 * is then to be freed. */
void hf_early_won(struct hf_dialog *, const sip_t *, const char **body,
		  size_t *len, char **ret_text);
void hf_early_free(struct hf_dialog *);

/* journal.c */
struct hf_store_party;
void hf_dialog_save(struct hf_dialog *, struct hf_store_party *);
struct hf_dialog *hf_dialog_adopt(struct hf_sip *, struct hf_party *,
				  const struct hf_store_party *,
				  const char *answer);
void hf_dialog_undoubt(struct hf_dialog *);
void hf_dialog_ack_found(struct hf_dialog *, const sip_t *ack);
bool hf_invite_again(struct hf_sip *, nta_incoming_t *, const sip_t *);
/* Our BYE of a dialog in doubt has its answer. */
void hf_doubt_bye_answered(struct hf_dialog *, int status);
/* A 2xx to a re-INVITE of the process before us. False: to none. */
bool hf_answer_again(struct hf_sip *, const sip_t *);
/* A BYE for a dialog that nobody has: of a leg that only the maps know? */
bool hf_stray_bye(struct hf_sip *, nta_incoming_t *, const sip_t *);

/* held.c. False: there is no journal, it is yours and may go at once. */
void hf_hold_init(struct hf_sip *);
void hf_hold_fini(struct hf_sip *);
bool hf_hold_reply(struct hf_dialog *, msg_t *);
bool hf_hold_answer(struct hf_sip *, nta_incoming_t *bye, msg_t *);
bool hf_hold_ack(struct hf_dialog *);
bool hf_hold_bye(struct hf_dialog *);
void hf_hold_forget_reply(struct hf_dialog *);
void hf_hold_forget(struct hf_dialog *);
bool hf_hold_watch(struct hf_watcher *, nta_incoming_t *subscribe, msg_t *);
void hf_hold_forget_watch(struct hf_watcher *);

/* goodbye.c */
void hf_goodbye_begin(struct hf_dialog *);
void hf_goodbye_end(struct hf_dialog *);
/* Of a record that is no call's. */
uint64_t hf_record_id(struct hf_sip *);

/* ringing.c: while an INVITE of ours has no final answer; and what the process
 * before us left ringing. */
void hf_ringing_begin(struct hf_dialog *, const char *uri, const url_t *route);
void hf_ringing_end(struct hf_dialog *);
/* A final answer of 300 or more to it. False: to none of them. */
bool hf_ringing_refused(struct hf_sip *, const sip_t *);
void hf_ringing_free(struct hf_sip *);

/* subscribe.c: in a dialog of a watcher; false if there is none of that tag */
bool hf_subscribe_again(struct hf_sip *, nta_incoming_t *, const sip_t *);
/* Outside any dialog, past the precheck. */
void hf_subscribe_in(struct hf_sip *, nta_incoming_t *, const sip_t *,
		     const struct hf_peer *);

/* publish.c: with the lamps attached */
void hf_publish_start(struct hf_sip *);
void hf_publish_stop(struct hf_sip *);
bool hf_publish_idle(const struct hf_sip *);

/* register.c: as the configuration has it; before, nothing is registered */
void hf_register_sync(struct hf_sip *);
bool hf_register_idle(const struct hf_sip *);
void hf_register_free(struct hf_sip *);

/* identify.c */
void hf_identify(struct hf_dialog *, const struct hf_identity *, bool privacy);
void hf_identify_learn(struct hf_dialog *, const sip_t *);

/* indialog.c, reinvite.c, refresh.c */
int hf_indialog(void *dialog, nta_leg_t *, nta_incoming_t *, const sip_t *);
int hf_reinvite(struct hf_dialog *, const char *body);
/* An offer of what is agreed, for what else it says. False: not now. */
bool hf_reinvite_refresh(struct hf_dialog *);
void hf_reinvite_try(struct hf_dialog *);
void hf_refresh_agree(struct hf_dialog *, const sip_t *request);
/* What was agreed, as Session-Expires of an answer; NULL = nothing. */
const char *hf_refresh_text(su_home_t *, const struct hf_dialog *);
/* ... as that of a request of ours. */
const char *hf_refresh_ask(su_home_t *, const struct hf_dialog *);
/* The shortest interval we take. */
unsigned int hf_refresh_least(const struct hf_sip *);
/* A 2xx to a request that asked for an interval; another final answer to one
 * that was a refresh; 422 to any, true if it says what to ask for. */
void hf_refresh_answered(struct hf_dialog *, const sip_t *);
void hf_refresh_refused(struct hf_dialog *, int status, const sip_t *);
bool hf_refresh_too_short(struct hf_dialog *, int status, const sip_t *);
void hf_refresh_start(struct hf_dialog *);
void hf_refresh_resume(struct hf_dialog *); /* after a restart */
void hf_refresh_stop(struct hf_dialog *);

/* refer.c */
void hf_refer_in(struct hf_dialog *, nta_incoming_t *, const sip_t *,
		 const struct hf_peer *);
void hf_refer_outside(struct hf_sip *, nta_incoming_t *, const sip_t *,
		      const struct hf_peer *);
void hf_refer_outcome(struct hf_dialog *, int status, const char *phrase);

/* parse.c; strings are of `home` or of the message. */
void hf_parse_invite(su_home_t *home, const sip_t *, const struct hf_peer *,
		     struct hf_invite *ret);
/* uri NULL if it is none. */
void hf_parse_address(su_home_t *, const sip_contact_t *, struct hf_identity *);
void hf_parse_asserted(su_home_t *home, const sip_t *, bool trusted,
		       struct hf_identity *ret);
void hf_parse_refer(su_home_t *home, const sip_t *, const struct hf_peer *,
		    struct hf_refer *ret);
void hf_parse_body(const sip_t *, const char **body, size_t *len);

/* headers.c; NULL when there is nothing to say, or nothing sayable. */
/* A sip:, sips: or tel: URI that cannot break out of its brackets. */
url_t *hf_header_uri(su_home_t *, const char *uri);
sip_contact_t *hf_header_contact(su_home_t *, const struct hf_dialog *);
sip_from_t *hf_header_from(su_home_t *, const struct hf_sip *,
			   const struct hf_config_tenant *, const struct hf_identity *, bool privacy);
sip_reason_t *hf_header_reason(su_home_t *, int cause, const char *text);
sip_warning_t *hf_header_warning(su_home_t *, const struct hf_sip *,
				 const char *text);
/* P-Asserted-Identity of a trusted peer's, and Remote-Party-ID if configured;
 * `party` as in the latter: "calling" or "called". */
sip_unknown_t *hf_header_names(su_home_t *, const struct hf_sip *,
			       const struct hf_identity *, bool privacy,
			       const char *party, sip_unknown_t *next);
/* "Name: value" lines. */
sip_unknown_t *hf_header_lines(su_home_t *, const char *lines,
			       sip_unknown_t *next);
/* An extension header; refused if the value could end the line. */
sip_unknown_t *hf_header_text(su_home_t *, const char *name, const char *value,
			      sip_unknown_t *next);
sip_unknown_t *hf_header_address(su_home_t *, const char *name,
				 const struct hf_identity *,
				 sip_unknown_t *next);

/* message.c */
void hf_message_send(struct hf_sip *, const struct hf_config_tenant *,
		     const char *from_user, const char *to, const char *text);
void hf_messages_free(struct hf_sip *);

/* count.c: let go of a transaction, and count how it ended. NULL is fine. */
struct hf_sip_count;
int hf_count_open(struct hf_sip *);
void hf_count_close(struct hf_sip *);
void hf_request_end(struct hf_sip *, nta_incoming_t *);
void hf_asked_end(struct hf_sip *, nta_outgoing_t *);

#endif
