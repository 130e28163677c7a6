// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One delivery: a POST with libcurl's multi interface, signed, and what its
 * answer means. TLS is verified. Nothing is taken from the environment (no
 * proxy), and no redirection is followed: what is signed for one receiver does
 * not go to another.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/names.h"
#include "base/sha256.h"
#include "internal.h"

#define HF_ANSWER_MOST 65536 /* of an answer's body, then we hang up */

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
	struct hf_transfer *t = arg;

	t->got += size * count;
	return t->got > HF_ANSWER_MOST ? 0 : size * count;
}

static struct hf_transfer *transfer_new(struct hf_hooks *h)
{
	struct hf_transfer *t = h->idle;

	if (t) {
		h->idle = t->next;
		curl_easy_reset(t->curl); /* connections are the multi's */
		return t;
	}
	t = calloc(1, sizeof(*t));
	if (t)
		t->curl = curl_easy_init();
	if (t && !t->curl) {
		free(t);
		t = NULL;
	}
	if (t) {
		t->all = h->transfers;
		h->transfers = t;
	}
	return t;
}

static void transfer_idle(struct hf_hooks *h, struct hf_transfer *t)
{
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	t->entry = NULL;
	t->next = h->idle;
	h->idle = t;
}

__attribute__((format(printf, 2, 3))) static bool
add_header(struct hf_transfer *t, const char *format, ...)
{
	struct curl_slist *more;
	char line[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		return false;
	more = curl_slist_append(t->headers, line);
	if (more)
		t->headers = more;
	return more != NULL;
}

/* The time is signed with the body, so that an old delivery cannot be played
 * again for ever: "t=SECONDS,v1=" HMAC-SHA256(secret, SECONDS "." body). */
static bool add_signature(struct hf_transfer *t, const struct hf_entry *e)
{
	uint8_t digest[HF_SHA256_BYTES];
	char hex[HF_SHA256_HEX], *text;
	long long now = (long long)time(NULL);
	int n;

	if (!e->hook->config->secret)
		return true;
	n = asprintf(&text, "%lld.%s", now, e->body);
	if (n < 0)
		return false;
	hf_hmac_sha256(e->hook->config->secret, text, (size_t)n, digest);
	free(text);
	hf_sha256_hex(digest, hex);
	return add_header(t, "Holdfast-Signature: t=%lld,v1=%s", now, hex);
}

static bool add_headers(struct hf_transfer *t, const struct hf_entry *e)
{
	const struct hf_hooks *h = e->hook->hooks;
	const struct hf_config_hook *c = e->hook->config;
	bool ok = add_header(t, "Content-Type: application/json") &&
		  add_header(t, "Expect:") &&
		  add_header(t, "Holdfast-Delivery: %s-%llu", h->disk.origin,
			     (unsigned long long)e->id) &&
		  add_header(t, "Holdfast-Event: %s",
			     hf_hook_type_name(e->type)) &&
		  add_header(t, "Holdfast-Instance: %s", h->config->instance) &&
		  add_header(t, "Holdfast-Attempt: %u", e->attempts) &&
		  add_signature(t, e);

	if (ok && e->hook->dropped_untold)
		ok = add_header(t, "Holdfast-Dropped: %llu",
				(unsigned long long)e->hook->dropped_untold);
	if (ok && c->authorization)
		ok = add_header(t, "Authorization: %s", c->authorization);
	return ok;
}

int hf_send_begin(struct hf_hooks *h, struct hf_entry *e)
{
	const struct hf_config_hook *c = e->hook->config;
	struct hf_transfer *t = transfer_new(h);
	CURL *curl;

	if (!t)
		return -ENOMEM;
	curl = t->curl;
	t->entry = e;
	t->got = 0;
	t->error[0] = '\0';
	if (!add_headers(t, e)) {
		transfer_idle(h, t);
		return -ENOMEM;
	}
	curl_easy_setopt(curl, CURLOPT_PRIVATE, t);
	curl_easy_setopt(curl, CURLOPT_URL, c->url);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, &e->body[0]);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)e->len);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "Holdfast/" HF_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)c->timeout_s);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (c->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca);
	if (!curl_multi_add_handle(h->multi, curl))
		return 0;
	transfer_idle(h, t);
	return -ENOMEM;
}

/* A body that this receiver will never take; all else may be better later. */
static bool is_final(unsigned int status)
{
	return status == 400 || status == 410 || status == 413 ||
	       status == 415 || status == 422;
}

static void explain(const struct hf_transfer *t, CURLcode code,
		    struct hf_outcome *ret)
{
	if (code == CURLE_OPERATION_TIMEDOUT)
		snprintf(ret->said, sizeof(ret->said), "no answer within %u s",
			 t->entry->hook->config->timeout_s);
	else
		snprintf(ret->said, sizeof(ret->said), "%.127s",
			 t->error[0] && code != CURLE_URL_MALFORMAT
				 ? t->error
				 : curl_easy_strerror(code));
}

static void judge(const struct hf_transfer *t, CURLcode code,
		  struct hf_outcome *ret)
{
	curl_off_t after = 0, us = 0;
	long status = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &after);
	curl_easy_getinfo(t->curl, CURLINFO_TOTAL_TIME_T, &us);
	/* An answer too long to be read to its end has its status all the same. */
	if (code == CURLE_WRITE_ERROR && status >= 200)
		code = CURLE_OK;
	*ret = (struct hf_outcome){.entry = t->entry,
				   .what = HF_SEND_LATER,
				   .status = code ? 0 : (unsigned int)status,
				   .ms = (unsigned int)(us / 1000)};
	if (code) {
		explain(t, code, ret);
		return;
	}
	if (status >= 200 && status < 300)
		ret->what = HF_SENT;
	else if (is_final(ret->status))
		ret->what = HF_SEND_NEVER;
	if (after > 0)
		ret->after_ms = (uint64_t)after * 1000;
	if (ret->after_ms > HF_HOOK_AFTER_MOST_MS)
		ret->after_ms = HF_HOOK_AFTER_MOST_MS;
	snprintf(ret->said, sizeof(ret->said), "answered %ld%s", status,
		 status / 100 == 3
			 ? ": redirections are not followed; put the new address into url"
			 : "");
}

bool hf_send_done(struct hf_hooks *h, struct hf_outcome *ret)
{
	struct hf_transfer *t = NULL;
	CURLMsg *msg;
	int left;

	do {
		msg = curl_multi_info_read(h->multi, &left);
		if (!msg)
			return false;
	} while (msg->msg != CURLMSG_DONE);
	curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
	judge(t, msg->data.result, ret);
	curl_multi_remove_handle(h->multi, t->curl);
	transfer_idle(h, t);
	return true;
}

void hf_send_abort(struct hf_hooks *h)
{
	struct hf_transfer *t;

	while ((t = h->transfers)) {
		h->transfers = t->all;
		if (t->entry)
			curl_multi_remove_handle(h->multi, t->curl);
		curl_slist_free_all(t->headers);
		curl_easy_cleanup(t->curl);
		free(t);
	}
	h->idle = NULL;
}
