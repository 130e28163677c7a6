/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stage of the benchmarks of calls: holdfastd with native XDP in a network
 * namespace of its own, and a far end, joined by a veth pair, where sipload.c
 * calls from and ears.bpf.c takes every RTP packet off the wire.
 */
#ifndef HOLDFAST_BENCH_ANCHOR_H
#define HOLDFAST_BENCH_ANCHOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sipload.h"

/* Four networks: a media address has no more than 32,000 legs. */
#define ANCHOR_NETS	  4
#define ANCHOR_FIRST_NET  96
#define ANCHOR_HERE	  "10.99.0.1"
#define ANCHOR_THERE	  "10.99.0.2"
#define ANCHOR_FIRST_SLOT 100001u

struct anchor {
	const char *instance;
	int cpu; /* of holdfastd and the media keeper, -1 = any */
	char folder[64], config[128], socket[128], log[128];
	char folder_of_programs[256];
	pid_t pid;
	int far, home; /* network namespaces */
	uint8_t near_mac[6], far_mac[6];
	unsigned int far_index;
	struct bench_ears_bpf *ears;
	struct heard *heard; /* by port, 65536 */
};

/* `instance` and `cpu` are set. -errno. */
int anchor_open(struct anchor *);
void anchor_close(struct anchor *, bool show_log);
/* This thread goes to that end. */
int anchor_go(int network_namespace);
/* Runs this one, on that CPU (-1: any), in the namespace of holdfastd. */
pid_t anchor_run(struct anchor *, int cpu, const char *program,
		 const char *const *argument);
void anchor_end(pid_t *, int signal);

/* A new holdfastd with so many slots and nothing remembered, and it answers. */
int anchor_fresh(struct anchor *, struct sl_load *, uint32_t slots,
		 uint32_t dialogs);
int anchor_start(struct anchor *);
/* Until SIP answers: how long that took from now in ms, or a negative number. */
double anchor_until_answer(struct sl_load *, double most_ms);
/* A number of `holdfastctl status`, -1 = there is none. `object` may be NULL. */
long anchor_status(const struct anchor *, const char *object, const char *key);
/* The address of the caller's RTP and its port. */
uint16_t anchor_rtp_port(uint32_t n);
struct sockaddr_in anchor_rtp(uint32_t n);

void anchor_stay_on(int cpu);
/* CPU time of the process, or of its thread of that name, in ns. */
uint64_t anchor_cpu_ns(pid_t, const char *thread);
/* "RssAnon" or another line of /proc/PID/status, in bytes. */
double anchor_memory(pid_t, const char *line);

/* What the disk itself takes, beside it: fdatasync of 4 KiB, again and again. */
struct anchor_sync {
	const char *folder;
	pthread_t thread;
	volatile bool stop;
	double ms[1000];
	unsigned int count;
};
void anchor_sync_begin(struct anchor_sync *, const struct anchor *);
void anchor_sync_end(struct anchor_sync *);

/* A number from the environment. */
uint32_t anchor_number(const char *name, uint32_t otherwise);

#endif
