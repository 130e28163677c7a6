/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file, read into plain records. Everything is checked while
 * reading: a struct hf_config that exists is consistent. Immutable after load.
 */
#ifndef HOLDFAST_CONFIG_H
#define HOLDFAST_CONFIG_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../base/ip.h"

struct hf_config_listen {
	char transport[4]; /* "udp", "tcp", "tls" */
	char host[48];	   /* numeric, IPv6 without brackets */
	uint16_t port;
};

struct hf_config_prefix { /* 192.0.2.0/24, 2001:db8::/32 */
	struct in6_addr net; /* IPv4 mapped, ::ffff:192.0.2.0 */
	unsigned int bits;   /* of these 128: of IPv4 96 more */
};

/* An address of SIP that a router translates one to one. */
struct hf_config_nat {
	struct in_addr address, advertise;
	struct hf_config_prefix *inside; /* who is on this side of the router */
	unsigned int inside_count;
};

/* Who may prove to us by digest who it is. */
struct hf_config_user {
	char *name, *password;
	char *identity; /* URI; else sip:NAME@DOMAIN: never NULL */
	bool trusted;	/* may also tell of others: transfer marks, X- headers */
};

/* What we prove to be where we are asked. */
struct hf_config_account {
	char *realm; /* NULL = any */
	char *name, *password;
};

/* Where we make ourselves known by REGISTER (RFC 3261 10). */
struct hf_config_registration {
	char *aor;	 /* "sip:park@pbx.example.com": who we are there */
	char *registrar; /* "sip:192.0.2.5", NULL = the host of `aor` */
	char *contact;	 /* user part of our address, NULL = that of `aor` */
	char *name, *password; /* NULL = as sip.digest.accounts have it */
	unsigned int expires_s;
};

/* Whose certificates of TLS are looked at. */
enum hf_tls_verify { HF_TLS_OUTGOING, HF_TLS_ALL, HF_TLS_NONE };

struct hf_config_address {
	struct hf_ip ip4;
	struct hf_ip advertise; /* = ip4 unless behind 1:1 NAT */
	struct hf_config_prefix *inside; /* who is told ip4 all the same */
	unsigned int inside_count;
	char interface[IFNAMSIZ];
};

enum hf_position { HF_POSITION_START, HF_POSITION_SHARED };
struct hf_config_clip {
	char *name;
	char *file; /* absolute, or relative to the configuration file: resolved */
	char **files; /* a playlist, instead */
	unsigned int file_count;
	bool shuffle; /* the playlist, each time it is loaded */
	char *text;   /* to be spoken, instead */
	char *voice;  /* of the text, "en" */
	char *g729;   /* ready-made frames of 10 bytes, NULL = none */
	enum hf_position position; /* from the start, or shared by all */
};

struct hf_config_label {
	char *slot;
	char *text;
};

/* A lamp list: one SUBSCRIBE for many lamps (RFC 4662). */
struct hf_config_lamp_list {
	char *name;	/* user part of its URI */
	char *tenant;
	const struct hf_config_tenant *of; /* NULL = the only one */
	char **entries; /* slots, ranges of slots "701-710", lots */
	unsigned int entry_count;
};

/* A PBX that keeps the lamps of its phones itself and is told about slots. */
enum hf_push_pbx { HF_PUSH_ASTERISK, HF_PUSH_FREESWITCH };
struct hf_config_push {
	enum hf_push_pbx pbx;
	char *tenant;
	const struct hf_config_tenant *of;
	char *url;	/* "http://pbx:8088/ari", "tcp://pbx:8021" */
	char *user;	/* Asterisk only */
	char *password;
	char *device;	/* what the PBX calls a slot; one %s for the slot */
};

enum hf_publish_event { HF_PUBLISH_DIALOG, HF_PUBLISH_PRESENCE };
enum hf_lamp_pickup { HF_LAMP_DIAL, HF_LAMP_REPLACES };
enum hf_lamp_state { HF_LAMP_CONFIRMED, HF_LAMP_EARLY };
enum hf_lamp_idle { HF_LAMP_EMPTY, HF_LAMP_TERMINATED };
/* Who sends hold frames by the clock: the kernel module, holdfast-mediad by BPF;
 * auto: the first of these that this host allows. */
