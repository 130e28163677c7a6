// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The newest state of every slot for every PBX, and a thread for each that tells
 * it. The lamps call slot_changed() on their own thread: it copies the state
 * under the lock and wakes the thread; a state that was not told yet is simply
 * replaced. After a failure everything is told anew, for a PBX that was
 * restarted has forgotten all of it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "internal.h"

#define HF_PUSH_RETRY_S 1
#define HF_PUSH_RETRY_MOST_S 30
#define HF_PUSH_CHECK_S 5 /* is a silent connection still there? */

struct hf_push_entry {
	struct hf_push_state state;
	bool known, due;
};

struct hf_push_peer {
	struct hf_push *push;
	const struct hf_config_push *config;
	const struct hf_push_pbx_ops *ops;
	pthread_t thread;
	pthread_cond_t wake;
	struct hf_push_entry *entries; /* of all slots */
	uint32_t due;		       /* entries that are */
	bool running;
};

struct hf_push {
	struct hf_lamps *lamps;
	pthread_mutex_t lock; /* of all entries and `stopping` */
	uint32_t slots;
	bool stopping;
	struct hf_push *before; /* has not ended yet: nobody is told till then */
	unsigned int count;
	struct hf_push_peer pbx[];
};

bool hf_push_device(const struct hf_config_push *c, const char *slot, char *out,
		    size_t len)
{
	const char *hole = strstr(c->device, "%s");
	int n;

	if (!hole)
		n = snprintf(out, len, "%s", c->device);
	else
		n = snprintf(out, len, "%.*s%s%s", (int)(hole - c->device),
			     c->device, slot, hole + 2);
	return n >= 0 && (size_t)n < len;
}

static void slot_changed(void *arg, uint32_t slot)
{
	struct hf_push *push = arg;
	struct hf_push_state s = { 0 };
	struct hf_lamp_look look;

	if (!hf_lamps_look(push->lamps, slot, &look))
		return;
	snprintf(s.slot, sizeof(s.slot), "%s", look.slot);
	snprintf(s.name, sizeof(s.name), "%s", look.name);
	snprintf(s.number, sizeof(s.number), "%s", look.number);
	s.shown = look.shown;
	s.early = look.early;
	s.call = look.call;
	pthread_mutex_lock(&push->lock);
	for (unsigned int i = 0; i < push->count; i++) {
		struct hf_push_peer *pbx = &push->pbx[i];
		struct hf_push_entry *e = &pbx->entries[slot];

		if (pbx->config->of != look.tenant)
			continue;
		e->state = s;
		e->known = true;
		pbx->due += !e->due;
		e->due = true;
		pthread_cond_signal(&pbx->wake);
	}
	pthread_mutex_unlock(&push->lock);
}

/* Everything that was ever told has to be told again. Locked. */
static void all_due(struct hf_push_peer *pbx)
{
	for (uint32_t i = 0; i < pbx->push->slots; i++) {
		struct hf_push_entry *e = &pbx->entries[i];

		if (!e->known || e->due)
			continue;
		e->due = true;
		pbx->due++;
	}
}

/* Sleep until woken or so many seconds have passed. Locked. */
static void doze(struct hf_push_peer *pbx, unsigned int seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	pthread_cond_timedwait(&pbx->wake, &pbx->push->lock, &until);
}

/* Tell what is due; the lock is let go while it is told. */
static int tell_all(struct hf_push_peer *pbx, void *connection)
{
	struct hf_push *push = pbx->push;

	for (uint32_t i = 0; i < push->slots && !push->stopping; i++) {
		struct hf_push_state s;
		int error;

		if (!pbx->entries[i].due)
			continue;
		s = pbx->entries[i].state;
		pbx->entries[i].due = false;
		pbx->due--;
		pthread_mutex_unlock(&push->lock);
		error = pbx->ops->tell(connection, &s);
		pthread_mutex_lock(&push->lock);
		if (error)
			return error;
	}
	return 0;
}

static void complain(const struct hf_push_peer *pbx, bool *said, int error)
{
	if (!*said)
		hf_warn("push: %s cannot be told: %s; tried again",
			pbx->config->url, strerror(-error));
	*said = true;
}

static bool wait_after_failure(struct hf_push_peer *pbx, unsigned int *wait)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += *wait;
	*wait = *wait * 2 < HF_PUSH_RETRY_MOST_S ? *wait * 2 :
						   HF_PUSH_RETRY_MOST_S;
	/* changes wake, too: only stopping ends this wait */
	while (!pbx->push->stopping &&
	       pthread_cond_timedwait(&pbx->wake, &pbx->push->lock, &until) !=
		       ETIMEDOUT)
		;
	return !pbx->push->stopping;
}

