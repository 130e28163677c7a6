/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events and foreign text as JSON; the only way to a JSON string for text that
 * came from the network. */
#ifndef HOLDFAST_EVENTS_JSON_H
#define HOLDFAST_EVENTS_JSON_H

#include <jansson.h>

#include "event.h"

/*
 * Text of any origin: null for NULL and "", and U+FFFD for every byte that is
 * not UTF-8 (a caller's name may be in Latin-1, and json_string() would refuse
 * it). NULL only when memory ran out.
 */
json_t *hf_json_text(const char *text);

/* "Name: value" lines as an object; null if there are none. NULL: no memory. */
json_t *hf_json_headers(const char *lines);

/* Every key is always there; what is not known is null. NULL: no memory. */
json_t *hf_event_json(const struct hf_event *event);

#endif
