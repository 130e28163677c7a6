// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Set-up and housekeeping that are the same over plain memory and over BPF
 * maps.
 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <holdfast/remote.h>

#include "../base/clock.h"

/* Ticks in which every leg has been looked at once. */
#define HF_SWEEP_TICKS 600

static uint64_t hf_clock_real(void *arg)
{
	return hf_now_ns();
}

uint32_t hf_media_leg_count(const struct hf_config *config)
{
	return config->media.address_count *
	       ((config->media.port_max - config->media.port_min + 1u) / 2);
}

uint32_t hf_media_wheel_capacity(uint32_t legs)
{
	/* All legs in ten buckets (the shortest packet time), with a quarter to
	 * spare; hf_wheel_pick() fills them evenly. */
	return legs / 8 + 16;
}

uint32_t hf_media_frame_count(const struct hf_config *config)
{
	uint64_t bytes = (uint64_t)config->audio.memory_mib << 20;
	uint64_t n = bytes / sizeof(struct hf_frame);

	return n < 1 ? 1 : n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)n;
}

/* "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" as 16 bytes. */
static int hf_boot_id(uint8_t id[16])
{
	char text[64] = "";
	unsigned int digits = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	memset(id, 0, 16);
	for (ssize_t i = 0; i < n && digits < 32; i++) {
		int c = text[i], v;

		if (c >= '0' && c <= '9')
			v = c - '0';
		else if (c >= 'a' && c <= 'f')
			v = c - 'a' + 10;
		else
			continue;
		id[digits / 2] |= (uint8_t)(digits % 2 ? v : v << 4);
		digits++;
	}
	return digits == 32 ? 0 : -EIO;
}

int hf_media_describe(const struct hf_config *config, struct hf_instance *in,
		      uint32_t frames, uint32_t wheel_capacity)
{
	uint32_t a, each;

	memset(in, 0, sizeof(*in));
	in->abi_major = HF_ABI_MAJOR;
	in->abi_minor = HF_ABI_MINOR;
	in->frames = frames;
	in->wheel_capacity = wheel_capacity;
	if (!hf_media_leg_count(config) ||
	    config->media.address_count > HF_MAX_ADDRESSES)
		return -EINVAL;
	each = hf_media_leg_count(config) / config->media.address_count;
	for (a = 0; a < config->media.address_count; a++)
		in->address[a] = (struct hf_address){
			.ip4 = hf_ip_is6(&config->media.addresses[a].ip4) ?
				       0 :
				       config->media.addresses[a].ip4.s_addr,
			.port_min = config->media.port_min,
			.port_max = config->media.port_max,
			.leg_base = a * each,
		};
	for (a = 0; a < config->media.address_count; a++)
		memcpy(in->address[a].ip6, &config->media.addresses[a].ip4.six,
		       sizeof(in->address[a].ip6));
	in->addresses = a;
	hf_hints_fill(in);
	in->legs = a * each;
	return hf_boot_id(in->boot_id);
}

static int hf_ports_init(struct hf_media *m)
{
	const struct hf_instance *in = m->map.instance;

	for (uint32_t a = 0; a < in->addresses; a++) {
		const struct hf_address *address = &in->address[a];
		struct hf_ports *p = &m->ports[a];

		p->size = (address->port_max - address->port_min + 1u) / 2;
		p->ring = calloc(p->size, sizeof(*p->ring));
		p->fresh = calloc(p->size, sizeof(*p->fresh));
		if (!p->ring || !p->fresh)
			return -ENOMEM;
		for (uint32_t i = 0; i < p->size; i++)
			if (!hf_leg_is_live(m, address->leg_base + i))
				p->fresh[p->fresh_count++] =
					address->leg_base + i;
	}
	return 0;
}

int hf_media_init(struct hf_media *m)
{
	uint32_t legs = m->map.instance->legs;
	int r;

	if (!m->clock)
		m->clock = hf_clock_real;
	m->own = calloc(legs, sizeof(*m->own));
	if (!m->own)
		return -ENOMEM;
	r = hf_ports_init(m);
	if (!r && m->adopted)
		hf_legs_adopt(m);
	if (!r)
		r = hf_wheel_init(m);
	if (!r)
		r = hf_hops_init(m);
	return r;
}

void hf_media_fini(struct hf_media *m)
{
	hf_clips_fini(&m->clips);
	hf_hops_fini(m);
	hf_wheel_fini(m);
	for (uint32_t a = 0; a < HF_MAX_ADDRESSES; a++) {
		free(m->ports[a].ring);
		free(m->ports[a].fresh);
	}
	hf_marks_close(m);
	free(m->own);
}

void hf_media_tick(struct hf_media *m)
{
	uint64_t now = hf_media_now(m);
	uint32_t legs = m->map.instance->legs;

	hf_clips_tick(m, now);
	hf_hops_tick(m, now);
	hf_hear_tick(m, now);
	hf_silence_tick(m);
	hf_rtcp_tell(m);
	for (uint32_t n = 0; n <= legs / HF_SWEEP_TICKS; n++) {
		uint32_t leg = m->sweep++ % legs;

		if (!m->own[leg].open)
			continue;
		hf_leg_rebase(m, leg);
		/* An announcement may be over, a remote learned. */
		hf_leg_shorten(m, leg);
		hf_leg_feed(m, leg);
	}
	if (m->bpf)
		hf_bpf_tick(m, now);
}

void hf_media_close(struct hf_media *m, bool tear_down)
{
	if (!m)
		return;
	if (tear_down && m->own)
		for (uint32_t i = 0; i < m->map.instance->legs; i++)
			hf_media_leg_close(m, i);
	hf_rtcp_tell(m);
	if (m->bpf)
		hf_bpf_close(m, tear_down);
	hf_media_fini(m);
	hf_pins_close(&m->map);
	for (int i = 0; i < HF_PIN_MAP_COUNT; i++)
		free(m->memory[i]);
	free(m);
}

void hf_media_reload(struct hf_media *m, const struct hf_config *config)
{
	m->config = config;
}
