/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened to a parked call, as one flat record. The park logic fills it,
 * ctl/events numbers it and hands it to every reader.
 */
#ifndef HOLDFAST_EVENTS_EVENT_H
#define HOLDFAST_EVENTS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* X(symbol, name in JSON, sentence) */
#define HF_EVENTS(X)                                                           \
	X(PARKED, "parked", "a call waits in a slot")                          \
	X(RESERVED, "reserved", "a slot is kept for a call to come")           \
	X(RESERVATION_EXPIRED, "reservation_expired", "nobody came")           \
	X(SWAPPED, "swapped", "the caller took the parker's place in a slot")  \
	X(REPARKED, "reparked", "a call that had been picked up waits again") \
	X(RECALL_STARTED, "recall_started", "the call rings back")             \
	X(RECALL_ANSWERED, "recall_answered", "the ring-back was answered")    \
	X(RECALL_FAILED, "recall_failed", "the ring-back was not answered")    \
	X(RETRIEVED, "retrieved", "the call was picked up")                    \
	X(ABANDONED, "abandoned", "the caller hung up while waiting")          \
	X(EXPIRED, "expired", "the longest wait is over")                      \
	X(REFUSED, "refused", "a park or pick-up was refused")                 \
	X(MOVED, "moved", "the call changed its slot")                         \
	X(KICKED, "kicked", "an operator ended the call")                      \
	X(TRANSFERRED, "transferred", "the retriever put the caller through")  \
	X(TRANSFER_FAILED, "transfer_failed", "the target did not answer")     \
	X(PAGED, "paged", "somebody was told that the call waits")             \
	X(ENDED, "ended", "a picked-up call is over")                          \
	X(LOT_FULL, "lot_full", "the last free slot is taken")                 \
	X(LOT_AVAILABLE, "lot_available", "a slot is free again")              \
	X(MEDIA_SILENT, "media_silent", "a leg that should send is silent")    \
	X(MEDIA_RESUMED, "media_resumed", "it sends again")                    \
	X(MEDIA_DEVICE_LOST, "media_device_lost",                              \
	  "a media device is gone or without a carrier")                       \
	X(MEDIA_DEVICE_BACK, "media_device_back", "media goes on there")       \
	X(MEDIA_DEVICE_CHANGED, "media_device_changed",                        \
	  "a media device has another name, address, MTU or member")           \
	X(DIGIT, "digit", "a party pressed a key")                             \
	X(ALERT, "alert", "somebody has to look")                              \
	X(ALERT_CLEARED, "alert_cleared", "what an alert told of is over")     \
	X(ALERT_UNHEARD, "alert_unheard", "nobody took the call of an alert")  \
	X(REGISTERED, "registered", "a registrar knows where we are")          \
	X(UNREGISTERED, "unregistered", "a registrar does not know where we are")

enum hf_event_type {
#define X(symbol, name, text) HF_EVENT_##symbol,
	HF_EVENTS(X)
#undef X
	HF_EVENT_COUNT
};

/* Strings live until the receiver returns; NULL or "" = not known. */
struct hf_event {
	enum hf_event_type type;
	uint64_t number;  /* without holes; set by ctl/events */
	uint64_t wall_ms; /* set by ctl/events */
	uint64_t call;	  /* stable id of the call */
	const char *tenant; /* NULL = the only one */
	const char *lot, *slot;
	const char *caller_number, *caller_name, *caller_uri;
	const char *parker_uri, *retriever_uri;
	const char *parked_call_id;    /* Call-ID of the parkee's dialog */
	const char *other_call_id;     /* of the retriever's or recall's */
	uint32_t seconds_parked, seconds_left; /* left: to the recall */
	uint32_t attempt;
	const char *rule;   /* the decision rule used */
	const char *reason; /* sentence */
	const char *user_to_user;
	const char *carried; /* sip.carry_headers, as "Name: value" lines */
	const char *party;  /* whose leg it was, as in struct hf_party_view */
	const char *digit;  /* "0" to "9", "*", "#", "A" to "D", "!" */
	uint32_t digit_ms;  /* how long it was pressed */
	const char *source; /* IP address of who acted, for records only */
	bool privacy; /* the caller's name and number are not for everybody */
};

const char *hf_event_name(enum hf_event_type);

#endif