/* What the ones before us are just saying is older than what we have: it is to
 * arrive first. The first thread sees to that. Locked. */
static void wait_for_those_before(struct hf_push_peer *pbx)
{
	struct hf_push *push = pbx->push, *before = push->before;

	while (pbx != &push->pbx[0] && push->before)
		pthread_cond_wait(&pbx->wake, &push->lock);
	if (!push->before)
		return;
	pthread_mutex_unlock(&push->lock);
	hf_push_destroy(before);
	pthread_mutex_lock(&push->lock);
	push->before = NULL;
	for (unsigned int i = 0; i < push->count; i++)
		pthread_cond_signal(&push->pbx[i].wake);
}

static void *run(void *arg)
{
	struct hf_push_peer *pbx = arg;
	struct hf_push *push = pbx->push;
	unsigned int wait = HF_PUSH_RETRY_S;
	void *connection = NULL;
	bool said = false;

	pthread_mutex_lock(&push->lock);
	wait_for_those_before(pbx);
	while (!push->stopping) {
		int error = 0;

		if (!pbx->due && (!connection || pbx->ops->alive(connection))) {
			doze(pbx, HF_PUSH_CHECK_S);
			continue;
		}
		if (!connection) {
			pthread_mutex_unlock(&push->lock);
			connection = pbx->ops->open(pbx->config);
			pthread_mutex_lock(&push->lock);
			error = connection ? 0 : -ENOTCONN;
			all_due(pbx);
		} else if (!pbx->due) {
			error = -ECONNRESET;
		}
		if (!error)
			error = tell_all(pbx, connection);
		if (!error) {
			if (said)
				hf_info("push: %s is told again",
					pbx->config->url);
			said = false;
			wait = HF_PUSH_RETRY_S;
			continue;
		}
		complain(pbx, &said, error);
		pbx->ops->close(connection);
		connection = NULL;
		all_due(pbx);
		if (!wait_after_failure(pbx, &wait))
			break;
	}
	pthread_mutex_unlock(&push->lock);
	pbx->ops->close(connection);
	return NULL;
}

static int start(struct hf_push *push, unsigned int i,
		 const struct hf_config_push *config)
{
	struct hf_push_peer *pbx = &push->pbx[i];
	pthread_condattr_t attr;
	int error;

	pbx->push = push;
	pbx->config = config;
	pbx->ops = config->pbx == HF_PUSH_ASTERISK ? &hf_push_asterisk :
						     &hf_push_freeswitch;
	pbx->entries = calloc(push->slots ? push->slots : 1,
			      sizeof(*pbx->entries));
	if (!pbx->entries)
		return -ENOMEM;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pbx->wake, &attr);
	pthread_condattr_destroy(&attr);
	push->count = i + 1;
	error = pthread_create(&pbx->thread, NULL, run, pbx);
	pbx->running = !error;
	return -error;
}

/* From now on nothing is told; what is just being told may take its time. */
static void stop(struct hf_push *push)
{
	if (push->lamps)
		hf_lamps_unfollow(push->lamps, push);
	push->lamps = NULL;
	pthread_mutex_lock(&push->lock);
	push->stopping = true;
	for (unsigned int i = 0; i < push->count; i++)
		pthread_cond_signal(&push->pbx[i].wake);
	pthread_mutex_unlock(&push->lock);
}

int hf_push_create(const struct hf_config *config, struct hf_lamps *lamps,
		   struct hf_push *before, struct hf_push **ret)
{
	unsigned int count = config->lamps.push_count;
	struct hf_push *push;
	int error = 0;

	*ret = NULL;
	if (before)
		stop(before);
	if (!count && !before)
		return 0;
	push = calloc(1, sizeof(*push) + count * sizeof(push->pbx[0]));
	if (!push) {
		hf_push_destroy(before);
		return -ENOMEM;
	}
	push->before = before;
	push->lamps = lamps;
	push->slots = hf_lamps_slot_count(lamps);
	pthread_mutex_init(&push->lock, NULL);
	for (unsigned int i = 0; i < count && !error; i++)
		error = start(push, i, &config->lamps.push[i]);
	if (!error && count)
		error = hf_lamps_follow(lamps, slot_changed, push);
	if (error) {
		hf_push_destroy(push);
		return error;
	}
	*ret = push;
	return 0;
}

void hf_push_destroy(struct hf_push *push)
{
	if (!push)
		return;
	stop(push);
	for (unsigned int i = 0; i < push->count; i++) {
		if (push->pbx[i].running)
			pthread_join(push->pbx[i].thread, NULL);
		pthread_cond_destroy(&push->pbx[i].wake);
		free(push->pbx[i].entries);
	}
	hf_push_destroy(push->before);
	pthread_mutex_destroy(&push->lock);
	free(push);
}