enum hf_pacer_choice {
	HF_PACER_AUTO,
	HF_PACER_KMOD,
	HF_PACER_BPF,
	HF_PACER_PACKET
};
/* Which keys of parties become events; waiting: not of two who talk. */
enum hf_key_events { HF_KEYS_ALL, HF_KEYS_WAITING, HF_KEYS_NONE };
/* full: a call is answered when its record is on disk. */
enum hf_journal_sync { HF_SYNC_FULL, HF_SYNC_OFF };
enum hf_on_busy { HF_BUSY_REFUSE, HF_BUSY_NEXT_FREE, HF_BUSY_RING_PARKER };
/* A slot where nobody waits, dialled by one who may park. */
enum hf_on_empty { HF_EMPTY_REFUSE, HF_EMPTY_RESERVE };
enum hf_on_full { HF_FULL_REFUSE, HF_FULL_RING_PARKER, HF_FULL_URI };
enum hf_finally { HF_FINALLY_REPEAT, HF_FINALLY_HANG_UP, HF_FINALLY_URI };
/* What who answers a recall has to do to get the caller. */
enum hf_confirm { HF_CONFIRM_NONE, HF_CONFIRM_DTMF };
enum hf_on_hangup { HF_HANGUP_END, HF_HANGUP_PARK };
enum hf_slot_choice { HF_CHOICE_FIRST, HF_CHOICE_NEXT, HF_CHOICE_RANDOM };

/* Customers who share one Holdfast: each has its own lots, and its numbers mean
 * nothing to the others. A lot without one (NULL everywhere) is the only tenant. */
struct hf_config_tenant {
	char *name;
	/* Who is meant: the host of the Request-URI, else where it comes from,
	 * where it comes to, or what a header says. */
	char **domains;
	unsigned int domain_count;
	struct hf_config_prefix *peers;
	unsigned int peer_count;
	struct hf_config_listen *listen; /* transport "" and port 0 = any */
	unsigned int listen_count;
	char *header; /* "X-Tenant: acme" */
	/* Its own, in place of those of `sip`: */
	char *domain; /* never NULL */
	char *outbound_proxy;
	char **internal;
	unsigned int internal_count;
};

/* Who may use the board and the REST interface; each role may what those before
 * it may. */
enum hf_http_role {
	HF_ROLE_HTTP_NONE,
	HF_ROLE_HTTP_VIEW,
	HF_ROLE_HTTP_ACT,
	HF_ROLE_HTTP_ADMIN
};
struct hf_config_http_listen {
	char host[48]; /* numeric */
	bool ip6;
	uint16_t port;
};
struct hf_config_http_user {
	char *name;
	enum hf_http_role role;
	char *token; /* or "sha256:" and 64 hex digits */
	char *phone; /* URI that "to my phone" calls, or NULL */
	char *tenant; /* whose lots and calls alone it sees; NULL = all */
};

#define HF_CONFIG_RING_MAX 16
/* Phones that ring at once. */
struct hf_config_ring {
	char **uris;
	unsigned int count;
};

/* Who is told over HTTP what happens (ctl/hooks). */
enum hf_hook_format { HF_HOOK_JSON, HF_HOOK_SLACK, HF_HOOK_TEAMS };
struct hf_config_hook {
	char *name;
	char *url; /* may hold a secret: not for logs */
	enum hf_hook_format format;
	char **events; /* names; none = all but "record" */
	unsigned int event_count;
	char **lots; /* none = all */
	unsigned int lot_count;
	char *text;	     /* with {keys} of the event, NULL = its own */
	char *secret;	     /* of the signature, NULL = none */
	char *authorization; /* value of the header, NULL = none */
	char *ca;	     /* file with roots to trust, NULL = the system's */
	bool cleartext;	     /* http: to other hosts */
	bool trusted;	     /* is told who wants privacy */
	unsigned int timeout_s, give_up_s;
	unsigned int queue;    /* entries that wait at most */
	unsigned int parallel; /* deliveries at a time */
};

#define HF_REPARK_KEYS_MAX 8

