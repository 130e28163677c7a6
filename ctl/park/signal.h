/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the park logic and the signalling stack say to each other.
 *
 * ctl/sip moves SIP messages and dialogs and never reads a body; ctl/park
 * decides and never sees a SIP header beyond the fields below. Bodies pass as
 * SDP text. Everything runs on one thread, nothing here blocks.
 *
 * Ownership: pointers handed over in a call live until the call returns; who
 * needs more copies. The stack owns a struct hf_dialog, the park logic a struct
 * hf_party; each keeps the other's pointer as a cookie. The dialog of a party
 * stays valid until the park logic calls ->release() on it, whatever happens on
 * the wire; afterwards the stack finishes the dialog's transactions alone and
 * calls nothing for it any more.
 */
#ifndef HOLDFAST_PARK_SIGNAL_H
#define HOLDFAST_PARK_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_config_tenant;
struct hf_dialog;
struct hf_party;
struct hf_park;
struct hf_store_party;

/* A user as one header names it. Absent header: uri is NULL. */
struct hf_identity {
	const char *uri;     /* "sip:1001@pbx.example.com", no display, no header parameters */
	const char *user;    /* unescaped; "" if none */
	const char *host;    /* without port */
	const char *display; /* unquoted; "" if none */
};

/* Replaces (RFC 3891), as the sender wrote it: to_tag is OUR tag. */
struct hf_replaces {
	const char *call_id;
	const char *to_tag;
	const char *from_tag;
	bool early_only;
};

/* A new INVITE outside any dialog, already past the stack's own checks
 * (syntax, Max-Forwards, Require, source trusted or authenticated). */
struct hf_invite {
	const char *call_id;
	const char *from_tag;
	struct hf_identity target;  /* Request-URI */
	const char *target_params;  /* "orbit=701;x" or "" */
	struct hf_identity from;
	struct hf_identity asserted;    /* P-Asserted-Identity, only if trusted */
	struct hf_identity referred_by; /* these three only if trusted */
	struct hf_identity diversion;   /* topmost */
	struct hf_identity history;     /* the entry before the current target */
	const struct hf_replaces *replaces; /* NULL if none */
	const char *user_to_user;	    /* RFC 7433, "" if none */
	const char *carried; /* sip.carry_headers as "Name: value" lines, "" if none */
	const char *recall_marker; /* X-Holdfast-Recall, "" if none: our own recall come back */
	int park_time_s; /* X-Holdfast-Park-Time, only if trusted; 0 = none */
	const char *hold_audio; /* X-Holdfast-Audio, only if trusted: a clip */
	const char *page; /* X-Holdfast-Page, only if trusted: a zone, or "none" */
	const char *only; /* X-Holdfast-Only, only if trusted: who may pick it up */
	bool no_park;	  /* X-Holdfast-Park: no, only if trusted */
	const char *source;	   /* IP address the request came from */
	const char *local;	   /* IP address it was sent to */
	const char *transport;	   /* "udp", "tcp" */
	const struct hf_config_tenant *tenant; /* NULL = the only one */
	bool no_tenant; /* nobody's: it gets nothing of anybody */
	bool trusted;
	bool reliable;	  /* an 18x is acknowledged (RFC 3262), perhaps with SDP */
	bool privacy;	  /* Privacy: id, user or full */
	const char *body; /* SDP offer; NULL = late offer */
	size_t body_len;
};

/* An answer to an INVITE or re-INVITE of the peer. */
struct hf_reply {
	int status;	    /* 200-699; or 183 with early media, then one of them */
	const char *phrase; /* NULL = the standard one */
	const char *body;   /* SDP; NULL = none */
	const char *contact_user;   /* user part of our Contact (the slot), NULL = leave */
	const char *display;	    /* display name of Contact ("Parked at 701"), NULL = none */
	struct hf_identity asserted; /* P-Asserted-Identity of the 200: who you now talk to */
	bool privacy;		     /* with Privacy: id; then anonymous to untrusted peers */
	const char *reason; /* text of a Reason header, NULL = none */
	const char *user_to_user; /* "" or NULL = none */
	const char *carried;	  /* lines, "" or NULL = none */
	int retry_after_s;	  /* 0 = none */
};

