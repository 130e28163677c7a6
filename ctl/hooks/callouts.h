/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls of alerts (alerts.h): a phone is called and told a text that the
 * speech engine makes, twice, then hung up. What is to be told to the same URI is
 * told in order, in one call as far as it is there. Nobody answers: once more,
 * and then an event (`alert_unheard`).
 *
 * What is still to be told is kept by hooks.h as the cause "say/CAUSE/URI" until
 * somebody hears it; alerts.c adds it again after a restart. All of it runs on
 * the event loop.
 */
#ifndef HOLDFAST_HOOKS_CALLOUTS_H
#define HOLDFAST_HOOKS_CALLOUTS_H

#include <stddef.h>
#include <stdint.h>

struct hf_bus;
struct hf_callouts;
struct hf_hooks;
struct hf_park;

#define HF_CALLOUT_KEPT "say/"

struct hf_callouts_wiring {
	struct hf_bus *bus;
	/* Begin to make a clip of a text; 0 or -errno. hf_callouts_spoken()
	 * follows, but not from inside. */
	int (*speak)(void *arg, const char *text, const char *voice, char *clip,
		     size_t len);
	void (*forget)(void *arg, const char *clip);
	void *arg;
};

struct hf_callout {
	const char *cause;
	const char *to;	       /* a URI */
	const char *lot, *slot; /* slot: NULL = of none */
	const char *from_user; /* who calls */
	uint64_t call;	       /* 0 = none */
	const char *rule;      /* of the alert */
	const char *text, *voice;
	unsigned int ring_s;
};

int hf_callouts_create(const struct hf_callouts_wiring *,
		       struct hf_callouts **ret);
/* All take NULL. */
void hf_callouts_destroy(struct hf_callouts *);
/* Who calls; NULL: nobody can (any more). */
void hf_callouts_attach(struct hf_callouts *, struct hf_park *);
/* Who keeps what is still to be told; NULL: nobody. */
void hf_callouts_keep(struct hf_callouts *, struct hf_hooks *);

void hf_callouts_add(struct hf_callouts *, const struct hf_callout *);
/* It is over: who has not been told need not be. */
void hf_callouts_cancel(struct hf_callouts *, const char *cause);
/* The clip is there, or why not. */
void hf_callouts_spoken(struct hf_callouts *, const char *clip,
			const char *why);
void hf_callouts_run(struct hf_callouts *, uint64_t now_ms);
/* When hf_callouts_run() is next needed, UINT64_MAX = not at all. */
uint64_t hf_callouts_next_ms(const struct hf_callouts *);

#endif