/* What a dialler is told who cannot be served: a number of SIP only, or why in
 * words: after a 200, or as early media before the refusal. */
enum hf_refusals { HF_REFUSE_PLAINLY, HF_REFUSE_ANSWERED, HF_REFUSE_EARLY };

/* How a phone is asked to answer by itself; there is no one way. */
enum hf_auto_answer {
	HF_AUTO_CALL_INFO,   /* Call-Info: <...>;answer-after=0 */
	HF_AUTO_ALERT_INFO,  /* Alert-Info: <...>;info=alert-autoanswer */
	HF_AUTO_RING_ANSWER, /* Alert-Info: Ring Answer */
	HF_AUTO_ANSWER_MODE, /* Answer-Mode: Auto (RFC 5373) */
	HF_AUTO_NONE,
};
struct hf_config_page_target {
	char *uri;
	enum hf_auto_answer auto_answer;
	char *alert_info; /* its own text instead of ours, NULL = ours */
};
/* Where parked calls are called out: phones, a multicast group, or both. */
struct hf_config_zone {
	char *name;
	char *tenant;
	const struct hf_config_tenant *of; /* NULL = the only one */
	struct hf_config_page_target *targets;
	unsigned int target_count;
	unsigned int answer_s;
	struct in_addr group; /* 0.0.0.0 = none */
	unsigned int port;
	unsigned int ttl;
	char interface[IFNAMSIZ];
	char *codec; /* "PCMU", "PCMA", "G722" */
};

/* Callers who hear other music than their lot's. */
struct hf_config_audio_rule {
	char *caller; /* pattern user@host */
	char *clip;
};

struct hf_config_lot {
	char *name; /* of all tenants' lots there is one of that name */
	char *tenant;
	const struct hf_config_tenant *of; /* NULL = the only one */
	char *park;	     /* "700" */
	char *slot_prefix;   /* "*" of *701-*720, else "" */
	uint32_t slot_first; /* 701 */
	uint32_t slot_last;  /* 720 */
	unsigned int slot_digits; /* 3: leading zeros are kept */
	/* Of these, what the file has: others are there until they are free
	 * (hf_config_follow()); a lot that leaves has none. */
	uint32_t offered_first, offered_last;
	bool leaving;
	char *park_prefix;   /* "*68" or NULL */
	char *pickup_prefix; /* "*88" or NULL */
	char *retrieve_oldest; /* "*89" or NULL */
	struct hf_config_label *labels;
	unsigned int label_count;
	unsigned int timeout_s;	 /* 0 = never rings back; <= max_wait_s */
	unsigned int max_wait_s; /* 10 - 259200 */
	unsigned int reserve_s;	 /* lease of a reserved slot, default 30 */
	char *hold_audio;	 /* clip name */
	struct hf_config_audio_rule *audio_rules; /* the first that fits */
	unsigned int audio_rule_count;
	bool message_parker;	 /* where the call waits, as SIP MESSAGE */
	struct {
		char *language;	  /* folder of audio.prompts, "en" */
		bool tell_slot;	  /* who dials the park number hears the slot */
		bool pickup_tone; /* the caller hears it before the retriever */
		char *announce;	  /* clip put into the music, NULL = none */
		unsigned int announce_every_s;
		enum hf_refusals refusals;
	} voice;
	struct {
		char *key; /* one character, NULL = none */
		char *to;
	} escape; /* who waits presses it, and this is called */
	char *repark_keys; /* who has picked up presses them; NULL = none */
	char *page; /* zone where calls that come to wait are called out */
	bool hold_clock_auto;
	enum hf_slot_choice choice; /* key slot_choice */
	enum hf_on_busy on_busy;
	enum hf_on_empty on_empty;
	enum hf_on_full on_full;
	char *on_full_uri;
	char **may_park; /* identity patterns; "internal" and "any" are words */
	unsigned int may_park_count;
	char **may_retrieve;
	unsigned int may_retrieve_count;
	char **may_watch;
	unsigned int may_watch_count;
	enum hf_lamp_pickup lamp_pickup;
	enum hf_lamp_state lamp_state; /* while parked */
	enum hf_lamp_idle lamp_idle;
	struct {
		unsigned int ring_s;   /* 30 */
		unsigned int attempts; /* 2: of the parker, before the fallbacks */
		struct hf_config_ring *fallback;
		unsigned int fallback_count;
		enum hf_finally finally;
		char *finally_uri;
		char *display_prefix; /* default "Park %s: " (slot), "" = none;
				       * at most one %s and no other % */
		char *alert_info;     /* or NULL */
		bool follow_redirect; /* a 302 is called, not a failure */
		enum hf_on_hangup on_hangup; /* of who answered the recall */
		enum hf_confirm confirm;
		unsigned int confirm_s; /* time for that, from the answer */
	} recall;
	struct {
		unsigned int waiting_s;	   /* longer is told, 0 = not */
		unsigned int full_percent; /* that or more is told, 0 = not */
		unsigned int full_clear_percent; /* over at that or less */
		bool recall_failed;
		char **message; /* URIs that get a line of text */
		unsigned int message_count;
		char **call; /* URIs that are called and told */
		unsigned int call_count;
		char *text;  /* with {lot} and others, NULL = ours */
		char *voice; /* that speaks it */
	} alerts;
};