/* REFER (RFC 3515) with one Refer-To. */
struct hf_refer {
	struct hf_identity target; /* Refer-To */
	const char *target_params; /* as in struct hf_invite */
	/* Out of its header part: a dialog that the target has; to_tag is the
	 * target's. NULL if none. */
	const struct hf_replaces *replaces;
	struct hf_identity referred_by; /* only if trusted */
};

/* A new INVITE of ours (recall, fallback, transfer). Goes through the outbound proxy. */
struct hf_call_out {
	const char *uri; /* Request-URI and To */
	const struct hf_config_tenant *tenant; /* whose proxy; NULL = the only one */
	struct hf_identity from; /* uri NULL: our own domain; display with the label */
	struct hf_identity asserted;
	bool privacy;
	const char *alert_info;	   /* NULL = none */
	/* Be answered at once, without a hand (NULL = none): */
	const char *call_info;	 /* "<sip:...>;answer-after=0" */
	const char *answer_mode; /* RFC 5373: "Auto" */
	const char *diversion;	   /* URI of the slot, NULL = none */
	const char *diverted_by;   /* who sent us here by a 3xx, NULL = nobody */
	const char *recall_marker; /* X-Holdfast-Recall */
	const char *user_to_user;
	const char *carried;
	const struct hf_replaces *replaces; /* to_tag is the target's; or NULL */
	struct hf_identity referred_by;	    /* uri NULL = none */
	const char *body;		    /* SDP offer */
};

/* Why a dialog is ended by us: Reason: SIP;cause=..;text=".." (RFC 3326). */
struct hf_cause {
	int sip;	  /* 0 = no Reason header */
	const char *text;
};

/* What the park logic asks of the stack. None of these calls back before it
 * returns. */
struct hf_signal_ops {
	/* Answer to the INVITE or re-INVITE now pending on the dialog. A 2xx
	 * is retransmitted until its ACK; then hf_park_ack(), else
	 * hf_park_no_ack() after 64*T1. A non-2xx to the first INVITE ends the
	 * dialog on the wire (still release it). */
	void (*reply)(struct hf_dialog *, const struct hf_reply *);
	/* A new dialog for `party`, or NULL with errno set. */
	struct hf_dialog *(*invite)(void *stack, struct hf_party *party,
				    const struct hf_call_out *);
	/* Give up an INVITE of ours. The stack sends CANCEL when it may (after a
	 * provisional); if a 200 crosses it, the stack ACKs and BYEs that. Ends in
	 * hf_park_failed(487) unless released before. */
	void (*cancel)(struct hf_dialog *, const struct hf_cause *);
	/* End a confirmed dialog. (An incoming one whose 200 has not been ACKed
	 * yet gets its BYE after the ACK or the timeout, RFC 3261 15.1.1.) */
	void (*bye)(struct hf_dialog *, const struct hf_cause *);
	/* Offer `body` in a re-INVITE; hf_park_reinvite_done() follows. Glare
	 * (491) is retried inside the stack (RFC 3261 14.1). */
	int (*reinvite)(struct hf_dialog *, const char *body);
	/* Tell an up dialog whom it talks to now, where the peer takes that in
	 * mid-call; nobody hears what became of it. May be NULL. */
	void (*identify)(struct hf_dialog *, const struct hf_identity *,
			 bool privacy);
	/* What becomes of the REFER at hand: first its answer, 202 or 300 and
	 * above; after a 202, once, how it ended (RFC 3515 2.4.5). A BYE waits
	 * until that has been told. */
	void (*refer)(struct hf_dialog *, int status, const char *phrase);
	/* The park logic has forgotten the party. */
	void (*release)(struct hf_dialog *);
	/* Own tag, for Replaces matching and display; valid while the dialog is. */
	const char *(*local_tag)(const struct hf_dialog *);
	/* Call-ID, for records of the legs we call ourselves. May be NULL. */
	const char *(*call_id)(const struct hf_dialog *);
	/* A line of text to a URI (RFC 3428), from a user of our domain; nobody
	 * hears what became of it. May be NULL. */
	void (*message)(void *stack, const struct hf_config_tenant *,
			const char *from_user, const char *to,
			const char *text);
	/* Fill in what the journal keeps of the dialog; text lives until the
	 * next call of this for it. May be NULL. */
	void (*save)(struct hf_dialog *, struct hf_store_party *);
	/*
	 * Take up the dialog of a process before us, or NULL. `answer`: the SDP
	 * we sent last. Of one whose ACK we have not seen the stack finds out
	 * whether it stands: hf_park_ack() or hf_park_no_ack(). May be NULL.
	 */
	struct hf_dialog *(*adopt)(void *stack, struct hf_party *,
				   const struct hf_store_party *,
				   const char *answer);
};

