/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lamps of phones behind a PBX that keeps them itself: every change of a slot is
 * sent to Asterisk (device states of its REST interface, by libcurl) or to
 * FreeSWITCH (its event socket). A thread of its own does the talking, so a PBX
 * that is slow or away delays nothing here; it is told the newest state of each
 * slot when it is back, and all of them anew.
 */
#ifndef HOLDFAST_PUSH_PUSH_H
#define HOLDFAST_PUSH_PUSH_H

struct hf_config;
struct hf_lamps;
struct hf_push;

/* Follows the lamps; nothing to do (no lamps.push) is 0 and NULL. `before`, which
 * may be NULL, is the one of the configuration before: it ends in its own time,
 * and is the new one's to destroy, whatever happens. Its configuration stays. */
int hf_push_create(const struct hf_config *, struct hf_lamps *,
		   struct hf_push *before, struct hf_push **ret);
/* Before the lamps are destroyed. Waits for what is being sent. */
void hf_push_destroy(struct hf_push *);

#endif
