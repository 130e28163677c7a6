// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asterisk: PUT /ari/deviceStates/Stasis:park701?deviceState=INUSE, one request
 * for each change over one kept connection. A hint on that device lights the
 * lamps of its phones.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "internal.h"

#define HF_ARI_TIMEOUT_S 5

struct asterisk {
	const struct hf_config_push *config;
	CURL *curl;
	struct curl_slist *headers;
};

static size_t discard(char *data, size_t size, size_t count, void *arg)
{
	return size * count;
}

static void close_it(void *pbx)
{
	struct asterisk *a = pbx;

	if (!a)
		return;
	curl_easy_cleanup(a->curl);
	curl_slist_free_all(a->headers);
	free(a);
}

static void *open_it(const struct hf_config_push *config)
{
	struct asterisk *a = calloc(1, sizeof(*a));
	CURL *c = a ? curl_easy_init() : NULL;

	if (!c) {
		free(a);
		return NULL;
	}
	a->config = config;
	a->curl = c;
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L); /* we are a thread */
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)HF_ARI_TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "PUT");
	/* No content, and said so (RFC 9110 8.6); then it has no type either. */
	a->headers = curl_slist_append(NULL, "Content-Type:");
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, a->headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "Holdfast");
	/* Nothing of the environment: no proxy, no redirection. */
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	if (config->user) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, config->user);
		curl_easy_setopt(c, CURLOPT_PASSWORD,
				 config->password ? config->password : "");
	}
	return a;
}

static const char *state_name(const struct hf_push_state *s)
{
	switch (s->shown) {
	case HF_LAMP_FREE:
		return "NOT_INUSE";
	case HF_LAMP_RECALLING:
		return "RINGING";
	case HF_LAMP_PARKED:
		return s->early ? "RINGING" : "INUSE";
	default:
		return "INUSE";
	}
}

static int tell(void *pbx, const struct hf_push_state *s)
{
	struct asterisk *a = pbx;
	char device[320], url[1024];
	long status = 0;
	char *escaped;
	int n;

	if (!hf_push_device(a->config, s->slot, device, sizeof(device)))
		return -ENAMETOOLONG;
	escaped = curl_easy_escape(a->curl, device, 0);
	if (!escaped)
		return -ENOMEM;
	n = snprintf(url, sizeof(url), "%s/deviceStates/%s?deviceState=%s",
		     a->config->url, escaped, state_name(s));
	curl_free(escaped);
	if (n < 0 || (size_t)n >= sizeof(url))
		return -ENAMETOOLONG;
	curl_easy_setopt(a->curl, CURLOPT_URL, url);
	if (curl_easy_perform(a->curl) != CURLE_OK)
		return -ECONNREFUSED;
	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return 0;
	return status == 401 || status == 403 ? -EACCES : -EPROTO;
}

/* Each request opens what it needs. A restarted Asterisk keeps device states in
 * its database. */
static bool alive(void *pbx)
{
	return true;
}

const struct hf_push_pbx_ops hf_push_asterisk = { open_it, tell, alive,
						  close_it };