/* What the stack tells the park logic. */

/* A new call. The park logic answers through ->reply(), at once or later, and
 * returns its party, or NULL when it has refused (then it has released too). */
struct hf_party *hf_park_invite(struct hf_park *, struct hf_dialog *,
				const struct hf_invite *);
/* ACK for our 2xx (first or re-INVITE); body: the answer after a late offer. Also
 * the PRACK for a 183 of ours that had an offer. */
void hf_park_ack(struct hf_party *, const char *body, size_t len);
void hf_park_no_ack(struct hf_party *);
/* CANCEL for an INVITE we have not answered finally; stack has sent 487. */
void hf_park_cancel(struct hf_party *);
/* BYE from the peer (answered 200 by the stack), or the dialog is lost (481,
 * session expired: why says so). */
void hf_park_bye(struct hf_party *, const char *why);
/* re-INVITE or UPDATE with offer (body) or, re-INVITE only, late offer (body
 * NULL). Answer with ->reply(), at once. `asserted`: identity in this request.
 * Also an UPDATE of one that rings and has answered early. */
void hf_park_reinvite(struct hf_party *, const struct hf_identity *asserted,
		      const char *body, size_t len);
/* UPDATE without offer that says who is there now; it has been answered. */
void hf_park_identity(struct hf_party *, const struct hf_identity *asserted);
/* REFER in the dialog of a party. Answer with ->refer(). */
void hf_park_refer(struct hf_party *, const struct hf_refer *);
/* REFER outside any dialog, to one of our numbers (RFC 5359 2.9): fetch the
 * caller whose dialog it names. `asked` is the REFER itself as if it were an
 * INVITE. Answer with ->refer(), then ->release() the dialog. */
void hf_park_refer_outside(struct hf_park *, struct hf_dialog *,
			   const struct hf_invite *asked,
			   const struct hf_refer *);
/* 1xx to our INVITE (never its SDP). */
void hf_park_progress(struct hf_party *, int status);
/* The answer to our offer came before the 2xx, in a reliable 1xx. */
void hf_park_early(struct hf_party *, const char *body, size_t len);
/* 2xx to our INVITE; the stack has sent the ACK. Without a body after
 * hf_park_early(): as was said there, or offered since. */
void hf_park_answered(struct hf_party *, const char *body, size_t len);
/* Final failure of our INVITE: status 300-699; 408 also for no answer at all. */
void hf_park_failed(struct hf_party *, int status, const char *phrase);
/* A 3xx to our INVITE that names another address. */
void hf_park_redirected(struct hf_party *, int status, const char *phrase,
			const struct hf_identity *to);
/* BYE for a Call-ID that no dialog has. True: there was a leg of it that no call
 * accounts for; it has ended. */
bool hf_park_stray_bye(struct hf_park *, const char *call_id);
/* Our re-INVITE ended: status 200 with the answer, or a failure. */
void hf_park_reinvite_done(struct hf_party *, int status, const char *body,
			   size_t len);

/* What is agreed, as an offer that changes nothing, for a re-INVITE that the
 * stack sends for a reason of its own; -EBUSY: another is under way. Its answer
 * is told, which may have changed. */
int hf_park_session(struct hf_party *, char *sdp, size_t len);
void hf_park_refreshed(struct hf_party *, const char *body, size_t len);

#endif
