// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The media over pinned BPF maps: sets an instance up, or takes over what a
 * controller before us left. The order matters: maps and frames are filled
 * before a program is attached, so no packet ever meets a half-built table.
 */
#include "bpf_state.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "bpffs.h"
#include "load.h"
#include "pins_map.h"
#include "xdp.h"

#define HF_KMOD_CHECK_NS (1000 * HF_MS)

static int hf_libbpf_log(enum libbpf_print_level level, const char *format,
			 va_list args)
{
	char line[1024];

	if (level != LIBBPF_DEBUG) {
		vsnprintf(line, sizeof(line), format, args);
		hf_debug("libbpf: %s", line);
	}
	return 0;
}

/* One controller an instance: two would change the same programs. */
static int hf_bpf_lock(struct hf_bpf *b, const char *control_socket, char *err,
		       size_t err_len)
{
	char *slash;
	int r;

	snprintf(b->lock_path, sizeof(b->lock_path), "%s", control_socket);
	slash = strrchr(b->lock_path, '/');
	if (slash && slash != b->lock_path) {
		*slash = 0;
		mkdir(b->lock_path, 0755); /* /run is empty after a boot */
		*slash = '/';
	}
	snprintf(slash ? slash + 1 : b->lock_path,
		 sizeof(b->lock_path) -
			 (slash ? (size_t)(slash + 1 - b->lock_path) : 0),
		 "media-%s.lock", b->instance);
	b->lock = open(b->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (b->lock < 0) {
		r = -errno;
		snprintf(err, err_len, "%s cannot be made: %s", b->lock_path,
			 strerror(-r));
		return r;
	}
	if (flock(b->lock, LOCK_EX | LOCK_NB)) {
		close(b->lock);
		b->lock = -1;
		snprintf(
			err, err_len,
			"the media of instance '%s' are in use by another holdfastd (%s is locked): stop it, or choose another --instance",
			b->instance, b->lock_path);
		return -EBUSY;
	}
	return 0;
}

/* The maps become ours, whoever made them. */
static int hf_bpf_map(struct hf_media *m, struct hf_loaded *loaded, char *err,
		      size_t err_len)
{
	int r = 0;

	for (int i = 0; i < HF_PIN_MAP_COUNT && !r; i++) {
		r = hf_pins_map_fd(&m->map, i, loaded->map[i], NULL);
		if (!r)
			loaded->map[i] = -1;
	}
	if (r)
		snprintf(err, err_len, "the maps cannot be mapped: %s",
			 strerror(-r));
	for (int i = 0; i < HF_PROGRAM_COUNT && !r; i++) {
		m->bpf->program[i] = loaded->program[i];
		loaded->program[i] = -1;
	}
	return r;
}

static int hf_bpf_pin(const struct hf_media *m, char *err, size_t err_len)
{
	struct hf_bpf *b = m->bpf;
	char path[256];
	int r = 0;

	/* Those that we adopted are pinned; holdfast-mediad sees by the inodes
	 * that they are the same, and goes on sending. */
	b->pinned = b->adopted;
	for (int i = 0; i < HF_PIN_MAP_COUNT && !r && !b->adopted; i++) {
		r = hf_pins_path(b->instance, hf_pin_name(i), path,
				 sizeof(path));
		unlink(path);
		if (!r && bpf_obj_pin(m->map.fd[i], path))
			r = -errno;
	}
	if (r)
		snprintf(err, err_len, "%s cannot be pinned: %s", path,
			 strerror(-r));
	else
		b->pinned = true;
	return r;
}

/* Redirects to the media devices themselves. */
static int hf_bpf_devmap(struct hf_media *m)
{
	for (uint32_t i = 0; i < m->bpf->devices; i++) {
		uint32_t ifindex = m->bpf->device[i].ifindex;

		if (ifindex &&
		    bpf_map_update_elem(m->map.fd[HF_PIN_devmap], &ifindex,
					&ifindex, BPF_ANY))
			return -errno;
	}
	return 0;
}

int hf_media_check_pinned(const struct hf_config *config, char *err,
			  size_t err_len)
{
	char text[512];
	int r = hf_pins_version(config->instance, text, sizeof(text));

	if (r)
		snprintf(
			err, err_len,
			"%s; to keep the calls start that version again, drain it (holdfastctl drain) and stop it when they are over; to lose them remove %s/%s",
			text, HF_PIN_ROOT, config->instance);
	return r;
}

/* Why the maps are not those that we would make; NULL if they are. */
static const char *hf_bpf_differs(const struct hf_instance *old,
				  const struct hf_instance *in)
{
	if (memcmp(old->boot_id, in->boot_id, sizeof(in->boot_id)))
		return "they are of another boot";
	for (int i = 0; i < HF_MAX_ADDRESSES; i++) {
		struct hf_address of_old = old->address[i];

		/* Where an address is says its device. Calls go on when that is
		 * another one, or has another id, or is gone just now. */
		of_old.vlan = in->address[i].vlan;
		if (memcmp(&of_old, &in->address[i], sizeof(of_old)))
			return "media.addresses or media.ports have changed";
	}
	if (old->legs != in->legs || old->wheel_capacity != in->wheel_capacity)
		return "media.ports have changed";
	if (old->frames != in->frames)
		return "audio.memory_mib has changed";
	return NULL;
}

/*
 * The maps a controller before us left, if they are what we would make: the
 * same boot, version, sizes and addresses. 0 and *ret, -ENOENT if there is
 * nothing to take over, -EPROTO if it is of a version we must not touch.
 */
static int hf_bpf_find_old(const struct hf_bpf *b, const struct hf_instance *in,
			   struct hf_pins *ret, char *err, size_t err_len)
{
	int r = hf_pins_open(b->instance, ret, err, err_len);
	const char *why;

	if (r == -EPROTO)
		return r;
	if (r)
		return -ENOENT;
	why = hf_bpf_differs(ret->instance, in);
	if (!why)
		return 0;
	hf_warn("media: the pinned maps of '%s' are not taken over: %s; the calls in them end",
		b->instance, why);
	hf_pins_close(ret);
	return -ENOENT;
}

/* Loads over old maps or new ones; m->map is there afterwards. */
static int hf_bpf_load(struct hf_media *m, const struct hf_instance *in,
		       char *err, size_t err_len)
{
	struct hf_bpf *b = m->bpf;
	struct hf_loaded loaded;
	struct hf_pins old;
	int r = hf_bpf_find_old(b, in, &old, err, err_len);

	if (r && r != -ENOENT)
		return r;
	b->adopted = !r;
	/* By a step before us that had the right to, or here. */
	r = hf_loaded_find(b->instance, in, b->adopted ? &old : NULL, &loaded);
	if (r)
		r = hf_loaded_make(in, b->adopted ? &old : NULL, &loaded, err,
				   err_len);
	if (b->adopted)
		hf_pins_close(&old);
	if (!r)
		r = hf_bpf_map(m, &loaded, err, err_len);
	hf_loaded_close(&loaded);
	hf_loaded_forget(b->instance);
	if (r)
		return r;
	*m->map.instance = *in;
	m->adopted = b->adopted;
	r = hf_media_init(m);
	if (!r)
		r = hf_bpf_devmap(m);
	if (!r)
		r = hf_happenings_open(m);
	if (!r)
		r = hf_devices_watch(m);
	if (r)
		snprintf(err, err_len, "the media tables cannot be set up: %s",
			 strerror(-r));
	return r;
}

static int hf_bpf_marks(struct hf_media *m, char *err, size_t err_len)
{
	int r = hf_marks_open_pinned(m, m->bpf->instance);

	if (r)
		snprintf(err, err_len, "the map 'marks' cannot be set up: %s",
			 strerror(-r));
	return r;
}

static int hf_bpf_attach(const struct hf_media *m, char *err, size_t err_len)
{
	struct hf_bpf *b = m->bpf;
	int r = hf_bpf_pin(m, err, err_len);

	/* Before the paced one, which tells holdfast-mediad of both. */
	if (!r) {
		r = hf_program_pin(b, "prog_gathered",
				   b->program[HF_PROGRAM_gathered]);
		if (r)
			snprintf(err, err_len,
				 "the program for gathered packets cannot be kept: %s",
				 strerror(-r));
	}
	if (!r) {
		r = hf_program_pin(b, HF_PIN_RECEIVE,
				   b->program[HF_PROGRAM_receive]);
		if (r)
			snprintf(err, err_len,
				 "the receive program cannot be kept: %s",
				 strerror(-r));
	}
	if (!r)
		r = hf_holder_attach(b, b->program[HF_PROGRAM_paced], err,
				     err_len);
	if (!r)
		r = hf_devices_attach(b, b->program[HF_PROGRAM_receive], err,
				      err_len);
	return r;
}

static int hf_bpf_describe(const struct hf_config *c, struct hf_instance *in,
			   char *err, size_t err_len)
{
	int r = hf_media_describe(
		c, in, hf_media_frame_count(c),
		hf_media_wheel_capacity(hf_media_leg_count(c)));

	if (r)
		snprintf(err, err_len, "media.addresses and media.ports: %s",
			 strerror(-r));
	return r;
}

int hf_media_prepare(const struct hf_config *config, char *err, size_t err_len)
{
	struct hf_bpf b = {.lock = -1};
	struct hf_loaded loaded;
	struct hf_instance in;
	struct hf_pins old;
	bool adopted = false;
	int r;

	libbpf_set_print(hf_libbpf_log);
	snprintf(b.instance, sizeof(b.instance), "%s", config->instance);
	r = hf_bpf_describe(config, &in, err, err_len);
	if (!r)
		r = hf_bpffs_prepare(b.instance, err, err_len);
	if (!r)
		r = hf_bpf_lock(&b, config->control.socket, err, err_len);
	if (r)
		return r;
	hf_loaded_forget(b.instance);
	r = hf_bpf_find_old(&b, &in, &old, err, err_len);
	adopted = !r;
	if (!r || r == -ENOENT)
		r = hf_loaded_make(&in, adopted ? &old : NULL, &loaded, err,
				   err_len);
	if (!r) {
		r = hf_loaded_pin(b.instance, &loaded, err, err_len);
		hf_loaded_close(&loaded);
	}
	if (adopted)
		hf_pins_close(&old);
	close(b.lock); /* its file is the next one's too */
	return r;
}

static int hf_bpf_setup(struct hf_media *m, char *err, size_t err_len)
{
	const struct hf_config *c = m->config;
	struct hf_bpf *b = m->bpf;
	struct hf_instance in;
	int r;

	r = hf_bpf_describe(c, &in, err, err_len);
	if (!r)
		r = hf_devices_find(b, c, &in, err, err_len);
	if (!r)
		r = hf_bpffs_prepare(b->instance, err, err_len);
	if (!r)
		r = hf_bpf_lock(b, c->control.socket, err, err_len);
	if (!r)
		r = hf_ports_check_free(c, err, err_len);
	if (!r)
		r = hf_devices_check(b, err, err_len);
	if (!r)
		r = hf_bpf_load(m, &in, err, err_len);
	if (!r)
		r = hf_bpf_marks(m, err, err_len);
	if (!r)
		r = hf_bpf_attach(m, err, err_len);
	return r;
}

/* Both senders: one of them stands by, and knows it. */
static void hf_bpf_poke(struct hf_media *m, char what)
{
	if (what == HF_POKE_WHEEL)
		hf_kmod_kick(&m->bpf->kmod);
	hf_keeper_poke(m, what);
}

static void hf_bpf_check_module(struct hf_media *m)
{
	if (hf_kmod_check(&m->bpf->kmod, m->config, &m->map))
		hf_bpf_poke(m, HF_POKE_WHEEL);
}

int hf_media_open_bpf(const struct hf_config *config, struct hf_media **ret,
		      char *err, size_t err_len)
{
	struct hf_media *m = calloc(1, sizeof(*m));
	struct hf_bpf *b = calloc(1, sizeof(*b));
	int r = -ENOMEM;

	if (!m || !b) {
		snprintf(err, err_len, "out of memory");
		free(m);
		free(b);
		return r;
	}
	libbpf_set_print(hf_libbpf_log);
	m->config = config;
	m->bpf = b;
	hf_pins_init(&m->map);
	b->lock = b->paced_link = b->marks = b->news_fd = b->again_fd = -1;
	for (int i = 0; i < HF_PROGRAM_COUNT; i++)
		b->program[i] = -1;
	snprintf(b->instance, sizeof(b->instance), "%s", config->instance);
	hf_keeper_init(b, config->control.socket);
	r = hf_bpf_setup(m, err, err_len);
	if (!r)
		r = hf_kmod_open(&b->kmod, config, &m->map, err, err_len);
	if (r) {
		/* What was there before us stays; what we began goes. */
		hf_media_close(m, b->pinned && !b->adopted);
		return r;
	}
	HF_WRITE(m->map.work->pacer, hf_engine_wanted(config));
	m->poke = hf_bpf_poke;
	hf_bpf_poke(m, HF_POKE_WHEEL);
	hf_keeper_tick(m, hf_media_now(m));
	*ret = m;
	return 0;
}

void hf_bpf_close(struct hf_media *m, bool tear_down)
{
	struct hf_bpf *b = m->bpf;

	hf_kmod_close(&b->kmod, tear_down);
	if (tear_down) {
		hf_bpffs_remove(b->instance);
		hf_keeper_stop(b);
	}
	if (!b->pinned)
		hf_bpffs_tidy(b->instance);
	hf_devices_unwatch(b);
	hf_devices_close(b);
	hf_happenings_close(b);
	if (b->paced_link >= 0)
		close(b->paced_link);
	if (b->marks >= 0)
		close(b->marks);
	for (int i = 0; i < HF_PROGRAM_COUNT; i++)
		if (b->program[i] >= 0)
			close(b->program[i]);
	if (tear_down)
		hf_holder_remove(b);
	hf_keeper_fini(b);
	if ((tear_down || !b->pinned) && b->lock >= 0)
		unlink(b->lock_path);
	if (b->lock >= 0)
		close(b->lock);
	free(b);
	m->bpf = NULL;
}

void hf_bpf_tick(struct hf_media *m, uint64_t now_ns)
{
	hf_repin_tick(m, now_ns); /* before a keeper looks for them */
	hf_keeper_tick(m, now_ns);
	if (now_ns - m->bpf->kmod.checked_ns < HF_KMOD_CHECK_NS)
		return;
	m->bpf->kmod.checked_ns = now_ns;
	hf_bpf_check_module(m);
}

void hf_bpf_totals(const struct hf_media *m, struct hf_media_totals *t)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;

	/* Between calls there is no tick: look now. */
	hf_kmod_check(&m->bpf->kmod, m->config, &m->map);
	hf_engine_describe(m, t);
	for (uint32_t i = 0; i < m->bpf->devices; i++) {
		const struct hf_bpf_device *d = &m->bpf->device[i];

		snprintf(t->device[i].name, sizeof(t->device[i].name), "%s",
			 d->name);
		snprintf(t->device[i].mode, sizeof(t->device[i].mode), "%s",
			 !d->ifindex  ? "lost" :
			 d->generic ? "generic" :
				      "native");
	}
	t->devices = m->bpf->devices;
	for (uint32_t i = 0; each && i < HF_COUNTERS_MAX; i++) {
		if (bpf_map_lookup_elem(m->map.fd[HF_PIN_stats], &i, each))
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			t->counter[i] += each[cpu];
	}
	free(each);
	hf_kmod_totals(&m->bpf->kmod, t);
	hf_engine_totals(m, t);
}
