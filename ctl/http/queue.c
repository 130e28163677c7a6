// SPDX-License-Identifier: GPL-2.0-or-later
/* The two queues between the event loop and the HTTP thread, and the text that
 * goes through them. Nobody holds the lock for more than a few instructions. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

void hf_text_add(struct hf_text *t, const char *data, size_t len)
{
	if (t->bad)
		return;
	if (t->len + len + 1 > t->room) {
		size_t room = (t->len + len + 1) * 2;
		char *at = realloc(t->at, room);

		if (!at) {
			t->bad = true;
			return;
		}
		t->at = at;
		t->room = room;
	}
	memcpy(t->at + t->len, data, len);
	t->len += len;
	t->at[t->len] = '\0';
}

void hf_text_print(struct hf_text *t, const char *format, ...)
{
	char small[512], *large = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(small, sizeof(small), format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		hf_text_add(t, small, (size_t)n);
		return;
	}
	va_start(ap, format);
	if (n < 0 || vasprintf(&large, format, ap) < 0)
		t->bad = true;
	else
		hf_text_add(t, large, (size_t)n);
	va_end(ap);
	free(large);
}

void hf_text_free(struct hf_text *t)
{
	free(t->at);
	*t = (struct hf_text){0};
}

int hf_queue_open(struct hf_queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	q->jobs_end = &q->jobs;
	q->said_end = &q->said;
	q->to_loop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->to_http = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return q->to_loop < 0 || q->to_http < 0 ? -errno : 0;
}

void hf_job_free(struct hf_job *job)
{
	if (!job)
		return;
	hf_listing_end(&job->listing);
	free(job->line);
	hf_text_free(&job->text);
	free(job);
}

void hf_queue_close(struct hf_queue *q)
{
	struct hf_job *job;

	while ((job = hf_queue_take_job(q)))
		hf_job_free(job);
	for (struct hf_said *s = hf_queue_take_said(q), *next; s; s = next) {
		next = s->next;
		hf_job_free(s->job);
		hf_text_free(&s->text);
		free(s);
	}
	if (q->to_loop >= 0)
		close(q->to_loop);
	if (q->to_http >= 0)
		close(q->to_http);
	pthread_mutex_destroy(&q->lock);
}

/* A full counter means that the reader has been woken already. */
void hf_queue_wake(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n;
}

void hf_queue_ask(struct hf_queue *q, struct hf_job *job)
{
	job->next = NULL;
	job->asked_ns = hf_now_ns();
	pthread_mutex_lock(&q->lock);
	*q->jobs_end = job;
	q->jobs_end = &job->next;
	pthread_mutex_unlock(&q->lock);
	hf_queue_wake(q->to_loop);
}

struct hf_job *hf_queue_take_job(struct hf_queue *q)
{
	struct hf_job *job;

	pthread_mutex_lock(&q->lock);
	job = q->jobs;
	if (job) {
		q->jobs = job->next;
		if (!q->jobs)
			q->jobs_end = &q->jobs;
	}
	pthread_mutex_unlock(&q->lock);
	return job;
}

void hf_queue_say(struct hf_queue *q, struct hf_said *said)
{
	said->next = NULL;
	pthread_mutex_lock(&q->lock);
	*q->said_end = said;
	q->said_end = &said->next;
	pthread_mutex_unlock(&q->lock);
	hf_queue_wake(q->to_http);
}

struct hf_said *hf_queue_take_said(struct hf_queue *q)
{
	struct hf_said *all;

	pthread_mutex_lock(&q->lock);
	all = q->said;
	q->said = NULL;
	q->said_end = &q->said;
	pthread_mutex_unlock(&q->lock);
	return all;
}
