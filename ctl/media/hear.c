// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the receive side hears on the legs besides audio, told to the park
 * logic: keys (RFC 4733). They come through a ring buffer
 * (include/holdfast/heard.h) that outlives us, so those of a controller's last
 * moments are told by the next one. Over plain memory nobody writes there, and
 * a test says what is heard.
 */
#include "bpf_state.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

/* A key whose end was lost: after this time without a packet of it. RFC 4733
 * 2.5.1.2 has one every 50 ms at most. */
#define HF_KEY_SILENT_UNITS 250
/* Who pressed a key longer ago has given up. */
#define HF_KEY_STALE_NS	    (10000 * HF_MS)

void hf_media_listen(struct hf_media *m, const struct hf_media_ears *ears)
{
	m->ears = ears ? *ears : (struct hf_media_ears){0};
	/* Keys that were down when the controller before us ended. */
	for (uint32_t i = 0; ears && m->adopted && i < m->map.instance->legs;
	     i++)
		if (m->own[i].open &&
		    hf_key_state(m->map.heard[i].key) == HF_KEY_RUNNING)
			hf_key_watch(m, i);
}

void hf_key_watch(struct hf_media *m, uint32_t leg)
{
	for (uint32_t i = 0; i < m->keys_down; i++)
		if (m->key_down[i] == leg)
			return;
	/* With more at once, an end that is lost is found at the next key. */
	if (m->keys_down < HF_KEYS_DOWN_MAX)
		m->key_down[m->keys_down++] = leg;
}

static void hf_key_tell(struct hf_media *m, uint32_t leg, uint8_t event,
			uint32_t length)
{
	static const char keys[] = "0123456789*#ABCD!";
	const struct hf_leg_own *own = hf_leg_get(m, leg);
	uint64_t clock;

	if (!own || own->orphan || !own->has_remote || !m->ears.digit ||
	    event >= sizeof(keys) - 1)
		return;
	clock = own->remote.dtmf_clock ? own->remote.dtmf_clock : 8000;
	m->ears.digit(m->ears.arg, leg, keys[event],
		      (uint32_t)(length * 1000ULL / clock));
}

void hf_media_hear_digit(struct hf_media *m, uint32_t leg, char digit,
			 uint32_t duration_ms)
{
	if (hf_leg_get(m, leg) && m->ears.digit)
		m->ears.digit(m->ears.arg, leg, digit, duration_ms);
}

static int hf_happening_take(void *arg, void *data, size_t len)
{
	struct hf_media *m = arg;
	struct hf_happening h;

	if (len < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	/* Of a call that had this leg before? */
	if (h.leg >= m->map.instance->legs ||
	    h.at_ns < m->own[h.leg].opened_ns ||
	    h.at_ns + HF_KEY_STALE_NS < hf_media_now(m))
		return 0;
	if (h.kind == HF_HAPPENED_KEY_BEGUN)
		hf_key_watch(m, h.leg);
	else if (h.kind == HF_HAPPENED_KEY)
		hf_key_tell(m, h.leg, h.event, h.length);
	return 0;
}

int hf_happenings_open(struct hf_media *m)
{
	struct hf_bpf *b = m->bpf;

	b->happenings = ring_buffer__new(m->map.fd[HF_PIN_happenings],
					 hf_happening_take, m, NULL);
	return b->happenings ? 0 : -errno;
}

void hf_happenings_close(struct hf_bpf *b)
{
	ring_buffer__free(b->happenings);
	b->happenings = NULL;
}

int hf_media_fd(const struct hf_media *m)
{
	return m->bpf ? ring_buffer__epoll_fd(m->bpf->happenings) : -1;
}

void hf_media_dispatch(struct hf_media *m)
{
	if (m->bpf)
		ring_buffer__consume(m->bpf->happenings);
}

void hf_hear_tick(struct hf_media *m, uint64_t now_ns)
{
	uint32_t unit = (uint32_t)(now_ns >> 20), left = 0;
	struct hf_dtmf_out out;

	/* A wake-up may have been lost with the controller before us. */
	hf_media_dispatch(m);
	for (uint32_t i = 0; i < m->keys_down; i++) {
		uint32_t leg = m->key_down[i];
		struct hf_heard *h = &m->map.heard[leg];

		if (hf_dtmf_expire(h, unit, HF_KEY_SILENT_UNITS, &out))
			hf_key_tell(m, leg, out.event, out.length);
		else if (hf_key_state(HF_READ(h->key)) == HF_KEY_RUNNING)
			m->key_down[left++] = leg;
	}
	m->keys_down = left;
}