/* A rule of `routing:`; NULL or 0 = not said. */
struct hf_config_route {
	char *name;
	char *tenant;
	const struct hf_config_tenant *of; /* whose calls; NULL = all */
	char *called, *caller, *parker; /* patterns: user, or user@host */
	char *header;			/* "X-Account: gold*" */
	struct hf_config_prefix *source;
	unsigned int source_count;
	char *lot, *slot;
	unsigned int park_time_s;
	char *hold_audio;
	char **only; /* patterns: who may pick the call up, beside its parker */
	unsigned int only_count;
	bool refuse; /* it may not be parked at all */
};

struct hf_config {
	char *path;	/* of the file, for messages */
	char *instance; /* "main" unless --instance */
	struct {
		struct hf_config_listen *listen;
		unsigned int listen_count;
		char *domain; /* never NULL: else the first listen address */
		char *outbound_proxy; /* URI or NULL */
		struct hf_config_prefix *trusted;
		unsigned int trusted_count;
		char **internal; /* patterns user@host with ? and * */
		unsigned int internal_count;
		char **carry; /* names of headers to carry through */
		unsigned int carry_count;
		bool remote_party_id;	 /* also write Remote-Party-ID */
		bool connected_identity; /* tell the other side by UPDATE */
		bool identity_reinvite;	 /* ... else by re-INVITE */
		unsigned int session_s;	 /* asked for in our INVITEs, 0 = not */
		unsigned int min_session_s;
		unsigned int alive_s; /* without one: asked by OPTIONS, 0 = not */
		struct hf_config_nat *nat;
		unsigned int nat_count;
		struct hf_config_registration *registrations; /* key register */
		unsigned int registration_count;
		struct {
			char *certificates; /* folder, NULL = no TLS */
			enum hf_tls_verify verify;
		} tls;
		struct {
			char *realm; /* NULL = the domain */
			struct hf_config_user *users;
			unsigned int user_count;
			struct hf_config_account *accounts;
			unsigned int account_count;
		} digest;
	} sip;
	struct {
		struct hf_config_address *addresses;
		unsigned int address_count;
		uint16_t port_min; /* even */
		uint16_t port_max; /* odd */
		enum hf_pacer_choice pacer;
		struct hf_config_prefix *allow; /* where `latch` may learn */
		unsigned int allow_count;	/* 0 = anywhere */
		enum hf_key_events key_events;
		unsigned int silence_s; /* 0 = never told */
		bool latch;	   /* media.nat: latch where the SDP address is not the signalling source */
	} media;
	struct {
		unsigned int memory_mib;
		char **codecs; /* SDP names, in the order of our offers */
		unsigned int codec_count;
		unsigned int opus_kbit_s;
			int loudness_db; /* RMS against full scale, below 0 */
		char *prompts; /* folder with one folder of prompts a language */
		struct hf_config_clip *clips;
		unsigned int clip_count;
	} audio;
	struct {
		char *socket;	 /* control socket path */
		char *state_dir; /* /var/lib/holdfast/INSTANCE */
		uint32_t *users; /* who may act, besides root and us */
		unsigned int user_count;
	} control;
	struct {
		char *path; /* never NULL: else in state_dir */
		enum hf_journal_sync sync;
		unsigned int copy_s; /* between two copies, 0 = none */
		unsigned int orphan_grace_s; /* of legs without a call */
	} journal;
	struct {
		char *path; /* NULL: history.db in state_dir */
		unsigned int keep_days; /* 0 = no history */
		unsigned int max_mib;
	} history;
	struct {
		unsigned int min_expires_s, max_expires_s;
		struct hf_config_lamp_list *lists;
		unsigned int list_count;
		struct {
			char *to; /* "sip:presence.example.com", NULL = no */
			enum hf_publish_event event;
			unsigned int expires_s;
		} publish;
		struct hf_config_push *push;
		unsigned int push_count;
	} lamps;
	struct {
		struct hf_config_http_listen *listen;
		unsigned int listen_count; /* 0 = no HTTP at all */
		char **names; /* that Host: may carry, beside addresses */
		unsigned int name_count;
		char *certificate, *key; /* files; both or none */
		bool cleartext;		 /* outside loopback without TLS */
		enum hf_http_role anonymous;
		struct hf_config_http_user *users;
		unsigned int user_count;
	} http;
	struct hf_config_hook *hooks; /* key webhooks */
	unsigned int hook_count;
	struct hf_config_zone *zones;
	unsigned int zone_count;
	struct hf_config_tenant *tenants; /* none = one, and everybody is its */
	unsigned int tenant_count;
	struct hf_config_route *routes;
	unsigned int route_count;
	struct hf_config_lot *lots;
	unsigned int lot_count;
	unsigned int leaving; /* lots with something that is to go */
};

