/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this room share: slots.c knows what each slot looks like
 * and what changed when, resource.c what a number means, watch.c the life of a
 * subscription, restore.c its next life, send.c when something is sent, due.c
 * what is due next, body.c and its neighbours what stands in it.
 */
#ifndef HOLDFAST_PRESENCE_INTERNAL_H
#define HOLDFAST_PRESENCE_INTERNAL_H

#include <uthash.h>

#include "base/slab.h"
#include "config/config.h"
#include "lamps.h"
#include "park/park.h"

#define HF_LAMP_NEVER UINT64_MAX
#define HF_LAMP_READERS 4
#define HF_LAMP_INTERVAL_MS 1000 /* between two changes to one watcher */
#define HF_LAMP_TURN 24		 /* NOTIFYs sent in one run */
#define HF_LAMP_LOT_DIALOGS 20	 /* of the oldest, in a whole-lot document */
#define HF_LAMP_PART_BYTES 1200	 /* of a list over UDP: about one packet */
#define HF_LAMP_STREAM_BYTES 32768
#define HF_LAMP_WATCHES_MAX 200000

enum hf_lamp_kind { HF_LAMP_SLOT, HF_LAMP_LOT, HF_LAMP_LIST };
enum hf_lamp_event {
	HF_LAMP_EVENT_DIALOG,
	HF_LAMP_EVENT_PRESENCE,
	HF_LAMP_EVENT_XPIDF, /* presence, as old phones read it */
	HF_LAMP_EVENT_CALL_INFO,
};

/* Whatever can be watched. */
struct hf_lamp_resource {
	enum hf_lamp_kind kind;
	uint64_t seq; /* of the last change; rises over all resources */
	struct hf_watch *watches;
	struct hf_lamp_member *lists; /* that it is in */
};

/* "This resource is in that list." */
struct hf_lamp_member {
	struct hf_lamp_list *list;
	struct hf_lamp_member *next;
};

struct hf_lamp_slot {
	struct hf_lamp_resource resource; /* first */
	uint32_t index;			  /* of all slots */
	uint32_t lot;
	struct hf_lamp_slot *newer, *older; /* in the lot, by last change */
	struct hf_lamp_slot *next, *prev;   /* in the lot: shown, oldest first */
	uint64_t call, since_wall_ms;
	uint64_t hash; /* of what is shown */
	const char *ended;
	enum hf_lamp_state_shown shown;
	bool dirty;
};

struct hf_lamp_lot {
	struct hf_lamp_resource resource; /* first */
	const struct hf_config_lot *config;
	uint32_t first, count;
	struct hf_lamp_slot *newest;	   /* change */
	struct hf_lamp_slot *oldest, *last; /* of those that are not free */
	uint32_t waiting;
	/* The newest change when there were more than a document shows. */
	uint64_t crowded_seq;
};

struct hf_lamp_list {
	struct hf_lamp_resource resource; /* first */
	const char *name;
	const struct hf_config_tenant *of;
	struct hf_lamp_resource **entries;
	uint32_t count;
};

struct hf_watch {
	struct hf_lamps *lamps;
	struct hf_watcher *sip;
	struct hf_lamp_resource *on;
	struct hf_watch *next, *prev; /* of the same resource */
	struct hf_watch *ready_next;
	uint64_t id;
	uint64_t sent_seq;  /* all changes up to here are shown there */
	uint64_t round_seq; /* will be, after the parts under way */
	uint64_t expires_ms, send_ms, sent_ms, due_ms;
	uint32_t heap_at; /* UINT32_MAX = not in it */
	uint32_t version, part, notifies;
	uint16_t failures;
	uint8_t event;
	bool started, in_flight, ready, stream, ending, ended;
	bool pending; /* something is to be sent */
	bool full;    /* all of it */
	bool urgent;  /* without waiting for the second to end */
	bool lit;     /* the last document had a dialog */
	const char *reason;
	uint16_t text_len;
	char *entity, *who, *event_id; /* one block, at `entity` */
	UT_hash_handle hh;	       /* by id */
};

