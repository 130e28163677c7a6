/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIP for benchmarks: one UDP socket, requests from templates, a table of
 * dialogs by number. It plays many callers and many phones at once and is made
 * to cost little: nothing is parsed that is not needed. Dialog n has the
 * Call-ID "n@load".
 */
#ifndef HOLDFAST_BENCH_SIPLOAD_H
#define HOLDFAST_BENCH_SIPLOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum sl_state { SL_NONE, SL_INVITED, SL_UP, SL_ENDING, SL_OVER, SL_FAILED };

struct sl_dialog {
	uint8_t state; /* enum sl_state */
	bool inside; /* 2000000, else 1000000: a colleague? */
	uint8_t known; /* answered OPTIONS in the dialog: 1 yes, 2 refused */
	uint16_t status;
	uint16_t cseq;
	uint16_t rtp_port;	/* ours */
	uint16_t remote_port;	/* of Holdfast's SDP */
	uint32_t remote_ip4, rtp_ip4;
	char user[16]; /* that was called */
	const char *direction; /* of its offer */
	uint32_t slot; /* named in the Contact of the 200, if it is a number */
	double sent_ms, answer_ms; /* of the INVITE; of its answer */
	double again_ms;
	char tag[24]; /* Holdfast's */
};

struct sl_load {
	int fd;
	struct sockaddr_in to;
	char local[16];
	unsigned int port;
	struct sl_dialog *dialog;
	uint32_t count;
	uint32_t up, ended, failed, pinged, refused;
	uint32_t repeated; /* INVITEs sent again */
	/* A call came to be, failed or ended; may be NULL. */
	void (*changed)(struct sl_load *, uint32_t n);
	void *arg;
	double options_ms; /* newest answer to OPTIONS outside any dialog */
};

double sl_now_ms(void);
/* `local` and `port` are ours, `to` is Holdfast's. -errno. */
int sl_open(struct sl_load *, const char *local, unsigned int port,
	    const char *to, uint32_t dialogs);
void sl_close(struct sl_load *);
/* Park a caller in this slot or in the next free one of a lot; or pick up who is there. `direction` of its SDP:
 * "sendrecv". */
void sl_park(struct sl_load *, uint32_t n, uint32_t slot,
	     const struct sockaddr_in *rtp, const char *direction);
void sl_pick_up(struct sl_load *, uint32_t n, uint32_t slot,
		const struct sockaddr_in *rtp);
void sl_park_any(struct sl_load *, uint32_t n, const char *lot,
		 const struct sockaddr_in *rtp, const char *direction);
void sl_bye(struct sl_load *, uint32_t n);
/* What is sent next goes to that port. */
void sl_towards(struct sl_load *, unsigned int port);
/* OPTIONS in the dialog: does the other side know it? */
void sl_ask(struct sl_load *, uint32_t n);
/* OPTIONS outside any: is anybody there? */
void sl_ping(struct sl_load *);
/* Takes what comes until `until_ms`, or until `done` says so. */
bool sl_run(struct sl_load *, double until_ms,
	    bool (*done)(const struct sl_load *, void *arg), void *arg);
/* INVITEs without an answer for half a second go out again. */
void sl_repeat(struct sl_load *, uint32_t first, uint32_t last);

#endif