/*
 * Read `path`. All errors of the file are written to `errors`, one line each:
 * "FILE:LINE: key: what is wrong; what to do", with the nearest valid key for an
 * unknown one. Returns 0 and *ret, -EINVAL when anything was wrong, -errno when
 * the file cannot be read (also said in `errors`).
 */
int hf_config_load(const char *path, const char *instance, FILE *errors,
		   struct hf_config **ret);
void hf_config_free(struct hf_config *);

/*
 * change.c: may `next` take the place of `now` while calls are here? Names all
 * that cannot change at run time to `errors`; returns how many.
 */
unsigned int hf_config_fixed(const struct hf_config *now,
			     const struct hf_config *next, FILE *errors);
/*
 * Carries over what `next` no longer has but is in use: a lot for which
 * `lot_used` is true (lots of `now`, by place), a slot for which `busy` is. -1: it
 * cannot be, which `errors` says; if that is NULL, what cannot be is left out.
 * `next` then refers to memory of `now`.
 */
int hf_config_follow(struct hf_config *next, const struct hf_config *now,
		     bool (*busy)(void *arg, unsigned int lot, uint32_t slot),
		     bool (*lot_used)(void *arg, unsigned int lot), void *arg,
		     FILE *errors);
/* As hf_config_load(), of text that was read before. */
int hf_config_parse(const char *text, size_t len, const char *path,
		    const char *instance, FILE *errors, struct hf_config **ret);
/* The whole file; -errno. */
int hf_config_read(const char *path, char **ret, size_t *ret_len);

/* What a webhook may ask for and put into its text; end with NULL. */
extern const char *const hf_config_event_names[];
extern const char *const hf_config_event_keys[];

/* May a new call be parked in this slot (it is not only there until free)? */
static inline bool hf_config_slot_offered(const struct hf_config_lot *lot,
					  uint32_t slot)
{
	uint32_t number = lot->slot_first + slot;

	if (lot->leaving)
		return false;
	return !lot->offered_last || (number >= lot->offered_first &&
				      number <= lot->offered_last);
}

/* "1???@pbx.example.com" against user and host; case-insensitive host. */
bool hf_pattern_match(const char *pattern, const char *user, const char *host);
/* A right such as 192.0.2.0/24: is `source`, an address or NULL, in it? Of other
 * rights, false. */
