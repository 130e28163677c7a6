/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: one JSON request a line, one JSON answer a line
 * (Documentation/control.md is the protocol). holdfastctl is its client.
 *
 * Runs inside the one event loop of holdfastd and never blocks it: whoever
 * reads slowly waits or, as a monitor, is dropped. Everything hangs on one
 * epoll descriptor: poll hf_control_fd() for reading and call
 * hf_control_dispatch() when it is readable.
 */
#ifndef HOLDFAST_API_CONTROL_H
#define HOLDFAST_API_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_bus;
struct hf_config;
struct hf_control;
struct hf_hooks;
struct hf_lamps;
struct hf_library;
struct hf_media;
struct hf_park;
struct hf_sip;
struct hf_store;
struct hf_records;

struct hf_control_wiring {
	const struct hf_config *config; /* instance, control.socket, lots ... */
	struct hf_bus *bus;
	struct hf_park *park;	/* NULL: not yet, see hf_control_attach() */
	struct hf_media *media; /* NULL: not yet */
	struct hf_lamps *lamps; /* NULL: none, see hf_control_attach_lamps() */
	struct hf_library *library; /* NULL: not yet */
	struct hf_hooks *hooks; /* NULL: none */
	struct hf_sip *sip;	/* for figures; NULL: not yet */
	struct hf_store *store; /* likewise */
	struct hf_records *records; /* NULL: no history is kept */
	/* Apply the configuration file anew: 0, or -errno and why, whole or not
	 * at all. NULL: cannot. */
	int (*reload)(void *reload_arg, char *why, size_t len);
	void *reload_arg;
	/* Draining is to outlive us; of reload_arg. NULL = it does not. */
	void (*keep_drain)(void *arg, bool on);
	const char *version;	/* HF_VERSION */
	uint64_t start_ms;	/* hf_now_ms() when the daemon started */
};

/*
 * Take the instance's socket. Call it before anything else of the instance is
 * touched: -EADDRINUSE means that another holdfastd with this instance is
 * alive. `err` gets one clear sentence for every failure.
 */
int hf_control_create(const struct hf_control_wiring *, struct hf_control **ret,
		      char *err, size_t err_len);
/* Until both are there, requests are answered "starting". NULL, NULL before
 * they are destroyed. */
void hf_control_attach(struct hf_control *, struct hf_park *,
		       struct hf_media *);
void hf_control_attach_lamps(struct hf_control *, struct hf_lamps *);
void hf_control_attach_library(struct hf_control *, struct hf_library *);
/* For figures only. NULL, NULL before they are destroyed. */
void hf_control_attach_insides(struct hf_control *, struct hf_sip *,
			       struct hf_store *);
void hf_control_attach_hooks(struct hf_control *, struct hf_hooks *);
/* Closes every client and removes the socket. */
void hf_control_destroy(struct hf_control *);

/* What requests are answered from, as it is now; for ctl/http. */
const struct hf_control_wiring *hf_control_live(const struct hf_control *);

/* A new configuration; lists under way end. */
void hf_control_reload(struct hf_control *, const struct hf_config *);
void hf_control_attach_records(struct hf_control *, struct hf_records *);
/* The history has said something: go on with those who asked it. */
void hf_control_answered(struct hf_control *);

int hf_control_fd(const struct hf_control *);
void hf_control_dispatch(struct hf_control *);

#endif
