/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an alert says to people, written and spoken. */
#ifndef HOLDFAST_HOOKS_WORDS_H
#define HOLDFAST_HOOKS_WORDS_H

#include <stddef.h>

struct hf_config_lot;
struct hf_event;

/* "701 in main: Carla, 4930 (the caller has waited for 120 s)", or the lot's own
 * words. */
void hf_alert_message(const struct hf_config_lot *, const struct hf_event *,
		      char *text, size_t len);
/* The same to be heard: no names, and numbers digit by digit. */
void hf_alert_speech(const struct hf_config_lot *, const struct hf_event *,
		     char *text, size_t len);

#endif