bool hf_right_from(const char *right, const char *source);
/* The whole of a text against a pattern, case as written. */
bool hf_text_match(const char *pattern, const char *text);
/* "X-Account: gold*" among "Name: value" lines; NULL = no lines. */
bool hf_header_match(const char *wanted, const char *lines);
/* Does media.allow let media be learned from there? */
bool hf_config_may_latch(const struct hf_config *, struct hf_ip source);
bool hf_config_trusted(const struct hf_config *, const struct in6_addr *source);

/* A numeric address of either kind, IPv4 mapped; [] around IPv6 is fine. */
bool hf_ip_parse(const char *text, struct in6_addr *ret);

static inline struct in6_addr hf_ip_mapped(struct in_addr ip)
{
	struct in6_addr out = {{{0}}};

	out.s6_addr[10] = out.s6_addr[11] = 0xff;
	memcpy(&out.s6_addr[12], &ip, 4);
	return out;
}

/* IPv4 addresses as hf_ip_mapped() has them; ::/0 is none of theirs. */
static inline bool hf_prefix_match(const struct hf_config_prefix *p,
				   const struct in6_addr *ip)
{
	unsigned int bytes = p->bits / 8, rest = p->bits % 8;

	if (IN6_IS_ADDR_V4MAPPED(ip) != IN6_IS_ADDR_V4MAPPED(&p->net) ||
	    memcmp(ip, &p->net, bytes))
		return false;
	return !rest || !((ip->s6_addr[bytes] ^ p->net.s6_addr[bytes]) >>
			  (8 - rest));
}

static inline bool hf_prefix_any(const struct hf_config_prefix *p,
				 unsigned int count, const struct in6_addr *ip)
{
	for (unsigned int i = 0; i < count; i++)
		if (hf_prefix_match(&p[i], ip))
			return true;
	return false;
}
/* tenants.c. What a request says of whose it is. */
struct hf_tenant_ask {
	const char *host; /* of its Request-URI */
	const char *source, *transport, *local; /* "192.0.2.7", "udp", ours */
	uint16_t local_port;
	const char *headers; /* "Name: value" lines, of who is trusted; or NULL */
};
/* False: nobody's. *ret is NULL where there are no tenants. */
bool hf_config_tenant(const struct hf_config *, const struct hf_tenant_ask *,
		      const struct hf_config_tenant **ret);
const struct hf_config_tenant *hf_config_tenant_named(const struct hf_config *,
						      const char *name);
/* What holds for a tenant; NULL = the only one. */
const char *hf_tenant_domain(const struct hf_config *,
			     const struct hf_config_tenant *);
const char *hf_tenant_proxy(const struct hf_config *,
			    const struct hf_config_tenant *); /* or NULL */
bool hf_config_internal(const struct hf_config *,
			const struct hf_config_tenant *, const char *user,
			const char *host);
/*
 * The slot that a number means to this tenant, written exactly so; false if none.
 * `ret_slot` counts within its lot. numbers.c.
 */
bool hf_config_find_slot(const struct hf_config *,
			 const struct hf_config_tenant *, const char *number,
			 unsigned int *ret_lot, uint32_t *ret_slot);
/* A lot by its park number or its name. */
bool hf_config_find_lot(const struct hf_config *,
			const struct hf_config_tenant *, const char *number,
			unsigned int *ret_lot);
/* An entry of a lamp list: `count` slots from `slot` on; 0 = the whole lot. */
bool hf_config_find_entry(const struct hf_config *,
			  const struct hf_config_tenant *, const char *entry,
			  unsigned int *ret_lot, uint32_t *ret_slot,
			  uint32_t *ret_count);
/* The slot of that name in the lot of that name. */
bool hf_config_find_named(const struct hf_config *, const char *lot,
			  const char *slot, unsigned int *ret_lot,
			  uint32_t *ret_slot);
/* "701" of slot 0. */
void hf_config_slot_name(const struct hf_config_lot *, uint32_t slot,
			 char *name, size_t len);
/* Legs that the media addresses and ports allow. */
unsigned int hf_config_leg_count(const struct hf_config *);
/* A few lines for --check-config: lots, slots, legs. */
void hf_config_print_summary(const struct hf_config *, FILE *);

#endif