struct hf_due {
	struct hf_watch **heap;
	uint32_t count, room;
};

/* What is being written; see body.c. */
struct hf_lamp_body;

struct hf_lamps {
	struct hf_lamps_wiring wire;
	const struct hf_config *config;
	struct hf_park *park;
	uint64_t now_ms, seq, last_id;
	struct hf_lamp_slot *slots;
	uint32_t slot_count;
	struct hf_lamp_lot *lots;
	struct hf_lamp_list *lists;
	uint32_t *dirty;
	uint32_t dirty_count;
	struct hf_slab *slab; /* of the watches and their text */
	struct hf_watch *watches;
	struct hf_due due;
	struct hf_watch *ready, **ready_tail;
	struct hf_lamp_body *body;
	struct hf_lamp_reader {
		void (*changed)(void *arg, uint32_t slot);
		void *arg;
	} reader[HF_LAMP_READERS];
	unsigned int reader_count;
	char name[64]; /* of the slot last looked at without a park */
	uint64_t restore_ms; /* when the last restored one has its turn */
	uint64_t trimmed;    /* totals.notifies then */
	uint64_t trim_ms;    /* give memory back to the system then */
	bool trim_again;
	struct hf_lamp_totals totals;
};

/* lamps.c: what comes from outside may come long after the last run. */
void hf_lamps_look_at_clock(struct hf_lamps *);

/* slots.c */
int hf_lamp_slots_create(struct hf_lamps *);
void hf_lamp_slots_destroy(struct hf_lamps *);
void hf_lamp_slots_update(struct hf_lamps *);

/* resource.c */
int hf_lamp_lists_create(struct hf_lamps *);
void hf_lamp_lists_destroy(struct hf_lamps *);
/* What a user part names; NULL = nothing of ours. */
struct hf_lamp_resource *
hf_lamp_resource_find(struct hf_lamps *, const struct hf_config_tenant *,
		      const char *user);
/* The number, and before it whose it is ("acme/701"): of all there is one. */
void hf_lamp_resource_key(const struct hf_lamps *,
			  const struct hf_lamp_resource *, char *key, size_t len);
struct hf_lamp_resource *hf_lamp_resource_by_key(struct hf_lamps *,
						 const char *key);
void hf_lamp_resource_number(const struct hf_lamps *,
			     const struct hf_lamp_resource *, char *name,
			     size_t len);
/* `source`: where it asks from; NULL = it did before a restart, when it might. */
bool hf_lamp_may_watch(const struct hf_lamps *, const struct hf_lamp_resource *,
		       const struct hf_identity *, const char *source);
/* "sip:702@host" beside "sip:701@host". */
void hf_lamp_uri_beside(const char *entity, const char *user, char *uri,
			size_t len);

/* watch.c */
struct hf_watch *hf_watch_new(struct hf_lamps *, struct hf_lamp_resource *on,
			      const char *entity, const char *who,
			      const char *event_id);
void hf_watch_add(struct hf_watch *); /* it has its id */
void hf_watch_free(struct hf_watch *);
const char *hf_lamp_event_name(uint8_t event);
void hf_watch_save(struct hf_watch *, const struct hf_watch_dialog *);

/* send.c */
void hf_watch_touch(struct hf_watch *); /* its resource has changed */
void hf_watch_schedule(struct hf_watch *);
void hf_watch_sent(struct hf_watch *, int status, uint32_t retry_after_s);

/* due.c: a heap by due_ms */
int hf_due_reserve(struct hf_due *, uint32_t count);
void hf_due_set(struct hf_due *, struct hf_watch *, uint64_t at_ms);
void hf_due_remove(struct hf_due *, struct hf_watch *);

/* body.c: the document of a watch as it is now; false: no memory. Moves the
 * part of a list on. */
int hf_lamp_body_create(struct hf_lamp_body **ret);
void hf_lamp_body_free(struct hf_lamp_body *);
bool hf_lamp_body_write(struct hf_watch *, struct hf_notify *ret);
const char *hf_lamp_type(uint8_t event);

#endif
